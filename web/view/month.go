package view

import (
	"slices"
	"time"

	"convene/internal/ical"
)

// A Sheet is the weeks in which the days of a month are.
type Sheet struct{ Weeks []Week }

// A Week is a row of a Sheet.
type Week struct {
	Number int // ISO 8601
	Cells  [7]Cell
}

// A Cell is a day of a Sheet.
type Cell struct {
	Day     Day
	Outside bool // it is of another month
	Entries []Entry
	More    int // items for which there was no row
	Count   int // all items of the day
}

// An Entry is a row of a Cell.
type Entry struct {
	Item         int  // -1: nothing, so that a bar is in the same row all along
	Bar          bool // drawn across days
	Begins, Ends bool
}

// SheetDays are the first day of the sheet of the month that a day is in, and the one behind.
func SheetDays(d Day, first time.Weekday) (from, to Day) {
	return d.MonthStart(0).WeekStart(first), (d.MonthStart(1) - 1).WeekStart(first) + 7
}

// NewSheet lays out the month that a day is in. A cell has no more than rows rows; if its
// items need more, the last one is for the number of the rest.
func NewSheet(d Day, first time.Weekday, items []Item, zone *ical.Zone, rows int) *Sheet {
	from, to := SheetDays(d, first)
	month := d.Time().Month()
	s := &Sheet{Weeks: make([]Week, (to-from)/7)}
	room := make([]Entry, int(to-from)*(rows+1)) // of all cells, with one row to see that there are more
	for w := range s.Weeks {
		s.Weeks[w].Number = (from + Day(7*w)).Week()
		for c := range s.Weeks[w].Cells {
			cell := &s.Weeks[w].Cells[c]
			cell.Day = from + Day(7*w+c)
			cell.Outside = cell.Day.Time().Month() != month
			cell.Entries, room = room[:0:rows+1], room[rows+1:]
		}
	}
	for i := range items {
		if items[i].isBar() {
			s.addBar(i, items, from, to, zone)
		}
	}
	for i := range items {
		if items[i].isBar() {
			continue
		}
		if day := DayOf(items[i].Start, zone); day >= from && day < to {
			s.cell(day-from).add(Entry{Item: i, Begins: true, Ends: true}, rows)
		}
	}
	for w := range s.Weeks {
		for c := range s.Weeks[w].Cells {
			s.Weeks[w].Cells[c].trim(rows)
		}
	}
	return s
}

func (s *Sheet) cell(n Day) *Cell { return &s.Weeks[n/7].Cells[n%7] }

// addBar puts a bar into a row that is free all along, in each week by itself.
func (s *Sheet) addBar(i int, items []Item, from, to Day, zone *ical.Zone) {
	begins, ends := items[i].days(zone)
	for day := max(begins, from); day <= min(ends, to-1); {
		week := day + 7 - (day-from)%7 // the day behind the week
		last := min(ends, week-1)
		row := 0
		for n := day; n <= last; n++ {
			if c := s.cell(n - from); row < len(c.Entries) && c.Entries[row].Item >= 0 {
				row++
				n = day - 1
			}
		}
		for n := day; n <= last; n++ {
			c := s.cell(n - from)
			for len(c.Entries) <= row {
				c.Entries = append(c.Entries, Entry{Item: -1})
			}
			c.Entries[row] = Entry{Item: i, Bar: true, Begins: n == begins, Ends: n == ends}
			c.Count++
		}
		day = week
	}
}

// Shown reports of each of n items whether it is in a cell.
func (s *Sheet) Shown(n int) []bool {
	shown := make([]bool, n)
	for w := range s.Weeks {
		for c := range s.Weeks[w].Cells {
			for _, e := range s.Weeks[w].Cells[c].Entries {
				if e.Item >= 0 {
					shown[e.Item] = true
				}
			}
		}
	}
	return shown
}

// add puts an item into the first free row. Behind the last row one is enough to see that there
// are more.
func (c *Cell) add(e Entry, rows int) {
	c.Count++
	if free := slices.IndexFunc(c.Entries, func(e Entry) bool { return e.Item < 0 }); free >= 0 {
		c.Entries[free] = e
		return
	}
	if len(c.Entries) <= rows {
		c.Entries = append(c.Entries, e)
	}
}

// trim leaves as many entries as there are rows, one of which says how many are left out.
func (c *Cell) trim(rows int) {
	if len(c.Entries) <= rows {
		return
	}
	c.Entries, c.More = c.Entries[:rows-1], c.Count
	for _, e := range c.Entries {
		if e.Item >= 0 {
			c.More--
		}
	}
}
