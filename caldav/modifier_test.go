package caldav_test

import (
	"strings"
	"testing"

	"convene/delegation"
)

// In the calendar of a room or resource an event without an organizer names who wrote
// it last; nowhere else is anything added.
func TestModifiedBy(t *testing.T) {
	e := newEnv(t)
	e.delegate("oak", "bob", delegation.LevelWrite)
	e.delegate("ann", "bob", delegation.LevelWrite)
	line := func(user, full string) string {
		return `X-CALENDARSERVER-MODIFIED-BY;CN=` + full + `;EMAIL=` + user + `@example.com:urn:x-uid:` + guid(user)
	}
	const oak, van, ann = "/calendars/locations/oak/calendar/", "/calendars/resources/van/calendar/", "/calendars/users/ann/calendar/"
	series := strings.Replace(secretEvent("s", "", ""), "ORGANIZER;CN=SecretOrganizer;SCHEDULE-AGENT=CLIENT:mailto:SecretOrganizer@example.net\r\n", "", 2)
	for _, tt := range []struct {
		name, user, path, body string
		status                 int
		want                   string // the line; "": none
		times                  int
	}{
		{"an event in a room", "boss", oak + "a.ics", event("a", "20260504T120000Z"), 201, line("boss", "The Boss"), 1},
		{"written over by another", "bob", oak + "a.ics", event("a", "20260504T130000Z"), 204, line("bob", "Bob Baker"), 1},
		{"with what a client says", "bob", oak + "b.ics", event("b", "20260504T120000Z", "X-CALENDARSERVER-MODIFIED-BY;CN=Liar:mailto:liar@example.com"), 201, line("bob", "Bob Baker"), 1},
		{"a series", "bob", oak + "s.ics", series, 201, line("bob", "Bob Baker"), 2},
		{"equipment", "boss", van + "a.ics", event("a", "20260504T120000Z"), 201, line("boss", "The Boss"), 1},
		{"a meeting", "boss", van + "m.ics", event("m", "20260504T120000Z", "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:ann@example.com", "ATTENDEE:mailto:van@example.com"), 201, "", 0},
		{"a person", "bob", ann + "a.ics", event("a", "20260504T120000Z"), 201, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			put := e.must(tt.status, tt.user, "PUT", tt.path, tt.body, "Content-Type: text/calendar")
			if tagged := put.Header.Get("ETag") != ""; tagged != (tt.path == ann+"a.ics") {
				t.Errorf("an ETag: %v", tagged)
			}
			stored := strings.ReplaceAll(e.must(200, "boss", "GET", tt.path, "").Body, "\r\n ", "")
			if n := strings.Count(stored, "X-CALENDARSERVER-MODIFIED-BY"); n != tt.times || strings.Count(stored, tt.want+"\r\n") < tt.times {
				t.Errorf("want %d times %s in %s", tt.times, tt.want, stored)
			}
		})
	}
}

// A new event gets the alarms of the owner of the calendar, whoever writes it.
func TestDefaultAlarmsAreTheOwners(t *testing.T) {
	e := newEnv(t)
	e.delegate("ann", "bob", delegation.LevelWrite)
	for user, minutes := range map[string]string{"ann": "-PT7M", "bob": "-PT9M"} {
		alarm := "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:" + minutes + "\r\nEND:VALARM\r\n"
		e.must(207, user, "PROPPATCH", "/calendars/users/"+user+"/", setting("D:propertyupdate", "<C:default-alarm-vevent-datetime>"+alarm+"</C:default-alarm-vevent-datetime>"))
	}
	for uid, tt := range map[string]struct{ user, owner, want string }{
		"a": {"bob", "ann", "TRIGGER:-PT7M"}, "b": {"ann", "ann", "TRIGGER:-PT7M"}, "c": {"bob", "bob", "TRIGGER:-PT9M"},
	} {
		path := "/calendars/users/" + tt.owner + "/calendar/" + uid + ".ics"
		e.must(201, tt.user, "PUT", path, event(uid, "20260504T120000Z"), "Content-Type: text/calendar")
		if got := e.must(200, tt.owner, "GET", path, "").Body; strings.Count(got, "BEGIN:VALARM") != 1 || !strings.Contains(got, tt.want) {
			t.Errorf("%s stores for %s: %s", tt.user, tt.owner, got)
		}
	}
}
