package policy_test

import (
	"strings"
	"testing"

	"convene/rooms/policy"
)

const tenDates = "RRULE:FREQ=DAILY;COUNT=10"

// Each mode, with a free hour, a taken one and a series of which one date is taken.
func TestModes(t *testing.T) {
	busy := taken(t, "2026-12-01 10:00/11:00")
	inSeries := taken(t, "2026-12-02 10:00/11:00")
	const a, d, n = "ACCEPTED", "DECLINED", "NEEDS-ACTION"
	for _, tt := range []struct {
		mode               string
		free, busy, series string // answers
		master             policy.PartStat
		reply, inbox       string // of the three, "y" or "n" each
	}{
		{"none", n, n, n + "," + n + "," + n, n, "nnn", "yyy"},
		{"accept-always", a, a, a + "," + a + "," + a, a, "yyy", "nnn"},
		{"decline-always", d, d, d + "," + d + "," + d, d, "yyy", "nnn"},
		{"accept-if-free", a, n, a + "," + n + "," + a, a, "yny", "nyy"},
		{"decline-if-busy", n, d, n + "," + d + "," + n, n, "nyy", "yny"},
		{"automatic", a, d, a + "," + d + "," + a, a, "yyy", "nnn"},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			p := set(t, "mode="+tt.mode)
			single, series := meeting{start: "2026-12-01 10:00"}, meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}
			for i, c := range []struct {
				m    meeting
				l    policy.Ledger
				want string
			}{{single, taken(t), tt.free}, {single, busy, tt.busy}, {series, inSeries, tt.series}} {
				got := decide(t, p, policy.Invite{Object: c.m.object(t)}, facts(), c.l)
				var stats []string
				for _, o := range got.Occurrences {
					stats = append(stats, string(o.PartStat))
				}
				if s := strings.Join(stats, ","); s != c.want {
					t.Errorf("case %d: %s, want %s", i, s, c.want)
				}
				if got.Reply != (tt.reply[i] == 'y') || got.Inbox != (tt.inbox[i] == 'y') {
					t.Errorf("case %d: reply %t, inbox %t", i, got.Reply, got.Inbox)
				}
				if i == 2 && got.Master != tt.master {
					t.Errorf("master %s, want %s", got.Master, tt.master)
				}
			}
		})
	}
}

