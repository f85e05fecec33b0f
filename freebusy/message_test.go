package freebusy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convene/freebusy"
	"convene/internal/ical"
)

// request is a VFREEBUSY REQUEST with lines changed: "-NAME" takes a property out,
// others are added.
func request(changes ...string) []byte {
	lines := []string{"METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:1", "DTSTAMP:20240101T000000Z", "ORGANIZER:mailto:ann@example.com",
		"ATTENDEE:mailto:bob@example.com", "DTSTART:20240101T000000Z", "DTEND:20240102T000000Z", "END:VFREEBUSY"}
	for _, c := range changes {
		if name, out := strings.CutPrefix(c, "-"); out {
			var kept []string
			for _, l := range lines {
				if !strings.HasPrefix(l, name) {
					kept = append(kept, l)
				}
			}
			lines = kept
			continue
		}
		if c == "METHOD:REFRESH" {
			lines = append([]string{c}, lines...)
			continue
		}
		lines = append(lines[:len(lines)-1:len(lines)-1], c, "END:VFREEBUSY")
	}
	return calendar(lines...)
}

func TestParseRequest(t *testing.T) {
	for name, tt := range map[string]struct {
		data []byte
		want string // condition; "": none
	}{
		"good":                      {request(), ""},
		"masked":                    {request("X-CALENDARSERVER-MASK-UID:2"), ""},
		"masked twice":              {request("X-CALENDARSERVER-MASK-UID:2", "X-CALENDARSERVER-MASK-UID:3"), "valid-calendar-data"},
		"nobody asked":              {request("-ATTENDEE"), "recipient-specified"},
		"nobody asked, nor anybody": {request("-ATTENDEE", "-ORGANIZER"), "recipient-specified"},
		"nobody asks":               {request("-ORGANIZER"), "valid-calendar-data"},
		"two ask":                   {request("ORGANIZER:mailto:cat@example.com"), "valid-calendar-data"},
		"no method":                 {request("-METHOD"), "valid-calendar-data"},
		"another method":            {request("-METHOD", "METHOD:REFRESH"), "valid-calendar-data"},
		"no start":                  {request("-DTSTART"), "valid-calendar-data"},
		"no end":                    {request("-DTEND"), "valid-calendar-data"},
		"a length":                  {request("-DTEND", "DURATION:PT1H"), "valid-calendar-data"},
		"two ends":                  {request("DTEND:20240103T000000Z"), "valid-calendar-data"},
		"an end before its start":   {request("-DTEND", "DTEND:20230102T000000Z"), "valid-calendar-data"},
		"no time between":           {request("-DTEND", "DTEND:20240101T000000Z"), "valid-calendar-data"},
		"a day":                     {request("-DTSTART", "DTSTART;VALUE=DATE:20240101"), "valid-calendar-data"},
		"a time of no zone":         {request("-DTSTART", "DTSTART:20240101T000000"), "valid-calendar-data"},
		"not a time":                {request("-DTSTART", "DTSTART:soon"), "valid-calendar-data"},
		"private":                   {request("X-CALENDARSERVER-ACCESS:PRIVATE"), "no-access-restrictions"},
		"an event":                  {calendar("METHOD:REQUEST", "BEGIN:VEVENT", "UID:1", "ATTENDEE:mailto:bob@example.com", "END:VEVENT"), "valid-calendar-data"},
		"two":                       {calendar("METHOD:REQUEST", "BEGIN:VFREEBUSY", "END:VFREEBUSY", "BEGIN:VFREEBUSY", "END:VFREEBUSY"), "valid-calendar-data"},
		"none":                      {calendar("METHOD:REQUEST"), "valid-calendar-data"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := freebusy.ParseRequest(decode(t, tt.data))
			refused, is := errors.AsType[*freebusy.RequestError](err)
			if got := err == nil; got != (tt.want == "") || is && refused.Condition != tt.want {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
	r, err := freebusy.ParseRequest(decode(t, request("ATTENDEE:MAILTO:Bob@example.com", "ATTENDEE;CN=Oak:urn:uuid:1", "X-CALENDARSERVER-MASK-UID:a\\,b", "X-CALENDARSERVER-EXTENDED-FREEBUSY:t")))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Attendees) != 2 || r.Attendees[0].Value != "mailto:bob@example.com" || r.Mask != "a,b" || !r.Extended || r.From != monday || r.To != monday+24*3600 || r.UID != "1" {
		t.Errorf("%+v", r)
	}
}

func TestAnswer(t *testing.T) {
	organizer, attendee := ical.NewProperty("ORGANIZER", "mailto:ann@example.com"), ical.NewProperty("ATTENDEE", "mailto:bob@example.com", ical.NewParam("CN", "Bob"))
	a := freebusy.Answer{Method: "REPLY", Product: "-//test//EN", UID: "a,b", Stamp: monday, Organizer: &organizer, Attendee: &attendee, From: monday, To: monday + 24*3600,
		Busy: freebusy.Merge([]ical.BusyPeriod{
			{Start: monday + 9*3600, End: monday + 10*3600, Type: ical.Busy}, {Start: monday + 12*3600, End: monday + 12*3600 + 1800, Type: ical.Busy},
			{Start: monday, End: monday + 8*3600, Type: ical.BusyUnavailable}, {Start: monday + 15*3600, End: monday + 15*3600 + 90, Type: ical.BusyTentative},
		}, monday, monday+24*3600)}
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
METHOD:REPLY
BEGIN:VFREEBUSY
UID:a\,b
DTSTAMP:20240101T000000Z
DTSTART:20240101T000000Z
DTEND:20240102T000000Z
ORGANIZER:mailto:ann@example.com
ATTENDEE;CN=Bob:mailto:bob@example.com
FREEBUSY;FBTYPE=BUSY:20240101T090000Z/PT1H,20240101T120000Z/PT30M
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20240101T150000Z/PT1M30S
FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20240101T000000Z/20240101T080000Z
END:VFREEBUSY
END:VCALENDAR
`, "\n", "\r\n")
	if diff := cmp.Diff(want, string(a.Calendar().Append(nil))); diff != "" {
		t.Error(diff)
	}
	a = freebusy.Answer{Product: "-//test//EN", UID: "1", Stamp: monday, From: monday, To: monday + 1}
	if got := string(a.Calendar().Append(nil)); strings.Contains(got, "FREEBUSY;") || strings.Contains(got, "METHOD") || strings.Contains(got, "ATTENDEE") {
		t.Error(got)
	}
}

func object(t testing.TB, lines ...string) *ical.Object {
	t.Helper()
	o, err := ical.NewObject(decode(t, calendar(lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// A mask leaves out what the organizer asks about themselves or has made (icalendar
// -maskuids §4.3).
func TestMask(t *testing.T) {
	meeting := object(t, "BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "ORGANIZER:mailto:ann@example.com", "END:VEVENT")
	plain := object(t, "BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT")
	by := func(who string) func(string) bool { return func(address string) bool { return address == who } }
	ann, bob := by("mailto:ann@example.com"), by("mailto:bob@example.com")
	for name, tt := range map[string]struct {
		mask freebusy.Mask
		of   *ical.Object
		want bool
	}{
		"no mask":                           {freebusy.Mask{}, meeting, false},
		"no mask, and no UID":               {freebusy.Mask{IsOrganizer: ann}, meeting, false},
		"another UID":                       {freebusy.Mask{UID: "2", IsOrganizer: ann, Own: true}, meeting, false},
		"by its organizer":                  {freebusy.Mask{UID: "1", IsOrganizer: ann}, meeting, true},
		"by another":                        {freebusy.Mask{UID: "1", IsOrganizer: bob}, meeting, false},
		"by another, in their own calendar": {freebusy.Mask{UID: "1", IsOrganizer: bob, Own: true}, meeting, false},
		"without organizer":                 {freebusy.Mask{UID: "1", IsOrganizer: ann}, plain, false},
		"without organizer, in one's own":   {freebusy.Mask{UID: "1", IsOrganizer: ann, Own: true}, plain, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.mask.Hides(tt.of); got != tt.want {
				t.Errorf("hides: %t", got)
			}
		})
	}
}

func TestAppendEvents(t *testing.T) {
	series := object(t, "BEGIN:VEVENT", "UID:1", "DTSTAMP:20231201T000000Z", "DTSTART:20240101T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=4", "SUMMARY:Talk\\, long",
		"LOCATION:Oak", "ORGANIZER;CN=Ann;SCHEDULE-STATUS=1.2;SCHEDULE-AGENT=SERVER:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com", "END:VEVENT",
		"BEGIN:VEVENT", "UID:1", "DTSTAMP:20231202T000000Z", "RECURRENCE-ID:20240102T090000Z", "DTSTART:20240102T120000Z", "DURATION:PT1H", "SUMMARY:Moved", "END:VEVENT",
		"BEGIN:VEVENT", "UID:1", "DTSTAMP:20231202T000000Z", "RECURRENCE-ID:20240103T090000Z", "DTSTART:20240103T090000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT", "END:VEVENT")
	first := "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20240101T090000Z\nDTSTAMP:20231201T000000Z\nDTSTART:20240101T090000Z\nDTEND:20240101T100000Z\n"
	moved := "BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20240102T090000Z\nDTSTAMP:20231202T000000Z\nDTSTART:20240102T120000Z\nDTEND:20240102T130000Z\n"
	for name, tt := range map[string]struct {
		detail freebusy.Detail
		want   string
	}{
		"a summary":    {freebusy.Summary, first + "SUMMARY:Talk\\, long\nEND:VEVENT\n" + moved + "SUMMARY:Moved\nEND:VEVENT\n"},
		"an organizer": {freebusy.Organizer, first + "ORGANIZER;CN=Ann:mailto:ann@example.com\nEND:VEVENT\n" + moved + "END:VEVENT\n"},
		"nothing":      {0, first + "END:VEVENT\n" + moved + "END:VEVENT\n"},
	} {
		t.Run(name, func(t *testing.T) {
			events, err := freebusy.AppendEvents(nil, series, monday, monday+3*24*3600, nil, tt.detail, ical.NewBudget(1000))
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for _, c := range events {
				got = c.Append(got)
			}
			if diff := cmp.Diff(tt.want, strings.ReplaceAll(string(got), "\r\n", "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := freebusy.AppendEvents(nil, series, monday, monday+3*24*3600, nil, 0, ical.NewBudget(1)); !errors.Is(err, ical.ErrBudget) {
		t.Errorf("without a budget: %v", err)
	}
}

func TestPublic(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		want  bool
	}{
		{[]string{"BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT"}, true},
		{[]string{"BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "CLASS:public", "END:VEVENT"}, true},
		{[]string{"BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "CLASS:CONFIDENTIAL", "END:VEVENT"}, false},
		{[]string{"X-CALENDARSERVER-ACCESS:PUBLIC", "BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT"}, true},
		{[]string{"X-CALENDARSERVER-ACCESS:RESTRICTED", "BEGIN:VEVENT", "UID:1", "DTSTART:20240101T090000Z", "END:VEVENT"}, false},
	} {
		if got := freebusy.Public(object(t, tt.lines...)); got != tt.want {
			t.Errorf("%q: %t", tt.lines, got)
		}
	}
}
