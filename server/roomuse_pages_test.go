package server_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"convene/testenv"
)

// A booked is a date in a room's calendar.
type booked struct {
	room, uid  string
	start, end time.Time
}

// bookedIn reads the dates in the calendar of a room, as a calendar program has them.
func bookedIn(t *testing.T, s *running, room string, from, to time.Time) (list []booked) {
	t.Helper()
	const utc = "20060102T150405Z"
	span := fmt.Sprintf(`start=%q end=%q`, from.UTC().Format(utc), to.UTC().Format(utc))
	got := do(t, client(), "REPORT", s.HTTP+"/calendars/locations/"+room+"/calendar/", "dan", `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data><C:expand `+span+
		`/></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range `+span+`/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`, "Depth: 1")
	if got.StatusCode != 207 {
		t.Fatalf("%s: %s\n%s", room, got.Status, got.Body)
	}
	for _, event := range strings.Split(got.Body, "BEGIN:VEVENT")[1:] {
		value := func(name string) string { return first(t, regexp.MustCompile(`\n`+name+`[^:\n]*:([^\r\n&]+)`), event) }
		b := booked{room: room, uid: value("UID")}
		var err1, err2 error
		b.start, err1 = time.Parse(utc, value("DTSTART"))
		b.end, err2 = time.Parse(utc, value("DTEND"))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2, event)
		}
		list = append(list, b)
	}
	return list
}

// A use is a line of the table: what programs are told, and people.
type use struct {
	Group    string  `json:"group"`
	Rooms    int     `json:"rooms"`
	Bookings int     `json:"bookings"`
	Bookable float64 `json:"bookableHours"`
	Booked   float64 `json:"bookedHours"`
	Blocked  float64 `json:"blockedHours"`
	Ratio    float64 `json:"bookedRatio"`
	Series   int     `json:"series"`
	Told     bool    `json:"told"`
}

func ratio(booked, bookable float64) float64 { return math.Round(booked/bookable*1000) / 1000 }

