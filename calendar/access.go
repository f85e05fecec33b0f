package calendar

import (
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/store"
)

// accessProperty says who may see how much of an object
// (calendarserver-private-events §4.1.2).
const accessProperty = "X-CALENDARSERVER-ACCESS"

var accessValues = map[string]store.Access{
	"PUBLIC": store.AccessPublic, "RESTRICTED": store.AccessRestricted,
	"CONFIDENTIAL": store.AccessConfidential, "PRIVATE": store.AccessPrivate,
}

// What is refused of X-CALENDARSERVER-ACCESS.
var (
	// ErrAccess: no value that is known, or two of them
	// (calendarserver-private-events §4.2.6, CS:valid-access-restriction).
	ErrAccess = errors.New("no valid access restriction")

	// ErrAccessChange: only whom an object belongs to restricts it
	// (calendarserver-private-events §4.2.6, CS:valid-access-restriction-change).
	ErrAccessChange = errors.New("only the owner sets an access restriction")

	// ErrMessageAccess: what is sent to others has no such property
	// (calendarserver-private-events §4.2.7, CS:no-access-restrictions).
	ErrMessageAccess = errors.New("a message has no access restriction")

	// ErrRestricted: what somebody sees a part of, they can neither copy nor move.
	ErrRestricted = errors.New("only a part of this is shown")
)

// hasAccess reports whether calendar data says who may see how much of it, be it
// everybody everything.
func hasAccess(cal *ical.Component) bool { return cal.Prop(accessProperty) != nil }

// MessageHasAccess reports whether a message says so, or a component of it where no
// object would have it: it is refused with ErrMessageAccess.
func MessageHasAccess(cal *ical.Component) bool {
	return hasAccess(cal) || slices.ContainsFunc(cal.Children, hasAccess)
}

// checkAccess refuses a value that is not known, and more than one. Errors:
// ErrAccess.
func checkAccess(cal *ical.Component) error {
	props := cal.AllProps(accessProperty)
	if len(props) > 1 {
		return ErrAccess
	}
	for _, p := range props {
		if _, ok := accessValue(p); !ok {
			return ErrAccess
		}
	}
	return nil
}

func accessValue(p *ical.Property) (a store.Access, ok bool) {
	a, ok = accessValues[strings.ToUpper(strings.TrimSpace(p.Value))]
	return a, ok
}

// accessOf is what an object says of itself. What is not known was stored before it
// was checked: it is taken for the strictest.
func accessOf(cal *ical.Component) (a store.Access) {
	for _, p := range cal.AllProps(accessProperty) {
		value, ok := accessValue(p)
		if !ok {
			value = store.AccessPrivate
		}
		a = max(a, value)
	}
	return a
}

// withAccess gives an object that says nothing the restriction that the one in its
// place had: clients that do not know the property leave it out. It returns a
// changed copy, or d itself.
func withAccess(was *store.Entry, d *Data) (*Data, error) {
	if was == nil || d.Object == nil || was.Flags.Access() == store.AccessPublic || hasAccess(d.Object.Calendar) {
		return d, nil
	}
	cal := d.Object.Calendar.Clone()
	for name, access := range accessValues {
		if access == was.Flags.Access() {
			cal.SetValue(accessProperty, name)
		}
	}
	return d.edited(cal, d.Index.Flags.WithAccess(was.Flags.Access()))
}

// setsAccess: a restriction is set by whom the object belongs to, and lifted by them
// or an administrator. Others leave it as it is; so nobody can lock themselves out
// (calendarserver-private-events §4.2.2.1).
func setsAccess(_ *Tx, c *Change) error {
	if !c.writesObject() || c.Delivered || c.By.Who == "" || c.By.As == c.At.Home.Owner {
		return nil
	}
	was := store.AccessPublic
	switch {
	case c.Was != nil:
		was = c.Was.Flags.Access()
	case c.From.Home != nil && c.From.Home.ID == c.At.Home.ID:
		was = c.Access
	}
	lifted := c.Access == store.AccessPublic && c.By.Administrator
	if c.Access == was || lifted {
		return nil
	}
	return ErrAccessChange
}

// mayTake judges whether all objects of a collection may go to another home, as
// copies or themselves: those that the actor sees wholly may, but restricted ones
// only into the actor's own.
func (tx *Tx) mayTake(col *store.Collection, from, to *store.Home) error {
	own := tx.by.Who == "" || tx.by.As == to.Owner
	if from.ID == to.ID || own && tx.showsAll(col) {
		return nil
	}
	for e := range tx.Entries(col.ID) {
		switch {
		case tx.View(col, &e) != Whole:
			return ErrRestricted
		case !own && e.Flags.Access() != store.AccessPublic:
			return ErrAccessChange
		}
	}
	return nil
}
