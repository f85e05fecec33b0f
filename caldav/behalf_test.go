package caldav_test

import (
	"strings"
	"testing"

	"convene/audit"
	"convene/audit/audittest"
	"convene/delegation"
	"convene/scheduling"
)

// paths of what the people of the company have.
const (
	annsHome = "/calendars/users/ann/"
	dansHome = "/calendars/users/dan/"
	bobsHome = "/calendars/users/bob/"
	byBob    = `SENT-BY="mailto:bob@example.com"`
)

func noSchedule(l *delegation.Limits) { l.NoSchedule = true }

// assisted starts the company with bob as ann's assistant.
func assisted(t *testing.T, change ...func(*delegation.Limits)) *env {
	e := newCompany(t)
	e.delegate("ann", "bob", delegation.LevelWrite, change...)
	return e
}

// invitation is an event with dan as attendee. ORGANIZER "" is nobody.
func invitation(uid, organizer string, more ...string) string {
	lines := []string{"ATTENDEE:mailto:dan@example.com"}
	if organizer != "" {
		lines = append(lines, "ORGANIZER:mailto:"+organizer+"@example.com")
	}
	return event(uid, "20260504T120000Z", append(lines, more...)...)
}

// withUID is the one object of a collection with a UID.
func (e *env) withUID(user, collection, uid string) string {
	e.t.Helper()
	for _, path := range e.members(user, collection) {
		if body := e.must(200, user, "GET", path, "").Body; strings.Contains(body, "UID:"+uid+"\r\n") {
			return unfolded(body)
		}
	}
	return ""
}

// What an assistant invites to is a meeting of whom they act for, and says so in the
// calendar of everybody and in the message, whomever their client names as ORGANIZER.
func TestAssistantInvites(t *testing.T) {
	for mode, want := range map[scheduling.SentBy]struct{ stored, message bool }{
		scheduling.SentByAlways: {true, true}, scheduling.SentByMessages: {false, true}, scheduling.SentByNever: {false, false},
	} {
		e := assisted(t)
		e.h.Calendars.Scheduling.SentBy = mode
		for _, organizer := range []string{"ann", "bob", ""} {
			uid := "by-" + organizer
			put := e.must(201, "bob", "PUT", annsHome+"calendar/"+uid+".ics", invitation(uid, organizer))
			if put.Header.Get("ETag") != "" || put.Header.Get("Schedule-Tag") == "" {
				t.Errorf("%d, %q: headers %v", mode, organizer, put.Header)
			}
			for place, body := range map[string]string{
				"ann's calendar": e.withUID("ann", annsHome+"calendar/", uid),
				"dan's calendar": e.withUID("dan", dansHome+"calendar/", uid),
				"dan's inbox":    e.withUID("dan", dansHome+"inbox/", uid),
			} {
				sent := want.stored
				if place == "dan's inbox" {
					sent = want.message
				}
				l := line(body, "ORGANIZER", "mailto:ann@example.com")
				if l == "" || strings.Contains(l, byBob) != sent {
					t.Errorf("%d, %q: %s has %q in %s", mode, organizer, place, l, body)
				}
			}
		}
		if n := len(e.members("bob", bobsHome+"calendar/")) + len(e.members("bob", bobsHome+"inbox/")); n != 0 {
			t.Errorf("bob has %d objects of ann's meetings", n)
		}
	}
}

