package caldav_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/calendar"
	"convene/directory"
	"convene/rooms/policy"
	"convene/store"
)

// inOak does something in oak's home for an operator.
func (e *env) inOak(fn func(tx *calendar.Tx, home *store.Home) error) error {
	e.t.Helper()
	return e.act(calendar.Actor{Administrator: true}, func(tx *calendar.Tx) error {
		home, err := tx.Home(guid("oak"))
		if err != nil {
			return err
		}
		return fn(tx, home)
	})
}

// clock sets the clock to 1 June, or another day of that month.
func (e *env) clock(day, hour, minute int) {
	e.now = time.Date(2026, 6, day, hour, minute, 0, 0, time.UTC)
}

func (e *env) checkIn() error {
	e.t.Helper()
	return e.inOak(func(tx *calendar.Tx, home *store.Home) error { _, err := tx.CheckIn(home, ""); return err })
}

// releases gives back what is not used, and says what that was.
func (e *env) releases(up time.Time) (codes []policy.Code) {
	e.t.Helper()
	err := e.inOak(func(tx *calendar.Tx, home *store.Home) error {
		codes = nil
		done, err := tx.ReleaseUnused(home, up)
		for _, r := range done {
			codes = append(codes, r.Code)
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return codes
}

// Check-in opens a quarter of an hour before, and ends ten minutes after the start.
func TestCheckIn(t *testing.T) {
	for _, c := range []struct {
		hour, minute int
		ok           bool
	}{{9, 44, false}, {9, 45, true}, {10, 10, true}, {10, 11, false}} {
		t.Run(fmt.Sprintf("%02d:%02d", c.hour, c.minute), func(t *testing.T) {
			e := newEnv(t).withRooms(map[string]string{"check-in": "required"})
			e.books("one", "1000")
			e.clock(1, c.hour, c.minute)
			if err := e.checkIn(); (err == nil) != c.ok || err != nil && !errors.Is(err, calendar.ErrCheckIn) && !errors.Is(err, calendar.ErrNoBooking) {
				t.Fatalf("%v", err)
			}
			e.clock(1, 10, 11)
			want, stat := "[]", "ACCEPTED"
			if !c.ok {
				want, stat = "[no-show]", "DECLINED"
			}
			if got := fmt.Sprint(e.releases(e.now.Add(-time.Hour))); got != want || e.partStats("one") != stat {
				t.Errorf("%s %s", got, e.partStats("one"))
			}
			if !c.ok && !strings.Contains(e.inboxOf("ann"), "Released: nobody checked in by Mon 1 Jun 2026 10:10.") {
				t.Error(e.inboxOf("ann"))
			}
			e.checkRooms()
		})
	}
}

// Only what has a check-in that somebody could have used is given back.
func TestNoShowsThatStay(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		before   func(e *env)
		up       time.Duration
		want     string
	}{
		"given back":          {nil, nil, time.Hour, "[no-show]"},
		"optional":            {map[string]string{"check-in": "optional"}, nil, time.Hour, "[]"},
		"not to be released":  {map[string]string{"release-noshow": "false"}, nil, time.Hour, "[]"},
		"the server was down": {nil, nil, time.Minute, "[]"},
		"short":               {nil, func(e *env) { e.put("one", strings.Replace(bookingOf("one", "1000"), "PT1H", "PT14M", 1)) }, time.Hour, "[]"},
		"all day": {nil, func(e *env) {
			e.put("one", strings.Replace(strings.Replace(bookingOf("one", "1000"), "DTSTART:20260601T100000Z", "DTSTART;VALUE=DATE:20260601", 1), "PT1H", "P1D", 1))
		}, time.Hour, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"check-in": "required"}
			for k, v := range c.settings {
				settings[k] = v
			}
			e := newEnv(t).withRooms(settings)
			e.books("one", "1000")
			if c.before != nil {
				c.before(e)
			}
			e.clock(1, 10, 11)
			if got := fmt.Sprint(e.releases(e.now.Add(-c.up))); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if got := e.releases(e.now.Add(-c.up)); len(got) != 0 {
				t.Errorf("again: %v", got)
			}
			e.checkRooms()
		})
	}
}

// One date of a series is given back, and the others stay.
func TestNoShowOfASeries(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"check-in": "required"})
	e.books("one", "1000", "RRULE:FREQ=DAILY;COUNT=3")
	e.clock(2, 10, 11)
	if got := fmt.Sprint(e.releases(e.now.Add(-time.Hour))); got != "[no-show]" || e.partStats("one") != "ACCEPTED DECLINED" {
		t.Errorf("%s %s", got, e.partStats("one"))
	}
	e.checkRooms()
}

