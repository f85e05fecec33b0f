package calendar

import (
	"context"
	"errors"
	"iter"
	"path"
	"slices"
	"strconv"

	"convene/freebusy"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// candidates are the rooms that could be named in place of the one that declines, but for
// those that are invited too.
func (d *booking) candidates() []policy.Candidate {
	tx := d.h.w.tx
	list, err := tx.sender.Rooms.Others(d.h.room.GUID, d.i.Organizer, d.h.assistant(d.i.Organizer))
	if err != nil {
		d.err = err
		return nil
	}
	invited := map[string]bool{}
	for _, p := range d.facts.Parties {
		invited[p.GUID] = true
	}
	d.others = map[string]string{}
	for i := range list {
		d.others[list[i].Facts.GUID] = path.Base(list[i].Name)
	}
	return tx.candidates(list, d.facts, func(guid string) bool { return invited[guid] })
}

// candidates are rooms that could be booked for a meeting, to which the parties of f come,
// but for some.
func (tx *Tx) candidates(list []Other, f *policy.Facts, but func(guid string) bool) []policy.Candidate {
	var found []policy.Candidate
	for i := range list {
		o := &list[i]
		if but(o.Facts.GUID) {
			continue
		}
		o.Facts.Parties = f.Parties
		found = append(found, policy.Candidate{GUID: o.Facts.GUID, Name: o.Facts.Name, Policy: o.Policy, Facts: o.Facts,
			Ledger: &lateLedger{tx: tx, guid: o.Facts.GUID, policy: o.Policy},
			// of whatever is wrong with another room this booking must not fail
			Opens: func(within policy.Span) bool { return tx.Opens(o.Facts, within) == nil }})
	}
	return found
}

// nameOf is how a room among the candidates is called for short.
func (d *booking) nameOf(guid string) string { return d.others[guid] }

// describe says who has taken the room, and for what, as far as everybody may see that on
// its calendar.
func (d *booking) describe(b policy.Booking) (holder, summary string) {
	if b.Object == "" || d.p.OthersSee == policy.SeeBusy {
		return "", ""
	}
	o, err := d.h.w.tx.objectOf(&b)
	if err != nil || o == nil {
		return "", "" // it is an ornament of the text
	}
	if !freebusy.Public(o) && d.p.PrivateBookings != policy.Show {
		return "", ""
	}
	for _, c := range o.Calendar.Children {
		if p := c.Prop("ORGANIZER"); p != nil && d.p.NamesHolder() {
			holder = p.Param("CN")
		}
		if p := c.Prop("SUMMARY"); p != nil && d.p.OthersSee == policy.SeeDetails && freebusy.Public(o) {
			summary = ical.UnescapeText(p.Value)
		}
	}
	return holder, summary
}

// A lateLedger is when a room is taken, found out when it is asked for first. A room of
// which this cannot be said is taken, so that nobody is sent there.
type lateLedger struct {
	tx     *Tx
	guid   string
	policy *policy.Policy
	ledger policy.Ledger
	damage func() error
	err    error
}

// Overlaps implements policy.Ledger.
func (l *lateLedger) Overlaps(from, to int64, exceptUIDs []string) iter.Seq[policy.Booking] {
	return func(yield func(policy.Booking) bool) {
		for _, b := range l.overlaps(from, to, exceptUIDs) {
			if !yield(b) {
				return
			}
		}
	}
}

func (l *lateLedger) overlaps(from, to int64, exceptUIDs []string) []policy.Booking {
	if l.ledger == nil && l.err == nil {
		l.ledger, l.damage, l.err = l.tx.Times(l.guid, l.policy)
	}
	if l.err == nil {
		all := slices.Collect(l.ledger.Overlaps(from, to, exceptUIDs))
		if l.err = l.damage(); l.err == nil {
			return all
		}
	}
	return []policy.Booking{{Span: policy.Span{Start: from, End: to}, State: policy.Blocked}}
}

// Times is when a room is taken, as its ledger has it; it writes nothing, so that those
// who only look may ask. The error of damage counts after it was asked: nothing that was
// said holds then. A room without a home is never taken.
func (tx *Tx) Times(guid string, p *policy.Policy) (l policy.Ledger, damage func() error, err error) {
	sound := func() error { return nil }
	home, err := tx.Tx.Home(guid)
	if errors.Is(err, store.ErrNotFound) {
		return policy.NewBookings(), sound, nil
	}
	if err != nil {
		return nil, nil, err
	}
	ledger := rooms.Of(tx.Tx.Ledger(), uint32(home.ID))
	made, err := ledger.Made()
	if err != nil {
		return nil, nil, err
	}
	if made == madeBy(p) {
		return ledger, ledger.Err, nil
	}
	b, err := tx.timesOf(home, p)
	return b, sound, err
}

// MakeLedgers makes the ledgers of those rooms, by GUID, that have none yet: after a
// reindex, and of an older version. Each is a transaction, so that others go on. Who only
// looks need not read all calendars then. Errors: those of the store.
func (c *Calendars) MakeLedgers(ctx context.Context, all map[string]*policy.Policy) error {
	var missing []string
	err := c.View(ctx, Actor{}, func(tx *Tx) error {
		missing = nil
		for guid, p := range all {
			home, err := tx.Tx.Home(guid)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			// A damaged note is for verify to tell of.
			if made, err := rooms.Of(tx.Tx.Ledger(), uint32(home.ID)).Made(); err == nil && made != madeBy(p) {
				missing = append(missing, guid)
			}
		}
		return nil
	})
	for _, guid := range missing {
		if err != nil {
			break
		}
		err = c.Update(ctx, Actor{}, func(tx *Tx) error {
			home, err := tx.Tx.Home(guid)
			if err == nil {
				_, err = tx.ledger(home, all[guid])
			}
			return err
		})
	}
	return err
}

// timesOf is what a ledger that has not been made would hold.
func (tx *Tx) timesOf(home *store.Home, p *policy.Policy) (policy.Ledger, error) {
	k := keeper{tx: tx, home: home, policy: p}
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return nil, err
	}
	var all []policy.Booking
	for _, col := range cols {
		if col.Kind != store.KindCalendar {
			continue
		}
		for e := range tx.Entries(col.ID) {
			t, err := k.taken(&stay{col: col, name: e.Name}, k.horizon())
			if err != nil {
				return nil, err
			}
			if t != nil {
				all = append(all, t.rows...)
			}
		}
	}
	return policy.NewBookings(all...), nil
}

