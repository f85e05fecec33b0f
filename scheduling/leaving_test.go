package scheduling

import (
	"strings"
	"testing"
	"time"

	"convene/internal/ical"
)

func leavingObject(t *testing.T, lines ...string) *ical.Object {
	t.Helper()
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n"
	for _, event := range lines {
		text += "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n" + strings.ReplaceAll(event, "|", "\r\n") + "\r\nEND:VEVENT\r\n"
	}
	cal, err := ical.Decode([]byte(text+"END:VCALENDAR\r\n"), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What is left of a meeting is what begins before the moment, whatever says so.
func TestUntil(t *testing.T) {
	const moment = "20260301T120000Z"
	for name, c := range map[string]struct {
		events []string
		want   string // starts that are left; "same": it is as it was; "": nothing
	}{
		"over":      {[]string{"DTSTART:20260201T100000Z"}, "same"},
		"to come":   {[]string{"DTSTART:20260401T100000Z"}, ""},
		"on it":     {[]string{"DTSTART:20260301T120000Z"}, ""},
		"now":       {[]string{"DTSTART:20260301T113000Z|DURATION:PT2H"}, "same"},
		"endless":   {[]string{"DTSTART:20260227T100000Z|RRULE:FREQ=DAILY"}, "0227 0228 0301"},
		"counted":   {[]string{"DTSTART:20260228T100000Z|RRULE:FREQ=DAILY;COUNT=9"}, "0228 0301"},
		"ended":     {[]string{"DTSTART:20260210T100000Z|RRULE:FREQ=DAILY;UNTIL=20260215T100000Z"}, "same"},
		"all day":   {[]string{"DTSTART;VALUE=DATE:20260228|RRULE:FREQ=DAILY;COUNT=5"}, "0228 0301"},
		"dates":     {[]string{"DTSTART:20260228T100000Z|RDATE:20260301T100000Z,20260302T100000Z"}, "0228 0301"},
		"periods":   {[]string{"DTSTART:20260228T100000Z|RDATE;VALUE=PERIOD:20260301T100000Z/PT1H,20260302T100000Z/PT1H"}, "0228 0301"},
		"exception": {[]string{"DTSTART:20260228T100000Z|RRULE:FREQ=DAILY;COUNT=5", "RECURRENCE-ID:20260303T100000Z|DTSTART:20260303T110000Z"}, "0228 0301"},
		"moved out": {[]string{"DTSTART:20260228T100000Z|RRULE:FREQ=DAILY;COUNT=3", "RECURRENCE-ID:20260301T100000Z|DTSTART:20260305T110000Z"}, "0228"},
		"moved in":  {[]string{"DTSTART:20260227T100000Z|RRULE:FREQ=DAILY;COUNT=9", "RECURRENCE-ID:20260305T100000Z|DTSTART:20260226T110000Z"}, "0226 0227 0228 0301"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse("20060102T150405Z", moment)
			if err != nil {
				t.Fatal(err)
			}
			o := leavingObject(t, c.events...)
			left, err := Until(o, at.Unix(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if same := left == o; same || left == nil {
				if got := map[bool]string{true: "same"}[same]; got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
				return
			}
			s, err := left.Series()
			if err != nil {
				t.Fatal(err)
			}
			var starts []string
			for inst, err := range s.Instances(0, at.AddDate(2, 0, 0).Unix(), nil, nil) {
				if err != nil {
					t.Fatal(err)
				}
				starts = append(starts, time.Unix(inst.StartUnix, 0).UTC().Format("0102"))
			}
			if got := strings.Join(starts, " "); got != c.want {
				t.Errorf("%s, want %s\n%s", got, c.want, left.Calendar.Append(nil))
			}
		})
	}
}

// An answer is changed where something is to come, and nowhere else.
func TestDeclining(t *testing.T) {
	const me = "ATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:me"
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Unix()
	for name, c := range map[string]struct {
		events   []string
		declined int // components
	}{
		"over":             {[]string{"DTSTART:20260201T100000Z|" + me}, 0},
		"to come":          {[]string{"DTSTART:20260401T100000Z|" + me}, 1},
		"of another":       {[]string{"DTSTART:20260401T100000Z|ATTENDEE:urn:x-uid:you"}, 0},
		"cancelled":        {[]string{"DTSTART:20260401T100000Z|STATUS:CANCELLED|" + me}, 0},
		"declined already": {[]string{"DTSTART:20260401T100000Z|ATTENDEE;PARTSTAT=DECLINED:urn:x-uid:me"}, 0},
		"series": {[]string{"DTSTART:20260227T100000Z|RRULE:FREQ=DAILY|" + me, "RECURRENCE-ID:20260228T100000Z|DTSTART:20260228T110000Z|" + me,
			"RECURRENCE-ID:20260305T100000Z|DTSTART:20260305T110000Z|" + me}, 2},
	} {
		o := leavingObject(t, c.events...)
		got, err := Declining(o, "me", at, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := strings.Count(string(o.Calendar.Append(nil)), "DECLINED")
		if n := strings.Count(string(got.Calendar.Append(nil)), "DECLINED") - before; n != c.declined || (got == o) != (n == 0) {
			t.Errorf("%s: %d declined, want %d\n%s", name, n, c.declined, got.Calendar.Append(nil))
		}
	}
}
