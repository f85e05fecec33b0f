package server_test

import (
	"strings"
	"testing"

	"convene/config"
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
