package engine

import (
	"context"
	"encoding/binary"
	"io"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// OpenMemory returns an empty engine that lives in memory. Backup writes its
// pairs as uvarint table number, key and value length and the bytes.
func OpenMemory(tables []Table) Engine {
	return &memory{tables: numberTables(tables), state: newWrites()}
}

type memory struct {
	tables tableIndex

	writer   sync.Mutex  // held by the one running update
	updating atomic.Bool // its function is running

	mu      sync.Mutex // guards what follows
	state   *writes    // all that there is; a published one never changes
	closed  bool
	running sync.WaitGroup
}

func (m *memory) begin(ctx context.Context) (*writes, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	m.running.Add(1)
	return m.state, nil
}

func (m *memory) View(ctx context.Context, fn func(Reader) error) error {
	if m.updating.Load() {
		NotNested()
	}
	state, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	return Run(func() error { return fn(&reader{m.tables, over(state, nothing{})}) })
}

func (m *memory) Update(ctx context.Context, fn func(Writer) error) error {
	NotNested()
	m.writer.Lock()
	defer m.writer.Unlock()
	state, err := m.begin(ctx)
	if err != nil {
		return err
	}
	defer m.running.Done()
	o := newOverlay(m.tables, over(state, nothing{}))
	if err := m.run(o, fn); err != nil {
		return err
	}
	next := state.Copy()
	o.layer.writes.Scan(func(w write) bool {
		if w.deleted {
			next.Delete(w)
		} else {
			next.Set(w)
		}
		return true
	})
	m.mu.Lock()
	m.state = next
	m.mu.Unlock()
	return nil
}

// run runs fn on o and raises its panic as *Panic.
func (m *memory) run(o *overlay, fn func(Writer) error) error {
	m.updating.Store(true)
	defer func() {
		m.updating.Store(false)
		if v := recover(); v != nil {
			panic(&Panic{Value: v, Stack: debug.Stack()})
		}
	}()
	return Run(func() error { return fn(o) })
}

func (m *memory) Backup(ctx context.Context, w io.Writer) error {
	return m.View(ctx, func(r Reader) error {
		var buf []byte
		for _, t := range m.tables {
			for k, v := range r.Scan(t.name, Range{}) {
				buf = binary.AppendUvarint(buf[:0], uint64(t.number))
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
			for k, v := range r.Scan(t.name, Range{}) {
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
