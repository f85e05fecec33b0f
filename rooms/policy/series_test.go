package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"convene/rooms/policy"
)

// Ten days of which five are taken, and how many of them the room lets pass.
func TestThresholds(t *testing.T) {
	var spans []string
	for d := 1; d <= 9; d += 2 {
		spans = append(spans, fmt.Sprintf("2026-12-%02d 10:30/10:45", d))
	}
	some := "DECLINED conflict, ACCEPTED"
	for _, tt := range []struct{ conflicts, percent, want string }{
		{"-1", "100", times(some, 5)},
		{"6", "40", times("DECLINED too-many-conflicts", 10)},
		{"5", "50", times(some, 5)},
		{"4", "100", times("DECLINED too-many-conflicts", 10)},
		{"0", "0", times("DECLINED too-many-conflicts", 10)},
	} {
		p := set(t, "max-conflicts="+tt.conflicts, "max-conflict-percent="+tt.percent)
		if got := ask(t, p, meeting{start: "2026-12-01 10:00", lines: []string{tenDates}}, facts(), taken(t, spans...)); got != tt.want {
			t.Errorf("%s, %s: %s", tt.conflicts, tt.percent, got)
		}
	}
	// One meeting is no series.
	if got := ask(t, set(t, "max-conflicts=0"), meeting{start: "2026-12-01 10:00"}, facts(), taken(t, "2026-12-01 10:00/11:00")); got != "DECLINED conflict" {
		t.Error(got)
	}
	// Who may not book is told that, not how much is taken.
	if got := ask(t, set(t, "max-conflicts=0", "deny=*"), meeting{start: "2026-12-01 10:00", lines: []string{tenDates}}, facts(), taken(t, spans...)); got != times("DECLINED not-allowed", 10) {
		t.Error(got)
	}
}

func TestMasterOfManyDeclined(t *testing.T) {
	block := policy.NewBookings(policy.Booking{Span: policy.Span{Start: at(t, "2026-12-04 00:00"), End: at(t, "2029-12-01 00:00")}, UID: "b", State: policy.Blocked})
	m := meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=100"}}
	in := policy.Invite{Object: m.object(t)}
	a := decide(t, set(t), in, facts(), block)
	if want := times("ACCEPTED", 3) + ", " + times("DECLINED blocked", 97); told(a) != want || a.Master != policy.Declined {
		t.Errorf("%s, master %s", told(a), a.Master)
	}
	o := parse(t, string(a.Copy(set(t), in, facts(), now(t)).Append(nil)))
	if len(o.Overrides) != 3 {
		t.Errorf("%d overrides", len(o.Overrides))
	}
}

// A tie goes to ACCEPTED.
func TestTie(t *testing.T) {
	a := decide(t, set(t), policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=2"}}.object(t)}, facts(), taken(t, "2026-12-01 10:00/11:00"))
	if a.Master != policy.Accepted {
		t.Errorf("master %s", a.Master)
	}
}

// A window of 30 days, and a series across its end.
func TestWindowOfSeries(t *testing.T) {
	week := "RRULE:FREQ=WEEKLY;COUNT=6" // the fourth is 22 December, the fifth behind the window
	for _, tt := range []struct {
		beyond, rule, want string
		master             policy.PartStat
	}{
		{"decline-series", week, times("DECLINED window", 6), policy.Declined},
		{"decline-occurrences", week, times("ACCEPTED", 4) + ", " + times("DECLINED window", 2), policy.Accepted},
		{"decline-series", "RRULE:FREQ=WEEKLY;COUNT=4", times("ACCEPTED", 4), policy.Accepted},
	} {
		a := decide(t, set(t, "window=30", "beyond-window="+tt.beyond), policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{tt.rule}}.object(t)}, facts(), taken(t))
		if told(a) != tt.want || a.Master != tt.master {
			t.Errorf("%s %s: %s, master %s", tt.beyond, tt.rule, told(a), a.Master)
		}
	}
	// Without end the answer is DECLINED where nobody looked.
	endless := policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=WEEKLY"}}.object(t)}
	a := decide(t, set(t, "window=30", "beyond-window=decline-occurrences"), endless, facts(), taken(t))
	if a.Master != policy.Declined || !strings.HasPrefix(told(a), times("ACCEPTED", 4)+", DECLINED window") {
		t.Errorf("master %s: %.90s", a.Master, told(a))
	}
	// Also if more dates were accepted than declined as far as one looks.
	a = decide(t, set(t, "window=1090", "beyond-window=decline-occurrences"), endless, facts(), taken(t))
	if a.Master != policy.Declined || a.Occurrences[0].PartStat != policy.Accepted {
		t.Errorf("master %s: %.90s", a.Master, told(a))
	}
	a = decide(t, set(t, "window=3650"), endless, facts(), taken(t))
	if a.Master != policy.Declined || told(a)[:8] != "DECLINED" {
		t.Errorf("an endless series crosses every window: master %s: %.90s", a.Master, told(a))
	}
	a = decide(t, set(t), endless, facts(), taken(t))
	if a.Master != policy.Accepted {
		t.Errorf("without a window: %s", a.Master)
	}
}

