package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"iter"
	"runtime/debug"
	"sync"

	"github.com/tidwall/btree"
)

// OpenMemory returns an empty engine that lives in memory. Backup writes its
// pairs as uvarint table number, key and value length and the bytes.
func OpenMemory(tables []Table) Engine {
	m := &memory{tables: tables}
	for range tables {
		m.trees = append(m.trees, btree.NewBTreeG(func(a, b pair) bool { return bytes.Compare(a.key, b.key) < 0 }))
	}
	return m
}

type pair struct{ key, value []byte }

type memory struct {
	tables tableIndex

	writer sync.Mutex // held by the one running update

	mu      sync.Mutex // guards what follows
	trees   memState
	closed  bool
	running sync.WaitGroup
}

// memState is one version of all tables; a published one never changes.
type memState []*btree.BTreeG[pair]

func (m *memory) begin(ctx context.Context) (memState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	m.running.Add(1)
	return m.trees, nil
}

func (m *memory) View(ctx context.Context, fn func(Reader) error) error {
	state, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	return fn(&memReader{m.tables, state})
}

func (m *memory) Update(ctx context.Context, fn func(Writer) error) error {
	m.writer.Lock()
	defer m.writer.Unlock()
	state, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	o := newOverlay(m.tables, state)
	if err := guard(func() error { return fn(o) }); err != nil {
		return err
	}
	next := make(memState, len(state))
	for i, t := range state {
		next[i] = t.Copy()
	}
	err = o.each(func(table int, key []byte, w write) error {
		if w.deleted {
			next[table].Delete(pair{key: key})
		} else {
			next[table].Set(pair{key, w.value})
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	m.trees = next
	m.mu.Unlock()
	return nil
}

// guard runs fn and raises its panic as *Panic.
func guard(fn func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			panic(&Panic{Value: v, Stack: debug.Stack()})
		}
	}()
	return fn()
}

func (m *memory) Backup(ctx context.Context, w io.Writer) error {
	return m.View(ctx, func(r Reader) error {
		var buf []byte
		for i, t := range m.tables {
			for k, v := range r.Scan(t, nil, nil) {
				buf = binary.AppendUvarint(buf[:0], uint64(i))
				buf = binary.AppendUvarint(buf, uint64(len(k)))
				buf = binary.AppendUvarint(buf, uint64(len(v)))
				if _, err := w.Write(append(append(buf, k...), v...)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (m *memory) Size() (int64, error) {
	var n int64
	err := m.View(context.Background(), func(r Reader) error {
		for _, t := range m.tables {
			for k, v := range r.Scan(t, nil, nil) {
				n += int64(len(k) + len(v))
			}
		}
		return nil
	})
	return n, err
}

func (m *memory) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return ErrClosed
	}
	m.closed = true
	m.mu.Unlock()
	m.running.Wait()
	return nil
}

func (s memState) get(table int, key []byte) []byte {
	p, ok := s[table].Get(pair{key: key})
	if !ok {
		return nil
	}
	return p.value
}

func (s memState) cursor(table int) cursor {
	return &memCursor{it: s[table].Copy().Iter()}
}

// memReader is the Reader of a view.
type memReader struct {
	tables tableIndex
	state  memState
}

func (r *memReader) Get(t Table, key []byte) []byte { return r.state.get(r.tables.of(t), key) }

func (r *memReader) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return newOverlay(r.tables, r.state).Scan(t, from, to)
}

func (r *memReader) ScanDesc(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return newOverlay(r.tables, r.state).ScanDesc(t, from, to)
}

type memCursor struct{ it btree.IterG[pair] }

func (c *memCursor) at(ok bool) (k, v []byte) {
	if !ok {
		return nil, nil
	}
	p := c.it.Item()
	return p.key, p.value
}

func (c *memCursor) seek(key []byte) (k, v []byte) { return c.at(c.it.Seek(pair{key: key})) }
func (c *memCursor) next() (k, v []byte)           { return c.at(c.it.Next()) }
func (c *memCursor) prev() (k, v []byte)           { return c.at(c.it.Prev()) }

func (c *memCursor) seekBelow(key []byte) (k, v []byte) {
	if key == nil || !c.it.Seek(pair{key: key}) {
		return c.at(c.it.Last())
	}
	return c.prev()
}
