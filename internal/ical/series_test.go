package ical

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// object parses the content of a VCALENDAR; lines may end in LF.
func object(t testing.TB, content string) *Object {
	t.Helper()
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//convene//test//EN\n" + strings.TrimSpace(content) + "\nEND:VCALENDAR\n"
	cal, err := Decode([]byte(strings.ReplaceAll(text, "\n", "\r\n")), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestOverrideOfAnotherKind: a RECURRENCE-ID that is a day is for the instance of
// that day, one with a time for the day that it shows.
func TestOverrideOfAnotherKind(t *testing.T) {
	for _, tt := range []struct{ start, id, moved, want string }{
		{"DTSTART;TZID=Europe/Berlin:20240101T090000", "VALUE=DATE:20240102", "DTSTART:20240102T120000Z",
			"20240101T080000Z/20240101T080000Z 20240102T080000Z>20240102T120000Z/20240102T120000Z 20240103T080000Z/20240103T080000Z"},
		{"DTSTART;VALUE=DATE:20240101", "X=1:20240102T000000Z", "DTSTART;VALUE=DATE:20240105",
			"20240101/20240102 20240103/20240104 20240102>20240105/20240106"},
		{"DTSTART;VALUE=DATE:20240101", "TZID=Europe/Berlin:20240102T000000", "DTSTART;VALUE=DATE:20240105",
			"20240101/20240102 20240103/20240104 20240102>20240105/20240106"},
	} {
		s := series(t, event(tt.start+"\nRRULE:FREQ=DAILY;COUNT=3")+"\n"+event("RECURRENCE-ID;"+tt.id+"\n"+tt.moved))
		if got := instances(t, s, "", "", nil); got != tt.want {
			t.Errorf("%s, %s\ngot  %s\nwant %s", tt.start, tt.id, got, tt.want)
		}
	}
}

func series(t testing.TB, content string) *Series {
	t.Helper()
	s, err := object(t, content).Series()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// event returns a VEVENT with some properties, separated by LF.
func event(props string) string {
	return "BEGIN:VEVENT\nUID:1\nDTSTAMP:20240101T000000Z\n" + strings.TrimSpace(props) + "\nEND:VEVENT"
}

// utc reads a UTC date-time; "" is an open end.
func utc(t testing.TB, s string, open int64) int64 {
	t.Helper()
	if s == "" {
		return open
	}
	at, err := ParseDateTime(s, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return at.Wall
}

// instances lists what a series has in a range: "start/end", "id>start/end" if it
// was moved, in UTC, or local where it is floating.
func instances(t testing.TB, s *Series, from, to string, floating *Zone) string {
	t.Helper()
	var all []string
	last := int64(math.MinInt64)
	for inst, err := range s.Instances(utc(t, from, math.MinInt64), utc(t, to, math.MaxInt64), floating, nil) {
		if err != nil {
			t.Fatal(err)
		}
		if inst.StartUnix < last {
			t.Errorf("instance at %d after one at %d", inst.StartUnix, last)
		}
		last = inst.StartUnix
		if inst.Start.Unix(floating) != inst.StartUnix || inst.End.Unix(floating) != inst.EndUnix {
			t.Errorf("instance %v to %v is not from %d to %d", inst.Start, inst.End, inst.StartUnix, inst.EndUnix)
		}
		text := inUTC(inst.Start, inst.StartUnix) + "/" + inUTC(inst.End, inst.EndUnix)
		if inst.Override {
			text = inUTC(inst.RecurrenceID, inst.RecurrenceID.Unix(floating)) + ">" + text
		}
		if all = append(all, text); len(all) == 40 {
			break
		}
	}
	return strings.Join(all, " ")
}

func inUTC(t DateTime, unix int64) string {
	if t.Kind == Date || t.Kind == Floating {
		return t.String()
	}
	return DateTime{Wall: unix, Kind: UTC}.String()
}

func TestInstances(t *testing.T) {
	for _, tt := range []struct{ name, events, from, to, want string }{
		{"single", event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z"), "", "", "20240101T090000Z/20240101T100000Z"},
		{"single, before", event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z"), "20240101T100000Z", "", ""},
		{"single, after", event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z"), "", "20240101T090000Z", ""},
		{"no length, at the start", event("DTSTART:20240101T090000Z"), "20240101T090000Z", "20240101T090001Z", "20240101T090000Z/20240101T090000Z"},
		{"no length, at the end", event("DTSTART:20240101T090000Z"), "20240101T080000Z", "20240101T090000Z", ""},
		{"all-day", event("DTSTART;VALUE=DATE:20240101"), "20240101T235959Z", "20240102T000000Z", "20240101/20240102"},
		{"all-day that ends as it begins", event("DTSTART;VALUE=DATE:20240101\nDTEND;VALUE=DATE:20240101"), "", "", "20240101/20240102"},
		{"daily over a clock change, exact", event("DTSTART;TZID=Europe/Berlin:20240330T220000\nDTEND;TZID=Europe/Berlin:20240331T060000\nRRULE:FREQ=DAILY;COUNT=2"), "", "",
			"20240330T210000Z/20240331T040000Z 20240331T200000Z/20240401T030000Z"},
		{"daily over a clock change, nominal", event("DTSTART;TZID=Europe/Berlin:20240329T120000\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=3"), "", "",
			"20240329T110000Z/20240330T110000Z 20240330T110000Z/20240331T100000Z 20240331T100000Z/20240401T100000Z"},
		{"in the gap", event("DTSTART;TZID=Europe/Berlin:20240330T023000\nRRULE:FREQ=DAILY;COUNT=3"), "", "",
			"20240330T013000Z/20240330T013000Z 20240331T013000Z/20240331T013000Z 20240401T003000Z/20240401T003000Z"},
		{"hourly over the gap", event("DTSTART;TZID=America/New_York:20240310T010000\nRRULE:FREQ=HOURLY;COUNT=4"), "", "",
			"20240310T060000Z/20240310T060000Z 20240310T070000Z/20240310T070000Z 20240310T080000Z/20240310T080000Z"},
		{"two hours of the day over the gap", event("DTSTART;TZID=America/New_York:20240309T020000\nRRULE:FREQ=DAILY;BYHOUR=2,3;COUNT=5"), "", "",
			"20240309T070000Z/20240309T070000Z 20240309T080000Z/20240309T080000Z 20240310T070000Z/20240310T070000Z 20240311T060000Z/20240311T060000Z"},
		{"every 40 minutes over the gap", event("DTSTART;TZID=America/New_York:20240310T012000\nRRULE:FREQ=MINUTELY;INTERVAL=40;COUNT=5"), "", "",
			"20240310T062000Z/20240310T062000Z 20240310T070000Z/20240310T070000Z 20240310T072000Z/20240310T072000Z " +
				"20240310T074000Z/20240310T074000Z 20240310T080000Z/20240310T080000Z"},
		{"hourly over the fold", event("DTSTART;TZID=America/New_York:20241103T000000\nRRULE:FREQ=HOURLY;COUNT=3"), "", "",
			"20241103T040000Z/20241103T040000Z 20241103T050000Z/20241103T050000Z 20241103T070000Z/20241103T070000Z"},
		{"until in UTC is the last start", event("DTSTART;TZID=America/New_York:20240101T090000\nRRULE:FREQ=DAILY;UNTIL=20240103T140000Z"), "", "",
			"20240101T140000Z/20240101T140000Z 20240102T140000Z/20240102T140000Z 20240103T140000Z/20240103T140000Z"},
		{"until as a date", event("DTSTART;TZID=America/New_York:20240101T230000\nRRULE:FREQ=DAILY;UNTIL=20240102"), "", "",
			"20240102T040000Z/20240102T040000Z 20240103T040000Z/20240103T040000Z"},
		{"DTSTART off the rule", event("DTSTART:20240101T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3"), "", "",
			"20240101T090000Z/20240101T090000Z 20240102T090000Z/20240102T090000Z 20240109T090000Z/20240109T090000Z"},
		{"RDATE and EXDATE in other forms", event("DTSTART;TZID=Europe/Berlin:20240101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n" +
			"RDATE:20240110T120000Z,20240103T080000Z\nRDATE;VALUE=DATE:20240120\nEXDATE;TZID=America/New_York:20240102T030000\nEXDATE;VALUE=DATE:20240104"), "", "",
			"20240101T080000Z/20240101T090000Z 20240103T080000Z/20240103T090000Z 20240110T120000Z/20240110T130000Z 20240120T080000Z/20240120T090000Z"},
		{"RDATE as a period", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240102T090000Z/PT5H,20240103T090000Z/20240103T093000Z"),
			"20240102T133000Z", "", "20240102T090000Z/20240102T140000Z 20240103T090000Z/20240103T093000Z"},
		{"EXDATE of DTSTART", event("DTSTART:20240101T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20240101T090000Z"), "", "", "20240102T090000Z/20240102T090000Z"},
		{"EXRULE", event("DTSTART:20240101T090000Z\nRRULE:FREQ=DAILY;COUNT=5\nEXRULE:FREQ=DAILY;INTERVAL=2"), "", "",
			"20240102T090000Z/20240102T090000Z 20240104T090000Z/20240104T090000Z"},
		{"two rules", event("DTSTART:20240101T090000Z\nRRULE:FREQ=WEEKLY;COUNT=2\nRRULE:FREQ=DAILY;COUNT=2"), "", "",
			"20240101T090000Z/20240101T090000Z 20240102T090000Z/20240102T090000Z 20240108T090000Z/20240108T090000Z"},
		{"all-day with EXDATE as a time", event("DTSTART;VALUE=DATE:20240101\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20240102T000000Z"), "", "",
			"20240101/20240102 20240103/20240104"},
		{"floating", event("DTSTART:20240101T090000\nDTEND:20240101T100000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20240101T090000"), "", "",
			"20240102T090000/20240102T100000"},
		{"end in another zone", event("DTSTART;TZID=Europe/Berlin:20240101T090000\nDTEND;TZID=America/New_York:20240101T110000\nRRULE:FREQ=DAILY;COUNT=2"), "", "",
			"20240101T080000Z/20240101T160000Z 20240102T080000Z/20240102T160000Z"},
		{"29 February", event("DTSTART;VALUE=DATE:20240229\nRRULE:RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;COUNT=3"), "", "",
			"20240229/20240301 20250301/20250302 20260301/20260302"},
		{"31st, backward", event("DTSTART;VALUE=DATE:20240131\nRRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4"), "", "",
			"20240131/20240201 20240229/20240301 20240331/20240401 20240430/20240501"},
		{"1st and 31st, forward", event("DTSTART;VALUE=DATE:20240131\nRRULE:RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31;COUNT=5"), "", "",
			"20240131/20240201 20240201/20240202 20240301/20240302 20240331/20240401 20240401/20240402"},
		{"never", event("DTSTART:20240101T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "", "", "20240101T090000Z/20240101T090000Z"},
		{"never, monthly", event("DTSTART:20240101T090000Z\nRRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"), "", "", "20240101T090000Z/20240101T090000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := instances(t, series(t, tt.events), tt.from, tt.to, nil); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestOverrides(t *testing.T) {
	daily := event("DTSTART;TZID=Europe/Berlin:20240101T090000\nDTEND;TZID=Europe/Berlin:20240101T100000\nRRULE:FREQ=DAILY;COUNT=4")
	override := func(id, props string) string { return "\n" + event("RECURRENCE-ID"+id+"\n"+props) }
	for _, tt := range []struct{ name, events, from, to, want string }{
		{"moved", daily + override(";TZID=Europe/Berlin:20240102T090000", "DTSTART:20240110T120000Z\nDURATION:PT2H"), "", "",
			"20240101T080000Z/20240101T090000Z 20240103T080000Z/20240103T090000Z 20240104T080000Z/20240104T090000Z 20240102T080000Z>20240110T120000Z/20240110T140000Z"},
		{"named in UTC", daily + override(":20240102T080000Z", "DTSTART:20240102T120000Z"), "20240102T000000Z", "20240103T000000Z", "20240102T080000Z>20240102T120000Z/20240102T120000Z"},
		{"named in another zone", daily + override(";TZID=America/New_York:20240102T030000", "DTSTART:20240102T120000Z"), "20240102T000000Z", "20240103T000000Z", "20240102T080000Z>20240102T120000Z/20240102T120000Z"},
		{"moved into the range", daily + override(":20240104T080000Z", "DTSTART:20240101T070000Z"), "20240101T000000Z", "20240102T000000Z",
			"20240104T080000Z>20240101T070000Z/20240101T070000Z 20240101T080000Z/20240101T090000Z"},
		{"of no instance", daily + override(":20250101T080000Z", "DTSTART:20250101T080000Z"), "20240104T000000Z", "",
			"20240104T080000Z/20240104T090000Z 20250101T080000Z>20250101T080000Z/20250101T080000Z"},
		{"this and future", daily + override(";RANGE=THISANDFUTURE:20240103T080000Z", "DTSTART;TZID=Europe/Berlin:20240103T110000\nDURATION:PT3H"), "", "",
			"20240101T080000Z/20240101T090000Z 20240102T080000Z/20240102T090000Z 20240103T080000Z>20240103T100000Z/20240103T130000Z 20240104T100000Z/20240104T130000Z"},
		{"this and future, earlier", daily + override(";RANGE=THISANDFUTURE:20240103T080000Z", "DTSTART;TZID=Europe/Berlin:20240101T083000\nDURATION:PT1H"), "", "",
			"20240103T080000Z>20240101T073000Z/20240101T083000Z 20240101T080000Z/20240101T090000Z 20240102T073000Z/20240102T083000Z 20240102T080000Z/20240102T090000Z"},
		{"this and future, found in the range", daily + override(";RANGE=THISANDFUTURE:20240103T080000Z", "DTSTART;TZID=Europe/Berlin:20240203T110000\nDURATION:PT3H"),
			"20240204T000000Z", "", "20240204T100000Z/20240204T130000Z"},
		{"two futures", daily + override(";RANGE=THISANDFUTURE:20240102T080000Z", "DTSTART:20240102T090000Z") +
			override(";RANGE=THISANDFUTURE:20240103T080000Z", "DTSTART:20240103T100000Z"), "20240102T000000Z", "",
			"20240102T080000Z>20240102T090000Z/20240102T090000Z 20240103T080000Z>20240103T100000Z/20240103T100000Z 20240104T100000Z/20240104T100000Z"},
		{"without a master", strings.TrimSpace(override(":20240102T080000Z", "DTSTART:20240102T090000Z") + override(":20240103T080000Z", "DTSTART:20240101T090000Z")), "", "",
			"20240103T080000Z>20240101T090000Z/20240101T090000Z 20240102T080000Z>20240102T090000Z/20240102T090000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := instances(t, series(t, tt.events), tt.from, tt.to, nil)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// TestFloatingZone: the day of the reader decides.
func TestFloatingZone(t *testing.T) {
	s := series(t, event("DTSTART;VALUE=DATE:20240101\nRRULE:FREQ=DAILY"))
	ny := mustZone(t, "America/New_York")
	if got := instances(t, s, "20240310T050000Z", "20240311T040000Z", ny); got != "20240310/20240311" {
		t.Error(got)
	}
	if got := instances(t, s, "20240310T050000Z", "20240311T040001Z", ny); got != "20240310/20240311 20240311/20240312" {
		t.Error(got)
	}
}

// TestFloatingGap: how many instances there are is not for the clocks of the reader
// to say, nor which of them are left out.
func TestFloatingGap(t *testing.T) {
	ny := mustZone(t, "America/New_York") // where 2:00 to 3:00 is left out
	for _, tt := range []struct{ name, events, want string }{
		{"hourly", event("DTSTART:20240310T010000\nRRULE:FREQ=HOURLY;COUNT=4"),
			"20240310T010000 20240310T020000 20240310T030000 20240310T040000"},
		{"every 40 minutes", event("DTSTART:20240310T012000\nRRULE:FREQ=MINUTELY;INTERVAL=40;COUNT=4"),
			"20240310T012000 20240310T020000 20240310T024000 20240310T032000"},
		{"every 20 minutes", event("DTSTART:20240310T020000\nRRULE:FREQ=MINUTELY;INTERVAL=20;COUNT=6"),
			"20240310T020000 20240310T022000 20240310T024000 20240310T030000 20240310T032000 20240310T034000"},
		{"by hours of the day", event("DTSTART:20240309T020000\nRRULE:FREQ=DAILY;BYHOUR=2,3;COUNT=4"),
			"20240309T020000 20240309T030000 20240310T020000 20240310T030000"},
		{"last of the day", event("DTSTART:20240310T030000\nRRULE:FREQ=DAILY;BYHOUR=2,3;BYSETPOS=-1;COUNT=2"),
			"20240310T030000 20240311T030000"},
		{"two rules", event("DTSTART:20240310T020000\nRRULE:FREQ=DAILY;COUNT=1\nRRULE:FREQ=DAILY;BYHOUR=3;COUNT=2"),
			"20240310T020000 20240310T030000"},
		{"RDATE", event("DTSTART:20240310T020000\nRDATE:20240310T030000"),
			"20240310T020000 20240310T030000"},
		{"EXDATE before the gap in order", event("DTSTART:20240310T014500\nRRULE:FREQ=MINUTELY;INTERVAL=45;COUNT=4\nEXDATE:20240310T023000"),
			"20240310T014500 20240310T031500 20240310T040000"},
		{"EXDATE after the gap", event("DTSTART:20240310T020000\nRRULE:FREQ=HOURLY;COUNT=3\nEXDATE:20240310T030000"),
			"20240310T020000 20240310T040000"},
		{"EXRULE", event("DTSTART:20240310T010000\nRRULE:FREQ=HOURLY;COUNT=4\nEXRULE:FREQ=DAILY;BYHOUR=3"),
			"20240310T010000 20240310T020000 20240310T040000"},
		{"override", event("DTSTART:20240310T020000\nRRULE:FREQ=HOURLY;COUNT=3") + "\n" + event("RECURRENCE-ID:20240310T030000\nDTSTART:20240310T050000"),
			"20240310T020000 20240310T040000 20240310T050000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, reader := range []*Zone{nil, ny} {
				var all []string
				for inst, err := range series(t, tt.events).Instances(math.MinInt64, math.MaxInt64, reader, nil) {
					if err != nil {
						t.Fatal(err)
					}
					all = append(all, inst.Start.String())
				}
				if slices.Sort(all); strings.Join(all, " ") != tt.want {
					t.Errorf("got  %s\nwant %s", strings.Join(all, " "), tt.want)
				}
			}
		})
	}
}

func TestBudget(t *testing.T) {
	all := func(most int) string {
		var b strings.Builder
		for i := range most {
			fmt.Fprintf(&b, ",%d", i)
		}
		return b.String()[1:]
	}
	for _, rule := range []string{
		"FREQ=SECONDLY", "FREQ=DAILY", "FREQ=YEARLY;BYMONTHDAY=1,2;BYHOUR=" + all(24) + ";BYMINUTE=" + all(60) + ";BYSECOND=" + all(60),
	} {
		testBudget(t, series(t, event("DTSTART:20240101T090000Z\nRRULE:"+rule)))
	}
}

func testBudget(t *testing.T, s *Series) {
	t.Helper()
	b := NewBudget(1000)
	n := 0
	for _, err := range s.Instances(math.MinInt64, math.MaxInt64, nil, b) {
		if err != nil {
			if !errors.Is(err, ErrBudget) {
				t.Fatal(err)
			}
			if n < 100 || n > 1000 {
				t.Errorf("%d instances for 1000 steps", n)
			}
			return
		}
		n++
	}
	t.Error("an endless series ended")
}

func TestSpan(t *testing.T) {
	for _, tt := range []struct{ events, start, end string }{
		{event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z"), "20240101T090000Z", "20240101T100000Z"},
		{event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=DAILY"), "20240101T090000Z", ""},
		{event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=DAILY;COUNT=3"), "20240101T090000Z", "20240103T100000Z"},
		{event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2"), "20240101T090000Z", "20240131T100000Z"},
		{event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=DAILY;UNTIL=20240105T090000Z"), "20240101T090000Z", "20240105T100000Z"},
		{event("DTSTART:20240101T090000Z\nRDATE:20230101T000000Z"), "20230101T000000Z", "20240101T090000Z"},
		{event("DTSTART:20240105T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=FR;BYMONTH=1;COUNT=6"), "20240105T090000Z", "20250110T090000Z"},
	} {
		start, end, open := series(t, tt.events).Span(nil)
		if start != utc(t, tt.start, 0) || open != (tt.end == "") || end != utc(t, tt.end, math.MaxInt64) {
			t.Errorf("%s\n%v to %v %t", tt.events, DateTime{Wall: start, Kind: UTC}, DateTime{Wall: min(end, lastWall), Kind: UTC}, open)
		}
	}
}

// TestSeriesGolden compares with recurring_ical_events: see testdata/series.py.
func TestSeriesGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/series.golden")
	if err != nil {
		t.Fatal(err)
	}
	for record := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		events, rest, _ := strings.Cut(record, "\nrange ")
		lines := strings.Split(rest, "\n")
		from, to, _ := strings.Cut(lines[0], " ")
		var got []string
		for inst, err := range series(t, events).Instances(utc(t, from, 0), utc(t, to, 0), nil, nil) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, utcText(inst.StartUnix)+" "+utcText(inst.EndUnix))
		}
		if !slices.Equal(got, lines[1:]) {
			t.Errorf("%s\ngot  %v\nwant %v", record, got, lines[1:])
		}
	}
}

// TestDetached: a detached series gives the same instances, without components.
func TestDetached(t *testing.T) {
	o := object(t, event("DTSTART:20240101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3")+"\n"+event("RECURRENCE-ID:20240102T090000Z\nDTSTART:20240105T090000Z"))
	s, err := o.Series()
	if err != nil {
		t.Fatal(err)
	}
	d := s.Detached()
	if got, want := instances(t, d, "", "", nil), instances(t, s, "", "", nil); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for inst := range d.Instances(math.MinInt64, math.MaxInt64, nil, nil) {
		if inst.Component != nil {
			t.Error("a component is held on to")
		}
	}
	a, err1 := d.AppendExpanded(nil, o, 0, math.MaxInt64, nil, nil)
	b, err2 := o.AppendExpanded(nil, 0, math.MaxInt64, nil, nil)
	if err1 != nil || err2 != nil || string(a) != string(b) {
		t.Errorf("expanded %v %v:\n%s", err1, err2, a)
	}
	if d.Size() < 500 || d.Size() > 3000 {
		t.Errorf("a series of %d bytes", d.Size())
	}
}

// utcText is a moment as a DATE-TIME in UTC.
func utcText(unix int64) string { return DateTime{Wall: unix, Kind: UTC}.String() }
