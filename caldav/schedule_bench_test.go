package caldav_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/quota"
)

// crowd is a handler with ann and n others, u0 and so on, and a room, who have homes.
func crowd(b *testing.B, n int) *env {
	record := func(name string) directory.Record {
		return directory.Record{Principal: directory.Principal{
			GUID: guid(name), Type: directory.User, Name: name, FullName: "The " + name, Emails: []string{name + "@example.com"},
			CalendarEnabled: true, LoginEnabled: true,
		}}
	}
	records := []directory.Record{record("ann")}
	for i := range n {
		records = append(records, record(fmt.Sprint("u", i)))
	}
	room := record("oak")
	room.Type = directory.Location
	d, err := directory.NewStatic(append(records, room))
	if err != nil {
		b.Fatal(err)
	}
	e := newEnvOf(b, d, enginetest.Wrapper(b))
	e.setLimits(func(l *quota.Limits) { l.Attendees, l.Bytes = int64(n)+1, quota.Unlimited })
	for _, r := range records {
		e.must(207, r.Name, "PROPFIND", "/calendars/users/"+r.Name+"/", "", "Depth: 0")
	}
	return e
}

// gathering is a meeting of ann with n of the crowd, from the first on.
func gathering(uid, summary string, first, n int) string {
	lines := []string{"DESCRIPTION:" + strings.Repeat("text ", 40)}
	for i := range n {
		lines = append(lines, fmt.Sprintf("ATTENDEE;CN=The u%d;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:u%d@example.com", first+i, first+i))
	}
	return strings.Replace(meeting(uid, "20260504T120000Z", lines...), "SUMMARY:"+uid, "SUMMARY:"+summary, 1)
}

func gatheringPath(i int) string { return fmt.Sprintf("%sm%d.ics", annsMeetings, i) }

// A meeting with attendees who are all here; everything is delivered in the request. Rooms
// are known, as to every server.
func BenchmarkInvite(b *testing.B) {
	for _, n := range []int{20, 500, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := crowd(b, n+20).withRooms(nil)
			e.h.Calendars.Scheduling.MaxAttendees = n + 1 // and the organizer
			repeat(b, e, 201, func(i int) (string, string, string, []string) {
				return "PUT", gatheringPath(i), gathering(fmt.Sprint("m", i), "Plan", i%20, n), nil
			})
		})
	}
}

// The same with a room among the 20, which is free: each meeting is at an hour of its own.
func BenchmarkInviteWithRoom(b *testing.B) {
	e := crowd(b, 40).withRooms(nil)
	repeat(b, e, 201, func(i int) (string, string, string, []string) {
		return "PUT", gatheringPath(i), at(i, withOak(gathering(fmt.Sprint("m", i), "Plan", i%20, 19))), nil
	})
}

// A series of 260 dates goes into a room that has 2,000 bookings, eight on nearly all of
// the same days.
func BenchmarkBookSeries(b *testing.B) {
	e := crowd(b, 20).withRooms(nil)
	for i := range 2000 {
		e.must(201, "ann", "PUT", fmt.Sprintf("%sone%d.ics", annsMeetings, i), at(i, withOak(gathering(fmt.Sprint("one", i), "One", 0, 1))))
	}
	path := gatheringPath(0)
	series := strings.Replace(withOak(gathering("m0", "Series", 0, 1)), "DTSTART:20260504T120000Z",
		"DTSTART:20260504T210000Z\r\nRRULE:FREQ=DAILY;COUNT=260", 1)
	b.ReportAllocs()
	for b.Loop() {
		e.must(201, "ann", "PUT", path, series)
		b.StopTimer()
		e.must(204, "ann", "DELETE", path, "")
		b.StartTimer()
	}
}

// withOak invites a room besides.
func withOak(meeting string) string {
	return strings.Replace(meeting, "END:VEVENT", "ATTENDEE;CUTYPE=ROOM;RSVP=TRUE:mailto:oak@example.com\r\nEND:VEVENT", 1)
}

// at moves what begins at noon of 4 May to the i-th of the hours from there on, eight a
// day.
func at(i int, meeting string) string {
	start := time.Date(2026, 5, 4+i/8, 12+i%8, 0, 0, 0, time.UTC)
	return strings.Replace(meeting, "20260504T120000Z", start.Format("20060102T150405Z"), 1)
}

// A change of a meeting with 20 attendees.
func BenchmarkUpdateMeeting(b *testing.B) {
	e := crowd(b, 20)
	e.must(201, "ann", "PUT", gatheringPath(0), gathering("m0", "Plan", 0, 20))
	repeat(b, e, 204, func(i int) (string, string, string, []string) {
		return "PUT", gatheringPath(0), gathering("m0", fmt.Sprint("Plan ", i), 0, 20), nil
	})
}

// An answer of one of 20, which the organizer and the others are told of.
func BenchmarkAnswer(b *testing.B) {
	e := crowd(b, 20)
	e.must(201, "ann", "PUT", gatheringPath(0), gathering("m0", "Plan", 0, 20))
	const answerer = "u7"
	path := e.only(answerer, "/calendars/users/"+answerer+"/calendar/")
	data := unfolded(e.must(200, answerer, "GET", path, "").Body)
	mine := line(data, "ATTENDEE", answerer+"@")
	answers := [2]string{}
	for i, status := range []string{"ACCEPTED", "DECLINED"} {
		answers[i] = strings.Replace(data, mine, strings.Replace(mine, "NEEDS-ACTION", status, 1), 1)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		e.must(204, answerer, "PUT", path, answers[i%2])
		i++
	}
}

// A question to the outbox when 20 are busy, who have some meetings.
func BenchmarkOutbox(b *testing.B) {
	e := crowd(b, 20)
	var all []string
	for i := range 20 {
		all = append(all, fmt.Sprintf("mailto:u%d@example.com", i))
		e.must(201, "ann", "PUT", gatheringPath(i), gathering(fmt.Sprint("m", i), "Plan", 0, 20))
	}
	body := busyRequest(all)
	repeat(b, e, 200, func(int) (string, string, string, []string) {
		return "POST", outbox, body, []string{"Content-Type: text/calendar"}
	})
}
