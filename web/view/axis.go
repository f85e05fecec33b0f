package view

import (
	"convene/internal/ical"
)

// An axis says which row of a Grid a moment is in.
type axis struct {
	days  []Day
	zone  *ical.Zone
	turns []turn // of each day

	at, extra int // rows that are there twice lie before row at; how many: 0, none
}

// A turn is how the clock changes on a day. The zero turn: not at all.
type turn struct {
	when     int64 // Unix seconds
	from, to int   // seconds of the day that the clock shows before and after
	none     bool  // the whole day is left out
}

func newAxis(days []Day, zone *ical.Zone) *axis {
	a := &axis{days: days, zone: zone, turns: make([]turn, len(days))}
	for i, d := range days {
		start, end := d.Start(zone), (d + 1).Start(zone)
		if start >= end {
			a.turns[i].none = true
			continue
		}
		for _, t := range zone.Transitions(start, end, 1) {
			base := int64(d) * daySeconds
			a.turns[i] = turn{when: t.At, from: int(t.At + int64(t.From) - base), to: int(t.At + int64(t.To) - base)}
		}
		if t := a.turns[i]; t.to < t.from && a.extra == 0 {
			a.at, a.extra = ceilRow(t.from), ceilRow(t.from-t.to)
		}
	}
	return a
}

func ceilRow(seconds int) int { return (seconds + Quarter - 1) / Quarter }

// row is the row of a moment on a day of the axis.
func (a *axis) row(day int, unix int64) int {
	row := int(floorDiv(a.zone.Wall(unix)-int64(a.days[day])*daySeconds, Quarter))
	row = min(max(row, 0), rowsInDay-1)
	switch t := &a.turns[day]; {
	case a.extra == 0:
	case t.to < t.from && unix >= t.when, t.to >= t.from && row >= a.at:
		row += a.extra
	}
	return min(row, rowsInDay+a.extra-1)
}

// lacking are the rows that a day does not have.
func (a *axis) lacking(day int) (list []Rows) {
	t := &a.turns[day]
	if t.none {
		return []Rows{{0, rowsInDay + a.extra}}
	}
	if a.extra > 0 && t.to >= t.from {
		list = append(list, Rows{a.at, a.extra})
	}
	if from := max(t.from, 0); t.to > from {
		r := Rows{from / Quarter, ceilRow(t.to) - from/Quarter}
		if a.extra > 0 && r.Row >= a.at {
			r.Row += a.extra
		}
		list = append(list, r)
	}
	return list
}

// hours are where hours begin.
func (a *axis) hours() (list []Hour) {
	const inHour = 3600 / Quarter
	for h := range 24 {
		row := h * inHour
		if a.extra > 0 && row == a.at {
			list = a.appendAgain(list)
		}
		if a.extra > 0 && row >= a.at {
			row += a.extra
		}
		list = append(list, Hour{Row: row, Hour: h})
	}
	if a.extra > 0 && a.at >= rowsInDay {
		list = a.appendAgain(list)
	}
	return list
}

// appendAgain adds the hours that begin in the repeated rows.
func (a *axis) appendAgain(list []Hour) []Hour {
	const inHour = 3600 / Quarter
	for r := a.at - a.extra; r < a.at; r++ {
		if r%inHour == 0 {
			list = append(list, Hour{Row: r + a.extra, Hour: r / inHour, Again: true})
		}
	}
	return list
}
