package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Who may act as whom, and what is left of it in the logs.
func TestSudo(t *testing.T) {
	c := smallConfig(t)
	c.Directory.File.Users.CalendarEnabled, c.Access.Administrators = nil, []string{"user:eve"}
	c.Access.Sudoers = []string{"group:all"} // ann is in it through team
	s := serve(t, c)
	home := func(name string) string { return s.HTTP + "/calendars/users/" + name + "/" }
	for _, tt := range []struct {
		name, user, path, as string
		want                 int
		has                  string
	}{
		{"a sudoer as themselves, at home", "ann", home("ann"), "", 207, ""},
		{"a sudoer as themselves, at another's", "ann", home("bob"), "", 403, ""},
		{"a sudoer as another", "ann", home("bob"), "bob", 207, ""},
		{"a sudoer as another has the other's rights alone", "ann", home("ann"), "bob", 403, "need-privileges"},
		{"a sudoer as themselves, by name", "ann", home("ann"), "ann", 207, ""},
		{"who is none", "bob", home("ann"), "ann", 403, "You may not act as others"},
		{"who is none, as nobody", "bob", home("ann"), "nobody", 403, "You may not act as others"},
		{"an administrator, who is none", "eve", home("bob"), "ann", 403, "You may not act as others"},
		{"a sudoer as an administrator", "ann", home("bob"), "eve", 403, "Nobody acts as an administrator"},
		{"a sudoer as nobody", "ann", home("bob"), "nobody", 403, "names nobody"},
		{"a sudoer as a group", "ann", home("bob"), "team", 403, "names nobody"},
		{"an empty name", "ann", home("bob"), " ", 400, ""},
		{"not signed in", "", home("bob"), "bob", 401, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := []string{"Depth: 0"}
			if tt.as != "" {
				headers = append(headers, "X-Authorize-As: "+tt.as)
			}
			got := do(t, client(), "PROPFIND", tt.path, tt.user, "", headers...)
			if got.StatusCode != tt.want || !strings.Contains(got.Body, tt.has) {
				t.Errorf("%d %s, want %d", got.StatusCode, got.Body, tt.want)
			}
		})
	}
	r, err := http.NewRequest("GET", home("bob"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("ann", "secret")
	r.Header["X-Authorize-As"] = []string{"bob", "ann"}
	if resp, err := client().Do(r); err != nil || resp.StatusCode != 400 {
		t.Errorf("two names: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	who := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", `<propfind xmlns="DAV:"><prop><current-user-principal/></prop></propfind>`, "Depth: 0", "X-Authorize-As: bob")
	if !strings.Contains(who.Body, "11111111-0000-0000-0000-000000000002") {
		t.Errorf("current-user-principal of ann as bob: %s", who.Body)
	}
	const private = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nX-CALENDARSERVER-ACCESS:PRIVATE\r\nBEGIN:VEVENT\r\nUID:p\r\n" +
		"DTSTAMP:20260101T000000Z\r\nDTSTART:20260504T120000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := do(t, client(), "PUT", home("bob")+"calendar/p.ics", "ann", private, "Content-Type: text/calendar", "X-Authorize-As: bob"); got.StatusCode != 201 {
		t.Errorf("a private event by ann as bob: %d %s", got.StatusCode, got.Body)
	}
	checkSudoLogs(t, c.Server.Data)
}

func checkSudoLogs(t *testing.T, dir string) {
	t.Helper()
	eventually(t, "the access log", func() bool {
		log, err := os.ReadFile(filepath.Join(dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, " - ann ") && strings.Contains(line, "PUT ") && strings.Contains(line, "ms for=bob id=") {
				return true
			}
		}
		return false
	})
	log, err := os.ReadFile(filepath.Join(dir, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for line := range strings.Lines(string(log)) {
		for _, verb := range []string{"sudo.read", "sudo.write"} {
			if !strings.Contains(line, `"verb":"`+verb+`"`) {
				continue
			}
			found[verb]++
			if !strings.Contains(line, `"actor":{"guid":"11111111-0000-0000-0000-000000000001","name":"ann"}`) || !strings.Contains(line, `"as":{`) {
				t.Errorf("the line does not say who acted as whom: %s", line)
			}
		}
	}
	// Reading as bob and as oneself is told once an hour; a change each time.
	if found["sudo.read"] != 2 || found["sudo.write"] != 1 {
		t.Errorf("in the audit log: %v", found)
	}
}

// The access list judges who signs in and whom they act as.
func TestSudoAccessList(t *testing.T) {
	for name, tt := range map[string]struct {
		allow []string
		want  int
	}{
		"both":      {[]string{"user:ann", "user:bob"}, 207},
		"the other": {[]string{"user:bob"}, 403},
		"oneself":   {[]string{"user:ann"}, 403},
	} {
		t.Run(name, func(t *testing.T) {
			c := smallConfig(t)
			c.Access.Sudoers = []string{"user:ann"}
			c.SACL.Calendar.Allow = tt.allow
			s := serve(t, c)
			got := do(t, client(), "PROPFIND", s.HTTP+"/calendars/users/bob/", "ann", "", "Depth: 0", "X-Authorize-As: bob")
			if got.StatusCode != tt.want {
				t.Errorf("%d %s, want %d", got.StatusCode, got.Body, tt.want)
			}
		})
	}
}
