package caldav_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"convene/delegation"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/internal/membudget"
	"convene/quota"
)

// unharmed fails if the copies of a meeting say something else than the organizer's, or
// the ledger of a room something else than its calendars.
func (e *env) unharmed() {
	e.t.Helper()
	found, err := e.h.Calendars.CheckMeetings(context.Background(), false)
	if err != nil || len(found) > 0 {
		e.t.Errorf("meetings: %+v, %v", found, err)
	}
	e.checkRooms()
}

// annInvites is a meeting of ann's with some lines for bob and oak.
func annInvites(bob, oak string, more ...string) string {
	return meeting("m", "20260601T100000Z", append([]string{
		"ATTENDEE" + bob + ":mailto:bob@example.com", "ATTENDEE" + oak + ":mailto:oak@example.com"}, more...)...)
}

// Nobody answers for others, however they write it, and in how many steps.
func TestNobodyAnswersForOthers(t *testing.T) {
	const agent, accepted = ";SCHEDULE-AGENT=NONE", ";PARTSTAT=ACCEPTED"
	for name, steps := range map[string][]string{
		"at once":                        {accepted},
		"later":                          {"", accepted},
		"twice in one line":              {";PARTSTAT=NEEDS-ACTION" + accepted},
		"twice in one line, later":       {"", ";PARTSTAT=NEEDS-ACTION" + accepted},
		"two values":                     {"", ";PARTSTAT=NEEDS-ACTION,ACCEPTED"},
		"once the server is not asked":   {agent + accepted, accepted},
		"an agent twice":                 {";SCHEDULE-AGENT=SERVER" + agent + accepted, accepted},
		"taken off and invited again":    {agent + accepted, "-", accepted},
		"with an answer to another time": {"", ";X-CALENDARSERVER-RESET-PARTSTAT=9" + accepted},
		"by a signature that is invented": {`;SENT-BY="mailto:boss@example.com"` + accepted,
			`;SENT-BY="mailto:bob@example.com";SENT-BY="mailto:boss@example.com"` + accepted},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			e.books("other", "1000") // so that oak declines
			for i, step := range steps {
				data := annInvites(step, step, fmt.Sprint("COMMENT:", i))
				if step == "-" {
					data = meeting("m", "20260601T100000Z")
				}
				if a := e.do("ann", "PUT", annsMeetings+"m.ics", data); a.Status/100 != 2 {
					t.Fatalf("%q = %d %s", step, a.Status, a.Body)
				}
			}
			for user, path := range map[string]string{"ann": annsMeetings + "m.ics", "bob": e.only("bob", bobsMeetings)} {
				body := e.must(200, user, "GET", path, "").Body
				for _, who := range []string{"bob@", "oak@"} {
					if l := line(body, "ATTENDEE", who); strings.Contains(l, "ACCEPTED") || strings.Count(l, "SENT-BY") > 1 {
						t.Errorf("to %s: %s", user, l)
					}
				}
			}
			e.unharmed()
		})
	}
}