func TestTooLong(t *testing.T) {
	daily := policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY"}}.object(t)}
	if a := decide(t, set(t, "max-occurrences=1000"), daily, facts(), taken(t)); a.Master != policy.Declined || !a.Reply || !strings.HasPrefix(told(a), "DECLINED too-long") {
		t.Errorf("%s %.60s", a.Master, told(a))
	}
	// Every other day is taken: more overrides than it may have.
	var spans []string
	for d := 1; d < 20; d += 2 {
		spans = append(spans, fmt.Sprintf("2026-12-%02d 10:30/10:45", d))
	}
	series := meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=20"}}
	if got := ask(t, set(t, "max-overrides=9"), series, facts(), taken(t, spans...)); got != times("DECLINED too-long", 20) {
		t.Error(got)
	}
	if got := ask(t, set(t, "max-overrides=10"), series, facts(), taken(t, spans...)); got != times("DECLINED conflict, ACCEPTED", 10) {
		t.Error(got)
	}
	// A person answers: nothing is declined by itself.
	if a := decide(t, set(t, "max-occurrences=10", "mode=none"), daily, facts(), taken(t)); a.Reply || a.Master != policy.NeedsAction {
		t.Errorf("%s, reply %t", a.Master, a.Reply)
	}
}

// One date of a series that has to be approved makes the whole wait, but not what is
// taken.
func TestOneApproval(t *testing.T) {
	p := set(t, "request-out=group:staff", "hours=Mon-Fri 08:00-18:00", "hours-only=true")
	m := meeting{start: "2026-12-03 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}} // Thursday to Saturday
	if got := ask(t, p, m, approved(asks("D", "STAFF")), taken(t, "2026-12-03 10:00/11:00")); got != "DECLINED conflict, TENTATIVE pending, TENTATIVE pending" {
		t.Error(got)
	}
}

// The dates of one series count against each other.
func TestOwnDates(t *testing.T) {
	two := meeting{start: "2026-12-01 10:00", end: "2026-12-02 11:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}
	if got := ask(t, set(t), two, facts(), taken(t)); got != "ACCEPTED, DECLINED conflict, ACCEPTED" {
		t.Error(got)
	}
	if got := ask(t, set(t, "slots=2"), two, facts(), taken(t)); got != times("ACCEPTED", 3) {
		t.Error(got)
	}
	// Its date that was moved onto another gives way, though it begins earlier.
	series := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=DAILY;COUNT=3"}}
	old := series.object(t)
	series.overrides = []string{series.override(t, "2026-12-03 10:00", "2026-12-02 09:30", "ACCEPTED")}
	a := decide(t, set(t), policy.Invite{Object: series.object(t), Old: old}, facts(), taken(t))
	if told(a) != "ACCEPTED, DECLINED conflict, ACCEPTED" {
		t.Error(told(a))
	}
}

// A room that is invited to the second and fourth date alone.
func TestSomeDates(t *testing.T) {
	m := meeting{start: "2026-12-01 10:00", noMaster: true}
	m.overrides = []string{m.override(t, "2026-12-02 10:00", "2026-12-02 10:00", "NEEDS-ACTION"), m.override(t, "2026-12-04 10:00", "2026-12-04 10:00", "NEEDS-ACTION")}
	in := policy.Invite{Object: m.object(t)}
	a := decide(t, set(t), in, facts(), taken(t, "2026-12-04 10:30/11:00"))
	if told(a) != "ACCEPTED, DECLINED conflict" {
		t.Error(told(a))
	}
	o := parse(t, string(a.Copy(set(t), in, facts(), now(t)).Append(nil)))
	if o.Master != nil || len(o.Overrides) != 2 {
		t.Errorf("%s", o.Calendar.Append(nil))
	}
	rows, err := policy.BookingsOf(o, facts().Addresses, set(t).Zone, a.VerifiedUntil)
	if err != nil || len(rows) != 1 || rows[0].Start != at(t, "2026-12-02 10:00") {
		t.Errorf("%v, %v", rows, err)
	}
}

// Two endless series: the room looks at the dates that come into sight and declines
// what the other has meanwhile; nothing is told as long as nothing changes.
func TestHorizonMoves(t *testing.T) {
	m := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED", lines: []string{"RRULE:FREQ=WEEKLY"}}
	in := policy.Invite{Object: m.object(t), Old: m.object(t), Verified: now(t) + 30*86400}
	a := decide(t, set(t), in, facts(), taken(t))
	if a.Verdict != policy.Answered || a.Reply || a.Master != policy.Accepted {
		t.Errorf("%d, reply %t", a.Verdict, a.Reply)
	}
	a = decide(t, set(t), in, facts(), taken(t, "2026-12-15 10:00/11:00", "2027-01-05 10:00/11:00"))
	want := times("ACCEPTED", 5) + ", DECLINED conflict, ACCEPTED"
	if !a.Reply || !strings.HasPrefix(told(a), want) {
		t.Errorf("reply %t: %.150s", a.Reply, told(a))
	}
}

// A room looks no further than its horizon: what lies behind it altogether is declined,
// and stays so until somebody asks again. What the series of a date behind it says holds
// for that date.
func TestBehindTheHorizon(t *testing.T) {
	const far = "2030-12-03 10:00"
	weekly := []string{"RRULE:FREQ=WEEKLY;COUNT=4"}
	for _, tt := range []struct {
		name  string
		m     meeting
		old   string // the answer that the room has given before; "": it is new
		f     *policy.Facts
		knobs []string
		want  string
	}{
		{"one date", meeting{start: far}, "", facts(), nil, "DECLINED horizon"},
		{"a series", meeting{start: far, lines: weekly}, "", facts(), nil, "DECLINED horizon"},
		{"without end", meeting{start: far, lines: []string{"RRULE:FREQ=WEEKLY"}}, "", facts(), nil, "DECLINED horizon"},
		{"as before", meeting{start: far, stat: "DECLINED"}, "DECLINED", facts(), nil, "DECLINED"},
		{"somebody has accepted it", meeting{start: far, stat: "ACCEPTED"}, "ACCEPTED", facts(), nil, "ACCEPTED"},
		{"people answer", meeting{start: far}, "", facts(), []string{"mode=none"}, "NEEDS-ACTION"},
		{"not for them", meeting{start: far}, "", asks("D"), []string{"book=group:execs"}, "DECLINED not-allowed"},
		{"who may ask for more", meeting{start: far}, "", approved(asks("D")), []string{"request-out=user:dan"}, "DECLINED horizon"},
		{"within a longer one", meeting{start: far}, "", facts(), []string{"horizon=3660"}, "ACCEPTED"},
		{"into it", meeting{start: "2026-12-15 10:00", lines: weekly}, "", facts(), []string{"horizon=30"}, "ACCEPTED, ACCEPTED"},
		{"over", meeting{start: "2020-12-15 10:00"}, "", facts(), nil, "NEEDS-ACTION"},
	} {
		in := policy.Invite{Object: tt.m.object(t)}
		if tt.old != "" {
			old := tt.m
			old.stat = tt.old
			in.Old, in.Verified = old.object(t), now(t)+1095*86400
		}
		p := set(t, tt.knobs...)
		a := decide(t, p, in, tt.f, taken(t))
		if told(a) != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, told(a), tt.want)
		}
		stat, _, _ := strings.Cut(tt.want, " ")
		o := parse(t, string(a.Copy(p, in, tt.f, now(t)).Append(nil)))
		if line := o.Master.Prop("ATTENDEE"); tt.old == "" && stat != "NEEDS-ACTION" && !strings.Contains(string(o.Calendar.Append(nil)), "PARTSTAT="+strings.TrimSuffix(stat, ",")) {
			t.Errorf("%s: %v", tt.name, line)
		}
	}
}