// Nobody comes to a series three times in a row: that is told, and as the room is set the
// rest is given back. Once somebody has come it counts from the beginning.
func TestNoShowsInARow(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		comes    int // on this day somebody is there
		codes    string
		want     string
	}{
		"told":            {nil, 0, "no-show no-show no-shows no-show no-show", "ACCEPTED DECLINED DECLINED DECLINED DECLINED DECLINED"},
		"somebody comes":  {nil, 3, "no-show no-show no-show no-show", "ACCEPTED DECLINED DECLINED DECLINED DECLINED"},
		"rest given back": {map[string]string{"series-noshow": "release-rest"}, 0, "no-show no-show no-shows-rest", "DECLINED DECLINED DECLINED"},
		"rest given back, after somebody came": {map[string]string{"series-noshow": "release-rest"}, 2, "no-show no-show no-show no-shows-rest",
			"DECLINED DECLINED DECLINED DECLINED ACCEPTED"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"check-in": "required"}
			for k, v := range c.settings {
				settings[k] = v
			}
			e := newEnv(t).withRooms(settings)
			e.books("one", "1000", "RRULE:FREQ=DAILY;COUNT=20")
			var codes []string
			for day := 1; day <= 5; day++ {
				e.clock(day, 10, 0)
				if day == c.comes {
					if err := e.checkIn(); err != nil {
						t.Fatal(err)
					}
				}
				e.clock(day, 10, 11)
				for _, code := range e.releases(e.now.Add(-time.Hour)) {
					codes = append(codes, string(code))
				}
			}
			if got := strings.Join(codes, " "); got != c.codes {
				t.Errorf("%s, want %s", got, c.codes)
			}
			have, want := strings.Fields(e.partStats("one")), strings.Fields(c.want)
			slices.Sort(have[1:])
			slices.Sort(want[1:])
			if !slices.Equal(have, want) {
				t.Errorf("%v, want %v", have, want)
			}
			if strings.Contains(c.codes, "no-shows") != strings.Contains(e.inboxText("ann"), "for the third time in a row") {
				t.Errorf("ann is told %s", e.inboxText("ann"))
			}
			if got := e.booksOn("later", "20260610T100000Z"); (got == "ACCEPTED") != strings.Contains(c.codes, "rest") {
				t.Errorf("a later date: %s", got)
			}
			e.checkRooms()
		})
	}
}

// What everybody but one has declined is given back: in time, and not just after it was
// made.
func TestReleasedWhenDeclined(t *testing.T) {
	decline := func(e *env) {
		path := ""
		err := e.store.View(t.Context(), func(tx *store.Tx) error {
			home, err := tx.Home(guid("bob"))
			if err != nil {
				return err
			}
			col, name, err := tx.ObjectByUIDInHome(home.ID, "one")
			if err == nil {
				path = homeOf("bob") + col.Name + "/" + name
			}
			return err
		})
		if err != nil {
			e.t.Fatal(err)
		}
		text := strings.ReplaceAll(e.must(200, "bob", "GET", path, "").Body, "\r\n ", "")
		e.must(204, "bob", "PUT", path, strings.Replace(text, "CN=Bob Baker", "PARTSTAT=DECLINED;CN=Bob Baker", 1))
	}
	for name, c := range map[string]struct {
		day, hour, minute int
		declined          bool
		made              time.Duration // before that
		want              string
	}{
		"in time":      {1, 9, 49, true, time.Hour, "[released-declined]"},
		"too late":     {1, 9, 51, true, time.Hour, "[]"},
		"just made":    {1, 9, 49, true, 20 * time.Minute, "[]"},
		"not declined": {1, 9, 49, false, time.Hour, "[]"},
		"a day ahead":  {1, 9, 49, true, 26 * time.Hour, "[released-declined]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(map[string]string{"release-declined": "true"})
			e.clock(c.day, c.hour, c.minute)
			e.now = e.now.Add(-c.made)
			e.books("one", "1000", "ATTENDEE;RSVP=TRUE:mailto:bob@example.com")
			if c.declined {
				decline(e)
			}
			e.clock(c.day, c.hour, c.minute)
			if got := fmt.Sprint(e.releases(e.now)); got != c.want {
				t.Fatalf("%s, want %s", got, c.want)
			}
			if c.want != "[]" { // it is booked again, and stays
				if got := e.books("one", "1000", "ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com"); got != "ACCEPTED" {
					t.Errorf("%s", got)
				}
				e.now = e.now.Add(time.Second)
				if got := e.releases(e.now); len(got) != 0 {
					t.Errorf("again: %v", got)
				}
			}
			e.checkRooms()
		})
	}
}

