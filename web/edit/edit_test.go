package edit_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"convene/internal/ical"
	"convene/web/edit"
)

var maker = edit.Maker{Now: time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC), UID: "new", Prefix: "-//convene//EN"}

// series is a weekly meeting with an exception, a date that was taken out, and things
// that no form knows.
const series = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Other//EN
X-WR-CALNAME;X-ODD="a:b":kept
BEGIN:VEVENT
UID:series
DTSTAMP:20260101T000000Z
X-FIRST;x-lower=1:not  touched\, at
  all
DTSTART;TZID=Europe/Berlin:20260907T090000
DTEND;TZID=Europe/Berlin:20260907T100000
RRULE:FREQ=WEEKLY;COUNT=10
EXDATE;TZID=Europe/Berlin:20260921T090000
summary;LANGUAGE=en:Planning
SEQUENCE:3
ORGANIZER;CN=Ann:mailto:ann@example.com
ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.com
ATTENDEE;CN=Ben;PARTSTAT=ACCEPTED;X-SEEN=1:mailto:ben@example.com
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Planning
TRIGGER:-PT15M
X-APPLE-DEFAULT-ALARM:TRUE
END:VALARM
BEGIN:X-BOX
X-IN:box
END:X-BOX
END:VEVENT
BEGIN:VEVENT
UID:series
RECURRENCE-ID;TZID=Europe/Berlin:20261005T090000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20261005T140000
DTEND;TZID=Europe/Berlin:20261005T150000
SUMMARY:Planning in the afternoon
X-OWN:kept
ORGANIZER;CN=Ann:mailto:ann@example.com
ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.com
ATTENDEE;CN=Ben;PARTSTAT=DECLINED:mailto:ben@example.com
END:VEVENT
END:VCALENDAR
`

func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func parse(t rapid.TB, body []byte) *ical.Object {
	t.Helper()
	o, err := edit.Parse(body)
	if err != nil {
		t.Fatalf("%v in\n%s", err, body)
	}
	return o
}

func save(at string, scope edit.Scope, change func(*edit.Event)) func(*ical.Object) (edit.Change, error) {
	return func(o *ical.Object) (edit.Change, error) {
		e, err := edit.Form(o, at)
		if err != nil {
			return edit.Change{}, err
		}
		change(&e)
		return maker.Save(o, at, scope, e)
	}
}

func move(at string, scope edit.Scope, start, end string) func(*ical.Object) (edit.Change, error) {
	return func(o *ical.Object) (edit.Change, error) {
		return maker.Move(o, at, scope, start, end, "Europe/Berlin")
	}
}

func remove(at string, scope edit.Scope) func(*ical.Object) (edit.Change, error) {
	return func(o *ical.Object) (edit.Change, error) { return maker.Delete(o, at, scope) }
}

func answer(at, what, comment string) func(*ical.Object) (edit.Change, error) {
	return func(o *ical.Object) (edit.Change, error) {
		return maker.Answer(o, at, what, comment, func(a string) bool { return a == "mailto:ben@example.com" })
	}
}

const instance = "20260928T070000Z" // the fourth date, 09:00 in Berlin

// What becomes of the series is in testdata, each line of it.
func TestSeries(t *testing.T) {
	for name, do := range map[string]func(*ical.Object) (edit.Change, error){
		"move-once":       move(instance, edit.Once, "2026-09-29T11:00", "2026-09-29T11:30"),
		"move-following":  move(instance, edit.Following, "2026-09-29T11:00", "2026-09-29T12:00"),
		"move-all":        move(instance, edit.All, "2026-09-29T11:00", "2026-09-29T12:00"),
		"move-exception":  move("20261005T070000Z", edit.Once, "2026-10-05T16:00", "2026-10-05T17:00"),
		"title-all":       save(instance, edit.All, func(e *edit.Event) { e.Title = "Planung, groß; neu"; e.Place = "Aurora" }),
		"title-following": save(instance, edit.Following, func(e *edit.Event) { e.Title = "New" }),
		"guests-once": save(instance, edit.Once, func(e *edit.Event) {
			e.Guests = append(e.Guests[:1], edit.Guest{Address: "mailto:chen@example.com", Name: "Chen, Li", Optional: true})
		}),
		"zone-all":         save("", edit.All, func(e *edit.Event) { e.Zone = "America/New_York" }),
		"days-all":         save("", edit.All, func(e *edit.Event) { e.AllDay, e.Start, e.End, e.Zone = true, "2026-09-07", "2026-09-08", "" }),
		"rule-all":         save(instance, edit.All, func(e *edit.Event) { e.Repeat = edit.Repeat{Every: "daily", Until: "2026-10-04"} }),
		"single":           save("", edit.All, func(e *edit.Event) { e.Repeat = edit.Repeat{} }),
		"delete-once":      remove(instance, edit.Once),
		"delete-exception": remove("20261005T090000", edit.Once),
		"delete-following": remove(instance, edit.Following),
		"delete-first":     remove("20260907", edit.Following),
		"alarm":            save("", edit.All, func(e *edit.Event) { e.Alarm = "60"; e.Class = "PRIVATE"; e.Free = true }),
		"accept-all":       answer("", "TENTATIVE", ""),
		"decline-once":     answer(instance, "DECLINED", "Away, sorry"),
	} {
		t.Run(name, func(t *testing.T) {
			c, err := do(parse(t, crlf(series)))
			if err != nil {
				t.Fatal(err)
			}
			got := string(c.Body)
			if c.Next != nil {
				got += "\r\n" + string(c.Next)
			}
			for _, body := range [][]byte{c.Body, c.Next} {
				if body != nil {
					parse(t, body)
				}
			}
			file := filepath.Join("testdata", name+".ics")
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, []byte(strings.ReplaceAll(got, "\r", "")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ReplaceAll(got, "\r", "") != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A form that is sent as it was shown changes nothing.
func TestSame(t *testing.T) {
	for _, at := range []string{"", instance, "20261005T070000Z"} {
		for _, scope := range []edit.Scope{edit.Once, edit.Following, edit.All} {
			if c, err := save(at, scope, func(*edit.Event) {})(parse(t, crlf(series))); err != nil || !c.Same {
				t.Errorf("%q %s: %v %v", at, scope, c, err)
			}
		}
	}
}

// What no event can be is refused with the field that it is in.
func TestFields(t *testing.T) {
	for field, change := range map[string]func(*edit.Event){
		"start":    func(e *edit.Event) { e.Start = "tomorrow" },
		"end":      func(e *edit.Event) { e.End = "2026-09-06T10:00" },
		"zone":     func(e *edit.Event) { e.Zone = "Mars/Olympus" },
		"until":    func(e *edit.Event) { e.Repeat = edit.Repeat{Every: "daily", Until: "2026-09-01"} },
		"count":    func(e *edit.Event) { e.Repeat = edit.Repeat{Every: "daily", Count: -1} },
		"interval": func(e *edit.Event) { e.Repeat = edit.Repeat{Every: "daily", Interval: -2} },
		"repeat":   func(e *edit.Event) { e.Repeat.Every = "hourly" },
		"alarm":    func(e *edit.Event) { e.Alarm = "soon" },
		"class":    func(e *edit.Event) { e.Class = "SECRET" },
	} {
		_, err := save("", edit.All, change)(parse(t, crlf(series)))
		var f *edit.FieldError
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	for _, at := range []string{"20260921T070000Z", "20260929T070000Z", "now"} {
		if _, err := remove(at, edit.Once)(parse(t, crlf(series))); !errors.Is(err, edit.ErrNoInstance) {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// instances are when an object happens.
func instances(t rapid.TB, body []byte) (all []int64) {
	t.Helper()
	if body == nil {
		return nil
	}
	s, err := parse(t, body).Series()
	if err != nil {
		t.Fatal(err)
	}
	for inst, err := range s.Instances(math.MinInt64, math.MaxInt64, nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, inst.StartUnix)
	}
	return all
}

// Whatever is made by a form is what the form says when it is shown again; and a series
// that is split anywhere happens when it did.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.IntRange(0, 1500).Draw(t, "day")
		start := time.Date(2025, 1, 1, rapid.IntRange(0, 23).Draw(t, "hour"), 15*rapid.IntRange(0, 3).Draw(t, "quarter"), 0, 0, time.UTC).AddDate(0, 0, days)
		zone := rapid.SampledFrom([]string{"", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"}).Draw(t, "zone")
		e := edit.Event{Title: "t;,\\n", Class: "PUBLIC", Zone: zone, AllDay: rapid.Bool().Draw(t, "whole"), Alarm: rapid.SampledFrom([]string{"", "0", "30"}).Draw(t, "alarm")}
		form := "2006-01-02T15:04"
		if e.AllDay {
			form, e.Zone = "2006-01-02", ""
		}
		e.Start, e.End = start.Format(form), start.Add(time.Duration(rapid.IntRange(2, 60).Draw(t, "hours"))*time.Hour).Format(form)
		e.Repeat = edit.Repeat{Every: rapid.SampledFrom([]string{"daily", "weekly", "monthly"}).Draw(t, "every"), Interval: rapid.IntRange(1, 3).Draw(t, "interval"), Count: rapid.IntRange(3, 9).Draw(t, "count")}
		if e.Repeat.Every == "weekly" {
			e.Repeat.Days[start.Weekday()] = true
			e.Repeat.Days[rapid.IntRange(0, 6).Draw(t, "other")] = true
		}
		if e.Repeat.Every == "monthly" {
			e.Repeat.Nth = rapid.Bool().Draw(t, "nth")
		}
		body, err := maker.Create(e)
		if err != nil {
			t.Fatal(err)
		}
		o := parse(t, body)
		shown, err := edit.Form(o, "")
		if err != nil {
			t.Fatal(err)
		}
		if shown.Start != e.Start || shown.End != e.End || shown.Zone != e.Zone || shown.Repeat != e.Repeat || shown.Title != e.Title || shown.Alarm != e.Alarm {
			t.Fatalf("%+v\n%+v\n%s", e, shown, body)
		}
		all := instances(t, body)
		n := rapid.IntRange(1, len(all)-1).Draw(t, "split")
		s, _ := o.Series()
		at := ""
		i := 0
		for inst := range s.Instances(math.MinInt64, math.MaxInt64, nil, nil) {
			if i == n {
				at = s.RID(inst.RecurrenceID).String()
			}
			i++
		}
		c, err := save(at, edit.Following, func(e *edit.Event) { e.Title = "other" })(o)
		if err != nil {
			t.Fatal(err)
		}
		head, tail := instances(t, c.Body), instances(t, c.Next)
		if len(head) != n || len(tail) != len(all)-n || head[0] != all[0] || tail[0] != all[n] || tail[len(tail)-1] != all[len(all)-1] {
			t.Fatalf("%v at %s:\n%v\n%v\n%s\n%s", all, at, head, tail, c.Body, c.Next)
		}
		later := start.AddDate(9, 0, 0).Add(7 * time.Minute)
		moved, err := save(at, edit.Once, func(e *edit.Event) { e.Start, e.End = later.Format(form), later.Add(48*time.Hour).Format(form) })(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := instances(t, moved.Body); len(got) != len(all) {
			t.Fatalf("%d instances of %d after one was moved\n%s", len(got), len(all), moved.Body)
		}
	})
}
