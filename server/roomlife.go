package server

import (
	"context"
	"errors"
	"time"

	"convene/calendar"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

const (
	// roomsEvery is how often it is looked at what is due about bookings of rooms.
	roomsEvery = time.Minute

	// horizonEvery is how often series of rooms are looked at whose dates the horizon
	// has reached.
	horizonEvery = 12 * time.Hour

	// horizonAgain is when it is tried again if that failed for some room.
	horizonAgain = time.Hour

	// maxDue is how much of what is due is done before the rest is looked up anew.
	maxDue = 500
)

// A caretaker does what time asks for about the bookings of rooms. What it cannot do
// now, since the directory is away, it does later: nothing depends on when it ran.
type caretaker struct {
	s       *Server
	up      time.Time // since when somebody could have checked in
	rooms   map[string]bool
	horizon time.Time // when that is looked at next
}

// tendRooms looks after the bookings of rooms.
func (s *Server) tendRooms(ctx context.Context) error {
	c := &caretaker{s: s, up: s.now(), rooms: map[string]bool{}}
	tick := time.NewTicker(roomsEvery)
	defer tick.Stop()
	for {
		if err := c.pass(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrPaused) {
			s.log.Warn("bookings of rooms: not all that is due could be done", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass does once what is due. What is due while the server is read-only waits.
func (c *caretaker) pass(ctx context.Context) error {
	if err := c.s.maintenance.gate(ctx); err != nil {
		return err
	}
	current := c.s.current.Load()
	if !current.enter() {
		return nil // a reload is about to exchange it
	}
	defer current.leave()
	err := errors.Join(c.settle(ctx, current), c.release(ctx, current))
	if now := c.s.now(); !now.Before(c.horizon) {
		e := c.advance(ctx, current)
		c.horizon = now.Add(horizonEvery)
		if e != nil {
			c.horizon = now.Add(horizonAgain)
		}
		err = errors.Join(err, e)
	}
	return err
}

// settle reminds approvers, and answers requests that nobody answers.
func (c *caretaker) settle(ctx context.Context, g *generation) error {
	var due []*store.Matter
	err := g.calendarData.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		due = nil
		for m, err := range tx.DueMatters(tx.Now()) {
			if err != nil || len(due) == maxDue {
				return err
			}
			due = append(due, m)
		}
		return nil
	})
	for _, m := range due {
		if ctx.Err() != nil {
			return err
		}
		e := g.calendars.Load().Act(ctx, calendar.Actor{}, func(tx *calendar.Tx) error { return tx.SettleMatter(m) })
		if !errors.Is(e, store.ErrNotFound) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// release gives back what nobody uses, of the rooms that are set so.
func (c *caretaker) release(ctx context.Context, g *generation) error {
	all, err := g.rooms.All(ctx)
	for _, k := range all {
		if ctx.Err() != nil {
			return err
		}
		if p := k.Policy; p.ReleaseDeclined || p.CheckIn == policy.Required && p.ReleaseNoShow {
			err = errors.Join(err, c.releaseIn(ctx, g, k.Record.GUID))
		}
	}
	return err
}

func (c *caretaker) releaseIn(ctx context.Context, g *generation, guid string) error {
	var done []calendar.Released
	err := g.calendars.Load().Act(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		home, err := tx.Home(guid)
		if err != nil {
			return err
		}
		done, err = tx.ReleaseUnused(home, c.up)
		return err
	})
	if errors.Is(err, calendar.ErrNoHome) {
		return nil // nobody has booked it yet
	}
	if err != nil {
		return err
	}
	for _, r := range done {
		c.s.log.Info("room: booking released", "room", guid, "uid", r.UID, "start", time.Unix(r.Start, 0).UTC(), "reason", r.Code)
	}
	return nil
}

// homes are the owners of homes that are rooms' or resources'. Each home is read once.
func (c *caretaker) homes(ctx context.Context, g *generation) (owners []string, err error) {
	found := map[string]bool{}
	err = g.calendarData.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		owners = nil
		clear(found)
		for guid, id := range tx.Owners() {
			is, known := c.rooms[guid]
			if !known {
				home, err := tx.HomeByID(id)
				if err != nil {
					return err
				}
				is = calendar.IsRoom(home)
			}
			if found[guid] = is; is {
				owners = append(owners, guid)
			}
		}
		return nil
	})
	if err == nil {
		c.rooms = found
	}
	return owners, err
}

// advance looks at the dates that rooms' horizons have reached, and at bookings of people
// and rooms that have left.
func (c *caretaker) advance(ctx context.Context, g *generation) error {
	owners, err := c.homes(ctx, g)
	for _, guid := range owners {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, c.advanceIn(ctx, g, guid), c.takeBackIn(ctx, g, guid))
	}
	return err
}

// takeBackIn gives back what a room has of people who are not in the directory any more,
// and all if the room itself is not.
func (c *caretaker) takeBackIn(ctx context.Context, g *generation, guid string) error {
	rule := calendar.Departure{After: g.config.Rooms.GoneAfter, Organizer: g.config.Rooms.Gone == rooms.ReleaseBookings}
	return g.calendars.Load().TakeBack(ctx, guid, rule, func(l calendar.Left) {
		c.s.log.Info("room: bookings given back", "room", guid, "uid", l.UID, "organizer", l.Organizer, "reason", l.Code)
	})
}

func (c *caretaker) advanceIn(ctx context.Context, g *generation, guid string) error {
	n, err := g.calendars.Load().AdvanceRoom(ctx, guid)
	if n > 0 {
		c.s.log.Info("room: dates met others as they came within its horizon", "room", guid, "declined", n)
	}
	return err
}
