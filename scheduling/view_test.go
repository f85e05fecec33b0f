package scheduling

import (
	"strings"
	"testing"

	"convene/internal/ical"
)

// What others get to see, word by word.
func TestMessages(t *testing.T) {
	const zone = "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
	const local = "DTSTART;TZID=Own:20240401T090000\nDTEND;TZID=Own:20240401T100000\nSUMMARY:S\nRRULE:FREQ=WEEKLY;COUNT=6"
	for _, tt := range []struct{ name, given, put, to, want string }{
		{"nothing private goes out", "",
			event(at9, "ORGANIZER;SCHEDULE-AGENT=SERVER;CN=O;EMAIL=o@example.com:urn:x-uid:o", att("a;X-FOO=1;SCHEDULE-STATUS=1.2"), "X-FOO:1", "X-APPLE-STRUCTURED-LOCATION:geo:1,2",
				"X-CALENDARSERVER-ATTENDEE-COMMENT:secret", "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT5M\nEND:VALARM"), "a",
			"METHOD:REQUEST\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\n" + at9 + "\n" + byO + "\n" + att("a") + "\nX-APPLE-STRUCTURED-LOCATION:geo:1,2\nEND:VEVENT\n"},
		{"who is not in an override does not see it", "",
			zone + event(local, byO, att("a b")) + event("RECURRENCE-ID;TZID=Own:20240408T090000", "DTSTART;TZID=Own:20240408T120000", byO, att("a")), "b",
			"METHOD:REQUEST\n" + zone + "BEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\n" + local + "\n" + byO + "\n" + att("a b") + "\nEXDATE:20240408T060000Z\nEND:VEVENT\n"},
		{"who is in an override alone sees that", "",
			zone + event(week, byO, att("a")) + event(on(second), byO, att("a c")), "c",
			"METHOD:REQUEST\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\n" + on(second) + "\n" + byO + "\n" + att("a c") + "\nEND:VEVENT\n"},
		{"a cancelled series", zone + event(local, "SEQUENCE:2", byO, att("a=ACCEPTED;SCHEDULE-STATUS=2.0 b"), "DESCRIPTION:D"), "", "a",
			"METHOD:CANCEL\n" + zone + "BEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\nSEQUENCE:4\n" + local + "\n" + byO + "\n" + att("a=ACCEPTED") + "\nEND:VEVENT\n"},
		{"a cancelled instance", zone + event(local, byO, att("a b")), zone + event(local, byO, att("a b"), "EXDATE;TZID=Own:20240408T090000"), "b",
			"METHOD:CANCEL\n" + zone + "BEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\nSEQUENCE:1\nRECURRENCE-ID:20240408T060000Z\n" +
				"DTSTART;TZID=Own:20240408T090000\nDTEND;TZID=Own:20240408T100000\nSUMMARY:S\n" + byO + "\n" + att("b") + "\nEND:VEVENT\n"},
		{"an override that is gone", event(week, byO, att("a=ACCEPTED")) + event(on(second), byO, att("a=ACCEPTED"), "LOCATION:L"), event(week, byO, att("a=ACCEPTED")), "a",
			"METHOD:REQUEST\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20240301T120000Z\nDTSTART:20240408T090000Z\nDTEND:20240408T100000Z\nSUMMARY:S\n" + byO + "\n" + att("a=ACCEPTED") +
				"\nSEQUENCE:1\nRECURRENCE-ID:20240408T090000Z\nEND:VEVENT\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := decide(parse(t, tt.given), parse(t, tt.put), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := "no message"
			for i := len(p.Messages) - 1; i >= 0; i-- { // the first to them
				for _, to := range p.Messages[i].To {
					if to.GUID == tt.to {
						got = strings.ReplaceAll(strings.ReplaceAll(string(p.Messages[i].Body().Append(nil)), "\r\n ", ""), "\r\n", "\n")
					}
				}
			}
			want := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//convene//scheduling//EN\n" + tt.want + "END:VCALENDAR\n"
			if strings.Contains(want, "METHOD:REQUEST") { // who has not answered is asked
				want = strings.ReplaceAll(want, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=NEEDS-ACTION;RSVP=TRUE")
			}
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Where nothing can be delivered, the organizer is told why.
func TestStatuses(t *testing.T) {
	p, err := decide(nil, parse(t, event(at9, byO, "ATTENDEE:mailto:nobody@example.com\nATTENDEE:mailto:d@example.com\nATTENDEE:mailto:g@example.com", att("a"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"mailto:nobody@example.com": "3.7", "urn:x-uid:d": "3.7", "urn:x-uid:g": "2.7", "urn:x-uid:a": ""} {
		if got := p.Statuses[address]; got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	if got := summary(p); got != "REQUEST a b c [all]" {
		t.Errorf("messages %q", got)
	}
	stored := text(WithStatuses(p.Store, RoleOrganizer, p.Statuses))
	for _, want := range []string{"SCHEDULE-STATUS=3.7:mailto:nobody@example.com", "SCHEDULE-STATUS=2.7:urn:x-uid:g"} {
		if !strings.Contains(stored, want) {
			t.Errorf("without %s:\n%s", want, stored)
		}
	}
	if o := WithStatuses(p.Store, RoleAttendee, map[string]string{"urn:x-uid:o": "1.2"}); organizerOf(o).Param("SCHEDULE-STATUS") != "1.2" || organizerOf(p.Store).Has("SCHEDULE-STATUS") {
		t.Error("the organizer's status is not where it ought to be")
	}
}

// What changed is said by instance, property and parameter, to each of what they see.
func TestChanged(t *testing.T) {
	given := event(week, byO, att("a b=ACCEPTED")) + event(on(second), byO, att("a"))
	put := event(strings.Replace(week, "SUMMARY:S", "SUMMARY:T", 1), byO, att("a b=ACCEPTED")) + event(on(second), byO, att("a"), "LOCATION:L")
	p, err := decide(parse(t, given), parse(t, put), nil)
	if err != nil {
		t.Fatal(err)
	}
	at, err := ical.ParseDateTime(second, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Messages {
		m := &p.Messages[i]
		_, override := m.Changed[at]
		if _, summary := m.Changed[master]["SUMMARY"]; !summary || override != (m.To[0].GUID == "a") {
			t.Errorf("%s is told %v", m.To[0].GUID, m.Changed)
		}
	}
	if len(p.Messages) != 2 {
		t.Errorf("messages %s", summary(p))
	}
}
