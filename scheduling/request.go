package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// request applies a REQUEST (RFC 5546 §3.2.2).
func (r *receiver) request() (*Receipt, error) {
	if receipt := r.notFor(); receipt != nil {
		return receipt, nil
	}
	if r.stored == nil {
		return r.invite()
	}
	if r.plain() {
		receipt, err := r.invite()
		if err == nil && !receipt.Same {
			receipt.Aside = true
		}
		return receipt, err
	}
	if r.detached() {
		return r.invite()
	}
	message, stored, err := r.drafts()
	if err != nil {
		return nil, err
	}
	if !current(message, stored) && !r.again() {
		return ignored(), nil
	}
	if message.Master() != nil {
		return r.replace(message, stored)
	}
	return r.join(message, stored)
}

// again reports whether the organizer, who is here, has made a meeting anew that was
// off: its SEQUENCE counts from the beginning, though no message crossed another.
func (r *receiver) again() bool { return r.m.From.Local() && allCancelled(r.stored) }

// drafts takes the message and what is stored in work.
func (r *receiver) drafts() (message, stored *ical.Draft, err error) {
	b := ical.NewBudget(ical.DefaultBudget)
	if message, err = r.m.Data.Draft(b); err != nil {
		return nil, nil, err
	}
	if stored, err = r.stored.Draft(b); err != nil {
		return nil, nil, err
	}
	return message, stored, nil
}

// add applies an ADD (RFC 5546 §3.2.4): instances for a copy that is there. If it
// is not, or has missed something, the attendee asks for the whole.
func (r *receiver) add() (*Receipt, error) {
	if receipt := r.notFor(); receipt != nil {
		return receipt, nil
	}
	if r.stored == nil || r.plain() || r.m.Data.Master != nil {
		return &Receipt{Same: true, Status: statusDelivered, Answer: r.askAgain()}, nil
	}
	return r.request()
}

// askAgain returns the REFRESH that asks for the organizer's present data
// (RFC 5546 §3.2.6).
func (r *receiver) askAgain() *Message {
	return &Message{Method: AskRefresh, From: r.to, To: []*Party{r.m.From}, Data: r.m.Data}
}

// invite makes the first copy of the recipient.
func (r *receiver) invite() (*Receipt, error) {
	if r.m.Cause == Refresh || r.declinedEverywhere() {
		return ignored(), nil
	}
	d, err := r.m.Data.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		r.free(d, rid, needsAction, "DECLINED")
		if rid.IsZero() || partStatIn(d.At(rid), r.me) != "DECLINED" {
			continue
		}
		if d.Master() == nil {
			d.Remove(rid)
		} else {
			hide(d.Edit(rid))
		}
	}
	store, err := d.Object()
	if err != nil {
		return nil, err
	}
	return &Receipt{Store: store, Tag: TagNew, Inbox: r.told(store), Action: Created, Status: statusDelivered}, nil
}

// free makes an event leave its attendee free if their answer is one of these: else
// an invitation would make them busy before they have accepted it.
func (r *receiver) free(d *ical.Draft, rid ical.DateTime, answers ...string) {
	c := d.At(rid)
	if c.Name == "VEVENT" && slices.Contains(answers, partStatIn(c, r.me)) && value(c, "TRANSP") != "TRANSPARENT" {
		d.Edit(rid).SetValue("TRANSP", "TRANSPARENT")
	}
}

// declinedEverywhere reports whether the recipient has declined all that the
// message has: who removed a meeting is not sent it again.
func (r *receiver) declinedEverywhere() bool {
	return !anyComponent(r.m.Data, func(c *ical.Component) bool { return partStatIn(c, r.me) != "DECLINED" })
}

// told reports whether the message goes into the recipient's inbox. Rooms are told
// of what a human has to answer.
func (r *receiver) told(store *ical.Object) bool {
	if r.m.Cause == Refresh {
		return false
	}
	return r.people() || waits(store, r.me)
}

// anyComponent reports whether is is true of a component of o.
func anyComponent(o *ical.Object, is func(*ical.Component) bool) bool {
	for c := range components(o) {
		if is(c) {
			return true
		}
	}
	return false
}

// waits reports whether an answer of an attendee is due in some instance.
func waits(o *ical.Object, me string) bool {
	return anyComponent(o, func(c *ical.Component) bool { return !isCancelled(c) && partStatIn(c, me) == needsAction })
}

