package policy_test

import (
	"slices"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// candidate is a room in building A on floor 1 unless said otherwise.
func candidate(t *testing.T, name string, l policy.Ledger, knobs ...string) policy.Candidate {
	f := facts()
	f.GUID, f.Name = strings.ToUpper(name), name
	return policy.Candidate{GUID: f.GUID, Name: name, Ledger: l, Facts: f, Policy: set(t, append([]string{"building=A", "floor=1"}, knobs...)...)}
}

func TestAlternatives(t *testing.T) {
	six := meeting{start: "2026-12-01 10:00", lines: []string{"ATTENDEE:mailto:1@example.com", "ATTENDEE:mailto:2@example.com", "ATTENDEE:mailto:3@example.com",
		"ATTENDEE:mailto:4@example.com", "ATTENDEE:mailto:5@example.com"}}
	busy := taken(t, "2026-12-01 10:00/11:00")
	f := facts()
	list := []policy.Candidate{
		candidate(t, "neptune", taken(t), "capacity=8", "features=projector"),
		candidate(t, "io", taken(t), "capacity=4", "features=projector"),
		candidate(t, "hall", taken(t), "capacity=60", "features=projector", "building=B"),
		candidate(t, "large", taken(t), "capacity=20", "features=projector"),
		candidate(t, "saturn", taken(t), "capacity=8", "features=Projector, board"),
		candidate(t, "above", taken(t), "capacity=6", "features=projector", "floor=2"),
		candidate(t, "busy", busy, "capacity=8", "features=projector"),
		candidate(t, "plain", taken(t), "capacity=8"),
		candidate(t, "execs", taken(t), "capacity=8", "features=projector", "book=group:none"),
		candidate(t, "person", taken(t), "capacity=8", "features=projector", "mode=none"),
		candidate(t, "shut", taken(t), "capacity=8", "features=projector", "hours=Sun 01:00-02:00", "hours-only=true"),
	}
	list[0].GUID = f.GUID // the room itself
	f.Candidates = among(list...)
	knobs := []string{"building=A", "floor=1", "capacity=8", "features=projector"}
	a := decide(t, set(t, knobs...), policy.Invite{Object: six.object(t)}, f, busy)
	if want := []string{"SATURN", "LARGE", "ABOVE"}; !slices.Equal(a.Alternatives, want) {
		t.Errorf("%v, want %v", a.Alternatives, want)
	}
	if a.Next != at(t, "2026-12-01 11:00") {
		t.Errorf("next %d", a.Next)
	}
	f.Wanted = policy.List{}
	a = decide(t, set(t, append(knobs, "alternatives=2")...), policy.Invite{Object: six.object(t)}, f, busy)
	if want := []string{"PLAIN", "SATURN"}; !slices.Equal(a.Alternatives, want) {
		t.Errorf("nothing wanted: %v, want %v", a.Alternatives, want)
	}
	a = decide(t, set(t, append(knobs, "alternatives=0")...), policy.Invite{Object: six.object(t)}, f, busy)
	if len(a.Alternatives) > 0 {
		t.Errorf("%v", a.Alternatives)
	}
	// Only of rooms that would do it is asked when they are open.
	var looked []string
	for i := range list {
		list[i].Opens = func(within policy.Span) bool {
			looked = append(looked, list[i].GUID)
			return list[i].GUID != "SATURN" && within == policy.Span{Start: at(t, "2026-12-01 10:00"), End: at(t, "2026-12-01 11:00")}
		}
	}
	f.Wanted = nil
	a = decide(t, set(t, append(knobs, "alternatives=1")...), policy.Invite{Object: six.object(t)}, f, busy)
	if got := strings.Join(looked, " "); got != "BUSY SATURN SHUT LARGE" || !slices.Equal(a.Alternatives, []string{"LARGE"}) {
		t.Errorf("looked at %s: %v", got, a.Alternatives)
	}
	// A series needs a room that has all of its dates.
	six.lines = append(six.lines, "RRULE:FREQ=DAILY;COUNT=2")
	f = facts()
	f.Candidates = among(candidate(t, "saturn", taken(t, "2026-12-02 10:00/11:00"), "capacity=8"), candidate(t, "uranus", taken(t), "capacity=8"))
	a = decide(t, set(t, "building=A"), policy.Invite{Object: six.object(t)}, f, busy)
	if want := []string{"URANUS"}; !slices.Equal(a.Alternatives, want) {
		t.Errorf("series: %v, want %v", a.Alternatives, want)
	}
}

// The first time that is free again, by the rules of the room.
func TestNextFree(t *testing.T) {
	for _, tt := range []struct {
		knobs []string
		spans []string
		want  string
	}{
		{nil, []string{"2026-12-01 10:00/11:00"}, "2026-12-01 11:00"},
		{nil, []string{"2026-12-01 10:00/11:00", "2026-12-01 11:30/12:00", "2026-12-01 12:59/14:00"}, "2026-12-01 14:00"},
		{[]string{"buffer-after=15"}, []string{"2026-12-01 10:00/11:00"}, "2026-12-01 11:15"},
		{[]string{"slots=2"}, []string{"2026-12-01 10:00/12:00", "2026-12-01 10:00/11:00"}, "2026-12-01 11:00"},
		{[]string{"hours=Mon-Fri 08:00-11:30", "hours-only=true"}, []string{"2026-12-01 10:00/11:00"}, "2026-12-02 08:00"},
		{[]string{"window=7"}, []string{"2026-12-01 00:00/2026-12-02 00:00"}, ""},
		{nil, []string{"2026-12-01 00:00/2027-01-02 00:00"}, ""},
	} {
		a := decide(t, set(t, tt.knobs...), policy.Invite{Object: meeting{start: "2026-12-01 10:00"}.object(t)}, facts(), taken(t, tt.spans...))
		var want int64
		if tt.want != "" {
			want = at(t, tt.want)
		}
		if a.Next != want || told(a)[:8] != "DECLINED" {
			t.Errorf("%v %v: %s, next %d, want %d", tt.knobs, tt.spans, told(a), a.Next, want)
		}
	}
}

func TestPool(t *testing.T) {
	invite := func(start string, lines ...string) policy.Invite {
		return policy.Invite{Object: meeting{start: start, lines: append(lines, "ATTENDEE:mailto:bob@example.com")}.object(t)}
	}
	stood := func(stat string) *ical.Object {
		return meeting{start: "2026-12-01 10:00", stat: stat, lines: []string{"ATTENDEE:mailto:bob@example.com"}}.object(t)
	}
	busy := taken(t, "2026-12-01 10:00/11:00")
	crowd := []string{"ATTENDEE:mailto:p0@example.com", "ATTENDEE:mailto:p1@example.com", "ATTENDEE:mailto:p2@example.com", "ATTENDEE:mailto:p3@example.com",
		"ATTENDEE:mailto:p4@example.com", "ATTENDEE:mailto:p5@example.com", "ATTENDEE:mailto:p6@example.com", "ATTENDEE:mailto:p7@example.com"}
	for _, tt := range []struct {
		name            string
		neptune, saturn policy.Ledger
		in              policy.Invite
		old             *ical.Object
		was, want       string
		why             policy.Code
	}{
		{"fewest empty seats", taken(t), taken(t), invite("2026-12-01 10:00"), nil, "", "NEPTUNE", ""},
		{"the other", busy, taken(t), invite("2026-12-01 10:00"), nil, "", "SATURN", ""},
		{"none", busy, busy, invite("2026-12-01 10:00"), nil, "", "", policy.CodeConflict},
		{"a series that neither has time for", busy, taken(t, "2026-12-02 10:00/11:00"), invite("2026-12-01 10:00", "RRULE:FREQ=DAILY;COUNT=2"), nil, "", "", policy.CodeConflict},
		{"more people than the small one has seats", taken(t), taken(t), invite("2026-12-01 10:00", crowd...), nil, "", "SATURN", ""},
		{"more people than any has seats", taken(t), taken(t), invite("2026-12-01 10:00", append(crowd, "ATTENDEE:mailto:p8@example.com")...), nil, "", "", policy.CodeCapacity},
		{"stays where it was", taken(t), taken(t), invite("2026-12-01 10:00"), nil, "SATURN", "SATURN", ""},
		{"cannot stay", taken(t), busy, invite("2026-12-01 10:00"), nil, "SATURN", "NEPTUNE", ""},
		{"nothing has changed", taken(t), busy, invite("2026-12-01 10:00"), stood("DELEGATED"), "SATURN", "SATURN", "stands"},
		{"was declined, and nothing has changed", taken(t), taken(t), invite("2026-12-01 10:00"), stood("DECLINED"), "", "", "stands"},
		{"is asked again", taken(t), busy, invite("2026-12-01 10:00"), stood("NEEDS-ACTION"), "SATURN", "NEPTUNE", ""},
		{"moved to where it has time", taken(t), taken(t), invite("2026-12-01 11:00"), stood("DELEGATED"), "SATURN", "SATURN", ""},
		{"moved to where it has none", taken(t), busy, invite("2026-12-01 10:30"), stood("DELEGATED"), "SATURN", "NEPTUNE", ""},
		{"long over", taken(t), taken(t), invite("2026-11-01 10:00"), nil, "", "", "stands"},
	} {
		f := facts()
		f.Candidates = among(candidate(t, "saturn", tt.saturn, "capacity=10", "building=B"), candidate(t, "neptune", tt.neptune, "capacity=8"), candidate(t, "tiny", taken(t), "capacity=1"),
			candidate(t, "asked", taken(t), "book=", "request=*"), candidate(t, "shut", taken(t), "bookable=false"))
		tt.in.Old = tt.old
		got, err := policy.FromPool(tt.in, f, tt.was, now(t))
		if err != nil || got.Room != tt.want || got.Stands != (tt.why == "stands") || !got.Stands && got.Why.Code != tt.why {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}

// One event for two rooms: each answers for itself.
func TestTwoRooms(t *testing.T) {
	saturn := facts()
	saturn.Addresses = []string{"mailto:saturn@example.com"}
	in := policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"ATTENDEE:mailto:saturn@example.com"}}.object(t)}
	first := decide(t, set(t), in, facts(), taken(t, "2026-12-01 10:00/11:00"))
	second := decide(t, set(t), in, saturn, taken(t))
	if told(first) != "DECLINED conflict" || told(second) != "ACCEPTED" {
		t.Errorf("%s; %s", told(first), told(second))
	}
}

