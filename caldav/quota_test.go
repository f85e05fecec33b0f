package caldav_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"convene/directory"
	"convene/quota"
	"convene/store"
)

// setQuota gives a user's home a limit, after making sure that there is one.
func setQuota(e *env, user string, bytes int64) error {
	e.t.Helper()
	e.must(207, user, "PROPFIND", "/calendars/users/"+user+"/", "", "Depth: 0")
	return e.store.Update(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid(user))
		if err != nil {
			return err
		}
		return tx.SetQuota(home.ID, bytes)
	})
}

// quotaOf reads the properties of RFC 4331 at a path; available is -1 if there is
// none.
func quotaOf(e *env, user, path string) (used, available int64) {
	e.t.Helper()
	body := e.must(207, user, "PROPFIND", path, ask("D:quota-used-bytes", "D:quota-available-bytes"), "Depth: 0").Body
	var ms struct {
		Stat []struct {
			Status string `xml:"status"`
			Used   string `xml:"prop>quota-used-bytes"`
			Avail  string `xml:"prop>quota-available-bytes"`
		} `xml:"response>propstat"`
	}
	if err := xml.Unmarshal([]byte(body), &ms); err != nil {
		e.t.Fatal(err)
	}
	used, available = -1, -1
	for _, s := range ms.Stat {
		if n, err := strconv.ParseInt(s.Used, 10, 64); err == nil {
			used = n
		}
		if n, err := strconv.ParseInt(s.Avail, 10, 64); err == nil {
			available = n
		}
	}
	return used, available
}

