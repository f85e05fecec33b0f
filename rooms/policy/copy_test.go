package policy_test

import (
	"slices"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// stored returns the room's line, TRANSP and the status of the organizer's line of
// each component of the copy.
func stored(t *testing.T, a *policy.Answer, p *policy.Policy, in policy.Invite) []string {
	t.Helper()
	o := parse(t, string(a.Copy(p, in, facts(), now(t)).Append(nil)))
	var out []string
	for _, c := range o.Calendar.AllChildren("VEVENT") {
		var room ical.Property
		for _, at := range c.AllProps("ATTENDEE") {
			if at.Address() == neptune {
				room = *at
			}
		}
		var parts []string
		if rid := c.Prop("RECURRENCE-ID"); rid != nil {
			parts = append(parts, rid.Value[:8], c.Prop("DTSTART").Value[:8])
		}
		parts = append(parts, room.Param("PARTSTAT"))
		if room.Has("RSVP") {
			parts = append(parts, "rsvp")
		}
		parts = append(parts, room.Param("X-CALENDARSERVER-AUTO"), c.Prop("TRANSP").Value)
		if s := c.Prop("ORGANIZER").Param("SCHEDULE-STATUS"); s != "" {
			parts = append(parts, s)
		}
		out = append(out, strings.Join(strings.Fields(strings.Join(parts, " ")), " "))
	}
	return out
}

func TestCopy(t *testing.T) {
	const auto = "20261124T090000Z"
	rsvp := func(lines ...string) meeting {
		return meeting{start: "2026-12-01 10:00", param: ";RSVP=TRUE;X-CALENDARSERVER-DTSTAMP=20260101T000000Z", lines: lines}
	}
	for _, tt := range []struct {
		name, mode string
		m          meeting
		l          policy.Ledger
		want       []string
	}{
		{"accepted", "automatic", rsvp(), taken(t), []string{"ACCEPTED " + auto + " OPAQUE 1.2"}},
		{"declined", "automatic", rsvp(), taken(t, "2026-12-01 10:00/11:00"), []string{"DECLINED " + auto + " TRANSPARENT 1.2"}},
		{"left to a person", "none", rsvp(), taken(t), []string{"NEEDS-ACTION rsvp TRANSPARENT"}},
		{"not told", "accept-if-free", rsvp(), taken(t, "2026-12-01 10:00/11:00"), []string{"NEEDS-ACTION rsvp " + auto + " TRANSPARENT"}},
		{"mixed", "automatic", rsvp("RRULE:FREQ=DAILY;COUNT=3"), taken(t, "2026-12-02 10:00/11:00"),
			[]string{"ACCEPTED " + auto + " OPAQUE 1.2", "20261202 20261202 DECLINED " + auto + " TRANSPARENT 1.2"}},
		{"mixed, some left to a person", "accept-if-free", rsvp("RRULE:FREQ=DAILY;COUNT=3"), taken(t, "2026-12-02 10:00/11:00"),
			[]string{"ACCEPTED " + auto + " OPAQUE 1.2", "20261202 20261202 NEEDS-ACTION rsvp " + auto + " TRANSPARENT 1.2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, in := set(t, "mode="+tt.mode), policy.Invite{Object: tt.m.object(t)}
			a := decide(t, p, in, facts(), tt.l)
			if got := stored(t, a, p, in); strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
			if string(in.Object.Calendar.Append(nil)) != tt.m.text(t) {
				t.Error("the invitation was changed")
			}
		})
	}
}

// A line that waits for an answer without saying so stays as the organizer wrote it; a
// date that waits, of a series that does not, says it.
func TestCopyThatWaits(t *testing.T) {
	for _, tt := range []struct {
		mode string
		want []string // PARTSTAT and RSVP of each component
	}{
		{"none", []string{" TRUE"}},
		{"accept-if-free", []string{"ACCEPTED ", "NEEDS-ACTION TRUE"}},
	} {
		t.Run(tt.mode, func(t *testing.T) {
			m := meeting{start: "2026-12-01 10:00", param: ";RSVP=TRUE", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}
			p, in := set(t, "mode="+tt.mode), policy.Invite{Object: parse(t, strings.Replace(m.text(t), ";PARTSTAT=NEEDS-ACTION", "", 1))}
			a := decide(t, p, in, facts(), taken(t, "2026-12-02 10:00/11:00"))
			var got []string
			for _, c := range a.Copy(p, in, facts(), now(t)).AllChildren("VEVENT") {
				for _, at := range c.AllProps("ATTENDEE") {
					if at.Address() == neptune {
						got = append(got, at.Param("PARTSTAT")+" "+at.Param("RSVP"))
					}
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

// What was written is what the room reads the next time: nothing is judged again, and
// the copy stays as it is.
func TestCopyIsRead(t *testing.T) {
	p := set(t)
	m := meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}
	in := policy.Invite{Object: m.object(t)}
	l := taken(t, "2026-12-02 10:00/11:00")
	first := decide(t, p, in, facts(), l).Copy(p, in, facts(), now(t))
	old := parse(t, string(first.Append(nil)))
	again := policy.Invite{Object: old, Old: old}
	a := decide(t, p, again, facts(), l)
	if a.Verdict != policy.Kept || a.Reply {
		t.Errorf("verdict %d: %s", a.Verdict, told(a))
	}
	if second := a.Copy(p, again, facts(), now(t)+60); string(second.Append(nil)) != string(first.Append(nil)) {
		t.Errorf("%s\nwas\n%s", second.Append(nil), first.Append(nil))
	}
}

// A request holds its time or not, as the policy says.
func TestPendingCopy(t *testing.T) {
	for _, tt := range []struct {
		pending, transp string
		rows            int
	}{{"tentative", "OPAQUE", 1}, {"free", "TRANSPARENT", 0}} {
		p := set(t, "book=", "request=*", "pending="+tt.pending)
		in := policy.Invite{Object: meeting{start: "2026-12-01 10:00"}.object(t)}
		a := decide(t, p, in, approved(asks("D")), taken(t))
		if !a.Pending || !a.Reply || !a.Inbox {
			t.Errorf("%+v", a)
		}
		o := parse(t, string(a.Copy(p, in, facts(), now(t)).Append(nil)))
		rows, err := policy.BookingsOf(o, facts().Addresses, p.Zone, a.VerifiedUntil)
		if err != nil || len(rows) != tt.rows || o.Master.Prop("TRANSP").Value != tt.transp {
			t.Errorf("%s: %v, %v\n%s", tt.pending, rows, err, o.Calendar.Append(nil))
		}
	}
}

func TestStrip(t *testing.T) {
	p := set(t, "strip=subject, description")
	in := policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"DESCRIPTION:secret", "ATTACH:https://example.com/a"}}.object(t)}
	text := string(decide(t, p, in, facts(), taken(t)).Copy(p, in, facts(), now(t)).Append(nil))
	if strings.Contains(text, "SUMMARY") || strings.Contains(text, "secret") || !strings.Contains(text, "ATTACH") {
		t.Error(text)
	}
}

func TestBookingsOf(t *testing.T) {
	zone := set(t).Zone
	for _, tt := range []struct {
		name  string
		m     meeting
		state policy.State
	}{
		{"accepted", meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}, policy.Booked},
		{"declined", meeting{start: "2026-12-01 10:00", stat: "DECLINED"}, 0},
		{"a person's tentative", meeting{start: "2026-12-01 10:00", stat: "TENTATIVE", lines: []string{"TRANSP:TRANSPARENT"}}, 0},
		{"cancelled", meeting{start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"STATUS:CANCELLED"}}, 0},
		{"block", meeting{start: "2026-12-01 10:00", organizer: "-"}, policy.Blocked},
		{"transparent block", meeting{start: "2026-12-01 10:00", organizer: "-", lines: []string{"TRANSP:TRANSPARENT"}}, 0},
	} {
		rows, err := policy.BookingsOf(tt.m.object(t), []string{neptune}, zone, at(t, "2030-01-01 00:00"))
		if err != nil || (len(rows) == 1) != (tt.state != 0) || len(rows) == 1 && rows[0].State != tt.state {
			t.Errorf("%s: %v, %v", tt.name, rows, err)
		}
	}
	busy := meeting{start: "2026-12-01 10:00", end: "2026-12-01 10:01", organizer: "-", lines: []string{"RRULE:FREQ=MINUTELY;INTERVAL=2"}}
	if _, err := policy.BookingsOf(busy.object(t), []string{neptune}, zone, at(t, "2027-12-01 00:00")); err != policy.ErrTooMany {
		t.Errorf("a block every other minute: %v", err)
	}
}
