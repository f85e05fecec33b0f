package delegation

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"convene/internal/engine"
)

// content is what a file holds, proven to be whole in itself.
type content struct {
	state     fileState
	set       *Set
	headThen  hash // of the last entry up to the generation that was asked for
	continues bool // the next entry says that it follows what was asked for
}

// maxFindings is how many wrong records are named.
const maxFindings = 20

// inspect reads and checks a whole file that nobody has open for writing, and
// the log beside it. want is the mark that a later comparison is about. Errors:
// *finding; others are of the system, and say nothing about the file.
func inspect(ctx context.Context, path string, want Mark) (c *content, err error) {
	if err := engine.CheckFile(ctx, path); errors.Is(err, engine.ErrDamaged) {
		return nil, found(Damaged, "%v", err)
	} else if err != nil {
		return nil, err
	}
	err = guard(func() error {
		e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: tables(), Hot: tableMeta, ReadOnly: true})
		if errors.Is(err, engine.ErrReadOnly) { // it is no file of ours, or a name of a table is wrong
			return fmt.Errorf("%w: %w", engine.ErrDamaged, err)
		}
		if err != nil {
			return err
		}
		c, err = examine(ctx, e, want)
		return errors.Join(err, e.Close())
	})
	return c, err
}

// guard runs a function that reads a file that may be damaged in ways that no
// check has seen, such as a page that the disk does not give. Errors: *finding,
// if it is so; that of fn.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = found(Damaged, "%v", p)
		}
	}()
	if err = fn(); errors.Is(err, engine.ErrDamaged) {
		return found(Damaged, "%v", err)
	}
	return err
}

// examine reads and checks everything in one view. Errors as of inspect.
func examine(ctx context.Context, e engine.Engine, want Mark) (c *content, err error) {
	err = e.View(ctx, func(r engine.Reader) error {
		x := &examiner{r: r, want: want, replayed: map[uint64][]byte{}}
		c = &x.content
		return x.run()
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// An examiner checks one file.
type examiner struct {
	content
	r        engine.Reader
	want     Mark
	bad      []string // which records are damaged
	last     entry
	head     hash
	replayed map[uint64][]byte // records, as the journal makes them
}

func (x *examiner) run() error {
	for _, step := range []func() *finding{x.readState, x.readRecords, x.readJournal, x.compare} {
		if f := step(); f != nil {
			return f
		}
	}
	return nil
}

func (x *examiner) readState() *finding {
	n := 0
	for range x.r.Scan(tableMeta, engine.Range{KeysOnly: true}) {
		n++
	}
	st, err := decodeState(x.r.Get(tableMeta, keyState))
	switch {
	case errors.Is(err, errNewer):
		return found(Newer, "this version knows format %d", format)
	case err != nil:
		return found(Damaged, "the state of the file: %v", err)
	case n != 1:
		return found(Damaged, "%d values beside the state of the file", n-1)
	}
	x.state = *st
	return nil
}

func (x *examiner) readRecords() *finding {
	x.set = newSet()
	var sum hash
	count := uint64(0)
	for k, v := range x.r.Scan(tableRecords, engine.Range{}) {
		count++
		sum.xor(v)
		it, err := decodeItem(v)
		switch {
		case errors.Is(err, errNewer):
			return found(Newer, "record %x", k)
		case err != nil:
			x.note("%x (%v)", k, err)
			continue
		case len(k) != 8 || binary.BigEndian.Uint64(k) != it.id() || it.id() > x.state.LastID:
			x.note("%x is under another number", k)
			continue
		}
		it.raw = bytes.Clone(v)
		x.set.apply(nil, it)
	}
	switch {
	case len(x.bad) > 0:
		return found(Damaged, "records %s", strings.Join(x.bad, ", "))
	case count != x.state.Records || sum != x.state.Sum:
		return found(Damaged, "%d records, %d expected, or their sum is wrong", count, x.state.Records)
	}
	return nil
}

func (x *examiner) note(format string, args ...any) {
	if len(x.bad) < maxFindings {
		x.bad = append(x.bad, fmt.Sprintf(format, args...))
	}
}

// readJournal checks that each entry names the one before, and follows what the
// entries do to the records.
func (x *examiner) readJournal() *finding {
	seq := uint64(0)
	for k, v := range x.r.Scan(tableJournal, engine.Range{}) {
		n, err := decodeEntry(v)
		switch {
		case err != nil || n.Seq != seq || len(k) != 8 || binary.BigEndian.Uint64(k) != seq:
			return found(Tampered, "journal entry %d is not what was written", seq)
		case n.Prev != x.head || n.Generation < x.last.Generation || n.Actor == "" || n.Via == "":
			return found(Tampered, "the journal is broken before entry %d", seq)
		}
		if n.Generation > x.want.Generation && x.last.Generation <= x.want.Generation {
			x.continues = n.Replaced != (Mark{}) && n.Replaced == x.want
		}
		if f := x.replay(n); f != nil {
			return f
		}
		x.head, x.last = hashOf(v), *n
		if n.Generation <= x.want.Generation {
			x.headThen = x.head
		}
		seq++
	}
	switch {
	case seq != x.state.Entries || x.head != x.state.Head:
		return found(Tampered, "the journal ends after %d entries, %d expected, or with another one", seq, x.state.Entries)
	case x.last.Generation != x.state.Generation:
		return found(Tampered, "the journal ends with generation %d, %d expected", x.last.Generation, x.state.Generation)
	}
	return nil
}

// replay does to the replayed records what an entry did.
func (x *examiner) replay(n *entry) *finding {
	var id uint64
	for _, raw := range [][]byte{n.Before, n.After} {
		if len(raw) == 0 {
			continue
		}
		it, err := decodeItem(raw)
		if err != nil || id != 0 && it.id() != id {
			return found(Tampered, "journal entry %d: its record %v", n.Seq, err)
		}
		id = it.id()
	}
	if !bytes.Equal(x.replayed[id], n.Before) {
		return found(Tampered, "journal entry %d: record %d was another one before", n.Seq, id)
	}
	if len(n.After) > 0 {
		x.replayed[id] = bytes.Clone(n.After)
	} else {
		delete(x.replayed, id)
	}
	return nil
}

// compare proves that the records are what the journal says.
func (x *examiner) compare() (f *finding) {
	x.set.items.Scan(func(id uint64, it *item) bool {
		if !bytes.Equal(x.replayed[id], it.raw) {
			f = found(Tampered, "record %d is not what the journal says", id)
		}
		return f == nil
	})
	if f == nil && len(x.replayed) != x.set.Len() {
		f = found(Tampered, "%d records, the journal makes %d", x.set.Len(), len(x.replayed))
	}
	return f
}