// patch is a PROPPATCH body that sets one dead property to n bytes.
func patch(name string, n int) string {
	return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:` + name + ` xmlns:x="urn:x">` + strings.Repeat("v", n) + `</x:` + name + `></D:prop></D:set></D:propertyupdate>`
}

// Whatever the method, a home of 1 MB never holds 48 MB: the refusal is 507 with
// DAV:quota-not-exceeded, and what it holds stays within the limit.
func TestNoMethodPassesTheQuota(t *testing.T) {
	const limit = 1 << 20
	const ann, bob = "/calendars/users/ann/", "/calendars/users/bob/"
	const piece = 60_000
	big := func(uid string) string {
		return event(uid, "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", piece))
	}
	multiput := func(i int) string {
		return `<M:multiput xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:M="http://me.com/_namespace/"><M:resource><D:set><D:prop><C:calendar-data>` +
			big(fmt.Sprint(i)) + `</C:calendar-data></D:prop></D:set></M:resource></M:multiput>`
	}
	mkcalendar := func(_ int) string {
		return `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><x:p xmlns:x="urn:x">` + strings.Repeat("v", piece) + `</x:p></D:prop></D:set></C:mkcalendar>`
	}
	for _, tt := range []struct {
		name    string
		prepare func(e *env)
		send    func(e *env, i int) answer
	}{
		{"PUT", nil, func(e *env, i int) answer {
			return e.do("ann", "PUT", fmt.Sprintf("%scalendar/%d.ics", ann, i), big(fmt.Sprint(i)))
		}},
		{"PUT of a file", func(e *env) { e.must(201, "ann", "MKCOL", ann+"files/", "") }, func(e *env, i int) answer {
			return e.do("ann", "PUT", fmt.Sprintf("%sfiles/%d.txt", ann, i), strings.Repeat("x", piece), "Content-Type: text/plain")
		}},
		{"POST, add member", nil, func(e *env, i int) answer {
			return e.do("ann", "POST", ann+"calendar/;add-member", big(fmt.Sprint(i)), "Content-Type: text/calendar")
		}},
		{"POST, simple bulk", nil, func(e *env, i int) answer {
			return e.do("ann", "POST", ann+"calendar/", big(fmt.Sprint(i)), "Content-Type: text/calendar")
		}},
		{"POST, bulk with operations", nil, func(e *env, i int) answer {
			return e.do("ann", "POST", ann+"calendar/", multiput(i), "Content-Type: application/xml")
		}},
		{"PROPPATCH of an object", func(e *env) { e.must(201, "ann", "PUT", ann+"calendar/a.ics", event("a", "20260504T120000Z")) }, func(e *env, i int) answer {
			return e.do("ann", "PROPPATCH", ann+"calendar/a.ics", patch(fmt.Sprint("p", i), piece))
		}},
		{"PROPPATCH of a calendar", nil, func(e *env, i int) answer {
			return e.do("ann", "PROPPATCH", ann+"calendar/", patch(fmt.Sprint("p", i), piece))
		}},
		{"PROPPATCH of the home", nil, func(e *env, i int) answer {
			return e.do("ann", "PROPPATCH", ann, patch(fmt.Sprint("p", i), piece))
		}},
		{"MKCALENDAR", nil, func(e *env, i int) answer {
			return e.do("ann", "MKCALENDAR", fmt.Sprintf("%snew%d/", ann, i), mkcalendar(i))
		}},
		{"MKCOL", nil, func(e *env, i int) answer {
			body := strings.NewReplacer("C:mkcalendar", "D:mkcol", "<D:prop>", "<D:prop><D:resourcetype><D:collection/></D:resourcetype>").Replace(mkcalendar(i))
			return e.do("ann", "MKCOL", fmt.Sprintf("%snew%d/", ann, i), body)
		}},
		{"COPY of an object with properties", func(e *env) {
			e.must(201, "ann", "PUT", ann+"calendar/a.ics", event("a", "20260504T120000Z"))
			e.must(207, "ann", "PROPPATCH", ann+"calendar/a.ics", patch("p", piece))
			for i := range 40 {
				e.must(201, "ann", "MKCALENDAR", fmt.Sprintf("%snew%d/", ann, i), "")
			}
			e.must(201, "ann", "MKCOL", ann+"files/", "")
			e.must(201, "ann", "PUT", ann+"files/a.txt", "x", "Content-Type: text/plain")
			e.must(207, "ann", "PROPPATCH", ann+"files/a.txt", patch("p", piece))
		}, func(e *env, i int) answer {
			return e.do("ann", "COPY", ann+"files/a.txt", "", fmt.Sprintf("Destination: %sfiles/%d.txt", ann, i))
		}},
		{"COPY of a collection with properties", func(e *env) { e.must(201, "ann", "MKCALENDAR", ann+"source/", mkcalendar(0)) }, func(e *env, i int) answer {
			return e.do("ann", "COPY", ann+"source/", "", fmt.Sprintf("Destination: %snew%d/", ann, i))
		}},
		{"COPY of a collection alone", func(e *env) { e.must(201, "ann", "MKCALENDAR", ann+"source/", mkcalendar(0)) }, func(e *env, i int) answer {
			return e.do("ann", "COPY", ann+"source/", "", fmt.Sprintf("Destination: %snew%d/", ann, i), "Depth: 0")
		}},
		{"MOVE of an object from another home", nil, func(e *env, i int) answer {
			name := fmt.Sprintf("%d.ics", i)
			e.must(201, "bob", "PUT", bob+"calendar/"+name, event(fmt.Sprint(i), "20260504T120000Z"))
			e.must(207, "bob", "PROPPATCH", bob+"calendar/"+name, patch("p", piece))
			return e.do("boss", "MOVE", bob+"calendar/"+name, "", "Destination: "+ann+"calendar/"+name)
		}},
		{"MOVE of a collection from another home", nil, func(e *env, i int) answer {
			name := fmt.Sprintf("new%d/", i)
			e.must(201, "bob", "MKCALENDAR", bob+name, mkcalendar(i))
			return e.do("boss", "MOVE", bob+name, "", "Destination: "+ann+name)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.setLimits(func(l *quota.Limits) { l.Collections = 0 })
			if err := setQuota(e, "ann", limit); err != nil {
				t.Fatal(err)
			}
			if tt.prepare != nil {
				tt.prepare(e)
			}
			var last answer
			for i := range 48<<20/piece + 1 {
				if last = tt.send(e, i); last.Status >= 300 || strings.Contains(last.Body, " 507 ") {
					break
				}
			}
			if last.Status != 507 && !strings.Contains(last.Body, " 507 ") || !strings.Contains(last.Body, "quota-not-exceeded") {
				t.Errorf("in the end: %d %.300s", last.Status, last.Body)
			}
			used, available := quotaOf(e, "ann", ann)
			if used > limit || used < limit-4*piece || available != limit-used {
				t.Errorf("%d bytes used of %d, %d available", used, limit, available)
			}
			e.must(204, "ann", "DELETE", ann+"tasks/", "")
		})
	}
}

// COPY from many clients at once stays within the limit.
func TestConcurrentCopies(t *testing.T) {
	const limit = 60_000
	const ann = "/calendars/users/ann/"
	e := newEnv(t)
	if err := setQuota(e, "ann", limit); err != nil {
		t.Fatal(err)
	}
	e.must(201, "ann", "MKCOL", ann+"files/", "")
	e.must(201, "ann", "PUT", ann+"files/a.txt", strings.Repeat("x", 1000), "Content-Type: text/plain")
	e.must(207, "ann", "PROPPATCH", ann+"files/a.txt", patch("p", 1000))
	var clients sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	for c := range 8 {
		clients.Go(func() {
			for i := range 10 {
				status := e.do("ann", "COPY", ann+"files/a.txt", "", fmt.Sprintf("Destination: %sfiles/%d-%d.txt", ann, c, i)).Status
				mu.Lock()
				count[status]++
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	used, available := quotaOf(e, "ann", ann)
	if used > limit || available > 2200 || count[201]+count[507] != 80 || count[507] == 0 || count[201] < 25 {
		t.Errorf("%d bytes used, %d available, statuses %v", used, available, count)
	}
}

// The properties of RFC 4331 are on the home and its collections, in no answer to
// allprop, and protected.
func TestQuotaProperties(t *testing.T) {
	e := newEnv(t)
	const ann = "/calendars/users/ann/"
	if err := setQuota(e, "ann", 1000); err != nil {
		t.Fatal(err)
	}
	e.must(201, "ann", "PUT", ann+"calendar/a.ics", event("a", "20260504T120000Z"))
	e.must(207, "ann", "PROPPATCH", ann+"tasks/", patch("p", 100))
	used, available := quotaOf(e, "ann", ann)
	if used <= 300 || used+available != 1000 {
		t.Errorf("%d used, %d available", used, available)
	}
	for _, path := range []string{"calendar/", "tasks/", "inbox/"} {
		if u, a := quotaOf(e, "ann", ann+path); u != used || a != available {
			t.Errorf("%s: %d used, %d available; the home has %d, %d", path, u, a, used, available)
		}
	}
	if body := e.must(207, "ann", "PROPFIND", ann, `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`, "Depth: 1").Body; strings.Contains(body, "quota-") {
		t.Errorf("allprop: %s", body)
	}
	for _, name := range []string{"quota-available-bytes", "quota-used-bytes"} {
		body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:` + name + `>5</D:` + name + `></D:prop></D:set></D:propertyupdate>`
		if got := e.must(207, "ann", "PROPPATCH", ann, body).Body; !strings.Contains(got, "cannot-modify-protected-property") {
			t.Errorf("%s: %s", name, got)
		}
	}
	// Without a limit there is no value; the store's counts, then the disk's.
	if err := setQuota(e, "ann", quota.Unlimited); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		store quota.Store
		want  int64
	}{{quota.Store{}, -1}, {quota.Store{MaxBytes: 2000}, 2000 - used}, {quota.Store{MaxBytes: 2000, Reserve: 500}, 100}} {
		e.freeDisk.Store(600)
		e.quota.Store(&quota.Policy{Store: tt.store})
		if _, a := quotaOf(e, "ann", ann); a != tt.want {
			t.Errorf("%+v: %d available, want %d", tt.store, a, tt.want)
		}
	}
}

