package delegation

// Privilege is a set of the privileges of RFC 3744 §3 and RFC 4791 §6.1.1.
type Privilege uint32

// The privileges that are not made of others. DAV:read, DAV:write and DAV:all
// are sets of them.
const (
	ReadContent     Privilege = 1 << iota // bodies and properties
	WriteContent                          // replace a body
	WriteProperties                       // PROPPATCH
	Bind                                  // add a member to a collection
	Unbind                                // remove a member from a collection
	Unlock                                // RFC 3744 §3.5
	ReadACL                               // RFC 3744 §3.6
	ReadPrivileges                        // DAV:read-current-user-privilege-set
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