// Somebody gives a room back that is booked.
func TestRelease(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000")
	release := func(hour int, uid string) error {
		return e.inOak(func(tx *calendar.Tx, home *store.Home) error {
			_, err := tx.Release(home, time.Date(2026, 6, 1, hour, 30, 0, 0, time.UTC), uid, "The Boss", "")
			return err
		})
	}
	for _, c := range []struct {
		hour int
		uid  string
	}{{11, ""}, {10, "other"}} {
		if err := release(c.hour, c.uid); !errors.Is(err, calendar.ErrNoBooking) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if err := release(10, "one"); err != nil || e.partStats("one") != "DECLINED" || !strings.Contains(e.inboxOf("ann"), "Released by The Boss.") {
		t.Errorf("%v %s", err, e.partStats("one"))
	}
	if got := e.books("two", "1000"); got != "ACCEPTED" {
		t.Errorf("%s", got)
	}
	e.checkRooms()
}

// A room is closed, and open again.
func TestBlocks(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"timezone": "Europe/Berlin", "direct": "nobody"})
	at := func(day, hour int) time.Time { return time.Date(2026, 6, day, hour, 0, 0, 0, time.UTC) }
	shut := func(b calendar.Block, displace bool) (n int, err error) {
		err = e.inOak(func(tx *calendar.Tx, home *store.Home) error {
			list, err := tx.CloseRoom(home, &b, displace, "Facilities")
			n = len(list)
			return err
		})
		return n, err
	}
	e.books("one", "1000")
	paint := calendar.Block{UID: "paint", From: at(1, 9), To: at(1, 12), Text: "Painting"}
	if _, err := shut(paint, false); err == nil || !strings.Contains(err.Error(), "no time") {
		t.Errorf("over a booking: %v", err)
	}
	if n, err := shut(paint, true); err != nil || n != 1 || e.partStats("one") != "DECLINED" || !strings.Contains(e.inboxOf("ann"), "Declined: Facilities needs Oak Room (Painting).") {
		t.Errorf("displaced: %d %v %s %s", n, err, e.partStats("one"), e.inboxOf("ann"))
	}
	if got := e.books("two", "1100"); got != "DECLINED" || !strings.Contains(e.inboxOf("ann"), "Oak Room is closed") {
		t.Errorf("while it is closed: %s", got)
	}
	if _, err := shut(calendar.Block{UID: "floor", From: at(1, 11), To: at(1, 13)}, false); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := shut(calendar.Block{UID: "weekly", From: at(2, 6), To: at(2, 7), Weekly: true, Until: at(30, 0)}, false); err != nil {
		t.Fatal(err)
	}
	if got := e.booksOn("late", "20260616T063000Z"); got != "DECLINED" {
		t.Errorf("two weeks later: %s", got)
	}
	e.booksOn("series", "20260603T060000Z", "RRULE:FREQ=WEEKLY;COUNT=4")
	told := len(e.members("ann", homeOf("ann")+"inbox/"))
	if n, err := shut(calendar.Block{UID: "clean", From: at(10, 6), To: at(10, 7), Weekly: true, Until: at(30, 0)}, true); err != nil || n != 3 || e.partStats("series") != "ACCEPTED DECLINED DECLINED DECLINED" {
		t.Errorf("a series: %d %v %s", n, err, e.partStats("series"))
	}
	if n := len(e.members("ann", homeOf("ann")+"inbox/")); n != told+1 {
		t.Errorf("ann is told %d times of one meeting", n-told)
	}
	reopen := func(uid string) error {
		return e.inOak(func(tx *calendar.Tx, home *store.Home) error { return tx.OpenRoom(home, uid) })
	}
	for uid, want := range map[string]error{"paint": nil, "floor": nil, "weekly": nil, "two": calendar.ErrNoBlock, "none": calendar.ErrNoBlock} {
		if err := reopen(uid); !errors.Is(err, want) {
			t.Errorf("%s: %v", uid, err)
		}
	}
	if got := e.books("three", "1100"); got != "ACCEPTED" {
		t.Errorf("open again: %s", got)
	}
}

// booksOn is books for any moment.
func (e *env) booksOn(uid, start string, more ...string) string {
	e.t.Helper()
	text := event(uid, start, append([]string{"ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE;RSVP=TRUE:mailto:oak@example.com"}, more...)...)
	if a := e.put(uid, text); a.Status/100 != 2 {
		e.t.Fatalf("%d %s", a.Status, a.Body)
	}
	return e.partStats(uid)
}