func TestFits(t *testing.T) {
	span := policy.Span{Start: at(t, "2026-12-01 10:00"), End: at(t, "2026-12-01 11:00")}
	l := policy.NewBookings(policy.Booking{Span: span, UID: "held", State: policy.Waiting})
	if ok, taker := policy.Fits(set(t), l, span, nil); ok || taker.UID != "held" {
		t.Errorf("%t, %v", ok, taker)
	}
	if ok, _ := policy.Fits(set(t), l, span, []string{"held"}); !ok {
		t.Error("a request is in its own way")
	}
}

func TestExpires(t *testing.T) {
	p := set(t)
	for _, tt := range []struct{ start, want string }{
		{"2026-12-24 10:00", "2026-11-27 10:00"},
		{"2026-11-25 10:00", "2026-11-25 09:00"},
		{"2026-11-24 10:30", "2026-11-24 10:15"},
	} {
		if got := p.Expires(now(t), at(t, tt.start)); got != at(t, tt.want) {
			t.Errorf("%s: %d, want %d", tt.start, got, at(t, tt.want))
		}
	}
	if got := p.RemindAt(1000, 2000); got != 1500 {
		t.Error(got)
	}
	if got := set(t, "remind-after=0").RemindAt(1000, 2000); got != 0 {
		t.Error(got)
	}
}

