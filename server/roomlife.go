package server

import (
	"context"
	"errors"
	"time"

	"convene/calendar"
	"convene/directory"
	"convene/rooms/policy"
	"convene/store"
)

const (
	// roomsEvery is how often it is looked at what is due about bookings of rooms.
	roomsEvery = time.Minute

	// horizonEvery is how often series of rooms are looked at whose dates the horizon
	// has reached.
	horizonEvery = 12 * time.Hour

	// maxDue is how much of what is due is done before the rest is looked up anew.
	maxDue = 500
)

// A caretaker does what time asks for about the bookings of rooms. What it cannot do
// now, since the directory is away, it does later: nothing depends on when it ran.
type caretaker struct {
	s       *Server
	up      time.Time // since when somebody could have checked in
	rooms   map[string]bool
	horizon time.Time // when that was looked at last
}

// tendRooms looks after the bookings of rooms.
func (s *Server) tendRooms(ctx context.Context) error {
	c := &caretaker{s: s, up: s.now(), rooms: map[string]bool{}}
	tick := time.NewTicker(roomsEvery)
	defer tick.Stop()
	for {
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("bookings of rooms: not all that is due could be done", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass does once what is due.
func (c *caretaker) pass(ctx context.Context) error {
	current := c.s.current.Load()
	if !current.enter() {
		return nil // a reload is about to exchange it
	}
	defer current.leave()
	err := errors.Join(c.settle(ctx, current), c.release(ctx, current))
	if now := c.s.now(); now.Sub(c.horizon) >= horizonEvery {
		if e := c.advance(ctx, current); e != nil {
			return errors.Join(err, e)
		}
		c.horizon = now
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

// policyOf is how a room is set; nil: the directory does not know it.
func (c *caretaker) policyOf(ctx context.Context, g *generation, guid string) (*policy.Policy, error) {
	p, err := g.directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if errors.Is(err, directory.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return roomPolicies(&g.config.Rooms, c.s.data.state, c.s.now)(ctx, p)
}

// release gives back what nobody uses, of the rooms that are set so.
func (c *caretaker) release(ctx context.Context, g *generation) error {
	owners, err := c.homes(ctx, g)
	for _, guid := range owners {
		if ctx.Err() != nil {
			return err
		}
		p, e := c.policyOf(ctx, g, guid)
		if e == nil && p != nil && (p.ReleaseDeclined || p.CheckIn == policy.Required && p.ReleaseNoShow) {
			e = c.releaseIn(ctx, g, guid)
		}
		err = errors.Join(err, e)
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

// advance looks at the dates that rooms' horizons have reached.
func (c *caretaker) advance(ctx context.Context, g *generation) error {
	owners, err := c.homes(ctx, g)
	for _, guid := range owners {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, c.advanceIn(ctx, g, guid))
	}
	return err
}

func (c *caretaker) advanceIn(ctx context.Context, g *generation, guid string) error {
	n, err := g.calendars.Load().AdvanceRoom(ctx, guid)
	if n > 0 {
		c.s.log.Info("room: dates met others as they came within its horizon", "room", guid, "declined", n)
	}
	return err
}
