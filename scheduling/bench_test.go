package scheduling

import (
	"fmt"
	"strings"
	"testing"

	"convene/internal/ical"
)

// crowd returns a world with many people, and ATTENDEE lines for them.
func crowd(n int, stat string) (Parties, string) {
	parties := company()
	var lines []string
	for i := range n {
		guid := fmt.Sprintf("8b0c2a9e-0000-4000-8000-%012d", i)
		email := fmt.Sprintf("person%d@example.com", i)
		p := &Party{Address: CanonicalAddress(guid), GUID: guid, Kind: Person, CN: fmt.Sprintf("Person %d", i), Emails: []string{email}}
		parties[p.Address], parties["mailto:"+email] = p, p
		lines = append(lines, fmt.Sprintf("ATTENDEE;CN=Person %d;EMAIL=%s;PARTSTAT=%s;RSVP=TRUE;SCHEDULE-STATUS=1.2:%s", i, email, stat, p.Address))
	}
	return parties, strings.Join(lines, "\n")
}

func benchmarkDecide(b *testing.B, old, new *ical.Object, parties Parties, messages int) {
	c := Change{Owner: parties["urn:x-uid:o"], Old: old, New: new, Now: now, Options: DefaultOptions()}
	b.ReportAllocs()
	for b.Loop() {
		p, err := Decide(c, mapWorld{parties})
		if err != nil || len(p.Messages) != messages {
			b.Fatal(err, len(p.Messages))
		}
	}
}

// BenchmarkDecide is what the organizer's changes cost by the number of attendees.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{20, 500} {
		parties, lines := crowd(n, "ACCEPTED")
		stored := event(week, byO, lines)
		read := string(Wire(parse(b, stored).Calendar, MailAddresses).Append(nil))
		read = strings.TrimSuffix(strings.SplitAfterN(strings.ReplaceAll(read, "\r\n", "\n"), "PRODID:-//test//EN\n", 2)[1], "END:VCALENDAR\n")
		for _, bb := range []struct {
			name     string
			old, new string
			messages int
		}{
			{"create", "", read, 1},
			{"same", stored, read, 0},
			{"summary", stored, strings.Replace(read, "SUMMARY:S", "SUMMARY:T", 1), 1},
			{"time", stored, strings.Replace(read, "T100000Z", "T110000Z", 1), 1},
			{"delete", stored, "", n},
		} {
			b.Run(fmt.Sprintf("%s/%d", bb.name, n), func(b *testing.B) {
				benchmarkDecide(b, parse(b, bb.old), parse(b, bb.new), parties, bb.messages)
			})
		}
	}
}
