package imip_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"convene/imip"
	"convene/internal/ical"
	"convene/scheduling"
)

// A sender whose address is none has no letter, whatever the calendar data say of them; so
// has a recipient.
func TestNoAddressIsInjected(t *testing.T) {
	for _, bad := range []string{
		"ann@example.com\nBcc: evil@example.com", "ann@example.com>, <evil@example.com", "ann@example.com,evil@example.com",
		"=?utf-8?q?ann=40example.com?=", "ann@example.com?bcc=evil", "ann @example.com", "änn@example.com", strings.Repeat("a", 250) + "@example.com",
	} {
		o := object(t, event("SUMMARY:x"))
		o.Master.Prop("ORGANIZER").SetParam("EMAIL", bad)
		if l, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: ann, Data: o}, guest); !errors.Is(err, imip.ErrNoMailbox) {
			t.Errorf("EMAIL %q: %+v, %v", bad, l, err)
		}
		to := &scheduling.Party{Address: "mailto:" + bad, Kind: scheduling.External}
		if l, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: ann, Data: object(t, event("SUMMARY:x"))}, to); !errors.Is(err, imip.ErrNoMailbox) {
			t.Errorf("to %q: %+v, %v", bad, l, err)
		}
		signed := *tom
		signed.Emails = []string{bad}
		l, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: ann, SentBy: &signed, Data: object(t, event("SUMMARY:x"))}, guest)
		if err != nil || l.SentBy != (imip.Mailbox{}) {
			t.Errorf("sent by %q: %+v, %v", bad, l, err)
		}
	}
}

// A meeting of thousands is told of in a mail that can be read: the list of people is cut,
// the calendar part is not.
func TestManyAttendees(t *testing.T) {
	var lines []string
	for i := range 5000 {
		lines = append(lines, fmt.Sprintf("ATTENDEE;CN=Guest %d:mailto:guest%d@elsewhere.example", i, i))
	}
	l := letter(t, scheduling.Request, ann, guest, event(lines...))
	m, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
	if err != nil {
		t.Fatal(err)
	}
	checkMail(t, l, m.Body)
	parts := partsOf(t, m.Body)
	if n := strings.Count(parts[0].body, "@elsewhere.example"); n > 50 || !strings.Contains(parts[0].body, "…") || len(parts[1].body) > 20_000 {
		t.Errorf("%d people in the text, %d bytes of HTML", n, len(parts[1].body))
	}
	if n := strings.Count(parts[2].body, "\r\nATTENDEE"); n < 5000 {
		t.Errorf("%d attendees in the calendar part", n)
	}
}

// Whatever calendar data are stored: there is no letter, or its mail is one mail to one
// recipient.
func FuzzCompose(f *testing.F) {
	for _, lines := range [][]string{
		{"SUMMARY:x\\nBcc: evil@example.com", "LOCATION:=?utf-8?q?x?=", "RRULE:FREQ=WEEKLY;COUNT=3"},
		{"SUMMARY;LANGUAGE=de:ä", "DESCRIPTION:" + strings.Repeat("long ", 300), "URL:javascript:alert(1)"},
		{"RECURRENCE-ID:20260504T100000Z", "SUMMARY:<script>", "ATTENDEE;CN=\"x^nBcc: evil\":mailto:x@example.com"},
	} {
		f.Add([]byte(event(lines...)), uint8(0))
	}
	methods := []scheduling.Method{scheduling.Request, scheduling.Cancel, scheduling.Reply}
	f.Fuzz(func(t *testing.T, data []byte, method uint8) {
		cal, err := ical.Decode(data, ical.DefaultLimits)
		if err != nil {
			return
		}
		o, err := ical.NewObject(cal)
		if err != nil || o.Kind != "VEVENT" && o.Kind != "VTODO" || o.Master == nil && len(o.Overrides) == 0 {
			return
		}
		m := &scheduling.Message{Method: methods[int(method)%len(methods)], From: ann, SentBy: tom, Data: o}
		l, err := imip.NewLetter(m, guest)
		if err != nil {
			return
		}
		mail, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
		if err != nil {
			return
		}
		checkMail(t, l, mail.Body)
	})
}
