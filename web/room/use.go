package room

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"convene/admin"
	"convene/rooms"
	"convene/web/page"
)

// leastTold is how many bookings a group has at least of which figures are shown: of
// fewer one could tell who it was.
const leastTold = 5

type useView struct {
	From, To, By string
	Ways         []option
	Groups       []usage
	Days         []string
	Hours        []heatRow
	Hidden       bool // there are too few bookings for a map
	Total        int
	CSV, JSON    string
}

// A usage is a group of rooms; without figures if there are too few bookings.
type usage struct {
	rooms.Usage
	Told    bool `json:"told"`
	Percent int  `json:"-"`
}

type heatRow struct {
	Hour  string
	Cells []heatCell
}

// A heatCell is an hour of a weekday: the part of the bookable time that was booked, in
// percent; -1: nothing can be booked then.
type heatCell struct{ Percent, Level int }

// use is how rooms are used, as a page, or in a form for programs.
func use(r *page.Request) (*page.Answer, error) {
	c := clockOf(r)
	v := &useView{By: r.FormValue("by")}
	if v.By != rooms.ByBuilding && v.By != rooms.ByFloor {
		v.By = rooms.ByRoom
	}
	from, err := time.Parse(time.DateOnly, r.FormValue("from"))
	if err != nil {
		from = c.today(r.Time).AddDate(0, 0, -28)
	}
	to, err := time.Parse(time.DateOnly, r.FormValue("to"))
	if err != nil {
		to = c.today(r.Time)
	}
	if !from.Before(to) || to.Sub(from) > 366*24*time.Hour {
		from = to.AddDate(0, 0, -28)
	}
	v.From, v.To = from.Format(time.DateOnly), to.Format(time.DateOnly)
	ask := admin.RoomStatsRequest{From: unix(c.at(from, 0)), To: unix(c.at(to, 0)), By: v.By}
	groups, err := admin.RoomStats(r.Context(), r.Site.Admin, ask)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		v.Total += g.Bookings
		v.Groups = append(v.Groups, told(g))
	}
	name := fmt.Sprintf("rooms-%s-%s-%s", v.By, v.From, v.To)
	switch r.FormValue("format") {
	case "csv":
		return useCSV(v, name)
	case "json":
		body, err := json.MarshalIndent(map[string]any{"from": v.From, "to": v.To, "by": v.By, "groups": v.Groups}, "", "\t")
		return &page.Answer{Type: "application/json", Body: append(body, '\n')}, err
	}
	if err := v.heat(r, ask); err != nil {
		return nil, err
	}
	for _, by := range []struct{ value, key string }{{rooms.ByRoom, "room.by-room"}, {rooms.ByBuilding, "room.building"}, {rooms.ByFloor, "room.floor"}} {
		v.Ways = append(v.Ways, option{by.value, r.Locale.T(by.key), by.value == v.By})
	}
	query := "?from=" + v.From + "&to=" + v.To + "&by=" + v.By + "&format="
	v.CSV, v.JSON = query+"csv", query+"json"
	return r.Show("room/use", "room.use", v), nil
}

// told is a group as it may be told of.
func told(g rooms.Usage) usage {
	if g.Bookings < leastTold {
		return usage{Usage: rooms.Usage{Group: g.Group, Rooms: g.Rooms, Bookable: g.Bookable}}
	}
	return usage{g, true, int(g.Ratio*100 + 0.5)}
}

// heat fills in the map of weekdays and hours.
func (v *useView) heat(r *page.Request, ask admin.RoomStatsRequest) error {
	if v.Hidden = v.Total < leastTold; v.Hidden {
		return nil
	}
	ask.By = rooms.ByWeekHour
	cells, err := admin.RoomStats(r.Context(), r.Site.Admin, ask)
	if err != nil {
		return err
	}
	byName := map[string]rooms.Usage{}
	for _, g := range cells {
		byName[g.Group] = g
	}
	days := r.Locale.Weekdays()
	for _, d := range days {
		v.Days = append(v.Days, r.Locale.WeekdayShort(d))
	}
	for h := range 24 {
		row := heatRow{Hour: r.Locale.Clock(time.Date(2000, 1, 1, h, 0, 0, 0, time.UTC))}
		for _, d := range days {
			g := byName[fmt.Sprintf("%d %02d:00", (int(d)+6)%7+1, h)]
			cell := heatCell{Percent: -1}
			if g.Bookable > 0 {
				cell.Percent = int(g.Ratio*100 + 0.5)
				cell.Level = min((cell.Percent+19)/20, 5)
			}
			row.Cells = append(row.Cells, cell)
		}
		v.Hours = append(v.Hours, row)
	}
	return nil
}

// useCSV is the groups as CSV (RFC 4180). What is not told is empty.
func useCSV(v *useView, name string) (*page.Answer, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	err := w.Write([]string{"group", "rooms", "bookings", "series", "bookable_hours", "booked_hours", "blocked_hours", "booked_ratio"})
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	for _, g := range v.Groups {
		row := []string{formula(g.Group), strconv.Itoa(g.Rooms), "", "", number(g.Bookable), "", "", ""}
		if g.Told {
			row = []string{formula(g.Group), strconv.Itoa(g.Rooms), strconv.Itoa(g.Bookings), strconv.Itoa(g.Series), number(g.Bookable), number(g.Booked), number(g.Blocked), number(g.Ratio)}
		}
		if err == nil {
			err = w.Write(row)
		}
	}
	w.Flush()
	a := &page.Answer{Type: "text/csv; charset=utf-8", Body: b.Bytes()}
	a.Header = map[string][]string{"Content-Disposition": {`attachment; filename="` + name + `.csv"`}}
	return a, err
}

// formula keeps a spreadsheet from taking a name for a formula.
func formula(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@') {
		return "'" + s
	}
	return s
}
