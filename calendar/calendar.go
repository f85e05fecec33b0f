package calendar

import (
	"context"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/snapshot"
	"convene/store"
)

// Calendars is the calendar data of a server. It is safe for concurrent use.
type Calendars struct {
	Store     *store.Store
	Snapshots *snapshot.Cache
	Rules     Rules

	// Scheduling says how meetings are handled; nil: what is written is stored as it
	// is, and nobody is told.
	Scheduling *scheduling.Options

	// Mail says how those are told who have no home here; nil: they are not.
	Mail *Mail

	// MessagesPerHour is how many messages about meetings one person may send in an
	// hour, as Pace remembers; 0: any number. Pace may be nil.
	MessagesPerHour int
	Pace            *Pace

	// Groups gives the groups of a principal, as directory.Directory does: some have
	// quotas.
	Groups func(ctx context.Context, guid string) ([]string, error)

	zones          derived[*ical.Zone]
	availabilities derived[[]*ical.Object]
}

// Rules bound what calendar data may be. A number of 0 is no limit. How much may be
// stored is the store's quota.Policy.
type Rules struct {
	Instances       int  // most instances of one series (CALDAV:max-instances)
	SingleComponent bool // calendars hold one type of component each
}

// An Actor is who works on calendar data, by GUID of the directory.
type Actor struct {
	Who string // who signed in; "" for the server itself
	As  string // for whom they act: themselves, or their principal

	// Of As: the full name and the preferred mail address, "" if they have none.
	Name, Email string

	Administrator bool // with all rights, whosoever the data are
}

// A Tx is one transaction over calendar data. It reads all that the store's
// transaction does; it changes things by its own methods alone. It is used by
// one goroutine and not after its function has returned.
type Tx struct {
	*store.Tx
	c      *Calendars
	by     Actor
	seen   Viewer  // nil: everything is shown whole
	sender *Sender // see Meet

	decided  map[decided]*booking       // what rooms have answered of the change that is made
	standing map[decided]string         // the pools that rooms stand for in it
	bookings []RoomDecision             // see Bookings
	saying   func(ical.DateTime) string // see RoomAnswer.Text
	sent     int                        // messages about meetings, for Pace
	leaving  bool                       // letters of today are not counted; see Discharge

	delivered int64                // bytes that were written in others' homes
	shared    map[*store.Body]bool // of these, what several have
}

// View runs fn in a transaction that only reads. fn may run more than once.
func (c *Calendars) View(ctx context.Context, by Actor, fn func(*Tx) error) error {
	return c.Store.View(ctx, func(tx *store.Tx) error { return fn(&Tx{Tx: tx, c: c, by: by}) })
}

// Update runs fn in a transaction, and returns after what it changed is durable,
// or with the error that undid it. fn may run more than once and must not wait.
func (c *Calendars) Update(ctx context.Context, by Actor, fn func(*Tx) error) error {
	var last *Tx
	err := c.Store.Update(ctx, func(tx *store.Tx) error {
		last = &Tx{Tx: tx, c: c, by: by}
		return fn(last)
	})
	if err == nil {
		last.countSent()
	}
	return err
}

// Actor is who works in this transaction.
func (tx *Tx) Actor() Actor { return tx.by }
