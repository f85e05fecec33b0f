package acl

import (
	"encoding/xml"
	"iter"
	"math/bits"
)

// Privilege is a set of the privileges of RFC 3744 §3, RFC 4791 §6.1.1 and RFC
// 6638 §6.
type Privilege uint32

// The privileges that are not made of others. DAV:read, DAV:write, DAV:all and
// two of scheduling are sets of them.
const (
	ReadContent           Privilege = 1 << iota // bodies and properties; has no name but in DAV:read
	WriteContent                                // RFC 3744 §3.4: replace a body
	WriteProperties                             // RFC 3744 §3.3: PROPPATCH
	Bind                                        // RFC 3744 §3.9: add a member to a collection
	Unbind                                      // RFC 3744 §3.10: remove a member from a collection
	Unlock                                      // RFC 3744 §3.5
	ReadACL                                     // RFC 3744 §3.6
	ReadPrivileges                              // RFC 3744 §3.7: DAV:read-current-user-privilege-set
	WriteACL                                    // RFC 3744 §3.8
	ReadFreeBusy                                // RFC 4791 §6.1.1
	ScheduleDeliverInvite                       // RFC 6638 §6.1.2: invitations may come from the caller
	ScheduleDeliverReply                        // RFC 6638 §6.1.3: replies may
	ScheduleQueryFreeBusy                       // RFC 6638 §6.1.4: the caller may ask when the owner is busy
	ScheduleSendInvite                          // RFC 6638 §6.2.2: invite in the owner's name
	ScheduleSendReply                           // RFC 6638 §6.2.3: reply in the owner's name
	ScheduleSendFreeBusy                        // RFC 6638 §6.2.4: ask for busy times in the owner's name

	// WriteAppearance is to set how a calendar looks to oneself: the properties of which
	// each user has a value of their own, and dead ones, which are everybody's. Whoever has
	// DAV:write-properties has it. It has no name, is in no aggregate, and cannot be set by
	// a list: clients take whoever has DAV:write-properties for one who may write.
	WriteAppearance
)

// Aggregates (RFC 3744 §3; RFC 4791 §6.1.1: DAV:read contains
// CALDAV:read-free-busy; RFC 6638 §6.3). All is more than DAV:all of any one kind
// of resource, which contains what that kind has.
const (
	None            Privilege = 0
	Read                      = ReadContent | ReadFreeBusy
	Write                     = WriteContent | WriteProperties | Bind | Unbind
	ScheduleDeliver           = ScheduleDeliverInvite | ScheduleDeliverReply | ScheduleQueryFreeBusy
	ScheduleSend              = ScheduleSendInvite | ScheduleSendReply | ScheduleSendFreeBusy
	All                       = Read | Write | Unlock | ReadACL | ReadPrivileges | WriteACL | ScheduleDeliver | ScheduleSend
)

// Has reports whether every privilege of need is in p.
func (p Privilege) Has(need Privilege) bool { return p.Lacks(need) == None }

// Lacks is what of need is not in p.
func (p Privilege) Lacks(need Privilege) Privilege {
	if p&WriteProperties != 0 {
		p |= WriteAppearance
	}
	return need &^ p
}

// A Named privilege is one node of DAV:supported-privilege-set (RFC 3744 §5.3).
type Named struct {
	Name        xml.Name
	Set         Privilege // what it is made of; itself, if it is no aggregate
	Depth       int       // in the tree: 0 is DAV:all
	Description string    // in English
}

// kinds is a set of kinds of resources.
type kinds uint32

// supported is the tree of all that can be granted, each aggregate before its
// members, and of two equal ones the one to tell first. Nothing in it is abstract.
var supported = [...]struct {
	Named
	on kinds // those that have it
}{
	{Named{dav("all"), All, 0, "Any operation"}, everywhere},
	{Named{dav("read"), Read, 1, "Read any object"}, everywhere},
	{Named{caldav("read-free-busy"), ReadFreeBusy, 2, "Read busy times"}, busyTimes},
	{Named{dav("write"), Write, 1, "Write any object"}, everywhere},
	{Named{dav("write-content"), WriteContent, 2, "Write resource content"}, everywhere},
	{Named{dav("write-properties"), WriteProperties, 2, "Write properties"}, everywhere},
	{Named{dav("bind"), Bind, 2, "Add new resources"}, everywhere},
	{Named{dav("unbind"), Unbind, 2, "Remove resources"}, everywhere},
	{Named{dav("unlock"), Unlock, 1, "Unlock resources"}, everywhere},
	{Named{dav("read-acl"), ReadACL, 1, "Read the access control list"}, everywhere},
	{Named{dav("write-acl"), WriteACL, 1, "Write the access control list"}, everywhere},
	{Named{dav("read-current-user-privilege-set"), ReadPrivileges, 1, "Read own privileges"}, everywhere},
	{Named{caldav("schedule-deliver"), ScheduleDeliver, 1, "Deliver scheduling messages"}, inbox},
	{Named{caldav("schedule-deliver-invite"), ScheduleDeliverInvite, 2, "Deliver invitations"}, inbox},
	{Named{caldav("schedule-deliver-reply"), ScheduleDeliverReply, 2, "Deliver replies"}, inbox},
	{Named{caldav("schedule-query-freebusy"), ScheduleQueryFreeBusy, 2, "Ask for busy times"}, inbox},
	{Named{caldav("schedule-send"), ScheduleSend, 1, "Send scheduling messages"}, outbox},
	{Named{caldav("schedule-send-invite"), ScheduleSendInvite, 2, "Send invitations"}, outbox},
	{Named{caldav("schedule-send-reply"), ScheduleSendReply, 2, "Send replies"}, outbox},
	{Named{caldav("schedule-send-freebusy"), ScheduleSendFreeBusy, 2, "Send requests for busy times"}, outbox},
	// What both were called before they were two; old clients look for it.
	{Named{caldav("schedule"), ScheduleDeliver, 1, "Schedule"}, inbox},
	{Named{caldav("schedule"), ScheduleSend, 1, "Schedule"}, outbox},
}

