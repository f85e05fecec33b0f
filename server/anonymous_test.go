package server_test

import (
	"strings"
	"testing"
)

// What those see who have not signed in, as far as the configuration lets them: the
// places that are no one's, and nothing of anybody.
func TestAnonymous(t *testing.T) {
	for reach, want := range map[string]map[string]int{
		"none":      {"/": 401, "/principals/": 401, "/calendars/": 401, "/calendars/users/": 401},
		"root":      {"/": 200, "/principals/": 200, "/calendars/": 401, "/calendars/users/": 401},
		"hierarchy": {"/": 200, "/principals/": 200, "/calendars/": 200, "/calendars/users/": 200},
	} {
		t.Run(reach, func(t *testing.T) {
			c := smallConfig(t)
			c.Access.Anonymous = reach
			s := serve(t, c)
			if got := do(t, client(), "PUT", s.HTTP+annHome+"calendar/1.ics", "ann", meetingOfOne, "Content-Type: text/calendar"); got.StatusCode != 201 {
				t.Fatalf("PUT = %s", got.Status)
			}
			for _, path := range []string{"/principals/users/", "/principals/users/ann/", annHome, annHome + "calendar/", annHome + "calendar/1.ics", annHome + "calendar/none.ics", "/none/"} {
				want[path] = 401
			}
			for path, status := range want {
				if got := do(t, client(), "GET", s.HTTP+path, "", ""); got.StatusCode != status || strings.Contains(got.Body, "ann") {
					t.Errorf("GET %s = %d, want %d: %s", path, got.StatusCode, status, got.Body)
				}
				listed := status
				if status == 200 {
					listed = 207
				}
				got := do(t, client(), "PROPFIND", s.HTTP+path, "", whoAmI, "Depth: 1")
				if got.StatusCode != listed || strings.Contains(got.Body, "ann") || listed == 207 && !strings.Contains(got.Body, "<D:unauthenticated/>") {
					t.Errorf("PROPFIND %s = %d, want %d: %s", path, got.StatusCode, listed, got.Body)
				}
				for _, method := range []string{"PUT", "DELETE", "PROPPATCH", "REPORT", "POST", "MKCOL", "ACL"} {
					if got := do(t, client(), method, s.HTTP+path, "", ""); got.StatusCode != 401 {
						t.Errorf("%s %s = %d, want 401", method, path, got.StatusCode)
					}
				}
			}
			// A wrong password is no way in, and who signs in sees what they saw.
			if got := do(t, client(), "GET", s.HTTP+"/", "nobody", ""); got.StatusCode != 401 {
				t.Errorf("with a wrong password: %d", got.StatusCode)
			}
			if got := do(t, client(), "GET", s.HTTP+annHome+"calendar/1.ics", "ann", ""); got.StatusCode != 200 {
				t.Errorf("ann: %d", got.StatusCode)
			}
		})
	}
}

const whoAmI = `<propfind xmlns="DAV:"><prop><current-user-principal/><current-user-privilege-set/><displayname/></prop></propfind>`

const meetingOfOne = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
