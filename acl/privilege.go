package acl

import (
	"encoding/xml"
	"math/bits"
)

// Privilege is a set of the privileges of RFC 3744 §3 and RFC 4791 §6.1.1.
type Privilege uint32

// The privileges that are not made of others. DAV:read, DAV:write and DAV:all
// are sets of them.
const (
	ReadContent     Privilege = 1 << iota // bodies and properties; has no name but in DAV:read
	WriteContent                          // RFC 3744 §3.4: replace a body
	WriteProperties                       // RFC 3744 §3.3: PROPPATCH
	Bind                                  // RFC 3744 §3.9: add a member to a collection
	Unbind                                // RFC 3744 §3.10: remove a member from a collection
	Unlock                                // RFC 3744 §3.5
	ReadACL                               // RFC 3744 §3.6
	ReadPrivileges                        // RFC 3744 §3.7: DAV:read-current-user-privilege-set
	WriteACL                              // RFC 3744 §3.8
	ReadFreeBusy                          // RFC 4791 §6.1.1
)

// Aggregates (RFC 3744 §3, RFC 4791 §6.1.1: DAV:read contains
// CALDAV:read-free-busy).
const (
	None  Privilege = 0
	Read            = ReadContent | ReadFreeBusy
	Write           = WriteContent | WriteProperties | Bind | Unbind
	All             = Read | Write | Unlock | ReadACL | ReadPrivileges | WriteACL
)

// Has reports whether every privilege of need is in p.
func (p Privilege) Has(need Privilege) bool { return p&need == need }

// A Named privilege is one node of DAV:supported-privilege-set (RFC 3744 §5.3).
type Named struct {
	Name        xml.Name
	Set         Privilege // what it is made of; itself, if it is no aggregate
	Depth       int       // in the tree: 0 is DAV:all
	Description string    // in English
}

// supported is the tree of all that can be granted, each aggregate before its
// members. It is the same for every resource, and nothing in it is abstract.
var supported = [...]Named{
	{dav("all"), All, 0, "Any operation"},
	{dav("read"), Read, 1, "Read any object"},
	{caldav("read-free-busy"), ReadFreeBusy, 2, "Read busy times"},
	{dav("write"), Write, 1, "Write any object"},
	{dav("write-content"), WriteContent, 2, "Write resource content"},
	{dav("write-properties"), WriteProperties, 2, "Write properties"},
	{dav("bind"), Bind, 2, "Add new resources"},
	{dav("unbind"), Unbind, 2, "Remove resources"},
	{dav("unlock"), Unlock, 1, "Unlock resources"},
	{dav("read-acl"), ReadACL, 1, "Read the access control list"},
	{dav("write-acl"), WriteACL, 1, "Write the access control list"},
	{dav("read-current-user-privilege-set"), ReadPrivileges, 1, "Read own privileges"},
}

func dav(local string) xml.Name { return xml.Name{Space: "DAV:", Local: local} }
func caldav(local string) xml.Name {
	return xml.Name{Space: "urn:ietf:params:xml:ns:caldav", Local: local}
}

// Supported yields the privileges that can be granted, each aggregate before its
// members.
func Supported(yield func(Named) bool) {
	for i := range supported {
		if !yield(supported[i]) {
			return
		}
	}
}

// Held yields the names of the privileges that are wholly in p, each aggregate
// before its members (RFC 3744 §5.4).
func (p Privilege) Held(yield func(xml.Name) bool) {
	for i := range supported {
		if n := &supported[i]; p.Has(n.Set) && !yield(n.Name) {
			return
		}
	}
}

// Granted yields the fewest names that stand for all of p that has a name: an
// aggregate alone, without its members.
func (p Privilege) Granted(yield func(xml.Name) bool) {
	var told Privilege
	for i := range supported {
		n := &supported[i]
		if !p.Has(n.Set) || told.Has(n.Set) {
			continue
		}
		told |= n.Set
		if !yield(n.Name) {
			return
		}
	}
}

// Name is the name of the smallest privilege that covers all of p.
func (p Privilege) Name() xml.Name {
	best := &supported[0]
	for i := range supported {
		n := &supported[i]
		if n.Set.Has(p) && bits.OnesCount32(uint32(n.Set)) < bits.OnesCount32(uint32(best.Set)) {
			best = n
		}
	}
	return best.Name
}
