package delegation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"convene/internal/engine"
)

// A Difference is one record, or stand-in, that two databases do not have alike;
// nil where it is missing.
type Difference struct {
	Before        *Record  `json:"before,omitempty"`
	After         *Record  `json:"after,omitempty"`
	StandInBefore *StandIn `json:"standInBefore,omitempty"`
	StandInAfter  *StandIn `json:"standInAfter,omitempty"`
}

// compareSets returns the steps that make what is in to of what is in from. Of
// guid alone, if that is not "". A step keeps the number that a record has in
// from.
func compareSets(from, to *Set, guid string) (steps []step) {
	concerns := func(it *item) bool {
		if r := it.record; r != nil {
			return guid == "" || r.Delegator == guid || r.Delegate == guid
		}
		return guid == "" || it.standIn.Delegate == guid || it.standIn.StandIn == guid
	}
	counterpart := func(s *Set, it *item) *item {
		if it.record != nil {
			return s.find(it.record.Delegator, it.record.Delegate)
		}
		if other, ok := s.items.Get(it.standIn.ID); ok && other.standIn != nil {
			return other
		}
		return nil
	}
	from.items.Scan(func(_ uint64, it *item) bool {
		if concerns(it) && counterpart(to, it) == nil {
			steps = append(steps, step{verbRestore, it, nil})
		}
		return true
	})
	to.items.Scan(func(_ uint64, it *item) bool {
		before := counterpart(from, it)
		if concerns(it) && (before == nil || !bytes.Equal(before.raw, it.raw)) {
			steps = append(steps, step{verbRestore, before, it})
		}
		return true
	})
	return steps
}

func differences(steps []step) (list []Difference) {
	for _, s := range steps {
		var d Difference
		if s.before != nil {
			d.Before, d.StandInBefore = s.before.record, s.before.standIn
		}
		if s.after != nil {
			d.After, d.StandInAfter = s.after.record, s.after.standIn
		}
		list = append(list, d)
	}
	return list
}

// readCopy reads a copy and proves that it is one of this server. Errors: ErrCopy,
// those of the system.
func (b *Book) readCopy(ctx context.Context, path string) (*content, error) {
	if err := checkSum(path); err != nil {
		return nil, err
	}
	c, err := inspect(ctx, path, Mark{})
	if f := (*finding)(nil); errors.As(err, &f) {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrCopy, f)
	}
	if err != nil {
		return nil, err
	}
	if c.state.Bound != b.opt.Store {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrCopy, judge(c, Mark{}, b.opt.Store))
	}
	return c, nil
}

// current returns what the database holds, nothing if it is refused.
func (b *Book) current() *Set {
	if b.set != nil {
		return b.set
	}
	return newSet()
}

// Diff returns what would be another if the copy at path were restored, in whole
// or of one principal. If the database is refused it is compared as if empty.
// Errors: ErrCopy.
func (b *Book) Diff(ctx context.Context, path, guid string) ([]Difference, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.readCopy(ctx, path)
	if err != nil {
		return nil, err
	}
	return differences(compareSets(b.current(), c.set, guid)), nil
}

