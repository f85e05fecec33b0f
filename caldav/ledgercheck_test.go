package caldav_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"convene/calendar"
	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// checkLedgers checks the ledger of oak, by the settings that it answers by.
func (e *env) checkLedgers(repair bool) []calendar.LedgerProblem {
	e.t.Helper()
	c := rooms.Config{}
	settings := map[string]*policy.Policy{guid("oak"): &c.Resolve(&directory.Principal{Type: directory.Location, GUID: guid("oak"), Name: "oak"}, nil).Policy, guid("nobody"): {}}
	found, err := e.h.Calendars.CheckLedgers(context.Background(), settings, repair)
	if err != nil {
		e.t.Fatal(err)
	}
	return found
}

// spoil changes the records of oak's ledger, or of its calendars, past all rules.
func (e *env) spoil(fn func(tx *store.Tx, home *store.Home, l *rooms.Ledger) error) {
	e.t.Helper()
	err := e.store.Update(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid("oak"))
		if err != nil {
			return err
		}
		return fn(tx, home, rooms.Of(tx.Ledger(), uint32(home.ID)))
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// A ledger that says something else than the room's calendars is found, and made anew.
func TestCheckLedgers(t *testing.T) {
	row := func(object string, start, end int64) []policy.Booking {
		return []policy.Booking{{Span: policy.Span{Start: start, End: end}, State: policy.Booked, UID: "x", ID: start, Object: object}}
	}
	const noon = 1780315200 // of 1 June 2026, in UTC
	for name, tt := range map[string]struct {
		spoil  func(tx *store.Tx, home *store.Home, l *rooms.Ledger) error
		detail string
		stays  bool // no repair can help
	}{
		"a row that nothing takes": {func(_ *store.Tx, _ *store.Home, l *rooms.Ledger) error {
			return l.Replace(rooms.Object{Collection: 9, Name: "gone.ics"}, nil, row("gone.ics", noon, noon+3600))
		}, "which nothing takes", false},
		"rows are missing": {func(_ *store.Tx, home *store.Home, l *rooms.Ledger) error {
			by, err := l.Made()
			if err != nil {
				return err
			}
			if err := l.Clear(); err != nil {
				return err
			}
			return l.SetMade(by)
		}, "the ledger lacks", false},
		"of another meeting": {func(_ *store.Tx, _ *store.Home, l *rooms.Ledger) error {
			var all []policy.Booking
			for b := range l.All() {
				all = append(all, b)
			}
			for _, b := range all {
				b.UID = "another"
				if err := l.Replace(rooms.Object{Collection: b.Collection, Name: b.Object}, nil, []policy.Booking{b}); err != nil {
					return err
				}
			}
			return nil
		}, "the ledger lacks", false},
		"a note about nothing": {func(_ *store.Tx, _ *store.Home, l *rooms.Ledger) error {
			return l.SetVerified(rooms.Object{Collection: 9, Name: "gone.ics"}, noon)
		}, "it is not there", false},
		"no note about an endless series": {func(_ *store.Tx, _ *store.Home, l *rooms.Ledger) error {
			var all []rooms.Object
			for o := range l.Behind(1 << 60) {
				all = append(all, o)
			}
			return l.SetVerified(all[0], 0)
		}, "until when", false},
		"a damaged row": {func(tx *store.Tx, home *store.Home, l *rooms.Ledger) error {
			var key []byte
			for k := range tx.Ledger().Range([]byte{0, 0, 0, byte(home.ID), 'b'}, []byte{0, 0, 0, byte(home.ID), 'c'}) {
				key = slices.Clone(k)
			}
			return tx.Ledger().Put(key, []byte("x"))
		}, "damaged", false},
		"booked twice": {func(tx *store.Tx, home *store.Home, l *rooms.Ledger) error {
			col, name, err := tx.ObjectByUIDInHome(home.ID, "m1")
			if err != nil {
				return err
			}
			body, _, err := tx.Body(col.ID, name)
			if err != nil {
				return err
			}
			data := []byte(strings.ReplaceAll(string(body), "m1", "m9"))
			index, err := calendar.Index(data)
			if err != nil {
				return err
			}
			if _, _, err = tx.PutObject(col, "m9.ics", data, index, store.Match{}, store.As(store.RoleAttendee)...); err != nil {
				return err
			}
			return l.SetMade("") // by the next who needs it, it is made with both
		}, "taken by", true},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t).withRooms(nil)
			for uid, clock := range map[string]string{"m1": "12:00", "m2": "14:00"} {
				e.books(uid, strings.ReplaceAll(clock, ":", ""))
			}
			e.books("daily", "0800", "RRULE:FREQ=DAILY")
			if found := e.checkLedgers(true); len(found) > 0 {
				t.Fatalf("before: %+v", found)
			}
			e.spoil(tt.spoil)
			found := e.checkLedgers(false)
			if !slices.ContainsFunc(found, func(p calendar.LedgerProblem) bool {
				return p.Owner == guid("oak") && strings.Contains(p.Detail, tt.detail) && !p.Repaired
			}) {
				t.Fatalf("%+v, want %q", found, tt.detail)
			}
			for _, p := range e.checkLedgers(true) {
				if p.Repaired == tt.stays {
					t.Errorf("%+v", p)
				}
			}
			if left := e.checkLedgers(false); len(left) > 0 != tt.stays {
				t.Errorf("left: %+v", left)
			}
			if got := e.books("m3", "1200"); got != "DECLINED" {
				t.Errorf("booked over another: %q", got)
			}
		})
	}
}

// Reindexing takes the ledger away, and the next who books the room finds it as taken
// as it was.
func TestReindexLedgers(t *testing.T) {
	e := newEnv(t).withRooms(nil)
	e.books("m1", "1200")
	before, _ := e.ledgerOf("oak")
	report, err := e.store.Reindex(context.Background())
	if err != nil || report.Ledgers != 1 {
		t.Fatalf("%+v, %v", report, err)
	}
	if now, _ := e.ledgerOf("oak"); len(now) != 0 || len(before) == 0 {
		t.Errorf("left: %v of %v", now, before)
	}
	if again, err := e.store.Reindex(context.Background()); err != nil || again.Ledgers != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if found := e.checkLedgers(false); len(found) > 0 {
		t.Errorf("a ledger that is not there: %+v", found)
	}
	if got := e.books("m2", "1200"); got != "DECLINED" {
		t.Errorf("booked over m1: %q", got)
	}
	if now, _ := e.ledgerOf("oak"); !slices.Equal(now, before) {
		t.Errorf("ledger %v, was %v", now, before)
	}
}
