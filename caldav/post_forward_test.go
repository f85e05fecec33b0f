package caldav_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// message is a message about one event, as it is put into an outbox.
func message(method, uid, start string, lines ...string) string {
	data := strings.Replace(event(uid, start, lines...), "VERSION:2.0", "VERSION:2.0\r\nMETHOD:"+method, 1)
	return data
}

// RFC 5546 §3.2.7, §3.2.8: an attendee proposes another time by their outbox, the
// organizer is told, and says no by theirs.
func TestCounter(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
	const bobsOutbox = "/calendars/users/bob/outbox/"
	proposal := message("COUNTER", "plan", "20260504T150000Z", "ORGANIZER:mailto:ann@example.com",
		"ATTENDEE;PARTSTAT=TENTATIVE;SCHEDULE-STATUS=1.2:mailto:bob@example.com", "COMMENT:later")
	got := parseBusy(t, e.must(200, "bob", "POST", bobsOutbox, proposal, "Content-Type: text/calendar").Body)
	if len(got) != 1 || got[0].Status != "1.2;Delivered" || got[0].Recipient.Href != "mailto:ann@example.com" {
		t.Fatalf("the answer is %+v", got)
	}
	item := e.must(200, "ann", "GET", e.only("ann", "/calendars/users/ann/inbox/"), "").Body
	for _, want := range []string{"METHOD:COUNTER", "DTSTART:20260504T150000Z", "COMMENT:later"} {
		if !strings.Contains(item, want) {
			t.Errorf("ann's message has no %s: %s", want, item)
		}
	}
	if strings.Contains(item, "SCHEDULE-STATUS") {
		t.Errorf("what is between bob and his server is in ann's message: %s", item)
	}
	copies := map[string]string{"ann": annsMeetings + "plan.ics", "bob": e.only("bob", bobsMeetings), "boss": e.only("boss", "/calendars/users/boss/calendar/")}
	for who, path := range copies {
		text := e.must(200, who, "GET", path, "").Body
		if l := line(text, "ATTENDEE", "bob@"); !strings.Contains(l, "PARTSTAT=TENTATIVE") || !strings.Contains(text, "DTSTART:20260504T120000Z") {
			t.Errorf("bob's line is %q for %s, in %s", l, who, text)
		}
	}
	if found, err := e.h.Calendars.CheckMeetings(context.Background(), false); err != nil || len(found) != 0 {
		t.Errorf("the copies do not agree: %v, %v", found, err)
	}

	refusal := message("DECLINECOUNTER", "plan", "20260504T120000Z", "ORGANIZER:mailto:ann@example.com",
		"ATTENDEE:mailto:bob@example.com", "COMMENT:no")
	got = parseBusy(t, e.must(200, "ann", "POST", "/calendars/users/ann/outbox/", refusal, "Content-Type: text/calendar").Body)
	if len(got) != 1 || got[0].Status != "1.2;Delivered" {
		t.Fatalf("the answer is %+v", got)
	}
	items := e.members("bob", "/calendars/users/bob/inbox/")
	found := false
	for _, path := range items {
		found = found || strings.Contains(e.must(200, "bob", "GET", path, "").Body, "METHOD:DECLINECOUNTER")
	}
	if !found || len(e.members("boss", "/calendars/users/boss/inbox/")) != 1 {
		t.Errorf("bob has %q, without the refusal, or boss has it too", items)
	}
}

// RFC 5546 §3.2.8: a refusal need not say when the meeting is, of one instance or of all.
func TestCounterRefusedInBrief(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "RRULE:FREQ=DAILY;COUNT=3", "ATTENDEE:mailto:bob@example.com"))
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"the series", nil, "DTSTART:20260504T120000Z"},
		{"an instance", []string{"RECURRENCE-ID:20260505T120000Z"}, "DTSTART:20260505T120000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := e.members("bob", "/calendars/users/bob/inbox/")
			refusal := message("DECLINECOUNTER", "plan", "", append(tt.lines, "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com", "COMMENT:no")...)
			for _, name := range []string{"DTSTART", "DTEND", "DURATION"} {
				if l := line(refusal, name, ""); l != "" {
					refusal = strings.Replace(refusal, l+"\r\n", "", 1)
				}
			}
			got := parseBusy(t, e.must(200, "ann", "POST", "/calendars/users/ann/outbox/", refusal, "Content-Type: text/calendar").Body)
			if len(got) != 1 || got[0].Status != "1.2;Delivered" {
				t.Fatalf("the answer is %+v", got)
			}
			items := e.members("bob", "/calendars/users/bob/inbox/")
			for _, path := range items {
				if item := e.must(200, "bob", "GET", path, "").Body; !slices.Contains(before, path) && (!strings.Contains(item, "COMMENT:no") || !strings.Contains(item, tt.want)) {
					t.Errorf("bob has %s", item)
				}
			}
			if len(items) != len(before)+1 {
				t.Errorf("bob has %d messages, had %d", len(items), len(before))
			}
		})
	}
}

