package delegation

import (
	"slices"

	"convene/auth"
)

// Policy names the principals that stand above ownership. Its fields are
// directory GUIDs of users or groups; a group counts with its nested members.
type Policy struct {
	Administrators []string // may do everything, everywhere (S22)
	Readers        []string // may read everybody's calendars (S23)

	// Incomplete says that the directory could not be asked yet about some of
	// them: who is not in the lists may still stand above ownership.
	Incomplete bool
}

// Area is the part of the URL space that a resource lies in.
type Area uint8

// The areas.
const (
	Shared   Area = iota // "/", "/principals/", "/calendars/" and below: no one's own
	Record               // a principal: readable by everyone who may use the service
	Home                 // a calendar home and its ordinary members
	Calendar             // a calendar collection and its members: free-busy is open to colleagues
)

// Privileges returns what caller may do in an area whose owner is the record
// with GUID owner ("" for Shared). It is the one place where rights are
// decided; it needs neither the directory nor the store, since the caller's
// groups came with the sign-in.
func (p *Policy) Privileges(caller *auth.Caller, owner string, area Area) Privilege {
	switch {
	case caller == nil || caller.Principal == nil || caller.Principal.GUID == "": // nobody is no owner of what has none
		return None
	case among(p.Administrators, caller):
		return All
	}
	switch area {
	case Shared:
		return Read | ReadPrivileges
	case Record:
		if caller.Principal.GUID == owner {
			return Read | ReadPrivileges | ReadACL | WriteProperties
		}
		return Read | ReadPrivileges
	}
	if caller.Principal.GUID == owner {
		return All
	}
	var granted Privilege
	if among(p.Readers, caller) {
		granted |= Read | ReadPrivileges
	}
	if area == Calendar {
		granted |= ReadFreeBusy
	}
	return granted
}

// IsAdministrator reports whether caller stands above ownership.
func (p *Policy) IsAdministrator(caller *auth.Caller) bool {
	return p.Privileges(caller, "", Shared) == All
}

func among(list []string, caller *auth.Caller) bool {
	if len(list) == 0 {
		return false
	}
	if slices.Contains(list, caller.Principal.GUID) {
		return true
	}
	return slices.ContainsFunc(caller.Groups, func(guid string) bool { return slices.Contains(list, guid) })
}
