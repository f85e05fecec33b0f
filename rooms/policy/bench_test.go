package policy_test

import (
	"fmt"
	"testing"

	"convene/rooms/policy"
)

// full is a ledger of n bookings of an hour, three a day from D on.
func full(b *testing.B, n int) *policy.Bookings {
	start := at(b, "2026-12-01 11:00")
	list := make([]policy.Booking, n)
	for i := range list {
		from := start + int64(i/3)*86400 + int64(i%3)*2*3600
		list[i] = policy.Booking{Span: policy.Span{Start: from, End: from + 3600}, State: policy.Booked, UID: fmt.Sprint(i)}
	}
	return policy.NewBookings(list...)
}

func BenchmarkDecide(b *testing.B) {
	for _, bb := range []struct {
		name, start, rule string
		bookings          int
	}{
		{"one/2000", "2026-12-01 10:00", "", 2000},
		{"one taken/2000", "2026-12-01 11:00", "", 2000},
		{"260/2000", "2026-12-01 10:00", "RRULE:FREQ=DAILY;COUNT=260", 2000},
		{"260 taken/2000", "2026-12-01 11:30", "RRULE:FREQ=DAILY;COUNT=260", 2000},
		{"500/5000", "2026-12-01 10:00", "RRULE:FREQ=DAILY;COUNT=500", 5000},
		{"3000/5000", "2026-12-01 10:00", "RRULE:FREQ=HOURLY;INTERVAL=8;COUNT=3000", 5000},
	} {
		m := meeting{start: bb.start}
		if bb.rule != "" {
			m.lines = []string{bb.rule}
		}
		p, in, f, l, when := set(b), policy.Invite{Object: m.object(b)}, facts(), full(b, bb.bookings), now(b)
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := policy.Decide(p, in, f, l, when); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCopy(b *testing.B) {
	p, f := set(b), facts()
	in := policy.Invite{Object: meeting{start: "2026-12-01 10:00", lines: []string{"RRULE:FREQ=DAILY;COUNT=260"}}.object(b)}
	a := decide(b, p, in, f, full(b, 2000))
	b.ReportAllocs()
	for b.Loop() {
		a.Copy(p, in, f, now(b))
	}
}