// RFC 5546 §3.4.7, §3.4.8: tasks have counter proposals as well.
func TestCounterOfTask(t *testing.T) {
	e := newEnv(t)
	task := func(data string) string {
		return strings.ReplaceAll(strings.ReplaceAll(data, "VEVENT", "VTODO"), "DTEND", "DUE")
	}
	const tasks = "/calendars/users/ann/tasks/"
	e.must(201, "ann", "PUT", tasks+"plan.ics", task(meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com")))
	of := func(method, attendee string) string {
		return task(message(method, "plan", "20260504T150000Z", "ORGANIZER:mailto:ann@example.com", attendee))
	}
	e.must(200, "bob", "POST", "/calendars/users/bob/outbox/", of("COUNTER", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:bob@example.com"), "Content-Type: text/calendar")
	if item := e.must(200, "ann", "GET", e.only("ann", "/calendars/users/ann/inbox/"), "").Body; !strings.Contains(item, "METHOD:COUNTER") || !strings.Contains(item, "BEGIN:VTODO") {
		t.Errorf("ann has %s", item)
	}
	if l := line(e.must(200, "ann", "GET", tasks+"plan.ics", "").Body, "ATTENDEE", "bob@"); !strings.Contains(l, "PARTSTAT=TENTATIVE") {
		t.Errorf("ann's line for bob is %q", l)
	}
	e.must(200, "ann", "POST", "/calendars/users/ann/outbox/", of("DECLINECOUNTER", "ATTENDEE:mailto:bob@example.com"), "Content-Type: text/calendar")
	if n := len(e.members("bob", "/calendars/users/bob/inbox/")); n != 2 {
		t.Errorf("bob has %d messages, want the invitation and the refusal", n)
	}
	event := strings.ReplaceAll(of("COUNTER", "ATTENDEE:mailto:bob@example.com"), "VTODO", "VEVENT")
	if got := e.must(403, "bob", "POST", "/calendars/users/bob/outbox/", event, "Content-Type: text/calendar"); !strings.Contains(got.Body, "valid-scheduling-message") {
		t.Errorf("a proposal of an event for a task: %s", got.Body)
	}
}

// What is no counter proposal of an attendee, or no refusal of an organizer, is
// refused, and nobody is told.
func TestCounterRefused(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	const organizer, bob = "ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:bob@example.com"
	for _, tt := range []struct {
		name, who, method, uid string
		lines                  []string
	}{
		{"of no meeting", "bob", "COUNTER", "other", []string{organizer, bob}},
		{"by who is not invited", "boss", "COUNTER", "plan", []string{organizer, "ATTENDEE:mailto:boss@example.com"}},
		{"by the organizer", "ann", "COUNTER", "plan", []string{organizer, bob}},
		{"without organizer", "bob", "COUNTER", "plan", []string{bob}},
		{"of another organizer", "bob", "COUNTER", "plan", []string{"ORGANIZER:mailto:boss@example.com", bob}},
		{"of an earlier version", "bob", "COUNTER", "plan", []string{organizer, bob, "SEQUENCE:7"}},
		{"of an instance that is none", "bob", "COUNTER", "plan", []string{organizer, bob, "RECURRENCE-ID:20260601T120000Z"}},
		{"refusal by an attendee", "bob", "DECLINECOUNTER", "plan", []string{organizer, bob}},
		{"refusal to nobody", "ann", "DECLINECOUNTER", "plan", []string{organizer, "ATTENDEE:mailto:boss@example.com"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := fmt.Sprintf("/calendars/users/%s/outbox/", tt.who)
			got := e.must(403, tt.who, "POST", path, message(tt.method, tt.uid, "20260504T150000Z", tt.lines...), "Content-Type: text/calendar")
			if !strings.Contains(got.Body, "valid-scheduling-message") {
				t.Errorf("%s", got.Body)
			}
		})
	}
	if n := len(e.members("ann", "/calendars/users/ann/inbox/")) + len(e.members("bob", "/calendars/users/bob/inbox/")); n != 1 {
		t.Errorf("%d messages, want the invitation alone", n)
	}
}
