package ical

import (
	"strings"
	"testing"
)

func TestSeriesExceeds(t *testing.T) {
	for _, tt := range []struct {
		rule string
		most int
		want bool
	}{
		{"FREQ=DAILY", 10, false},
		{"FREQ=DAILY;COUNT=10", 10, false},
		{"FREQ=DAILY;COUNT=11", 10, true},
		{"FREQ=WEEKLY;COUNT=2000000", 1000, true},
		{"FREQ=DAILY;UNTIL=20260110T120000Z", 10, false},
		{"FREQ=DAILY;UNTIL=20260111T120000Z", 10, true},
		{"FREQ=WEEKLY;UNTIL=20260310T120000Z", 10, false},
		{"FREQ=DAILY;BYHOUR=12,13,14;UNTIL=20260105T000000Z", 10, true},
		{"FREQ=DAILY;BYHOUR=12,13,14;UNTIL=20260104T000000Z", 10, false},
		{"FREQ=SECONDLY;UNTIL=20270101T000000Z", 1000, true},
		{"FREQ=MINUTELY;BYHOUR=12;BYMINUTE=0;UNTIL=20260110T120000Z", 10, false},
		{"FREQ=YEARLY;COUNT=3\r\nRDATE:20260102T120000Z,20260103T120000Z", 5, false},
		{"FREQ=YEARLY;COUNT=3\r\nRDATE:20260102T120000Z,20260103T120000Z", 4, true},
	} {
		text := strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:a", "DTSTAMP:20260101T000000Z",
			"DTSTART:20260101T120000Z", "RRULE:" + tt.rule, "END:VEVENT", "END:VCALENDAR", ""}, "\r\n")
		cal, err := Decode([]byte(text), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		o, err := NewObject(cal)
		if err != nil {
			t.Fatal(err)
		}
		s, err := o.Series()
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Exceeds(tt.most); got != tt.want {
			t.Errorf("%s: more than %d is %v", tt.rule, tt.most, got)
		}
	}
}
