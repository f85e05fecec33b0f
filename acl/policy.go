package acl

import "slices"

// A Caller is who asks, as sign-in knows them. The zero Caller is nobody: they
// have not signed in.
type Caller struct {
	GUID   string   // of the principal
	Groups []string // GUIDs of all groups that they are in, directly or through others

	// Proxies is for whom they are a delegate, and what they may do then, by the
	// GUID of the delegator. It has at least what is known of the owner of a
	// resource that is asked about, and of all whose groups its list names.
	Proxies map[string]*Proxy
}

// is reports whether the caller is the principal, or a member of it if that is a
// group. Nobody is nobody's.
func (c *Caller) is(guid string) bool {
	return guid != "" && c.GUID != "" && (c.GUID == guid || slices.Contains(c.Groups, guid))
}

// isOneOf reports whether the caller is one of the principals, or a member of it.
func (c *Caller) isOneOf(guids []string) bool {
	for _, guid := range guids {
		if c.is(guid) {
			return true
		}
	}
	return false
}

// Policy is what the configuration says of everybody's resources. Its lists are
// GUIDs of users or groups; a group counts with its nested members.
type Policy struct {
	Administrators []string // may do everything, everywhere
	Readers        []string // may read everybody's calendars

	Anyone Reach // what is read without signing in

	FreeBusy FreeBusy // who may see the busy times of people unless they say otherwise

	// Incomplete says that the directory could not be asked yet about some of
	// them: who is not in the lists may still be an administrator or a reader.
	Incomplete bool
}

// Reach is how far somebody may look around who has not signed in: at what there is
// before anybody's own.
type Reach uint8

// The values; each has what those before it have.
const (
	Nowhere   Reach = iota
	Root            // "/" and "/principals/"
	Hierarchy       // the collections of homes, of which none is listed
)

// ReachNamed is the Reach of a setting.
var ReachNamed = map[string]Reach{"none": Nowhere, "root": Root, "hierarchy": Hierarchy}

// FreeBusy says who may see the busy times of a person's calendars where their
// owner has said nothing.
type FreeBusy uint8

// The values.
const (
	Everybody FreeBusy = iota // who has signed in
	InGroup                   // who is in a group that the owner is in
	Nobody
)

// FreeBusyNamed is the FreeBusy of a setting.
var FreeBusyNamed = map[string]FreeBusy{"all": Everybody, "group": InGroup, "none": Nobody}

// Privileges is what caller may do to a resource: its list, evaluated.
func (p *Policy) Privileges(r Resource, c Caller) Privilege {
	var e evaluation
	p.each(&r, func(a ACE) { e.add(&a, &r, &c) })
	return e.granted
}

// Given is what caller may do to a resource but for what all may who have signed in: what
// somebody gave to them, or to a group of theirs.
func (p *Policy) Given(r Resource, c Caller) Privilege {
	r.given = true
	return p.Privileges(r, c)
}

// May reports whether caller may have a privilege on something in the home of an owner:
// on the home itself, on what is in it, or on a place in it where nothing is yet. If
// not, they have it on nothing there but by lists that were set.
func (p *Policy) May(owner Owner, c Caller, need Privilege) bool {
	var most Privilege
	for kind := Home; kind <= lastInHome && !most.Has(need); kind++ {
		most |= p.Privileges(Resource{Kind: kind, Owner: owner, any: true}, c)
	}
	return most.Has(need)
}

// IsAdministrator reports whether caller may do everything, everywhere.
func (p *Policy) IsAdministrator(c Caller) bool { return c.isOneOf(p.Administrators) }

// List is the access control list of a resource, in the order in which it is
// evaluated (RFC 3744 §5.5).
func (p *Policy) List(r Resource) []ACE {
	var list []ACE
	p.each(&r, func(a ACE) { list = append(list, a) })
	return list
}

