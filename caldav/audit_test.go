package caldav_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"convene/audit"
	"convene/audit/audittest"
	"convene/delegation"
)

// What administrators and readers do with the calendars of others is recorded: each
// change, and reading once for each calendar and hour.
func TestAudit(t *testing.T) {
	e := newEnv(t)
	log := audittest.Open(t)
	e.h.Audit = audit.NewAccesses(log.Log, func() time.Time { return e.now })
	const home, own = "/calendars/users/ann/", "/calendars/users/boss/calendar/"
	object := event("a", "20260504T120000Z")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", object)                // her own
	e.must(403, "bob", "GET", home+"calendar/1.ics", "")                    // refused, and no administrator
	e.must(201, "boss", "PUT", own+"1.ics", event("b", "20260504T120000Z")) // his own
	e.must(200, "auditor", "OPTIONS", home+"calendar/", "")                 // no data
	e.must(404, "auditor", "GET", home+"calendar/9.ics", "")                // nothing was read
	if got := log.Acts(); len(got) != 0 {
		t.Fatalf("recorded: %q", got)
	}
	for range 3 {
		e.must(200, "auditor", "GET", home+"calendar/1.ics", "")
		e.must(207, "auditor", "PROPFIND", home+"calendar/", "", "Depth: 1")
		e.must(207, "auditor", "PROPFIND", home, "", "Depth: 1")
	}
	e.must(403, "auditor", "DELETE", home+"calendar/1.ics", "")
	e.must(204, "boss", "PUT", home+"calendar/1.ics", event("a", "20260505T120000Z"))
	e.must(201, "boss", "COPY", home+"calendar/1.ics", "", "Destination: "+own+"2.ics")
	e.must(204, "boss", "DELETE", home+"calendar/1.ics", "")
	e.now = e.now.Add(time.Hour)
	e.must(207, "auditor", "PROPFIND", home+"calendar/", "", "Depth: 0")
	state := func(text string) string {
		method, status, _ := strings.Cut(text, " ")
		return ` ann >{"method":"` + method + `","status":` + status + `} `
	}
	want := []string{
		"calendar.read auditor" + state("GET 200") + "done",
		"calendar.read auditor" + state("PROPFIND 207") + "done",
		"calendar.write auditor" + state("DELETE 403") + "failed",
		"calendar.write boss" + state("PUT 204") + "done",
		"calendar.read boss" + state("COPY 201") + "done",
		"calendar.write boss" + state("DELETE 204") + "done",
		"calendar.read auditor" + state("PROPFIND 207") + "done",
	}
	if got := log.Acts(); !slices.Equal(got, want) {
		t.Errorf("recorded\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	first := log.Lines()[0]
	if first.Actor.GUID != guid("auditor") || first.Object.GUID != guid("ann") || first.Object.Path != home+"calendar/1.ics" || first.Via.How != audit.DAV || first.Via.Remote == "" {
		t.Errorf("%+v", first)
	}
}

// Private events that administrators and readers read by their address are recorded one
// by one, unless that is turned off; what their owner and delegates read is not.
func TestAuditPrivate(t *testing.T) {
	for private, want := range map[bool]string{
		true:  "calendar.read auditor, private.read auditor, private.read auditor, private.read boss",
		false: "calendar.read auditor, calendar.read boss",
	} {
		e := newCompany(t)
		log := audittest.Open(t)
		e.h.Audit, e.h.AuditPrivate = audit.NewAccesses(log.Log, func() time.Time { return e.now }), private
		e.delegate("ann", "bob", delegation.LevelRead, func(l *delegation.Limits) { l.SeePrivate = true })
		e.must(201, "ann", "PUT", annWork+"p.ics", strings.Replace(event("p", "20260604T120000Z"), "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nBEGIN:VEVENT", 1))
		e.must(201, "ann", "PUT", annWork+"c.ics", event("c", "20260605T120000Z", "CLASS:CONFIDENTIAL"))
		for _, user := range []string{"ann", "bob", "auditor"} {
			e.must(200, user, "GET", annWork+"p.ics", "")
			e.must(200, user, "GET", annWork+"p.ics", "")
			e.must(200, user, "GET", annWork+"2.ics", "")
		}
		e.must(200, "auditor", "GET", annWork+"c.ics", "")
		e.must(200, "boss", "GET", annWork+"p.ics", "")
		var got []string
		for _, act := range log.Acts() {
			verb, rest, _ := strings.Cut(act, " ")
			who, _, _ := strings.Cut(rest, " ")
			got = append(got, verb+" "+who)
		}
		slices.Sort(got)
		if strings.Join(got, ", ") != want {
			t.Errorf("%v: %q, want %s", private, got, want)
		}
	}
}

// Nothing is read that cannot be recorded. A change is made by then: its response
// says so.
func TestAuditNotWritten(t *testing.T) {
	e := newEnv(t)
	log := audittest.Open(t)
	e.h.Audit = audit.NewAccesses(log.Log, time.Now)
	const path = "/calendars/users/ann/calendar/1.ics"
	e.must(201, "ann", "PUT", path, event("a", "20260504T120000Z"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if a := e.do("boss", "GET", path, ""); a.Status != 503 || strings.Contains(a.Body, "VEVENT") || a.Header.Get("Retry-After") == "" {
		t.Errorf("GET = %d %q", a.Status, a.Body)
	}
	e.must(200, "ann", "GET", path, "")
	e.must(204, "boss", "DELETE", path, "")
	if log.Err() == nil {
		t.Error("the log says that it is well")
	}
}
