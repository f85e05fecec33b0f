package view_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"convene/internal/ical"
	"convene/web/view"
)

func zone(t testing.TB, name string) *ical.Zone {
	t.Helper()
	z, err := ical.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func day(t testing.TB, s string) view.Day {
	t.Helper()
	d, ok := view.ParseDay(s)
	if !ok {
		t.Fatal(s)
	}
	return d
}

// at is an item from a local time for some minutes.
func at(t testing.TB, z *ical.Zone, start string, minutes int64) view.Item {
	t.Helper()
	w, err := time.Parse("2006-01-02T15:04", start)
	if err != nil {
		t.Fatal(err)
	}
	s := z.Unix(w.Unix())
	return view.Item{Start: s, End: s + minutes*60}
}

func allDay(t testing.TB, z *ical.Zone, first, last string) view.Item {
	t.Helper()
	a, b := day(t, first), day(t, last)
	return view.Item{Start: a.Start(z), End: (b + 1).Start(z), AllDay: true, First: a, Last: b}
}

// golden compares with a file in testdata; UPDATE=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != got {
		t.Errorf("%s (%v):\n%s\nwant\n%s", name, err, got, want)
	}
}

func write(g *view.Grid) string {
	var b strings.Builder
	fmt.Fprintf(&b, "rows %d, bands %d, hours", g.Rows, g.Bands)
	for _, h := range g.Hours {
		fmt.Fprintf(&b, " %d@%d", h.Hour, h.Row)
		if h.Again {
			b.WriteByte('!')
		}
	}
	for _, c := range g.Columns {
		fmt.Fprintf(&b, "\n%s count %d now %d lacking %v", c.Day, c.Count, c.Now, c.Lacking)
		for _, x := range c.Bars {
			fmt.Fprintf(&b, "\n  bar %d band %d %t %t", x.Item, x.Band, x.Begins, x.Ends)
		}
		for _, x := range c.Blocks {
			fmt.Fprintf(&b, "\n  block %d rows %d+%d lane %d of %d wide %d %t %t", x.Item, x.Row, x.Span, x.Lane, x.Lanes, x.Wide, x.Begins, x.Ends)
		}
		for _, x := range c.More {
			fmt.Fprintf(&b, "\n  more %d rows %d+%d lane %d of %d", x.Count, x.Row, x.Span, x.Lane, x.Lanes)
		}
	}
	return b.String() + "\n"
}

func TestGrid(t *testing.T) {
	for _, tt := range []struct {
		name, zone, from string
		days             int
		items            func(z *ical.Zone) []view.Item
	}{
		{"week", "Europe/Berlin", "2026-11-30", 7, func(z *ical.Zone) []view.Item {
			return []view.Item{
				at(t, z, "2026-11-30T09:00", 60), at(t, z, "2026-11-30T09:30", 60), at(t, z, "2026-11-30T10:15", 30), at(t, z, "2026-11-30T10:30", 0),
				at(t, z, "2026-12-01T22:00", 240), at(t, z, "2026-12-02T23:50", 10), at(t, z, "2026-11-29T20:00", 2000),
				allDay(t, z, "2026-11-28", "2026-12-01"), allDay(t, z, "2026-12-01", "2026-12-01"), allDay(t, z, "2026-12-02", "2026-12-09"),
			}
		}},
		{"crowd", "Etc/UTC", "2026-11-30", 1, func(z *ical.Zone) (list []view.Item) {
			for i := range int64(8) {
				list = append(list, at(t, z, "2026-11-30T09:00", 60+15*i))
			}
			return append(list, at(t, z, "2026-11-30T10:15", 30))
		}},
		// At 02:00 the clock is put forward: the day has 23 hours; what is at 02:30 is at 03:30 (RFC 5545 §3.3.5).
		{"spring", "Europe/Berlin", "2026-03-28", 2, func(z *ical.Zone) []view.Item {
			return []view.Item{at(t, z, "2026-03-28T02:30", 30), at(t, z, "2026-03-29T02:30", 30), at(t, z, "2026-03-29T04:00", 60)}
		}},
		// At 03:00 it is put back: the day has 25 hours, and what is at 02:30 is in the first of two.
		{"autumn", "Europe/Berlin", "2026-10-24", 3, func(z *ical.Zone) []view.Item {
			again := at(t, z, "2026-10-25T02:30", 30)
			again.Start, again.End = again.Start+3600, again.End+3600
			return []view.Item{at(t, z, "2026-10-24T02:30", 60), at(t, z, "2026-10-25T02:30", 30), again, at(t, z, "2026-10-25T04:00", 60), at(t, z, "2026-10-25T01:00", 240)}
		}},
		{"half", "Australia/Lord_Howe", "2026-04-05", 1, func(z *ical.Zone) []view.Item { return []view.Item{at(t, z, "2026-04-05T03:00", 60)} }},
		{"apia", "Pacific/Apia", "2011-12-29", 3, func(z *ical.Zone) []view.Item {
			return []view.Item{at(t, z, "2011-12-29T23:00", 120), allDay(t, z, "2011-12-29", "2011-12-31")}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z := zone(t, tt.zone)
			var days []view.Day
			for i := range tt.days {
				days = append(days, day(t, tt.from)+view.Day(i))
			}
			golden(t, "grid-"+tt.name+".txt", write(view.NewGrid(days, tt.items(z), z, days[0].Start(z)+13*3600, 5)))
		})
	}
}

