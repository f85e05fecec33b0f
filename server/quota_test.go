package server_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/config"
	"convene/testenv"
)

// What may be stored follows a reload, for homes that are there, and a group's
// limits count by the group's name.
func TestReloadQuota(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	put := func(name string, size, want int) {
		t.Helper()
		body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + name + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n" +
			"DESCRIPTION:" + strings.Repeat("x", size) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		if got := do(t, client(), "PUT", s.HTTP+annHome+"calendar/"+name+".ics", "ann", body, "Content-Type: text/calendar"); got.StatusCode != want {
			t.Errorf("PUT of %s: %s, want %d", name, got.Status, want)
		}
	}
	reload := func() {
		t.Helper()
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	put("a", 2000, 201)
	s.Config.Quota.Bytes = 3000
	reload()
	put("b", 2000, 507)
	s.Config.Quota.Groups = map[string]config.QuotaLimits{"all": {Bytes: 10_000}, "nobody": {Bytes: 1}}
	reload()
	put("b", 2000, 201)
	if !strings.Contains(s.Log.String(), "nobody has the quota of a group") {
		t.Errorf("error log:\n%s", s.Log)
	}
	s.Config.Storage.MaxSize = 5000
	reload()
	put("c", 2000, 507)
	s.Config.Storage.MaxSize = 0
	s.Config.Quota.ObjectSize = 1000
	reload()
	put("c", 2000, 403)
	s.Config.Quota.ObjectSize = 10 << 20
	s.Config.Quota.Groups = nil
	reload()
	put("c", 2000, 507)
	s.Config.Quota.Bytes = 20 << 20
	reload()
	put("large", 10_000_000, 201)
}

// TestQuotaOfRenamedGroup: a group keeps its limits when it is renamed, over a restart too,
// and nobody gets them with its name.
func TestQuotaOfRenamedGroup(t *testing.T) {
	c := smallConfig(t)
	c.Quota.Bytes = 3000
	c.Quota.Groups = map[string]config.QuotaLimits{"Team": {Bytes: 10_000}}
	s := serve(t, c)
	put := func(user, name string, want int) {
		t.Helper()
		body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + name + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\n" +
			"DESCRIPTION:" + strings.Repeat("x", 2000) + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		url := fmt.Sprintf("%s/calendars/users/%s/calendar/%s.ics", s.HTTP, user, name)
		if got := do(t, client(), "PUT", url, user, body, "Content-Type: text/calendar"); got.StatusCode != want {
			t.Errorf("%s: PUT of %s: %s, want %d", user, name, got.Status, want)
		}
	}
	directory := func(edit ...string) {
		t.Helper()
		text := strings.NewReplacer(edit...).Replace(smallLDIF)
		testenv.WriteFile(t, c.Directory.File.File, text)
		if err := s.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	put("ann", "a", 201)
	put("ann", "b", 201)
	put("bob", "a", 201)
	put("bob", "b", 507)

	const team = "dn: cn=team,dc=example,dc=com\nobjectClass: groupOfNames\ncn: team\n"
	crew := strings.Replace(team, "cn: team", "cn: crew", 1)
	bobs := "dn: cn=other,dc=example,dc=com\nobjectClass: groupOfNames\ncn: team\nmember: uid=bob,dc=example,dc=com\nentryUUID: 11111111-0000-0000-0000-0000000000a3\n\n"
	directory(team, bobs+crew)
	put("ann", "c", 201)
	put("bob", "b", 507)
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serve(t, *s.Config)
	put("ann", "d", 201)
	put("bob", "b", 507)

	directory(team, bobs+crew, "0000000000a1", "0000000000a4")
	put("ann", "e", 507)
	put("bob", "b", 507)
	if said := strings.Count(s.Log.String(), "an entry means a record that the directory does not have any more"); said != 1 {
		t.Errorf("said %d times\n%s", said, s.Log)
	}
	if text, err := os.ReadFile(filepath.Join(c.Server.Data, "audit.log")); err != nil || !strings.Contains(string(text), `"sacl.gone"`) || !strings.Contains(string(text), `"quota.groups"`) {
		t.Errorf("audit log: %v\n%s", err, text)
	}
}
