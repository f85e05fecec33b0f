package caldav_test

import (
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/quota"
)

// A changingDirectory is one in which mail addresses change, between requests.
type changingDirectory struct {
	directory.Directory
	t testing.TB
}

// give sets the mail addresses of people, by name; all others have their own.
func (d *changingDirectory) give(emails map[string][]string) { d.Directory = peopleWith(d.t, emails) }

func newChangingEnv(t *testing.T) (*env, *changingDirectory) {
	t.Helper()
	dir := &changingDirectory{people(t), t}
	return newEnvOf(t, dir, enginetest.Wrapper(t)), dir
}

const (
	prelude  = `xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`
	allData  = `<D:prop><D:getetag/><C:calendar-data/></D:prop>`
	inMay    = `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="20260501T000000Z" end="20260601T000000Z"/></C:comp-filter></C:comp-filter></C:filter>`
	expanded = `<D:prop><C:calendar-data><C:expand start="20260501T000000Z" end="20260601T000000Z"/></C:calendar-data></D:prop>`
)

// A mail address that changed shows in whatever its owner reads, under another ETag, and
// sync tells of it. It moves nobody into a meeting or out of it, whoever has it now.
func TestChangedAddress(t *testing.T) {
	e, dir := newChangingEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "RRULE:FREQ=DAILY;COUNT=3", "ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com"))
	path, message := e.only("bob", bobsMeetings), e.only("bob", "/calendars/users/bob/inbox/")
	before := e.must(200, "bob", "GET", path, "")
	token := syncTokenIn(e.must(207, "bob", "PROPFIND", bobsMeetings, `<D:propfind xmlns:D="DAV:"><D:prop><D:sync-token/></D:prop></D:propfind>`, "Depth: 0").Body)
	dir.give(map[string][]string{"bob": {"robert@example.com"}, "boss": {"boss@example.com", "bob@example.com"}})

	for name, body := range map[string]string{
		"GET":      e.must(200, "bob", "GET", path, "").Body,
		"message":  e.must(200, "bob", "GET", message, "").Body,
		"multiget": e.must(207, "bob", "REPORT", bobsMeetings, `<C:calendar-multiget `+prelude+`>`+allData+`<D:href>`+path+`</D:href></C:calendar-multiget>`).Body,
		"query":    e.must(207, "bob", "REPORT", bobsMeetings, `<C:calendar-query `+prelude+`>`+allData+inMay+`</C:calendar-query>`, "Depth: 1").Body,
		"expanded": e.must(207, "bob", "REPORT", bobsMeetings, `<C:calendar-query `+prelude+`>`+expanded+inMay+`</C:calendar-query>`, "Depth: 1").Body,
		"sync": e.must(207, "bob", "REPORT", bobsMeetings, `<D:sync-collection `+prelude+`><D:sync-token>`+token+
			`</D:sync-token><D:sync-level>1</D:sync-level>`+allData+`</D:sync-collection>`).Body,
		"a delegate's": e.must(200, "boss", "GET", path, "").Body,
	} {
		if !strings.Contains(unfolded(body), "mailto:robert@example.com") || strings.Contains(body, "bob@example.com") {
			t.Errorf("%s: %s", name, body)
		}
	}
	after := e.must(200, "bob", "GET", path, "", "If-None-Match: "+before.Header.Get("ETag"))
	if after.Header.Get("ETag") == before.Header.Get("ETag") || after.Header.Get("Schedule-Tag") != before.Header.Get("Schedule-Tag") {
		t.Errorf("before: %v\nafter: %v", before.Header, after.Header)
	}
	e.must(304, "bob", "GET", path, "", "If-None-Match: "+after.Header.Get("ETag"))
	if seen := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body; line(seen, "ATTENDEE", "mailto:bob@example.com") == "" {
		t.Errorf("ann wrote another address: %s", seen)
	}

	// Bob answers, with what he reads and with what he had read before.
	for answer, body := range map[string]string{"ACCEPTED": after.Body, "DECLINED": before.Body} {
		e.must(204, "bob", "PUT", path, strings.Replace(unfolded(body), "NEEDS-ACTION", answer, 1))
		if l := line(e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body, "ATTENDEE", "bob@"); !strings.Contains(l, "PARTSTAT="+answer) {
			t.Errorf("bob has answered %s: ann sees %s", answer, l)
		}
		if l := line(e.must(200, "bob", "GET", path, "").Body, "ATTENDEE", "robert@"); !strings.Contains(l, "PARTSTAT="+answer) {
			t.Errorf("bob has answered %s, and sees %s", answer, l)
		}
	}

	// Ann changes the meeting, with what she reads: who has Bob's address is not invited.
	seen := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body
	e.must(204, "ann", "PUT", annsMeetings+"plan.ics", strings.Replace(seen, "SUMMARY:plan", "SUMMARY:Other", 1))
	copied := e.must(200, "bob", "GET", path, "").Body
	if line(copied, "SUMMARY", "Other") == "" || line(copied, "ATTENDEE", "robert@") == "" || strings.Contains(copied, "bob@") {
		t.Errorf("bob's copy: %s", copied)
	}
	if list := e.members("boss", "/calendars/users/boss/calendar/"); len(list) > 0 {
		t.Errorf("who has the address now is invited: %q", list)
	}
	// Whom she invites by it is who has it now.
	seen = e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body
	e.must(204, "ann", "PUT", annsMeetings+"plan.ics", strings.Replace(seen, "END:VEVENT", "ATTENDEE:mailto:bob@example.com\r\nEND:VEVENT", 1))
	e.only("boss", "/calendars/users/boss/calendar/")
	if l := line(e.must(200, "bob", "GET", path, "").Body, "ATTENDEE", "robert@"); l == "" {
		t.Error("bob is not invited any more")
	}
}

