package scheduling_test

import (
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/scheduling/schedulingtest"
)

// What people are sent of a meeting has what its room has answered, to its dates too, so
// that nobody has to be told of that by and by.
func TestRoomsAnswerFirst(t *testing.T) {
	w := schedulingtest.New("O", "A", "B")
	w.Options.RefreshMost = 0 // answers are brought to nobody who is sent nothing else
	p, other := &schedulingtest.Player{World: w}, &schedulingtest.Player{World: w, UID: "v"}
	do := func(p *schedulingtest.Player, step string) {
		t.Helper()
		if impossible, err := p.Do(step); impossible != nil || err != nil {
			t.Fatal(impossible, err)
		}
	}
	do(p, "    room R")
	do(other, "    B puts event with R\n        DTSTART;TZID=Europe/Vienna:20260119T100000\n        DTEND;TZID=Europe/Vienna:20260119T110000")
	do(p, "    O puts series with A R")
	answers := func(what string, o *ical.Object, master, third string) {
		t.Helper()
		if got := partStat(o.Master, "R"); got != master {
			t.Errorf("%s: the room says %s to the series, want %s", what, got, master)
		}
		if len(o.Overrides) != 1 || partStat(o.Overrides[0], "R") != third {
			t.Errorf("%s: the date at which the room is taken is not one that says %s\n%s", what, third, o.Calendar.Append(nil))
		}
	}
	check := func(when string) {
		t.Helper()
		inbox := w.Homes["A"].Inbox
		answers(when+", message", inbox[len(inbox)-1].Message.Data, "ACCEPTED", "DECLINED")
		answers(when+", copy", w.Homes["A"].Objects["u"].Data, "ACCEPTED", "DECLINED")
		answers(when+", organizer's", w.Homes["O"].Objects["u"].Data, "ACCEPTED", "DECLINED")
	}
	check("invited")
	do(p, "    O edits\n        LOCATION:Hall")
	check("changed")
	if n := len(w.Homes["A"].Inbox); n != 2 {
		t.Errorf("A has %d messages, want 2", n)
	}
}

// partStat is what somebody answers in a component; "": they are not in it.
func partStat(c *ical.Component, who string) string {
	for _, p := range c.AllProps("ATTENDEE") {
		if strings.HasSuffix(p.Value, ":"+who) {
			return p.Param("PARTSTAT")
		}
	}
	return ""
}