// A meeting does not end without a word to those who are invited, and is in no second
// place: COPY and MOVE of objects and calendars do to it what they may.
func TestMeetingsStayWhole(t *testing.T) {
	const second, bobsSecond = annsHome + "second/", bobsHome + "second/"
	start := func(t *testing.T) *env {
		e := newEnv(t).withRooms(nil)
		e.must(201, "ann", "PUT", annsMeetings+"m.ics", annInvites("", ""))
		e.must(201, "ann", "MKCALENDAR", second, "")
		e.must(201, "ann", "PUT", second+"plain.ics", event("plain", "20260701T100000Z"))
		e.must(201, "ann", "PUT", second+"m2.ics", strings.ReplaceAll(annInvites("", ""), "UID:m\r\n", "UID:m2\r\n"))
		e.must(201, "bob", "MKCALENDAR", bobsSecond, "")
		e.must(201, "bob", "PUT", bobsSecond+"plain.ics", event("other", "20260701T100000Z"))
		e.delegate("bob", "ann", delegation.LevelWrite)
		e.delegate("oak", "boss", delegation.LevelWrite)
		return e
	}
	bobs := func(e *env) string { return e.withUIDPath("bob", bobsMeetings, "m") }
	for name, tt := range map[string]struct {
		user, from string
		to         func(e *env) string
		is         map[string]int // status by method
	}{
		"another event over one's meeting": {"ann", second + "plain.ics", func(*env) string { return annsMeetings + "m.ics" },
			map[string]int{"COPY": 403, "MOVE": 403}},
		"another event over an invitation":   {"bob", bobsSecond + "plain.ics", bobs, map[string]int{"COPY": 403, "MOVE": 403}},
		"another's event over an invitation": {"ann", second + "plain.ics", bobs, map[string]int{"COPY": 403, "MOVE": 403}},
		"an event over a booking": {"boss", annsHome + "second/plain.ics", func(e *env) string { path, _ := e.roomCopy("m"); return path },
			map[string]int{"COPY": 403, "MOVE": 403}},
		"one meeting over another":        {"ann", second + "m2.ics", func(*env) string { return annsMeetings + "m.ics" }, map[string]int{"COPY": 403, "MOVE": 403}},
		"a meeting into another calendar": {"ann", annsMeetings + "m.ics", func(*env) string { return second + "m.ics" }, map[string]int{"COPY": 403, "MOVE": 201}},
		"a meeting into another's home":   {"ann", second + "m2.ics", func(*env) string { return bobsSecond + "m2.ics" }, map[string]int{"MOVE": 403}},
		"a calendar beside itself":        {"ann", second, func(*env) string { return annsHome + "third/" }, map[string]int{"COPY": 403, "MOVE": 201}},
		"a calendar into another's home":  {"ann", second, func(*env) string { return bobsHome + "third/" }, map[string]int{"COPY": 403, "MOVE": 403}},
		"the same by an administrator":    {"boss", second, func(*env) string { return bobsHome + "third/" }, map[string]int{"COPY": 403, "MOVE": 403}},
	} {
		for method, status := range tt.is {
			t.Run(method+" of "+name, func(t *testing.T) {
				e := start(t)
				if a := e.do(tt.user, method, tt.from, "", "Destination: "+tt.to(e)); a.Status != status {
					t.Errorf("%d %s, want %d", a.Status, a.Body, status)
				}
				e.unharmed()
			})
		}
	}
}

// withUIDPath is the path of the one object of a collection with a UID.
func (e *env) withUIDPath(user, collection, uid string) string {
	e.t.Helper()
	for _, path := range e.members(user, collection) {
		if strings.Contains(e.must(200, user, "GET", path, "").Body, "UID:"+uid+"\r\n") {
			return path
		}
	}
	e.t.Fatalf("%s has no %s", collection, uid)
	return ""
}

// Whoever invites somebody under the UID of an event of theirs changes nothing of who may
// see that, nor of what is known of it.
func TestInvitationUnderTheUIDOfAnEvent(t *testing.T) {
	e := newEnv(t)
	const secret = annsMeetings + "secret.ics"
	e.must(201, "ann", "PUT", secret, event("guessed", "20260601T100000Z", "DESCRIPTION:nobody's business"))
	e.must(207, "ann", "PROPPATCH", secret, patch("note", 10))
	e.setACL("ann", annsMeetings, "grant read bob")
	e.setACL("ann", secret, "deny all bob")
	e.must(403, "bob", "GET", secret, "")
	e.must(201, "bob", "PUT", bobsMeetings+"m.ics", event("guessed", "20260602T100000Z", "ORGANIZER:mailto:bob@example.com",
		"ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:ann@example.com"))
	kept := 0
	for _, path := range e.members("ann", annsMeetings) {
		if !strings.Contains(e.must(200, "ann", "GET", path, "").Body, "nobody's business") {
			continue
		}
		kept++
		e.must(403, "bob", "GET", path, "")
		if props := e.must(207, "ann", "PROPFIND", path, allProp, "Depth: 0").Body; !strings.Contains(props, "note") {
			t.Errorf("the note is lost: %s", props)
		}
	}
	if kept != 1 {
		t.Errorf("ann has %d of her event", kept)
	}
	e.unharmed()
}

