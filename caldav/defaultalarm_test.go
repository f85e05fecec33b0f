package caldav_test

import (
	"strings"
	"testing"
)

// RFC 5545 §3.6.1, §3.6.2: alarms stand behind the properties of their event or task,
// those that the server adds as well.
func TestDefaultAlarmsStandBehindProperties(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	alarm := "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Soon\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\n"
	e.must(207, "ann", "PROPPATCH", home, setting("D:propertyupdate",
		"<C:default-alarm-vevent-datetime>"+alarm+"</C:default-alarm-vevent-datetime><C:default-alarm-vtodo-datetime>"+alarm+alarm+"</C:default-alarm-vtodo-datetime>"))
	due := strings.Replace(task("t"), "SUMMARY", "DUE:20260504T170000Z\r\nSUMMARY", 1)
	for path, data := range map[string]string{home + "calendar/e.ics": event("e", "20260504T120000Z"), home + "tasks/t.ics": due} {
		e.must(201, "ann", "PUT", path, data)
		got := e.must(200, "ann", "GET", path, "").Body
		first, last := strings.Index(got, "BEGIN:VALARM"), strings.LastIndex(got, "SUMMARY:")
		if first < 0 || first < last || !strings.Contains(got, "X-APPLE-DEFAULT-ALARM:TRUE") {
			t.Errorf("%s: %s", path, got)
		}
	}
}