// Opens adds to the facts of a room when it is closed within some time by the availability
// on its inbox (RFC 7953 §7.2.4), which stands for the hours that it is set to.
func (tx *Tx) Opens(f *policy.Facts, within policy.Span) error {
	home, err := tx.Tx.Home(f.GUID)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	list, err := tx.Availability(home)
	if err != nil || len(list) == 0 {
		return err
	}
	times := freebusy.Times{Unavailable: list}
	closed, err := times.Merged(within.Start, within.End, ical.NewBudget(busyBudget))
	if err != nil {
		return err
	}
	f.HasAvailability = true
	for _, c := range closed {
		f.Unavailable = append(f.Unavailable, policy.Span{Start: c.Start, End: c.End})
	}
	return nil
}

// judged is the time of which a room looks at the dates: from those that are over since
// not long ago until its horizon.
func (tx *Tx) judged(p *policy.Policy) policy.Span {
	const day = 86400
	now := tx.Now().Unix()
	return policy.Span{Start: now - 3*day, End: now + int64(p.Horizon)*day}
}

// A Foresight is what a room would answer to a meeting that there is not.
type Foresight struct {
	Room   *Room
	Facts  *policy.Facts
	Answer *policy.Answer
	Speech *policy.Speech
	Names  map[string]string // the short names of rooms that are named in its place, by GUID
}

// Foresee asks a room about a meeting to which so many people come. Nothing is written.
// Sender must know of Rooms. nil: people answer for this room, or it is gone.
func (tx *Tx) Foresee(room, organizer *scheduling.Party, o *ical.Object, heads int) (*Foresight, error) {
	rules, err := tx.sender.Rooms.Room(room.GUID)
	if err != nil || rules == nil {
		return nil, err
	}
	h := &host{w: newWorld(tx), room: room}
	i := &scheduling.Invitation{Copy: o, Organizer: organizer, Now: tx.Now()}
	d := &booking{h: h, room: rules, p: rules.Policy, i: i, in: policy.Invite{Object: o}}
	if d.facts, err = h.facts(i); err != nil {
		return nil, err
	}
	seat(d.facts, o, heads-1)
	ledger, damage, err := tx.Times(room.GUID, rules.Policy)
	if err == nil {
		err = d.decideOver(ledger, damage)
	}
	if _, refused := errors.AsType[*ConflictError](err); refused { // the answer says it too
		err = nil
	}
	return &Foresight{rules, d.facts, d.a, d.said, d.others}, err
}

// seats is the address of people of whom only the number is known.
const seats = "urn:convene:seats"

// seat adds more people to a meeting.
func seat(f *policy.Facts, o *ical.Object, more int) {
	if more <= 0 {
		return
	}
	party := policy.Party{GUID: seats}
	for n := range more {
		party.Members = append(party.Members, strconv.Itoa(n))
	}
	f.Parties[seats] = party
	for _, c := range o.Calendar.Children {
		c.Add(ical.NewProperty("ATTENDEE", seats))
	}
}

// RoomTimes returns what takes a room between two moments, in Unix seconds.
func (c *Calendars) RoomTimes(ctx context.Context, guid string, p *policy.Policy, from, to int64) (all []policy.Booking, err error) {
	err = c.View(ctx, Actor{}, func(tx *Tx) error {
		l, damage, err := tx.Times(guid, p)
		if err != nil {
			return err
		}
		all = slices.Collect(l.Overlaps(from, to, nil))
		return damage()
	})
	return all, err
}