// Restore puts the copy at path in the place of the database, whatever state that
// is in, and returns what became another. The file that was there is kept as
// delegates.db.before-TIME. The journal is that of the copy, and goes on with an
// entry that names what it replaced. Errors: ErrCopy; ErrAuthor; ErrDenied if the
// author is no administrator.
func (b *Book) Restore(ctx context.Context, a Author, path string) ([]Difference, error) {
	if err := a.operator(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c, err := b.readCopy(ctx, path)
	if err != nil {
		return nil, err
	}
	diff := differences(compareSets(b.current(), c.set, ""))
	temp := b.path(fileName) + ".new"
	if err := errors.Join(removeFile(temp), copyFile(path, temp)); err != nil {
		return nil, err
	}
	return diff, b.continueAs(ctx, a, verbRestored, temp, c.state)
}

// RestorePrincipal restores from the copy at path only what is of one principal, as
// delegator, delegate or stand-in. Errors: as of Restore, and those of the database,
// as of Put.
func (b *Book) RestorePrincipal(ctx context.Context, a Author, path, guid string) (list []Difference, err error) {
	if err := a.operator(); err != nil {
		return nil, err
	}
	_, err = b.change(ctx, a, func(c *changer) error {
		from, err := b.readCopy(ctx, path)
		if err != nil {
			return err
		}
		for _, s := range compareSets(b.set, from.set, guid) {
			s.after = c.renumber(s.before, s.after)
			if s.before == nil || s.after == nil || !bytes.Equal(s.before.raw, s.after.encode()) {
				c.steps = append(c.steps, s)
			}
		}
		list = differences(c.steps)
		return nil
	})
	return list, err
}

// renumber returns a record of a copy as it can be in this file: with the number of
// the one that it replaces, with its own if it is free, or with a new one.
func (c *changer) renumber(before, after *item) *item {
	if after == nil {
		return nil
	}
	id := after.id()
	switch _, taken := c.b.set.items.Get(id); {
	case before != nil:
		id = before.id()
	case taken || id > c.b.state.LastID:
		id = c.newID()
	}
	if after.record != nil {
		r := *after.record
		r.ID = id
		return &item{record: &r}
	}
	x := *after.standIn
	x.ID = id
	return &item{standIn: &x}
}

// AcceptRollback goes on with an old file although a newer one was in use.
func (b *Book) AcceptRollback(ctx context.Context, a Author) error {
	return b.goOn(ctx, a, RolledBack, verbAccepted)
}

// Adopt makes a file that belongs to another server, or calendar store, this one's.
func (b *Book) Adopt(ctx context.Context, a Author) error {
	return b.goOn(ctx, a, OtherServer, verbAdopted)
}

// ErrState: what is asked for is the cure of another state.
var ErrState = errors.New("the delegate database is not in that state")

// goOn continues the file that is there, which is whole but was refused.
func (b *Book) goOn(ctx context.Context, a Author, in Condition, v verb) error {
	if err := a.operator(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	path, temp := b.path(fileName), b.path(fileName)+".new"
	if c := b.State().Condition; c != in {
		return fmt.Errorf("%w: it is %s, not %s", ErrState, c, in)
	}
	if err := removeFile(temp); err != nil {
		return err
	}
	if err := copyFile(path+"-log", temp+"-log"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := copyFile(path, temp); err != nil {
		return err
	}
	c, err := inspect(ctx, temp, Mark{})
	if err != nil {
		return err
	}
	return b.continueAs(ctx, a, v, temp, c.state)
}

// Reset begins with an empty database. What the old one had is lost, but for the
// file itself, which is kept as delegates.db.before-TIME. It is refused while the
// state is good.
func (b *Book) Reset(ctx context.Context, a Author) error {
	if err := a.operator(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.State(); s.Served() {
		return fmt.Errorf("%w: it is %s", ErrState, s.Condition)
	}
	w, err := b.expected(ctx)
	if err != nil {
		return err
	}
	want, temp := w.newest, b.path(fileName)+".new"
	if err := b.makeFile(ctx, temp, fileState{Generation: want.Generation}, b.about(a, verbReset, want, "")); err != nil {
		return err
	}
	return b.install(ctx, temp)
}

// continueAs adds an entry to the file at temp, whose state is st, by which it
// follows what was expected, and puts it in the place of the database.
func (b *Book) continueAs(ctx context.Context, a Author, v verb, temp string, st fileState) error {
	w, err := b.expected(ctx)
	if err != nil {
		return err
	}
	want := w.newest
	if b.state.Generation > want.Generation {
		want = b.state.mark()
	}
	note := fmt.Sprintf("continues %v, generation %d, head %v", st.File, st.Generation, st.Head)
	next, p := st, &plan{}
	next.Generation = max(st.Generation, want.Generation) + 1
	next.LastID = max(st.LastID, b.state.LastID)
	if v == verbAdopted {
		next.Bound = b.opt.Store
		if _, err := io.ReadFull(b.opt.Random, next.File[:]); err != nil {
			return err
		}
	}
	p.add(&next, b.about(a, v, want, note))
	e, err := engine.OpenBolt(temp, engine.BoltOptions{Tables: tables(), Hot: tableMeta})
	if err != nil {
		return err
	}
	err = e.Update(ctx, func(w engine.Writer) error { return p.write(w, &next) })
	if err := errors.Join(err, e.Close()); err != nil {
		return errors.Join(err, removeFile(temp))
	}
	if err := b.install(ctx, temp); err != nil {
		return err
	}
	b.export(ctx, p.entries)
	return nil
}

// install puts a complete file in the place of the database and opens it. What was
// there is kept. There is a file at each moment.
func (b *Book) install(ctx context.Context, temp string) error {
	if err := b.close(); err != nil {
		b.log.WarnContext(ctx, "the delegate database did not close", "error", err)
	}
	path := b.path(fileName)
	kept := path + ".before-" + b.opt.Clock().UTC().Format("20060102T150405.000000000Z")
	for _, f := range []struct {
		move     func(from, to string) error
		from, to string
	}{
		{os.Rename, path + "-log", kept + "-log"}, // it would be taken for the new file's
		{os.Link, path, kept},
	} {
		if err := f.move(f.from, f.to); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Join(err, b.reopen(ctx))
		}
	}
	return errors.Join(rename(temp, path), b.reopen(ctx))
}

// reopen opens the database after its file was closed. If that fails, what is in
// memory counts until the next start.
func (b *Book) reopen(ctx context.Context) error {
	err := b.open(ctx)
	if err != nil {
		b.publish(ctx, State{Condition: Replaced, Detail: err.Error()})
	}
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Join(err, in.Close())
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close(), in.Close())
}