// What the owner writes themselves is by nobody else, and neither is what they cancel.
func TestOwnerWritesLater(t *testing.T) {
	e := assisted(t)
	path := annsHome + "calendar/plan.ics"
	e.must(201, "bob", "PUT", path, invitation("plan", "ann"))
	for i, title := range []string{"SUMMARY:first", "SUMMARY:second"} {
		user, by := [2]string{"ann", "bob"}[i], [2]bool{false, true}[i]
		is := e.must(200, user, "GET", path, "").Body
		e.must(204, user, "PUT", path, strings.Replace(is, line(is, "SUMMARY", ""), title, 1))
		for place, body := range map[string]string{"ann's": e.withUID("ann", annsHome+"calendar/", "plan"), "dan's": e.withUID("dan", dansHome+"calendar/", "plan")} {
			if !strings.Contains(body, title) || strings.Contains(body, "SENT-BY") != by {
				t.Errorf("%s after %s: %s", place, user, body)
			}
		}
	}
	e.must(204, "ann", "DELETE", path, "")
	cancels := 0
	for _, item := range e.members("dan", dansHome+"inbox/") {
		if body := e.must(200, "dan", "GET", item, "").Body; strings.Contains(body, "METHOD:CANCEL") {
			if cancels++; strings.Contains(body, "SENT-BY") {
				t.Errorf("ann's cancellation: %s", body)
			}
		}
	}
	if cancels != 1 {
		t.Errorf("%d cancellations", cancels)
	}
}

// What an assistant may not make of the organizer.
func TestAssistantRefused(t *testing.T) {
	e := assisted(t)
	path := annsHome + "calendar/plan.ics"
	e.must(201, "ann", "PUT", path, invitation("plan", "ann"))
	e.must(201, "dan", "PUT", dansHome+"calendar/dans.ics", event("dans", "20260504T120000Z", "ORGANIZER:mailto:dan@example.com", "ATTENDEE:mailto:cy@example.com"))
	for name, tt := range map[string]struct{ path, body, condition string }{
		"takes ann's meeting over":             {path, invitation("plan", "bob"), "valid-organizer-change"},
		"makes an event a meeting of his":      {annEvent, invitation("1", "bob"), "valid-organizer-change"},
		"takes the organizer out":              {path, invitation("plan", ""), "organizer-allowed"},
		"invites to an event, without her":     {annEvent, invitation("1", ""), "organizer-allowed"},
		"brings a meeting ann is not in":       {annsHome + "calendar/dans.ics", event("dans", "20260504T120000Z", "ORGANIZER:mailto:dan@example.com", "ATTENDEE:mailto:cy@example.com"), "attendee-allowed"},
		"brings one from outside, without ann": {annsHome + "calendar/out.ics", event("out", "20260504T120000Z", "ORGANIZER:mailto:x@elsewhere.org", "ATTENDEE:mailto:cy@example.com"), "attendee-allowed"},
	} {
		before := e.members("ann", annsHome+"calendar/")
		if got := e.must(403, "bob", "PUT", tt.path, tt.body); !strings.Contains(got.Body, ":"+tt.condition+" ") && !strings.Contains(got.Body, ":"+tt.condition+"/") {
			t.Errorf("%s: %s, want %s", name, got.Body, tt.condition)
		}
		if after := e.members("ann", annsHome+"calendar/"); len(after) != len(before) {
			t.Errorf("%s: something was stored", name)
		}
	}
}

// An assistant answers for whom they act; their own answer is in their own calendar.
func TestAssistantAnswers(t *testing.T) {
	e := assisted(t)
	e.must(201, "dan", "PUT", dansHome+"calendar/plan.ics", event("plan", "20260504T120000Z", "ORGANIZER:mailto:dan@example.com",
		"ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com"))
	var copyPath string
	for _, path := range e.members("bob", annsHome+"calendar/") {
		if strings.Contains(e.must(200, "bob", "GET", path, "").Body, "UID:plan\r\n") {
			copyPath = path
		}
	}
	is := unfolded(e.must(200, "bob", "GET", copyPath, "").Body)
	for _, who := range []string{"ann", "bob"} { // bob's own line here is not his to change
		l := line(is, "ATTENDEE", who+"@example.com")
		is = strings.Replace(is, l, strings.Replace(strings.Replace(l, ";RSVP=TRUE", "", 1), "ATTENDEE;", "ATTENDEE;PARTSTAT=ACCEPTED;", 1), 1)
	}
	e.must(204, "bob", "PUT", copyPath, is)
	for place, body := range map[string]string{
		"dan's": e.withUID("dan", dansHome+"calendar/", "plan"), "ann's": e.withUID("ann", annsHome+"calendar/", "plan"), "bob's": e.withUID("bob", bobsHome+"calendar/", "plan"),
	} {
		if l := line(body, "ATTENDEE", "ann@example.com"); !strings.Contains(l, "PARTSTAT=ACCEPTED") || strings.Contains(l, "SENT-BY") {
			t.Errorf("ann in %s: %q", place, l)
		}
		if l := line(body, "ATTENDEE", "bob@example.com"); l == "" || strings.Contains(l, "ACCEPTED") {
			t.Errorf("bob in %s: %q", place, l)
		}
	}
	reply := e.must(200, "dan", "GET", e.only("dan", dansHome+"inbox/"), "").Body
	if l := line(reply, "ATTENDEE", "ann@example.com"); !strings.Contains(l, byBob) || !strings.Contains(reply, "METHOD:REPLY") {
		t.Errorf("the reply: %s", reply)
	}
}

