package freebusy_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"convene/freebusy"
	"convene/internal/ical"
)

// period is a busy time in minutes.
func period(start, end int64, typ ical.BusyType) ical.BusyPeriod {
	return ical.BusyPeriod{Start: 60 * start, End: 60 * end, Type: typ}
}

// text lists periods in minutes: "busy 10-20".
func text(periods []ical.BusyPeriod) string {
	var all []string
	for _, p := range periods {
		all = append(all, fmt.Sprintf("%s %d-%d", strings.ToLower(strings.TrimPrefix(p.Type.String(), "BUSY-")), p.Start/60, p.End/60))
	}
	return strings.Join(all, ", ")
}

func TestMerge(t *testing.T) {
	const b, u, te = ical.Busy, ical.BusyUnavailable, ical.BusyTentative
	for _, tt := range []struct {
		name    string
		periods []ical.BusyPeriod
		want    string
	}{
		{"nothing", nil, ""},
		{"one", []ical.BusyPeriod{period(10, 20, b)}, "busy 10-20"},
		{"in order", []ical.BusyPeriod{period(30, 40, b), period(10, 20, te)}, "tentative 10-20, busy 30-40"},
		{"those that meet", []ical.BusyPeriod{period(20, 30, b), period(10, 20, b)}, "busy 10-30"},
		{"those that overlap", []ical.BusyPeriod{period(10, 25, b), period(20, 30, b), period(12, 14, b)}, "busy 10-30"},
		{"a second between", []ical.BusyPeriod{period(10, 20, b), period(21, 30, b)}, "busy 10-20, busy 21-30"},
		{"cut", []ical.BusyPeriod{period(-10, 5, b), period(95, 200, te)}, "busy 0-5, tentative 95-100"},
		{"outside", []ical.BusyPeriod{period(-10, 0, b), period(100, 200, te)}, ""},
		{"free and empty", []ical.BusyPeriod{period(10, 20, ical.Free), period(30, 30, b), period(50, 40, b)}, ""},
		{"a meeting in the evening", []ical.BusyPeriod{period(0, 100, u), period(10, 20, b)}, "unavailable 0-10, busy 10-20, unavailable 20-100"},
		{"perhaps a meeting in the evening", []ical.BusyPeriod{period(10, 50, u), period(0, 20, te)}, "tentative 0-20, unavailable 20-50"},
		{"perhaps another meeting", []ical.BusyPeriod{period(10, 50, te), period(20, 30, b), period(30, 35, b)}, "tentative 10-50, busy 20-35"},
		{"all three", []ical.BusyPeriod{period(0, 30, te), period(10, 60, u), period(20, 50, b)}, "tentative 0-30, busy 20-50, unavailable 50-60"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, text(freebusy.Merge(tt.periods, 0, 6000))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is told of each minute is what there is, but for absence while there is
// something else; and it is told shortly.
func TestMergeByMinutes(t *testing.T) {
	type minute map[ical.BusyType]bool
	rapid.Check(t, func(t *rapid.T) {
		types := rapid.SampledFrom([]ical.BusyType{ical.Free, ical.BusyTentative, ical.BusyUnavailable, ical.Busy})
		const from, to = 5, 55
		var periods []ical.BusyPeriod
		want, got := [90]minute{}, [90]minute{}
		mark := func(on *[90]minute, m int64, typ ical.BusyType) {
			if on[m] == nil {
				on[m] = minute{}
			}
			on[m][typ] = true
		}
		for range rapid.IntRange(0, 12).Draw(t, "periods") {
			start, length, typ := rapid.Int64Range(0, 59).Draw(t, "start"), rapid.Int64Range(0, 20).Draw(t, "length"), types.Draw(t, "type")
			periods = append(periods, period(start, start+length, typ))
			for m := max(start, from); m < min(start+length, to); m++ {
				mark(&want, m, typ)
			}
		}
		for m := range want {
			delete(want[m], ical.Free)
			if len(want[m]) > 1 {
				delete(want[m], ical.BusyUnavailable)
			}
		}
		before := text(periods)
		merged := freebusy.Merge(periods, 60*from, 60*to)
		ends := map[ical.BusyType]int64{}
		for i, p := range merged {
			if i > 0 && merged[i-1].Start > p.Start || ends[p.Type] >= p.Start || p.Start >= p.End {
				t.Fatalf("not in order, or not joined: %s", text(merged))
			}
			ends[p.Type] = p.End
			for m := p.Start / 60; m < p.End/60; m++ {
				mark(&got, m, p.Type)
			}
		}
		for m := range want {
			if !maps.Equal(got[m], want[m]) {
				t.Fatalf("minute %d is %v, want %v: %s of %s", m, got[m], want[m], text(merged), before)
			}
		}
		if text(periods) != before {
			t.Fatalf("changed %s to %s", before, text(periods))
		}
		if again := freebusy.Merge(merged, 60*from, 60*to); text(again) != text(merged) {
			t.Fatalf("again: %s of %s", text(again), text(merged))
		}
	})
}

func BenchmarkMerge(b *testing.B) {
	var all []ical.BusyPeriod
	for i := range int64(1000) {
		all = append(all, ical.BusyPeriod{Start: i * 977 % 1000 * 1800, End: i*977%1000*1800 + 3600, Type: ical.BusyType(1 + i%3)})
	}
	for b.Loop() {
		freebusy.Merge(all, 0, 2_000_000)
	}
}
