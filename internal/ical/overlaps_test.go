package ical

import (
	"math"
	"testing"
)

// TestOverlaps goes through the tables of RFC 4791 §9.9, and RFC 7953 §5 for
// VAVAILABILITY.
func TestOverlaps(t *testing.T) {
	const (
		nine, ten, eleven = "20240101T090000Z", "20240101T100000Z", "20240101T110000Z"
		before, after     = "20240101T085959Z", "20240101T100001Z"
	)
	comp := func(name, props string) string { return "BEGIN:" + name + "\nUID:1\n" + props + "\nEND:" + name }
	for _, tt := range []struct {
		name, content, from, to string
		want                    bool
	}{
		{"event to its start", event("DTSTART:" + nine + "\nDTEND:" + ten), "", nine, false},
		{"event over its start", event("DTSTART:" + nine + "\nDTEND:" + ten), before, "20240101T090001Z", true},
		{"event from its end", event("DTSTART:" + nine + "\nDTEND:" + ten), ten, "", false},
		{"event with a duration", event("DTSTART:" + nine + "\nDURATION:PT1H"), "20240101T095959Z", ten, true},
		{"event with no duration", event("DTSTART:" + nine + "\nDURATION:PT0S"), nine, ten, true},
		{"event with no end", event("DTSTART:" + nine), before, nine, false},
		{"event with no end, after", event("DTSTART:" + nine), "20240101T090001Z", "", false},
		{"day", event("DTSTART;VALUE=DATE:20240101"), "20240101T235959Z", "20240102T000000Z", true},
		{"day, after", event("DTSTART;VALUE=DATE:20240101"), "20240102T000000Z", "", false},

		{"task with duration, at its end", comp("VTODO", "DTSTART:"+nine+"\nDURATION:PT1H"), ten, eleven, true},
		{"task with duration, after", comp("VTODO", "DTSTART:"+nine+"\nDURATION:PT1H"), after, eleven, false},
		{"task with duration, to its start", comp("VTODO", "DTSTART:"+nine+"\nDURATION:PT1H"), "", nine, false},
		{"task due, at its end", comp("VTODO", "DTSTART:"+nine+"\nDUE:"+ten), ten, eleven, false},
		{"task due, within", comp("VTODO", "DTSTART:"+nine+"\nDUE:"+ten), "20240101T095959Z", ten, true},
		{"task due as it starts", comp("VTODO", "DTSTART:"+nine+"\nDUE:"+nine), nine, ten, true},
		{"task due as it starts, to that", comp("VTODO", "DTSTART:"+nine+"\nDUE:"+nine), before, nine, true},
		{"task with a start", comp("VTODO", "DTSTART:"+nine), nine, ten, true},
		{"task with a start, to it", comp("VTODO", "DTSTART:"+nine), "", nine, false},
		{"task with due alone, to it", comp("VTODO", "DUE:"+nine), "", nine, true},
		{"task with due alone, from it", comp("VTODO", "DUE:"+nine), nine, "", false},
		{"task created and completed, between", comp("VTODO", "CREATED:"+nine+"\nCOMPLETED:"+eleven), ten, ten[:13] + "01Z", true},
		{"task created and completed, before", comp("VTODO", "CREATED:"+nine+"\nCOMPLETED:"+eleven), "", before, false},
		{"task created and completed, after", comp("VTODO", "CREATED:"+nine+"\nCOMPLETED:"+ten), after, "", false},
		{"task completed", comp("VTODO", "COMPLETED:"+nine), nine, ten, true},
		{"task completed, after", comp("VTODO", "COMPLETED:"+nine), "20240101T090001Z", ten, false},
		{"task created", comp("VTODO", "CREATED:"+nine), ten, eleven, true},
		{"task created, to that", comp("VTODO", "CREATED:"+nine), "", nine, false},
		{"task with nothing", comp("VTODO", "SUMMARY:x"), nine, ten, true},
		{"recurring task", comp("VTODO", "DTSTART:"+nine+"\nDUE:"+ten+"\nRRULE:FREQ=DAILY"), "20300101T090000Z", "20300101T090001Z", true},

		{"journal", comp("VJOURNAL", "DTSTART:"+nine), nine, ten, true},
		{"journal, after", comp("VJOURNAL", "DTSTART:"+nine), "20240101T090001Z", "", false},
		{"journal of a day", comp("VJOURNAL", "DTSTART;VALUE=DATE:20240101"), "20240101T230000Z", "", true},
		{"journal without a time", comp("VJOURNAL", "SUMMARY:x"), "", "", false},

		{"free-busy, at its end", comp("VFREEBUSY", "DTSTART:"+nine+"\nDTEND:"+ten), ten, eleven, true},
		{"free-busy, after", comp("VFREEBUSY", "DTSTART:"+nine+"\nDTEND:"+ten), after, eleven, false},
		{"free-busy periods", comp("VFREEBUSY", "FREEBUSY:"+nine+"/PT10M,"+eleven+"/PT10M"), "20240101T091000Z", eleven, false},
		{"free-busy periods, in one", comp("VFREEBUSY", "FREEBUSY:"+nine+"/PT10M,"+eleven+"/PT10M"), "20240101T090900Z", eleven, true},
		{"free-busy without a time", comp("VFREEBUSY", "COMMENT:x"), "", "", false},

		{"availability", comp("VAVAILABILITY", "DTSTART:"+nine+"\nDTEND:"+ten), ten, "", false},
		{"availability with an end alone", comp("VAVAILABILITY", "DTEND:"+ten), "", nine, true},
		{"availability with an end alone, after", comp("VAVAILABILITY", "DTEND:"+ten), ten, "", false},
		{"availability with a start alone", comp("VAVAILABILITY", "DTSTART:"+nine), eleven, "", true},
		{"availability with a start alone, before", comp("VAVAILABILITY", "DTSTART:"+nine), "", nine, false},
		{"availability of all time", comp("VAVAILABILITY", "SUMMARY:x"), nine, ten, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := object(t, tt.content)
			from, to := utc(t, tt.from, math.MinInt64), utc(t, tt.to, math.MaxInt64)
			got, err := o.Overlaps(from, to, nil, nil)
			if err != nil || got != tt.want {
				t.Errorf("Overlaps = %t %v, want %t", got, err, tt.want)
			}
			s, err := o.Series()
			if err != nil {
				t.Fatal(err)
			}
			// What overlaps lies within the span, but for the ends of tasks.
			start, end, _ := s.Span(nil)
			if got && (end < from || start > to) {
				t.Errorf("the span is from %d to %d", start, end)
			}
		})
	}
}
