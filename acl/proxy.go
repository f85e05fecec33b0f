package acl

import "slices"

// A Proxy is what a caller may do for somebody who has made them a delegate. The
// zero Proxy is nothing.
type Proxy struct{ Grants []ProxyGrant }

// A ProxyGrant is one delegation that is in force for a caller, directly or through
// a group. To read is the least that it gives.
type ProxyGrant struct {
	Write    bool
	Schedule bool // with Write: invite, reply, use the outbox
	Private  bool // private and confidential events as any other
	Manage   bool // change the list of delegates

	All         bool     // everything in the home, or only …
	Collections []uint32 // … these, by their numbers
}

// A proxyLevel is what several grants give together.
type proxyLevel struct{ read, write, schedule, private, manage bool }

func (l *proxyLevel) add(g *ProxyGrant) {
	l.read = true
	l.write = l.write || g.Write
	l.schedule = l.schedule || g.Write && g.Schedule
	l.private = l.private || g.Private
	l.manage = l.manage || g.Manage
}

// at is what a delegate may do with a resource of the delegator. Each delegation
// counts only where its scope reaches: in its calendars, and where a delegate has
// to pass, whatever their calendars are: at the home, the outbox, the groups.
func (p *Proxy) at(r *Resource) (l proxyLevel) {
	for i := range p.Grants {
		g := &p.Grants[i]
		passage := r.Kind == Home || r.Kind == Outbox || r.Kind < Home
		if g.All || r.any || passage || slices.Contains(g.Collections, r.Collection) {
			l.add(g)
		}
	}
	return l
}

// whole is what a delegate may do at most: what their membership of the delegator's
// groups is, where these are named in the lists of others.
func (p *Proxy) whole() (l proxyLevel) {
	for i := range p.Grants {
		l.add(&p.Grants[i])
	}
	return l
}

// proxy is what the caller may do for an owner, as far as it concerns r.
func (c *Caller) proxy(owner string, r *Resource) proxyLevel {
	p := c.Proxies[owner]
	switch {
	case p == nil || c.GUID == "" || c.GUID == owner:
		return proxyLevel{}
	case owner == r.Owner.GUID:
		return p.at(r)
	}
	return p.whole()
}

// Private reports whether the caller may see private and confidential events of r
// as any other, because its owner lets this delegate.
func (c *Caller) Private(r Resource) bool { return c.proxy(r.Owner.GUID, &r).private }

// A proxyRights is what delegates have on a kind of resource: those who read, those
// who write, and what those who write have besides if they may also schedule.
type proxyRights struct{ read, write, schedule, manage Privilege }

const look = Read | ReadPrivileges

// Delegable is the most that a delegation can give on anything.
const Delegable = look | Write | WriteAppearance | ScheduleSend

// proxies is what delegates have on which kind; what is not in it they have nothing
// of but as everybody. They never have DAV:write-acl: rights do not grow by being
// delegated.
var proxies = [...]proxyRights{
	ProxyGroup:  {manage: WriteProperties},
	Home:        {read: look, write: look | Bind},
	Calendar:    {read: look | WriteAppearance, write: look | Write},
	Collection:  {read: look, write: look | Write},
	Inbox:       {read: look, write: look, schedule: Unbind | WriteProperties},
	Outbox:      {schedule: ScheduleSend},
	Dropbox:     {read: look, write: look | Write},
	FreeBusyURL: {read: look, write: look},
	lastListed:  {},
}

// eachProxy yields the rights of the owner's delegates.
func (p *Policy) eachProxy(r *Resource, yield func(ACE)) {
	if r.Owner.GUID == "" {
		return
	}
	origin := FromHome
	if r.Kind <= Home && !r.Member {
		origin = NotInherited
	}
	rights := &proxies[r.Kind]
	for _, e := range [...]struct {
		form       Form
		privileges Privilege
	}{{ProxyManager, rights.manage}, {ProxyScheduler, rights.schedule}, {ProxyWriter, rights.write}, {ProxyReader, rights.read}} {
		if e.privileges != None {
			yield(ACE{Principal: Principal{Form: e.form, GUID: r.Owner.GUID}, Grant: true, Privileges: e.privileges, Protected: true, Inherited: origin})
		}
	}
}
