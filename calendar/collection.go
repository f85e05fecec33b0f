package calendar

import (
	"strings"

	"convene/store"
)

// anyComponent is what a calendar takes that was made without restriction.
const anyComponent = store.VEVENT | store.VTODO | store.VJOURNAL | store.VFREEBUSY

// Components is what types of objects a calendar takes.
func Components(c *store.Collection) store.Component {
	if c.Components == 0 {
		return anyComponent
	}
	return c.Components
}

// componentNames are the types that a calendar may hold, in the order in which
// they are listed.
var componentNames = []struct {
	name string
	bit  store.Component
}{
	{"VEVENT", store.VEVENT}, {"VTODO", store.VTODO}, {"VJOURNAL", store.VJOURNAL},
	{"VFREEBUSY", store.VFREEBUSY}, {"VAVAILABILITY", store.VAVAILABILITY}, {"VPOLL", store.VPOLL},
}

// ComponentNames lists the names of a set of component types.
func ComponentNames(set store.Component) []string {
	var names []string
	for _, c := range componentNames {
		if set&c.bit != 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// ComponentNamed is the type of a component name, 0 if no calendar can hold it.
func ComponentNamed(name string) store.Component {
	for _, c := range componentNames {
		if strings.EqualFold(c.name, name) {
			return c.bit
		}
	}
	return 0
}

// DefaultComponents is what a new calendar takes for which nothing was said:
// everything, or events where calendars hold one type each.
func (r Rules) DefaultComponents() store.Component {
	if r.SingleComponent {
		return store.VEVENT
	}
	return anyComponent
}

// Create makes a collection in a home. Errors: those of the rules and of
// [store.Tx.CreateCollection].
func (tx *Tx) Create(home *store.Home, n store.NewCollection) (col *store.Collection, err error) {
	c := &Change{Op: CreateCollection, At: Place{Home: home, Name: n.Name}}
	err = tx.change(c, func() error {
		col, err = tx.CreateCollection(home.ID, n)
		return err
	})
	return col, err
}

// Remove takes away a collection with all that is in it. To the meetings in it, it is
// as if each was removed (RFC 6638 §3.2). Errors: those of the rules and of
// [store.Tx.DeleteCollection].
func (tx *Tx) Remove(home *store.Home, col *store.Collection) error {
	c := &Change{Op: DeleteCollection, At: Place{Home: home, Collection: col}}
	return tx.change(c, func() error {
		if err := tx.leaveMeetings(col); err != nil {
			return err
		}
		return tx.DeleteCollection(home.ID, col.Name)
	})
}

// leaveMeetings removes the objects of a collection that are of meetings.
func (tx *Tx) leaveMeetings(col *store.Collection) error {
	if tx.c.Scheduling == nil || tx.sender == nil || col.Kind != store.KindCalendar {
		return nil
	}
	var meetings []*store.Entry
	for e := range tx.Entries(col.ID) {
		if e.Role != store.RoleNone {
			meetings = append(meetings, &e)
		}
	}
	for _, e := range meetings {
		if err := tx.Delete(col, e); err != nil {
			return err
		}
	}
	return nil
}

// MoveTo gives a collection another name, in its home or in another one; its
// resource-id stays. What has that name must be removed first. Errors: those of
// the rules and of [store.Tx.MoveCollection].
func (tx *Tx) MoveTo(from *store.Home, col *store.Collection, to *store.Home, name string) error {
	c := &Change{Op: MoveCollection, From: Place{Home: from, Collection: col}, At: Place{Home: to, Name: name}}
	return tx.change(c, func() error {
		if err := tx.mayTake(col, from, to); err != nil {
			return err
		}
		if err := tx.meetingsStay(c); err != nil {
			return err
		}
		choices, err := tx.choicesOf(from, col)
		if err != nil {
			return err
		}
		if _, err := tx.MoveCollection(from.ID, col.Name, to.ID, name); err != nil || from.ID != to.ID {
			return err
		}
		return tx.choose(to, choices, name)
	})
}

// What one copy may write in its transaction, while all other writers wait:
// objects, and the bytes in them.
const (
	maxCopied      = 1000
	maxCopiedBytes = 32 << 20
)

// CopyTo copies a collection with its properties and its members to a free name.
// Errors: those of the rules and of [store.Tx.CopyCollection]; ErrTooLarge.
func (tx *Tx) CopyTo(from *store.Home, col *store.Collection, to *store.Home, name string) error {
	c := &Change{Op: CopyCollection, From: Place{Home: from, Collection: col}, At: Place{Home: to, Name: name}}
	return tx.change(c, func() error {
		if col.Objects > maxCopied || col.Bytes > maxCopiedBytes {
			return ErrTooLarge
		}
		if err := tx.mayTake(col, from, to); err != nil {
			return err
		}
		if err := tx.onceInHome(c.From, to); err != nil {
			return err
		}
		if err := tx.meetingsStay(c); err != nil {
			return err
		}
		_, err := tx.CopyCollection(from.ID, col.Name, to.ID, name)
		return err
	})
}

// onceInHome refuses to copy a calendar beside itself if it holds anything: a UID is one
// object in all calendars of a home.
func (tx *Tx) onceInHome(from Place, to *store.Home) error {
	if from.Home.ID != to.ID || from.Collection.Kind != store.KindCalendar {
		return nil
	}
	for e := range tx.Entries(from.Collection.ID) {
		return &store.UIDConflictError{Home: to.ID, Collection: from.Collection.ID, InName: from.Collection.Name, Name: e.Name}
	}
	return nil
}

// meetingsStay refuses to copy or move a calendar into another home with an object of a
// meeting: that is in no other home (RFC 6638 §3.2.4.1). What is done to a second one,
// attendees would be told of as of the meeting.
func (tx *Tx) meetingsStay(c *Change) error {
	if tx.sender == nil || c.From.Home.ID == c.At.Home.ID {
		return nil
	}
	for e := range tx.Entries(c.From.Collection.ID) {
		switch {
		case !takesPart(&e):
		case c.Op == MoveCollection:
			return ErrMeeting
		default:
			return errTaken
		}
	}
	return nil
}

// takesPart reports whether the owner of an object's home organizes or attends what it is
// of, so that others hear of what is done to it.
func takesPart(e *store.Entry) bool {
	return e.Role == store.RoleOrganizer || e.Role == store.RoleAttendee
}

// CopyEmpty makes a collection like col, without its members (RFC 4918 §9.8.3,
// Depth: 0).
func (tx *Tx) CopyEmpty(from *store.Home, col *store.Collection, to *store.Home, name string) error {
	c := &Change{Op: CopyCollection, From: Place{Home: from, Collection: col}, At: Place{Home: to, Name: name}}
	return tx.change(c, func() error {
		props, err := tx.Properties(store.OfCollection(col))
		if err != nil {
			return err
		}
		_, err = tx.CreateCollection(to.ID, store.NewCollection{Name: name, Kind: col.Kind, Components: col.Components, Properties: props})
		return err
	})
}
