package scheduling

import (
	"strings"
	"testing"

	"convene/internal/ical"
)

// invitation is a meeting of an organizer elsewhere with A and B; more are further lines.
func invitation(more ...string) string {
	return strings.Join(append([]string{"BEGIN:VEVENT", "UID:u", "DTSTAMP:20240301T120000Z", "DTSTART:20240304T090000Z", "DTEND:20240304T100000Z",
		"ORGANIZER:mailto:x@elsewhere.org", "ATTENDEE:urn:x-uid:a", "ATTENDEE:urn:x-uid:b"}, more...), "\n") + "\nEND:VEVENT"
}

// replied is what the attendee X says to organizer O.
func replied(more ...string) string {
	return strings.Join(append([]string{"BEGIN:VEVENT", "UID:u", "DTSTAMP:20240301T120000Z", "DTSTART:20240304T090000Z",
		"ORGANIZER:urn:x-uid:o"}, more...), "\n") + "\nEND:VEVENT"
}

// Messages from elsewhere may be late, twice, or about nothing (RFC 5546 §2.1.5,
// §3.2).
func TestReceiveMail(t *testing.T) {
	people := company()
	a, o, x := people["urn:x-uid:a"], people["urn:x-uid:o"], people["mailto:x@elsewhere.org"]
	accepted := strings.Replace(invitation("SUMMARY:Plan", "SEQUENCE:2"), "ATTENDEE:urn:x-uid:a", "ATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:a", 1)
	later := strings.Replace(invitation("SUMMARY:Plan", "SEQUENCE:3"), "DTSTART:20240304T09", "DTSTART:20240304T08", 1)
	mine := replied("ATTENDEE;X-CALENDARSERVER-RESET-PARTSTAT=4:mailto:x@elsewhere.org", "ATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:a", "SEQUENCE:4")
	for _, tt := range []struct {
		name            string
		method          Method
		from, to        *Party
		stored, message string
		same            bool
		has, lacks      string // in the copy
		inbox           Action // 0: nothing
		status          string
	}{
		{"new", Request, x, a, "", invitation(), false, "TRANSP:TRANSPARENT", "METHOD", Created, "1.2"},
		{"an answer that crossed it stays", Request, x, a, accepted, invitation("SUMMARY:New", "SEQUENCE:3"), false, "PARTSTAT=ACCEPTED:urn:x-uid:a", "Plan", Updated, "1.2"},
		{"but not at another time", Request, x, a, accepted, later, false, "TRANSP:TRANSPARENT", "PARTSTAT=ACCEPTED", Updated, "1.2"},
		{"too old", Request, x, a, accepted, invitation("SUMMARY:New", "SEQUENCE:1"), true, "", "", 0, "1.2"},
		{"another organizer", Request, x, a, strings.Replace(invitation(), "mailto:x@elsewhere.org", "urn:x-uid:o", 1), invitation(), true, "", "", 0, "5.3"},
		{"cancelled", Cancel, x, a, accepted, invitation("SEQUENCE:3"), false, "STATUS:CANCELLED", "SEQUENCE:2", Cancelled, "1.2"},
		{"cancelled, too old", Cancel, x, a, accepted, invitation("SEQUENCE:1"), true, "", "", 0, "1.2"},
		{"cancelled, unknown", Cancel, x, a, "", invitation(), true, "", "", 0, "1.2"},
		{"reply", Reply, x, o, mine, replied("ATTENDEE;PARTSTAT=ACCEPTED:mailto:X@elsewhere.org", "SEQUENCE:4"), false, "PARTSTAT=ACCEPTED;SCHEDULE-STATUS=2.0:mailto:x@elsewhere.org", "", Replied, "1.2"},
		{"reply that leaves it open", Reply, x, o, mine, replied("ATTENDEE:mailto:x@elsewhere.org", "SEQUENCE:4"), false, "PARTSTAT=NEEDS-ACTION;SCHEDULE-STATUS=2.0:mailto:x@elsewhere.org", "", Replied, "1.2"},
		{"reply to what was before", Reply, x, o, mine, replied("ATTENDEE;PARTSTAT=ACCEPTED:mailto:x@elsewhere.org", "SEQUENCE:3"), false, "", "PARTSTAT=ACCEPTED;SCHEDULE", Replied, "1.2"},
		{"reply for another", Reply, x, o, mine, replied("ATTENDEE;PARTSTAT=DECLINED:urn:x-uid:a"), true, "", "", 0, "1.2"},
		{"reply for two", Reply, x, o, mine, replied("ATTENDEE:mailto:x@elsewhere.org", "ATTENDEE:urn:x-uid:a"), true, "", "", 0, "1.2"},
		{"reply of a stranger", Reply, x, o, replied("ATTENDEE:urn:x-uid:a"), replied("ATTENDEE;PARTSTAT=ACCEPTED:mailto:x@elsewhere.org"), true, "", "", 0, "1.2"},
		{"reply to nothing", Reply, x, o, "", replied("ATTENDEE:mailto:x@elsewhere.org"), true, "", "", 0, "1.2"},
		{"status of a reply", Reply, x, o, mine, replied("ATTENDEE:mailto:x@elsewhere.org", "REQUEST-STATUS:2.8;Success", "REQUEST-STATUS:3.1;No"), false, `SCHEDULE-STATUS="2.8,3.1"`, "", Replied, "1.2"},
		{"counter", Counter, x, o, mine, replied("ATTENDEE;PARTSTAT=TENTATIVE:mailto:x@elsewhere.org", "SEQUENCE:4", "SUMMARY:Other"), false, "PARTSTAT=TENTATIVE:mailto", "SUMMARY:Other", Replied, "1.2"},
		{"counter refused", DeclineCounter, x, a, accepted, invitation("SEQUENCE:2"), true, "", "", Updated, "1.2"},
		{"unknown method", "PUBLISH", x, a, accepted, invitation(), true, "", "", 0, "5.0"},
	} {
		m := &Message{Method: tt.method, From: tt.from, To: []*Party{tt.to}, Data: parse(t, tt.message)}
		got, err := Receive(m, tt.to, parse(t, tt.stored), DefaultOptions())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got.Same != tt.same || got.Inbox != (tt.inbox != 0) || got.Status != tt.status || got.Inbox && got.Action != tt.inbox {
			t.Errorf("%s: same %v, inbox %v %s, status %s", tt.name, got.Same, got.Inbox, got.Action, got.Status)
		}
		if tt.same {
			continue
		}
		text := strings.ReplaceAll(string(got.Store.Calendar.Append(nil)), "\r\n ", "")
		if !strings.Contains(text, tt.has) || tt.lacks != "" && strings.Contains(text, tt.lacks) {
			t.Errorf("%s: it is\n%s", tt.name, text)
		}
	}
}

