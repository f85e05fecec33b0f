package cal

import (
	"net/url"
	"strconv"

	"convene/caldav"
	"convene/web/markup"
	"convene/web/page"
	"convene/web/view"
)

// cellRows is how many rows a day of a month has at most.
const cellRows = 6

type monthView struct {
	frame
	Weekdays []weekday
	Weeks    []weekView
}

type weekday struct{ Short, Long string }

type weekView struct {
	Number int
	Path   string
	Cells  []cellView
}

type cellView struct {
	Path, Name, Date string
	Number           int
	Class            string
	Today            bool
	Count            string
	Entries          markup.Fragment
	More             string
	New              string
}

// month is the page of a month.
func month(r *request) (*page.Answer, error) {
	from, to := r.kind.span(r)
	var laid *view.Sheet
	d, err := r.read(from, to, func(q *caldav.AgendaQuery) {
		q.Choose = func(times []caldav.AgendaTime) []bool {
			items := make([]view.Item, len(times))
			for i := range times {
				items[i] = item(&times[i])
			}
			laid = view.NewSheet(r.day, r.Locale.FirstDay, items, r.zone, cellRows)
			return laid.Shown(len(items))
		}
	})
	if err != nil {
		return nil, err
	}
	title := r.Locale.MonthYear(r.day.MonthStart(0).Time())
	v := monthView{frame: r.frame(d, title)}
	for _, w := range r.Locale.Weekdays() {
		v.Weekdays = append(v.Weekdays, weekday{r.Locale.WeekdayShort(w), r.Locale.Weekday(w)})
	}
	for i := range laid.Weeks {
		w := &laid.Weeks[i]
		row := weekView{Number: w.Number, Path: pathOf("week", w.Cells[0].Day), Cells: make([]cellView, 7)}
		for c := range w.Cells {
			r.fillCell(&row.Cells[c], d, &w.Cells[c])
		}
		v.Weeks = append(v.Weeks, row)
	}
	return r.titled("cal/month", title, &v), nil
}

func (r *request) fillCell(v *cellView, d *diary, c *view.Cell) {
	v.Path, v.Name, v.Date, v.Number = pathOf("day", c.Day), r.Locale.FullDate(c.Day.Time()), c.Day.String(), c.Day.Time().Day()
	v.Today = c.Day == r.today
	v.New = newEvent(d, url.Values{"start": {v.Date + "T09:00"}, "end": {v.Date + "T10:00"}})
	if c.Outside {
		v.Class = "outside"
	}
	if v.Today {
		v.Class += " today"
	}
	if c.Count > 0 {
		v.Count = r.Locale.N("cal.events", c.Count)
	}
	v.Entries.Grow(len(c.Entries) * eventSize)
	for _, e := range c.Entries {
		if e.Item < 0 {
			v.Entries.Raw(`<li class="gap" aria-hidden="true"></li>`)
			continue
		}
		class := []byte("dot")
		if e.Bar {
			class = ends([]byte("bar"), e.Begins, e.Ends)
		}
		when := ""
		if ev := d.Events[e.Item]; !ev.AllDay {
			when = r.clock(ev.Start)
		}
		entry := r.event(d, d.Events[e.Item], class, when)
		entry.Where = "" // there is no space
		entry.write(&v.Entries)
	}
	if c.More > 0 {
		v.More = r.Locale.N("cal.more", c.More)
	}
}

type yearView struct {
	frame
	Months []yearMonth
	Days   []weekday
}

type yearMonth struct {
	Name, Path string
	Weeks      [][]yearDay
}

type yearDay struct {
	Number int // 0: outside the month
	Path   string
	Class  string
	Label  string
	Count  int
	Today  bool
}

// year is the page of a year: how much is on which day.
func year(r *request) (*page.Answer, error) {
	from, to := r.kind.span(r)
	d, err := r.read(from, to, timesOnly)
	if err != nil {
		return nil, err
	}
	title := r.Locale.T("cal.year-title", "year", r.day.Time().Year())
	v := yearView{frame: r.frame(d, title)}
	for _, w := range r.Locale.Weekdays() {
		v.Days = append(v.Days, weekday{r.Locale.WeekdayNarrow(w), r.Locale.Weekday(w)})
	}
	for _, m := range view.NewYear(r.day.Time().Year(), r.Locale.FirstDay, d.items, r.zone) {
		one := yearMonth{Name: r.Locale.Month(m.First.Time().Month()), Path: pathOf("month", m.First)}
		for _, w := range m.Weeks {
			row := make([]yearDay, 7)
			for i, c := range w {
				if c.Day == 0 {
					continue
				}
				row[i] = yearDay{Number: c.Day, Path: pathOf("day", c.Date), Class: "q" + strconv.Itoa(c.Level), Count: c.Count, Today: c.Date == r.today}
				row[i].Label = r.Locale.LongDate(c.Date.Time()) + ", " + r.Locale.N("cal.events", c.Count)
			}
			one.Weeks = append(one.Weeks, row)
		}
		v.Months = append(v.Months, one)
	}
	return r.titled("cal/year", title, &v), nil
}
