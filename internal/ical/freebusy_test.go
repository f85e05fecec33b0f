package ical

import (
	"fmt"
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

// TestUnavailable: of two VAVAILABILITYs the one of the higher priority decides.
func TestUnavailable(t *testing.T) {
	usual := object(t, "BEGIN:VAVAILABILITY\nUID:1\nPRIORITY:9\nBEGIN:AVAILABLE\nUID:2\nDTSTART:20231201T090000Z\nDTEND:20231201T170000Z\nRRULE:FREQ=DAILY\nEND:AVAILABLE\nEND:VAVAILABILITY")
	travel := object(t, "BEGIN:VAVAILABILITY\nUID:3\nPRIORITY:1\nBUSYTYPE:BUSY\nDTSTART:20240101T120000Z\nDTEND:20240102T120000Z\n"+
		"BEGIN:AVAILABLE\nUID:4\nDTSTART:20240101T200000Z\nDURATION:PT1H\nEND:AVAILABLE\nEND:VAVAILABILITY")
	want := "busy-unavailable 0000-0900, busy 1200-2000, busy 2100-02T1200, busy-unavailable 02T1700-03T0000"
	for _, objects := range [][]*Object{{usual, travel}, {travel, usual}} {
		got, err := Unavailable(objects, utc(t, "20240101T000000Z", 0), utc(t, "20240103T000000Z", 0), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, busyText(got)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestNewFreeBusy(t *testing.T) {
	at := func(hour int) int64 { return int64(1704067200 + hour*3600) }
	got := NewFreeBusy(at(0), at(24), at(0), []BusyPeriod{
		{at(10), at(11), Busy}, {at(9), at(10), Busy}, {at(9), at(12), BusyTentative}, {at(-3), at(1), Busy}, {at(14), at(15), Free}, {at(23), at(30), BusyUnavailable},
		{at(11) + 1, at(11) + 60, Busy},
	})
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VFREEBUSY
DTSTAMP:20240101T000000Z
DTSTART:20240101T000000Z
DTEND:20240102T000000Z
FREEBUSY;FBTYPE=BUSY:20240101T000000Z/20240101T010000Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240101T090000Z/20240101T120000Z
FREEBUSY;FBTYPE=BUSY:20240101T090000Z/20240101T110000Z
FREEBUSY;FBTYPE=BUSY:20240101T110001Z/20240101T110100Z
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240101T230000Z/20240102T000000Z
END:VFREEBUSY
END:VCALENDAR
`, "\n", "\r\n")
	if diff := cmp.Diff(want, string(got.Append(nil))); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkMergeBusy(b *testing.B) {
	var all []BusyPeriod
	for i := range int64(1000) {
		all = append(all, BusyPeriod{i * 977 % 1000 * 1800, i*977%1000*1800 + 3600, BusyType(1 + i%3)})
	}
	buf := make([]BusyPeriod, len(all))
	b.Run(fmt.Sprint(len(all)), func(b *testing.B) {
		for b.Loop() {
			copy(buf, all)
			MergeBusy(buf)
		}
	})
}
