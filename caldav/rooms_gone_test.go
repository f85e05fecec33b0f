package caldav_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/calendar"
	"convene/directory"
	"convene/imip"
	"convene/internal/logging"
	"convene/store"
)

// leaves makes the directory one without somebody.
func (e *env) leaves(name string) {
	e.t.Helper()
	e.dir = without(e.t, name)
	e.withRooms(nil)
}

// returns makes the directory whole again.
func (e *env) returns() {
	e.t.Helper()
	e.dir = people(e.t)
	e.withRooms(nil)
}

// takeBack looks once at who has left, and says what was given back and why.
func (e *env) takeBack(d calendar.Departure) string {
	e.t.Helper()
	var all []string
	err := e.h.TakeBack(e.t.Context(), guid("oak"), d, func(l calendar.Left) { all = append(all, l.UID+" "+string(l.Code)) })
	if err != nil {
		e.t.Fatal(err)
	}
	slices.Sort(all)
	return fmt.Sprint(all)
}

// Bookings of an organizer who has left are given back after a while, if that is wanted:
// all who are invited see it, and the room is free for others.
func TestOrganizerWhoLeft(t *testing.T) {
	release := calendar.Departure{After: 30 * 24 * time.Hour, Organizer: true}
	for name, c := range map[string]struct {
		rule  calendar.Departure
		after time.Duration
		back  bool // they are in the directory again on the last day, for a look
		want  string
		stat  string
	}{
		"kept":          {calendar.Departure{After: release.After}, 31 * 24 * time.Hour, false, "[]", "ACCEPTED"},
		"not long ago":  {release, 29 * 24 * time.Hour, false, "[]", "ACCEPTED"},
		"long ago":      {release, 30 * 24 * time.Hour, false, "[one organizer-left]", "DECLINED"},
		"back meantime": {release, 31 * 24 * time.Hour, true, "[]", "ACCEPTED"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			e.now = time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)
			if got := e.books("one", "1000", "ATTENDEE;RSVP=TRUE:mailto:bob@example.com"); got != "ACCEPTED" {
				t.Fatal(got)
			}
			e.leaves("ann")
			if got := e.takeBack(c.rule); got != "[]" {
				t.Fatalf("at once: %s", got)
			}
			e.now = e.now.Add(c.after)
			if c.back {
				e.returns()
				e.takeBack(c.rule)
				e.leaves("ann")
			}
			if got := e.takeBack(c.rule); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if got := e.takeBack(c.rule); got != "[]" {
				t.Errorf("again: %s", got)
			}
			e.returns()
			if got := e.partStats("one"); got != c.stat {
				t.Errorf("the organizer's copy: %s", got)
			}
			_, theirs := e.copyOf("bob", "one")
			if has := line(theirs, "ATTENDEE", "oak"); !strings.Contains(has, "PARTSTAT="+c.stat) {
				t.Errorf("bob's copy: %s", has)
			}
			free := map[string]string{"ACCEPTED": "DECLINED", "DECLINED": "ACCEPTED"}[c.stat]
			if got := e.books("two", "1000"); got != free {
				t.Errorf("another booking: %s", got)
			}
			told := strings.Contains(e.inboxOf("ann"), "Released: the organizer left.")
			if told != (c.stat == "DECLINED") {
				t.Errorf("told: %v", told)
			}
			e.checkRooms()
		})
	}
}

// What is over stays as it was, and so do the bookings of others.
func TestOrganizerWhoLeftASeries(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000", "RRULE:FREQ=DAILY;COUNT=4")
	bobs := strings.NewReplacer("ann@", "bob@").Replace(bookingOf("bobs", "1200"))
	e.must(201, "bob", "PUT", homeOf("bob")+"calendar/bobs.ics", bobs)
	e.leaves("ann")
	e.clock(3, 9, 0)
	if got := e.takeBack(calendar.Departure{Organizer: true}); got != "[one organizer-left]" {
		t.Fatal(got)
	}
	e.returns()
	if got := e.partStats("one"); got != "DECLINED ACCEPTED ACCEPTED" {
		t.Errorf("the days before are %s", got)
	}
	if a := e.must(200, "bob", "GET", homeOf("bob")+"calendar/bobs.ics", ""); !strings.Contains(unfolded(a.Body), "PARTSTAT=ACCEPTED") {
		t.Errorf("bob's booking: %s", a.Body)
	}
	e.checkRooms()
}

// A room that is no more declines all that it has, in whatever language the service
// speaks, and its organizers read its name.
func TestRoomWhichLeft(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000")
	e.books("two", "1200")
	e.leaves("oak")
	rule := calendar.Departure{After: 24 * time.Hour}
	if got := e.takeBack(rule); got != "[]" {
		t.Fatalf("at once: %s", got)
	}
	e.now = e.now.Add(25 * time.Hour)
	if got := e.takeBack(rule); got != "[one closed-down two closed-down]" {
		t.Fatal(got)
	}
	if told := e.inboxOf("ann"); strings.Count(told, "Declined: Oak Room no longer exists.") != 2 {
		t.Errorf("told: %s", told)
	}
	for _, uid := range []string{"one", "two"} {
		if got := e.partStats(uid); got != "DECLINED" {
			t.Errorf("%s: %s", uid, got)
		}
	}
	e.returns()
	if got := e.books("three", "1000"); got != "ACCEPTED" {
		t.Errorf("when the room is back: %s", got)
	}
	e.checkRooms()
}

