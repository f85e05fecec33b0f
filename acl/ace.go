package acl

import "slices"

// Kind is the kind of a resource, as far as rights differ. Objects and files are of
// the kind of the collection that they are in, as its members; places where nothing
// is have what that collection has (RFC 3744 §3, of null resources).
type Kind uint8

// The kinds. Those from Home on lie in a calendar home.
const (
	Shared        Kind = iota // "/", "/principals/", "/calendars/" and what is below them and no one's own
	Record                    // a principal: user, group, location, resource
	ProxyGroup                // the group of those who act for a principal
	Home                      // a calendar home, and the files in the home itself
	Calendar                  // a calendar collection
	Collection                // an ordinary collection
	Inbox                     // RFC 6638 §2.2
	Outbox                    // RFC 6638 §2.1
	Notifications             // Apple's notification collection
	Dropbox                   // Apple's collection of attachments
	FreeBusyURL               // the owner's busy times

	Object  // a member of a collection; only for Required
	Missing // a place where nothing is; only for Required

	lastInHome = FreeBusyURL
	lastListed = Missing
)

// An Owner is the principal of DAV:owner. The zero Owner is no one.
type Owner struct {
	GUID  string
	Group bool // a group, which does not sign in
	Room  bool // a location or resource, whose busy times everybody has to know

	// Members is what the members of the group may do with its calendars: None, Read
	// or Read|Write.
	Members Privilege
}

// A Resource is what a list belongs to.
type Resource struct {
	Kind       Kind
	Owner      Owner
	Collection uint32 // its number, or that of the collection that it is in; 0: it is in none
	Member     bool   // it is in a collection of the kind, as an object or file

	// Own is the list that was set on it, and Above on the collection that it is a
	// member of. What is in a calendar inherits that of the calendar; other
	// collections hand nothing down.
	Own, Above []ACE

	// Within is the least Reach of those who have not signed in that comes to it;
	// Nowhere: none does.
	Within Reach

	// OwnerGroups are the groups that the owner is in, for a Policy whose FreeBusy
	// is InGroup.
	OwnerGroups []string

	// Denied is what its owner keeps from others, because it is private or
	// confidential (calendarserver-private-events §4.2.3).
	Denied Privilege

	any   bool // it is whatever the owner has of the kind
	given bool // what all may who have signed in is left out
}

// Form says how an entry names whom it is about (RFC 3744 §5.5.1).
type Form uint8

// The forms.
const (
	Href            Form = iota // a principal by its GUID; a group with its members
	Everyone                    // DAV:all: signed in or not
	Authenticated               // whoever has signed in
	Unauthenticated             // whoever has not
	PropertyOwner               // DAV:property with DAV:owner
	Self                        // the principal that the resource is
	Others                      // who is not the owner, nor sees what is private: DAV:invert of DAV:owner

	ProxyReader // the group of those who may read for the principal GUID
	ProxyWriter // the group of those who may write for them

	// Those of ProxyWriter who may also schedule, and those of either group who may
	// change them: only in what a Policy yields. DAV:acl has no name but the group's.
	ProxyScheduler
	ProxyManager
)

// A Principal is whom an entry is about.
type Principal struct {
	Form Form
	GUID string // of Href, and of whom the group of a proxy form acts for
}

// Origin is the resource that an entry is inherited from (RFC 3744 §5.5.4).
type Origin uint8

// The origins.
const (
	NotInherited   Origin = iota
	FromHome              // the home that the resource lies in
	FromCollection        // the collection that it is a member of
)

// An ACE is one access control entry (RFC 3744 §5.5).
type ACE struct {
	Principal  Principal
	Grant      bool // false: deny
	Privileges Privilege
	Protected  bool
	Inherited  Origin
}

// Evaluate is what caller may do to the resource of a list. Each privilege is
// settled by the first entry that is about the caller and names it, or an
// aggregate that contains it; what none settles is denied.
//
// That is RFC 3744 §6: there, for the privileges that a request needs, entries
// are read until all are granted, and one that denies what is not granted yet
// ends it. Needed privileges are granted all together exactly if each of them is
// here; so what was evaluated once serves every question.
func Evaluate(list []ACE, r Resource, c Caller) Privilege {
	var e evaluation
	for i := range list {
		e.add(&list[i], &r, &c)
	}
	return e.granted
}

// An evaluation is how far a list has been read.
type evaluation struct{ granted, settled Privilege }

// add reads one more entry, and returns which privileges it settles.
func (e *evaluation) add(a *ACE, r *Resource, c *Caller) (settles Privilege) {
	settles = a.Privileges &^ e.settled
	if settles == None || !a.Principal.matches(r, c) {
		return None
	}
	if a.Grant {
		e.granted |= settles
	}
	e.settled |= settles
	return settles
}

// matches reports whether an entry of the list of r is about the caller (RFC 3744
// §5.5.1).
func (p *Principal) matches(r *Resource, c *Caller) bool {
	switch p.Form {
	case Href:
		return c.is(p.GUID)
	case Everyone:
		return true
	case Authenticated:
		return c.GUID != ""
	case Unauthenticated:
		return c.GUID == ""
	case PropertyOwner:
		return c.is(r.Owner.GUID)
	case Self:
		return r.Kind == Record && c.is(r.Owner.GUID)
	case ProxyReader:
		l := c.proxy(p.GUID, r)
		return l.read && !l.write
	case ProxyWriter:
		return c.proxy(p.GUID, r).write
	case ProxyScheduler:
		return c.proxy(p.GUID, r).schedule
	case ProxyManager:
		return c.proxy(p.GUID, r).manage
	case Others:
		return !c.is(r.Owner.GUID) && !c.proxy(r.Owner.GUID, r).private
	}
	return false
}

// Principals are those whom a list of r names by URL or as the value of a property,
// each once, in the order of the list (RFC 3744 §9.2). Their forms are Href,
// ProxyReader and ProxyWriter.
func Principals(list []ACE, r Resource) []Principal {
	var named []Principal
	for _, a := range list {
		p := a.Principal.named(&r)
		if p.GUID != "" && !slices.Contains(named, p) {
			named = append(named, p)
		}
	}
	return named
}

// named is the principal that an entry names by URL, or as the value of a property;
// the zero Principal, if it names none.
func (p Principal) named(r *Resource) Principal {
	switch p.Form {
	case Href, ProxyReader, ProxyWriter:
		return p
	case ProxyScheduler, ProxyManager:
		return Principal{ProxyWriter, p.GUID}
	case PropertyOwner, Others:
		return Principal{Href, r.Owner.GUID}
	}
	return Principal{}
}
