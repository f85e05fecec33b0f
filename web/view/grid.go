package view

import (
	"cmp"
	"slices"

	"convene/internal/ical"
)

// Quarter is what a row of a Grid stands for, in seconds.
const Quarter = 15 * 60

const rowsInDay = daySeconds / Quarter

// A Grid is some days beside each other, in rows of a quarter of an hour. Where the clock is
// put back in one of them it has the repeated rows twice; the other days lack them, as a day
// in which the clock is put forward lacks what is left out.
type Grid struct {
	Rows    int
	Hours   []Hour
	Columns []Column
	Bands   int // rows of what is drawn across days

	axis *axis
}

// An Hour is a row at which an hour begins.
type Hour struct {
	Row   int
	Hour  int  // 0 to 23
	Again bool // for the second time, after the clock was put back
}

// A Column is a day of a Grid.
type Column struct {
	Day     Day
	Bars    []Bar
	Blocks  []Block
	More    []More
	Lacking []Rows // that this day does not have
	Now     int    // row of the present; -1: another day
	Count   int    // items on the day
}

// Rows are some rows: from the one on, so many.
type Rows struct{ Row, Span int }

// A Bar is the part of an item, drawn across days, that is on one of them.
type Bar struct {
	Item         int
	Band         int  // its row, the same on all days
	Begins, Ends bool // here
}

// A Block is an item, or the part of it that is on a day, at its hours.
type Block struct {
	Item         int
	Row, Span    int
	Lane, Lanes  int // of those beside each other
	Wide         int // lanes that it may take
	Begins, Ends bool
}

// More stands for items for which there is no lane.
type More struct {
	Row, Span   int
	Lane, Lanes int
	Count       int
}

// leastRows is how many rows an item takes at least, so that it can be read and hit.
const leastRows = 2

// NewGrid lays out items on days. No more than lanes are beside each other; now is the
// present, in Unix seconds.
func NewGrid(days []Day, items []Item, zone *ical.Zone, now int64, lanes int) *Grid {
	axis := newAxis(days, zone)
	g := &Grid{axis: axis, Rows: rowsInDay + axis.extra, Hours: axis.hours(), Columns: make([]Column, len(days))}
	for i, d := range days {
		g.Columns[i] = Column{Day: d, Now: -1, Lacking: axis.lacking(i)}
		if DayOf(now, zone) == d {
			g.Columns[i].Now = axis.row(i, now)
		}
	}
	var bars []int
	for i := range items {
		if items[i].isBar() {
			bars = append(bars, i)
			continue
		}
		first, last := items[i].days(zone)
		for c := range days {
			if days[c] < first || days[c] > last || axis.turns[c].none {
				continue
			}
			b := Block{Item: i, Begins: days[c] == first, Ends: days[c] == last}
			end := rowsInDay + axis.extra
			if b.Begins {
				b.Row = axis.row(c, items[i].Start)
			}
			if b.Ends {
				end = axis.row(c, max(items[i].Start, items[i].End-1)) + 1
			}
			b.Span = max(end-b.Row, leastRows)
			if b.Row+b.Span > g.Rows {
				b.Row = g.Rows - b.Span
			}
			g.Columns[c].Blocks = append(g.Columns[c].Blocks, b)
			g.Columns[c].Count++
		}
	}
	g.Bands = g.addBars(days, items, bars, zone)
	for i := range g.Columns {
		g.Columns[i].arrange(lanes)
	}
	return g
}

// RowsOf are the rows of a span on a day of the grid, those that it is in by half as well; false:
// none.
func (g *Grid) RowsOf(day int, s Span) (Rows, bool) {
	a := g.axis
	begin, end := a.days[day].Start(a.zone), (a.days[day] + 1).Start(a.zone)
	if s.Start >= end || s.End <= begin || s.Start >= s.End {
		return Rows{}, false
	}
	row, last := 0, g.Rows
	if s.Start > begin {
		row = a.row(day, s.Start)
	}
	if s.End < end {
		last = a.row(day, s.End-1) + 1
	}
	return Rows{row, last - row}, true
}

