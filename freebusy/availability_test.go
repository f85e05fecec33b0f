package freebusy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"convene/freebusy"
	"convene/internal/ical"
)

func calendar(lines ...string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VCALENDAR\r\n")
}

// decode parses what must be valid.
func decode(t testing.TB, data []byte) *ical.Component {
	t.Helper()
	cal, err := ical.Decode(data, ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return cal
}

// availability is a VAVAILABILITY; the zone of what it says comes from its text.
func availability(uid string, lines ...string) string {
	return strings.Join(append(append([]string{"BEGIN:VAVAILABILITY", "UID:" + uid, "DTSTAMP:20240101T000000Z"}, lines...), "END:VAVAILABILITY"), "\r\n")
}

func available(uid string, lines ...string) string {
	return strings.Join(append(append([]string{"BEGIN:AVAILABLE", "UID:" + uid, "DTSTAMP:20240101T000000Z"}, lines...), "END:AVAILABLE"), "\r\n")
}

const monday = 1704067200 // 1 January 2024, 00:00 UTC

// hours lists periods in hours from Monday.
func hours(periods []ical.BusyPeriod) string {
	var all []string
	for _, p := range periods {
		all = append(all, fmt.Sprintf("%s %g-%g", strings.ToLower(strings.TrimPrefix(p.Type.String(), "BUSY-")), float64(p.Start-monday)/3600, float64(p.End-monday)/3600))
	}
	return strings.Join(all, ", ")
}

// Who is there when (RFC 7953 §4), and what meetings make of it.
func TestAvailability(t *testing.T) {
	week := available("week", "DTSTART:20240101T090000Z", "DTEND:20240101T170000Z", "RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR")
	floating := available("floating", "DTSTART:20240101T090000", "DTEND:20240101T170000", "RRULE:FREQ=DAILY")
	for _, tt := range []struct {
		name  string
		value []string
		want  string
	}{
		{"office hours", []string{availability("a", week)}, "unavailable 0-9, busy 10-11, unavailable 17-33, unavailable 41-48"},
		{"the higher priority decides", []string{availability("a", "PRIORITY:9", week), availability("b", "PRIORITY:1", "DTSTART:20240101T120000Z", "DTEND:20240102T120000Z",
			available("evening", "DTSTART:20240101T190000Z", "DURATION:PT2H"))}, "unavailable 0-9, busy 10-11, unavailable 12-19, unavailable 21-36, unavailable 41-48"},
		{"in whatever order", []string{availability("b", "PRIORITY:1", "DTSTART:20240101T120000Z", "DTEND:20240102T120000Z"), availability("a", "PRIORITY:9", week)},
			"unavailable 0-9, busy 10-11, unavailable 12-36, unavailable 41-48"},
		{"no priority is the lowest", []string{availability("a", week), availability("b", "PRIORITY:9", "DTSTART:20240101T000000Z", "DTEND:20240101T100000Z",
			available("early", "DTSTART:20240101T000000Z", "DURATION:PT10H"))}, "busy 10-11, unavailable 17-33, unavailable 41-48"},
		{"of equals whoever is not there", []string{availability("a", week), availability("b", "DTSTART:20240101T120000Z", "DTEND:20240101T130000Z", "BUSYTYPE:BUSY")},
			"unavailable 0-9, busy 10-11, busy 12-13, unavailable 17-33, unavailable 41-48"},
		{"times of no zone", []string{availability("a", floating)}, "unavailable 0-8, busy 10-11, unavailable 16-32, unavailable 40-48"},
		{"none", nil, "busy 10-11"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			times := freebusy.Times{Periods: []ical.BusyPeriod{{Start: monday + 10*3600, End: monday + 11*3600, Type: ical.Busy}}}
			if tt.value != nil {
				objects, err := freebusy.ParseAvailability(calendar(tt.value...))
				if err != nil {
					t.Fatal(err)
				}
				zone, err := ical.LoadZone("Europe/Berlin")
				if err != nil {
					t.Fatal(err)
				}
				for _, o := range objects {
					times.Unavailable = append(times.Unavailable, freebusy.Unavailable{Object: o, Floating: zone})
				}
			}
			merged, err := times.Merged(monday, monday+48*3600, ical.NewBudget(10000))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, hours(merged)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Of each hour the highest priority that is about it decides.
func TestPrioritiesByHours(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type said struct {
			priority, start, length, free, freeLength int
		}
		var all []said
		var parts []string
		for i := range rapid.IntRange(1, 5).Draw(t, "availabilities") {
			s := said{rapid.IntRange(0, 3).Draw(t, "priority"), rapid.IntRange(0, 20).Draw(t, "start"), rapid.IntRange(1, 10).Draw(t, "length"),
				rapid.IntRange(0, 20).Draw(t, "free"), rapid.IntRange(1, 5).Draw(t, "free length")}
			all = append(all, s)
			at := func(hour int) string { return fmt.Sprintf("202401%02dT%02d0000Z", 1+hour/24, hour%24) }
			parts = append(parts, availability(fmt.Sprint("a", i), fmt.Sprintf("PRIORITY:%d", s.priority), "DTSTART:"+at(s.start), "DTEND:"+at(s.start+s.length),
				available("free", "DTSTART:"+at(s.free), fmt.Sprintf("DURATION:PT%dH", s.freeLength))))
		}
		objects, err := freebusy.ParseAvailability(calendar(parts...))
		if err != nil {
			t.Fatal(err)
		}
		var times freebusy.Times
		for _, o := range objects {
			times.Unavailable = append(times.Unavailable, freebusy.Unavailable{Object: o})
		}
		merged, err := times.Merged(monday, monday+24*3600, ical.NewBudget(10000))
		if err != nil {
			t.Fatal(err)
		}
		for hour := range 24 {
			want, best := false, 11
			for _, s := range all {
				rank := s.priority
				if rank == 0 {
					rank = 10
				}
				if hour < s.start || hour >= s.start+s.length || rank > best {
					continue
				}
				away := hour < s.free || hour >= s.free+s.freeLength
				want, best = away || want && rank == best, rank
			}
			got := false
			for _, p := range merged {
				got = got || p.Start <= monday+int64(hour)*3600 && monday+int64(hour)*3600 < p.End
			}
			if got != want {
				t.Fatalf("hour %d: away is %t, want %t, by %+v: %s", hour, got, want, all, hours(merged))
			}
		}
	})
}

func TestParseAvailability(t *testing.T) {
	good := availability("a", available("b", "DTSTART:20240101T090000Z", "DTEND:20240101T170000Z"))
	many := make([]string, 101)
	for i := range many {
		many[i] = availability(fmt.Sprint(i))
	}
	for name, tt := range map[string]struct {
		text []byte
		want string // in the error; "": none
	}{
		"one":                      {calendar(good), ""},
		"two":                      {calendar(good, availability("c")), ""},
		"no calendar":              {[]byte("This is not a calendar!"), "line"},
		"nothing in it":            {calendar("X-A:1"), "no VAVAILABILITY"},
		"an event":                 {calendar("BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT"), "VEVENT"},
		"one, and an event":        {calendar(good, "BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT"), "VEVENT"},
		"a message":                {calendar("METHOD:PUBLISH", good), "METHOD"},
		"a start that is none":     {calendar(availability("a", "DTSTART:soon")), "DTSTART"},
		"a part that has no start": {calendar(availability("a", available("b", "DURATION:PT1H"))), "DTSTART"},
		"a rule that is none":      {calendar(availability("a", available("b", "DTSTART:20240101T090000Z", "DURATION:PT1H", "RRULE:FREQ=OFTEN"))), "RRULE"},
		"too many":                 {calendar(many...), "too many"},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := freebusy.ParseAvailability(tt.text)
			switch {
			case tt.want == "" && (err != nil || len(objects) == 0):
				t.Errorf("%v, %d objects", err, len(objects))
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want one with %q", err, tt.want)
			}
		})
	}
}
