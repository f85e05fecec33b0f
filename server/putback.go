package server

import (
	"context"
	"errors"
	"fmt"

	"convene/admin"
	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/quota"
	"convene/store"
)

// A putBacker puts objects of a backup back, for the operator's verbs.
type putBacker struct {
	handler   *caldav.Handler
	calendars *calendar.Calendars
}

// errDry undoes what was only tried.
var errDry = errors.New("dry run")

// PutBack implements admin.PutBacker. Each object has a transaction of its own, so
// others' changes do not wait, and what was interrupted can be run again.
func (b *putBacker) PutBack(ctx context.Context, owner *directory.Principal, p *admin.PutBack) ([]admin.PutBackResult, error) {
	if !p.DryRun {
		if err := b.calendars.Provision(ctx, owner); err != nil {
			return nil, err
		}
	}
	in := calendar.KeptCollection{
		Name: p.Collection.Name, Kind: store.Kind(p.Collection.Kind), Components: store.Component(p.Collection.Components),
		Properties: properties(p.Collection.Properties), List: p.Collection.List,
	}
	how := calendar.Putting{Into: p.Into, Replace: p.Replace}
	var results []admin.PutBackResult
	if len(p.Objects) == 0 {
		return b.empty(ctx, owner, &in, p)
	}
	for i := range p.Objects {
		o := &p.Objects[i]
		r := admin.PutBackResult{Calendar: in.Name, Name: o.Name, UID: o.UID}
		done, err := b.one(ctx, owner, &in, kept(o), how, p.DryRun)
		r.Result = string(done)
		if err != nil {
			if r.Result, r.Reason = notPutBack(err); r.Result == "" {
				return results, fmt.Errorf("%s/%s: %w", in.Name, o.Name, err)
			}
		}
		results = append(results, r)
	}
	return results, nil
}

// empty puts a collection back in which nothing was; one that is there is no result.
func (b *putBacker) empty(ctx context.Context, owner *directory.Principal, in *calendar.KeptCollection, p *admin.PutBack) ([]admin.PutBackResult, error) {
	if p.Into != "" {
		return nil, nil
	}
	made := false
	err := b.handler.Act(ctx, operator, func(tx *calendar.Tx) error {
		home, err := tx.Home(owner.GUID)
		if p.DryRun && errors.Is(err, calendar.ErrNoHome) {
			made = true
			return errDry
		}
		if err != nil {
			return err
		}
		if made, err = tx.PutBackCollection(home, in); err == nil && p.DryRun {
			err = errDry
		}
		return err
	})
	r := admin.PutBackResult{Calendar: in.Name, Result: string(calendar.PutCreated)}
	if err != nil && !errors.Is(err, errDry) {
		if r.Result, r.Reason = notPutBack(err); r.Result == "" {
			return nil, fmt.Errorf("%s: %w", in.Name, err)
		}
	} else if !made {
		return nil, nil
	}
	return []admin.PutBackResult{r}, nil
}

// one puts one object back, or tries to.
func (b *putBacker) one(ctx context.Context, owner *directory.Principal, in *calendar.KeptCollection, k *calendar.Kept, how calendar.Putting, dry bool) (done calendar.PutResult, err error) {
	err = b.handler.Act(ctx, operator, func(tx *calendar.Tx) error {
		done = ""
		home, err := tx.Home(owner.GUID)
		if dry && errors.Is(err, calendar.ErrNoHome) {
			done = calendar.PutCreated // in the home that would be made
			return errDry
		}
		if err != nil {
			return err
		}
		if done, err = tx.PutBack(home, in, k, how); err == nil && dry {
			err = errDry
		}
		return err
	})
	if errors.Is(err, errDry) {
		err = nil
	}
	return done, err
}

// notPutBack says what kept one object from being put back; "": what concerns others
// as well.
func notPutBack(err error) (result, reason string) {
	if _, is := errors.AsType[*calendar.DiffersError](err); is {
		return admin.PutDiffers, err.Error()
	}
	if _, is := errors.AsType[*calendar.ConflictError](err); is {
		return admin.PutConflict, err.Error()
	}
	_, data := errors.AsType[*calendar.DataError](err)
	for _, refusal := range []error{
		quota.ErrExceeded, store.ErrLimit, store.ErrUIDConflict, store.ErrUIDChanged,
		calendar.ErrLocation, calendar.ErrComponent, calendar.ErrDirect, calendar.ErrTaken,
	} {
		data = data || errors.Is(err, refusal)
	}
	if data {
		return admin.PutRefused, err.Error()
	}
	return "", ""
}

func kept(o *admin.KeptObject) *calendar.Kept {
	k := &calendar.Kept{Name: o.Name, Body: o.Body, Properties: properties(o.Properties), List: o.List}
	for i := range o.Booked {
		b := &o.Booked[i]
		k.Booked = append(k.Booked, calendar.KeptBooking{Room: b.Room, Calendar: b.Calendar, Kept: *kept(&b.Copy)})
	}
	return k
}

func properties(list []admin.KeptProperty) (out []store.Property) {
	for _, p := range list {
		out = append(out, store.Property(p))
	}
	return out
}
