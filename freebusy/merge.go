package freebusy

import (
	"cmp"
	"slices"

	"convene/internal/ical"
)

// Merge returns the busy times between from and to, in Unix seconds, that periods
// cover: in order, those of one type that meet joined. Busy and tentative times may
// overlap (RFC 4791 §7.10); of the time that somebody is not there at all, what
// happens in it is told instead (RFC 7953 §4). It keeps nothing of periods, and does
// not change them.
func Merge(periods []ical.BusyPeriod, from, to int64) []ical.BusyPeriod {
	busy := join(ofType(periods, ical.Busy, from, to))
	tentative := join(ofType(periods, ical.BusyTentative, from, to))
	away := join(ofType(periods, ical.BusyUnavailable, from, to))
	merged := slices.Concat(busy, tentative)
	if len(away) > 0 {
		away = subtract(away, join(slices.Clone(merged)))
	}
	merged = append(merged, away...)
	byStart(merged)
	return merged
}

func byStart(periods []ical.BusyPeriod) {
	slices.SortFunc(periods, func(a, b ical.BusyPeriod) int {
		if a.Start != b.Start {
			return cmp.Compare(a.Start, b.Start)
		}
		return cmp.Compare(b.Type, a.Type) // busy before the others
	})
}

// ofType returns the periods of a type in a range, cut to it.
func ofType(periods []ical.BusyPeriod, typ ical.BusyType, from, to int64) (own []ical.BusyPeriod) {
	for _, p := range periods {
		p.Start, p.End = max(p.Start, from), min(p.End, to)
		if p.Type == typ && p.Start < p.End {
			own = append(own, p)
		}
	}
	return own
}

// join sorts periods, and makes one of those that meet, whatever their types. It
// works in place.
func join(periods []ical.BusyPeriod) []ical.BusyPeriod {
	byStart(periods)
	kept := periods[:0]
	for _, p := range periods {
		if n := len(kept); n > 0 && p.Start <= kept[n-1].End {
			kept[n-1].End = max(kept[n-1].End, p.End)
			continue
		}
		kept = append(kept, p)
	}
	return kept
}

// subtract returns what of periods is in none of others. Both are joined.
func subtract(periods, others []ical.BusyPeriod) (left []ical.BusyPeriod) {
	next := 0
	for _, p := range periods {
		for next < len(others) && others[next].End <= p.Start {
			next++
		}
		for i := next; i < len(others) && others[i].Start < p.End; i++ {
			o := others[i]
			if o.Start > p.Start {
				left = append(left, ical.BusyPeriod{Start: p.Start, End: o.Start, Type: p.Type})
			}
			p.Start = o.End
		}
		if p.Start < p.End {
			left = append(left, p)
		}
	}
	return left
}