const allProp = `<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`

// A proposal says what its sender says, and nothing for others.
func TestCounterSpeaksForItself(t *testing.T) {
	const byBoss = `;SENT-BY="mailto:boss@example.com"`
	for _, tt := range []struct {
		method, from, to, self string
	}{
		{"COUNTER", "bob", "ann", "bob@"},
		{"DECLINECOUNTER", "ann", "bob", "ann@"},
	} {
		e := newEnv(t)
		e.must(201, "ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T100000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
		body := message(tt.method, "m", "20260601T110000Z", "ORGANIZER"+byBoss+":mailto:ann@example.com",
			"ATTENDEE"+byBoss+":mailto:bob@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:auditor@example.com")
		e.must(200, tt.from, "POST", "/calendars/users/"+tt.from+"/outbox/", body, "Content-Type: text/calendar")
		text := e.inboxText(tt.to)
		if !strings.Contains(text, "METHOD:"+tt.method+"\r\n") {
			t.Fatalf("%s did not come: %s", tt.method, text)
		}
		if strings.Contains(text, "SENT-BY") || strings.Contains(line(text, "ATTENDEE", "boss@"), "ACCEPTED") || strings.Contains(line(text, "ATTENDEE", "auditor@"), "ACCEPTED") {
			t.Errorf("%s speaks for others: %s", tt.method, text)
		}
		e.unharmed()
	}
}

// Who acts for somebody neither speaks about a meeting that is kept from them, nor is told
// whether it is there.
func TestCounterOfConcealedMeeting(t *testing.T) {
	e := newCompany(t)
	e.delegate("dan", "bob", delegation.LevelWrite)
	e.must(201, "ann", "PUT", annsMeetings+"m.ics", event("m", "20260601T100000Z", "CLASS:PRIVATE",
		"ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:dan@example.com"))
	ask := func(uid string) answer {
		return e.do("bob", "POST", dansHome+"outbox/", message("COUNTER", uid, "20260601T110000Z", "ORGANIZER:mailto:ann@example.com",
			"ATTENDEE;PARTSTAT=TENTATIVE:mailto:dan@example.com"), "Content-Type: text/calendar")
	}
	there, none := ask("m"), ask("none")
	if there.Status != 403 || there.Body != none.Body {
		t.Errorf("of a meeting that is there %d %s, of none %d %s", there.Status, there.Body, none.Status, none.Body)
	}
	if text := e.inboxText("ann"); strings.Contains(text, "COUNTER") {
		t.Errorf("ann got %s", text)
	}
}

// One attendee cannot fill the organizer's meeting, so that no other's answer has room.
func TestAnswersAreBrief(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(string) string
		status int
	}{
		"an answer":           {func(s string) string { return s }, 204},
		"a comment":           {func(s string) string { return withComment(s, 1000) }, 204},
		"a book":              {func(s string) string { return withComment(s, 100_000) }, 403},
		"a book as an answer": {func(s string) string { return strings.Replace(s, "ACCEPTED", strings.Repeat("X", 100_000), 1) }, 403},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "PUT", annsMeetings+"m.ics", event("m", "20260601T100000Z", "ORGANIZER:mailto:ann@example.com",
				"ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com"))
			path := e.only("bob", bobsMeetings)
			is := unfolded(e.must(200, "bob", "GET", path, "").Body)
			mine := line(is, "ATTENDEE", "bob@")
			is = strings.Replace(is, mine, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com", 1)
			if a := e.do("bob", "PUT", path, tt.change(is)); a.Status != tt.status {
				t.Errorf("%d %.300s, want %d", a.Status, a.Body, tt.status)
			}
			e.unharmed()
		})
	}
}

