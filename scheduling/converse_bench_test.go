package scheduling_test

import (
	"fmt"
	"testing"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/scheduling/schedulingtest"
)

// crowd returns a world with an organizer, and the text of a meeting with n
// attendees.
func crowd(b *testing.B, n int) (*schedulingtest.World, *ical.Object) {
	names := []string{"O"}
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T080000Z\r\n" +
		"DTSTART:20260105T090000Z\r\nDTEND:20260105T100000Z\r\nSUMMARY:Plan\r\nORGANIZER:urn:x-uid:O\r\nATTENDEE;PARTSTAT=ACCEPTED:urn:x-uid:O\r\n"
	for i := range n {
		name := fmt.Sprintf("A%02d", i)
		names = append(names, name)
		text += "ATTENDEE;PARTSTAT=NEEDS-ACTION:urn:x-uid:" + name + "\r\n"
	}
	o, err := schedulingtest.Parse(text + "END:VEVENT\r\nEND:VCALENDAR\r\n")
	if err != nil {
		b.Fatal(err)
	}
	return schedulingtest.New(names...), o
}

// plan decides about a change of one person.
func plan(b *testing.B, w *schedulingtest.World, who string, o *ical.Object) *scheduling.Plan {
	owner, err := w.Party(scheduling.CanonicalAddress(who))
	if err != nil {
		b.Fatal(err)
	}
	old, err := w.Copy(who, "u")
	if err != nil {
		b.Fatal(err)
	}
	p, err := scheduling.Decide(scheduling.Change{Owner: owner, Old: old, New: o, Now: w.Now, Options: w.Options}, w)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// converse carries a plan out again and again.
func converse(b *testing.B, w *schedulingtest.World, p *scheduling.Plan, copies int) {
	b.ReportAllocs()
	for b.Loop() {
		writes, err := scheduling.Converse(p, w, w.Options)
		if err != nil {
			b.Fatal(err)
		}
		if len(writes.Copies) != copies {
			b.Fatalf("%d copies are written, not %d", len(writes.Copies), copies)
		}
	}
}

// An invitation of 20 who have no copy yet.
func BenchmarkConverseInvitation(b *testing.B) {
	w, o := crowd(b, 20)
	converse(b, w, plan(b, w, "O", o), 20)
}

// An update for 20 whose copies are alike.
func BenchmarkConverseUpdate(b *testing.B) {
	w, o := crowd(b, 20)
	if _, err := w.Change("O", "u", scheduling.Change{New: o}); err != nil {
		b.Fatal(err)
	}
	cal := w.Homes["O"].Objects["u"].Data.Calendar.Clone()
	cal.Child("VEVENT").SetValue("SUMMARY", "New")
	changed, err := ical.NewObject(cal)
	if err != nil {
		b.Fatal(err)
	}
	converse(b, w, plan(b, w, "O", changed), 20)
}

// An answer of one of 20, which the 19 others are told of.
func BenchmarkConverseReply(b *testing.B) {
	w, o := crowd(b, 20)
	if _, err := w.Change("O", "u", scheduling.Change{New: o}); err != nil {
		b.Fatal(err)
	}
	cal := w.Homes["A07"].Objects["u"].Data.Calendar.Clone()
	for _, p := range cal.Child("VEVENT").AllProps("ATTENDEE") {
		if p.Value == "urn:x-uid:A07" {
			p.SetParam("PARTSTAT", "ACCEPTED")
		}
	}
	changed, err := ical.NewObject(cal)
	if err != nil {
		b.Fatal(err)
	}
	converse(b, w, plan(b, w, "A07", changed), 20)
}
