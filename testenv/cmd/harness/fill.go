package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"convene/calendar"
	"convene/directory"
	"convene/snapshot"
	"convene/store"
)

// perTransaction is how many events are written in one transaction.
const perTransaction = 500

// fill puts other people's data into the folder of a server that does not run: so
// many homes, and events in the calendar of each.
func (h *harness) fill(homes, events int) (err error) {
	if homes == 0 {
		return nil
	}
	h.t.Logf("harness: writing %d events into %d homes", homes*events, homes)
	if err := os.MkdirAll(h.config.Server.Data, 0o700); err != nil {
		return err
	}
	s, err := store.Open(filepath.Join(h.config.Server.Data, "calendars.db"), store.Options{Indexer: calendar.Index, NoSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	c := &calendar.Calendars{Store: s, Snapshots: snapshot.New(snapshot.Options{})}
	for n := range homes {
		owner := &directory.Principal{GUID: fmt.Sprintf("FFFFFFFF-0000-4000-8000-%012d", n), Type: directory.User}
		if err := c.Provision(context.Background(), owner); err != nil {
			return err
		}
		for from := 0; from < events; from += perTransaction {
			if err := fillSome(c, owner, from, min(from+perTransaction, events)); err != nil {
				return err
			}
		}
	}
	return nil
}

// fillSome writes the events with the numbers from ≤ i < to.
func fillSome(c *calendar.Calendars, owner *directory.Principal, from, to int) error {
	return c.Update(context.Background(), calendar.Actor{}, func(tx *calendar.Tx) error {
		home, err := tx.Home(owner.GUID)
		if err != nil {
			return err
		}
		col, err := tx.Collection(home.ID, "calendar")
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			d, err := c.Rules.Parse(fillEvent(i), calendar.ICalendar)
			if err != nil {
				return err
			}
			if _, err := tx.Put(col, fmt.Sprintf("fill-%d.ics", i), d); err != nil {
				return err
			}
		}
		return nil
	})
}

// fillEvent is an event of about 1 kB, each at another hour of ten years.
func fillEvent(i int) []byte {
	return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//fill//EN\r\nBEGIN:VEVENT\r\nUID:fill-%d\r\nDTSTAMP:20260101T000000Z\r\n"+
		"DTSTART:20%02d%02d%02dT%02d0000Z\r\nDURATION:PT1H\r\nSUMMARY:Event %d\r\nDESCRIPTION:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		i, 20+i%10, 1+i/10%12, 1+i/120%28, i/3360%24, i, filler)
}

// filler makes events as long as they are in practice.
var filler = func() string {
	line := "Agenda, minutes of the last time, what is open, and who brings what.\\n"
	text := ""
	for len(text) < 700 {
		text += line + "\r\n "
	}
	return text
}()