func withComment(object string, n int) string {
	return strings.Replace(object, "END:VEVENT", "X-CALENDARSERVER-PRIVATE-COMMENT:"+strings.Repeat("x", n)+"\r\nEND:VEVENT", 1)
}

// told reports whether an inbox has a message.
func told(inbox string) bool { return strings.Contains(inbox, "BEGIN:VCALENDAR") }

// throng is a directory of ann and n others, u0 and so on.
func throng(t testing.TB, n int) directory.Directory {
	t.Helper()
	var all []directory.Record
	for i := range n + 1 {
		name := fmt.Sprint("u", i-1)
		if i == 0 {
			name = "ann"
		}
		all = append(all, directory.Record{Principal: directory.Principal{GUID: guid(name), Type: directory.User, Name: name, FullName: name,
			Emails: []string{name + "@example.com"}, CalendarEnabled: true, LoginEnabled: true}})
	}
	d, err := directory.NewStatic(all)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// A large meeting of many is refused before it has taken the memory of all, and waits
// while others have it.
func TestLargeMeetingOfMany(t *testing.T) {
	const people = 33
	for _, tt := range []struct {
		name   string
		memory int64 // bytes for all requests
		taken  int64 // of these, by others
		size   int   // of the description
		status int
	}{
		{"small", 64 << 20, 0, 1000, 201},
		{"as large as there is memory", 64 << 20, 0, 2 << 20, 201},
		{"while others have the memory", 64 << 20, 50 << 20, 400_000, 503},
		{"too large", 64 << 20, 0, 8 << 20, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnvOf(t, throng(t, people), enginetest.Wrapper(t))
			e.setLimits(func(l *quota.Limits) { l.Bytes = 0 })
			for i := range people { // so that no two have the same
				user := fmt.Sprint("u", i)
				alarm := fmt.Sprintf("BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT%dM\nEND:VALARM\n", i+1)
				e.must(207, user, "PROPPATCH", "/calendars/users/"+user+"/calendar/", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>`+
					`<C:default-alarm-vevent-datetime xmlns:C="urn:ietf:params:xml:ns:caldav">`+alarm+`</C:default-alarm-vevent-datetime></D:prop></D:set></D:propertyupdate>`)
			}
			e.h.Memory = membudget.New(tt.memory)
			if err := e.h.Memory.Reserve().Grow(tt.taken); err != nil {
				t.Fatal(err)
			}
			lines := []string{"DESCRIPTION:" + strings.Repeat("x", tt.size)}
			for i := range people {
				lines = append(lines, fmt.Sprintf("ATTENDEE:mailto:u%d@example.com", i))
			}
			a := e.do("ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T100000Z", lines...))
			if a.Status != tt.status {
				t.Fatalf("%d %.300s, want %d", a.Status, a.Body, tt.status)
			}
			if tt.status/100 != 2 {
				if tt.status == 403 && !strings.Contains(a.Body, "too large to be brought to all") {
					t.Errorf("refused for another reason: %s", a.Body)
				}
				e.h.Memory = membudget.New(tt.memory)
				e.must(404, "ann", "GET", annsMeetings+"m.ics", "")
				for i := range people {
					if told(e.inboxText(fmt.Sprint("u", i))) {
						t.Fatalf("u%d was told", i)
					}
				}
			}
		})
	}
}

// A directory that goes away at any moment of an invitation is 503, and nothing of it is
// written; and so is one that comes back with somebody less.
func TestDirectoryGoesAwayInAnInvitation(t *testing.T) {
	for at := 1; ; at++ {
		d := &failing{Directory: people(t)}
		e := newEnvOf(t, d, enginetest.Wrapper(t)).withRooms(nil)
		for _, user := range []string{"ann", "bob", "boss"} {
			e.must(207, user, "PROPFIND", "/calendars/users/"+user+"/", "", "Depth: 0")
		}
		caller := e.caller("ann")
		d.calls, d.at = 0, at
		a := e.as(caller, "PUT", annsMeetings+"m.ics", annInvites("", "", "ATTENDEE:mailto:staff@example.com", "ATTENDEE:mailto:boss@example.com"))
		failed := d.calls >= at
		d.at = 0
		if !failed {
			if a.Status != 201 || at < 5 {
				t.Errorf("after %d questions: %d %s", at-1, a.Status, a.Body)
			}
			e.unharmed()
			return
		}
		if a.Status == 201 { // it was no question that anything depends on
			e.unharmed()
			continue
		}
		if a.Status != 503 {
			t.Errorf("question %d: %d %s", at, a.Status, a.Body)
		}
		e.must(404, "ann", "GET", annsMeetings+"m.ics", "")
		if got := e.members("bob", bobsMeetings); len(got) != 0 {
			t.Errorf("question %d: bob has %v", at, got)
		}
	}
}

// Who has no room is not invited, the organizer is told, and all others are.
func TestInvitationsToAFullHome(t *testing.T) {
	e := newEnv(t)
	e.must(201, "bob", "PUT", bobsMeetings+"1.ics", event("1", "20260601T100000Z"))
	if err := setQuota(e, "bob", 300); err != nil {
		t.Fatal(err)
	}
	e.must(201, "ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T100000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
	is := e.must(200, "ann", "GET", annsMeetings+"m.ics", "").Body
	for who, want := range map[string]string{"bob@": "SCHEDULE-STATUS=5.1", "boss@": "SCHEDULE-STATUS=1.2"} {
		if l := line(is, "ATTENDEE", who); !strings.Contains(l, want) {
			t.Errorf("%s, want %s", l, want)
		}
	}
	if text := e.inboxText("bob"); told(text) {
		t.Errorf("bob got %s", text)
	}
	e.must(204, "ann", "DELETE", annsMeetings+"m.ics", "")
	e.unharmed()
}

// What somebody has said of who may see their copy of a meeting, no change of the
// organizer's and no answer of others takes back.
func TestCopiesStayPrivate(t *testing.T) {
	const private = "X-CALENDARSERVER-ACCESS:PRIVATE\r\n"
	e := newEnv(t)
	with := []string{"ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"}
	e.must(201, "ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T100000Z", with...))
	path, boss := e.only("bob", bobsMeetings), e.only("boss", "/calendars/users/boss/calendar/")
	e.must(204, "bob", "PUT", path, strings.Replace(e.must(200, "bob", "GET", path, "").Body, "BEGIN:VEVENT", private+"BEGIN:VEVENT", 1))
	e.setACL("bob", bobsMeetings, "grant read ann")
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"at first", func() {}},
		{"after a change", func() {
			e.must(204, "ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T110000Z", with...))
		}},
		{"after an answer of another's", func() {
			is := unfolded(e.must(200, "boss", "GET", boss, "").Body)
			e.must(204, "boss", "PUT", boss, strings.Replace(is, line(is, "ATTENDEE", "boss@"), "ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.com", 1))
		}},
		{"after a repair", func() {
			e.damage("bob", "m", func(s string) string { return strings.Replace(s, "SUMMARY:m", "SUMMARY:other", 1) })
			if found, err := e.h.Calendars.CheckMeetings(context.Background(), true); err != nil || len(found) == 0 {
				t.Errorf("%v, %v", found, err)
			}
		}},
		{"after it is off", func() { e.must(204, "ann", "DELETE", annsMeetings+"m.ics", "") }},
	} {
		step.do()
		if got := e.must(200, "bob", "GET", path, "").Body; strings.Count(got, private) != 1 {
			t.Errorf("%s: %s", step.name, got)
		}
		if a := e.do("ann", "GET", path, ""); a.Status/100 == 2 {
			t.Errorf("%s: ann reads %s", step.name, a.Body)
		}
	}
}