// Who has which part of the tree: busy times are of calendars and of what they are
// in (RFC 4791 §6.1.1), the two halves of scheduling of one collection each (RFC
// 6638 §6.1, §6.2).
const (
	everywhere = ^kinds(0)
	busyTimes  = kinds(1<<Home | 1<<Calendar | 1<<Collection | 1<<FreeBusyURL)
	inbox      = kinds(1 << Inbox)
	outbox     = kinds(1 << Outbox)
)

func dav(local string) xml.Name { return xml.Name{Space: "DAV:", Local: local} }
func caldav(local string) xml.Name {
	return xml.Name{Space: "urn:ietf:params:xml:ns:caldav", Local: local}
}

// lacks is what no resource of a kind has: the other collection's half of
// scheduling.
func (k Kind) lacks() (not Privilege) {
	if k != Inbox {
		not |= ScheduleDeliver
	}
	if k != Outbox {
		not |= ScheduleSend
	}
	return not
}

// Supported yields the privileges that can be granted on a kind of resource, each
// aggregate before its members.
func (k Kind) Supported(yield func(Named) bool) {
	for i := range supported {
		n := supported[i]
		if n.on&(1<<k) == 0 {
			continue
		}
		n.Set &^= k.lacks()
		if !yield(n.Named) {
			return
		}
	}
}

// Named is what the privilege of a name is made of on a kind of resource; false if
// it has none of that name.
func (k Kind) Named(name xml.Name) (Privilege, bool) {
	for n := range k.Supported {
		if n.Name == name {
			return n.Set, true
		}
	}
	return None, false
}

// Held yields the names of the privileges of a kind of resource that are wholly in
// p, each aggregate before its members (RFC 3744 §5.4).
func (p Privilege) Held(on Kind) iter.Seq[xml.Name] {
	return func(yield func(xml.Name) bool) {
		for n := range on.Supported {
			if p.Has(n.Set) && !yield(n.Name) {
				return
			}
		}
	}
}

// Granted yields the fewest names that stand, on a kind of resource, for all of p
// that has a name there: an aggregate alone, without its members.
func (p Privilege) Granted(on Kind) iter.Seq[xml.Name] {
	return func(yield func(xml.Name) bool) {
		var told Privilege
		for n := range on.Supported {
			if !p.Has(n.Set) || told.Has(n.Set) {
				continue
			}
			told |= n.Set
			if !yield(n.Name) {
				return
			}
		}
	}
}

// Names are the fewest names that stand for all of p: of aggregates that are wholly in
// it, and of its own parts. What has no name of its own is told by [Privilege.Name].
func (p Privilege) Names() []xml.Name {
	if p != WriteAppearance {
		p &^= WriteAppearance
	}
	var names []xml.Name
	var told Privilege
	for i := range supported {
		if n := &supported[i]; p.Has(n.Set) && !told.Has(n.Set) {
			told |= n.Set
			names = append(names, n.Name)
		}
	}
	if rest := p &^ told; rest != 0 {
		names = append(names, rest.Name())
	}
	return names
}

// Name is the name of the smallest privilege that covers all of p.
func (p Privilege) Name() xml.Name {
	if p&WriteAppearance != 0 { // which all have who have this
		p = p&^WriteAppearance | WriteProperties
	}
	best := &supported[0]
	for i := range supported {
		n := &supported[i]
		if n.Set.Has(p) && bits.OnesCount32(uint32(n.Set)) < bits.OnesCount32(uint32(best.Set)) {
			best = n
		}
	}
	return best.Name
}
