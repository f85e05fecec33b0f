package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convene/admin"
	"convene/calendar"
	"convene/directory"
	"convene/store"
)

// leaversEvery is how often it is looked whom the directory does not have any more.
const leaversEvery = 12 * time.Hour

// Where so many homes and more, and more than one in leaversMost of all, lose their owners
// at once, the directory was emptied, or is searched in the wrong place.
const (
	leaversFew  = 10
	leaversMost = 4
)

// tendLeavers looks after the data of people who have left the directory.
func (s *Server) tendLeavers(ctx context.Context) error {
	tick := time.NewTicker(leaversEvery)
	defer tick.Stop()
	for {
		if err := s.lookForLeavers(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrPaused) {
			s.log.Warn("people who have left the directory: not looked after", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// lookForLeavers notes once who has left the directory and who is back, and ends what has
// been kept for as long as is configured. While the directory is away nobody has left it.
func (s *Server) lookForLeavers(ctx context.Context) error {
	if err := s.maintenance.gate(ctx); err != nil {
		return err
	}
	current := s.current.Load()
	if !current.enter() {
		return nil // a reload is about to exchange it
	}
	defer current.leave()
	homes, err := peopleWithHomes(ctx, current.calendarData)
	if err != nil {
		return err
	}
	gone, fresh := map[string]bool{}, 0
	for guid, since := range homes {
		_, err := directory.Find(ctx, current.directory, guid)
		switch {
		case errors.Is(err, directory.ErrNotFound):
			gone[guid] = true
			if since.IsZero() {
				fresh++
			}
		case err != nil:
			return err
		}
	}
	if fresh >= leaversFew && fresh*leaversMost > len(homes) {
		return fmt.Errorf("the directory has lost %d of %d people at once: nobody is taken for gone; check its base and filter", fresh, len(homes))
	}
	keep := current.config.Leavers.Keep
	for guid, before := range homes {
		if !gone[guid] && before.IsZero() {
			continue
		}
		var since time.Time
		err := current.calendarData.Update(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
			home, err := tx.Home(guid)
			if err == nil {
				since, err = tx.NoteGone(home, gone[guid])
			}
			if errors.Is(err, calendar.ErrNoHome) {
				err = nil
			}
			return err
		})
		if err != nil {
			return err
		}
		if before.IsZero() != since.IsZero() {
			s.log.Info("a person has left the directory, or is back", "guid", guid, "gone", gone[guid])
		}
		if keep > 0 && !since.IsZero() && !s.now().Before(since.Add(keep)) {
			s.endLeaver(ctx, current, guid)
		}
	}
	return nil
}

// endLeaver ends and erases what was kept of somebody. What fails is tried again.
func (s *Server) endLeaver(ctx context.Context, current *generation, guid string) {
	r := admin.OffboardRequest{Who: guid, Erase: true, By: "convene", Reason: "leavers.keep is over"}
	_, err := admin.Offboard(ctx, s.verbs(current).Itself(), r, func(admin.OffboardProgress) {})
	switch {
	case errors.Is(err, admin.ErrMailWaits): // it is on its way
		s.log.Info("what a leaver had stored goes when the mail about it is sent", "guid", guid)
	case err != nil:
		s.log.Error("what a leaver had stored is not erased", "guid", guid, "err", err)
	default:
		s.log.Info("what a leaver had stored is erased: it was kept for as long as leavers.keep says", "guid", guid)
	}
}

// peopleWithHomes are the owners of homes who are people, and since when each is known to
// be gone; zero: they are not.
func peopleWithHomes(ctx context.Context, c *calendar.Calendars) (all map[string]time.Time, err error) {
	err = c.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		all = map[string]time.Time{}
		for owner, id := range tx.Owners() {
			home, err := tx.HomeByID(id)
			if err != nil {
				return err
			}
			if home.OwnerType != uint8(directory.User) {
				continue
			}
			if all[owner], err = tx.GoneSince(owner); err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}
