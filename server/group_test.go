package server_test

import (
	"os"
	"strings"
	"testing"

	"convene/testenv"
)

// The record of a group says what its members may do with its calendars, and their
// clients find them with those for whom they act.
func TestGroupCalendars(t *testing.T) {
	c := smallConfig(t)
	c.Directory.File.Groups.CalendarAccess = "businessCategory"
	ldif, err := os.ReadFile(c.Directory.File.File)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(ldif), "cn: team\n", "cn: team\nbusinessCategory: Read-Write\n", 1)
	text = strings.Replace(text, "cn: all\n", "cn: all\nbusinessCategory: read\n", 1)
	testenv.WriteFile(t, c.Directory.File.File, text)
	c.Directory.File.Users.CalendarEnabled, c.Access.Administrators = nil, []string{"user:eve"}
	s := serve(t, c)
	const team, all = "/calendars/groups/team/", "/calendars/groups/all/"
	event := func(uid, calendar, line string) string {
		return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + calendar + "BEGIN:VEVENT\r\nUID:" + uid + "\r\n" +
			"DTSTAMP:20260101T000000Z\r\nDTSTART:20260504T120000Z\r\nSUMMARY:Rehearsal\r\n" + line + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	patch := `<propertyupdate xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></propertyupdate>`
	for _, tt := range []struct {
		name, user, method, path, body string
		want                           int
		has                            string
	}{
		{"a member lists", "ann", "PROPFIND", team, "", 207, "/calendars/groups/team/calendar/"},
		{"a member writes", "ann", "PUT", team + "calendar/a.ics", event("a", "", ""), 201, ""},
		{"a member reads", "ann", "GET", team + "calendar/a.ics", "", 200, "Rehearsal"},
		{"a member names the calendar", "ann", "PROPPATCH", team + "calendar/", patch, 207, "200 OK"},
		{"a member makes a calendar", "ann", "MKCALENDAR", team + "more/", "", 201, ""},
		{"a member makes something private to nobody", "ann", "PUT", team + "calendar/p.ics", event("p", "X-CALENDARSERVER-ACCESS:PRIVATE\r\n", ""), 403, "valid-access-restriction-change"},
		{"a member writes what is private to the group", "ann", "PUT", team + "calendar/c.ics", event("c", "", "CLASS:PRIVATE\r\n"), 201, ""},
		{"a member reads that", "ann", "GET", team + "calendar/c.ics", "", 200, "Rehearsal"},
		{"a member changes that", "ann", "PUT", team + "calendar/c.ics", event("c", "", "CLASS:PRIVATE\r\n"), 204, ""},
		{"a member removes", "ann", "DELETE", team + "calendar/a.ics", "", 204, ""},
		{"a member does not remove the calendar", "ann", "DELETE", team + "more/", "", 403, "unbind"},
		{"a member has no inbox", "ann", "PROPFIND", team + "inbox/", "", 403, ""},
		{"another writes", "bob", "PUT", team + "calendar/b.ics", event("b", "", ""), 403, "need-privileges"},
		{"another reads", "bob", "GET", team + "calendar/c.ics", "", 403, "need-privileges"},
		{"another lists", "bob", "PROPFIND", team, "", 403, ""},
		{"an administrator writes", "eve", "PUT", all + "calendar/a.ics", event("a", "", ""), 201, ""},
		{"a nested member reads", "ann", "GET", all + "calendar/a.ics", "", 200, "Rehearsal"},
		{"a reading member writes", "ann", "PUT", all + "calendar/a.ics", event("a", "", ""), 403, "need-privileges"},
		{"a reading member makes a calendar", "ann", "MKCALENDAR", all + "more/", "", 403, "need-privileges"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := do(t, client(), tt.method, s.HTTP+tt.path, tt.user, tt.body, "Depth: 1", "Content-Type: text/calendar")
			if got.StatusCode != tt.want || !strings.Contains(got.Body, tt.has) {
				t.Errorf("%d %s, want %d with %q", got.StatusCode, got.Body, tt.want, tt.has)
			}
		})
	}
	const asks = `<propfind xmlns="DAV:"><prop><x:calendar-proxy-write-for xmlns:x="http://calendarserver.org/ns/"/><x:calendar-proxy-read-for xmlns:x="http://calendarserver.org/ns/"/></prop></propfind>`
	for user, want := range map[string][2]string{"ann": {"0000000000A1", "0000000000A2"}, "bob": {}} {
		got := do(t, client(), "PROPFIND", s.HTTP+"/principals/users/"+user+"/", user, asks, "Depth: 0").Body
		_, write, _ := strings.Cut(got, "calendar-proxy-write-for")
		write, read, _ := strings.Cut(write, "calendar-proxy-read-for")
		for i, list := range []string{write, read} {
			if hrefs := strings.Count(list, "/principals/__uids__/"); (want[i] != "") != (hrefs == 1) || !strings.Contains(list, want[i]) {
				t.Errorf("%s acts for %s, want %q", user, list, want[i])
			}
		}
	}
}
