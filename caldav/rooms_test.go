package caldav_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/caldav"
	"convene/directory"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// withRooms makes rooms answer, all by the same settings.
func (e *env) withRooms(settings map[string]string) *env {
	e.t.Helper()
	e.rooms = func(_ context.Context, p *directory.Principal) (*policy.Policy, error) {
		c := rooms.Config{Defaults: settings}
		return &c.Resolve(p, nil).Policy, nil
	}
	e.index = rooms.NewIndex(e.dir, &rooms.Config{Defaults: settings}, nil)
	e.handle(caldav.DefaultLimits())
	return e
}

// invitation is a meeting of ann's at some hour of 1 June, with oak.
func bookingOf(uid, clock string, more ...string) string {
	return event(uid, "20260601T"+clock+"00Z", append([]string{
		"ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE;RSVP=TRUE:mailto:oak@example.com"}, more...)...)
}

// roomLine is the line of oak in each component of an object of ann's.
func (e *env) roomLines(uid string) (lines []string) {
	e.t.Helper()
	a := e.must(200, "ann", "GET", homeOf("ann")+"calendar/"+uid+".ics", "")
	unfolded := strings.ReplaceAll(a.Body, "\r\n ", "")
	for line := range strings.Lines(unfolded) {
		if strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, guid("oak")) || strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, "oak@") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func (e *env) put(uid, text string) answer {
	e.t.Helper()
	return e.do("ann", "PUT", homeOf("ann")+"calendar/"+uid+".ics", text)
}

// books invites oak and says what it answered.
func (e *env) books(uid, clock string, more ...string) string {
	e.t.Helper()
	if a := e.put(uid, bookingOf(uid, clock, more...)); a.Status/100 != 2 {
		e.t.Fatalf("%s: %d %s", uid, a.Status, a.Body)
	}
	return e.partStats(uid)
}

func (e *env) partStats(uid string) string {
	e.t.Helper()
	var all []string
	for _, line := range e.roomLines(uid) {
		_, rest, _ := strings.Cut(line, "PARTSTAT=")
		end := strings.IndexAny(rest, ";:")
		if end < 0 {
			rest, end = "NONE", 4
		}
		all = append(all, rest[:end])
	}
	return strings.Join(all, " ")
}

func homeOf(name string) string { return "/calendars/__uids__/" + guid(name) + "/" }

func TestRoomAnswers(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	if got := e.books("first", "1000"); got != "ACCEPTED" {
		t.Fatalf("free: %s", got)
	}
	a := e.put("second", bookingOf("second", "1030"))
	if got := a.Header.Get("Convene-Booking"); !strings.HasPrefix(got, `room="locations/oak"; answer=declined; reason=conflict; next="2026-06-01T11:00Z"`) {
		t.Errorf("header: %s", got)
	}
	for _, c := range []struct{ uid, clock, want string }{
		{"after", "1100", "ACCEPTED"}, {"before", "0900", "ACCEPTED"}, {"between", "1030", "DECLINED"},
	} {
		if got := e.books(c.uid, c.clock); got != c.want {
			t.Errorf("%s: %s, want %s", c.uid, got, c.want)
		}
	}
	if got := strings.Join(e.roomLines("first"), ""); !strings.Contains(got, "SCHEDULE-STATUS=2.0") || strings.Contains(got, "RSVP") {
		t.Errorf("organizer's line: %s", got)
	}
	e.checkRooms()
}

