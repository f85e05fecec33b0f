package rscale

import (
	"testing"
	"time"
)

// Years follow each other without a gap, are as long as their months, and are
// found by each of their days.
func TestYears(t *testing.T) {
	for _, s := range systems {
		if s.Calendar == nil {
			continue
		}
		n, y := YearOn(s.Calendar, -30000) // 1887
		for ; y.First < 150000 && y.Count > 0; n++ {
			next := s.Calendar.Year(n + 1)
			if next.Count > 0 && y.First+int64(y.Days) != next.First {
				t.Fatalf("%s: year %d has %d days from %d, the next begins on %d", s.Name, n, y.Days, y.First, next.First)
			}
			if before := s.Calendar.MonthsBefore(n+1) - s.Calendar.MonthsBefore(n); before != int64(y.Count) {
				t.Fatalf("%s: year %d has %d months, but %d are between", s.Name, n, y.Count, before)
			}
			checkMonths(t, &s, n, &y)
			for _, day := range []int64{y.First, y.First + int64(y.Days/2), y.First + int64(y.Days) - 1} {
				if got, _ := YearOn(s.Calendar, day); got != n {
					t.Fatalf("%s: day %d is in year %d, not %d", s.Name, day, got, n)
				}
			}
			y = next
		}
		if y.First < 70000 {
			t.Errorf("%s ends on day %d", s.Name, y.First)
		}
	}
}

func checkMonths(t *testing.T, s *System, n int, y *Year) {
	t.Helper()
	days, number := 0, int8(0)
	for i, m := range y.Months[:y.Count] {
		if m.Leap && s.LeapMonths&(1<<m.Number) == 0 || m.Leap != (m.Number == number) || !m.Leap && m.Number != number+1 {
			t.Fatalf("%s: month %d of year %d is %+v", s.Name, i, n, m)
		}
		if int(m.At) != days || y.MonthAt(days) != i || y.MonthAt(days+int(m.Length)-1) != i {
			t.Fatalf("%s: month %d of year %d begins on %d, not %d", s.Name, i, n, m.At, days)
		}
		days, number = days+int(m.Length), m.Number
	}
	if days != y.Days || int(number) != s.Months {
		t.Fatalf("%s: year %d has %d days in %d months, not %d", s.Name, n, days, number, y.Days)
	}
}

// TestNewYears has dates that are published.
func TestNewYears(t *testing.T) {
	for _, tt := range []struct {
		name string
		year int
		date string
	}{
		{"CHINESE", 2024, "2024-02-10"}, {"CHINESE", 2033, "2033-01-31"}, {"DANGI", 2024, "2024-02-10"},
		{"HEBREW", 5785, "2024-10-03"}, {"HEBREW", 5786, "2025-09-23"},
		{"ISLAMIC-UMALQURA", 1446, "2024-07-07"}, {"ISLAMIC-CIVIL", 1446, "2024-07-08"}, {"ISLAMIC-TBLA", 1446, "2024-07-07"},
		{"PERSIAN", 1403, "2024-03-20"}, {"PERSIAN", 1404, "2025-03-21"},
		{"INDIAN", 1946, "2024-03-21"}, {"INDIAN", 1947, "2025-03-22"}, {"INDIAN", 1822, "1900-03-22"},
		{"ETHIOPIC", 2016, "2023-09-12"}, {"ETHIOPIC", 2017, "2024-09-11"},
	} {
		want, err := time.Parse(time.DateOnly, tt.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := Find(tt.name).Calendar.Year(tt.year).First; got != want.Unix()/86400 {
			t.Errorf("%s %d begins on %s, want %s", tt.name, tt.year, time.Unix(got*86400, 0).UTC().Format(time.DateOnly), tt.date)
		}
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string]string{"gregory": "GREGORIAN", "islamicc": "ISLAMIC-CIVIL", "Ethioaa": "ETHIOPIC-AMETE-ALEM", "roc": "ROC"} {
		if s := Find(name); s == nil || s.Name != want {
			t.Errorf("Find(%q) = %v, want %s", name, s, want)
		}
	}
	for _, name := range []string{"", "ISLAMIC", "JULIAN"} {
		if s := Find(name); s != nil {
			t.Errorf("Find(%q) = %s", name, s.Name)
		}
	}
	if names := Names(); len(names) != 15 || names[0] != Gregorian().Name {
		t.Errorf("Names() = %v", names)
	}
}
