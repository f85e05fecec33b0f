package server_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"convene/admin"
	"convene/web/page"
)

// The statistics of the page are those of the command, and what one counts by CalDAV as each
// of the people.
func TestPageStatistics(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	s := serve(t, c)
	calendarOf(t, s.HTTP, "ann", map[string]string{
		"one": "DTSTART:20260504T090000Z\nDURATION:PT1H\nSUMMARY:One", "two": "DTSTART:20260505T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSUMMARY:Two",
	})
	calendarOf(t, s.HTTP, "bob", map[string]string{"three": "DTSTART;VALUE=DATE:20260504\nSUMMARY:Three"})
	more := s.HTTP + "/calendars/users/bob/more/"
	if got := do(t, client(), "MKCALENDAR", more, "bob", ""); got.StatusCode != 201 {
		t.Fatal(got.Status, got.Body)
	}
	for i := range 4 {
		task := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VTODO\r\nUID:task%d\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Task\r\nEND:VTODO\r\nEND:VCALENDAR\r\n", i)
		if got := do(t, client(), "PUT", fmt.Sprint(more, "task", i, ".ics"), "bob", task, "Content-Type: text/calendar"); got.StatusCode != 201 {
			t.Fatal(got.Status, got.Body)
		}
	}

	people := []string{"ann", "bob"} // who have calendars: the third of the directory has none
	var calendars, events, tasks, objects, data int
	for _, who := range people {
		home := do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/"+who+"/", who, "", "Depth: 1")
		for _, r := range strings.Split(home.Body, "<D:response>")[1:] {
			if !strings.Contains(r, ":calendar/>") {
				continue
			}
			calendars++
			path := first(t, regexp.MustCompile(`<D:href>([^<]+)<`), r)
			for component, n := range map[string]*int{"VEVENT": &events, "VTODO": &tasks} {
				got := do(t, client(), "REPORT", s.HTTP+path, who, `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="`+component+`"/></C:comp-filter></C:filter></C:calendar-query>`, "Depth: 1")
				*n += strings.Count(got.Body, ".ics</D:href>")
			}
			list := do(t, client(), "PROPFIND", s.HTTP+path, who, `<D:propfind xmlns:D="DAV:"><D:prop><D:getcontentlength/></D:prop></D:propfind>`, "Depth: 1")
			objects += strings.Count(list.Body, ".ics</D:href>")
			for _, m := range regexp.MustCompile(`<D:getcontentlength>(\d+)<`).FindAllStringSubmatch(list.Body, -1) {
				n, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				data += n
			}
		}
	}
	told, err := admin.ReadStats(t.Context(), control(t, c.Server.Data)) // what the command prints
	if err != nil {
		t.Fatal(err)
	}
	if told.Accounts != len(people) || told.AccountsByType["users"] != len(people) || told.Calendars != calendars || told.Events != events || told.Tasks != tasks || told.Objects != objects || told.DataBytes != int64(data) {
		t.Errorf("the command: %+v; counted: %d calendars, %d events, %d tasks, %d objects of %d bytes", told, calendars, events, tasks, objects, data)
	}
	if calendars < 3 || events != 3 || tasks != 4 || objects != 7 {
		t.Errorf("counted: %d calendars, %d events, %d tasks, %d objects", calendars, events, tasks, objects)
	}
	ann := open(t, s.HTTP)
	ann.signIn(t, "ann", "secret")
	got := ann.get(t, "/admin/", "Accept-Language: en").Body
	for label, value := range map[string]string{
		"Accounts": fmt.Sprint(told.Accounts), "Calendars": fmt.Sprint(told.Calendars), "Events": fmt.Sprint(told.Events), "Tasks": fmt.Sprint(told.Tasks),
		"Objects of all kinds": fmt.Sprint(told.Objects), "Data": page.Bytes(told.DataBytes), "On the disk": page.Bytes(told.DiskBytes),
	} {
		if !strings.Contains(got, "<dt>"+label+"</dt><dd><strong>"+value+"</strong>") {
			t.Errorf("%s is not %s:\n%s", label, value, got)
		}
	}
	for _, parts := range []string{fmt.Sprintf("People: %d", told.AccountsByType["users"]), fmt.Sprintf("People: %d", told.CalendarsByType["users"])} {
		if !strings.Contains(got, parts) {
			t.Errorf("no %q:\n%s", parts, got)
		}
	}
}
