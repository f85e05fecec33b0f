package calendar

import (
	"bytes"
	"errors"
	"slices"

	"convene/freebusy"
	"convene/internal/ical"
	"convene/scheduling"
	"convene/store"
)

// Parties knows whom calendar user addresses name, as scheduling.World does.
type Parties interface {
	Party(address string) (*scheduling.Party, error)
}

// A Watcher is told by mail of the invitations of somebody whom they act for.
type Watcher struct {
	GUID     string
	Name     string
	Address  string // without "mailto:"
	Language string // a tag of RFC 5646; "": not known
}

// A Sender is what scheduling must know of whoever makes a change, and of how they
// do.
type Sender struct {
	Parties Parties

	// Rooms knows how rooms answer; nil: a human does, and their calendars are like
	// others'.
	Rooms Rooms

	// MayNot is the error of a change in a home that sends messages; nil: it may.
	MayNot func(home *store.Home) error

	// MayNotMeet is the error of any change of a meeting in a home, whether it sends
	// something or not; nil: it may be made.
	MayNotMeet func(home *store.Home) error

	// MayDeliver reports whether whoever a message is from may put it into the inbox of
	// a home (RFC 6638 §6.1).
	MayDeliver func(home *store.Home, inbox *store.Collection, m *scheduling.Message) (bool, error)

	// Watchers returns those who act for a party and are told by mail of what comes into
	// its inbox about a meeting in a calendar of its; nil: nobody is.
	Watchers func(to *scheduling.Party, calendar *store.Collection, private bool) ([]Watcher, error)

	// Delivers is the error of a transaction that writes so many bytes, of all that it
	// has delivered so far, in others' homes; nil: it may.
	Delivers func(bytes int64) error

	// Claimed is told of a SENT-BY that a client made up, and that is not stored: see
	// scheduling.Plan. It may be told again when the transaction is run again.
	Claimed func(address string)

	Merge     bool // see scheduling.Change
	Silent    bool // likewise
	FixTransp bool // likewise
}

// Meet tells the transaction who sends what its changes send. Without it, what is
// written is stored as it is, and nobody is told: as a restore or import does.
func (tx *Tx) Meet(s Sender) { tx.sender = &s }

// isMeeting reports whether a change of an object is for scheduling to judge.
func (tx *Tx) isMeeting(c *Change) bool {
	if tx.c.Scheduling == nil || tx.sender == nil || c.At.Collection.Kind != store.KindCalendar {
		return false
	}
	return c.Will != nil && c.Will.Index.Flags&store.FlagScheduled != 0 ||
		c.Was != nil && c.Was.Flags&store.FlagScheduled != 0
}

// meet carries out a change of an object that is of a meeting, or becomes one, with
// all that it means for others (RFC 6638 §3.2): everything is written, or nothing.
func (tx *Tx) meet(c *Change) (*Written, error) {
	if tx.sender.MayNotMeet != nil {
		if err := tx.sender.MayNotMeet(c.At.Home); err != nil {
			return nil, err
		}
	}
	change, err := tx.meetingChange(c)
	if err != nil {
		return nil, err
	}
	tx.decided, tx.standing = map[decided]*booking{}, map[decided]string{}
	world := newWorld(tx)
	plan, err := scheduling.Decide(*change, world)
	if err != nil {
		return nil, err
	}
	if plan.Claimed != "" && tx.sender.Claimed != nil {
		tx.sender.Claimed(plan.Claimed)
	}
	writes, err := scheduling.Converse(plan, world, tx.c.Scheduling)
	if err = errors.Join(err, world.err); err != nil {
		return nil, err
	}
	if err := tx.maySend(sends(writes, change.Owner)); err != nil {
		return nil, err
	}
	var w *Written
	err = tx.Savepoint(func() error {
		if writes.Own, err = tx.deliver(world, writes, plan.Role); err != nil {
			return err
		}
		w, err = tx.writeOwn(c, plan, writes)
		return err
	})
	return w, err
}

// sends is to how many others something is sent. What rooms answer at once, and what all
// are told of others' answers, is not.
func sends(w *scheduling.Writes, owner *scheduling.Party) int {
	n := 0
	for i := range w.Inbox {
		if w.Inbox[i].To.GUID != owner.GUID {
			n++
		}
	}
	for i := range w.Mail {
		n += len(w.Mail[i].To)
	}
	return n
}

