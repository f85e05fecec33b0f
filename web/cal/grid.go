package cal

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"convene/caldav"
	"convene/internal/ical"
	"convene/web/markup"
	"convene/web/page"
	"convene/web/view"
)

// How many events are beside each other at most, in a day of a week and in one alone.
const (
	weekLanes = 5
	dayLanes  = 12
)

// A grid is days beside each other, as templates write it.
type grid struct {
	frame
	Class   string // how many days and rows it has
	Hours   []hourView
	Other   []hourView // the same in the reader's second zone; none: they have chosen none
	Names   []string   // of the zones, where there are two
	Away    bool       // some of it is outside the reader's working hours
	Columns []column
}

type hourView struct{ Class, Text string }

// A column is a day of a grid.
type column struct {
	ID      string
	Date    string
	Heading string // shown
	Name    string // in full
	Sub     string // the person's calendars that these are, in a page of people
	Path    string // of the day alone
	New     string // path of the form for an event on it; "": none
	Today   bool
	Count   string // how many events in words
	Bars    markup.Fragment
	Blocks  markup.Fragment
	More    []more
	Shades  []string // classes of what is drawn behind: rows that are not there, the present
}

type more struct{ Class, Path, Text string }

// days is the page of a day or of a week.
func days(r *request) (*page.Answer, error) {
	from, to := r.kind.span(r)
	d, err := r.read(from, to, func(q *caldav.AgendaQuery) { q.Away = true })
	if err != nil {
		return nil, err
	}
	lanes, title, sub := dayLanes, r.Locale.FullDate(r.day.Time()), ""
	if to-from > 1 {
		lanes = weekLanes
		title = r.between(from, to-1)
		sub = r.Locale.T("cal.week-number", "n", from.Week())
	}
	g := grid{frame: r.frame(d, title)}
	g.Sub = sub
	list := make([]view.Day, 0, 7)
	for day := from; day < to; day++ {
		list = append(list, day)
	}
	laid := view.NewGrid(list, d.items, r.zone, r.Time.Unix(), lanes)
	r.fill(&g, laid)
	for i := range laid.Columns {
		c := &laid.Columns[i]
		v := &g.Columns[i]
		v.Heading = r.Locale.WeekdayShort(c.Day.Weekday()) + " " + strconv.Itoa(c.Day.Time().Day())
		v.Name, v.Path = r.Locale.FullDate(c.Day.Time()), pathOf("day", c.Day)
		v.New = newEvent(d, url.Values{"start": {c.Day.String() + "T09:00"}, "end": {c.Day.String() + "T10:00"}})
		for _, a := range d.Away {
			if rows, ok := laid.RowsOf(i, view.Span{Start: a.Start, End: a.End}); ok {
				v.Shades = append(v.Shades, fmt.Sprintf("away r%d s%d", rows.Row, rows.Span))
				g.Away = true
			}
		}
		r.fillColumn(v, d, c)
	}
	r.second(&g, laid)
	return r.titled("cal/grid", title, &g), nil
}

// fill writes what all columns share.
func (r *request) fill(g *grid, laid *view.Grid) {
	g.Class = fmt.Sprintf("n%d rows%d b%d", len(laid.Columns), laid.Rows, min(laid.Bands, mostBands))
	g.Columns = make([]column, len(laid.Columns))
	for _, h := range laid.Hours {
		text := r.Locale.Clock(time.Unix(int64(h.Hour)*3600, 0).UTC())
		if h.Again {
			text += " " + r.Locale.T("cal.again")
		}
		g.Hours = append(g.Hours, hourView{"r" + strconv.Itoa(h.Row), text})
	}
}

