package server

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"convene/admin"
	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/internal/engine"
	"convene/prefs"
	"convene/scheduling"
	"convene/store"
)

// An offboarder ends what binds somebody who leaves, for the operator's verbs.
type offboarder struct {
	s         *Server
	handler   *caldav.Handler
	calendars *calendar.Calendars
}

// Obligations implements admin.Offboarder.
func (b *offboarder) Obligations(ctx context.Context, guid string, since time.Time) (list []admin.Obligation, err error) {
	err = b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		list = nil
		home, err := tx.Home(guid)
		if errors.Is(err, calendar.ErrNoHome) {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := tx.Obligations(home, since.Unix())
		for _, o := range all {
			list = append(list, admin.Obligation{UID: o.UID, Organizer: o.Organizer, Rooms: len(o.Rooms), Attendees: o.Attendees, External: o.External})
		}
		return err
	})
	return list, err
}

// Discharge implements admin.Offboarder.
func (b *offboarder) Discharge(ctx context.Context, guid, to, uid string, since time.Time, note func(string) ([]byte, error)) (refused string, err error) {
	_, err = b.handler.Discharge(ctx, caldav.Successor{GUID: guid, To: to}, uid, since.Unix(), func(tx *calendar.Tx, d calendar.Deed) error {
		value, err := note(string(d))
		if err != nil {
			return err
		}
		return tx.SetNote(admin.OffboardNote(guid), value)
	})
	if refusal, is := errors.AsType[*scheduling.Refusal](err); is {
		return refusal.Error(), nil
	}
	if _, reason := notPutBack(err); err != nil && reason != "" {
		return reason, nil
	}
	return "", err
}

// Bookings implements admin.Offboarder.
func (b *offboarder) Bookings(ctx context.Context, guid string) (list []admin.LeftBooking, err error) {
	var rooms []string
	err = b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		rooms = nil
		for owner, id := range tx.Owners() {
			home, err := tx.HomeByID(id)
			if err != nil {
				return err
			}
			if calendar.IsRoom(home) {
				rooms = append(rooms, owner)
			}
		}
		return nil
	})
	for _, room := range rooms {
		if err != nil {
			return nil, err
		}
		var left []calendar.Left
		left, err = b.handler.BookedBy(ctx, room, guid)
		for _, l := range left {
			list = append(list, admin.LeftBooking{Room: room, UID: l.UID})
		}
	}
	return list, err
}

// GiveUp implements admin.Offboarder.
func (b *offboarder) GiveUp(ctx context.Context, guid string, r admin.LeftBooking, note func() ([]byte, error)) error {
	left, err := b.handler.BookedBy(ctx, r.Room, guid)
	for i := range left {
		if err != nil || left[i].UID != r.UID {
			continue
		}
		err = b.handler.GiveUp(ctx, r.Room, &left[i], func(tx *calendar.Tx) error {
			value, err := note()
			if err != nil {
				return err
			}
			return tx.SetNote(admin.OffboardNote(guid), value)
		})
	}
	return err
}

// Prepare implements admin.Offboarder.
func (b *offboarder) Prepare(ctx context.Context, to string) error {
	p, err := directory.Find(ctx, b.handler.Directory, to)
	if err != nil {
		return err
	}
	return b.calendars.Provision(ctx, p)
}

// Export implements admin.Offboarder. Each calendar is read by itself, so that nobody waits.
func (b *offboarder) Export(ctx context.Context, guid string, out io.Writer) error {
	var names []string
	err := b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		names = nil
		home, err := tx.Home(guid)
		if err != nil {
			return err
		}
		cols, err := tx.Collections(home.ID)
		for _, c := range cols {
			if c.Kind == store.KindCalendar {
				names = append(names, c.Name)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	z := zip.NewWriter(out)
	for i, name := range names {
		var body []byte
		err := b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
			home, err := tx.Home(guid)
			if err != nil {
				return err
			}
			col, err := tx.Collection(home.ID, name)
			if err != nil {
				return err
			}
			body, err = tx.ExportCalendar(col)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if body == nil {
			continue
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: fileName(name, i), Method: zip.Deflate, Modified: b.s.now()})
		if err != nil {
			return err
		}
		if _, err := w.Write(body); err != nil {
			return err
		}
	}
	return z.Close()
}

// fileName is the name of a calendar in an archive: no path, and no other's.
func fileName(name string, i int) string {
	clean := []rune{}
	for _, r := range name {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			clean = append(clean, r)
		}
	}
	if string(clean) != name || len(clean) > 100 {
		return fmt.Sprintf("%s-%d.ics", string(clean[:min(len(clean), 100)]), i+1)
	}
	return name + ".ics"
}

// Erase implements admin.Offboarder.
func (b *offboarder) Erase(ctx context.Context, guid string) error {
	err := b.calendars.Update(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		home, err := tx.Home(guid)
		if errors.Is(err, calendar.ErrNoHome) {
			return nil // it was done, and the rest was not
		}
		if err != nil {
			return err
		}
		return tx.Erase(home)
	})
	if errors.Is(err, calendar.ErrLetters) {
		return admin.As(admin.ErrMailWaits, err)
	}
	if err != nil {
		return err
	}
	if err := (&prefs.Settings{Engine: b.s.data.state}).Set(ctx, guid, prefs.Prefs{}); err != nil {
		return err
	}
	if _, err := b.s.data.store.Maintain(ctx); err != nil {
		return err
	}
	return errors.Join(b.s.data.store.Overwrite(ctx), engine.Overwrite(ctx, b.s.data.state))
}

// GoneSince implements admin.Offboarder.
func (b *offboarder) GoneSince(ctx context.Context, guid string) (since time.Time, err error) {
	err = b.calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		since, err = tx.GoneSince(guid)
		return err
	})
	return since, err
}