// meetingChange is c as scheduling sees it, with its addresses in canonical form.
func (tx *Tx) meetingChange(c *Change) (*scheduling.Change, error) {
	owner, err := tx.ownerOf(c.At.Home)
	if err != nil {
		return nil, err
	}
	caller := owner
	if who := tx.by.As; who != "" && who != owner.GUID {
		if caller, err = tx.party(who); err != nil {
			return nil, err
		}
	}
	change := &scheduling.Change{
		Owner: owner, Caller: caller, Merge: tx.sender.Merge, Silent: tx.sender.Silent, FixTransp: tx.sender.FixTransp,
		Now: tx.Now(), Options: tx.c.Scheduling, Comment: tx.saying,
	}
	if tx.sender.MayNot != nil {
		change.MayNot = tx.sender.MayNot(c.At.Home)
	}
	if c.Was != nil {
		if change.Old, err = tx.stored(c.At.Collection, c.Was); err != nil {
			return nil, err
		}
	}
	if c.Will != nil {
		change.New, err = scheduling.Canonical(c.Will.Object, change.Old, owner, tx.c.Scheduling, newWorld(tx))
		if err == nil {
			change.New, err = tx.askAnyway(change.New, owner)
		}
	}
	return change, err
}

// ownerOf is the party that a home belongs to, with the addresses that it had there before.
func (tx *Tx) ownerOf(home *store.Home) (*scheduling.Party, error) {
	p, err := tx.party(home.Owner)
	note := noteOf(home)
	if err != nil || len(note.former) == 0 {
		return p, err
	}
	owner := *p // may be shared
	owner.Former = note.former
	return &owner, nil
}

// party is the one of a record.
func (tx *Tx) party(guid string) (*scheduling.Party, error) {
	return tx.sender.Parties.Party(scheduling.CanonicalAddress(guid))
}

// stored is an object as it is stored.
func (tx *Tx) stored(col *store.Collection, e *store.Entry) (*ical.Object, error) {
	body, _, err := tx.Tx.Body(col.ID, e.Name)
	if err != nil {
		return nil, err
	}
	return parsed(body)
}

