package delegation

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"convene/internal/engine"
)

// A plan is what one transaction writes.
type plan struct {
	items   map[uint64][]byte // as they shall be; nil: gone
	entries []*entry
	raw     [][]byte // of the entries
}

// A step is what becomes of one record.
type step struct {
	verb          verb
	before, after *item // one may be nil
}

// add appends an entry of the generation of st, which it moves on.
func (p *plan) add(st *fileState, n entry) {
	n.Seq, n.Generation, n.Prev = st.Entries, st.Generation, st.Head
	raw := n.encode()
	st.Entries++
	st.Head = hashOf(raw)
	p.entries, p.raw = append(p.entries, &n), append(p.raw, raw)
}

// step adds an entry and what it does to the records.
func (p *plan) step(st *fileState, n entry, s step) {
	n.Verb = s.verb
	if s.before != nil {
		n.Before = s.before.raw
		st.Sum.xor(n.Before)
		st.Records--
		p.items[s.before.id()] = nil
	}
	if s.after != nil {
		n.After = s.after.encode()
		st.Sum.xor(n.After)
		st.Records++
		p.items[s.after.id()] = n.After
		st.LastID = max(st.LastID, s.after.id())
	}
	p.add(st, n)
}

func (p *plan) write(w engine.Writer, st *fileState) error {
	key := func(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
	for i, n := range p.entries {
		if err := w.Put(tableJournal, key(n.Seq), p.raw[i]); err != nil {
			return err
		}
	}
	for id, raw := range p.items {
		var err error
		if raw == nil {
			err = w.Delete(tableRecords, key(id))
		} else {
			err = w.Put(tableRecords, key(id), raw)
		}
		if err != nil {
			return err
		}
	}
	return w.Put(tableMeta, keyState, st.encode())
}

// about begins an entry. Who made none of the changes that a person makes is the
// server.
func (b *Book) about(a Author, v verb, replaced Mark, note string) entry {
	if a.GUID == "" {
		a.GUID, a.Via = "server", "server"
	}
	return entry{Time: b.opt.Clock().UTC(), Actor: a.GUID, Sudo: a.Sudo, Via: cut(a.Via), Remote: a.Remote,
		Verb: v, Replaced: replaced, Note: note}
}

// cut shortens a text of a client.
func cut(s string) string {
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "")
}

// ready returns an error if no change can be made now.
func (b *Book) ready(ctx context.Context) error {
	s := b.State()
	switch {
	case !s.Changeable():
		return &StateError{s}
	case b.engine == nil:
		return fmt.Errorf("%w: %s", ErrReadOnly, s.Detail)
	}
	if err := b.checkFile(ctx); err != nil {
		return err
	}
	if !b.behind {
		return nil
	}
	err := b.testify(ctx, b.state.mark())
	if err != nil && !isFull(err) {
		err = fmt.Errorf("%w: %w", engine.ErrReadOnly, err)
	}
	return b.failed(ctx, err)
}

// checkFile sees whether the file is still the one that is open. If not, that
// stays so until the database is opened again: what was written since is in a
// file without a name.
func (b *Book) checkFile(ctx context.Context) error {
	info, err := os.Stat(b.path(fileName))
	if err == nil && os.SameFile(info, b.file) {
		return nil
	}
	detail := "another file is in its place"
	if err != nil {
		detail = err.Error()
	}
	b.publish(ctx, State{Condition: Replaced, Detail: detail})
	return &StateError{b.State()}
}

// failed notes why a write failed, and returns the error as one of ours.
func (b *Book) failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case isFull(err):
		err = fmt.Errorf("%w: %w", ErrFull, err)
	case isUnwritable(err) || errors.Is(err, engine.ErrUnknownOutcome):
		err = fmt.Errorf("%w: %w", ErrReadOnly, err)
	default:
		return err
	}
	c := Unwritable
	if errors.Is(err, ErrFull) {
		c = Full
	}
	b.publish(ctx, State{Condition: c, Detail: err.Error()})
	return err
}

// commit makes all steps in one transaction, and lets readers see them when they
// are durable and the witness knows.
func (b *Book) commit(ctx context.Context, a Author, steps []step) error {
	if len(steps) == 0 {
		return nil
	}
	next, p := b.state, &plan{items: map[uint64][]byte{}}
	next.Generation++
	for _, s := range steps {
		p.step(&next, b.about(a, s.verb, Mark{}, ""), s)
	}
	err := b.engine.Update(ctx, func(w engine.Writer) error {
		if err := b.unchanged(w); err != nil {
			return err
		}
		return p.write(w, &next)
	})
	if err != nil {
		return b.failed(ctx, err)
	}
	ctx = context.WithoutCancel(ctx) // it is done, and what follows from it is as well
	b.state = next
	if err := b.checkFile(ctx); err != nil {
		return err
	}
	for _, s := range steps {
		b.set.apply(s.before, s.after)
	}
	// It is done: if the witness cannot be told, the next change waits for it.
	s := State{Condition: Good}
	if err := b.testify(ctx, next.mark()); err != nil {
		s = State{Condition: failure(err), Detail: err.Error()}
	}
	b.publish(ctx, s)
	b.export(ctx, p.entries)
	return nil
}

// export appends a line for each entry to delegates.log. It is opened each time,
// so that it can be moved away at any moment.
func (b *Book) export(ctx context.Context, entries []*entry) {
	var lines strings.Builder
	for _, n := range entries {
		ev, err := n.event()
		if err != nil {
			b.log.ErrorContext(ctx, "delegates.log", "error", err)
			continue
		}
		lines.WriteString(ev.Line() + "\n")
	}
	f, err := os.OpenFile(b.path(logName), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(lines.String())
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		b.log.ErrorContext(ctx, "delegates.log was not written", "error", err)
	}
}