// What the organizer says of the room's answer is not believed.
func TestOrganizerCannotAnswerForRoom(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("first", "1000")
	text := strings.Replace(bookingOf("liar", "1000"), "ATTENDEE;RSVP=TRUE:mailto:oak", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:oak", 1)
	if a := e.put("liar", text); a.Status != 201 || e.partStats("liar") != "DECLINED" {
		t.Errorf("%d %s", a.Status, e.partStats("liar"))
	}
	e.checkRooms()
}

// A room that answers something of a meeting anew says again what stands: the organizer
// reads of all of it that it is answered.
func TestRoomRepliesToTheWholeMeeting(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("series", "1000", "RRULE:FREQ=DAILY;COUNT=3")
	text := e.must(200, "ann", "GET", homeOf("ann")+"calendar/series.ics", "").Body
	_, moved, _ := strings.Cut(bookingOf("series", "1500"), "DTSTART:20260601")
	moved = "BEGIN:VEVENT\r\nUID:series\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260602T100000Z\r\nDTSTART:20260602" + moved
	if a := e.put("series", strings.Replace(text, "END:VCALENDAR\r\n", moved, 1)); a.Status != 204 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if got := e.partStats("series"); got != "ACCEPTED ACCEPTED" {
		t.Errorf("answers: %s", got)
	}
	for _, line := range e.roomLines("series") {
		if !strings.Contains(line, "SCHEDULE-STATUS=2.0") {
			t.Errorf("organizer's line: %s", line)
		}
	}
	if _, own := e.roomCopy("series"); strings.Count(own, "SCHEDULE-STATUS=1.2") != 2 {
		t.Errorf("the room's copy:\n%s", own)
	}
}

// Who answers for a room is told when a meeting is cancelled; a room that answers by
// itself leaves nothing to read.
func TestRoomInbox(t *testing.T) {
	for _, tt := range []struct {
		name             string
		settings         map[string]string
		invited, removed int // messages
	}{
		{"automatic", nil, 0, 0},
		{"none", map[string]string{"mode": "none"}, 1, 2},
		{"none, and the organizer is of the group", map[string]string{"mode": "none", "auto-accept-group": "group:staff"}, 0, 0},
		{"decline-if-busy", map[string]string{"mode": "decline-if-busy"}, 1, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t).withRooms(tt.settings)
			e.books("one", "1000")
			inbox := func() int { return len(e.members("boss", homeOf("oak")+"inbox/")) }
			if n := inbox(); n != tt.invited {
				t.Errorf("invited: %d messages, want %d", n, tt.invited)
			}
			e.must(204, "ann", "DELETE", homeOf("ann")+"calendar/one.ics", "")
			if n := inbox(); n != tt.removed {
				t.Errorf("removed: %d messages, want %d", n, tt.removed)
			}
		})
	}
}