func TestSheet(t *testing.T) {
	z := zone(t, "Europe/Berlin")
	items := []view.Item{allDay(t, z, "2026-11-05", "2026-11-10"), allDay(t, z, "2026-11-08", "2026-11-08"), allDay(t, z, "2026-10-20", "2026-10-27"), at(t, z, "2026-11-09T09:00", 30)}
	for i := range int64(9) {
		items = append(items, at(t, z, "2026-11-17T08:00", 30*(i+1)))
	}
	for _, first := range []time.Weekday{time.Monday, time.Sunday, time.Saturday} {
		var b strings.Builder
		for _, w := range view.NewSheet(day(t, "2026-11-30"), first, items, z, 6).Weeks {
			fmt.Fprintf(&b, "week %d\n", w.Number)
			for _, c := range w.Cells {
				fmt.Fprintf(&b, "  %s outside %t count %d more %d:", c.Day, c.Outside, c.Count, c.More)
				for _, e := range c.Entries {
					fmt.Fprintf(&b, " %d", e.Item)
					if e.Bar {
						fmt.Fprintf(&b, "(%t %t)", e.Begins, e.Ends)
					}
				}
				b.WriteByte('\n')
			}
		}
		golden(t, "sheet-"+strings.ToLower(first.String())+".txt", b.String())
	}
}

func TestYearAndList(t *testing.T) {
	z := zone(t, "Asia/Kathmandu")
	items := []view.Item{at(t, z, "2026-02-28T23:00", 120), at(t, z, "2026-03-01T00:30", 60), allDay(t, z, "2025-12-30", "2026-01-02")}
	year := view.NewYear(2026, time.Monday, items, z)
	if len(year) != 12 || len(year[1].Weeks) != 5 || year[0].Weeks[0][3].Day != 1 || year[0].Weeks[0][3].Count != 1 || year[2].Weeks[0][6].Count != 2 || year[2].Weeks[0][6].Level != 1 {
		t.Errorf("%+v", year)
	}
	list := view.NewList(day(t, "2026-01-01"), day(t, "2026-04-01"), items, z)
	if got := fmt.Sprint(list); got != "[{2026-01-01 [2]} {2026-01-02 [2]} {2026-02-28 [0]} {2026-03-01 [0 1]}]" {
		t.Error(got)
	}
}

func TestDays(t *testing.T) {
	d := day(t, "2026-01-31")
	for got, want := range map[string]string{
		d.AddMonths(1).String(): "2026-02-28", d.AddMonths(-12).String(): "2025-01-31", d.MonthStart(1).String(): "2026-02-01",
		d.WeekStart(time.Monday).String(): "2026-01-26", d.WeekStart(time.Saturday).String(): "2026-01-31", view.DayOf(-1, zone(t, "Etc/UTC")).String(): "1969-12-31",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := day(t, "2026-12-28").Week(); n != 53 {
		t.Errorf("week %d", n)
	}
	for _, bad := range []string{"", "today", "2026-02-30", "0000-01-01", "2026-1-1", "12026-01-01"} {
		if _, ok := view.ParseDay(bad); ok {
			t.Errorf("%q is a day", bad)
		}
	}
}

func TestFree(t *testing.T) {
	got := view.Free([]view.Span{{50, 60}, {10, 20}, {15, 30}, {58, 58}, {90, 200}}, 0, 100, 15)
	if fmt.Sprint(got) != "[{30 50} {60 90}]" {
		t.Error(got)
	}
}

// Nothing that is laid out overlaps, nothing is lost, and all of it is on the page.
func TestGridByChance(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "America/Havana"}
	rapid.Check(t, func(t *rapid.T) {
		z, err := ical.LoadZone(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		first := view.DateOf(2026, 1, 1) + view.Day(rapid.IntRange(0, 360).Draw(t, "day"))
		days := []view.Day{first, first + 1, first + 2}
		var items []view.Item
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			start := first.Start(z) + int64(rapid.IntRange(-86400, 4*86400).Draw(t, "start"))
			items = append(items, view.Item{Start: start, End: start + int64(rapid.IntRange(0, 20*3600).Draw(t, "length"))})
		}
		lanes := rapid.IntRange(2, 8).Draw(t, "lanes")
		g := view.NewGrid(days, items, z, 0, lanes)
		for _, c := range g.Columns {
			shown := len(c.Bars) + len(c.Blocks)
			for _, m := range c.More {
				shown += m.Count
			}
			if shown != c.Count {
				t.Fatalf("%s: %d of %d are there", c.Day, shown, c.Count)
			}
			for i, a := range c.Blocks {
				if a.Row < 0 || a.Row+a.Span > g.Rows || a.Lane+a.Wide > a.Lanes || a.Lanes > lanes {
					t.Fatalf("%+v is not in the grid", a)
				}
				for _, b := range c.Blocks[i+1:] {
					if a.Row < b.Row+b.Span && b.Row < a.Row+a.Span && a.Lane < b.Lane+b.Wide && b.Lane < a.Lane+a.Wide {
						t.Fatalf("%+v and %+v overlap", a, b)
					}
				}
			}
		}
	})
}

