package policy_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"convene/rooms/policy"
)

func TestPermission(t *testing.T) {
	for _, tt := range []struct {
		knobs []string
		want  policy.Permission
	}{
		{nil, policy.MayBook},
		{[]string{"book=group:execs"}, policy.MayBook},
		{[]string{"book=user:dan"}, policy.MayNot},
		{[]string{"book=", "request=group:staff"}, policy.MayRequest},
		{[]string{"deny=user:ann"}, policy.MayNot},
		{[]string{"bookable=false"}, policy.MayNot},
		{[]string{"mode=none"}, policy.MayRequest},
		{[]string{"mode=none", "auto-accept-group=group:staff"}, policy.MayBook},
		{[]string{"mode=decline-always"}, policy.MayNot},
		{[]string{"mode=decline-if-busy"}, policy.MayRequest},
		{[]string{"mode=accept-if-free"}, policy.MayBook},
	} {
		if got := facts().Permission(set(t, tt.knobs...)); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.knobs, got, tt.want)
		}
	}
}

func TestFirstFree(t *testing.T) {
	l := taken(t, "2026-12-01 08:00/09:30", "2026-12-01 10:00/17:30")
	hour := int64(3600)
	for _, tt := range []struct {
		name, from, until string
		length            int64
		busy              []string
		knobs             []string
		want              string
	}{
		{"between bookings", "2026-12-01 08:00", "2026-12-02 00:00", hour / 2, nil, nil, "2026-12-01 09:30"},
		{"too short between them", "2026-12-01 08:00", "2026-12-02 00:00", hour, nil, nil, "2026-12-01 17:30"},
		{"at once", "2026-12-01 07:00", "2026-12-02 00:00", hour, nil, nil, "2026-12-01 07:00"},
		{"people are busy", "2026-12-01 07:00", "2026-12-02 00:00", hour, []string{"2026-12-01 07:30/18:15"}, nil, "2026-12-01 18:15"},
		{"within hours that nobody insists on", "2026-12-01 06:00", "2026-12-03 00:00", hour, nil, []string{"hours=Mon-Fri 08:00-18:00"}, "2026-12-02 08:00"},
		{"buffers", "2026-12-01 08:00", "2026-12-02 00:00", hour, nil, []string{"buffer-after=15"}, "2026-12-01 17:45"},
		{"notice", "2026-11-24 10:00", "2026-11-25 00:00", hour, nil, []string{"min-notice=90"}, "2026-11-24 11:30"},
		{"window", "2026-11-30 08:00", "2026-12-02 00:00", hour, nil, []string{"window=3"}, ""},
		{"too many people", "2026-12-01 07:00", "2026-12-02 00:00", hour, nil, []string{"capacity=2", "enforce-capacity=true"}, ""},
		{"behind the end", "2026-12-01 10:00", "2026-12-01 17:30", hour, nil, nil, ""},
	} {
		s := policy.Search{From: at(t, tt.from), Until: at(t, tt.until), Length: tt.length, Heads: 3}
		for _, b := range taken(t, tt.busy...).All() {
			s.Busy = append(s.Busy, b.Span)
		}
		got, ok := policy.FirstFree(set(t, tt.knobs...), facts(), l, s, now(t))
		if ok != (tt.want != "") || ok && got != at(t, tt.want) {
			t.Errorf("%s: %v %d, want %q", tt.name, ok, got, tt.want)
		}
	}
}

// A room says of a wish what it would answer to the invitation.
func TestForesight(t *testing.T) {
	clock := func(minutes int) string { return fmt.Sprintf("2026-12-01 %02d:%02d", minutes/60, minutes%60) }
	rapid.Check(t, func(rt *rapid.T) {
		var spans []string
		for range rapid.IntRange(0, 6).Draw(rt, "bookings") {
			from := rapid.IntRange(0, 22*60).Draw(rt, "from")
			spans = append(spans, clock(from)+"/"+clock(from + rapid.IntRange(1, 90).Draw(rt, "minutes"))[11:])
		}
		knobs := []string{rapid.SampledFrom([]string{"slots=1", "slots=2", "buffer-after=10", "max-duration=45", "hours-only=true", "min-attendees=3"}).Draw(rt, "knob"), "hours=Mon-Fri 08:00-18:00"}
		from := rapid.IntRange(0, 22*60).Draw(rt, "start")
		m := meeting{start: clock(from), end: clock(from + rapid.IntRange(1, 90).Draw(rt, "length"))}
		p, l := set(t, knobs...), taken(t, spans...)
		a := decide(t, p, policy.Invite{Object: m.object(t)}, facts(), l)
		wish := policy.Wish{Dates: []policy.Span{{Start: at(t, m.start), End: at(t, m.end)}}, Heads: 1}
		o := policy.Foresee(p, facts(), l, wish, now(t))
		if (o.Free == 1) != (a.Occurrences[0].PartStat == policy.Accepted) {
			rt.Fatalf("%v: free for %d, and %s", knobs, o.Free, told(a))
		}
		if o.Free == 0 && o.Reason.Code != a.Occurrences[0].Reasons[0].Code {
			rt.Fatalf("%v: %s, and %s", knobs, o.Reason.Code, told(a))
		}
	})
}

func TestSpansOfHours(t *testing.T) {
	p := set(t, "hours=Sat 22:00-24:00; Sun 00:00-04:00 10:00-12:00")
	// In the night to 25 October 2026 the clocks of Berlin go back.
	from, to := at(t, "2026-10-24 00:00"), at(t, "2026-10-26 00:00")
	want := []policy.Span{{Start: at(t, "2026-10-24 22:00"), End: at(t, "2026-10-25 04:00")}, {Start: at(t, "2026-10-25 10:00"), End: at(t, "2026-10-25 12:00")}}
	got := p.Hours.Spans(from, to, p.Zone)
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if n := got[0].End - got[0].Start; n != 7*3600 {
		t.Errorf("the night has %d s", n)
	}
}
