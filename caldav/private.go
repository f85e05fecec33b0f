package caldav

import (
	"errors"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/directory"
	"convene/freebusy"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
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
	access, _ := s.h.restriction(e) // the other result is a standing, which the list of access judges
	return restrictions[access].denied
}

// viewer shows objects as the caller of a request sees them.
type viewer struct {
	*scope
	stands    stands                              // as last found out
	standings map[store.CollectionID]acl.Standing // before that
	roomSeen  shownRoom
}

// stands is what the caller is to the owner of a collection.
type stands struct {
	collection store.CollectionID // 0: none
	as         acl.Standing
}

// A shownRoom is what room last found out: members of a collection are shown one after
// another.
type shownRoom struct {
	collection store.CollectionID // 0: none
	rules      *policy.Policy
}

// View implements calendar.Viewer.
func (v *viewer) View(col *store.Collection, e *store.Entry) calendar.View {
	access, from := v.h.restriction(e)
	view := calendar.Whole
	if access != store.AccessPublic && v.standing(col) < from {
		view = restrictions[access].view
	}
	rules := v.roomFor(col, e)
	if rules == nil {
		return view
	}
	private := isPrivate(e)
	if private && e.Flags.Access() == store.AccessPublic { // CLASS alone: what is to be seen then, the room says
		view = calendar.Whole
	}
	switch hidden := private && rules.PrivateBookings != policy.Show; {
	case rules.OthersSee == policy.SeeBusy:
		return max(view, calendar.Times)
	case rules.OthersSee == policy.SeeOrganizer || hidden:
		return max(view, calendar.Titled)
	}
	return view
}

// isPrivate reports whether an object says that it is not for everybody.
func isPrivate(e *store.Entry) bool {
	return e.Flags.Access() != store.AccessPublic || e.Flags&store.FlagPrivate != 0
}

// Title implements calendar.Viewer.
func (v *viewer) Title(col *store.Collection, o *ical.Object) string {
	if rules := v.room(col); rules != nil {
		return rules.Title(language(v.readerLanguage(), v.h.Language), holderOf(o), !freebusy.Public(o))
	}
	return ""
}

// readerLanguage is that of the caller, as the directory has it: what an entity tag is of
// must not depend on the request.
func (s *scope) readerLanguage() string {
	if c := s.req.caller; c != nil && c.Principal != nil {
		return c.Principal.Language
	}
	return ""
}

// holderOf is how the organizer of a meeting is called; "" of an event that has none.
func holderOf(o *ical.Object) string {
	for _, c := range o.Calendar.Children {
		p := c.Prop("ORGANIZER")
		if p == nil {
			continue
		}
		for _, name := range []string{p.Param("CN"), p.Param("EMAIL")} {
			if name != "" {
				return name
			}
		}
		return strings.TrimPrefix(p.Address(), "mailto:")
	}
	return ""
}

// ShowsAll implements calendar.Viewer.
func (v *viewer) ShowsAll(col *store.Collection) bool { return v.standing(col) >= acl.AsConfidant }

// standing is what the caller is to the owner of a collection. If that cannot be found
// out the request fails, whatever it made of it.
func (v *viewer) standing(col *store.Collection) acl.Standing {
	if v.stands.collection == col.ID {
		return v.stands.as
	}
	if st, ok := v.standings[col.ID]; ok {
		return st
	}
	owner, ok := v.ownerOf(col)
	if !ok {
		return acl.AsOther
	}
	v.actsFor(owner.GUID)
	st := v.h.Access.Standing(acl.Resource{Kind: acl.Calendar, Owner: owner, Collection: uint32(col.ID)}, v.req.asks())
	if st < acl.AsOwner && v.h.Access.Incomplete {
		v.fault = errIncomplete
	}
	if v.stands.collection != 0 { // most requests are about one collection, and need no map
		set(&v.standings, v.stands.collection, v.stands.as)
	}
	v.stands = stands{col.ID, st}
	return st
}

// ownerOf is whose home a collection is in. If that cannot be read the request fails.
func (v *viewer) ownerOf(col *store.Collection) (o acl.Owner, ok bool) {
	home := v.home
	if home == nil || home.ID != col.Home {
		var err error
		if home, err = v.tx.HomeByID(col.Home); err != nil {
			v.fault = err
			return o, false
		}
	}
	typ := directory.Type(home.OwnerType)
	return acl.Owner{GUID: home.Owner, Group: typ == directory.Group, Room: rooms.KindOf(typ).Booked()}, true
}

// room is how a room shows a calendar of its to those without a right on it, of which the
// caller is one; nil: they may read it, or it is no room's. If that cannot be found out
// the request fails.
func (v *viewer) room(col *store.Collection) *policy.Policy {
	if v.roomSeen.collection == col.ID {
		return v.roomSeen.rules
	}
	owner, ok := v.ownerOf(col)
	if !ok {
		return &closedRoom
	}
	var rules *policy.Policy
	if owner.Room && col.Kind == store.KindCalendar && !v.given(col, nil, owner).Has(acl.Read) {
		rules = v.othersSee(owner.GUID)
		if v.h.Access.Incomplete {
			v.fault = errIncomplete
		}
	}
	v.roomSeen = shownRoom{col.ID, rules}
	return rules
}

// roomFor is room for one object: who has no right on the calendar may have one on that.
func (v *viewer) roomFor(col *store.Collection, e *store.Entry) *policy.Policy {
	rules := v.room(col)
	if rules == nil || col.Rights.Objects == 0 {
		return rules
	}
	if owner, ok := v.ownerOf(col); ok && v.given(col, e, owner).Has(acl.Read) {
		return nil
	}
	return rules
}

// given is what somebody has given to the caller to do in a calendar, or with an object
// of it.
func (v *viewer) given(col *store.Collection, e *store.Entry, owner acl.Owner) acl.Privilege {
	v.actsFor(owner.GUID)
	r := acl.Resource{Kind: acl.Calendar, Owner: owner, Collection: uint32(col.ID), Own: v.aces(col, "")}
	if e != nil {
		r.Member, r.Own, r.Above = true, v.aces(col, e.Name), r.Own
	}
	return v.h.Access.Given(r, v.req.asks())
}

// closedRoom is how much is seen of a room of which it is not known how it is set.
var closedRoom = policy.Policy{OthersSee: policy.SeeBusy}

// othersSee is how a room is set that shows its calendar to those without a right on it.
func (v *viewer) othersSee(guid string) *policy.Policy {
	if v.h.Rooms == nil {
		builtIn := policy.Resolve(policy.Location, "", policy.Layers{}).Policy
		return &builtIn
	}
	room, err := v.Room(guid)
	if _, lacks := errors.AsType[*scheduling.NeedError](err); err != nil && !lacks { // else it is noted as a lack
		v.fault = err
	}
	if err != nil || room == nil || room.Policy == nil {
		return &closedRoom
	}
	return room.Policy
}

// isShown reports whether the caller sees that an object of a collection is there.
func (s *scope) isShown(col *store.Collection, e *store.Entry) bool {
	return s.tx.View(col, e) != calendar.Nothing
}
