package caldav_test

import (
	"strings"
	"testing"
)

// RFC 5545 §3.2.13: an answer for one date after a RANGE=THISANDFUTURE override is for what
// that has made of it: for the organizer, and for the others, it stays where it was moved to.
func TestAnswerAfterRange(t *testing.T) {
	component := func(bob string, lines ...string) []string {
		return append(append([]string{"BEGIN:VEVENT", "UID:daily", "DTSTAMP:20260101T000000Z", "DURATION:PT1H"}, lines...),
			"ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com", "ATTENDEE;PARTSTAT="+bob+":mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com", "END:VEVENT")
	}
	series := func(exdate string, more ...string) string {
		lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"}
		lines = append(lines, component("NEEDS-ACTION", append([]string{"DTSTART:20260511T070000Z", "RRULE:FREQ=DAILY;COUNT=6", "SUMMARY:early"}, strings.Fields(exdate)...)...)...)
		lines = append(lines, component("NEEDS-ACTION", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260514T070000Z", "DTSTART:20260514T090000Z", "SUMMARY:late")...)
		return strings.Join(append(append(lines, more...), "END:VCALENDAR", ""), "\r\n")
	}
	for name, answer := range map[string]string{
		"as an override":    series("", component("DECLINED", "RECURRENCE-ID:20260515T070000Z", "DTSTART:20260515T090000Z", "SUMMARY:late")...),
		"by taking it away": series("EXDATE:20260515T070000Z"),
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "PUT", annsMeetings+"daily.ics", series(""))
			e.must(204, "bob", "PUT", e.only("bob", bobsMeetings), answer)
			for user, path := range map[string]string{"ann": annsMeetings + "daily.ics", "boss": e.only("boss", "/calendars/users/boss/calendar/")} {
				expanded := element("C:calendar-multiget", `<D:prop><C:calendar-data><C:expand start="20260515T000000Z" end="20260516T000000Z"/></C:calendar-data></D:prop><D:href>`+path+"</D:href>")
				data := strings.ReplaceAll(e.must(207, user, "REPORT", path, expanded).Body, "&#13;", "")
				data = strings.ReplaceAll(strings.ReplaceAll(data, "\n ", ""), "\r", "")
				for _, want := range []string{"DTSTART:20260515T090000Z", "RECURRENCE-ID:20260515T070000Z", "SUMMARY:late", "PARTSTAT=DECLINED"} {
					if strings.Count(data, want) != 1 || strings.Count(data, "BEGIN:VEVENT") != 1 {
						t.Errorf("%s: not one %s: %s", user, want, data)
					}
				}
			}
		})
	}
}
