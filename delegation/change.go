package delegation

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// An Outcome is what a change did.
type Outcome struct {
	Added, Changed, Removed []Record
	StandIns                []StandIn // added or removed
}

// A changer gathers the steps of one change.
type changer struct {
	b      *Book
	author Author
	now    time.Time
	lastID uint64
	steps  []step
	out    Outcome
}

// change runs fn, which says what to do, and commits it. Errors besides those of
// fn: ErrAuthor, ErrRefused, ErrFull, ErrReadOnly, that of the gate.
func (b *Book) change(ctx context.Context, a Author, fn func(*changer) error) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.opt.Gate(ctx); err != nil {
		return Outcome{}, err
	}
	c, err := b.plan(ctx, a, fn)
	if err == nil {
		err = b.commit(ctx, a, c.steps)
	}
	if err != nil {
		return Outcome{}, err
	}
	return c.out, nil
}

// preview runs fn as change does, and leaves everything as it is: no gate holds it up.
func (b *Book) preview(ctx context.Context, a Author, fn func(*changer) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err := b.plan(ctx, a, fn)
	return err
}

// plan runs fn on what there is. The caller holds b.mu.
func (b *Book) plan(ctx context.Context, a Author, fn func(*changer) error) (*changer, error) {
	if err := a.validate(); err != nil {
		return nil, err
	}
	if err := b.ready(ctx); err != nil {
		return nil, err
	}
	c := &changer{b: b, author: a, now: b.opt.Clock(), lastID: b.state.LastID}
	return c, fn(c)
}

func (c *changer) newID() uint64 {
	c.lastID++
	return c.lastID
}

// own returns the author's delegation of a delegator.
func (c *changer) own(delegator string, directory []Record) *Delegation {
	d := c.b.set.Delegation(c.author.Caller, delegator, directory, c.now)
	return &d
}

// A Target is whose delegates are changed, with those that the directory names:
// they are not changed, but may be who changes.
type Target struct {
	Principal
	Directory []Record
}

// put adds or changes one record, if anything of it is new.
func (c *changer) put(t Target, delegate Principal, level Level, limits Limits) error {
	r := &Record{Delegator: t.GUID, Delegate: delegate.GUID, Kind: delegate.Kind, Level: level, Limits: limits,
		CreatedBy: c.author.GUID, CreatedAt: seconds(c.now), Via: cut(c.author.Via)}
	if err := r.validate(t.Principal, delegate); err != nil {
		return err
	}
	before := c.b.set.find(t.GUID, delegate.GUID)
	var was *Record
	if before != nil {
		was = before.record
		r.ID, r.CreatedBy, r.CreatedAt, r.Via = was.ID, was.CreatedBy, was.CreatedAt, was.Via
		if r.Level == was.Level && r.Limits.equal(was.Limits) && r.Kind == was.Kind {
			if RoleOf(c.author, t.GUID, c.own(t.GUID, t.Directory)) == RoleNone {
				return ErrDenied
			}
			return nil
		}
	}
	r, err := Permit(c.author, c.own(t.GUID, t.Directory), was, r)
	if err != nil {
		return err
	}
	if was != nil && r.Level == was.Level && r.Limits.equal(was.Limits) && r.Kind == was.Kind {
		return nil // what the author may not do was taken away from it
	}
	v := verbChange
	if before == nil {
		v, r.ID = verbAdd, c.newID()
		c.out.Added = append(c.out.Added, *r)
	} else {
		c.out.Changed = append(c.out.Changed, *r)
	}
	c.steps = append(c.steps, step{v, before, &item{record: r}})
	return nil
}

func (c *changer) remove(t Target, delegate string) error {
	it := c.b.set.find(t.GUID, delegate)
	var was *Record
	if it != nil {
		was = it.record
	}
	if RoleOf(c.author, t.GUID, c.own(t.GUID, t.Directory)) == RoleNone {
		return ErrDenied
	}
	if was == nil {
		return ErrNotFound
	}
	if _, err := Permit(c.author, c.own(t.GUID, t.Directory), was, nil); err != nil {
		return err
	}
	c.steps = append(c.steps, step{verbRemove, it, nil})
	c.out.Removed = append(c.out.Removed, *was)
	return nil
}

// Put makes delegate a delegate of t with this level and these limits, in place of
// what there was. Nothing is written if it is so already. Errors: ErrDenied; of
// what is asked for: ErrSelf, ErrRoomDelegate, ErrNoCalendars, ErrLevel,
// ErrEndBeforeBegin, ErrNoteTooLong, ErrUnknownPrincipal, ErrInvalid; of the
// database: ErrRefused, ErrFull, ErrReadOnly.
func (b *Book) Put(ctx context.Context, a Author, t Target, delegate Principal, level Level, limits Limits) (Outcome, error) {
	return b.change(ctx, a, func(c *changer) error { return c.put(t, delegate, level, limits) })
}

// Remove removes what the database has of a delegator and a delegate. Errors:
// ErrNotFound, ErrDenied, and those of the database, as of Put.
func (b *Book) Remove(ctx context.Context, a Author, t Target, delegate string) (Outcome, error) {
	return b.change(ctx, a, func(c *changer) error { return c.remove(t, delegate) })
}

