package ical

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// calendarOf makes a calendar of components, each a name and its lines.
func calendarOf(components ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Example//EN\n")
	for _, c := range components {
		name, lines, _ := strings.Cut(c, "\n")
		fmt.Fprintf(&b, "BEGIN:%s\n%s\nEND:%s\n", name, lines, name)
	}
	b.WriteString("END:VCALENDAR\n")
	return b.String()
}

func TestNewObject(t *testing.T) {
	const (
		data      = ValidCalendarData
		resource  = ValidCalendarObjectResource
		component = SupportedCalendarComponent
		master    = "VEVENT\nUID:1\nDTSTART:20240101T100000Z\nRRULE:FREQ=DAILY"
		override  = "VEVENT\nUID:1\nRECURRENCE-ID:20240102T100000Z\nDTSTART:20240102T110000Z"
	)
	for _, tt := range []struct {
		name, src string
		condition string // "" if it is an object
		reason    string // a part of it
	}{
		{"event", calendarOf(master), "", ""},
		{"override", calendarOf(master, override), "", ""},
		{"override first", calendarOf(override, master), "", ""},
		{"override only", calendarOf(override), "", ""},
		{"task without a date", calendarOf("VTODO\nUID:1"), "", ""},
		{"task with DUE only", calendarOf("VTODO\nUID:1\nDUE:20240101T100000Z"), "", ""},
		{"journal", calendarOf("VJOURNAL\nUID:1"), "", ""},
		{"free-busy", calendarOf("VFREEBUSY\nUID:1\nFREEBUSY:20240101T100000Z/PT1H,20240101T120000Z/20240101T130000Z"), "", ""},
		{"availability", calendarOf("VAVAILABILITY\nUID:1\nBEGIN:AVAILABLE\nUID:2\nDTSTART:20240101T100000Z\nEND:AVAILABLE"), "", ""},
		{"poll", calendarOf("VPOLL\nUID:1\nBEGIN:VVOTER\nVOTER:mailto:a@b\nEND:VVOTER"), "", ""},
		{"blank behind a TZID", calendarOf("VEVENT\nUID:1\nDTSTART;TZID=Europe/Berlin :20240101T100000"), "", ""},
		{"zone of Windows", calendarOf("VEVENT\nUID:1\nDTSTART;TZID=W. Europe Standard Time:20240101T100000"), "", ""},
		{"no VERSION", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20240101\nEND:VEVENT\nEND:VCALENDAR\n", "", ""},
		{"X- component beside", calendarOf(master, "X-THING\nX:1"), "", ""},
		{"same line twice", calendarOf("VEVENT\nUID:1\nUID:1\nDTSTART:20240101"), "", ""},
		{"VTIMEZONE that cannot be read", calendarOf("VTIMEZONE\nTZID:Nowhere", master), "", ""},
		{"DTEND before DTSTART, of another type", calendarOf("VEVENT\nUID:1\nDTSTART:20240102T100000Z\nDTEND;VALUE=DATE:20240101"), "", ""},
		{"duration of old clients", calendarOf("VEVENT\nUID:1\nDTSTART;VALUE=DATE:20240102\nDURATION:P1DT"), "", ""},
		{"RDATE with periods", calendarOf("VEVENT\nUID:1\nDTSTART:20240102T100000Z\nRDATE;VALUE=PERIOD:20240103T100000Z/PT1H"), "", ""},
		{"TRIGGER without VALUE", calendarOf(master + "\nBEGIN:VALARM\nTRIGGER:20240101T090000Z\nEND:VALARM"), "", ""},
		{"dismissed alarm", calendarOf(master + "\nBEGIN:VALARM\nTRIGGER:-PT5M\nACKNOWLEDGED:20240101T090000Z\nEND:VALARM"), "", ""},
		{"RDATE of Google birthdays", calendarOf("VEVENT\nUID:1\nDTSTART;VALUE=DATE:20121210\nRDATE:20131210Z"), "", ""},
		{"RECURRENCE-ID that is a day of a series of times", calendarOf(master, "VEVENT\nUID:1\nRECURRENCE-ID;VALUE=DATE:20240102\nDTSTART:20240102T110000Z"), "", ""},
		{"RECURRENCE-ID with a time in a series of days", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nRRULE:FREQ=DAILY",
			"VEVENT\nUID:1\nRECURRENCE-ID:20240102T000000Z\nDTSTART:20240103"), "", ""},
		{"empty RRULE of a zone", calendarOf("VTIMEZONE\nTZID:x\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETTO:+0100\nTZOFFSETFROM:+0100\nRRULE:\nEND:STANDARD",
			"VEVENT\nUID:1\nDTSTART;TZID=x:20240101T100000"), "", ""},
		{"alarms without a number", calendarOf(master + "\nBEGIN:VALARM\nTRIGGER:P\nEND:VALARM\nBEGIN:VALARM\nTRIGGER:-PD\nEND:VALARM"), "", ""},

		{"empty", calendarOf(), resource, "no event, task or other component"},
		{"time zone only", calendarOf("VTIMEZONE\nTZID:x"), resource, "no event, task or other component"},
		{"METHOD", strings.Replace(calendarOf(master), "VERSION", "METHOD:REQUEST\nVERSION", 1), resource, "METHOD:REQUEST"},
		{"two kinds", calendarOf(master, "VTODO\nUID:1"), resource, "VTODO of line 9: together with a VEVENT"},
		{"two UIDs", calendarOf(master, "VEVENT\nUID:2\nDTSTART:20240101"), resource, "UID “2” and “1”"},
		{"no UID", calendarOf("VEVENT\nDTSTART:20240101"), resource, "VEVENT of line 4: no UID"},
		{"blank UID", calendarOf("VEVENT\nUID: \nDTSTART:20240101"), resource, "no UID"},
		{"two masters", calendarOf(master, master), resource, "a second one without RECURRENCE-ID"},
		{"two overrides", calendarOf(master, override, override), resource, "a second one with RECURRENCE-ID 20240102T100000Z"},
		{"unknown component", calendarOf("VCARD\nUID:1"), component, "VCARD of line 4"},
		{"AVAILABLE alone", calendarOf("AVAILABLE\nUID:1\nDTSTART:20240101"), component, "AVAILABLE"},
		{"reserved component", calendarOf(master, "X-CALENDARSERVER-PERUSER\nUID:1"), data, "not a client's to send"},
		{"vCalendar 1.0", strings.Replace(calendarOf(master), "VERSION:2.0", "VERSION:1.0", 1), data, "VERSION:1.0 is not 2.0"},
		{"CALSCALE", strings.Replace(calendarOf(master), "VERSION", "CALSCALE:JULIAN\nVERSION", 1), data, "CALSCALE:JULIAN"},
		{"no DTSTART", calendarOf("VEVENT\nUID:1"), data, "no DTSTART"},
		{"two DTSTARTs", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nDTSTART:20240102"), data, "DTSTART occurs twice"},
		{"DTEND and DURATION", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nDTEND:20240102\nDURATION:P1D"), data, "DURATION and DTEND"},
		{"DUE and DURATION", calendarOf("VTODO\nUID:1\nDTSTART:20240101\nDUE:20240102\nDURATION:P1D"), data, "DURATION and DUE"},
		{"no date", calendarOf("VEVENT\nUID:1\nDTSTART:20240230"), data, `DTSTART: date "20240230": wrong value`},
		{"no EXDATE", calendarOf(master + "\nEXDATE:20240101T100000Z,x"), data, `EXDATE: date "x"`},
		{"no duration", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nDURATION:1D"), data, `DURATION: duration "1D"`},
		{"no period", calendarOf("VFREEBUSY\nUID:1\nFREEBUSY:20240101T100000Z"), data, "FREEBUSY: period"},
		{"no rule", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nRRULE:FREQ=SOMETIMES"), data, "RRULE: "},
		{"RSCALE", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nRRULE:RSCALE=FOOBAR;FREQ=YEARLY"), SupportedRScale, "RRULE: "},
		{"SKIP", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nRRULE:RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FOOBAR"), data, "RRULE: "},
		{"unknown zone", calendarOf("VEVENT\nUID:1\nDTSTART;TZID=Nowhere/Else:20240101T100000"), data, "DTSTART: "},
		{"two overrides of a day", calendarOf("VEVENT\nUID:1\nDTSTART:20240101\nRRULE:FREQ=DAILY", "VEVENT\nUID:1\nRECURRENCE-ID:20240102\nDTSTART:20240103",
			"VEVENT\nUID:1\nRECURRENCE-ID:20240102T000000Z\nDTSTART:20240104"), resource, "a second one with RECURRENCE-ID 20240102T000000Z"},
		{"alarm at no time", calendarOf(master + "\nBEGIN:VALARM\nTRIGGER:soon\nEND:VALARM"), data, "VALARM of line 8: TRIGGER: duration"},
		{"alarm dismissed in local time", calendarOf(master + "\nBEGIN:VALARM\nTRIGGER:-PT8M\nACKNOWLEDGED:20240101T090000\nEND:VALARM"), data, "ACKNOWLEDGED: not in UTC"},
		{"AVAILABLE without DTSTART", calendarOf("VAVAILABILITY\nUID:1\nBEGIN:AVAILABLE\nUID:2\nEND:AVAILABLE"), data, "AVAILABLE of line 6: no DTSTART"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cal, err := Decode([]byte(tt.src), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			o, err := NewObject(cal)
			if tt.condition == "" {
				if err != nil || o.UID != "1" || o.Kind == "" || o.Calendar != cal {
					t.Errorf("object %+v, %v", o, err)
				}
				return
			}
			invalid, ok := errors.AsType[*InvalidError](err)
			if !ok || invalid.Condition != tt.condition || !strings.Contains(invalid.Reason, tt.reason) {
				t.Errorf("error %v, want %s: %s", err, tt.condition, tt.reason)
			}
		})
	}
}

func TestNewObjectParts(t *testing.T) {
	cal, err := Decode(readFile(t, "testdata/event.ics"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	if o.Kind != "VEVENT" || o.UID != "0E1B3F7C-5A43-4D0E-9C7F-6F1D2A3B4C5D" || o.Master != cal.Children[1] || len(o.Overrides) != 0 {
		t.Errorf("%+v", o)
	}
	start, err := o.Master.Prop("DTSTART").DateTime(o.Zones)
	if err != nil || start.Kind != Zoned || start.Unix(nil) != 1705050000 {
		t.Errorf("start %+v, %v", start, err)
	}
}

func BenchmarkNewObject(b *testing.B) {
	cal, err := Decode(readFile(b, "testdata/event.ics"), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewObject(cal); err != nil {
			b.Fatal(err)
		}
	}
}
