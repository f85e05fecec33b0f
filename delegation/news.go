package delegation

import (
	"context"
	"time"

	"convene/internal/engine"
)

// News returns what was changed in later generations than one, oldest first: for who
// tells people of it. Events about the whole file are left out. Errors: ErrRefused.
func (b *Book) News(ctx context.Context, after uint64) (list []Event, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.engine == nil {
		return nil, &StateError{b.State()}
	}
	err = b.engine.View(ctx, func(r engine.Reader) error {
		list = nil
		for _, v := range r.Scan(tableJournal, engine.Range{Desc: true}) {
			n, err := decodeEntry(append([]byte(nil), v...))
			if err != nil || n.Generation <= after {
				return err
			}
			ev, err := n.event()
			if err != nil {
				return err
			}
			if n.Verb != verbExpire && (ev.record() != nil || ev.standIn() != nil) {
				list = append(list, ev)
			}
		}
		return nil
	})
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list, err
}

// EndedSince returns the records and stand-ins whose end lies behind one moment and not
// behind another.
func (s *Set) EndedSince(after, now time.Time) (records []Record, standIns []StandIn) {
	s.items.Scan(func(_ uint64, it *item) bool {
		switch {
		case it.record != nil && it.record.Ended(now) && it.record.Until.After(after):
			records = append(records, *it.record)
		case it.standIn != nil && ended(it.standIn.Until, now) && it.standIn.Until.After(after):
			standIns = append(standIns, *it.standIn)
		}
		return true
	})
	return records, standIns
}

// NextEnd returns the first moment behind another one at which a record or a stand-in
// ends; false: none does.
func (s *Set) NextEnd(after time.Time) (next time.Time, ok bool) {
	s.items.Scan(func(_ uint64, it *item) bool {
		var until time.Time
		switch {
		case it.record != nil:
			until = it.record.Until
		case it.standIn != nil:
			until = it.standIn.Until
		}
		if until.After(after) && (!ok || until.Before(next)) {
			next, ok = until, true
		}
		return true
	})
	return next, ok
}