// ReplaceMembers makes members the direct delegates of t at one level: what
// PROPPATCH of group-member-set does, which names only who. So who is named and
// there already keeps all limits, also if they had the other level; who is named
// and new has PlainLimits; who is not named is removed if in force: others were
// not in the list that the client saw. Who has not begun and is named begins at
// once; who has ended is new.
//
// Errors: all of Put, with a *MemberError that names the member; ErrFromDirectory
// if one is not named who comes from the directory.
func (b *Book) ReplaceMembers(ctx context.Context, a Author, t Target, level Level, members []Principal) (Outcome, error) {
	return b.change(ctx, a, func(c *changer) error { return c.replace(t, level, members) })
}

func (c *changer) replace(t Target, level Level, members []Principal) error {
	if RoleOf(c.author, t.GUID, c.own(t.GUID, t.Directory)) == RoleNone {
		return ErrDenied
	}
	named := map[string]bool{}
	for _, m := range members {
		if named[m.GUID] {
			continue
		}
		named[m.GUID] = true
		if err := c.member(t, level, m); err != nil {
			return &MemberError{m.GUID, err}
		}
	}
	for _, r := range t.Directory {
		if r.Delegator == t.GUID && r.Level == level && !named[r.Delegate] {
			return &MemberError{r.Delegate, fmt.Errorf("%w: by %s", ErrFromDirectory, r.Attribute)}
		}
	}
	for _, r := range c.b.set.Delegates(t.GUID, c.now) {
		if r.Level != level || named[r.Delegate] {
			continue
		}
		if err := c.remove(t, r.Delegate); err != nil {
			return &MemberError{r.Delegate, err}
		}
	}
	return nil
}

// member makes one principal that is named a delegate.
func (c *changer) member(t Target, level Level, m Principal) error {
	limits := PlainLimits(t.Kind)
	if it := c.b.set.find(t.GUID, m.GUID); it != nil && !it.record.Ended(c.now) {
		limits = it.record.Limits
		if !it.record.InForce(c.now) {
			limits.From = time.Time{}
		}
		return c.put(t, m, level, limits)
	}
	for _, r := range t.Directory {
		if r.Delegator == t.GUID && r.Delegate == m.GUID && r.Level == level {
			return nil // the client gives back what it was shown
		}
	}
	return c.put(t, m, level, limits)
}

// AddStandIn lets somebody act in the place of a delegate for some time; ID and
// what says how it came to be are set here. directory has the records of the
// directory that name the delegate. Errors: ErrDenied; ErrSelf, ErrInvalid,
// ErrEndBeforeBegin, ErrNoteTooLong; those of the database, as of Put.
func (b *Book) AddStandIn(ctx context.Context, a Author, x StandIn, directory []Record) (Outcome, error) {
	return b.change(ctx, a, func(c *changer) error {
		if err := x.validate(); err != nil {
			return err
		}
		if err := PermitStandIn(a, &x, c.delegations(x.Delegate, directory)); err != nil {
			return err
		}
		for _, old := range b.set.StandIns(x.Delegate) {
			if sameStandIn(old, x) && old.Administrator == a.Administrator {
				return nil
			}
		}
		x.ID, x.Administrator = c.newID(), a.Administrator
		x.CreatedBy, x.CreatedAt, x.Via = a.GUID, seconds(c.now), cut(a.Via)
		c.steps = append(c.steps, step{verbAdd, nil, &item{standIn: &x}})
		c.out.StandIns = append(c.out.StandIns, x)
		return nil
	})
}

// delegations returns all records that name a principal, or one of the author's
// groups if that is the author.
func (c *changer) delegations(guid string, directory []Record) (list []Record) {
	var groups []string
	if guid == c.author.GUID {
		groups = c.author.Groups
	}
	c.b.set.naming(guid, groups, directory, func(r *Record) { list = append(list, *r) })
	return list
}

func sameStandIn(a, b StandIn) bool {
	return a.Delegate == b.Delegate && a.StandIn == b.StandIn && a.From.Equal(b.From) && a.Until.Equal(b.Until) &&
		slices.Equal(a.For, b.For) && a.Note == b.Note
}

// RemoveStandIn ends a stand-in. Errors: ErrNotFound, ErrDenied, those of the
// database.
func (b *Book) RemoveStandIn(ctx context.Context, a Author, id uint64) (Outcome, error) {
	return b.change(ctx, a, func(c *changer) error {
		it, ok := b.set.items.Get(id)
		if !ok || it.standIn == nil {
			return fmt.Errorf("stand-in %d: %w", id, ErrNotFound)
		}
		if !a.Administrator && a.GUID != it.standIn.Delegate {
			return ErrDenied
		}
		c.steps = append(c.steps, step{verbRemove, it, nil})
		c.out.StandIns = append(c.out.StandIns, *it.standIn)
		return nil
	})
}

// expire takes records out of the table that ended long ago. The journal has them.
func (b *Book) expire(ctx context.Context) error {
	limit := b.opt.Clock().Add(-b.opt.KeepEnded)
	var steps []step
	b.set.items.Scan(func(_ uint64, it *item) bool {
		until := time.Time{}
		if it.record != nil {
			until = it.record.Until
		} else {
			until = it.standIn.Until
		}
		if ended(until, limit) {
			steps = append(steps, step{verbExpire, it, nil})
		}
		return true
	})
	return b.commit(ctx, Author{}, steps)
}
