package caldav_test

import (
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine/enginetest"
)

// renames is a directory whose records get other names.
type renames struct{ directory.Directory }

// called is the directory in which users have the given names, by the names that they
// began with.
func called(t *testing.T, names map[string]string) *directory.Static {
	t.Helper()
	var records []directory.Record
	for first, name := range names {
		records = append(records, directory.Record{Principal: directory.Principal{
			GUID: guid(first), Type: directory.User, Name: name, FullName: name, CalendarEnabled: true, LoginEnabled: true,
		}})
	}
	d, err := directory.NewStatic(records)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFormerNames renames ann: what had her name leads to her, until somebody else has it,
// and never again after that.
func TestFormerNames(t *testing.T) {
	d := &renames{called(t, map[string]string{"ann": "ann", "bob": "bob"})}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	cache := directory.NewCache(d, directory.CacheOptions{Now: func() time.Time { return now }})
	e := newEnvOf(t, cache, enginetest.Wrapper(t))
	check := func(when, method, path string, status int, location string) {
		t.Helper()
		a := e.do("bob", method, path, "", "Depth: 0")
		if a.Status != status || a.Header.Get("Location") != location {
			t.Errorf("%s: %s %s: %d %q, want %d %q", when, method, path, a.Status, a.Header.Get("Location"), status, location)
		}
	}
	become := func(names map[string]string) {
		d.Directory = called(t, names)
		now = now.Add(time.Second)
		cache.Flush()
	}
	principal, home := "/principals/__uids__/"+guid("ann")+"/", "/calendars/__uids__/"+guid("ann")+"/"
	check("before", "PROPFIND", "/principals/users/ann/", 207, "")
	check("a name that nobody had", "PROPFIND", "/principals/users/zoe/", 404, "")

	become(map[string]string{"ann": "ann.archer", "bob": "bob"})
	check("renamed", "PROPFIND", "/principals/users/ann/", 301, principal)
	check("renamed", "PROPFIND", "/calendars/users/ANN/work/", 301, home+"work/")
	check("renamed", "GET", "/calendars/users/ann/work/a%20b.ics", 301, home+"work/a%20b.ics")
	check("renamed", "PUT", "/calendars/users/ann/work/1.ics", 308, home+"work/1.ics")
	check("of another type", "PROPFIND", "/principals/groups/ann/", 404, "")
	check("renamed", "PROPFIND", "/principals/users/ann.archer/", 207, "")

	become(map[string]string{"ann": "ann.archer", "bob": "bob", "other": "ann"})
	check("re-used", "PROPFIND", "/principals/users/ann/", 207, "")
	become(map[string]string{"ann": "ann.archer", "bob": "bob", "other": "zoe"})
	check("of two", "PROPFIND", "/principals/users/ann/", 404, "")
	check("of two", "GET", "/calendars/users/ann/", 404, "")
}
