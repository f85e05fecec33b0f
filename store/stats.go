package store

import (
	"context"
	"fmt"
	"time"

	"convene/internal/engine"
)

// Stats counts what the store holds.
type Stats struct {
	FileBytes int64 // what the file occupies
	Bytes     int64 // sum of the bodies

	Homes       int
	HomesByType map[uint8]int // by OwnerType

	Collections     int
	Calendars       int           // collections of KindCalendar
	CalendarsByType map[uint8]int // by the OwnerType of their homes

	Objects            int // in all collections
	ObjectsByComponent map[Component]int

	changes uint64 // sum of the Revs of all homes
}

// Stats counts from the records of homes and collections: it reads no object.
func (s *Store) Stats(ctx context.Context) (Stats, error) {
	var st Stats
	err := s.View(ctx, func(tx *Tx) error {
		st = Stats{HomesByType: map[uint8]int{}, CalendarsByType: map[uint8]int{}, ObjectsByComponent: map[Component]int{}}
		var home *Home // collections follow their home
		for k, v := range tx.r.Scan(tableHomes, engine.Range{}) {
			id, kind, rest := splitHomeKey(k)
			switch kind {
			case homeRecord:
				h, err := decodeHome(id, v)
				if err != nil {
					return fmt.Errorf("home %d: %w", id, err)
				}
				home = h
				st.Homes++
				st.changes += uint64(h.Rev)
				st.HomesByType[h.OwnerType]++
			case homeMember:
				c, err := decodeCollection(id, string(rest), v)
				if err != nil {
					return fmt.Errorf("home %d: collection %q: %w", id, rest, err)
				}
				st.add(home, c)
			}
		}
		return nil
	})
	if err != nil {
		return Stats{}, err
	}
	st.FileBytes, err = s.engine.Size()
	return st, err
}

func (st *Stats) add(h *Home, c *Collection) {
	st.Collections++
	st.Objects += c.Objects
	st.Bytes += c.Bytes
	if c.Kind != KindCalendar {
		return
	}
	st.Calendars++
	if h != nil && h.ID == c.Home {
		st.CalendarsByType[h.OwnerType]++
	}
	for i, n := range c.counts {
		if n > 0 {
			st.ObjectsByComponent[1<<i] += n
		}
	}
}

// A MaintainReport says what Maintain did.
type MaintainReport struct {
	Purged  int // records of deleted collections
	Expired int // deleted names that the change logs forgot
	Took    time.Duration
}
