package scheduling

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"convene/internal/ical"
)

// A roll says of each what is said of them alone.
func TestRoll(t *testing.T) {
	guid := func(n int) string { return fmt.Sprintf("11111111-0000-0000-0000-%012d", n) }
	rapid.Check(t, func(t *rapid.T) {
		lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"}
		kind := rapid.SampledFrom([]string{"VEVENT", "VJOURNAL"}).Draw(t, "kind")
		organizer := rapid.SampledFrom([]string{"", "ORGANIZER:mailto:gus@elsewhere.example", "ORGANIZER:urn:x-uid:" + guid(0), "ORGANIZER;EMAIL=1@example.com:urn:x-uid:" + guid(1)}).Draw(t, "organizer")
		for i := range rapid.IntRange(1, 3).Draw(t, "components") {
			lines = append(lines, "BEGIN:"+kind, "UID:u", "DTSTAMP:20260101T000000Z", fmt.Sprintf("DTSTART:2026010%dT000000Z", i+1))
			if i > 0 {
				lines = append(lines, fmt.Sprintf("RECURRENCE-ID:2026010%dT000000Z", i+1))
			}
			if organizer != "" {
				lines = append(lines, organizer)
			}
			for range rapid.IntRange(0, 4).Draw(t, "attendees") {
				agent := rapid.SampledFrom([]string{"", ";SCHEDULE-AGENT=CLIENT", ";SCHEDULE-AGENT=server"}).Draw(t, "agent")
				email := rapid.SampledFrom([]string{"", ";EMAIL=1@example.com", ";EMAIL=2@example.com"}).Draw(t, "email")
				lines = append(lines, "ATTENDEE"+agent+email+":urn:x-uid:"+guid(rapid.IntRange(0, 2).Draw(t, "who")))
			}
			lines = append(lines, "END:"+kind)
		}
		cal, err := ical.Decode([]byte(strings.Join(append(lines, "END:VCALENDAR", ""), "\r\n")), ical.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		o, err := ical.NewObject(cal)
		if err != nil {
			t.Skip(err) // this draw is no object; rapid makes another, and the test goes on
		}
		r := NewRoll(o)
		for n := range 4 {
			if got, want := r.Role(guid(n)), RoleOf(o, guid(n)); got != want {
				t.Errorf("%d: %v, want %v", n, got, want)
			}
			for _, emails := range [][]string{nil, {"1@example.com"}, {"2@example.com", "1@example.com"}} {
				p := &Party{Address: CanonicalAddress(guid(n)), GUID: guid(n), Kind: Person, Emails: emails}
				got, want := r.Present(p), Present(o, p, "")
				if (got == o) != (want == o) || string(got.Calendar.Append(nil)) != string(want.Calendar.Append(nil)) {
					t.Errorf("%d with %v:\n%s\nwant\n%s", n, emails, got.Calendar.Append(nil), want.Calendar.Append(nil))
				}
			}
		}
	})
}
