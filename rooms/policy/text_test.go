package policy_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// speech is to ann, who reads in Berlin, or in New York.
func speech(t *testing.T, lang, zone string) *policy.Speech {
	z, err := ical.LoadZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	return &policy.Speech{
		Lang: lang, Zone: z, Room: "Neptune", Approvers: []string{"Dan Dunn", "Bob Bone"}, Expires: at(t, "2026-11-27 10:00"),
		Name: func(ref string) string { return strings.ToUpper(strings.TrimPrefix(ref, "group:")) },
		Describe: func(b policy.Booking) (string, string) {
			if b.State == policy.Blocked {
				return "", "Painting {room} [and more]"
			}
			return "Cy Cole", "Secret"
		},
		Other: func(guid string) string { return guid + " (8, floor 1)" },
	}
}

// Every text, in each language, with what it is about filled in. UPDATE=1 writes the
// file anew.
func TestTexts(t *testing.T) {
	var b strings.Builder
	said := map[policy.Code]bool{}
	for _, lang := range policy.Languages() {
		for _, s := range situations(t) {
			in := policy.Invite{Object: s.m.object(t)}
			if s.old != nil {
				in.Old = s.old.object(t)
			}
			a := decide(t, s.p, in, s.f, s.l)
			for _, o := range a.Occurrences {
				for _, r := range o.Reasons {
					said[r.Code] = true
				}
			}
			fmt.Fprintf(&b, "%s: %s\n%s\n\n", lang, s.name, a.Comment(s.p, speech(t, lang, s.zone)))
		}
		for _, e := range events(t) {
			said[e.Code] = true
			fmt.Fprintf(&b, "%s: %s\n%s\n\n", lang, e.Code, e.Text(speech(t, lang, "Europe/Berlin")))
		}
		for _, why := range []policy.Reason{{Code: policy.CodeConflict}, {Code: policy.CodeCapacity, Limit: 8, Have: 9}, {Code: policy.CodeNotAllowed}} {
			pick := policy.Pick{Why: why}
			fmt.Fprintf(&b, "%s: pool, %s\n%s\n\n", lang, why.Code, pick.Comment(speech(t, lang, "Europe/Berlin")))
		}
		fmt.Fprintf(&b, "%s: called\n%s\n\n", lang, policy.Called(lang, "Saturn", set(t, "capacity=8", "floor=1")))
		for _, see := range []string{policy.SeeOrganizer, policy.SeeDetails, policy.SeeBusy} {
			p := set(t, "others-see="+see)
			fmt.Fprintf(&b, "%s: title, %s\n%q %q %q\n\n", lang, see, p.Title(lang, "Cy Cole", false), p.Title(lang, "Cy Cole", true), p.Title(lang, "", false))
		}
		for key, text := range policy.TextsOf(lang) {
			if !strings.Contains(strings.ToLower(b.String()), strings.ToLower(longest(text))) {
				t.Errorf("%s: nothing says %s, %q", lang, key, text)
			}
		}
	}
	for _, c := range []policy.Code{policy.CodePending, policy.CodeConflict, policy.CodeTooMany, policy.CodeBlocked, policy.CodeNotAllowed, policy.CodeNoApprover,
		policy.CodeExternal, policy.CodeRecurring, policy.CodeMinDuration, policy.CodeMaxDuration, policy.CodeMinNotice, policy.CodeWindow, policy.CodeHorizon, policy.CodeHours,
		policy.CodeCapacity, policy.CodeMinAttendees, policy.CodeTooLong, policy.CodeNotBookable, policy.CodeMode, policy.CodeApproved, policy.CodeDenied, policy.CodeExpired,
		policy.CodeNoShow, policy.CodeNoShows, policy.CodeNoShowsRest, policy.CodeReleased, policy.CodeGivenBack, policy.CodeEarlier, policy.CodeDisplaced, policy.CodeClosedDown, policy.CodeOrganizerLeft} {
		if !said[c] {
			t.Errorf("no situation says %s", c)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("testdata/texts.txt", []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/texts.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, file := strings.Split(b.String(), "\n\n"), strings.Split(string(want), "\n\n")
	for i := range got {
		if i >= len(file) || got[i] != file[i] {
			t.Fatalf("testdata/texts.txt says otherwise:\n%s", got[i])
		}
	}
}

// longest is the longest part of a template between what is put in.
func longest(text string) (part string) {
	for _, p := range regexp.MustCompile(`\{[a-z]+\}|[][]`).Split(text, -1) {
		if len(p) > len(part) {
			part = p
		}
	}
	return part
}

type situation struct {
	name string
	p    *policy.Policy
	m    meeting
	f    *policy.Facts
	l    policy.Ledger
	zone string
	old  *meeting // nil: it is new
}

func situations(t *testing.T) []situation {
	hour := meeting{start: "2026-12-01 10:00"}
	week := meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=15"}}
	ten, none := taken(t, "2026-12-01 10:00/11:00"), taken(t)
	var days []string
	for d := 1; d <= 12; d++ {
		days = append(days, fmt.Sprintf("2026-12-%02d 10:00/11:00", d))
	}
	block := policy.NewBookings(policy.Booking{Span: policy.Span{Start: at(t, "2026-12-01 00:00"), End: at(t, "2026-12-03 12:00")}, UID: "b", State: policy.Blocked})
	outside := &policy.Facts{Addresses: []string{neptune}}
	others := facts()
	others.Candidates = among(candidate(t, "Saturn", none, "capacity=8"), candidate(t, "Uranus", none, "capacity=9"))
	wish := approved(asks("D", "STAFF"))
	var all []situation
	add := func(name string, m meeting, f *policy.Facts, l policy.Ledger, knobs ...string) {
		all = append(all, situation{name, set(t, append([]string{"building=A", "floor=1"}, knobs...)...), m, f, l, "Europe/Berlin", nil})
	}
	add("accepted", hour, facts(), none)
	add("accepted, with a last line", hour, facts(), none, "response-text=Please leave it as it was.")
	add("accepted, a series", week, facts(), none)
	add("accepted, over days", meeting{start: "2026-12-01 10:00", end: "2026-12-02 12:00"}, facts(), none)
	add("accepted partly, taken", week, facts(), taken(t, days[:5]...))
	add("accepted partly, for several reasons", meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=WEEKLY;COUNT=3"}}, facts(), ten, "window=15", "beyond-window=decline-occurrences")
	add("pending", hour, wish, none, "book=", "request=group:staff")
	add("pending, not held", hour, wish, none, "book=", "request=group:staff", "pending=free")
	add("pending, against the rules", hour, wish, none, "request-out=group:staff", "max-duration=30", "window=1")
	add("conflict", hour, others, ten)
	add("conflict, read far away", hour, facts(), ten)
	all[len(all)-1].zone = "America/New_York"
	add("conflict, holder not named", hour, facts(), ten, "name-holder=never")
	add("conflict, others see times", hour, facts(), ten, "others-see=busy")
	add("conflict, no reasons", hour, others, ten, "reasons=false")
	add("too-many-conflicts", week, facts(), taken(t, days...), "max-conflicts=3")
	add("blocked", hour, facts(), block)
	add("not-allowed", hour, wish, none, "book=group:execs, group:board")
	add("not-allowed, may ask for more", hour, approved(asks("X")), none, "book=group:execs", "request=group:staff")
	add("not-allowed, the person", hour, asks("D"), none, "deny=user:dan")
	add("no-approver", hour, asks("D", "STAFF"), none, "book=", "request=group:staff")
	add("external", hour, outside, none)
	add("recurring", week, facts(), none, "recurring=false")
	add("min-duration", hour, facts(), none, "min-duration=90")
	add("max-duration and hours", hour, facts(), none, "max-duration=30", "hours=Sat 09:00-12:00", "hours-only=true")
	add("min-notice", meeting{start: "2026-11-24 10:30"}, facts(), none, "min-notice=60")
	add("window", hour, facts(), none, "window=3")
	add("horizon", hour, facts(), none, "horizon=30")
	all[len(all)-1].m.start = "2027-12-01 10:00"
	add("hours", hour, facts(), none, "hours=Tue 10:30-18:00", "hours-only=true")
	add("capacity", meeting{start: "2026-12-01 10:00", lines: []string{"ATTENDEE:mailto:six@example.com"}}, others, none, "capacity=4", "enforce-capacity=true")
	was := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}
	grown := was
	grown.lines = []string{"ATTENDEE:mailto:six@example.com"}
	add("accepted, and grown", grown, facts(), none, "capacity=2", "enforce-capacity=true")
	all[len(all)-1].old = &was
	add("min-attendees", hour, facts(), none, "min-attendees=3")
	add("too-long", meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY"}}, facts(), none, "max-occurrences=500")
	add("not-bookable", hour, facts(), none, "bookable=false")
	add("mode", hour, facts(), none, "mode=decline-always")
	return all
}

func events(t *testing.T) []policy.Event {
	when := at(t, "2026-12-01 10:10")
	return []policy.Event{
		{Code: policy.CodeApproved},
		{Code: policy.CodeApproved, Who: "Dan Dunn", Comment: "bring chairs"},
		{Code: policy.CodeDenied, Who: "Dan Dunn"},
		{Code: policy.CodeDenied, Who: "Dan Dunn", Comment: "the beamer is broken"},
		{Code: policy.CodeExpired, At: when},
		{Code: policy.CodeNoShow, At: when},
		{Code: policy.CodeNoShows, At: when},
		{Code: policy.CodeNoShowsRest, At: when},
		{Code: policy.CodeReleased},
		{Code: policy.CodeGivenBack, Who: "Dan Dunn"},
		{Code: policy.CodeEarlier, At: when},
		{Code: policy.CodeDisplaced, Who: "Dan Dunn", Comment: "Painting"},
		{Code: policy.CodeClosedDown},
		{Code: policy.CodeOrganizerLeft},
	}
}

func TestHeader(t *testing.T) {
	f := facts()
	f.Candidates = among(candidate(t, "saturn", taken(t), "capacity=8"), candidate(t, "uranus", taken(t), "capacity=8"))
	name := func(guid string) string { return strings.ToLower(guid) }
	ten := taken(t, "2026-12-01 10:00/11:00")
	for _, tt := range []struct {
		m    meeting
		l    policy.Ledger
		want string
	}{
		{meeting{start: "2026-12-01 10:00"}, ten, `room="rooms/neptune"; answer=declined; reason=conflict; next="2026-12-01T10:00Z"; free="saturn,uranus"`},
		{meeting{start: "2026-12-01 10:00"}, taken(t), `room="rooms/neptune"; answer=accepted`},
		{meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}, ten, `room="rooms/neptune"; answer=partly; free="saturn,uranus"`},
		{meeting{start: "2026-11-01 10:00"}, taken(t), `room="rooms/neptune"; answer=stored`},
	} {
		a := decide(t, set(t, "building=A"), policy.Invite{Object: tt.m.object(t)}, f, tt.l)
		if got := a.Header("rooms/neptune", name); got != tt.want {
			t.Errorf("%s\nwant %s", got, tt.want)
		}
	}
}

// A date of a series is commented on by itself.
func TestCommentOn(t *testing.T) {
	p := set(t)
	a := decide(t, p, policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}.object(t)}, facts(), taken(t, "2026-12-02 10:30/11:00"))
	s := speech(t, "en", "Europe/Berlin")
	if got := a.CommentOn(0, p, s); got != "Booked: Neptune, Tue 1 Dec 2026 10:00–11:00." {
		t.Error(got)
	}
	if got := a.CommentOn(1, p, s); got != "Declined: Neptune is taken Wed 2 Dec 2026 10:30–11:00 by Cy Cole." {
		t.Error(got)
	}
}
