package ical

import (
	"fmt"
	"testing"
)

// BenchmarkInstances takes all instances of a window, at several distances from
// DTSTART.
func BenchmarkInstances(b *testing.B) {
	const year, month = 365 * secondsPerDay, 30 * secondsPerDay
	for _, bm := range []struct {
		name, rule string
		window     int64
	}{
		{"daily/year", "FREQ=DAILY", year},
		{"daily/month", "FREQ=DAILY", month},
		{"weekly/year", "FREQ=WEEKLY;BYDAY=MO,WE,FR", year},
		{"weekly/month", "FREQ=WEEKLY;BYDAY=MO,WE,FR", month},
		{"monthly/year", "FREQ=MONTHLY;BYDAY=2TU", year},
		{"yearly/year", "FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", year},
		{"workdays-count/month", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;COUNT=100000", month},
	} {
		s := series(b, event("DTSTART;TZID=Europe/Berlin:20000103T090000\nDTEND;TZID=Europe/Berlin:20000103T100000\nRRULE:"+bm.rule))
		for _, years := range []int64{0, 10, 40} {
			b.Run(fmt.Sprintf("%s/after-%d-years", bm.name, years), func(b *testing.B) {
				b.ReportAllocs()
				from := utc(b, "20000103T000000Z", 0) + years*year
				n := 0
				for b.Loop() {
					n = 0
					for _, err := range s.Instances(from, from+bm.window, nil, NewBudget(100000)) {
						if err != nil {
							b.Fatal(err)
						}
						n++
					}
				}
				b.ReportMetric(float64(n), "instances")
			})
		}
	}
}

func BenchmarkSeries(b *testing.B) {
	o := object(b, event("DTSTART;TZID=Europe/Berlin:20000103T090000\nDTEND;TZID=Europe/Berlin:20000103T100000\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE,FR"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := o.Series(); err != nil {
			b.Fatal(err)
		}
	}
}
