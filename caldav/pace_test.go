package caldav_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"convene/caldav"
)

// paced starts a handler that lets everybody send so many messages in an hour.
func paced(t *testing.T, perHour int) *env {
	e := newEnv(t)
	e.perHour = perHour
	e.handle(caldav.DefaultLimits())
	return e
}

// Who sends invitations as fast as they can is held back: nothing is written, others and
// what is no meeting go on, and after a while so does the sender.
func TestPace(t *testing.T) {
	e := paced(t, 20)
	plan := func(n int) string { return fmt.Sprintf("%splan%d.ics", annsMeetings, n) }
	invite := func(n int) answer {
		return e.do("ann", "PUT", plan(n), meeting(fmt.Sprintf("plan%d", n), "20260504T120000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
	}
	sent := 0
	for ; sent < 100; sent++ {
		if a := invite(sent); a.Status != 201 {
			wait, err := strconv.Atoi(a.Header.Get("Retry-After"))
			if a.Status != 429 || err != nil || wait < 1 || wait > 3600 {
				t.Fatalf("after %d: %d, Retry-After %q: %s", sent, a.Status, a.Header.Get("Retry-After"), a.Body)
			}
			break
		}
	}
	if sent != 10 {
		t.Fatalf("%d invitations of two were sent, want 10", sent)
	}
	inbox := "/calendars/users/bob/inbox/"
	if n := len(e.members("bob", inbox)); n != sent {
		t.Errorf("bob has %d messages", n)
	}
	e.must(404, "ann", "GET", plan(sent), "")
	e.must(429, "ann", "DELETE", plan(0), "")
	e.must(200, "ann", "GET", plan(0), "")
	e.must(201, "ann", "PUT", annsMeetings+"alone.ics", event("alone", "20260504T120000Z"))
	e.must(204, "ann", "PUT", plan(0), e.must(200, "ann", "GET", plan(0), "").Body) // which sends nothing

	for _, path := range e.members("bob", bobsMeetings)[:5] {
		is := unfolded(e.must(200, "bob", "GET", path, "").Body)
		e.must(204, "bob", "PUT", path, strings.Replace(is, "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1))
	}
	if n := len(e.members("ann", "/calendars/users/ann/inbox/")); n != 5 {
		t.Errorf("ann has %d answers", n)
	}

	e.now = e.now.Add(6 * time.Minute) // a tenth of an hour: two messages
	if a := invite(sent); a.Status != 201 {
		t.Errorf("later: %d %s", a.Status, a.Body)
	}
	if a := invite(sent + 1); a.Status != 429 {
		t.Errorf("and once more: %d", a.Status)
	}
	e.now = e.now.Add(time.Hour)
	for n := range 10 {
		if a := invite(sent + 1 + n); a.Status != 201 {
			t.Errorf("an hour later, %d: %d %s", n, a.Status, a.Body)
		}
	}
}

// One meeting with more attendees than that is sent, and the next waits for longer. A
// message that is refused for the sender's pace is not one that was sent.
func TestPaceOfLargeMeeting(t *testing.T) {
	e := paced(t, 1)
	many := meeting("many", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com", "ATTENDEE:mailto:auditor@example.com")
	e.must(201, "ann", "PUT", annsMeetings+"many.ics", many)
	a := e.must(429, "ann", "DELETE", annsMeetings+"many.ics", "")
	if a.Header.Get("Retry-After") != "10800" {
		t.Errorf("Retry-After: %s", a.Header.Get("Retry-After"))
	}
	e.now = e.now.Add(3 * time.Hour)
	e.must(204, "ann", "DELETE", annsMeetings+"many.ics", "")
}

// What an assistant sends is theirs, whomever they act for.
func TestPaceOfAssistant(t *testing.T) {
	e := assisted(t)
	e.perHour = 1
	e.handle(caldav.DefaultLimits())
	e.must(201, "bob", "PUT", annsHome+"calendar/first.ics", invitation("first", "ann"))
	e.must(429, "bob", "PUT", annsHome+"calendar/second.ics", invitation("second", "ann"))
	e.must(201, "ann", "PUT", annsHome+"calendar/second.ics", invitation("second", "ann"))
}