// A calendar that the room is booked by is not deleted.
func TestCalendarWithBookingsStays(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000")
	path, _ := e.roomCopy("one")
	e.must(201, "boss", "MKCALENDAR", homeOf("oak")+"more/", "")
	e.must(201, "boss", "MOVE", path, "", "Destination: http://example.com"+homeOf("oak")+"more/x.ics")
	if a := e.must(403, "boss", "DELETE", homeOf("oak")+"more/", ""); !strings.Contains(a.Body, "no-bookings") {
		t.Errorf("%s", a.Body)
	}
	e.now = time.Date(2026, 6, 1, 11, 0, 0, 0, time.UTC)
	e.must(204, "boss", "DELETE", homeOf("oak")+"more/", "")
	e.checkRooms()
}

// Two series without end meet behind the horizon. When it has come so far, the one that
// was booked later gives way, whichever is looked at first.
func TestHorizonAdvances(t *testing.T) {
	weekly := func(e *env) string { return e.booksOn("weekly", "20260601T100000Z", "RRULE:FREQ=WEEKLY") }
	other := func(e *env) string { return e.booksOn("other", "20260602T100000Z", "RRULE:FREQ=DAILY;INTERVAL=34") }
	for name, order := range map[string]struct {
		book  []func(*env) string
		loser string
	}{
		"weekly first": {[]func(*env) string{weekly, other}, "other"},
		"weekly last":  {[]func(*env) string{other, weekly}, "weekly"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(map[string]string{"horizon": "30"})
			for _, book := range order.book {
				if got := book(e); got != "ACCEPTED" {
					t.Fatalf("%s", got)
				}
				e.now = e.now.Add(time.Minute)
			}
			for range 50 {
				e.now = e.now.Add(24 * time.Hour)
				e.advance()
			}
			for _, uid := range []string{"weekly", "other"} {
				want := "ACCEPTED"
				if uid == order.loser {
					want = "ACCEPTED DECLINED"
				}
				if got := e.partStats(uid); got != want {
					t.Errorf("%s: %s, want %s", uid, got, want)
				}
			}
			if !strings.Contains(e.inboxOf("ann"), "Declined: Oak Room is taken on Mon 6 Jul 2026 10:00 by a meeting that was booked earlier.") {
				t.Errorf("ann is told %s", e.inboxOf("ann"))
			}
			if got := e.booksOn("third", "20260720T103000Z"); got != "DECLINED" {
				t.Errorf("over a date that came within the horizon: %s", got)
			}
		})
	}
}

// advance is what is done each day.
func (e *env) advance() {
	e.t.Helper()
	if _, err := e.h.AdvanceRoom(e.t.Context(), guid("oak")); err != nil {
		e.t.Fatal(err)
	}
}

// What is booked stays when a room is set differently; the check names what would be
// declined now.
func TestReviewOfBookings(t *testing.T) {
	for name, c := range map[string]struct {
		settings map[string]string
		want     string
	}{
		"as it was":          {nil, "[]"},
		"shorter":            {map[string]string{"max-duration": "30"}, "[one max-duration one max-duration]"},
		"not for ann":        {map[string]string{"book": "user:bob"}, "[one not-allowed one not-allowed]"},
		"no series":          {map[string]string{"recurring": "false"}, "[one recurring one recurring]"},
		"soon":               {map[string]string{"min-notice": "525600"}, "[]"},
		"the organizer left": {nil, "[one organizer-left one organizer-left]"},
		"not bookable":       {map[string]string{"bookable": "false"}, "[one not-bookable one not-bookable]"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			e.books("one", "1000", "RRULE:FREQ=DAILY;COUNT=2")
			if name == "the organizer left" {
				e.dir = without(t, "ann")
			}
			e.withRooms(c.settings)
			var got []string
			err := e.inOak(func(tx *calendar.Tx, home *store.Home) error {
				list, err := tx.ReviewRoom(home)
				got = nil
				for _, d := range list {
					got = append(got, d.UID, string(d.Code))
				}
				return err
			})
			if err != nil || fmt.Sprint(got) != c.want {
				t.Errorf("%v %v, want %s", got, err, c.want)
			}
			e.dir = people(t)
			e.withRooms(nil)
			if got := e.partStats("one"); got != "ACCEPTED" {
				t.Errorf("the booking has become %s", got)
			}
		})
	}
}