// What was judged and got its time: not what was declined, nor what a former answer holds.
func TestGave(t *testing.T) {
	first := meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=WEEKLY;COUNT=3"}}
	l := taken(t, "2026-12-08 10:30/10:45")
	a := decide(t, set(t), policy.Invite{Object: first.object(t)}, facts(), l)
	span := func(from, to string) policy.Span { return policy.Span{Start: at(t, from), End: at(t, to)} }
	for s, want := range map[policy.Span]bool{
		span("2026-12-01 10:00", "2026-12-01 11:00"): true,
		span("2026-12-08 10:00", "2026-12-08 11:00"): false, // declined
		span("2026-12-15 10:00", "2026-12-15 11:00"): true,
		span("2026-12-15 10:00", "2026-12-15 11:30"): false,
		span("2026-12-16 10:00", "2026-12-16 11:00"): false,
		span("2026-12-22 10:00", "2026-12-22 11:00"): false,
	} {
		if a.Gave(s) != want {
			t.Errorf("%v: %t", s, !want)
		}
	}
	stands := meeting{start: "2026-12-01 10:00", stat: "ACCEPTED"}.object(t)
	a = decide(t, set(t), policy.Invite{Object: stands, Old: stands}, facts(), l)
	if a.Gave(span("2026-12-01 10:00", "2026-12-01 11:00")) {
		t.Error("a date that stands was not judged")
	}
}