func TestCheckIn(t *testing.T) {
	p := set(t, "check-in=required")
	b := policy.Booking{Span: policy.Span{Start: at(t, "2026-12-01 10:00"), End: at(t, "2026-12-01 11:00")}, State: policy.Booked}
	w, ok := p.CheckInWindow(b.Span, false)
	if !ok || w.Start != at(t, "2026-12-01 09:45") || w.End != at(t, "2026-12-01 10:10") {
		t.Errorf("%v %t", w, ok)
	}
	for _, tt := range []struct {
		name   string
		knobs  []string
		b      policy.Booking
		allDay bool
		up     int64
		now    int64
		want   bool
	}{
		{"nobody came", nil, b, false, 1500, w.End + 1, true},
		{"there is still time", nil, b, false, 1500, w.End, false},
		{"the server was down", nil, b, false, 299, w.End + 1, false},
		{"all day", nil, b, true, 1500, w.End + 1, false},
		{"optional", []string{"check-in=optional"}, b, false, 1500, w.End + 1, false},
		{"off", []string{"check-in=off"}, b, false, 1500, w.End + 1, false},
		{"kept", []string{"release-noshow=false"}, b, false, 1500, w.End + 1, false},
		{"a block", nil, policy.Booking{Span: b.Span, State: policy.Blocked}, false, 1500, w.End + 1, false},
		{"too short", []string{"closes=56"}, b, false, 1500, b.Start + 57*60, false},
	} {
		if got := set(t, append([]string{"check-in=required"}, tt.knobs...)...).NoShow(tt.b, tt.allDay, tt.up, tt.now); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestDeserted(t *testing.T) {
	p := set(t, "release-declined=true")
	start := at(t, "2026-12-01 10:00")
	made := at(t, "2026-11-24 10:00")
	no := func(n string) string { return "ATTENDEE;PARTSTAT=DECLINED:mailto:" + n + "@example.com" }
	yes := func(n string) string { return "ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + n + "@example.com" }
	var many []string
	for i := range 25 {
		many = append(many, no(strings.Repeat("p", i+1)))
	}
	for _, tt := range []struct {
		name      string
		end       string
		lines     []string
		made, now int64
		want      bool
	}{
		{"all others declined", "", []string{no("bob"), no("dan")}, made, start - 660, true},
		{"too late", "", []string{no("bob"), no("dan")}, made, start - 540, false},
		{"one comes", "", []string{no("bob"), yes("dan")}, made, start - 660, false},
		{"nobody else was invited", "", nil, made, start - 660, false},
		{"many people", "", many, made, start - 660, false},
		{"just made", "", []string{no("bob")}, start - 1200, start - 660, false},
		{"half a day", "2026-12-01 15:00", []string{no("bob")}, made, start - 660, false},
	} {
		m := meeting{start: "2026-12-01 10:00", end: tt.end, lines: tt.lines}
		o := m.object(t)
		end := start + 3600
		if tt.end != "" {
			end = at(t, tt.end)
		}
		if got := facts().Deserted(p, o.Master, policy.Span{Start: start, End: end}, tt.made, tt.now); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
	if facts().Deserted(set(t), meeting{start: "2026-12-01 10:00", lines: []string{no("bob")}}.object(t).Master, policy.Span{Start: start, End: start + 3600}, made, start-660) {
		t.Error("released although the policy does not say so")
	}
}

// Bookings that share a time with more than there are slots.
func TestOverbooked(t *testing.T) {
	three := taken(t, "2026-12-01 10:00/12:00", "2026-12-01 10:30/11:00", "2026-12-01 10:45/11:30", "2026-12-01 12:00/13:00")
	var closed []policy.Booking
	for _, b := range three.All() {
		b.State = policy.Blocked
		closed = append(closed, b)
	}
	for _, tt := range []struct {
		name  string
		all   []policy.Booking
		knobs []string
		want  int
	}{
		{"three slots", three.All(), []string{"slots=3"}, 0},
		{"two", three.All(), []string{"slots=2"}, 1},
		{"one", three.All(), []string{"slots=1"}, 2},
		{"one, with buffers", three.All(), []string{"slots=1", "buffer-after=5"}, 3},
		{"any number", three.All(), []string{"slots=0"}, 0},
		{"not exclusive", three.All(), []string{"exclusive=false"}, 0},
		{"closed again and again", closed, nil, 0},
		{"closed and booked", append(closed[:2:2], three.All()[2]), []string{"slots=1"}, 1},
	} {
		if got := set(t, tt.knobs...).Overbooked(tt.all); len(got) != tt.want {
			t.Errorf("%s: %v, want %d", tt.name, got, tt.want)
		}
	}
	for _, tt := range []struct {
		was, will string
		want      bool
	}{{"slots=3", "slots=2", true}, {"slots=2", "slots=3", false}, {"slots=0", "slots=9", true}, {"exclusive=false", "slots=1", true}, {"buffer-before=5", "buffer-before=6", true}, {"mode=none", "mode=automatic", false}} {
		if got := set(t, tt.will).HoldsLess(set(t, tt.was)); got != tt.want {
			t.Errorf("%s → %s: %v", tt.was, tt.will, got)
		}
	}
}
