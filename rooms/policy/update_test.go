package policy_test

import (
	"strings"
	"testing"

	"convene/rooms/policy"
)

// What becomes of a booking when the organizer writes the meeting again.
func TestUpdates(t *testing.T) {
	ten := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}
	declined := meeting{start: "2026-12-01 10:00", stat: "DECLINED"}
	moved := meeting{start: "2026-12-01 12:00", stat: "ACCEPTED"}
	again := meeting{start: "2026-12-01 10:00", stat: "NEEDS-ACTION"}
	forced := meeting{start: "2026-12-01 10:00", stat: "DECLINED", param: ";SCHEDULE-FORCE-SEND=REQUEST"}
	held := meeting{start: "2026-12-01 10:00", stat: "TENTATIVE", lines: []string{"TRANSP:OPAQUE"}}
	for _, tt := range []struct {
		name     string
		old, new meeting
		ledger   *policy.Bookings
		knobs    []string
		want     string
		verdict  policy.Verdict
	}{
		{"text", ten, ten, taken(t, "2026-12-01 10:00/11:00"), nil, "ACCEPTED", policy.Kept},
		{"text, a person declined", declined, declined, taken(t), nil, "DECLINED", policy.Kept},
		{"text, the organizer's copy says otherwise", declined, ten, taken(t), nil, "DECLINED", policy.Kept},
		{"time, to a free hour", ten, moved, taken(t), nil, "ACCEPTED", policy.Answered},
		{"time, to a taken hour", ten, moved, taken(t, "2026-12-01 12:00/13:00"), nil, "DECLINED conflict", policy.Answered},
		{"time, a person had declined", declined, moved, taken(t), nil, "ACCEPTED", policy.Answered},
		{"asked again", declined, again, taken(t), nil, "ACCEPTED", policy.Answered},
		{"asked again, taken", ten, again, taken(t, "2026-12-01 10:30/11:00"), nil, "DECLINED conflict", policy.Answered},
		{"asked with force", declined, forced, taken(t), nil, "ACCEPTED", policy.Answered},
		{"waits for approval", held, held, taken(t), []string{"book=", "request=*"}, "TENTATIVE", policy.Kept},
		{"becomes a series", ten, meeting{start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=DAILY;COUNT=2"}}, taken(t, "2026-12-02 10:00/11:00"), nil, "ACCEPTED, DECLINED conflict", policy.Answered},
		{"the rules have changed", ten, ten, taken(t), []string{"bookable=false"}, "ACCEPTED", policy.Kept},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := decide(t, set(t, tt.knobs...), policy.Invite{Object: tt.new.object(t), Old: tt.old.object(t)}, facts(), tt.ledger)
			if told(a) != tt.want || a.Verdict != tt.verdict {
				t.Errorf("%s, verdict %d", told(a), a.Verdict)
			}
			if kept := tt.verdict == policy.Kept; kept && (a.Reply || a.Inbox) {
				t.Errorf("reply %t, inbox %t", a.Reply, a.Inbox)
			}
		})
	}
}

// A meeting grows over the room's seats.
func TestGrows(t *testing.T) {
	small := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}
	large := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"ATTENDEE:" + bob, "ATTENDEE:" + dan}}
	in := policy.Invite{Object: large.object(t), Old: small.object(t)}
	for _, tt := range []struct {
		knobs []string
		want  string
	}{
		{[]string{"capacity=2"}, "ACCEPTED"},
		{[]string{"capacity=2", "enforce-capacity=true"}, "ACCEPTED over-capacity"},
		{[]string{"capacity=2", "enforce-capacity=true", "capacity-grace=decline"}, "DECLINED capacity"},
		{[]string{"capacity=3", "enforce-capacity=true", "capacity-grace=decline"}, "ACCEPTED"},
		{[]string{"capacity=2", "enforce-capacity=true", "capacity-grace=decline", "mode=none"}, "ACCEPTED"},
	} {
		if a := decide(t, set(t, tt.knobs...), in, facts(), taken(t)); told(a) != tt.want {
			t.Errorf("%v: %s", tt.knobs, told(a))
		} else if warned := a.Comment(set(t, tt.knobs...), speech(t, "en", "Europe/Berlin")); strings.Contains(warned, "3 people are invited now") != (tt.want == "ACCEPTED over-capacity") {
			t.Errorf("%v: %q", tt.knobs, warned)
		}
	}
	// It was too large before: nothing grows.
	in.Old = in.Object
	if a := decide(t, set(t, "capacity=2", "enforce-capacity=true", "capacity-grace=decline"), in, facts(), taken(t)); a.Verdict != policy.Kept {
		t.Errorf("%s", told(a))
	}
	// A request for more people is another request.
	held := meeting{start: "2026-12-01 10:00", stat: "TENTATIVE"}
	in.Old = held.object(t)
	if a := decide(t, set(t, "enforce-capacity=true", "capacity=9"), in, facts(), taken(t)); told(a) != "ACCEPTED" {
		t.Errorf("%s", told(a))
	}
}

// A date that has begun needs no notice when the meeting is asked for again, one that
// has not does.
func TestNoticeOfUpdates(t *testing.T) {
	running := meeting{start: "2026-11-24 09:30", end: "2026-11-24 10:30", stat: "NEEDS-ACTION"}
	in := policy.Invite{Object: running.object(t), Old: running.object(t)}
	if a := decide(t, set(t, "min-notice=60"), in, facts(), taken(t)); told(a) != "ACCEPTED" {
		t.Error(told(a))
	}
	in.Old = nil
	if a := decide(t, set(t, "min-notice=60"), in, facts(), taken(t)); told(a) != "DECLINED min-notice" {
		t.Error(told(a))
	}
}

// A series is split: nothing is judged, and the parts are not in each other's way.
func TestSplit(t *testing.T) {
	whole := meeting{uid: "m", start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=DAILY;COUNT=4"}}
	later := meeting{uid: "n", start: "2026-12-03 10:00", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=DAILY;COUNT=2"}}
	rows, err := policy.BookingsOf(whole.object(t), facts().Addresses, set(t).Zone, at(t, "2027-12-01 10:00"))
	if err != nil {
		t.Fatal(err)
	}
	in := policy.Invite{Object: later.object(t), Old: whole.object(t), Group: []string{"m"}}
	if a := decide(t, set(t), in, facts(), policy.NewBookings(rows...)); a.Verdict != policy.Kept || told(a) != "ACCEPTED, ACCEPTED" {
		t.Errorf("%d %s", a.Verdict, told(a))
	}
	in.Object = meeting{uid: "n", start: "2026-12-03 10:30", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=DAILY;COUNT=2"}}.object(t)
	if a := decide(t, set(t), in, facts(), policy.NewBookings(rows...)); a.Verdict != policy.Answered || told(a) != "ACCEPTED, ACCEPTED" {
		t.Errorf("%d %s", a.Verdict, told(a))
	}
}
