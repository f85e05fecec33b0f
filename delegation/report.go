package delegation

import (
	"context"
	"errors"
	"slices"
	"time"

	"convene/internal/engine"
)

// Verify checks everything in the file while it is in use: its pages, every
// record, the whole journal, and that both witnesses agree with it. Errors:
// *StateError, with what was found; those of the database.
func (b *Book) Verify(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.engine == nil {
		return &StateError{b.State()}
	}
	if err := b.checkFile(ctx); err != nil {
		return err
	}
	c, err := b.reexamine(ctx)
	if f := (*finding)(nil); errors.As(err, &f) {
		return &StateError{State{Condition: f.condition, Detail: f.detail}}
	}
	if err != nil {
		return err
	}
	w, err := b.expected(ctx)
	if err != nil {
		return err
	}
	if f := judge(c, w.newest, b.opt.Store); f.condition != Good {
		return &StateError{State{Condition: f.condition, Detail: f.detail}}
	}
	if len(compareSets(b.set, c.set, "")) > 0 {
		return &StateError{State{Condition: Damaged, Detail: "what is in memory is not what is in the file"}}
	}
	return nil
}

func (b *Book) reexamine(ctx context.Context) (c *content, err error) {
	err = guard(func() error {
		if k, ok := b.engine.(engine.Checker); ok {
			if errs := k.Check(ctx); len(errs) > 0 {
				return found(Damaged, "%v", errors.Join(errs...))
			}
		}
		w, err := b.expected(ctx)
		if err != nil {
			return err
		}
		c, err = examine(ctx, b.engine, w.newest)
		return err
	})
	return c, err
}

// History returns the events of the journal since a time, all if it is zero, that
// concern a principal, everybody if guid is "". The whole chain is proven first.
// Errors: as of Verify.
func (b *Book) History(ctx context.Context, guid string, since time.Time) (list []Event, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.engine == nil {
		return nil, &StateError{b.State()}
	}
	err = guard(func() error {
		if _, err := examine(ctx, b.engine, Mark{}); err != nil {
			return err
		}
		return b.engine.View(ctx, func(r engine.Reader) error {
			list, err = events(r, guid, since)
			return err
		})
	})
	if f := (*finding)(nil); errors.As(err, &f) {
		return nil, &StateError{State{Condition: f.condition, Detail: f.detail}}
	}
	return list, err
}

func events(r engine.Reader, guid string, since time.Time) (list []Event, err error) {
	for _, v := range r.Scan(tableJournal, engine.Range{}) {
		n, err := decodeEntry(slices.Clone(v))
		if err != nil {
			return nil, err
		}
		ev, err := n.event()
		if err != nil {
			return nil, err
		}
		if !ev.Time.Before(since) && (guid == "" || ev.Concerns(guid)) {
			list = append(list, ev)
		}
	}
	return list, nil
}

// A Remark is something about a record that an administrator may want to mend.
// Nothing of it makes a record count less than it says.
type Remark struct {
	Record  *Record  `json:"record,omitempty"`
	StandIn *StandIn `json:"standIn,omitempty"`
	Problem string   `json:"problem"`
}

// What the directory knows of a principal, for Check.
type Known struct {
	Principal
	Members int // of a group, also through groups
}

// Check goes through all records. lookup says what the directory knows of a
// principal; false: it has none. An error of lookup ends the check.
func (s *Set) Check(now time.Time, lookup func(guid string) (Known, bool, error)) (list []Remark, err error) {
	known := map[string]Known{}
	unknown := func(guid string) bool {
		k, asked := known[guid]
		if !asked && err == nil {
			var ok bool
			if k, ok, err = lookup(guid); !ok {
				k = Known{}
			}
			known[guid] = k
		}
		return k.GUID == ""
	}
	s.items.Scan(func(_ uint64, it *item) bool {
		note := func(is bool, problem string) {
			if is {
				list = append(list, Remark{it.record, it.standIn, problem})
			}
		}
		if x := it.standIn; x != nil {
			note(unknown(x.Delegate), "the delegate is unknown")
			note(unknown(x.StandIn), "the stand-in is unknown")
			note(ended(x.Until, now), "has ended")
			return err == nil
		}
		r := it.record
		noDelegator, noDelegate := unknown(r.Delegator), unknown(r.Delegate)
		of := known[r.Delegate]
		note(noDelegator, "the delegator is unknown")
		note(!noDelegator && !known[r.Delegator].Calendars, "the delegator has no calendars")
		note(noDelegate, "the delegate is unknown")
		note(!noDelegate && of.Kind != r.Kind, "the delegate is of another kind now: "+of.Kind.String())
		note(of.Kind == Group && of.Members == 0, "the group has no members")
		note(r.Ended(now), "has ended")
		note(r.not(now) == notAnywhere, notAnywhere)
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}
