package main

import (
	"strings"
	"testing"
	"time"
)

// A small race in a real server, with one kill.
func TestRoomRace(t *testing.T) {
	t.Chdir("../../..") // whose server it is
	status := withHarness(t.Context(), func(h *harness) int {
		return runRoomRace(h, roomRace{clients: 16, length: 2 * time.Second, rounds: 1, seed: 1})
	})
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

// What must not be is seen in a history.
func TestLinearizable(t *testing.T) {
	op := func(kind, name string, is outcome, called, returned int64) roomOp {
		return roomOp{kind: kind, name: name, outcome: is, called: called, returned: returned}
	}
	for name, tt := range map[string]struct {
		history []roomOp
		ok      bool
	}{
		"one after the other":         {[]roomOp{op(book, "a", yes, 1, 2), op(cancel, "a", yes, 3, 4), op(book, "b", yes, 5, 6)}, true},
		"two winners":                 {[]roomOp{op(book, "a", yes, 1, 4), op(book, "b", yes, 2, 3)}, false},
		"declined by nobody":          {[]roomOp{op(book, "a", no, 1, 2), op(book, "b", yes, 3, 4)}, false},
		"declined for one beside it":  {[]roomOp{op(book, "a", no, 1, 4), op(book, "b", yes, 2, 5)}, true},
		"declined after it was free":  {[]roomOp{op(book, "a", yes, 1, 2), op(cancel, "a", yes, 3, 4), op(book, "b", no, 5, 6)}, false},
		"cut off, and done":           {[]roomOp{op(book, "a", unknown, 1, 5), op(look, "a", yes, 6, 7)}, true},
		"cut off, and not done":       {[]roomOp{op(book, "a", unknown, 1, 5), op(look, "", yes, 6, 7)}, true},
		"not acknowledged, and there": {[]roomOp{op(look, "a", yes, 6, 7)}, false},
		"acknowledged, and lost":      {[]roomOp{op(book, "a", yes, 1, 5), op(look, "", yes, 6, 7)}, false},
		"a cancellation undone":       {[]roomOp{op(book, "a", yes, 1, 2), op(cancel, "a", yes, 3, 4), op(look, "a", yes, 6, 7)}, false},
		"cut off and moved":           {[]roomOp{op(book, "a", yes, 1, 2), op(cancel, "a", unknown, 3, 5), op(look, "", yes, 6, 7)}, true},
	} {
		if err := linearizable(tt.history); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	apart := []roomOp{{slot: 1, kind: book, name: "a", outcome: yes, called: 1, returned: 2}, {slot: 2, kind: book, name: "b", outcome: yes, called: 1, returned: 2}}
	if err := linearizable(apart); err != nil {
		t.Errorf("two slots: %v", err)
	}
}

// What must not be is seen in calendars.
func TestRoomCheckers(t *testing.T) {
	at := func(name string, hour int, partStat string) meeting {
		start := time.Date(2026, 6, 1, hour, 0, 0, 0, time.UTC)
		return meeting{name: name, start: start, end: start.Add(time.Hour), organizer: "ann@example.com", partStat: partStat}
	}
	long := at("long", 0, "ACCEPTED")
	long.end = long.end.Add(time.Minute)
	if err := noOverlap([]meeting{at("b", 1, ""), at("a", 0, "")}); err != nil {
		t.Error(err)
	}
	if err := noOverlap([]meeting{at("b", 1, ""), long}); err == nil {
		t.Error("an overlap is not seen")
	}
	a, declined, open := at("a", 0, "ACCEPTED"), at("a", 0, "DECLINED"), at("a", 0, "NEEDS-ACTION")
	for _, tt := range []struct {
		own, room []meeting
		want      string
	}{
		{[]meeting{a}, []meeting{a}, ""}, {[]meeting{declined}, nil, ""}, {nil, nil, ""},
		{[]meeting{a}, nil, "believes"}, {[]meeting{declined}, []meeting{a}, "believes"}, {[]meeting{open}, nil, "has not answered"},
		{nil, []meeting{a}, "does not have"}, {[]meeting{at("a", 3, "ACCEPTED")}, []meeting{a}, "the room has"},
	} {
		err := agree("ann", tt.own, tt.room)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v and %v: %v, want %q", tt.own, tt.room, err, tt.want)
		}
	}
}
