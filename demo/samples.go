package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A sample is an object to be stored in somebody's calendar.
type sample struct {
	owner string // TYPE/NAME, as in /calendars/TYPE/NAME/
	list  string // the collection: calendar or tasks
	name  string
	body  string
}

// teams are the groups that have meetings, and who is in them.
var teams = map[string][]string{
	"platform": {"ann", "ben", "chen", "dana", "elif", "finn"},
	"apps":     {"grace", "hugo", "ida", "jun", "kofi", "lena"},
	"design":   {"mei", "noah", "olga", "pavel"},
	"emea":     {"quinn", "rosa", "sami", "tara"},
	"americas": {"uma", "victor", "wanda", "xavier"},
	"finance":  {"yara", "zoe", "adam", "bella"},
	"people":   {"carl", "dora", "emil"},
	"board":    {"maria", "ines", "ravi", "tom", "sofia"},
}

// A meeting is held by a team in a room, at an hour of some weekdays.
type meeting struct {
	team, title, room string
	day               time.Weekday
	hour, minute      int
	length            time.Duration
	rule              string // after RRULE:; "": one each week in view, each by itself
}

var meetings = []meeting{
	{"platform", "Platform stand-up", "cirrus", time.Monday, 9, 15, 15 * time.Minute, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
	{"apps", "Apps stand-up", "granite", time.Monday, 9, 30, 15 * time.Minute, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"},
	{"design", "Design stand-up", "delta", time.Monday, 10, 0, 15 * time.Minute, "FREQ=WEEKLY;BYDAY=MO,WE,FR"},
	{"platform", "Incident review", "borealis", time.Tuesday, 14, 0, time.Hour, "FREQ=WEEKLY;INTERVAL=2"},
	{"apps", "Sprint planning", "flint", time.Monday, 13, 0, 2 * time.Hour, "FREQ=WEEKLY;INTERVAL=2"},
	{"design", "Critique", "borealis", time.Thursday, 15, 0, 90 * time.Minute, ""},
	{"emea", "Pipeline call", "harbor", time.Monday, 11, 0, 30 * time.Minute, "FREQ=WEEKLY"},
	{"emea", "Customer visit", "aurora", time.Wednesday, 13, 30, 2 * time.Hour, ""},
	{"americas", "Pipeline call", "harbor", time.Monday, 17, 0, 30 * time.Minute, "FREQ=WEEKLY"},
	{"finance", "Figures of the week", "delta", time.Friday, 11, 0, time.Hour, "FREQ=WEEKLY"},
	{"people", "Interviews", "granite", time.Thursday, 10, 0, 3 * time.Hour, ""},
	{"board", "Board meeting", "aurora", time.Tuesday, 9, 0, 2 * time.Hour, "FREQ=WEEKLY"},
	{"board", "All hands preparation", "ember", time.Thursday, 16, 0, time.Hour, ""},
	{"apps", "Release", "flint", time.Thursday, 11, 0, time.Hour, ""},
	{"platform", "Capacity planning", "flint", time.Wednesday, 10, 30, 90 * time.Minute, ""},
}

// Weeks of sample data before and after this one.
const (
	weeksBefore = 2
	weeksAfter  = 5
)

// samples returns the calendars of the company around a day.
func samples(today time.Time) []sample {
	monday := today.AddDate(0, 0, -int(today.Weekday()+6)%7)
	monday = time.Date(monday.Year(), monday.Month(), monday.Day(), 0, 0, 0, 0, time.UTC)
	first := monday.AddDate(0, 0, -7*weeksBefore)
	var out []sample
	for i, m := range meetings {
		day := first.AddDate(0, 0, int(m.day)-1)
		if m.rule != "" {
			out = append(out, m.copies(fmt.Sprintf("meeting-%d", i), day)...)
			continue
		}
		for week := range weeksBefore + weeksAfter {
			out = append(out, m.copies(fmt.Sprintf("meeting-%d-%d", i, week), day.AddDate(0, 0, 7*week))...)
		}
	}
	out = append(out, personal(monday)...)
	return append(out, tasks(monday)...)
}

// copies are the meeting in everybody's calendar and in the room's.
func (m meeting) copies(uid string, day time.Time) []sample {
	start := day.Add(time.Duration(m.hour)*time.Hour + time.Duration(m.minute)*time.Minute)
	e := &event{uid: uid, title: m.title, place: m.room, start: start, length: m.length, rule: m.rule}
	var out []sample
	for _, who := range teams[m.team] {
		out = append(out, e.in("users/"+who))
	}
	return append(out, e.in("locations/"+m.room))
}

// personal is what people have by themselves: a lunch, a doctor, leave.
func personal(monday time.Time) []sample {
	var out []sample
	n := 0
	for _, team := range []string{"platform", "apps", "design", "emea", "americas", "finance", "people", "board"} {
		for _, who := range teams[team] {
			n++
			day := monday.AddDate(0, 0, n%5+7*(n%weeksAfter))
			lunch := &event{uid: "lunch-" + who, title: "Lunch", zone: abroad[who], start: day.Add(12*time.Hour + 15*time.Minute), length: time.Hour}
			out = append(out, lunch.in("users/"+who))
			if n%4 == 0 {
				leave := &event{uid: "leave-" + who, title: "Leave", start: monday.AddDate(0, 0, 7*(n%weeksAfter)), length: time.Duration(2+n%4) * 24 * time.Hour, allDay: true}
				out = append(out, leave.in("users/"+who))
			}
			if n%6 == 0 {
				private := &event{uid: "private-" + who, title: "Dentist", zone: abroad[who], start: day.Add(8 * time.Hour), length: time.Hour, class: "PRIVATE"}
				out = append(out, private.in("users/"+who))
			}
		}
	}
	cars := &event{uid: "car-1", title: "Customer visit (Quinn)", start: monday.AddDate(0, 0, 9).Add(8 * time.Hour), length: 9 * time.Hour}
	return append(out, cars.in("resources/car1"))
}

func tasks(monday time.Time) []sample {
	var out []sample
	for i, t := range []struct{ who, title string }{
		{"ann", "Write the capacity plan"}, {"ann", "Review the incident report"}, {"maria", "Speech for the all hands"},
		{"tom", "Book the harbor room for Maria's interview"}, {"grace", "Notes for the release"}, {"yara", "Close the month"},
	} {
		due := monday.AddDate(0, 0, 3+2*i)
		out = append(out, sample{"users/" + t.who, "tasks", fmt.Sprintf("task-%d.ics", i), strings.Join([]string{
			"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//convene//demo//EN", "BEGIN:VTODO",
			fmt.Sprintf("UID:task-%d@example.com", i), "DTSTAMP:" + monday.Format(utcForm), "SUMMARY:" + t.title,
			"DUE;VALUE=DATE:" + due.Format(dateForm), "STATUS:NEEDS-ACTION", "END:VTODO", "END:VCALENDAR", "",
		}, "\r\n")})
	}
	return out
}

const (
	dateForm  = "20060102"
	localForm = "20060102T150405"
	utcForm   = "20060102T150405Z"
)

// zone is where the company is.
const zone = "Europe/Amsterdam"

// abroad are those who are elsewhere, and where.
var abroad = map[string]string{
	"uma": "America/New_York", "victor": "America/New_York", "wanda": "America/New_York", "xavier": "America/New_York",
}

// zones are the rules of time zones as they have been since 2007.
var zones = map[string][]string{
	"Europe/Amsterdam": {
		"BEGIN:DAYLIGHT", "TZNAME:CEST", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "DTSTART:19960331T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT",
		"BEGIN:STANDARD", "TZNAME:CET", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "DTSTART:19961027T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD",
	},
	"America/New_York": {
		"BEGIN:DAYLIGHT", "TZNAME:EDT", "TZOFFSETFROM:-0500", "TZOFFSETTO:-0400", "DTSTART:20070311T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "END:DAYLIGHT",
		"BEGIN:STANDARD", "TZNAME:EST", "TZOFFSETFROM:-0400", "TZOFFSETTO:-0500", "DTSTART:20071104T020000", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU", "END:STANDARD",
	},
}

// An event is written as a VEVENT; start holds the local time of day.
type event struct {
	uid, title, place, rule, class string
	zone                           string // "": the company's
	start                          time.Time
	length                         time.Duration
	allDay                         bool
}

// in returns the event as a sample of one calendar. Copies of a meeting share
// the UID; each calendar has one.
func (e *event) in(owner string) sample {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//convene//demo//EN"}
	in := cmp.Or(e.zone, zone)
	if !e.allDay {
		lines = slices.Concat(lines, []string{"BEGIN:VTIMEZONE", "TZID:" + in}, zones[in], []string{"END:VTIMEZONE"})
	}
	end := e.start.Add(e.length)
	lines = append(lines, "BEGIN:VEVENT", "UID:"+e.uid+"@example.com", "DTSTAMP:"+e.start.AddDate(0, 0, -14).Format(utcForm), "SUMMARY:"+e.title)
	if e.allDay {
		lines = append(lines, "DTSTART;VALUE=DATE:"+e.start.Format(dateForm), "DTEND;VALUE=DATE:"+end.Format(dateForm))
	} else {
		lines = append(lines, "DTSTART;TZID="+in+":"+e.start.Format(localForm), "DTEND;TZID="+in+":"+end.Format(localForm))
	}
	for _, p := range []struct{ name, value string }{{"RRULE", e.rule}, {"LOCATION", e.place}, {"CLASS", e.class}} {
		if p.value != "" {
			lines = append(lines, p.name+":"+p.value)
		}
	}
	lines = append(lines, "END:VEVENT", "END:VCALENDAR", "")
	return sample{owner, "calendar", e.uid + ".ics", strings.Join(lines, "\r\n")}
}