// parsed is the object that a stored body is, which is not kept.
func parsed(body []byte) (*ical.Object, error) {
	cal, err := ical.Decode(bytes.Clone(body), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return ical.NewObject(cal)
}

// roles are the store's names of scheduling's roles.
var roles = map[scheduling.Role]store.Role{
	scheduling.RoleOrganizer: store.RoleOrganizer,
	scheduling.RoleAttendee:  store.RoleAttendee,
	scheduling.RoleStranger:  store.RoleStranger,
}

// tagOptions is how an object is written whose Schedule-Tag follows a rule.
func tagOptions(role store.Role, rule scheduling.TagRule) []store.PutOption {
	opts := slices.Concat(store.As(role), []store.PutOption{store.UniqueInHome})
	if rule == scheduling.TagKeep {
		opts = append(opts, store.KeepScheduleTag)
	}
	return opts
}

// writeOwn writes what a change leaves in the home that it was made in.
func (tx *Tx) writeOwn(c *Change, plan *scheduling.Plan, writes *scheduling.Writes) (*Written, error) {
	switch writes.Outcome {
	case scheduling.Discarded:
		return &Written{Created: c.Was == nil, Data: &Data{Edited: true}}, nil
	case scheduling.Deleted:
		if c.Was == nil {
			return &Written{Data: &Data{Edited: true}}, nil
		}
		return &Written{Data: &Data{Edited: true}}, tx.DeleteObject(c.At.Collection, c.Was.Name, store.Match{})
	}
	sent := c.Will
	data, err := dataOf(writes.Own)
	if err != nil {
		return nil, err
	}
	if c.Op == Put && c.Was == nil {
		if data, err = tx.withDefaultAlarms(c.At.Collection, data); err != nil {
			return nil, err
		}
	}
	shown, err := tx.c.shown(data)
	if err != nil {
		return nil, err
	}
	data.Edited = sent.Edited || !bytes.Equal(shown, sent.Body)
	role := roles[plan.Role]
	if plan.Role == scheduling.RoleNone {
		role = store.RoleNone
	}
	entry, created, err := tx.PutObject(c.At.Collection, c.At.Name, data.Body, data.Index, store.Match{}, tagOptions(role, writes.Tag)...)
	if err != nil {
		return nil, err
	}
	return &Written{Entry: entry, Created: created, Data: &Data{Body: shown, Object: data.Object, Index: data.Index, Edited: data.Edited}}, nil
}

// dataOf prepares an object that the server made for the store.
func dataOf(o *ical.Object) (*Data, error) {
	ix, err := indexOf(o)
	if err != nil {
		return nil, Invalid(err)
	}
	return &Data{Body: o.Calendar.Append(nil), Object: o, Index: ix, Edited: true}, nil
}

// A world is the homes of this transaction as scheduling sees them.
type world struct {
	tx      *Tx
	objects map[string]*ical.Object // by their text: most attendees' copies are alike
	copies  map[copyKey]heldCopy    // those that were read
	gates   map[gateKey]bool        // which messages inboxes take
	err     error                   // of what cannot return one
}

func newWorld(tx *Tx) *world {
	return &world{tx: tx, objects: map[string]*ical.Object{}, copies: map[copyKey]heldCopy{}, gates: map[gateKey]bool{}}
}

// A copyKey names the object of a UID in the home of a record.
type copyKey struct{ guid, uid string }

// A heldCopy is where a home has an object; zero: nowhere.
type heldCopy struct {
	col   *store.Collection
	entry *store.Entry
}

// A gateKey is what it depends on whether an inbox takes a message.
type gateKey struct {
	to, from string // GUIDs
	method   scheduling.Method
}

// Party implements scheduling.World.
func (w *world) Party(address string) (*scheduling.Party, error) {
	p, err := w.tx.sender.Parties.Party(address)
	if err != nil || w.tx.sender.Rooms == nil {
		return p, err
	}
	switch p.Kind {
	case scheduling.Room, scheduling.Resource:
		answering := *p // may be shared
		answering.Policy = &host{w: w, room: &answering}
		return &answering, nil
	case scheduling.RoomPool, scheduling.ResourcePool:
		answering := *p
		answering.Chooser = &chooser{host{w: w, room: &answering}}
		return &answering, nil
	}
	return p, nil
}

// Copy implements scheduling.World.
func (w *world) Copy(guid, uid string) (*ical.Object, error) {
	home, err := w.tx.Tx.Home(store.GUID(guid))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	col, name, err := w.tx.ObjectByUIDInHome(home.ID, uid)
	if errors.Is(err, store.ErrNotFound) {
		w.copies[copyKey{guid, uid}] = heldCopy{}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stored, err := w.tx.Tx.Object(col.ID, name)
	if err != nil {
		return nil, err
	}
	w.copies[copyKey{guid, uid}] = heldCopy{col, &stored.Entry}
	if o := w.objects[string(stored.Body)]; o != nil {
		return o, nil
	}
	o, err := parsed(stored.Body)
	if err == nil {
		w.objects[string(stored.Body)] = o
	}
	return o, err
}

// held is tx.holder, of a home of which nothing of the kind was written since the world
// read it.
func (w *world) held(home *store.Home, uid string) (*store.Collection, *store.Entry, error) {
	if c, known := w.copies[copyKey{home.Owner, uid}]; known {
		return c.col, c.entry, nil
	}
	return w.tx.holder(home, uid)
}

// holder is where a home has the object of a UID; nil: it has none.
func (tx *Tx) holder(home *store.Home, uid string) (*store.Collection, *store.Entry, error) {
	col, name, err := tx.ObjectByUIDInHome(home.ID, uid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	e, err := tx.Entry(col, name)
	return col, e, err
}

// busyBudget bounds what is expanded to find out when somebody is busy.
const busyBudget = 100_000

// Busy implements scheduling.World: all calendars of a home count, transparent ones
// too.
func (w *world) Busy(guid string, from, to int64, exceptUID string) (busy []ical.BusyPeriod, err error) {
	home, err := w.tx.Tx.Home(guid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	cols, err := w.tx.Collections(home.ID)
	if err != nil {
		return nil, err
	}
	times := freebusy.Times{}
	q := BusyQuery{From: from, To: to, Budget: ical.NewBudget(busyBudget), Counts: func(e *store.Entry) bool { return e.UID != exceptUID }}
	for _, col := range cols {
		if col.Kind != store.KindCalendar {
			continue
		}
		if err := w.tx.Busy(&times, col, &q); err != nil {
			return nil, err
		}
	}
	return times.Merged(from, to, q.Budget)
}
