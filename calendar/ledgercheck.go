package calendar

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// A LedgerProblem is something that the ledger of a room does not say as the room's
// calendars do, or two bookings that the room has no time for.
type LedgerProblem struct {
	Owner    string // GUID of the room
	Object   string // "calendar/NAME", of the event that it is about; "": the whole ledger
	Detail   string
	Repaired bool
}

// maxLedgerProblems is how many findings are collected before the check ends.
const maxLedgerProblems = 1000

// CheckLedgers compares the ledgers of rooms, which are given by GUID with their
// settings, with what is in their calendars: that each has every booking and no other,
// and that no two bookings that are not over share a time that the room has once. A
// ledger that has not been made says nothing. With repair, ledgers that are wrong are
// made anew; what is booked twice stays, for people to decide. It works on one room at
// a time, in a transaction of its own. After 1,000 findings it ends.
func (c *Calendars) CheckLedgers(ctx context.Context, settings map[string]*policy.Policy, repair bool) (all []LedgerProblem, err error) {
	for _, guid := range slices.Sorted(maps.Keys(settings)) {
		found, err := c.checkLedger(ctx, guid, settings[guid], repair)
		all = append(all, found...)
		if err != nil || len(all) >= maxLedgerProblems {
			return all, err
		}
	}
	return all, nil
}

func (c *Calendars) checkLedger(ctx context.Context, guid string, p *policy.Policy, repair bool) ([]LedgerProblem, error) {
	var found []LedgerProblem
	err := c.View(ctx, Actor{}, func(tx *Tx) (err error) {
		_, found, err = tx.checkLedger(guid, p)
		return err
	})
	if err != nil || len(found) == 0 || !repair {
		return found, err
	}
	left := found
	err = c.Update(ctx, Actor{}, func(tx *Tx) (err error) {
		var home *store.Home
		if home, found, err = tx.checkLedger(guid, p); err != nil || len(found) == 0 {
			return err
		}
		if err := tx.makeLedger(home, p); err != nil {
			return err
		}
		_, left, err = tx.checkLedger(guid, p)
		return err
	})
	for i := range found {
		found[i].Repaired = !slices.Contains(left, found[i])
	}
	return found, err
}

// checkLedger checks one room; home is nil if it has none.
func (tx *Tx) checkLedger(guid string, p *policy.Policy) (home *store.Home, found []LedgerProblem, err error) {
	if home, err = tx.Tx.Home(guid); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return nil, nil, err
	}
	k := &ledgerCheck{keeper: keeper{tx: tx, home: home, ledger: rooms.Of(tx.Tx.Ledger(), uint32(home.ID)), policy: p}, names: map[rooms.Object]string{}}
	if err := k.check(); errors.Is(err, rooms.ErrDamaged) {
		k.report("", "%v", err)
	} else if err != nil {
		return nil, nil, err
	}
	return home, k.found, nil
}

// A ledgerCheck is the check of one room in one transaction.
type ledgerCheck struct {
	keeper
	counts bool             // the ledger has been made, by the settings of today
	rows   []policy.Booking // what the calendars hold
	names  map[rooms.Object]string
	found  []LedgerProblem
}

func (k *ledgerCheck) report(object, format string, args ...any) {
	k.found = append(k.found, LedgerProblem{Owner: k.home.Owner, Object: object, Detail: fmt.Sprintf(format, args...)})
}

func (k *ledgerCheck) check() error {
	made, err := k.ledger.Made()
	if err != nil {
		return err
	}
	k.counts = made == madeBy(k.policy)
	cols, err := k.tx.Collections(k.home.ID)
	if err != nil {
		return err
	}
	for _, col := range cols {
		if err := k.collection(col); err != nil {
			return err
		}
	}
	k.overlaps()
	if !k.counts {
		return nil
	}
	return k.compare()
}

// collection reads what the objects of a calendar take of the room.
func (k *ledgerCheck) collection(col *store.Collection) error {
	if col.Kind != store.KindCalendar {
		return nil
	}
	for e := range k.tx.Entries(col.ID) {
		s := stay{col: col, name: e.Name}
		k.names[s.object()] = col.Name + "/" + e.Name
		rows, err := k.object(&s)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].Collection, rows[i].Object = uint32(col.ID), e.Name
		}
		k.rows = append(k.rows, rows...)
	}
	return nil
}

// object reads what one object takes, as far as the ledger says that it was looked at.
func (k *ledgerCheck) object(s *stay) ([]policy.Booking, error) {
	until, err := k.ledger.Verified(s.object())
	if err != nil {
		return nil, err
	}
	t, err := k.taken(s, cmp.Or(until, k.horizon()))
	if err != nil || t == nil {
		return nil, err
	}
	if until == 0 && t.verified != 0 && k.counts {
		// All of it is in the ledger, though it goes beyond what is looked at now.
		series, err := t.object.Series()
		if err != nil {
			return nil, err
		}
		if _, end, open := series.Span(k.policy.Zone); !open {
			t, err = k.taken(s, end+1)
			return t.rows, err
		}
		k.report(k.names[s.object()], "the ledger does not say until when its dates were looked at")
	}
	return t.rows, nil
}

// compare reports what the ledger lacks and what it has besides.
func (k *ledgerCheck) compare() error {
	missing, extra, err := k.ledger.Compare(k.rows)
	if err != nil {
		return err
	}
	for _, b := range missing {
		k.report(k.name(&b), "the ledger lacks the time from %s to %s, or has it otherwise", instant(b.Start), instant(b.End))
	}
	for _, b := range extra {
		k.report(k.name(&b), "the ledger has the time from %s to %s, which nothing takes", instant(b.Start), instant(b.End))
	}
	for o := range k.ledger.Behind(math.MaxInt64) {
		if k.names[o] == "" {
			k.report(fmt.Sprintf("%d/%s", o.Collection, o.Name), "the ledger says when it was looked at, and it is not there")
		}
	}
	return k.ledger.Err()
}

// name is that of a booking's object; by number if its calendar does not have it.
func (k *ledgerCheck) name(b *policy.Booking) string {
	return cmp.Or(k.names[rooms.Object{Collection: b.Collection, Name: b.Object}], fmt.Sprintf("%d/%s", b.Collection, b.Object))
}

// overlaps reports bookings that are not over and that the room has no time for beside
// others.
func (k *ledgerCheck) overlaps() {
	all, now := policy.NewBookings(k.rows...), k.tx.Now().Unix()
	for _, b := range all.All() {
		if b.End <= now {
			continue
		}
		ok, taker := policy.Fits(k.policy, all, b.Span, []string{b.UID})
		if ok || taker.Start > b.Start || taker.Start == b.Start && taker.UID > b.UID {
			continue // the later one is reported
		}
		k.report(k.name(&b), "from %s to %s the room is taken by %s too, from %s to %s",
			instant(b.Start), instant(b.End), k.name(taker), instant(taker.Start), instant(taker.End))
	}
}
