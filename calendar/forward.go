package calendar

import (
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/store"
)

// Forward brings a message that the owner of a home has put into their outbox to those
// that it is for: see scheduling.Forward. It returns what became of it as SCHEDULE-STATUS
// says it (RFC 6638 §3.2.9), by canonical address. cal is the message without METHOD.
// Errors: of scheduling.Forward.Plan, which also say that it is no message.
func (tx *Tx) Forward(home *store.Home, method scheduling.Method, cal *ical.Component) (statuses map[string]string, err error) {
	world := newWorld(tx)
	if method == scheduling.DeclineCounter {
		if cal, err = world.timed(home, cal); err != nil {
			return nil, err
		}
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		return nil, &scheduling.Refusal{Condition: scheduling.ValidMessage, Reason: err.Error()}
	}
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

// timed adds to a message what it need not say, when what it is about takes place (RFC
// 5546 §3.2.8): an instance at its RECURRENCE-ID, all else as the copy in a home says. It
// returns cal, or a copy.
func (w *world) timed(home *store.Home, cal *ical.Component) (*ical.Component, error) {
	silent := func(c *ical.Component) bool {
		return c.Name == "VEVENT" && c.Prop("UID") != nil && c.Prop("DTSTART") == nil
	}
	if !slices.ContainsFunc(cal.Children, silent) {
		return cal, nil
	}
	cal = cal.Clone()
	for _, c := range cal.Children {
		if !silent(c) {
			continue
		}
		if id := c.Prop("RECURRENCE-ID"); id != nil {
			start := *id
			start.Name = "DTSTART"
			start.RemoveParam("RANGE")
			c.Add(start)
			continue
		}
		own, err := w.Copy(home.Owner, strings.TrimSpace(c.Prop("UID").Text()))
		if err != nil {
			return nil, err
		}
		if own == nil || own.Master == nil {
			continue
		}
		start, err := own.Master.Prop("DTSTART").DateTime(own.Zones)
		if err != nil {
			return nil, err
		}
		if start.Kind == ical.Zoned {
			start = ical.DateTime{Wall: start.Unix(nil), Kind: ical.UTC}
		}
		c.Add(ical.DateTimeProperty("DTSTART", start))
	}
	return cal, nil
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