// each is the rule: the one place that says who has which rights on what. First
// come the entries that nothing can go before, of the configuration, the owner and
// their delegates; then what was set on the resource, what it inherits of that, and
// what is so unless something else was said.
func (p *Policy) each(r *Resource, yield func(ACE)) {
	for _, guid := range p.Administrators {
		yield(ACE{Principal: Principal{Form: Href, GUID: guid}, Grant: true, Privileges: All, Protected: true})
	}
	if r.Kind >= Home {
		for _, guid := range p.Readers {
			yield(ACE{Principal: Principal{Form: Href, GUID: guid}, Grant: true, Privileges: look, Protected: true})
		}
	}
	if r.Denied != None {
		yield(ACE{Principal: Principal{Form: Others}, Privileges: r.Denied, Protected: true})
	}
	p.eachOwn(r, yield)
	p.eachProxy(r, yield)
	for i := range r.Own {
		yield(r.Own[i])
	}
	if r.Kind == Calendar && r.Member {
		for _, a := range r.Above {
			a.Inherited = FromCollection
			yield(a)
		}
	}
	if !r.given {
		p.eachDefault(r, yield)
	}
}

// eachDefault yields what those who have signed in may do unless something else
// was said.
func (p *Policy) eachDefault(r *Resource, yield func(ACE)) {
	everyone := Principal{Form: Authenticated}
	switch {
	case r.Within != Nowhere && r.Within <= p.Anyone:
		yield(ACE{Principal: Principal{Form: Everyone}, Grant: true, Privileges: look, Protected: true})
	case r.Kind < Home:
		yield(ACE{Principal: everyone, Grant: true, Privileges: look, Protected: true})
	case r.Kind == Inbox: // else nobody could invite anybody (RFC 6638 §6.1)
		yield(ACE{Principal: everyone, Grant: true, Privileges: ScheduleDeliver, Inherited: FromHome})
	case r.Kind != Calendar && r.Kind != FreeBusyURL:
	case r.Owner.Room && r.Kind == Calendar: // how much of it is shown, the room's settings say
		yield(ACE{Principal: everyone, Grant: true, Privileges: Read, Inherited: FromHome})
	case p.FreeBusy == Everybody || r.Owner.Room:
		yield(ACE{Principal: everyone, Grant: true, Privileges: ReadFreeBusy, Inherited: FromHome})
	case p.FreeBusy == InGroup:
		for _, group := range r.OwnerGroups {
			yield(ACE{Principal: Principal{Form: Href, GUID: group}, Grant: true, Privileges: ReadFreeBusy, Inherited: FromHome})
		}
	}
}

// eachOwn yields the rights of the owner. A group has none: it does not sign in
// itself, and to be its member is not to own what it owns.
func (p *Policy) eachOwn(r *Resource, yield func(ACE)) {
	const ownPrincipal = Read | ReadPrivileges | ReadACL | WriteProperties
	switch {
	case r.Owner.Group:
		eachMember(r, yield)
	case r.Owner.GUID == "" || r.Kind < Record:
	case r.Kind == Record:
		yield(ACE{Principal: Principal{Form: Self}, Grant: true, Privileges: ownPrincipal, Protected: true})
	case r.Kind == ProxyGroup:
		yield(ACE{Principal: Principal{Form: PropertyOwner}, Grant: true, Privileges: ownPrincipal, Protected: true})
	case r.Kind == Home && !r.Member:
		yield(ACE{Principal: Principal{Form: PropertyOwner}, Grant: true, Privileges: All, Protected: true})
	default:
		yield(ACE{Principal: Principal{Form: PropertyOwner}, Grant: true, Privileges: All, Protected: true, Inherited: FromHome})
	}
}

// eachMember yields what the members of a group may do with its calendars: as much as
// a delegate of somebody.
func eachMember(r *Resource, yield func(ACE)) {
	if r.Owner.Members == None || r.Kind != Home && r.Kind != Calendar && r.Kind != Collection && r.Kind != FreeBusyURL {
		return
	}
	rights, origin := proxies[r.Kind].read, FromHome
	if r.Owner.Members.Has(Write) {
		rights = proxies[r.Kind].write
	}
	if r.Kind == Home {
		origin = NotInherited
	}
	yield(ACE{Principal: Principal{Form: Href, GUID: r.Owner.GUID}, Grant: true, Privileges: rights, Protected: true, Inherited: origin})
}
