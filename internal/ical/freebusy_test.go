package ical

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// busyText lists periods: "busy 0900-1000", with the day of January 2024 before
// the hour unless it is the first.
func busyText(periods []BusyPeriod) string {
	var all []string
	for _, p := range periods {
		at := func(unix int64) string {
			t := time.Unix(unix, 0).UTC()
			if t.Day() == 1 {
				return t.Format("1504")
			}
			return t.Format("02T1504")
		}
		all = append(all, strings.ToLower(p.Type.String())+" "+at(p.Start)+"-"+at(p.End))
	}
	return strings.Join(all, ", ")
}

func TestAppendBusy(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"event", event("DTSTART:20240101T090000Z\nDURATION:PT1H"), "busy 0900-1000"},
		{"cut", event("DTSTART:20231231T200000Z\nDTEND:20240105T000000Z"), "busy 0000-03T0000"},
		{"tentative", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nSTATUS:tentative"), "busy-tentative 0900-1000"},
		{"cancelled", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nSTATUS:CANCELLED"), ""},
		{"transparent", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT"), ""},
		{"no length", event("DTSTART:20240101T090000Z"), ""},
		{"hidden", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nX-CALENDARSERVER-HIDDEN-INSTANCE:T"), ""},
		{"series with one cancelled", event("DTSTART:20240101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY") + "\n" +
			event("RECURRENCE-ID:20240101T090000Z\nDTSTART:20240101T090000Z\nDURATION:PT1H\nSTATUS:CANCELLED"), "busy 02T0900-02T1000"},
		{"free-busy", "BEGIN:VFREEBUSY\nUID:1\nFREEBUSY:20240101T090000Z/PT1H,20240101T120000Z/PT1H\nFREEBUSY;FBTYPE=FREE:20240101T150000Z/PT1H\n" +
			"FREEBUSY;FBTYPE=X-AWAY:20240101T180000Z/PT1H\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240101T200000Z/PT1H\nEND:VFREEBUSY",
			"busy 0900-1000, busy 1200-1300, busy 1800-1900, busy-unavailable 2000-2100"},
		{"availability", "BEGIN:VAVAILABILITY\nUID:1\nBEGIN:AVAILABLE\nUID:2\nDTSTART:20231201T090000Z\nDTEND:20231201T170000Z\nRRULE:FREQ=DAILY\nEND:AVAILABLE\nEND:VAVAILABILITY",
			"busy-unavailable 0000-0900, busy-unavailable 1700-02T0900, busy-unavailable 02T1700-03T0000"},
		{"task", "BEGIN:VTODO\nUID:1\nDTSTART:20240101T090000Z\nDURATION:PT1H\nEND:VTODO", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := object(t, tt.content).AppendBusy(nil, utc(t, "20240101T000000Z", 0), utc(t, "20240103T000000Z", 0), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, busyText(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What an AVAILABLE part gives back, and what a range has to do with it.
func TestAvailability(t *testing.T) {
	const days = "BEGIN:AVAILABLE\nUID:2\nDTSTART:20231201T090000Z\nDTEND:20231201T170000Z\nRRULE:FREQ=DAILY\nEND:AVAILABLE\n"
	for _, tt := range []struct{ name, head, parts, want string }{
		{"open, and nothing given back", "", "", "busy-unavailable 0000-03T0000"},
		{"a series", "", days, "busy-unavailable 0000-0900, busy-unavailable 1700-02T0900, busy-unavailable 02T1700-03T0000"},
		{"of its own type", "BUSYTYPE:BUSY-TENTATIVE\n", "", "busy-tentative 0000-03T0000"},
		{"with an end", "DTEND:20240101T120000Z\n", days, "busy-unavailable 0000-0900"},
		{"with a start", "DTSTART:20240102T120000Z\n", days, "busy-unavailable 02T1700-03T0000"},
		{"of a length", "DTSTART:20240101T120000Z\nDURATION:PT6H\n", days, "busy-unavailable 1700-1800"},
		{"elsewhere", "DTSTART:20250101T120000Z\n", days, ""},
		{"parts that overlap", "", days + "BEGIN:AVAILABLE\nUID:3\nDTSTART:20240101T100000Z\nDTEND:20240102T100000Z\nEND:AVAILABLE\n",
			"busy-unavailable 0000-0900, busy-unavailable 02T1700-03T0000"},
		{"a part that is moved", "", days + "BEGIN:AVAILABLE\nUID:2\nRECURRENCE-ID:20240101T090000Z\nDTSTART:20240101T200000Z\nDURATION:PT1H\nEND:AVAILABLE\n",
			"busy-unavailable 0000-2000, busy-unavailable 2100-02T0900, busy-unavailable 02T1700-03T0000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := object(t, "BEGIN:VAVAILABILITY\nUID:1\n"+tt.head+tt.parts+"END:VAVAILABILITY")
			got, err := o.Availability(utc(t, "20240101T000000Z", 0), utc(t, "20240103T000000Z", 0), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, busyText(got.Taken)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
