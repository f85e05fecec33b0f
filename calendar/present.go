package calendar

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"convene/directory"
	"convene/internal/ical"
	"convene/quota"
	"convene/scheduling"
	"convene/store"
)

// The owner of a home stands in its objects with the mail address that the directory
// has now, so that their clients find themselves. It is stored like all else of an
// object, and so has its own entity tag: when their addresses change, the objects
// are written anew. Their home notes for which addresses that was done.

// maxFormer is how many former mail addresses a home notes.
const maxFormer = 8

// An addressNote is the mail addresses of a home's owner as its objects have them.
type addressNote struct {
	present []string // the preferred one first; none: nothing is noted
	former  []string // the last one first
}

func noteOf(home *store.Home) addressNote {
	present, former, _ := strings.Cut(home.Addresses, "\n")
	return addressNote{strings.Fields(present), strings.Fields(former)}
}

func (n addressNote) String() string {
	return strings.TrimSuffix(strings.Join(n.present, " ")+"\n"+strings.Join(n.former, " "), "\n")
}

// preferred is the address that the owner's lines have; "" if nothing is noted.
func (n addressNote) preferred() string {
	if len(n.present) == 0 {
		return ""
	}
	return n.present[0]
}

// with is the note after the addresses have become others.
func (n addressNote) with(emails []string) addressNote {
	former := slices.DeleteFunc(slices.Concat(n.present, n.former), func(e string) bool { return slices.Contains(emails, e) })
	return addressNote{emails, former[:min(len(former), maxFormer)]}
}

// notable are the addresses that a home notes of its owner, the preferred one first; none
// if that is one with a blank in it, as none has that is in use.
func notable(owner *directory.Principal) []string {
	odd := func(e string) bool { return strings.ContainsAny(e, " \t\r\n") }
	switch {
	case len(owner.Emails) == 0 || odd(owner.Emails[0]):
		return nil
	case slices.ContainsFunc(owner.Emails, odd):
		return slices.DeleteFunc(slices.Clone(owner.Emails), odd)
	}
	return owner.Emails
}

// IsPresent reports whether the objects of a home have the present mail addresses of its
// owner. It is asked by each request.
func (c *Calendars) IsPresent(home *store.Home, owner *directory.Principal) bool {
	emails := notable(owner)
	if c.Scheduling == nil || len(emails) == 0 {
		return true // who has no address stands there as they did
	}
	noted, _, _ := strings.Cut(home.Addresses, "\n")
	if len(emails) == 1 {
		return noted == emails[0]
	}
	list := strings.Fields(noted)
	without := func(all []string) func(string) bool {
		return func(e string) bool { return !slices.Contains(all, e) }
	}
	return len(list) > 0 && list[0] == emails[0] &&
		!slices.ContainsFunc(list, without(emails)) && !slices.ContainsFunc(emails, without(list))
}

// presentAtOnce is how many objects one transaction looks at to write the owner's
// address into them.
const presentAtOnce = 100

// Present writes the present mail address of its owner into the objects of a home, as
// far as they are of meetings. It takes one transaction for each hundred of them; the
// last one notes the address, and leaves nothing out that was written meanwhile. A home
// that is not there has nothing to be written.
func (c *Calendars) Present(ctx context.Context, owner *directory.Principal) error {
	r := &readdressing{c: c, owner: &scheduling.Party{
		Address: scheduling.CanonicalAddress(owner.GUID), GUID: owner.GUID, Emails: notable(owner),
	}, written: map[store.Rev]bool{}, done: map[store.CollectionID]store.Rev{}}
	for {
		var next *readdressing
		err := c.Update(ctx, Actor{}, func(tx *Tx) (err error) {
			next, err = r.step(tx, owner)
			return err
		})
		if err != nil || next == nil {
			return err
		}
		r = next
	}
}

// readdressing is how far a home's objects have their owner's present address.
type readdressing struct {
	c       *Calendars
	owner   *scheduling.Party
	done    map[store.CollectionID]store.Rev // looked at up to there
	written map[store.Rev]bool               // by this
}

// step looks at some more objects. It returns how far it is then, nil if that is all.
func (r *readdressing) step(tx *Tx, owner *directory.Principal) (*readdressing, error) {
	home, err := tx.Home(owner.GUID)
	if errors.Is(err, ErrNoHome) || err == nil && r.c.IsPresent(home, owner) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	next := &readdressing{c: r.c, owner: r.owner, done: map[store.CollectionID]store.Rev{}, written: map[store.Rev]bool{}}
	for rev := range r.written {
		next.written[rev] = true
	}
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return nil, err
	}
	left := presentAtOnce
	note := noteOf(home)
	for _, col := range cols {
		next.done[col.ID] = r.done[col.ID]
		if left > 0 && (col.Kind == store.KindCalendar || col.Kind == store.KindInbox) {
			if left, err = next.collection(tx, col, note.preferred(), left); err != nil {
				return nil, err
			}
		}
	}
	if left > 0 {
		return nil, tx.SetAddresses(home.ID, note.with(r.owner.Emails).String())
	}
	return next, nil
}

// collection looks at some more objects of a collection, and returns how many are left
// of the number that may be.
func (r *readdressing) collection(tx *Tx, col *store.Collection, was string, left int) (int, error) {
	for left > 0 {
		list, at, more, err := tx.Changes(col.ID, r.done[col.ID], left)
		if errors.Is(err, store.ErrTokenExpired) { // much was deleted meanwhile
			r.done[col.ID] = 0
			continue
		}
		if err != nil {
			return 0, err
		}
		for _, change := range list {
			if change.Deleted || change.Entry.Flags&store.FlagHosted == 0 || r.written[change.Rev] {
				continue
			}
			left--
			if err := r.object(tx, col, change.Entry, was); err != nil {
				return 0, err
			}
		}
		if r.done[col.ID] = at; !more {
			break
		}
	}
	return left, nil
}

// object writes an object anew, if its owner has another address there. What
// cannot be read or is too large stays as it is.
func (r *readdressing) object(tx *Tx, col *store.Collection, e *store.Entry, was string) error {
	body, _, err := tx.Tx.Body(col.ID, e.Name)
	if err != nil {
		return err
	}
	cal, err := ical.Decode(bytes.Clone(body), ical.DefaultLimits)
	if err != nil {
		return nil
	}
	o, err := ical.NewMessage(cal) // an inbox has messages
	if err != nil {
		return nil
	}
	n := scheduling.Present(o, r.owner, was)
	if n == o {
		return nil
	}
	opts := append(store.As(e.Role), store.KeepScheduleTag, store.Upkeep)
	entry, _, err := tx.PutObject(col, e.Name, n.Calendar.Append(nil), e.Index, store.Match{}, opts...)
	if _, large := errors.AsType[*quota.ExceededError](err); large {
		return nil
	}
	if err == nil {
		r.written[entry.Rev] = true
	}
	return err
}

// asNoted is a party with the preferred address that their home notes, or that the
// directory has if it notes none.
func asNoted(home *store.Home, to *scheduling.Party) *scheduling.Party {
	if email := noteOf(home).preferred(); email != "" && email != to.Email() {
		other := *to // may be shared
		other.Emails = append([]string{email}, to.Emails...)
		return &other
	}
	return to
}