// A delegate who was not given the right to schedule changes what is of nobody else,
// and no meetings at all; a reading one does not ask from the outbox either.
func TestAssistantWithoutSchedule(t *testing.T) {
	e := assisted(t, noSchedule)
	e.delegate("ann", "dan", delegation.LevelRead)
	path := annsHome + "calendar/plan.ics"
	e.must(201, "ann", "PUT", path, meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:cy@example.com"))
	before := e.must(200, "ann", "GET", path, "").Body
	e.must(201, "bob", "PUT", annsHome+"calendar/own.ics", event("own", "20260504T120000Z"))
	e.must(204, "bob", "DELETE", annsHome+"calendar/own.ics", "")
	e.must(204, "bob", "PUT", annEvent, event("1", "20260504T130000Z"))
	for _, tt := range []struct{ method, path, body string }{
		{"PUT", annsHome + "calendar/new.ics", invitation("new", "ann")},
		{"PUT", annsHome + "calendar/new.ics", invitation("new", "bob")},
		{"PUT", annsHome + "calendar/new.ics", event("new", "20260504T120000Z", "ORGANIZER:mailto:ann@example.com")},
		{"PUT", annEvent, invitation("1", "ann")},
		{"PUT", path, before}, // which would send nothing
		{"DELETE", path, ""},
		{"POST", annsHome + "outbox/", freebusyRequest("ann", "cy")},
	} {
		got := e.must(403, "bob", tt.method, tt.path, tt.body, "Content-Type: text/calendar")
		if !strings.Contains(got.Body, "need-privileges") || !strings.Contains(got.Body, "/outbox/") || !strings.Contains(got.Body, "schedule-send") {
			t.Errorf("%s %s: %s", tt.method, tt.path, got.Body)
		}
	}
	e.must(403, "dan", "POST", annsHome+"outbox/", freebusyRequest("ann", "cy"), "Content-Type: text/calendar")
	if after := e.must(200, "ann", "GET", path, "").Body; after != before {
		t.Errorf("the meeting has changed: %s", after)
	}
	if n := len(e.members("cy", "/calendars/users/cy/inbox/")); n != 1 {
		t.Errorf("cy has %d messages", n)
	}
}

// freebusyRequest asks in the name of somebody when others are busy.
func freebusyRequest(organizer, attendee string, more ...string) string {
	return strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
METHOD:REQUEST
BEGIN:VFREEBUSY
UID:ask
`+strings.Join(more, "")+`DTSTAMP:20260501T000000Z
DTSTART:20260601T000000Z
DTEND:20260602T000000Z
ORGANIZER:mailto:`+organizer+`@example.com
ATTENDEE:mailto:`+attendee+`@example.com
END:VFREEBUSY
END:VCALENDAR
`, "\n", "\r\n")
}

// Whoever may write but not send changes what sends nothing.
func TestWriterWithoutSchedule(t *testing.T) {
	e := newCompany(t)
	path := annsHome + "calendar/plan.ics"
	e.must(201, "ann", "PUT", path, meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:cy@example.com"))
	e.must(200, "ann", "ACL", annsHome+"calendar/", `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:href>`+principalURL(guid("bob"))+
		`</D:href></D:principal><D:grant><D:privilege><D:read/></D:privilege><D:privilege><D:write/></D:privilege></D:grant></D:ace></D:acl>`)
	is := e.must(200, "bob", "GET", path, "").Body
	e.must(204, "bob", "PUT", path, strings.Replace(is, "END:VEVENT", "X-FOO:1\r\nEND:VEVENT", 1))
	for _, body := range []string{strings.Replace(is, "SUMMARY:plan", "SUMMARY:other", 1), ""} {
		method := "PUT"
		if body == "" {
			method = "DELETE"
		}
		if got := e.must(403, "bob", method, path, body); !strings.Contains(got.Body, "need-privileges") || !strings.Contains(got.Body, "/outbox/") {
			t.Errorf("%s: %s", method, got.Body)
		}
	}
	e.must(403, "bob", "PUT", annsHome+"calendar/new.ics", invitation("new", "bob"))
	e.must(201, "bob", "PUT", annsHome+"calendar/own.ics", event("own", "20260504T120000Z"))
}

// Nobody takes a meeting out of the calendar of whom they act for. What is of the two
// alone may go.
func TestAssistantTakes(t *testing.T) {
	e := assisted(t)
	to := "Destination: " + bobsHome + "calendar/"
	e.must(201, "ann", "PUT", annsHome+"calendar/plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:dan@example.com"))
	e.must(201, "ann", "PUT", annsHome+"calendar/alone.ics", event("alone", "20260504T120000Z", "ORGANIZER:mailto:ann@example.com"))
	e.must(201, "ann", "PUT", annsHome+"calendar/bare.ics", event("bare", "20260504T120000Z", "ATTENDEE:mailto:dan@example.com"))
	e.must(201, "dan", "PUT", dansHome+"calendar/dans.ics", event("dans", "20260504T120000Z", "ORGANIZER:mailto:dan@example.com", "ATTENDEE:mailto:ann@example.com"))
	invited := ""
	for _, path := range e.members("ann", annsHome+"calendar/") {
		if strings.Contains(e.must(200, "ann", "GET", path, "").Body, "UID:dans\r\n") {
			invited = path
		}
	}
	for _, path := range []string{annsHome + "calendar/plan.ics", annsHome + "calendar/bare.ics", invited} {
		for _, method := range []string{"MOVE", "COPY"} {
			if got := e.must(403, "bob", method, path, "", to+"taken.ics"); !strings.Contains(got.Body, "valid-organizer-change") {
				t.Errorf("%s %s: %s", method, path, got.Body)
			}
			e.must(200, "ann", "GET", path, "")
		}
	}
	e.must(404, "bob", "GET", bobsHome+"calendar/taken.ics", "")
	e.must(201, "bob", "COPY", annEvent, "", to+"copied.ics")
	e.must(201, "bob", "MOVE", annsHome+"calendar/alone.ics", "", to+"alone.ics")
	e.must(404, "ann", "GET", annsHome+"calendar/alone.ics", "")
	got := e.must(200, "bob", "GET", bobsHome+"calendar/alone.ics", "")
	if strings.Contains(got.Body, "ORGANIZER") || got.Header.Get("Schedule-Tag") != "" {
		t.Errorf("what bob has taken: %s", got.Body)
	}
	if n := len(e.members("dan", dansHome+"inbox/")); n != 1 {
		t.Errorf("dan has %d messages", n)
	}
}

// A SENT-BY of somebody else is not stored, and the audit log has it.
func TestClaimedSentBy(t *testing.T) {
	e := assisted(t)
	log := audittest.Open(t)
	e.h.Audit = audit.NewAccesses(log.Log, e.h.Now)
	path := annsHome + "calendar/plan.ics"
	data := strings.Replace(invitation("plan", "ann"), "ORGANIZER:", `ORGANIZER;SENT-BY="mailto:cy@example.com":`, 1)
	e.must(201, "bob", "PUT", path, data)
	if l := line(e.must(200, "ann", "GET", path, "").Body, "ORGANIZER", ""); !strings.Contains(l, byBob) {
		t.Errorf("stored: %s", l)
	}
	want := `calendar.write bob ann >{"method":"PUT","status":201,"claimedSentBy":"mailto:cy@example.com"} done`
	if got := log.Acts(); len(got) != 1 || got[0] != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	e.must(204, "bob", "PUT", path, strings.Replace(data, "cy@", "bob@", 1))
	if got := log.Acts(); len(got) != 1 {
		t.Errorf("recorded %q", got)
	}
}

// An assistant who asks from the outbox of whom they act for is told what that person
// may know as a delegate, besides what they know themselves; nothing of private events.
func TestAssistantAsksExtended(t *testing.T) {
	const ext = "X-CALENDARSERVER-EXTENDED-FREEBUSY:T\n"
	e := assisted(t)
	e.must(201, "cy", "PUT", "/calendars/users/cy/calendar/a.ics", event("salary", "20260601T100000Z", "DESCRIPTION:secret"))
	e.must(201, "cy", "PUT", "/calendars/users/cy/calendar/b.ics", event("hidden", "20260601T120000Z", "CLASS:PRIVATE"))
	ask := func(user, organizer string, more ...string) string {
		return unfolded(e.must(200, user, "POST", "/calendars/users/"+organizer+"/outbox/", freebusyRequest(organizer, "cy", more...), "Content-Type: text/calendar").Body)
	}
	if got := ask("bob", "ann", ext); strings.Contains(got, "SUMMARY") || !strings.Contains(got, "FREEBUSY") {
		t.Errorf("nobody is a delegate of cy: %s", got)
	}
	e.delegate("cy", "ann", delegation.LevelRead)
	for _, user := range []string{"ann", "bob"} {
		got := ask(user, "ann", ext)
		if !strings.Contains(got, "SUMMARY:salary") || strings.Contains(got, "hidden") || strings.Contains(got, "DESCRIPTION") {
			t.Errorf("%s asks for ann, a delegate of cy: %s", user, got)
		}
	}
	if got := ask("bob", "ann"); strings.Contains(got, "SUMMARY") {
		t.Errorf("not asked for: %s", got)
	}
	if got := ask("bob", "bob", ext); strings.Contains(got, "SUMMARY") {
		t.Errorf("bob asks for himself: %s", got)
	}
}

// RFC 6638 §11.2, §11.3: what an inbox takes, and whether it says when its owner is
// busy, is a matter of in whose name it is asked, whoever has signed in.
func TestInboxAsksWhoInvites(t *testing.T) {
	for _, tt := range []struct {
		denied       string
		status, busy string
	}{
		{"ann", "SCHEDULE-STATUS=3.8", "3.8 recipient-permissions"},
		{"bob", "SCHEDULE-STATUS=1.2", "2.0"},
	} {
		e := assisted(t)
		e.setACL("dan", dansHome+"inbox/", "deny schedule-deliver "+tt.denied)
		e.must(201, "bob", "PUT", annsHome+"calendar/m.ics", invitation("m", "ann"))
		if l := line(e.withUID("ann", annsHome+"calendar/", "m"), "ATTENDEE", "dan@"); !strings.Contains(l, tt.status) {
			t.Errorf("%s denied: %q, want %s", tt.denied, l, tt.status)
		}
		if got := e.withUID("dan", dansHome+"inbox/", "m") != ""; got != (tt.denied == "bob") {
			t.Errorf("%s denied: delivered %t", tt.denied, got)
		}
		if got := summaries(e.ask("bob", busyRequest([]string{"mailto:dan@example.com"}))); !strings.HasPrefix(got, tt.busy) {
			t.Errorf("%s denied: busy %q, want %q", tt.denied, got, tt.busy)
		}
	}
}