// One invitation to a room, judged alone.
func TestAnswers(t *testing.T) {
	hour := meeting{start: "2026-12-01 10:00"}
	from := func(start, end string) meeting { return meeting{start: start, end: end} }
	ten := taken(t, "2026-12-01 10:00/11:00")
	outsider := policy.PersonID{}
	noFacts := func(guid string, groups ...string) *policy.Facts { return asks(guid, groups...) }
	for _, tt := range []struct {
		name  string
		knobs string // separated by |
		m     meeting
		f     *policy.Facts
		l     policy.Ledger
		want  string
	}{
		{"group is answered automatically", "mode=decline-always|auto-accept-group=group:execs", hour, facts(), taken(t), "ACCEPTED"},
		{"group, but taken", "mode=decline-always|auto-accept-group=group:execs", hour, facts(), ten, "DECLINED conflict"},
		{"not in the group", "mode=decline-always|auto-accept-group=group:execs", hour, noFacts("D"), taken(t), "DECLINED mode"},
		{"group in mode none", "mode=none|auto-accept-group=group:execs", hour, facts(), ten, "DECLINED conflict"},
		{"group changes nothing in accept-if-free", "mode=accept-if-free|auto-accept-group=group:execs", hour, facts(), ten, "NEEDS-ACTION conflict"},

		{"right behind", "", from("2026-12-01 11:00", "2026-12-01 12:00"), facts(), ten, "ACCEPTED"},
		{"right before", "", from("2026-12-01 09:00", "2026-12-01 10:00"), facts(), ten, "ACCEPTED"},
		{"a minute within", "", from("2026-12-01 10:30", "2026-12-01 10:31"), facts(), ten, "DECLINED conflict"},
		{"no time at all, within", "", from("2026-12-01 10:30", "2026-12-01 10:30"), facts(), ten, "DECLINED conflict"},
		{"no time at all, at the end", "", from("2026-12-01 11:00", "2026-12-01 11:00"), facts(), ten, "ACCEPTED"},

		{"buffer behind, at once", "buffer-after=15", from("2026-12-01 11:00", "2026-12-01 12:00"), facts(), ten, "DECLINED conflict"},
		{"buffer behind, a minute short", "buffer-after=15", from("2026-12-01 11:14", "2026-12-01 12:00"), facts(), ten, "DECLINED conflict"},
		{"buffer behind, just so", "buffer-after=15", from("2026-12-01 11:15", "2026-12-01 12:00"), facts(), ten, "ACCEPTED"},
		{"own buffer behind", "buffer-after=15", from("2026-12-01 09:00", "2026-12-01 09:50"), facts(), ten, "DECLINED conflict"},
		{"both buffers", "buffer-before=10|buffer-after=10", from("2026-12-01 11:19", "2026-12-01 12:00"), facts(), ten, "DECLINED conflict"},
		{"both buffers, just so", "buffer-before=10|buffer-after=10", from("2026-12-01 11:20", "2026-12-01 12:00"), facts(), ten, "ACCEPTED"},

		{"slots full", "slots=3", hour, facts(), taken(t, "2026-12-01 10:00/11:00", "2026-12-01 10:00/11:00", "2026-12-01 10:30/12:00"), "DECLINED conflict"},
		{"slots, two of three meet it", "slots=3", from("2026-12-01 11:00", "2026-12-01 12:00"), facts(),
			taken(t, "2026-12-01 10:00/11:00", "2026-12-01 10:00/11:30", "2026-12-01 10:30/12:00"), "ACCEPTED"},
		{"slots, never all at once", "slots=2", from("2026-12-01 10:00", "2026-12-01 12:00"), facts(), taken(t, "2026-12-01 10:00/11:00", "2026-12-01 11:00/12:00"), "ACCEPTED"},
		{"any number", "slots=0", hour, facts(), taken(t, "2026-12-01 10:00/11:00", "2026-12-01 10:00/11:00"), "ACCEPTED"},
		{"not exclusive", "exclusive=false", hour, facts(), ten, "ACCEPTED"},
		{"exclusive although it accepts everything", "mode=accept-always|exclusive=true", hour, facts(), ten, "DECLINED conflict"},
		{"a block", "", hour, facts(), policy.NewBookings(policy.Booking{Span: policy.Span{Start: at(t, "2026-12-01 00:00"), End: at(t, "2026-12-02 00:00")}, State: policy.Blocked, UID: "b"}), "DECLINED blocked"},

		{"notice", "min-notice=60", from("2026-11-24 10:59", "2026-11-24 12:00"), facts(), taken(t), "DECLINED min-notice"},
		{"notice kept", "min-notice=60", from("2026-11-24 11:00", "2026-11-24 12:00"), facts(), taken(t), "ACCEPTED"},
		{"too long", "max-duration=120", from("2026-12-01 10:00", "2026-12-01 12:01"), facts(), taken(t), "DECLINED max-duration"},
		{"long enough", "max-duration=120", from("2026-12-01 10:00", "2026-12-01 12:00"), facts(), taken(t), "ACCEPTED"},
		{"too short", "min-duration=30", from("2026-12-01 10:00", "2026-12-01 10:29"), facts(), taken(t), "DECLINED min-duration"},
		{"a night that is an hour shorter", "min-duration=480", from("2027-03-27 22:00", "2027-03-28 06:00"), facts(), taken(t), "DECLINED min-duration"},
		{"a night that is an hour longer", "max-duration=480", from("2027-10-30 22:00", "2027-10-31 06:00"), facts(), taken(t), "DECLINED max-duration"},
		{"after hours", "hours=Mon-Fri 08:00-18:00|hours-only=true", from("2026-12-01 17:30", "2026-12-01 18:30"), facts(), taken(t), "DECLINED hours"},
		{"until closing", "hours=Mon-Fri 08:00-18:00|hours-only=true", from("2026-12-01 17:00", "2026-12-01 18:00"), facts(), taken(t), "ACCEPTED"},
		{"hours are only shown", "hours=Mon-Fri 08:00-18:00", from("2026-12-01 17:30", "2026-12-01 18:30"), facts(), taken(t), "ACCEPTED"},
		{"hours in summer", "hours=Mon-Fri 08:00-18:00|hours-only=true", from("2027-07-01 08:00", "2027-07-01 18:00"), facts(), taken(t), "ACCEPTED"},
		{"window, last day", "window=7", from("2026-12-01 22:00", "2026-12-01 23:00"), facts(), taken(t), "ACCEPTED"},
		{"window, a day too late", "window=6", hour, facts(), taken(t), "DECLINED window"},
		{"window of today", "window=0", from("2026-11-24 23:45", "2026-11-24 23:50"), facts(), taken(t), "ACCEPTED"},
		{"not tomorrow", "window=0", from("2026-11-25 00:15", "2026-11-25 00:20"), facts(), taken(t), "DECLINED window"},
		{"no series", "recurring=false", meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=2"}}, facts(), taken(t), times("DECLINED recurring", 2)},
		{"all rules that are broken are listed", "max-duration=30|window=1", hour, facts(), taken(t), "DECLINED window"},
		{"not bookable", "bookable=false", hour, facts(), taken(t), "DECLINED not-bookable"},
		{"not bookable, but a person answers", "bookable=false|mode=none", hour, facts(), taken(t), "NEEDS-ACTION"},

		{"in book", "book=group:execs|request=group:staff", hour, facts(), taken(t), "ACCEPTED"},
		{"in request", "book=group:execs|request=group:staff", hour, approved(asks("D", "STAFF")), taken(t), "TENTATIVE pending"},
		{"in request, taken", "book=group:execs|request=group:staff", hour, approved(asks("D", "STAFF")), ten, "DECLINED conflict"},
		{"in request, nobody approves", "book=group:execs|request=group:staff", hour, asks("D", "STAFF"), taken(t), "DECLINED no-approver"},
		{"in request, is an approver", "book=group:execs|request=group:staff", hour, approved(asks("B", "STAFF")), taken(t), "ACCEPTED"},
		{"in request, out of policy", "book=group:execs|request=group:staff|max-duration=30", hour, approved(asks("D", "STAFF")), taken(t), "DECLINED max-duration"},
		{"may ask for it", "request-out=group:staff|max-duration=30", hour, approved(asks("D", "STAFF")), taken(t), "TENTATIVE pending"},
		{"may ask for it, taken", "request-out=group:staff|max-duration=30", hour, approved(asks("D", "STAFF")), ten, "DECLINED conflict"},
		{"may ask for nothing else", "book=group:execs|request-out=group:staff|max-duration=60", hour, approved(asks("D", "STAFF")), taken(t), "DECLINED not-allowed"},
		{"in no list", "book=group:execs|request=group:staff", hour, approved(asks("X")), taken(t), "DECLINED not-allowed"},
		{"not allowed before violations", "book=group:execs|max-duration=30", hour, approved(asks("X")), taken(t), "DECLINED not-allowed"},
		{"denied", "deny=user:dan", hour, asks("D"), taken(t), "DECLINED not-allowed"},
		{"denied, not the others", "deny=user:dan", hour, facts(), taken(t), "ACCEPTED"},
		{"denied may not ask either", "deny=user:dan|request-out=*|max-duration=30", hour, approved(asks("D")), taken(t), "DECLINED not-allowed"},

		{"from outside", "", hour, &policy.Facts{Addresses: []string{neptune}, Booker: outsider}, taken(t), "DECLINED external"},
		{"from outside, may book", "external=book", hour, &policy.Facts{Addresses: []string{neptune}, Booker: outsider}, taken(t), "ACCEPTED"},
		{"from outside, may ask", "external=request", hour, &policy.Facts{Addresses: []string{neptune}, Approvers: []string{"B"}}, taken(t), "TENTATIVE pending"},
		{"from outside, in the list", "book=external", hour, &policy.Facts{Addresses: []string{neptune}}, taken(t), "ACCEPTED"},
		{"from outside, denied", "external=book|deny=external", hour, &policy.Facts{Addresses: []string{neptune}}, taken(t), "DECLINED not-allowed"},

		{"the organizer cannot answer for the room", "", meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}, facts(), ten, "DECLINED conflict"},
		{"several lines of one room", "", meeting{start: "2026-12-01 10:00", lines: []string{"ATTENDEE;PARTSTAT=NEEDS-ACTION:" + neptune}}, facts(), taken(t), "ACCEPTED"},
		{"a meeting without the room", "", meeting{start: "2026-12-01 10:00"}, &policy.Facts{Addresses: []string{"mailto:else@example.com"}}, taken(t), ""},
		{"cancelled", "", meeting{start: "2026-12-01 10:00", lines: []string{"STATUS:CANCELLED"}}, facts(), taken(t), ""},
		{"ended yesterday", "", from("2026-11-23 10:00", "2026-11-23 11:00"), facts(), taken(t, "2026-11-23 10:00/11:00"), "DECLINED conflict"},
		{"ended long ago", "", from("2026-11-20 10:00", "2026-11-20 11:00"), facts(), taken(t, "2026-11-20 10:00/11:00"), "NEEDS-ACTION"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var knobs []string
			if tt.knobs != "" {
				knobs = strings.Split(tt.knobs, "|")
			}
			if got := ask(t, set(t, knobs...), tt.m, tt.f, tt.l); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// approved lets bob approve.
func approved(f *policy.Facts) *policy.Facts {
	f.Approvers = []string{"B"}
	return f
}

func TestAllViolationsAreListed(t *testing.T) {
	p := set(t, "max-duration=30", "window=1", "min-attendees=9")
	a := decide(t, p, policy.Invite{Object: meeting{start: "2026-12-01 10:00"}.object(t)}, facts(), taken(t))
	var codes []string
	for _, r := range a.Occurrences[0].Reasons {
		codes = append(codes, string(r.Code))
	}
	if got := strings.Join(codes, " "); got != "window max-duration min-attendees" {
		t.Error(got)
	}
}

// Whose permission counts when bob, who is no exec, books for ann, who is.
func TestAssistant(t *testing.T) {
	for _, tt := range []struct {
		knobs   []string
		booker  string
		groups  []string
		actor   string
		actorIn []string
		want    string
	}{
		{[]string{"book=group:execs"}, "A", []string{"EXECS"}, "B", nil, "ACCEPTED"},
		{[]string{"book=group:execs", "book-by-assistant=either"}, "A", []string{"EXECS"}, "B", nil, "ACCEPTED"},
		{[]string{"book=group:execs", "book-by-assistant=both"}, "A", []string{"EXECS"}, "B", nil, "DECLINED not-allowed"},
		{[]string{"book=group:execs", "book-by-assistant=either"}, "D", nil, "A", []string{"EXECS"}, "ACCEPTED"},
		{[]string{"book=group:execs"}, "D", nil, "A", []string{"EXECS"}, "DECLINED not-allowed"},
		{[]string{"deny=user:dan", "book-by-assistant=either"}, "D", nil, "A", nil, "DECLINED not-allowed"},
	} {
		f := asks(tt.booker, tt.groups...)
		f.Assistant = &policy.PersonID{GUID: tt.actor, Groups: tt.actorIn}
		if got := ask(t, set(t, tt.knobs...), meeting{start: "2026-12-01 10:00"}, f, taken(t)); got != tt.want {
			t.Errorf("%v, %s for %s: %s, want %s", tt.knobs, tt.actor, tt.booker, got, tt.want)
		}
	}
}

// Four seats.
func TestCapacity(t *testing.T) {
	p := set(t, "capacity=4", "enforce-capacity=true")
	person := func(n string) string { return "ATTENDEE:mailto:" + n + "@example.com" }
	three := []string{person("bob"), person("dan"), person("cy")}
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"five", append(three, person("eve")), "DECLINED capacity"},
		{"four", three, "ACCEPTED"},
		{"four, a projector, one who declined, one who is only told, one twice", append(three, "ATTENDEE:mailto:projector@example.com",
			"ATTENDEE;PARTSTAT=DECLINED:mailto:eve@example.com", "ATTENDEE;ROLE=NON-PARTICIPANT:mailto:f@example.com", person("BOB")), "ACCEPTED"},
		{"an unknown room", append(three, "ATTENDEE;CUTYPE=ROOM:mailto:far@else.example"), "ACCEPTED"},
		{"from outside", append(three, "ATTENDEE:"+visitor), "DECLINED capacity"},
		{"a group of six", []string{"ATTENDEE;CUTYPE=GROUP:mailto:six@example.com"}, "DECLINED capacity"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, p, meeting{start: "2026-12-01 10:00", lines: tt.lines}, facts(), taken(t)); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// A VAVAILABILITY of the room stands for its hours, whatever hours-only says.
func TestAvailability(t *testing.T) {
	f := facts()
	f.HasAvailability = true
	f.Unavailable = []policy.Span{{Start: at(t, "2026-12-01 10:30"), End: at(t, "2026-12-01 14:00")}}
	p := set(t, "hours=Mon 08:00-09:00", "hours-only=true")
	if got := ask(t, p, meeting{start: "2026-12-01 10:00"}, f, taken(t)); got != "DECLINED hours" {
		t.Error(got)
	}
	if got := ask(t, p, meeting{start: "2026-12-01 14:00"}, f, taken(t)); got != "ACCEPTED" {
		t.Error(got)
	}
}

func TestNotAsked(t *testing.T) {
	m := meeting{start: "2026-12-01 10:00", param: ";SCHEDULE-AGENT=NONE"}
	a := decide(t, set(t), policy.Invite{Object: m.object(t)}, facts(), taken(t))
	if a.Verdict != policy.NotAsked || a.Reply || a.Inbox || a.Header("rooms/neptune", nil) != `room="rooms/neptune"; answer=unasked` {
		t.Errorf("%+v", a)
	}
	a = decide(t, set(t, "schedule-agent=ignore"), policy.Invite{Object: m.object(t)}, facts(), taken(t))
	if a.Verdict != policy.Answered || told(a) != "ACCEPTED" {
		t.Errorf("%+v", a)
	}
	m.param = ";SCHEDULE-AGENT=CLIENT"
	if got := ask(t, set(t), m, facts(), taken(t)); got != "ACCEPTED" {
		t.Error(got)
	}
}

func TestTaskAndJournal(t *testing.T) {
	todo := func(kind string) policy.Invite {
		return policy.Invite{Object: parse(t, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:"+kind+"\r\nUID:t\r\nDTSTAMP:20261124T090000Z\r\nORGANIZER:"+ann+"\r\nATTENDEE:"+neptune+"\r\nEND:"+kind+"\r\nEND:VCALENDAR\r\n")}
	}
	if a := decide(t, set(t), todo("VTODO"), facts(), taken(t)); a.Verdict != policy.StoreOnly || !a.Inbox || a.Reply {
		t.Errorf("VTODO: %+v", a)
	}
	if a := decide(t, set(t), todo("VJOURNAL"), facts(), taken(t)); a.Verdict != policy.StoreOnly || a.Inbox || a.Reply {
		t.Errorf("VJOURNAL: %+v", a)
	}
}