// A store that is full says so with another condition than a full home, and is
// read and emptied as before.
func TestStoreIsFull(t *testing.T) {
	const ann = "/calendars/users/ann/"
	for name, limit := range map[string]quota.Store{"size": {MaxBytes: 500}, "disk": {Reserve: 1 << 20}} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.freeDisk.Store(1 << 20)
			e.must(201, "ann", "PUT", ann+"calendar/a.ics", event("a", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 300)))
			e.quota.Store(&quota.Policy{Store: limit})
			got := e.do("ann", "PUT", ann+"calendar/b.ics", event("b", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 300)))
			if got.Status != 507 || !strings.Contains(got.Body, "<D:sufficient-disk-space/>") || !strings.Contains(got.Body, "no space left") {
				t.Errorf("PUT = %d %s", got.Status, got.Body)
			}
			if got := e.must(207, "ann", "PROPPATCH", ann, patch("p", 1000)).Body; !strings.Contains(got, "sufficient-disk-space") {
				t.Errorf("PROPPATCH: %s", got)
			}
			e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 1") // a home that is only now made
			e.must(200, "ann", "GET", ann+"calendar/a.ics", "")
			e.must(204, "ann", "PUT", ann+"calendar/a.ics", event("a", "20260504T120000Z"))
			e.must(204, "ann", "DELETE", ann+"calendar/a.ics", "")
		})
	}
}