// second writes the hours of the reader's second zone.
func (r *request) second(g *grid, laid *view.Grid) {
	other, err := ical.LoadZone(r.Prefer.Zone2)
	if r.Prefer.Zone2 == "" || err != nil || other.Name() == r.zone.Name() {
		return
	}
	g.Class += " two-zones"
	g.Names = []string{place(other.Name()), place(r.zone.Name())}
	for i := range laid.Hours {
		var texts []string
		for _, clock := range laid.Elsewhere(i, other) {
			texts = append(texts, r.Locale.Clock(time.Unix(int64(clock), 0).UTC()))
		}
		g.Other = append(g.Other, hourView{g.Hours[i].Class, strings.Join(texts, " / ")})
	}
}

// place is the place that a zone is named after.
func place(zone string) string {
	return strings.ReplaceAll(zone[strings.LastIndexByte(zone, '/')+1:], "_", " ")
}

// mostBands is how many rows of what goes across days have a place of their own.
const mostBands = 12

// fillColumn writes what is on a day.
func (r *request) fillColumn(v *column, d *diary, c *view.Column) {
	v.ID, v.Date, v.Today = "d"+c.Day.String(), c.Day.String(), c.Day == r.today
	v.Count = r.Locale.N("cal.events", c.Count)
	n := 0 // bars for which there is no place
	for _, b := range c.Bars {
		if b.Band >= mostBands {
			n++
			continue
		}
		class := strconv.AppendInt([]byte("bar r"), int64(b.Band), 10)
		class = ends(class, b.Begins, b.Ends)
		e := d.Events[b.Item]
		bar := r.event(d, e, class, r.times(e))
		bar.write(&v.Bars)
	}
	if n > 0 {
		v.More = append(v.More, more{Path: pathOf("agenda", c.Day), Text: r.Locale.N("cal.more", n)})
	}
	v.Blocks.Grow(len(c.Blocks) * eventSize)
	for _, b := range c.Blocks {
		class := make([]byte, 0, 48)
		class = append(class, "block r"...)
		class = strconv.AppendInt(class, int64(b.Row), 10)
		class = strconv.AppendInt(append(class, " s"...), int64(b.Span), 10)
		class = lanes(class, b.Lane, b.Lanes, b.Wide)
		class = ends(class, b.Begins, b.Ends)
		if b.Span <= 2 {
			class = append(class, " short"...)
		}
		e := d.Events[b.Item]
		block := r.event(d, e, class, r.times(e))
		block.write(&v.Blocks)
	}
	for _, m := range c.More {
		class := lanes([]byte(fmt.Sprintf("more r%d s%d", m.Row, m.Span)), m.Lane, m.Lanes, 1)
		v.More = append(v.More, more{string(class), pathOf("agenda", c.Day), r.Locale.N("cal.more", m.Count)})
	}
	for _, l := range c.Lacking {
		v.Shades = append(v.Shades, fmt.Sprintf("lacking r%d s%d", l.Row, l.Span))
	}
	if c.Now >= 0 {
		v.Shades = append(v.Shades, fmt.Sprintf("now r%d s1", c.Now))
	}
}

func lanes(class []byte, lane, all, wide int) []byte {
	if all == 1 {
		return class
	}
	class = strconv.AppendInt(append(class, " l"...), int64(lane), 10)
	class = strconv.AppendInt(append(class, " of"...), int64(all), 10)
	if wide > 1 {
		class = strconv.AppendInt(append(class, " w"...), int64(wide), 10)
	}
	return class
}

// ends marks what has not begun on a day, or goes on behind it.
func ends(class []byte, begins, ends bool) []byte {
	if !begins {
		class = append(class, " from"...)
	}
	if !ends {
		class = append(class, " on"...)
	}
	return class
}

// between writes some days.
func (r *request) between(from, to view.Day) string {
	a, b := from.Time(), to.Time()
	if a.Year() != b.Year() {
		return r.Locale.T("cal.range", "from", r.Locale.LongDate(a), "to", r.Locale.LongDate(b))
	}
	return r.Locale.T("cal.range-year", "from", r.Locale.MonthDay(a), "to", r.Locale.MonthDay(b), "year", a.Year())
}