// How rooms were used, as a table, as CSV and as JSON, by room, building and floor and as a map
// of the week, is what one counts in the rooms' calendars. Of fewer than five bookings nothing
// is told.
func TestPageUseEqualsObjects(t *testing.T) {
	c := roomPages(t)
	ldif := strings.NewReplacer("cn: elm\n", "cn: elm\nl: North\nst: 2\n", "cn: ash\n", "cn: ash\nl: North\nst: 1\n").Replace(pagesLDIF)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), ldif)
	c.Directory.File.Locations.Building, c.Directory.File.Locations.Floor = "l", "st"
	s := serve(t, c)
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	for _, form := range []url.Values{
		slot("elm", "09:00", "repeat", "weekly", "until", "2030-05-20"), slot("elm", "11:00"), slot("elm", "13:30", "for", "90"),
		slot("elm", "23:30", "date", "2030-05-08"), // into the next day
		slot("ash", "09:30", "for", "30"), slot("ash", "10:00", "date", "2030-05-11"),
	} {
		if got := ann.post(t, "/my/rooms/book", form); got.StatusCode != 303 {
			t.Fatalf("%v: %s\n%s", form, got.Status, got.Body)
		}
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	const weeks = 3
	from := time.Date(2030, 5, 6, 0, 0, 0, 0, berlin)
	to := from.AddDate(0, 0, 7*weeks)
	var all []booked
	for _, room := range []string{"ash", "elm", "oak"} {
		all = append(all, bookedIn(t, s, room, from, to)...)
	}
	dates := map[string]int{}
	for _, b := range all {
		dates[b.room+b.uid]++
	}
	if len(all) != 8 {
		t.Fatalf("%d dates: %v", len(all), all)
	}
	const least = 5
	path := "/admin/rooms/use?from=" + from.Format(time.DateOnly) + "&to=" + to.Format(time.DateOnly) + "&by="
	for by, groups := range map[string]map[string]string{ // of each room
		"room":     {"ash": "locations/ash", "elm": "locations/elm", "oak": "locations/oak"},
		"building": {"ash": "North", "elm": "North", "oak": ""},
		"floor":    {"ash": "North/1", "elm": "North/2", "oak": ""},
	} {
		count := map[string]use{}
		for _, group := range groups {
			u := count[group]
			u.Group, u.Rooms, u.Bookable = group, u.Rooms+1, u.Bookable+24*7*weeks
			count[group] = u
		}
		for _, b := range all {
			u := count[groups[b.room]]
			u.Bookings, u.Booked = u.Bookings+1, u.Booked+b.end.Sub(b.start).Hours()
			if dates[b.room+b.uid] > 1 {
				u.Series++
			}
			count[u.Group] = u
		}
		var want []use
		var lines, table [][]string
		for _, group := range slices.Sorted(maps.Keys(count)) {
			u := count[group]
			u.Ratio, u.Told = ratio(u.Booked, u.Bookable), u.Bookings >= least
			hours := strconv.FormatFloat(u.Bookable, 'f', -1, 64)
			name := group
			if group == "" {
				name = "No building"
			}
			if !u.Told {
				u.Bookings, u.Booked, u.Ratio, u.Series = 0, 0, 0, 0
				lines = append(lines, []string{group, fmt.Sprint(u.Rooms), "", "", hours, "", "", ""})
				table = append(table, []string{name, fmt.Sprint(u.Rooms), "fewer than five"})
			} else {
				lines = append(lines, []string{group, fmt.Sprint(u.Rooms), fmt.Sprint(u.Bookings), fmt.Sprint(u.Series), hours, fmt.Sprint(u.Booked), "0", fmt.Sprint(u.Ratio)})
				table = append(table, []string{name, fmt.Sprint(u.Rooms), fmt.Sprint(u.Bookings), fmt.Sprint(u.Series), hours, fmt.Sprint(u.Booked), fmt.Sprintf("%.0f %%", math.Floor(u.Ratio*100+0.5))})
			}
			want = append(want, u)
		}
		var told struct{ Groups []use }
		if err := json.Unmarshal([]byte(dan.get(t, path+by+"&format=json").Body), &told); err != nil || !slices.Equal(told.Groups, want) {
			t.Errorf("%s, JSON: %v\n%+v, want\n%+v", by, err, told.Groups, want)
		}
		rows, err := csv.NewReader(strings.NewReader(dan.get(t, path+by+"&format=csv").Body)).ReadAll()
		if err != nil || fmt.Sprint(rows[1:]) != fmt.Sprint(lines) {
			t.Errorf("%s, CSV: %v\n%q, want\n%q", by, err, rows, lines)
		}
		body := dan.get(t, path+by, "Accept-Language: en").Body
		if got := cells(after(body, `<h2 id="groups">`)); fmt.Sprint(got) != fmt.Sprint(table) {
			t.Errorf("%s, table:\n%q, want\n%q", by, got, table)
		}
	}
	// Monday is the first of the week in Germany.
	heat := cells(between(dan.get(t, path+"room", "Accept-Language: de").Body, `<h2 id="heat">`, "</table>"))
	if len(heat) != 24 {
		t.Fatalf("%d hours: %q", len(heat), heat)
	}
	for hour, row := range heat {
		for day, got := range row[1:] {
			sum := 0.0
			for _, b := range all {
				for at := b.start; at.Before(b.end); at = at.Add(time.Minute) {
					if l := at.In(berlin); l.Hour() == hour && (int(l.Weekday())+6)%7 == day {
						sum += 1.0 / 60
					}
				}
			}
			if want := fmt.Sprintf("%.0f", math.Floor(ratio(sum, 3*weeks)*100+0.5)); got != want {
				t.Errorf("day %d, %s: %s %%, want %s", day, row[0], got, want)
			}
		}
	}
}

func after(s, mark string) string {
	_, s, _ = strings.Cut(s, mark)
	return s
}

// cells are the texts of the rows of a table's body.
func cells(html string) (rows [][]string) {
	cell, tag := regexp.MustCompile(`(?s)<t[hd][^>]*>(.*?)</t[hd]>`), regexp.MustCompile(`<[^>]*>`)
	for _, tr := range strings.Split(between(html, "<tbody>", "</tbody>"), "</tr>") {
		var row []string
		for _, m := range cell.FindAllStringSubmatch(tr, -1) {
			row = append(row, strings.TrimSpace(tag.ReplaceAllString(m[1], "")))
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	return rows
}