// Room and organizer may both be gone, and neither has been seen by anybody.
func TestRoomAndOrganizerLeft(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("one", "1000")
	all, err := people(t).Search(t.Context(), directory.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var left []directory.Record
	for _, p := range all {
		if p.Name != "ann" && p.Name != "oak" && p.Type != directory.Group {
			left = append(left, directory.Record{Principal: *p})
		}
	}
	if e.dir, err = directory.NewStatic(left); err != nil {
		t.Fatal(err)
	}
	e.withRooms(nil)
	if got := e.takeBack(calendar.Departure{}); got != "[one closed-down]" {
		t.Fatal(got)
	}
	e.returns()
	if got := e.partStats("one"); got != "DECLINED" {
		t.Errorf("the organizer's copy: %s", got)
	}
}

// Why a room took a booking or did not can be read later. What stands as it was is not
// said again.
func TestDecisionsAreLogged(t *testing.T) {
	e := newEnv(t)
	var log bytes.Buffer
	e.log = slog.New(logging.NewTextHandler(&log, slog.LevelInfo))
	e.withRooms(map[string]string{"max-duration": "60"})
	said := func(want ...string) {
		t.Helper()
		got := log.String()
		log.Reset()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("the log lacks %q: %s", w, got)
			}
		}
		if n := strings.Count(got, "room: answered"); n != min(len(want), 1) {
			t.Errorf("%d lines: %s", n, got)
		}
	}
	e.books("one", "1000")
	said("INFO room: answered room=locations/oak answer=accepted dates=1 declined=0 first=2026-06-01T10:00:00", "organizer="+guid("ann"), "uid=one")
	e.put("one", strings.NewReplacer("SUMMARY:one", "SUMMARY:other", "RSVP=TRUE", "PARTSTAT=ACCEPTED").Replace(bookingOf("one", "1000")))
	said()
	e.books("two", "1000", "RRULE:FREQ=DAILY;COUNT=2")
	said("answer=partly dates=2 declined=1", "conflict", "uid=two")
	e.put("three", strings.Replace(bookingOf("three", "1200"), "PT1H", "PT3H", 1))
	said("answer=declined dates=1 declined=1", "max-duration", "uid=three")
	e.put("four", strings.Replace(bookingOf("four", "1300"), "RSVP=TRUE", "SCHEDULE-AGENT=NONE", 1))
	said("answer=unasked", "uid=four")
}

// changed is the directory with other records.
func changed(t testing.TB, change func(*directory.Principal)) directory.Directory {
	t.Helper()
	all, err := people(t).Search(t.Context(), directory.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var records []directory.Record
	for _, p := range all {
		if p.Type != directory.Group {
			is := *p
			change(&is)
			records = append(records, directory.Record{Principal: is})
		}
	}
	d, err := directory.NewStatic(records)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// The owner of a room gets mail when nobody has come to a series three times in a row, and
// not before.
func TestOwnerIsToldOfNoShows(t *testing.T) {
	for _, rule := range []string{"off", "release-rest"} {
		e := newEnv(t)
		e.mail = &calendar.Mail{}
		e.dir = changed(t, func(p *directory.Principal) {
			switch p.Name {
			case "oak":
				p.Owners = []string{"bob@example.com"}
			case "bob":
				p.Language = "fr-CA, en;q=0.8"
			}
		})
		e.withRooms(map[string]string{"check-in": "required", "series-noshow": rule})
		e.books("one", "1000", "RRULE:FREQ=DAILY;COUNT=20")
		for day := 1; day <= 3; day++ {
			e.clock(day, 10, 11)
			e.releases(e.now.Add(-time.Hour))
			letters := e.letters()
			if day < 3 {
				if len(letters) != 0 {
					t.Fatalf("%s, day %d: %d letters", rule, day, len(letters))
				}
				continue
			}
			if len(letters) != 1 {
				t.Fatalf("%s: %d letters", rule, len(letters))
			}
			m, err := imip.Compose(letters[0], imip.Occasion{Date: e.now}, &imip.Options{Site: imip.Mailbox{Address: "calendar@example.com"}, Language: "en"})
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(m.Body)))
			if m.To != "bob@example.com" || !strings.Contains(string(text), "Personne ne s'y est présenté trois fois de suite.") {
				t.Errorf("%s: %s %v\n%s", rule, m.To, err, text)
			}
			if released := strings.Contains(string(text), "toutes les dates suivantes"); released != (rule == "release-rest") {
				t.Errorf("%s: the rest: %v", rule, released)
			}
		}
	}
}

// letters is all mail that waits.
func (e *env) letters() (all []*imip.Letter) {
	e.t.Helper()
	err := e.store.View(e.t.Context(), func(tx *store.Tx) error {
		all = nil
		for q, err := range tx.Queue() {
			if err != nil {
				return err
			}
			l, err := imip.Decode(q.Payload)
			if err != nil {
				return err
			}
			all = append(all, l)
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return all
}

// Rooms speak to an organizer in their language; else in the one that the client asks for.
func TestLanguageOfRooms(t *testing.T) {
	for _, c := range []struct{ own, accept, want string }{
		{"", "", "Booked: Oak Room"},
		{"", "nl-BE, en;q=0.5", "Geboekt: Oak Room"},
		{"it", "nl", "Prenotata: Oak Room"},
		{"tlh, ja;q=0.5", "nl", "予約しました: Oak Room"},
		{"tlh", "nl", "Geboekt: Oak Room"},
		{"tlh", "tlh", "Booked: Oak Room"},
	} {
		e := newEnv(t)
		e.dir = changed(t, func(p *directory.Principal) {
			if p.Name == "ann" {
				p.Language = c.own
			}
		})
		e.withRooms(nil)
		a := e.do("ann", "PUT", homeOf("ann")+"calendar/one.ics", bookingOf("one", "1000"), "Accept-Language: "+c.accept)
		if told := e.inboxOf("ann"); a.Status != 201 || !strings.Contains(told, c.want) {
			t.Errorf("%+v: %d %s", c, a.Status, told)
		}
	}
}
