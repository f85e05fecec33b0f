package ical

import (
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// wallsOf returns the walls of a rule within a range.
func wallsOf(t testing.TB, rule, start string, from, stop int64, most int) []int64 {
	t.Helper()
	r, err := ParseRule(rule)
	if err != nil {
		t.Fatal(err)
	}
	begin, err := ParseDateTime(start, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	it := newRecurrence(r, begin, true).walls(from, stop, NewBudget(20_000_000))
	var all []int64
	for len(all) < most {
		wall, ok := it.next()
		if !ok {
			break
		}
		all = append(all, wall)
	}
	if it.err != nil {
		t.Fatalf("%s: %v", rule, it.err)
	}
	return all
}

func numbersOf(t testing.TB, s string) []int64 {
	t.Helper()
	var all []int64
	for f := range strings.FieldsSeq(s) {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

// TestRuleGolden compares with python-dateutil: see testdata/rrule.py.
func TestRuleGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/rrule.golden")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		start, rule, head, far := f[0], f[1], numbersOf(t, f[2]), numbersOf(t, f[3])
		horizon := numbersOf(t, f[4])[0]
		if got := wallsOf(t, rule, start, math.MinInt64, horizon, len(head)+1); !slices.Equal(got[:min(len(got), len(head))], head) ||
			len(got) > len(head) && len(head) < 25 {
			t.Errorf("%s %s\n got %d\nwant %d", start, rule, got, head)
		}
		if len(far) == 0 {
			continue
		}
		begin, _ := ParseDateTime(start, "", false, nil)
		year, month, day, second := begin.Civil()
		later := daysOfCivil(year+40, month, day)*secondsPerDay + int64(second)
		if got := wallsOf(t, rule, start, later, math.MaxInt64, len(far)); !slices.Equal(got, far) {
			t.Errorf("%s %s after 40 years\n got %d\nwant %d", start, rule, got, far)
		}
	}
}

func TestParseRule(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{"FREQ=DAILY", "FREQ=DAILY"},
		{"freq=weekly;byday=we,mo,su;", "FREQ=WEEKLY;BYDAY=MO,WE,SU"},
		{" FREQ = WEEKLY ; INTERVAL=1 ;WKST=MO", "FREQ=WEEKLY"},
		{"INTERVAL=2;FREQ=MONTHLY;BYDAY=-1FR,+2MO,TU", "FREQ=MONTHLY;INTERVAL=2;BYDAY=TU,-1FR,2MO"},
		{"FREQ=YEARLY;X-PART=1;UNTIL=20250101;BYMONTH=12,1;BYMONTHDAY=-1,3,1", "FREQ=YEARLY;UNTIL=20250101;BYMONTH=1,12;BYMONTHDAY=1,3,-1"},
		{"FREQ=DAILY;UNTIL=20250101T000000Z", "FREQ=DAILY;UNTIL=20250101T000000Z"},
		{"FREQ=DAILY;BYSECOND=60,0;BYMINUTE=5;BYHOUR=23", "FREQ=DAILY;BYHOUR=23;BYMINUTE=5;BYSECOND=0,59"},
		{"RSCALE=gregorian;FREQ=YEARLY;SKIP=forward", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD"},
		{"FREQ=YEARLY;BYWEEKNO=1,-1;BYYEARDAY=366,-366;BYDAY=MO;WKST=SU", "FREQ=YEARLY;BYWEEKNO=1,-1;BYYEARDAY=366,-366;BYDAY=MO;WKST=SU"},
		{"FREQ=DAILY;COUNT=3;UNTIL=20250101", "FREQ=DAILY;UNTIL=20250101;COUNT=3"},
	} {
		r, err := ParseRule(tt.rule)
		if err != nil || r.String() != tt.want {
			t.Errorf("ParseRule(%q) = %v %v, want %s", tt.rule, r, err, tt.want)
		}
	}
	for _, rule := range []string{
		"", "DAILY", "COUNT=3", "FREQ=FORTNIGHTLY", "FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1",
		"FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=9999999999", "FREQ=DAILY;UNTIL=tomorrow", "FREQ=DAILY;UNTIL=20250230", "FREQ=YEARLY;BYMONTH=13",
		"FREQ=YEARLY;BYMONTH=0", "FREQ=YEARLY;BYMONTHDAY=0", "FREQ=YEARLY;BYMONTHDAY=32", "FREQ=YEARLY;BYYEARDAY=367", "FREQ=YEARLY;BYWEEKNO=54",
		"FREQ=DAILY;BYHOUR=24", "FREQ=DAILY;BYMINUTE=60", "FREQ=DAILY;BYSECOND=61", "FREQ=DAILY;BYDAY=", "FREQ=DAILY;BYDAY=XX", "FREQ=WEEKLY;BYDAY=1MO",
		"FREQ=MONTHLY;BYDAY=54MO", "FREQ=MONTHLY;BYDAY=0MO", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO", "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYYEARDAY=1",
		"FREQ=MONTHLY;BYWEEKNO=1", "FREQ=DAILY;BYSETPOS=0", "FREQ=DAILY;WKST=1", "FREQ=YEARLY;SKIP=UP", "FREQ=YEARLY;BYMONTH=5L", "FREQ=DAILY;BYHOUR=,1",
		"FREQ=YEARLY;BYSETPOS=" + strings.Repeat("1,", 800) + "1",
	} {
		r, err := ParseRule(rule)
		if _, ok := errors.AsType[*RuleError](err); !ok || !errors.Is(err, ErrValue) {
			t.Errorf("ParseRule(%q) = %v %v", rule, r, err)
		}
	}
	_, err := ParseRule("RSCALE=klingon;FREQ=YEARLY")
	if e, ok := errors.AsType[*UnsupportedScaleError](err); !ok || e.Scale != "KLINGON" || !errors.Is(err, ErrRScale) {
		t.Errorf("RSCALE=KLINGON: %v", err)
	}
}

// TestRuleWalls has what dateutil is not asked about, or has another opinion of.
func TestRuleWalls(t *testing.T) {
	for _, tt := range []struct{ start, rule, want string }{
		{"20240513T090000", "FREQ=YEARLY;BYWEEKNO=20;COUNT=2", "20240513T090000 20250512T090000"},
		{"20231231T090000", "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=SU,MO;COUNT=4", "20240101T090000 20240107T090000 20241230T090000"},
		{"20240227T090000", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=-1;COUNT=2", "20240227T090000 20240305T090000"},
		{"20240101T090000", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "20240131T090000 20240229T090000"},
		{"20240131", "FREQ=MONTHLY;COUNT=3", "20240131T000000 20240331T000000 20240531T000000"},
		{"20240131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=3", "20240131T000000 20240301T000000 20240331T000000"},
		{"20240131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31;COUNT=4", "20240131T000000 20240201T000000 20240301T000000 20240331T000000"},
		{"20240101T090000", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31;BYHOUR=9,10;BYSETPOS=-1;COUNT=3", "20240131T100000 20240301T100000"},
		{"20240201", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=30,31;BYSETPOS=1,2;COUNT=3", "20240229T000000 20240330T000000"},
		{"20240229", "FREQ=YEARLY;COUNT=3", "20240229T000000 20280229T000000 20320229T000000"},
		{"20961231", "FREQ=YEARLY;BYYEARDAY=366;COUNT=2", "20961231T000000 21041231T000000"},
		{"20240101", "FREQ=DAILY;BYHOUR=9,10;COUNT=2", "20240101T000000 20240102T000000"},
		{"20240101", "FREQ=HOURLY;COUNT=2", "20240101T000000 20240102T000000"},
		{"20240101T120000", "FREQ=HOURLY;INTERVAL=2;BYHOUR=3", ""},
		{"99991230T000000", "FREQ=DAILY", "99991230T000000 99991231T000000"},
		{"20240101T000000", "FREQ=SECONDLY;INTERVAL=7;BYSECOND=3;BYHOUR=23;BYMONTH=12;COUNT=2", "20241201T230503"},
	} {
		var got []string
		for _, wall := range wallsOf(t, tt.rule, tt.start, math.MinInt64, utc(t, "99991231T235959Z", 0), 5) {
			got = append(got, DateTime{Wall: wall, Kind: Floating}.String())
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s %s\n got %s\nwant %s", tt.start, tt.rule, strings.Join(got, " "), tt.want)
		}
	}
}

// TestRuleEndsOnTime: counting a COUNT by arithmetic, by walking, and one wall at
// a time must agree.
func TestRuleCount(t *testing.T) {
	for _, rule := range []string{
		"FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;BYHOUR=1,9,12;BYMINUTE=0,30", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU",
		"FREQ=MONTHLY;BYMONTHDAY=1,15,28", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=MONTHLY;BYDAY=1MO,3WE", "FREQ=MONTHLY;BYDAY=5MO",
		"FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1", "FREQ=YEARLY", "FREQ=YEARLY;BYMONTH=1,6;BYDAY=-1SU", "FREQ=YEARLY;BYYEARDAY=366",
		"FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR", "FREQ=HOURLY;INTERVAL=5", "FREQ=HOURLY;BYHOUR=9,10,11", "FREQ=MINUTELY;INTERVAL=7;BYDAY=MO", "FREQ=SECONDLY;INTERVAL=601",
		"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=-1,-31;BYHOUR=8,12",
		"RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;BYYEARDAY=1,366;BYHOUR=8,12", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=BACKWARD;BYYEARDAY=-1,-366",
		"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31;BYSETPOS=1,-1",
	} {
		for _, count := range []int{1, 2, 7, 40} {
			for _, start := range []string{"20240103T093000", "20240129T120000"} {
				text := rule + ";COUNT=" + strconv.Itoa(count)
				all := wallsOf(t, text, start, math.MinInt64, lastWall, 100)
				r, err := ParseRule(text)
				if err != nil {
					t.Fatal(err)
				}
				begin, _ := ParseDateTime(start, "", false, nil)
				c := newRecurrence(r, begin, true)
				if want := count; !c.synced && len(all) != want-1 || c.synced && len(all) != want {
					t.Errorf("%s %s: %d walls", start, text, len(all))
				}
				last, ok, err := c.last(NewBudget(1_000_000))
				if err != nil || ok != (len(all) > 0) || ok && last != all[len(all)-1] {
					t.Errorf("%s %s: the last is %d %t %v, want %d", start, text, last, ok, err, all[max(len(all)-1, 0):])
				}
				for i := range all {
					if got := wallsOf(t, text, start, all[i]-1, lastWall, 100); !slices.Equal(got, all[i:]) {
						t.Errorf("%s %s from the %dth\n got %d\nwant %d", start, text, i, got, all[i:])
					}
					it := c.walls(all[i], lastWall, NewBudget(1_000_000)) // with what last has counted
					if wall, ok := it.next(); !ok || wall != all[i] {
						t.Errorf("%s %s from the %dth, counted: %d %t", start, text, i, wall, ok)
					}
				}
			}
		}
	}
}