// replace applies a message with a master: it takes the place of the stored copy,
// with what is the recipient's own in that.
func (r *receiver) replace(next, stored *ical.Draft) (*Receipt, error) {
	void, err := r.void(next, stored)
	if err != nil {
		return nil, err
	}
	sent := next.RIDs()
	changes, err := r.changes(next, stored, sent)
	if err != nil {
		return nil, err
	}
	for _, rid := range sent {
		if from := storedFor(stored, rid); from != nil {
			keepPersonal(next.Edit(rid), from, r.me, void(rid), r.o)
		}
	}
	next.AddZones(r.stored)
	for _, rid := range stored.RIDs() {
		if rid.IsZero() || slices.Contains(sent, rid) {
			continue
		}
		if err := r.carry(next, stored.At(rid), rid, void(ical.DateTime{})); err != nil {
			return nil, err
		}
	}
	next.DropZones()
	return r.updated(next, changes)
}

// declines reports whether an attendee has declined in c, which may be nil.
func declines(c *ical.Component, me string) bool { return c != nil && partStatIn(c, me) == "DECLINED" }

// storedFor returns the stored component that has what is the recipient's own in an
// instance; nil if there is none.
func storedFor(stored *ical.Draft, rid ical.DateTime) *ical.Component {
	if c := stored.At(rid); c != nil {
		return c
	}
	return stored.Master()
}

// carry takes an override along that the message does not have.
func (r *receiver) carry(next *ical.Draft, was *ical.Component, rid ical.DateTime, void bool) error {
	if isCancelled(was) && !hidden(was) {
		// It stays to be seen as cancelled, as long as the organizer has it not again.
		out, err := next.Include(rid)
		if err != nil || !out {
			return err
		}
		if has, err := next.Has(rid); err != nil || !has {
			return err
		}
		next.Put(rid, was.Moved())
		return nil
	}
	c, err := next.Derive(rid)
	if c == nil || err != nil {
		return err
	}
	keepPersonal(c, was, r.me, void, r.o)
	next.Put(rid, c)
	return nil
}

// join applies a message of overrides alone: they join the stored copy.
func (r *receiver) join(message, stored *ical.Draft) (*Receipt, error) {
	void, err := r.void(message, stored)
	if err != nil {
		return nil, err
	}
	stored.AddZones(r.m.Data)
	sent := message.RIDs()
	another, err := r.anotherSeries(message, stored)
	if err != nil {
		return nil, err
	}
	if another {
		return r.replace(message, stored)
	}
	changes, err := r.changes(message, stored, sent)
	if err != nil {
		return nil, err
	}
	for _, rid := range sent {
		c := message.Edit(rid)
		if from := storedFor(stored, rid); from != nil {
			keepPersonal(c, from, r.me, void(rid), r.o)
		}
		if stored.At(rid) == nil && declines(stored.Master(), r.me) && declines(c, r.me) {
			continue // they have declined the series, and need not know what becomes of it
		}
		if _, err := stored.Include(rid); err != nil {
			return nil, err
		}
		stored.Put(rid, c)
	}
	stored.DropZones()
	return r.updated(stored, changes)
}

// changes returns what of the stored copy the message changes in its instances: of one
// that the copy does not have, nothing is another.
func (r *receiver) changes(message, stored *ical.Draft, sent []ical.DateTime) (Changes, error) {
	if r.m.Changed == nil { // it says all of a meeting, and not what is new in that
		return r.compared(message, stored, sent)
	}
	changes := r.m.Changed.only(sent)
	for rid := range changes {
		was, err := stored.Effective(rid)
		if err != nil {
			return nil, err
		}
		if was == nil {
			changes[rid] = nil
		}
	}
	return changes, nil
}

// anotherSeries reports whether a message is about instances of a meeting that was made
// anew, and what is stored is left of the one before, which was off: they have nothing in
// common.
func (r *receiver) anotherSeries(message, stored *ical.Draft) (bool, error) {
	if !r.again() {
		return false, nil
	}
	is := message.RIDs()[0].Kind
	for _, rid := range stored.RIDs() {
		if rid.IsZero() {
			var err error
			if rid, err = startOf(stored.Master(), stored.Zones()); err != nil {
				return false, err
			}
		}
		if rid.Kind != is { // whole days, and times of day
			return true, nil
		}
	}
	if stored.Master() == nil {
		return false, nil
	}
	for _, rid := range message.RIDs() {
		if has, err := stored.Has(rid); err != nil || !has {
			return true, err
		}
	}
	return false, nil
}

