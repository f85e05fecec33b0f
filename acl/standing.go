package acl

// Standing is what somebody is to the owner of a resource. Who stands higher sees
// more of what the owner marked as private.
type Standing uint8

// The standings. The zero value is whoever has some right on something, by an entry
// in a list or because it is shared with them.
const (
	AsOther         Standing = iota
	AsDelegate               // acts for the owner
	AsReader                 // reads everything, by the configuration
	AsConfidant              // acts for the owner, who lets them see private events
	AsMember                 // of the group that owns it
	AsOwner                  // whom it belongs to
	AsAdministrator          // may do everything
)

// Standing is what the caller is to the owner of a resource: the highest of all that
// they are.
func (p *Policy) Standing(r Resource, c Caller) Standing {
	switch {
	case p.IsAdministrator(c):
		return AsAdministrator
	case c.is(r.Owner.GUID) && !r.Owner.Group:
		return AsOwner
	case c.is(r.Owner.GUID):
		return AsMember
	case c.Private(r):
		return AsConfidant
	case c.isOneOf(p.Readers):
		return AsReader
	case c.proxy(r.Owner.GUID, &r).read:
		return AsDelegate
	}
	return AsOther
}