// Whatever takes a booking away frees its time in the same commit.
func TestBookingsAreFreed(t *testing.T) {
	without := func(uid, clock string) string {
		return strings.Replace(bookingOf(uid, clock), "ATTENDEE;RSVP=TRUE:mailto:oak@example.com\r\n", "ATTENDEE:mailto:bob@example.com\r\n", 1)
	}
	for name, free := range map[string]func(e *env){
		"deleted": func(e *env) { e.must(204, "ann", "DELETE", homeOf("ann")+"calendar/one.ics", "") },
		"moved":   func(e *env) { e.put("one", bookingOf("one", "1500")) },
		"removed": func(e *env) { e.put("one", without("one", "1000")) },
		"calendar deleted": func(e *env) {
			e.must(201, "ann", "MKCALENDAR", homeOf("ann")+"work/", "")
			e.must(201, "ann", "MOVE", homeOf("ann")+"calendar/one.ics", "", "Destination: http://example.com"+homeOf("ann")+"work/one.ics")
			e.must(204, "ann", "DELETE", homeOf("ann")+"work/", "")
		},
		"declined by the room's people": func(e *env) {
			path, text := e.roomCopy("one")
			text = strings.Replace(text, "PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", 1)
			if a := e.do("boss", "PUT", path, text); a.Status/100 != 2 {
				e.t.Fatalf("%d %s", a.Status, a.Body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			e.books("one", "1000")
			free(e)
			if got := e.books("two", "1000"); got != "ACCEPTED" {
				t.Errorf("%s", got)
			}
			e.checkRooms()
		})
	}
}

// roomCopy is oak's copy of a meeting as the administrator reads it.
func (e *env) roomCopy(uid string) (path, text string) {
	e.t.Helper()
	return e.copyOf("oak", uid)
}

// copyOf is somebody's copy of a meeting as the administrator reads it.
func (e *env) copyOf(name, uid string) (path, text string) {
	e.t.Helper()
	err := e.store.View(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid(name))
		if err != nil {
			return err
		}
		col, file, err := tx.ObjectByUIDInHome(home.ID, uid)
		if err == nil {
			path = homeOf(name) + col.Name + "/" + file
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return path, strings.ReplaceAll(e.must(200, "boss", "GET", path, "").Body, "\r\n ", "")
}

// No way into the room's calendars leads past the bookings in it.
func TestEveryWayIntoARoomIsGuarded(t *testing.T) {
	oak := homeOf("oak") + "calendar/"
	to := func(path string) string { return "Destination: http://example.com" + path }
	for name, write := range map[string]func(e *env, clock string) answer{
		"PUT": func(e *env, clock string) answer {
			return e.do("boss", "PUT", oak+"x.ics", event("x", "20260601T"+clock+"00Z"))
		},
		"COPY": func(e *env, clock string) answer {
			e.must(201, "boss", "PUT", homeOf("boss")+"calendar/x.ics", event("x", "20260601T"+clock+"00Z"))
			return e.do("boss", "COPY", homeOf("boss")+"calendar/x.ics", "", to(oak+"x.ics"))
		},
		"MOVE": func(e *env, clock string) answer {
			e.must(201, "boss", "PUT", homeOf("boss")+"calendar/x.ics", event("x", "20260601T"+clock+"00Z"))
			return e.do("boss", "MOVE", homeOf("boss")+"calendar/x.ics", "", to(oak+"x.ics"))
		},
		"COPY of a calendar": func(e *env, clock string) answer {
			e.must(201, "boss", "PUT", homeOf("boss")+"calendar/x.ics", event("x", "20260601T"+clock+"00Z"))
			return e.do("boss", "COPY", homeOf("boss")+"calendar/", "", to(homeOf("oak")+"more/"))
		},
		"bulk": func(e *env, clock string) answer {
			a := e.do("boss", "POST", oak, event("x", "20260601T"+clock+"00Z"), "Content-Type: text/calendar")
			if a.Status == 207 && strings.Contains(a.Body, "no-conflict") {
				a.Status = 403
			}
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			e.books("one", "1000")
			if a := write(e, "1030"); a.Status != 403 || !strings.Contains(a.Body, "no-conflict") {
				t.Errorf("over a booking: %d %s", a.Status, a.Body)
			}
			e.checkRooms()
			e = newEnv(t).withRooms(nil)
			e.books("one", "1000")
			if a := write(e, "1100"); a.Status/100 != 2 {
				t.Errorf("beside it: %d %s", a.Status, a.Body)
			}
			if got := e.books("two", "1130"); got != "DECLINED" {
				t.Errorf("over what was written: %s", got)
			}
			e.checkRooms()
		})
	}
}

func TestRoomOnConflictRefuse(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"on-conflict": "refuse"})
	e.books("one", "1000")
	a := e.put("two", bookingOf("two", "1000", "ATTENDEE:mailto:bob@example.com"))
	if a.Status != 403 || !strings.Contains(a.Body, "no-conflict") || !strings.Contains(a.Body, "Oak Room is taken") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	e.must(404, "ann", "GET", homeOf("ann")+"calendar/two.ics", "")
	e.checkRooms()
}

// checkRooms fails if a room holds more bookings at one time than it may, or if its
// ledger is not what its calendars say.
func (e *env) checkRooms() {
	e.t.Helper()
	for _, name := range []string{"oak", "elm", "van"} {
		have, want := e.ledgerOf(name)
		if !slices.Equal(have, want) {
			e.t.Errorf("ledger of %s:\n%v, its calendars say\n%v", name, have, want)
		}
		for i := range want {
			for j := range i {
				if want[i].Start < want[j].End && want[j].Start < want[i].End {
					e.t.Errorf("%s: %v overlaps %v", name, want[i], want[j])
				}
			}
		}
	}
}

// taking is a time at which a room is taken, without its meeting's name.
type taking struct {
	Start, End int64
	State      policy.State
}

