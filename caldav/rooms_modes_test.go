package caldav_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/calendar"
	"convene/directory"
	"convene/store"
)

// Each mode, with a free hour, a taken one and a series of which the second date is taken:
// what the organizer reads, what the room keeps, and what lies in both inboxes.
func TestModesAtTheFrontDoor(t *testing.T) {
	const a, d, n, none = "ACCEPTED", "DECLINED", "NEEDS-ACTION", "NONE"
	for mode, want := range map[string]struct {
		free, busy, series string
		replies, invited   string // items in the inboxes of ann and oak, of the three cases
	}{
		"none":            {none, none, none, "000", "111"},
		"accept-always":   {a, a, a, "111", "000"},
		"decline-always":  {d, d, d, "111", "000"},
		"accept-if-free":  {a, none, a + " " + n, "101", "011"},
		"decline-if-busy": {none, d, n + " " + d, "011", "101"},
		"automatic":       {a, d, a + " " + d, "111", "000"},
	} {
		for i, c := range []struct{ name, want, more string }{{"free", want.free, ""}, {"busy", want.busy, ""}, {"series", want.series, "RRULE:FREQ=DAILY;COUNT=3"}} {
			t.Run(mode+" "+c.name, func(t *testing.T) {
				e := newEnv(t).withRooms(map[string]string{"mode": mode})
				block := map[string]string{"busy": "20260601T103000Z", "series": "20260602T103000Z"}[c.name]
				if block != "" {
					e.must(201, "boss", "PUT", homeOf("oak")+"calendar/block.ics", event("block", block))
				}
				var more []string
				if c.more != "" {
					more = append(more, c.more)
				}
				if got := e.books("one", "1000", more...); got != c.want {
					t.Errorf("ann reads %s, want %s", got, c.want)
				}
				replied := want.replies[i] == '1'
				e.checkModeOf(c.want, replied)
				for inbox, items := range map[string]byte{homeOf("ann"): want.replies[i], homeOf("oak"): want.invited[i]} {
					if got := len(e.members("boss", inbox+"inbox/")); got != int(items-'0') {
						t.Errorf("%s: %d items, want %c", inbox, got, items)
					}
				}
				if mode != "accept-always" { // which takes any number of bookings
					e.checkRooms()
				}
			})
		}
	}
}

// checkModeOf compares what organizer and room have of a meeting with the answers.
func (e *env) checkModeOf(answers string, replied bool) {
	e.t.Helper()
	status := "SCHEDULE-STATUS=1.2"
	if replied {
		status = "SCHEDULE-STATUS=2.0"
	}
	for _, line := range e.roomLines("one") {
		if !strings.Contains(line, status) {
			e.t.Errorf("organizer's line: %s, want %s", line, status)
		}
	}
	_, own := e.roomCopy("one")
	for _, c := range strings.Split(own, "BEGIN:VEVENT")[1:] {
		accepted, open := strings.Contains(c, "PARTSTAT=ACCEPTED"), !strings.Contains(c, "PARTSTAT=ACCEPTED") && !strings.Contains(c, "PARTSTAT=DECLINED")
		if strings.Contains(c, "TRANSP:OPAQUE") != accepted || strings.Contains(c, "TRANSP:TRANSPARENT") == accepted {
			e.t.Errorf("it takes time: %v, accepted: %v\n%s", !accepted, accepted, c)
		}
		for line := range strings.Lines(c) {
			switch {
			case strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, "oak@") && strings.Contains(line, "RSVP=TRUE") != open:
				e.t.Errorf("answers: %s: %s", answers, line)
			case strings.HasPrefix(line, "ORGANIZER") && strings.Contains(line, "SCHEDULE-STATUS=1.2") != replied:
				e.t.Errorf("replied: %v: %s", replied, line)
			}
		}
	}
}

// A booking that is moved has its new time or none; where the room refuses, it stays.
func TestMovedBookings(t *testing.T) {
	for _, tt := range []struct {
		conflict, to string
		status       int
		answer       string // to the moved one
		free         string // what becomes of another at the old time
	}{
		{"decline", "1500", 204, "ACCEPTED", "ACCEPTED"},
		{"decline", "1200", 204, "DECLINED", "ACCEPTED"},
		{"refuse", "1500", 204, "ACCEPTED", "ACCEPTED"},
		{"refuse", "1200", 403, "ACCEPTED", ""},
	} {
		t.Run(tt.conflict+" "+tt.to, func(t *testing.T) {
			e := newEnv(t).withRooms(map[string]string{"on-conflict": tt.conflict})
			e.books("noon", "1200")
			e.books("one", "1000", "ATTENDEE:mailto:bob@example.com")
			before := e.must(200, "ann", "GET", homeOf("ann")+"calendar/one.ics", "").Body
			items := len(e.members("bob", homeOf("bob")+"inbox/"))
			a := e.put("one", strings.Replace(before, "20260601T100000Z", "20260601T"+tt.to+"00Z", 1))
			if a.Status != tt.status || e.partStats("one") != tt.answer {
				t.Errorf("%d %s", a.Status, e.partStats("one"))
			}
			if tt.status == 403 {
				if now := e.must(200, "ann", "GET", homeOf("ann")+"calendar/one.ics", "").Body; now != before || len(e.members("bob", homeOf("bob")+"inbox/")) != items {
					t.Errorf("what was refused has changed something: %s", now)
				}
			} else if got := e.books("other", "1000"); got != tt.free {
				t.Errorf("at the old time: %s", got)
			}
			e.checkRooms()
		})
	}
}