// compared is changes for a message that does not say what it changes: what organizer and
// attendees see of each other is compared.
func (r *receiver) compared(message, stored *ical.Draft, sent []ical.DateTime) (Changes, error) {
	changes, differ := Changes{}, r.o.differ()
	for _, rid := range sent {
		was, err := stored.Effective(rid)
		if err != nil {
			return nil, err
		}
		if was == nil {
			changes[rid] = nil
			continue
		}
		changed := differ.Diff(was, stored.Zones(), message.At(rid), message.Zones())
		for _, name := range personalProps { // they stay as the recipient has them
			delete(changed, name)
		}
		if len(changed) > 0 {
			changes[rid] = changed
		}
	}
	return changes, nil
}

// updated returns the receipt for a copy that was there before.
func (r *receiver) updated(d *ical.Draft, changes Changes) (*Receipt, error) {
	if !visible(d) { // they have removed all of it that they are still invited to
		return r.removed(changes.RIDs()), nil
	}
	for _, rid := range d.RIDs() {
		r.free(d, rid, needsAction)
	}
	store, err := d.Object()
	if err != nil {
		return nil, err
	}
	// What was forced is told though the copy is the same, as it is to the second in
	// which the last message came (RFC 6638 §7.2).
	if r.m.Cause != Forced && r.unchanged(store) {
		return ignored(), nil
	}
	receipt := &Receipt{Store: store, Tag: r.tag(), Inbox: r.told(store), Status: statusDelivered}
	if receipt.Inbox {
		receipt.Action, receipt.Changes = Updated, changes
	}
	return receipt, nil
}

// unchanged reports whether store is what is stored. That a refresh has a DTSTAMP
// of its own is no change.
func (r *receiver) unchanged(store *ical.Object) bool {
	if r.m.Cause != Refresh {
		return store.Calendar.Equal(r.stored.Calendar)
	}
	return equalButStamp(store.Calendar, r.stored.Calendar)
}

// equalButStamp is Component.Equal, but for DTSTAMP.
func equalButStamp(c, d *ical.Component) bool {
	return c.Name == d.Name && slices.EqualFunc(c.Props, d.Props, func(p, q ical.Property) bool {
		return p.Equal(&q) || p.Name == "DTSTAMP" && q.Name == "DTSTAMP"
	}) && slices.EqualFunc(c.Children, d.Children, equalButStamp)
}

// void returns a function that reports whether the answer that the recipient's copy
// has of an instance counts no more. An organizer of ours has it as well, since it
// was written to both at once, and knows what it is worth. Mail crosses, so that
// others' messages may lack an answer: with them it is void if the time is another.
func (r *receiver) void(message, stored *ical.Draft) (func(ical.DateTime) bool, error) {
	if r.m.From.Local() {
		return func(ical.DateTime) bool { return true }, nil
	}
	moved := map[ical.DateTime]bool{}
	for _, rid := range message.RIDs() {
		was, err := stored.Effective(rid)
		if err != nil {
			return nil, err
		}
		moved[rid] = was == nil || !sameTimes(was, message.At(rid))
	}
	was, is := stored.Master(), message.Master()
	all := was != nil && is != nil && !samePattern(was, is)
	return func(rid ical.DateTime) bool { return all || moved[rid] }, nil
}

// sameTimes reports whether an instance is when it was.
func sameTimes(was, is *ical.Component) bool {
	for _, name := range []string{"DTSTART", "DTEND", "DURATION", "DUE"} {
		if !sameLines(was, is, name) {
			return false
		}
	}
	return true
}

// samePattern reports whether a series recurs as it did: that it ends at another
// time moves no instance.
func samePattern(was, is *ical.Component) bool {
	rules := func(c *ical.Component) []string {
		var all []string
		for _, p := range c.AllProps("RRULE") {
			rule, err := ical.ParseRule(p.Value)
			if err != nil {
				return []string{p.Value}
			}
			all = append(all, rule.WithCount(0).String())
		}
		return all
	}
	return slices.Equal(rules(was), rules(is))
}

// sameLines reports whether two components have the same properties of a name.
func sameLines(c, d *ical.Component, name string) bool {
	return slices.EqualFunc(c.AllProps(name), d.AllProps(name), (*ical.Property).Equal)
}
