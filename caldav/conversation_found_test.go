package caldav_test

import (
	"context"
	"strings"
	"testing"

	"convene/internal/engine/enginetest"
	"convene/store"
)

// agree fails unless all copies of meetings, and the ledgers of rooms, agree.
func (e *env) agree(when string) {
	e.t.Helper()
	found, err := e.h.Calendars.CheckMeetings(context.Background(), false)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, p := range found {
		e.t.Errorf("%s: %+v", when, p)
	}
	e.checkRooms()
}

// The room's copy says what the organizer's says of the room, whatever is left of the
// meeting.
func TestRoomAgreesWithOrganizer(t *testing.T) {
	series := func(more ...string) string {
		return bookingOf("plan", "1000", append([]string{"RRULE:FREQ=DAILY;COUNT=3"}, more...)...)
	}
	// instance is one of a series with oak, with another line of the room's.
	instance := func(day, room string, more ...string) string {
		lines := append([]string{"BEGIN:VEVENT", "UID:plan", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:202606" + day + "T100000Z",
			"DTSTART:202606" + day + "T100000Z", "DURATION:PT1H", "SUMMARY:plan", "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com"}, more...)
		if room != "" {
			lines = append(lines, room)
		}
		return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
	}
	add := func(to, component string) string {
		return strings.Replace(to, "END:VCALENDAR\r\n", component, 1)
	}
	const oak = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:oak@example.com"
	for name, tt := range map[string]struct {
		puts []string
		want string // the room's answers in the end
	}{
		"it is off, and elsewhere":          {[]string{series(), series("STATUS:CANCELLED", "LOCATION:Elsewhere")}, "ACCEPTED"},
		"it is off, and others are invited": {[]string{series("STATUS:CANCELLED"), series("STATUS:CANCELLED", "ATTENDEE:mailto:bob@example.com")}, "NEEDS-ACTION"},
		"no date is left that is the series'": {[]string{
			add(series("EXDATE:20260603T100000Z"), instance("01", "")),
			add(add(series("EXDATE:20260603T100000Z"), instance("01", "")), instance("02", oak, "STATUS:CANCELLED")),
			add(add(series("EXDATE:20260603T100000Z", "ATTENDEE:mailto:bob@example.com"), instance("01", "", "ATTENDEE:mailto:bob@example.com")), instance("02", oak, "STATUS:CANCELLED")),
		}, "ACCEPTED ACCEPTED"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			for _, text := range tt.puts { // the organizer knows the answer, and asks for no other
				text = strings.Replace(text, "ATTENDEE;RSVP=TRUE:mailto:oak", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:oak", 1)
				if a := e.put("plan", text); a.Status/100 != 2 {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				e.agree(name)
			}
			if got := e.partStats("plan"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// The room answers for single dates, and what that makes of the series is told as well.
func TestRoomTellsOfSeries(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("plan", "1000", "RRULE:FREQ=DAILY;COUNT=3")
	path, text := e.roomCopy("plan")
	e.must(204, "boss", "PUT", path, strings.Replace(text, "PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", 1))
	seen := unfolded(e.must(200, "ann", "GET", homeOf("ann")+"calendar/plan.ics", "").Body)
	overrides := ""
	for _, day := range []string{"02", "03"} {
		one := seen[strings.Index(seen, "BEGIN:VEVENT"):strings.Index(seen, "END:VCALENDAR")]
		one = strings.Replace(one, "DTSTART:20260601", "RECURRENCE-ID:202606"+day+"T100000Z\r\nDTSTART:202606"+day, 1)
		overrides += strings.Replace(one, line(one, "RRULE", "")+"\r\n", "", 1)
	}
	e.must(204, "ann", "PUT", homeOf("ann")+"calendar/plan.ics", strings.Replace(seen, "END:VCALENDAR", overrides+"END:VCALENDAR", 1))
	e.agree("with overrides")
	e.must(204, "ann", "PUT", homeOf("ann")+"calendar/plan.ics",
		strings.Replace(strings.Replace(seen, line(seen, "RRULE", "")+"\r\n", "", 1), "END:VCALENDAR", overrides+"END:VCALENDAR", 1))
	e.agree("of the series its first date is left")
}

// What a client has read it may write, though its addresses have been given to others
// since.
func TestWriteWhatWasReadBeforeRename(t *testing.T) {
	people := newStaff(t)
	e := newEnvIn(t, &people.dir, func(o store.Options) (*store.Store, error) {
		o.Wrap = enginetest.Wrapper(t)
		return onMemory(o)
	})
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob.alias@example.com"))
	path := e.only("bob", bobsMeetings)
	anns, bobs := e.must(200, "ann", "GET", annsMeetings+"plan.ics", ""), e.must(200, "bob", "GET", path, "")

	ann, bob, cy := &people.records[0], &people.records[1], &people.records[2]
	cy.Emails = append(cy.Emails, ann.Emails[0], bob.Emails[1])
	ann.Emails, bob.Emails = []string{"ann.archer@example.com"}, []string{"bob.baker@example.com"}
	people.publish(t)

	e.must(204, "bob", "PUT", path, bobs.Body)
	e.must(204, "ann", "PUT", annsMeetings+"plan.ics", anns.Body)
	e.must(204, "bob", "PUT", path, strings.Replace(unfolded(bobs.Body), "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1))
	if l := line(e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body, "ATTENDEE", "The bob"); !strings.Contains(l, "PARTSTAT=ACCEPTED") {
		t.Errorf("ann's line for bob: %q", l)
	}
	if got := e.members("cy", homeOf("cy")+"calendar/"); len(got) != 0 {
		t.Errorf("cy has %q", got)
	}
	e.agree("in the end")
}