// Members of a group have its limits, also for objects and in what clients are
// told; they count from the owner's next write, and go with the membership.
func TestGroupLimits(t *testing.T) {
	e := newEnv(t)
	const ann, boss = "/calendars/users/ann/", "/calendars/users/boss/"
	staff, err := e.dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.Group, Value: "staff"})
	if err != nil {
		t.Fatal(err)
	}
	policy := &quota.Policy{
		Default:  quota.Limits{Bytes: 1000, ObjectBytes: 800, Attendees: 1},
		Types:    map[uint8]quota.Limits{uint8(directory.Location): {Bytes: 400}},
		Groups:   map[string]quota.Limits{"staff": {Bytes: 5000, ObjectBytes: 2000, Attendees: 3}},
		GroupIDs: map[string]string{staff.GUID: "staff"},
	}
	e.must(207, "ann", "PROPFIND", ann, "", "Depth: 0") // made before there were groups
	e.quota.Store(policy)
	limits := func(user, path string, size, attendees string) {
		t.Helper()
		got := e.must(207, user, "PROPFIND", path, ask("C:max-resource-size", "C:max-attendees-per-instance"), "Depth: 0").Body
		if !strings.Contains(got, ">"+size+"<") || !strings.Contains(got, ">"+attendees+"<") {
			t.Errorf("%s: want %s bytes, %s attendees: %s", path, size, attendees, got)
		}
	}
	limits("ann", ann+"calendar/", "800", "1")
	large := event("large", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 1200), "ATTENDEE:mailto:a@x.org", "ATTENDEE:mailto:b@x.org")
	e.must(201, "ann", "PUT", ann+"calendar/large.ics", large)
	limits("ann", ann+"calendar/", "2000", "3")
	for path, want := range map[string]string{boss + "calendar/large.ics": "max-attendees-per-instance", "/calendars/locations/oak/calendar/large.ics": "max-attendees-per-instance"} {
		if got := e.do("boss", "PUT", path, large); got.Status != 403 || !strings.Contains(got.Body, want) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	plain := event("plain", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 400))
	if got := e.do("boss", "PUT", "/calendars/locations/oak/calendar/plain.ics", plain); got.Status != 507 {
		t.Errorf("a room: %d %s", got.Status, got.Body)
	}
	if got := e.do("boss", "PUT", boss+"calendar/large.ics", strings.ReplaceAll(large, "ATTENDEE:mailto:b@x.org\r\n", "")); got.Status != 403 || !strings.Contains(got.Body, "max-resource-size") {
		t.Errorf("too large: %d %s", got.Status, got.Body)
	}
	// Somebody else's write looks the owner's groups up.
	e.must(207, "bob", "PROPFIND", "/calendars/users/bob/", "", "Depth: 0")
	e.must(201, "boss", "PUT", "/calendars/users/bob/calendar/large.ics", strings.ReplaceAll(large, "UID:large", "UID:other"))
	// An override stands above the group.
	if err := setQuota(e, "ann", 1300); err != nil {
		t.Fatal(err)
	}
	if got := e.do("ann", "PUT", ann+"calendar/plain.ics", plain); got.Status != 507 {
		t.Errorf("above the override: %d %s", got.Status, got.Body)
	}
}
