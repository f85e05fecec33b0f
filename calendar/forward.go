package calendar

import (
	"errors"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/store"
)

// Forward brings a message that the owner of a home has put into their outbox to those
// that it is for: see scheduling.Forward. It returns what became of it as SCHEDULE-STATUS
// says it (RFC 6638 §3.2.9), by canonical address. o is the message without METHOD.
func (tx *Tx) Forward(home *store.Home, method scheduling.Method, o *ical.Object) (statuses map[string]string, err error) {
	world := newWorld(tx)
	f, err := tx.forwarding(home, method, o, world)
	if err != nil {
		return nil, err
	}
	plan, err := f.Plan(world)
	if err != nil {
		return nil, err
	}
	writes, err := scheduling.Converse(plan, world, tx.c.Scheduling)
	if err = errors.Join(err, world.err); err != nil {
		return nil, err
	}
	return writes.Statuses, tx.Savepoint(func() error {
		own, err := tx.deliver(world, writes, plan.Role)
		if err != nil || own == nil {
			return err
		}
		return tx.deliverCopy(newWorld(tx), &scheduling.CopyWrite{To: plan.Owner, UID: plan.UID, Store: own, Tag: writes.Tag}, preparedFor(&scheduling.Writes{}))
	})
}

// forwarding is the message as scheduling sees it, with its addresses in canonical form:
// those that the owner's copy of the meeting has mean who they meant there.
func (tx *Tx) forwarding(home *store.Home, method scheduling.Method, o *ical.Object, w *world) (*scheduling.Forward, error) {
	change, err := tx.meetingChange(&Change{At: Place{Home: home}})
	if err != nil {
		return nil, err
	}
	copy, err := w.Copy(home.Owner, o.UID)
	if err != nil {
		return nil, err
	}
	col, e, err := tx.holder(home, o.UID)
	if err != nil {
		return nil, err
	}
	data, err := scheduling.Canonical(o, copy, change.Owner, tx.c.Scheduling, w)
	if err != nil {
		return nil, err
	}
	return &scheduling.Forward{Method: method, Owner: change.Owner, Caller: change.Caller, Data: data,
		MayNot: change.MayNot, Concealed: e != nil && tx.View(col, e) != Whole, Now: change.Now, Options: change.Options}, nil
}