// without is the directory when somebody has left.
func without(t testing.TB, name string) directory.Directory {
	t.Helper()
	found, err := people(t).Search(t.Context(), directory.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var left []directory.Record
	for _, p := range found {
		if p.Name != name && p.Type != directory.Group {
			left = append(left, directory.Record{Principal: *p})
		}
	}
	d, err := directory.NewStatic(left)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// What lies behind the room's horizon is declined, and the organizer reads why; what only
// ends behind it is answered as its other dates are. Both copies say the same.
func TestBehindTheHorizon(t *testing.T) {
	override := func(uid, rid, start string) string {
		_, c, _ := strings.Cut(bookingOf(uid, "1000"), "BEGIN:VEVENT\r\n")
		c, _, _ = strings.Cut(c, "END:VCALENDAR")
		return "BEGIN:VEVENT\r\nRECURRENCE-ID:" + rid + "\r\n" + strings.Replace(c, "20260601T100000Z", start, 1)
	}
	with := func(text, component string) string {
		return strings.Replace(text, "END:VCALENDAR\r\n", component+"END:VCALENDAR\r\n", 1)
	}
	far := func(text string) string { return strings.Replace(text, "20260601T100000Z", "20270601T100000Z", 1) }
	weekly := func(uid string) string { return bookingOf(uid, "1000", "RRULE:FREQ=WEEKLY;COUNT=20") }
	for name, c := range map[string]struct {
		settings     map[string]string
		text         string
		want, header string
	}{
		"one date": {nil, far(bookingOf("one", "1000")), "DECLINED", "declined; reason=horizon"},
		"a series": {nil, far(weekly("one")), "DECLINED", "declined; reason=horizon"},
		"endless":  {nil, far(bookingOf("one", "1000", "RRULE:FREQ=DAILY")), "DECLINED", "declined; reason=horizon"},
		"with a date of its own": {nil, with(far(weekly("one")), override("one", "20270608T100000Z", "20270608T120000Z")),
			"DECLINED DECLINED", "declined; reason=horizon"},
		"ends behind it": {nil, weekly("one"), "ACCEPTED", "accepted"},
		"ends behind it, with a date of its own there": {nil, with(weekly("one"), override("one", "20260921T100000Z", "20260921T120000Z")),
			"ACCEPTED ACCEPTED", "accepted"},
		"behind the window too": {map[string]string{"window": "40", "beyond-window": "decline-occurrences"}, weekly("one"),
			"DECLINED ACCEPTED ACCEPTED", "partly"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := map[string]string{"horizon": "45"}
			for k, v := range c.settings {
				settings[k] = v
			}
			e := newEnv(t).withRooms(settings)
			a := e.put("one", c.text)
			if got := a.Header.Get("Convene-Booking"); a.Status != 201 || !strings.HasPrefix(got, `room="locations/oak"; answer=`+c.header) {
				t.Errorf("%d %s", a.Status, got)
			}
			if got := e.partStats("one"); got != c.want {
				t.Errorf("the organizer reads %s, want %s", got, c.want)
			}
			_, own := e.roomCopy("one")
			for _, stat := range []string{"ACCEPTED", "DECLINED"} {
				if have, want := strings.Count(own, "PARTSTAT="+stat), strings.Count(c.want, stat); have != want && stat == "DECLINED" || have < want {
					t.Errorf("the room's copy says %s %d times, want %d\n%s", stat, have, want, own)
				}
			}
			if strings.Contains(c.header, "horizon") && !strings.Contains(e.inboxText("ann"), "Declined: Oak Room cannot be booked more than 45 days ahead.") {
				t.Errorf("ann is told %s", e.inboxText("ann"))
			}
			again := e.must(200, "ann", "GET", homeOf("ann")+"calendar/one.ics", "").Body
			e.put("one", strings.Replace(again, "SUMMARY:", "SUMMARY:New ", 1))
			if got := e.partStats("one"); got != c.want {
				t.Errorf("with another title: %s, want %s", got, c.want)
			}
		})
	}
}

// A declined date behind the horizon is asked for again as the horizon comes: by moving it,
// or by asking anew.
func TestHorizonReachesADeclinedDate(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"horizon": "30"})
	if got := e.booksOn("one", "20260801T100000Z"); got != "DECLINED" {
		t.Fatal(got)
	}
	e.clock(20, 8, 0)
	e.now = e.now.AddDate(0, 1, 0)
	e.advance()
	if got := e.partStats("one"); got != "DECLINED" {
		t.Errorf("by itself: %s", got)
	}
	if got := e.booksOn("one", "20260801T100000Z"); got != "ACCEPTED" {
		t.Errorf("asked again: %s", got)
	}
	e.checkRooms()
}