// Elsewhere is what a clock in another zone shows where an hour of the grid begins, in seconds
// of the day: on each day of the grid that has the hour, each only once.
func (g *Grid) Elsewhere(hour int, zone *ical.Zone) (clocks []int) {
	h := &g.Hours[hour]
	for i, d := range g.axis.days {
		at, t := g.axis.zone.Unix(int64(d)*daySeconds+int64(h.Hour)*3600), &g.axis.turns[i]
		if h.Again && t.to < t.from { // the second time that the clock shows it
			at = t.when + int64(h.Hour)*3600 - int64(t.to)
		}
		if t.none || g.axis.row(i, at) != h.Row {
			continue
		}
		clock := int(zone.Wall(at) - int64(DayOf(at, zone))*daySeconds)
		if !slices.Contains(clocks, clock) {
			clocks = append(clocks, clock)
		}
	}
	return clocks
}

// addBars gives each bar the first row that is free on all its days, and returns how many
// rows there are.
func (g *Grid) addBars(days []Day, items []Item, bars []int, zone *ical.Zone) (bands int) {
	taken := make([][]bool, len(days))
	for _, i := range bars {
		first, last := items[i].days(zone)
		on := func(c int) bool { return days[c] >= first && days[c] <= last }
		band := firstFree(taken, on)
		for c := range days {
			if on(c) {
				take(&taken[c], band)
				g.Columns[c].Bars = append(g.Columns[c].Bars, Bar{Item: i, Band: band, Begins: days[c] == first, Ends: days[c] == last})
				g.Columns[c].Count++
				bands = max(bands, band+1)
			}
		}
	}
	for c := range g.Columns {
		slices.SortFunc(g.Columns[c].Bars, func(a, b Bar) int { return cmp.Compare(a.Band, b.Band) })
	}
	return bands
}

// firstFree is the first row that is taken on none of some days.
func firstFree(taken [][]bool, on func(int) bool) int {
	for row := 0; ; row++ {
		free := true
		for c := range taken {
			free = free && !(on(c) && row < len(taken[c]) && taken[c][row])
		}
		if free {
			return row
		}
	}
}

func take(rows *[]bool, row int) {
	for len(*rows) <= row {
		*rows = append(*rows, false)
	}
	(*rows)[row] = true
}

// arrange puts the blocks of a day into lanes: what overlaps lies beside each other.
func (c *Column) arrange(lanes int) {
	slices.SortStableFunc(c.Blocks, func(a, b Block) int { return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(b.Span, a.Span)) })
	kept := c.Blocks[:0]
	for from := 0; from < len(c.Blocks); {
		end, to := c.Blocks[from].Row+c.Blocks[from].Span, from+1
		for to < len(c.Blocks) && c.Blocks[to].Row < end {
			end = max(end, c.Blocks[to].Row+c.Blocks[to].Span)
			to++
		}
		cluster := c.Blocks[from:to]
		n, more := colour(cluster, lanes, end)
		if more.Count > 0 {
			c.More = append(c.More, more)
		}
		for i := range cluster {
			if cluster[i].Lane < n {
				kept = append(kept, cluster[i])
			}
		}
		from = to
	}
	c.Blocks = kept
}

// colour gives each block of a cluster the first lane that is free where it begins. It
// returns how many lanes blocks are in; those in a lane behind have no place, and are more.
func colour(cluster []Block, lanes, end int) (n int, more More) {
	var until []int // row at which a lane is free again
	for i := range cluster {
		b := &cluster[i]
		lane := slices.IndexFunc(until, func(row int) bool { return row <= b.Row })
		if lane < 0 {
			lane = len(until)
			until = append(until, 0)
		}
		until[lane], b.Lane = b.Row+b.Span, lane
	}
	all := min(len(until), lanes)
	n = all
	if len(until) > lanes {
		n = lanes - 1
		more = More{Row: cluster[0].Row, Span: end - cluster[0].Row, Lane: n, Lanes: all}
	}
	for i := range cluster {
		b := &cluster[i]
		b.Lanes, b.Wide = all, 1
		if b.Lane >= n {
			more.Count++
			continue
		}
		for b.Lane+b.Wide < n && !slices.ContainsFunc(cluster, func(o Block) bool {
			return o.Lane == b.Lane+b.Wide && o.Row < b.Row+b.Span && b.Row < o.Row+o.Span
		}) {
			b.Wide++
		}
	}
	return n, more
}
