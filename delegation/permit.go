package delegation

import (
	"fmt"
	"time"
)

// An Author is who makes a change.
type Author struct {
	Caller
	Administrator bool
	Sudo          string // who signed in, if they act as the caller
	Via           string // a command, a page, an import, or the client's User-Agent; required
	Remote        string // network address; "": none
}

func (a Author) validate() error {
	if a.GUID == "" || a.Via == "" {
		return ErrAuthor
	}
	return nil
}

// operator is validate, for what only an administrator may do.
func (a Author) operator() error {
	if err := a.validate(); err != nil || a.Administrator {
		return err
	}
	return ErrDenied
}

// A Role is what somebody is to a delegator's list of delegates.
type Role uint8

// The roles, descending.
const (
	RoleNone          Role = iota
	RoleDeputy             // a delegate with Manage: others, within their own rights
	RoleOwner              // whom the directory names as owner: everything
	RoleSelf               // everything
	RoleAdministrator      // everything, and stand-ins of anybody
)

// RoleOf returns what the author of a change is to a delegator. d is the author's
// own delegation. A stand-in has no role.
func RoleOf(a Author, delegator string, d *Delegation) Role {
	switch {
	case a.Administrator:
		return RoleAdministrator
	case a.GUID == delegator:
		return RoleSelf
	}
	role := RoleNone
	for i := range d.Reasons {
		if r := &d.Reasons[i]; r.StandIn == nil && r.Grant.Manage {
			if r.Record.Attribute == AttributeOwners {
				return RoleOwner
			}
			role = RoleDeputy
		}
	}
	return role
}

// Permit decides whether an author may replace before by after, of which one may
// be nil. d is the author's own delegation of the same delegator. It returns what
// to write: a deputy's change ends where the deputy's own right does. Errors:
// ErrDenied.
func Permit(a Author, d *Delegation, before, after *Record) (*Record, error) {
	delegator := before
	if delegator == nil {
		delegator = after
	}
	switch RoleOf(a, delegator.Delegator, d) {
	case RoleNone:
		return nil, ErrDenied
	case RoleDeputy:
		return permitDeputy(a.GUID, d, before, after)
	}
	return after, nil
}

func permitDeputy(deputy string, d *Delegation, before, after *Record) (*Record, error) {
	if before != nil && before.Level > d.Level && before.Delegate != deputy {
		return nil, fmt.Errorf("%w: a deputy with level %v", ErrDenied, d.Level)
	}
	if after == nil {
		return nil, nil
	}
	was := Record{}
	if before != nil {
		was = *before
	}
	switch {
	case after.Level > d.Level:
		return nil, fmt.Errorf("%w: a deputy with level %v", ErrDenied, d.Level)
	case after.Manage != was.Manage || after.Substitute != was.Substitute:
		return nil, fmt.Errorf("%w: a deputy names no deputies, and nobody who may name stand-ins", ErrDenied)
	case after.Delegate == deputy && (before == nil || grows(&was, after)):
		return nil, fmt.Errorf("%w: a deputy does not widen their own rights", ErrDenied)
	}
	return clip(d, before, after)
}

// clip keeps a deputy's change within the deputy's own rights.
func clip(d *Delegation, before, after *Record) (*Record, error) {
	was, r := Grant{}, *after
	if before != nil {
		was = before.grant()
	}
	if g := after.grant(); g.SeePrivate && !was.SeePrivate && !d.SeePrivate || g.Schedule && !was.Schedule && !d.Schedule {
		return nil, fmt.Errorf("%w: a deputy gives no more than they have", ErrDenied)
	}
	if r.Approve && (before == nil || !before.Approve) && !d.Approve {
		r.Approve = false // a location's delegates have it unless it is taken away
	}
	if before == nil || !after.Scope.equal(before.Scope) {
		switch {
		case after.Scope.All:
			r.Scope = d.Scope
		case !after.Scope.within(d.Scope):
			return nil, fmt.Errorf("%w: the deputy's own scope is smaller", ErrDenied)
		}
	}
	if before == nil || !after.Until.Equal(before.Until) {
		r.Until = earlier(r.Until, d.manageUntil())
		if !r.From.IsZero() && !r.Until.IsZero() && !r.From.Before(r.Until) {
			return nil, fmt.Errorf("%w: the deputy's own right ends before", ErrDenied)
		}
	}
	return &r, nil
}

// manageUntil returns until when the list may be changed; zero: without end.
func (d *Delegation) manageUntil() (until time.Time) {
	for i := range d.Reasons {
		r := &d.Reasons[i]
		if !r.Grant.Manage {
			continue
		}
		if r.Until.IsZero() {
			return time.Time{}
		}
		until = later(until, r.Until)
	}
	return until
}

// grows reports whether after gives anything that before did not.
func grows(before, after *Record) bool {
	b, a := before.grant(), after.grant()
	b.add(a)
	longer := !before.Until.IsZero() && (after.Until.IsZero() || after.Until.After(before.Until))
	earlier := after.From.Before(before.From)
	return b != before.grant() || longer || earlier || !after.Scope.within(before.Scope) ||
		before.NoSchedule && !after.NoSchedule || !before.Approve && after.Approve
}

// PermitStandIn decides whether an author may set or remove a stand-in. own are
// the delegations of the stand-in's delegate, by delegator, whether in force or
// not: with those for whom it is, all if it names none. Errors: ErrDenied.
func PermitStandIn(a Author, x *StandIn, own []Record) error {
	switch {
	case a.Administrator:
		return nil
	case a.GUID != x.Delegate:
		return fmt.Errorf("%w: a stand-in is named by the delegate", ErrDenied)
	}
	may := map[string]bool{}
	for i := range own {
		if r := &own[i]; r.Substitute && !r.Ended(x.From) {
			may[r.Delegator] = true
		}
	}
	for _, delegator := range x.For {
		if !may[delegator] {
			return fmt.Errorf("%w: %s does not let the delegate name a stand-in", ErrDenied, delegator)
		}
	}
	if len(may) == 0 {
		return fmt.Errorf("%w: nobody lets the delegate name a stand-in", ErrDenied)
	}
	return nil
}
