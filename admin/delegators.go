package admin

import (
	"context"
	"errors"
	"time"

	"convene/delegation"
	"convene/directory"
	"convene/store"
)

// A Delegator is somebody for whom another acts, with all that the other may do: by every
// record that counts now, and as a stand-in.
type Delegator struct {
	GUID     string           `json:"guid"`
	Name     string           `json:"name"` // such as user:maria
	FullName string           `json:"fullName"`
	Grant    delegation.Grant `json:"grant"`
	// All says that the right is about all calendars; else it is about Calendars, by name.
	All       bool      `json:"all"`
	Calendars []string  `json:"calendars,omitempty"`
	Until     time.Time `json:"until,omitzero"` // when the last of it ends; zero: not by itself
	// Through are the groups by which it is had, InPlaceOf those in whose place, by name;
	// empty where the other is named themselves.
	Through   []string `json:"through,omitempty"`
	InPlaceOf []string `json:"inPlaceOf,omitempty"`
}

// ListDelegators says for whom somebody acts now, and what they may do for each, by GUID.
// Errors: as ListDelegates.
func ListDelegators(ctx context.Context, c Conn, who string) ([]Delegator, error) {
	return call[[]Delegator](ctx, c, "delegate-for", DelegatesRequest{Who: who})
}

func (a *Admin) delegatorsOf(ctx context.Context, r DelegatesRequest) ([]Delegator, error) {
	set, err := a.Delegates.Read()
	if err != nil {
		return nil, err
	}
	p, err := a.find(ctx, r.Who)
	if err != nil {
		return nil, err
	}
	caller, err := a.delegateCaller(ctx, set, p.GUID)
	if err != nil {
		return nil, err
	}
	appointees, err := a.Appointed.All(ctx)
	if err != nil {
		return nil, err
	}
	out, now, names := []Delegator{}, a.now(), a.names(ctx)
	for _, found := range set.Delegators(caller, appointees, now) {
		d, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: found.GUID})
		if errors.Is(err, directory.ErrNotFound) {
			continue // they have left
		}
		if err != nil {
			return nil, err
		}
		if !d.CalendarEnabled {
			continue
		}
		of := set.Delegation(caller, found.GUID, appointees, now)
		one := Delegator{
			GUID: d.GUID, Name: directory.RefTo(d).String(), FullName: d.FullName, Grant: of.Grant, All: of.Scope.All, Until: lastEnd(&of),
		}
		direct := false
		for i := range of.Reasons {
			switch reason := &of.Reasons[i]; {
			case reason.StandIn != nil:
				one.InPlaceOf = append(one.InPlaceOf, names.of(reason.StandIn.Delegate))
			case reason.Group != "":
				one.Through = append(one.Through, names.of(reason.Group))
			default:
				direct = true
			}
		}
		if direct {
			one.Through, one.InPlaceOf = nil, nil
		}
		err = a.Store.View(ctx, func(tx *store.Tx) (err error) {
			one.Calendars, err = scopeNames(tx, of.Scope)
			return err
		})
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// lastEnd is when the last of a delegation ends; zero: not by itself.
func lastEnd(d *delegation.Delegation) (until time.Time) {
	for i := range d.Reasons {
		if d.Reasons[i].Until.IsZero() {
			return time.Time{}
		}
		if d.Reasons[i].Until.After(until) {
			until = d.Reasons[i].Until
		}
	}
	return until
}
