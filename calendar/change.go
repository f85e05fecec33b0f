package calendar

import (
	"errors"

	"convene/quota"
	"convene/store"
)

// A Change is one change of calendar data, before it is made.
type Change struct {
	Op   Op
	By   Actor
	From Place // what is copied or moved
	At   Place // what is written or removed

	Was  *store.Entry // the object at At; nil: there is none
	Will *Data        // of Put: what will be there

	// Component is the type of the object that will be at At, 0 for a file.
	Component store.Component

	// Delivered: scheduling makes this change in a home for what was done in another.
	Delivered bool

	// Access is the restriction of the object that will be at At.
	Access store.Access

	// Of properties: the name in Clark's notation, {namespace}local, and what
	// it will be, an element; nil: removed.
	Property string
	Value    []byte // of SetACL: the list as it is kept
}

// An Op is what a change does.
type Op uint8

// The operations. Those on objects come first.
const (
	Put              Op = iota + 1 // write an object
	Delete                         // remove an object
	Copy                           // write a copy of an object
	Move                           // move an object
	Deliver                        // put a message into an inbox
	CreateCollection               // make a collection
	DeleteCollection               // remove a collection with all it holds
	CopyCollection                 // copy a collection, with its members or without
	MoveCollection                 // move a collection with all it holds
	SetProperty                    // set or remove a property of whatever is at At
	SetACL                         // set or remove the access control list of what is at At
)

// A Place is a home, a collection in it, or an object in that.
type Place struct {
	Home       *store.Home
	Collection *store.Collection // nil: the home itself, or what is not there yet
	Name       string            // of the object, or of a collection that is to be made
}

// Resource is what the store keeps the properties of a place with.
func (p Place) Resource() store.Resource {
	switch {
	case p.Collection == nil:
		return store.OfHome(p.Home.ID)
	case p.Name == "":
		return store.OfCollection(p.Collection)
	}
	return store.OfObject(p.Collection, p.Name)
}

// What the rules refuse.
var (
	// ErrLocation: calendar objects lie in calendars, and files in ordinary
	// collections; collections lie in homes (RFC 4791 §5.3.2.1,
	// CALDAV:calendar-collection-location-ok).
	ErrLocation = errors.New("not a place for this")

	// ErrComponent: the calendar does not take this type of component
	// (CALDAV:supported-calendar-component).
	ErrComponent = errors.New("component type not taken here")

	// ErrFixed: the home cannot be without this collection.
	ErrFixed = errors.New("this collection belongs to the home")

	// ErrDefaultCalendar: invitations go there (RFC 6638 §9.2,
	// CALDAV:default-calendar-needed).
	ErrDefaultCalendar = errors.New("this is the default calendar")

	// ErrMeeting: an object of a meeting stays in its home.
	ErrMeeting = errors.New("a meeting cannot be moved to another home")

	// ErrSame: source and destination of a copy or move are one.
	ErrSame = errors.New("source and destination are the same")

	// ErrTooLarge: more than one transaction can copy while all others wait.
	ErrTooLarge = errors.New("too large to be copied at once")

	// ErrNoCollection: there is no collection of that name to put something into.
	ErrNoCollection = errors.New("no such collection")

	// ErrTaken: a collection has the name that a file of the home shall have.
	ErrTaken = errors.New("a collection has this name")
)

// rules judge every change before it is made, whatever way it came; the first
// error refuses it.
var rules = []func(*Tx, *Change) error{
	inItsPlace,
	takesComponent,
	hasFewLines,
	setsAccess,
	staysWithHome,
	isNotDefault,
	keepsBookings,
}

// change lets the rules judge c, and then makes it. If it is in a room's calendars, the
// room must have time for what is there afterwards. What it does to an object of somebody
// else is noted.
func (tx *Tx) change(c *Change, write func() error) error {
	c.By = tx.by
	for _, rule := range rules {
		if err := rule(tx, c); err != nil {
			return err
		}
	}
	acts, err := tx.acts(c)
	if err != nil {
		return err
	}
	if c.inRooms() {
		err = tx.pays(c, write)
	} else {
		err = write()
	}
	for _, n := range acts {
		if err == nil {
			err = tx.note(n)
		}
	}
	return err
}

// writesObject reports whether an object will be at c.At.
func (c *Change) writesObject() bool {
	return c.Op == Put || c.Op == Copy || c.Op == Move || c.Op == Deliver
}

// inItsPlace: calendar data goes into calendars, messages into inboxes, files into
// ordinary collections.
func inItsPlace(_ *Tx, c *Change) error {
	if !c.writesObject() {
		return nil
	}
	want := store.KindCalendar
	switch {
	case c.Op == Deliver:
		want = store.KindInbox
	case c.Component == 0:
		want = store.KindCollection
	}
	if c.At.Collection.Kind != want {
		return ErrLocation
	}
	return nil
}

// takesComponent: a calendar says which types of component it takes.
func takesComponent(_ *Tx, c *Change) error {
	if c.writesObject() && c.Component != 0 && Components(c.At.Collection)&c.Component == 0 {
		return ErrComponent
	}
	return nil
}

// hasFewLines: each component of an object has so many attendees (RFC 4791 §5.2.9) and
// attachments. All else that the home's limits are about the store judges with each write.
func hasFewLines(tx *Tx, c *Change) error {
	if c.Will == nil || c.Will.Object == nil {
		return nil
	}
	limits := tx.Limits(c.At.Home)
	for _, part := range c.Will.Object.Calendar.Children {
		var n quota.Usage
		for i := range part.Props {
			switch part.Props[i].Name {
			case "ATTENDEE":
				n.Attendees++
			case "ATTACH":
				n.Attachments++
			}
		}
		if err := limits.Check(quota.Usage{}, n); err != nil {
			return err
		}
	}
	return nil
}

// staysWithHome: what every home has is neither removed nor copied nor moved.
func staysWithHome(_ *Tx, c *Change) error {
	switch c.Op {
	case DeleteCollection:
		if Fixed(c.At.Collection) {
			return ErrFixed
		}
	case CopyCollection, MoveCollection:
		if Fixed(c.From.Collection) {
			return ErrFixed
		}
	}
	return nil
}

// isNotDefault: the calendar that invitations go to is neither removed nor moved to
// another home (RFC 6638 §4.3).
func isNotDefault(tx *Tx, c *Change) error {
	p := c.At
	switch c.Op {
	case MoveCollection:
		if p = c.From; p.Home.ID == c.At.Home.ID {
			return nil
		}
	case DeleteCollection:
	default:
		return nil
	}
	col, err := tx.DefaultCalendar(p.Home, store.VEVENT)
	if err == nil && col != nil && p.Collection.ID == col.ID {
		err = ErrDefaultCalendar
	}
	return err
}