// ledgerOf is when a room is taken by its ledger, and by its calendars.
func (e *env) ledgerOf(name string) (have, want []taking) {
	e.t.Helper()
	err := e.store.View(context.Background(), func(tx *store.Tx) error {
		have, want = nil, nil
		home, err := tx.Home(guid(name))
		if err != nil {
			return nil // never asked
		}
		l := rooms.Of(tx.Ledger(), uint32(home.ID))
		have = e.takings(l.All())
		cols, err := tx.Collections(home.ID)
		if err != nil {
			return err
		}
		var all []policy.Booking
		for _, col := range cols {
			for entry := range tx.Entries(col.ID) {
				if col.Kind != store.KindCalendar {
					continue
				}
				body, _, err := tx.Body(col.ID, entry.Name)
				if err != nil {
					return err
				}
				cal, err := ical.Decode(slices.Clone(body), ical.DefaultLimits)
				if err != nil {
					return err
				}
				o, err := ical.NewObject(cal)
				if err != nil {
					return err
				}
				rows, err := policy.BookingsOf(o, []string{scheduling.CanonicalAddress(guid(name))}, nil, e.until())
				if err != nil {
					return err
				}
				all = append(all, rows...)
			}
		}
		want = e.takings(slices.Values(all))
		return l.Err()
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return have, want
}

// until is as far as ledgers are compared: series without an end are in them for longer.
func (e *env) until() int64 { return e.now.AddDate(1, 0, 0).Unix() }

func (e *env) takings(rows iter.Seq[policy.Booking]) (list []taking) {
	for b := range rows {
		if b.Start < e.until() {
			list = append(list, taking{b.Start, b.End, b.State})
		}
	}
	slices.SortFunc(list, func(a, b taking) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

// Many clients want the same few hours, on every way that there is, at once.
func TestNoOverlapsUnderLoad(t *testing.T) {
	const clients = 100
	e := newEnv(t).withRooms(nil)
	for _, who := range []string{"ann", "bob", "boss"} {
		e.must(200, who, "OPTIONS", homeOf(who), "")
	}
	until := time.Now().Add(2 * time.Second)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { e.client(i, until) })
	}
	wg.Wait()
	e.checkRooms()
	// All may have given back what they had: then this one gets it.
	last := event("last", "20260601T080000Z", "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:oak@example.com")
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/last.ics", last)
	e.checkRooms()
	have, _ := e.ledgerOf("oak")
	if len(have) == 0 {
		t.Error("nobody got the room")
	}
}

// client books, moves, copies and removes until a time.
func (e *env) client(i int, until time.Time) {
	oak := homeOf("oak") + "calendar/"
	who := []string{"ann", "bob", "boss"}[i%3]
	for n := 0; time.Now().Before(until); n++ {
		uid := fmt.Sprintf("c%d-%d", i, n%4)
		start := fmt.Sprintf("202606%02dT%02d%02d00Z", 1+(i+n)%3, 8+(n*7+i)%4, (i*n)%2*30)
		meeting := event(uid, start, "ORGANIZER:mailto:"+who+"@example.com", "ATTENDEE:mailto:"+who+"@example.com", "ATTENDEE:mailto:oak@example.com")
		mine := homeOf(who) + "calendar/" + uid + ".ics"
		var answers []answer
		switch n % 5 {
		case 0, 1:
			answers = append(answers, e.do(who, "PUT", mine, meeting))
		case 2:
			answers = append(answers, e.do("boss", "PUT", oak+"direct-"+uid+".ics", event("direct-"+uid, start)))
		case 3:
			source := homeOf("boss") + "calendar/copied-" + uid + ".ics"
			answers = append(answers, e.do("boss", "PUT", source, event("copied-"+uid, start)),
				e.do("boss", []string{"COPY", "MOVE"}[i%2], source, "", "Destination: http://example.com"+oak+"copied-"+uid+".ics"))
		case 4:
			answers = append(answers, e.do(who, "DELETE", mine, ""), e.do("boss", "DELETE", oak+"copied-"+uid+".ics", ""))
		}
		for _, a := range answers {
			if a.Status >= 500 {
				e.t.Errorf("%d %s", a.Status, a.Body)
				return
			}
		}
	}
}
