package caldav

import (
	"convene/acl"
	"convene/calendar"
	"convene/directory"
	"convene/store"
)

// Class says for whom CLASS (RFC 5545 §3.8.1.3) makes events private.
type Class string

// The values of calendars.class.
const (
	ClassSharees Class = "sharees" // those with whom a calendar is shared, and delegates
	ClassAll     Class = "all"     // those who may read everybody's calendars as well
	ClassIgnored Class = "ignore"  // nobody
)

// restrictions are what somebody sees of an object with each restriction, and what
// they are denied, unless they stand above it (calendarserver-private-events §4.2.3).
var restrictions = [...]struct {
	view   calendar.View
	denied acl.Privilege
}{
	store.AccessPublic:       {calendar.Whole, acl.None},
	store.AccessRestricted:   {calendar.Summary, acl.Write},
	store.AccessConfidential: {calendar.Times, acl.Write},
	store.AccessPrivate:      {calendar.Nothing, acl.Read | acl.Write},
}

// restriction is that of an object, and from which standing on it does not hold. An
// object that says who may see it is not judged by its CLASS as well.
func (h *Handler) restriction(e *store.Entry) (store.Access, acl.Standing) {
	switch access := e.Flags.Access(); {
	case access != store.AccessPublic:
		return access, acl.AsReader
	case e.Flags&store.FlagPrivate == 0 || h.Limits.Class == ClassIgnored:
		return store.AccessPublic, acl.AsOther
	case h.Limits.Class == ClassAll:
		return store.AccessConfidential, acl.AsConfidant
	}
	return store.AccessConfidential, acl.AsReader
}

// denied is what the owner of an object keeps from others.
func (s *scope) denied(e *store.Entry) acl.Privilege {
	if e == nil {
		return acl.None
	}
	access, _ := s.h.restriction(e)
	return restrictions[access].denied
}

// viewer shows objects as the caller of a request sees them.
type viewer struct {
	*scope
	standings map[store.CollectionID]acl.Standing
}

// View implements calendar.Viewer.
func (v *viewer) View(col *store.Collection, e *store.Entry) calendar.View {
	access, from := v.h.restriction(e)
	if access == store.AccessPublic || v.standing(col) >= from {
		return calendar.Whole
	}
	return restrictions[access].view
}

// ShowsAll implements calendar.Viewer.
func (v *viewer) ShowsAll(col *store.Collection) bool { return v.standing(col) >= acl.AsConfidant }

// standing is what the caller is to the owner of a collection. If that cannot be found
// out the request fails, whatever it made of it.
func (v *viewer) standing(col *store.Collection) acl.Standing {
	if st, ok := v.standings[col.ID]; ok {
		return st
	}
	home, err := v.tx.HomeByID(col.Home)
	if err != nil {
		v.fault = err
		return acl.AsOther
	}
	owner := acl.Owner{GUID: home.Owner, Group: directory.Type(home.OwnerType) == directory.Group}
	v.actsFor(home.Owner)
	st := v.h.Access.Standing(acl.Resource{Kind: acl.Calendar, Owner: owner, Collection: uint32(col.ID)}, v.req.asks())
	if st < acl.AsOwner && v.h.Access.Incomplete {
		v.fault = errIncomplete
	}
	set(&v.standings, col.ID, st)
	return st
}

// isShown reports whether the caller sees that an object of a collection is there.
func (s *scope) isShown(col *store.Collection, e *store.Entry) bool {
	return s.tx.View(col, e) != calendar.Nothing
}