// One who has missed something asks for it, and is sent what they may see
// (RFC 5546 §3.2.4, §3.2.6).
func TestAskAgain(t *testing.T) {
	people := company()
	a, x := people["urn:x-uid:a"], people["mailto:x@elsewhere.org"]
	instance := invitation("RECURRENCE-ID:20240304T090000Z")
	add := &Message{Method: Add, From: x, To: []*Party{a}, Data: parse(t, instance)}
	got, err := Receive(add, a, nil, DefaultOptions())
	if err != nil || got.Answer == nil || got.Answer.Method != AskRefresh {
		t.Fatalf("%+v, %v", got, err)
	}
	stored := parse(t, invitation("RRULE:FREQ=WEEKLY;COUNT=3", "SUMMARY:Plan"))
	if got, err = Receive(add, a, stored, DefaultOptions()); err != nil || got.Store == nil || len(got.Store.Overrides) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	o := people["urn:x-uid:o"]
	ask := &Message{Method: AskRefresh, From: x, To: []*Party{o}, Data: parse(t, replied("ATTENDEE:mailto:x@elsewhere.org"))}
	got, err = Receive(ask, o, parse(t, replied("ATTENDEE:mailto:x@elsewhere.org", "SUMMARY:Plan", "X-SECRET:1")), DefaultOptions())
	if err != nil || got.Answer == nil {
		t.Fatalf("%+v, %v", got, err)
	}
	if text := string(got.Answer.Body().Append(nil)); !strings.Contains(text, "METHOD:REQUEST") || !strings.Contains(text, "Plan") || strings.Contains(text, "SECRET") {
		t.Errorf("sent:\n%s", text)
	}
}

// A message that comes twice does what it did the first time.
func TestReceiveTwice(t *testing.T) {
	a := company()["urn:x-uid:a"]
	o := company()["urn:x-uid:o"]
	series := strings.ReplaceAll(invitation("RRULE:FREQ=WEEKLY;COUNT=3", "EXDATE:20240311T090000Z"), "mailto:x@elsewhere.org", "urn:x-uid:o")
	one := strings.ReplaceAll(invitation("RECURRENCE-ID:20240318T090000Z", "SEQUENCE:1", "SUMMARY:One"), "mailto:x@elsewhere.org", "urn:x-uid:o")
	var stored *ical.Object
	for _, tt := range []struct {
		method Method
		data   string
	}{{Request, series}, {Request, series + "\n" + one}, {Request, one}, {Cancel, one}, {Request, series + "\n" + one}} {
		m := &Message{Method: tt.method, From: o, To: []*Party{a}, Data: parse(t, tt.data)}
		for again := range 2 {
			got, err := Receive(m, a, stored, DefaultOptions())
			if err != nil {
				t.Fatal(err)
			}
			if again == 1 && !got.Same {
				t.Errorf("%s again:\n%s\nwas\n%s", tt.method, got.Store.Calendar.Append(nil), stored.Calendar.Append(nil))
			}
			if !got.Same {
				stored = got.Store
			}
		}
	}
}
