package ical

import (
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