// An organizer whose address changed goes on organizing, also with what was read before.
func TestChangedOrganizer(t *testing.T) {
	e, dir := newChangingEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	before := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "")
	dir.give(map[string][]string{"ann": {"anna@example.com"}, "boss": {"ann@example.com"}})
	after := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "")
	if strings.Contains(after.Body, "ann@") || line(after.Body, "ORGANIZER", "mailto:anna@") == "" || line(after.Body, "ATTENDEE", "mailto:anna@") == "" {
		t.Errorf("after: %s", after.Body)
	}
	for summary, body := range map[string]string{"Now": after.Body, "Before": before.Body} {
		e.must(204, "ann", "PUT", annsMeetings+"plan.ics", strings.Replace(body, "SUMMARY:plan", "SUMMARY:"+summary, 1))
		if got := e.must(200, "bob", "GET", e.only("bob", bobsMeetings), "").Body; line(got, "SUMMARY", summary) == "" {
			t.Errorf("bob's copy: %s", got)
		}
		if got := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body; strings.Contains(got, "ann@") || line(got, "ORGANIZER", "anna@") == "" {
			t.Errorf("ann's object: %s", got)
		}
	}
	if list := e.members("boss", "/calendars/users/boss/calendar/"); len(list) > 0 {
		t.Errorf("who has the address now has %q", list)
	}
}

// What a client wrote as the organizer stays as it is: with the address that it chose
// of several, and with an EMAIL if there was one. Sending it back changes nothing.
func TestChosenAddress(t *testing.T) {
	e, dir := newChangingEnv(t)
	dir.give(map[string][]string{"ann": {"ann@example.com", "aa@example.com"}})
	data := strings.ReplaceAll(meeting("plan", "20260504T120000Z", "ATTENDEE;EMAIL=bob@example.com:mailto:bob@example.com"), "ann@", "aa@")
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", data)
	check := func(address string) {
		t.Helper()
		got := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body
		for _, l := range []string{line(got, "ORGANIZER", ":mailto:"+address), line(got, "ATTENDEE", ":mailto:"+address)} {
			if l == "" || strings.Contains(l, "EMAIL") {
				t.Errorf("without %s, or with EMAIL: %s", address, got)
			}
		}
		if l := line(got, "ATTENDEE", ":mailto:bob@example.com"); !strings.Contains(l, ";EMAIL=bob@example.com") || strings.Contains(got, "X-CONVENE") {
			t.Errorf("EMAIL is lost, or more is there: %s", got)
		}
		put := e.must(204, "ann", "PUT", annsMeetings+"plan.ics", got)
		if again := e.must(200, "ann", "GET", annsMeetings+"plan.ics", ""); again.Body != got || put.Header.Get("ETag") != again.Header.Get("ETag") {
			t.Errorf("sent back, it became %s", again.Body)
		}
	}
	check("aa@example.com")
	if l := line(e.must(200, "bob", "GET", e.only("bob", bobsMeetings), "").Body, "ORGANIZER", "mailto:aa@example.com"); l == "" {
		t.Error("bob does not see the address that ann chose")
	}
	dir.give(map[string][]string{"ann": {"anna@example.com", "ann@example.com", "aa@example.com"}})
	check("aa@example.com") // still hers
	dir.give(map[string][]string{"ann": {"anna@example.com", "ann@example.com"}})
	check("anna@example.com")
}

// A changed address is written whatever the home may hold. A store without room
// keeps nobody from reading.
func TestChangedAddressWithoutRoom(t *testing.T) {
	e, dir := newChangingEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	path := e.only("bob", bobsMeetings)
	before := e.must(200, "bob", "GET", path, "")
	dir.give(map[string][]string{"bob": {"robert.longer.than.before@example.com"}})
	e.quota.Store(&quota.Policy{Default: quota.Limits{Bytes: 1}, Store: quota.Store{Reserve: 1 << 30}})
	full := e.must(200, "bob", "GET", path, "")
	if full.Body != before.Body || full.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("%v %s", full.Header, full.Body)
	}
	e.freeDisk.Store(1 << 40)
	e.now = e.now.Add(time.Hour) // it is not asked each time
	if got := e.must(200, "bob", "GET", path, ""); line(got.Body, "ATTENDEE", "mailto:robert.longer") == "" {
		t.Errorf("%s", got.Body)
	}
}

// More objects than one transaction writes, while others write: all have the new address.
func TestChangedAddressOfMany(t *testing.T) {
	e, dir := newChangingEnv(t)
	const n = 230
	for i := range n {
		uid := "u" + strings.Repeat("x", i)
		e.must(201, "ann", "PUT", annsMeetings+uid+".ics", meeting(uid, "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	}
	dir.give(map[string][]string{"ann": {"anna@example.com"}})
	body := e.must(207, "ann", "REPORT", annsMeetings, `<C:calendar-query `+prelude+`>`+allData+inMay+`</C:calendar-query>`, "Depth: 1").Body
	if has := strings.Count(unfolded(body), "ORGANIZER;CN=Ann Archer:mailto:anna@example.com"); has != n || strings.Contains(body, "ann@") {
		t.Errorf("%d of %d have the new address", has, n)
	}
}