func BenchmarkGrid(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	var items []view.Item
	var days []view.Day
	for i := range 500 {
		items = append(items, at(b, z, fmt.Sprintf("2026-05-%02dT%02d:%02d", 4+i%7, 7+i/7%12, i%4*15), 60))
	}
	for i := range view.Day(7) {
		days = append(days, day(b, "2026-05-04")+i)
	}
	b.ReportAllocs()
	for b.Loop() {
		view.NewGrid(days, items, z, 0, 5)
	}
}

func BenchmarkSheet(b *testing.B) {
	z := zone(b, "Europe/Berlin")
	var items []view.Item
	for i := range 1015 {
		items = append(items, at(b, z, fmt.Sprintf("2026-05-%02dT%02d:00", 1+i%31, 7+i/31%12), 60))
	}
	b.ReportAllocs()
	for b.Loop() {
		view.NewSheet(day(b, "2026-05-04"), time.Monday, items, z, 6)
	}
}

// Where an hour begins a clock elsewhere shows what it shows, also on days on which one of the two
// clocks is changed and the other is not; spans are in the rows of their hours.
func TestElsewhere(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	days := func(from string, n int) (list []view.Day) {
		d, ok := view.ParseDay(from)
		if !ok {
			t.Fatal(from)
		}
		for i := range n {
			list = append(list, d+view.Day(i))
		}
		return list
	}
	clocks := func(g *view.Grid, hour int, other string) string {
		s := ""
		for _, c := range g.Elsewhere(hour, zone(t, other)) {
			s += fmt.Sprintf("%02d:%02d ", c/3600, c/60%60)
		}
		return strings.TrimSpace(s)
	}
	for _, tt := range []struct {
		from  string
		days  int
		hour  int // number of the hour in the grid
		other string
		want  string
	}{
		{"2026-05-04", 7, 9, "America/New_York", "03:00"},
		{"2026-05-04", 7, 9, "Asia/Kathmandu", "12:45"},
		{"2026-05-04", 7, 1, "America/New_York", "19:00"},
		{"2026-03-07", 3, 9, "America/New_York", "03:00 04:00"}, // New York's clock is put forward on the 8th
		{"2026-03-29", 1, 2, "Etc/UTC", ""},                     // there is no 02:00
		{"2026-03-29", 1, 3, "Etc/UTC", "01:00"},
		{"2026-10-25", 1, 2, "Etc/UTC", "00:00"},
		{"2026-10-25", 1, 3, "Etc/UTC", "01:00"}, // 02:00 again
		{"2026-10-24", 2, 3, "Etc/UTC", "01:00"},
	} {
		g := view.NewGrid(days(tt.from, tt.days), nil, berlin, 0, 5)
		if got := clocks(g, tt.hour, tt.other); got != tt.want {
			t.Errorf("%s, %d days, hour %d in %s: %q, want %q", tt.from, tt.days, tt.hour, tt.other, got, tt.want)
		}
	}
	g := view.NewGrid(days("2026-05-04", 2), nil, berlin, 0, 5)
	at := func(clock string) int64 {
		v, err := time.Parse("2006-01-02T15:04", clock)
		if err != nil {
			t.Fatal(err)
		}
		return berlin.Unix(v.Unix())
	}
	for _, tt := range []struct {
		from, to string
		day      int
		want     view.Rows
		none     bool
	}{
		{"2026-05-04T00:00", "2026-05-04T09:00", 0, view.Rows{Row: 0, Span: 36}, false},
		{"2026-05-03T17:00", "2026-05-04T08:30", 0, view.Rows{Row: 0, Span: 34}, false},
		{"2026-05-04T17:00", "2026-05-06T09:00", 0, view.Rows{Row: 68, Span: 28}, false},
		{"2026-05-04T17:00", "2026-05-06T09:00", 1, view.Rows{Row: 0, Span: 96}, false},
		{"2026-05-04T08:10", "2026-05-04T08:20", 0, view.Rows{Row: 32, Span: 2}, false},
		{"2026-05-04T00:00", "2026-05-05T00:00", 1, view.Rows{}, true},
	} {
		if got, ok := g.RowsOf(tt.day, view.Span{Start: at(tt.from), End: at(tt.to)}); got != tt.want || ok == tt.none {
			t.Errorf("%s to %s on day %d: %v %v, want %v", tt.from, tt.to, tt.day, got, ok, tt.want)
		}
	}
}