// What does not touch the time leaves an answer as it is, also one that people have given,
// and tells nobody again.
func TestAnswersStand(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000", "ATTENDEE:mailto:bob@example.com")
	text := func() string { return e.must(200, "ann", "GET", homeOf("ann")+"calendar/one.ics", "").Body }
	replies := func() int { return len(e.members("ann", homeOf("ann")+"inbox/")) }
	edit := func(what, with string) {
		t.Helper()
		if a := e.put("one", strings.Replace(text(), what, with, 1)); a.Status != 204 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	before := replies()
	edit("SUMMARY:one", "SUMMARY:two")
	if got := e.partStats("one"); got != "ACCEPTED" || replies() != before {
		t.Errorf("another title: %s, %d replies", got, replies()-before)
	}
	path, own := e.roomCopy("one")
	if a := e.do("boss", "PUT", path, strings.Replace(own, "PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", 1)); a.Status/100 != 2 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	edit("SUMMARY:two", "SUMMARY:three")
	if got := e.partStats("one"); got != "DECLINED" {
		t.Errorf("declined by people: %s", got)
	}
	if got := e.books("other", "1000"); got != "ACCEPTED" {
		t.Errorf("then it is free: %s", got)
	}
	edit("20260601T100000Z", "20260601T140000Z")
	if got := e.partStats("one"); got != "ACCEPTED" {
		t.Errorf("at another time it is asked anew: %s", got)
	}
	e.checkRooms()
}

// People answer for a room in mode none: what is free.
func TestPeopleAnswerForARoom(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"mode": "none"})
	accept := func(uid string) int {
		path, own := e.roomCopy(uid)
		if !strings.Contains(own, "PARTSTAT") {
			own = strings.Replace(own, "CUTYPE=ROOM", "CUTYPE=ROOM;PARTSTAT=ACCEPTED", 1)
		}
		return e.do("boss", "PUT", path, strings.Replace(own, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED", 1)).Status
	}
	e.books("one", "1000")
	e.books("two", "1030")
	if status := accept("one"); status/100 != 2 || e.partStats("one") != "ACCEPTED" {
		t.Errorf("free: %d %s", status, e.partStats("one"))
	}
	if status := accept("two"); status != 403 || e.partStats("two") == "ACCEPTED" {
		t.Errorf("taken: %d %s", status, e.partStats("two"))
	}
	e.checkRooms()
}

// An organizer who sends to the room themselves has it all the same, unless they say that
// nobody is to be asked.
func TestAgentsOfRooms(t *testing.T) {
	for _, tt := range []struct{ agent, setting, want string }{
		{"CLIENT", "honour-none", "accepted"}, {"NONE", "honour-none", "unasked"}, {"NONE", "ignore", "accepted"},
	} {
		agent, want := tt.agent, tt.want
		e := newEnv(t).withRooms(map[string]string{"schedule-agent": tt.setting})
		a := e.put("one", strings.Replace(bookingOf("one", "1000"), "ATTENDEE;RSVP=TRUE:mailto:oak", "ATTENDEE;SCHEDULE-AGENT="+agent+":mailto:oak", 1))
		if got := a.Header.Get("Convene-Booking"); a.Status != 201 || !strings.HasSuffix(got, "answer="+want) {
			t.Errorf("%s: %d %q", agent, a.Status, got)
		}
		if line := e.roomLines("one")[0]; want == "accepted" && strings.Contains(line, "SCHEDULE-AGENT") {
			t.Errorf("%s", line)
		}
		if got := e.books("two", "1000"); (got == "ACCEPTED") != (want == "unasked") {
			t.Errorf("%s: another has %s", agent, got)
		}
		e.checkRooms()
	}
}

// A room that is invited to two dates of a series has these alone.
func TestRoomAtSomeDates(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	without := strings.Replace(bookingOf("one", "1000", "RRULE:FREQ=DAILY;COUNT=5"), "ATTENDEE;RSVP=TRUE:mailto:oak@example.com\r\n", "ATTENDEE:mailto:bob@example.com\r\n", 1)
	var dates strings.Builder
	for _, day := range []string{"02", "04"} {
		_, c, _ := strings.Cut(bookingOf("one", "1000"), "BEGIN:VEVENT\r\n")
		c, _, _ = strings.Cut(strings.ReplaceAll(c, "20260601T", "202606"+day+"T"), "END:VCALENDAR")
		dates.WriteString("BEGIN:VEVENT\r\nRECURRENCE-ID:202606" + day + "T100000Z\r\n" + c)
	}
	if a := e.put("one", strings.Replace(without, "END:VCALENDAR\r\n", dates.String()+"END:VCALENDAR\r\n", 1)); a.Status != 201 || e.partStats("one") != "ACCEPTED ACCEPTED" {
		t.Fatalf("%d %s %s", a.Status, a.Body, e.partStats("one"))
	}
	if _, own := e.roomCopy("one"); strings.Count(own, "RECURRENCE-ID") != 2 || strings.Contains(own, "RRULE") {
		t.Errorf("the room's copy:\n%s", own)
	}
	for day, want := range map[int]string{1: "ACCEPTED", 2: "DECLINED", 3: "ACCEPTED", 4: "DECLINED"} {
		if got := e.booksOn(fmt.Sprint("on", day), fmt.Sprintf("202606%02dT100000Z", day)); got != want {
			t.Errorf("%d June: %s, want %s", day, got, want)
		}
	}
	e.checkRooms()
}

// Two long series at once end as if one had come after the other.
func TestSeriesAgainstSeries(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.must(200, "ann", "OPTIONS", homeOf("ann"), "")
	e.must(200, "bob", "OPTIONS", homeOf("bob"), "")
	var wg sync.WaitGroup
	status := map[string]int{}
	var mu sync.Mutex
	for _, who := range []string{"ann", "bob"} {
		wg.Go(func() {
			text := strings.ReplaceAll(bookingOf(who, "1000", "RRULE:FREQ=DAILY;COUNT=300"), "ann@", who+"@")
			a := e.do(who, "PUT", homeOf(who)+"calendar/"+who+".ics", text)
			mu.Lock()
			defer mu.Unlock()
			status[who] = a.Status
			if got := a.Header.Get("Convene-Booking"); strings.Contains(got, "answer=accepted") {
				status["accepted"]++
			} else if strings.Contains(got, "answer=declined") {
				status["declined"]++
			}
		})
	}
	wg.Wait()
	if status["ann"] != 201 || status["bob"] != 201 || status["accepted"] != 1 || status["declined"] != 1 {
		t.Errorf("%v", status)
	}
	e.checkRooms()
}

// While the directory is away nobody is invited together with a room that it would have
// to be asked about.
func TestRoomNeverSeenWhileTheDirectoryIsAway(t *testing.T) {
	e := newEnv(t)
	e.dir = roomless{e.dir}
	e.withRooms(nil)
	a := e.put("one", bookingOf("one", "1000", "ATTENDEE:mailto:bob@example.com"))
	if a.Status != 503 {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	e.must(404, "ann", "GET", homeOf("ann")+"calendar/one.ics", "")
	if got := e.members("bob", homeOf("bob")+"inbox/"); len(got) != 0 {
		t.Errorf("bob is invited: %v", got)
	}
}

// roomless is a directory that cannot answer questions about oak.
type roomless struct{ directory.Directory }

func (d roomless) Lookup(ctx context.Context, k directory.Key) (*directory.Principal, error) {
	if strings.Contains(k.Value, "oak") || k.Value == guid("oak") {
		return nil, directory.ErrUnavailable
	}
	return d.Directory.Lookup(ctx, k)
}

// A request waits for those dates that are named by their day, on the room's clock: one on
// which the clocks change has 23 or 25 hours.
func TestAnswerOnADayOfManyHours(t *testing.T) {
	e := asking(t, map[string]string{"timezone": "Europe/Berlin"})
	e.now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	// 25 October has 25 hours; the last begins at 23:00 UTC of that day, which is midnight.
	if a := e.put("one", event("one", "20261024T223000Z", "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com",
		"ATTENDEE;RSVP=TRUE:mailto:oak@example.com", "RRULE:FREQ=DAILY;COUNT=3")); a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for day, want := range map[string]int{"2026-10-25": 2, "2026-10-26": 1} {
		if n := e.namedBy(day); n != want {
			t.Errorf("%s: %d dates, want %d", day, n, want)
		}
	}
}

// namedBy is how many dates of ann's request a day names.
func (e *env) namedBy(day string) (n int) {
	e.t.Helper()
	err := e.inOak(func(tx *calendar.Tx, home *store.Home) error {
		ids, err := tx.WaitingDates(home, "one", []string{day})
		n = len(ids)
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return n
}
