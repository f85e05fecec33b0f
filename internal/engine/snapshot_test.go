package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// writing has writers count in two tables until stop is called; acked says how far
// each has come.
func writing(t *testing.T, e Engine, acked []atomic.Uint64) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var wg sync.WaitGroup
	for g := range acked {
		wg.Go(func() {
			for n := uint64(1); ; n++ {
				select {
				case <-end:
					return
				default:
				}
				value := append(binary.BigEndian.AppendUint64(nil, n), make([]byte, n*37%5000)...)
				err := e.Update(ctx, func(w Writer) error {
					return errors.Join(w.Put("a", []byte{byte(g)}, value), w.Put("b", []byte{byte(g)}, value),
						w.Put("a", fmt.Appendf(nil, "%d/%d", g, n), value), w.Delete("a", fmt.Appendf(nil, "%d/%d", g, n-100)))
				})
				if err != nil {
					t.Error(err)
					return
				}
				acked[g].Store(n)
			}
		})
	}
	return func() { close(end); wg.Wait() }
}

// wantState checks that r has one state of what writing writes, with at least what
// least says.
func wantState(r Reader, least []uint64) error {
	for g, least := range least {
		a, b := r.Get("a", []byte{byte(g)}), r.Get("b", []byte{byte(g)})
		if a == nil && least == 0 {
			continue
		}
		if !bytes.Equal(a, b) || len(a) < 8 {
			return fmt.Errorf("writer %d: the tables differ", g)
		}
		n := binary.BigEndian.Uint64(a)
		if n < least || r.Get("a", fmt.Appendf(nil, "%d/%d", g, n)) == nil || n > 100 && r.Get("a", fmt.Appendf(nil, "%d/%d", g, n-100)) != nil {
			return fmt.Errorf("writer %d: has %d, %d were acknowledged", g, n, least)
		}
	}
	return nil
}

func counts(acked []atomic.Uint64) []uint64 {
	out := make([]uint64, len(acked))
	for g := range acked {
		out[g] = acked[g].Load()
	}
	return out
}

// TestSnapshot: a snapshot has what was acknowledged before it and nothing by half,
// its copy the same, and writers go on while it is open.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	e := openBolt(t, filepath.Join(dir, "test.db"), BoltOptions{NoSync: true, logHalf: 128 << 10})
	acked := make([]atomic.Uint64, 4)
	stop := writing(t, e, acked)
	defer stop()
	for i := range 20 {
		before := counts(acked)
		s, err := e.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.View(ctx, func(r Reader) error { return wantState(r, before) }); err != nil {
			t.Errorf("snapshot %d: %v", i, err)
		}
		now := acked[0].Load()
		for acked[0].Load() < now+50 { // far enough for a flush
			if t.Failed() {
				return
			}
		}
		var out bytes.Buffer
		n, err := s.WriteTo(&out)
		if err != nil || n != s.Size() || int64(out.Len()) != n {
			t.Fatalf("%d of %d bytes, %v", n, s.Size(), err)
		}
		id := s.ID
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := errors.Join(os.WriteFile(path, out.Bytes(), 0o600), CheckFile(ctx, path)); err != nil {
			t.Fatal(err)
		}
		c := openBolt(t, path, BoltOptions{ReadOnly: true})
		if err := c.View(ctx, func(r Reader) error { return wantState(r, before) }); err != nil {
			t.Errorf("copy %d: %v", i, err)
		}
		if errs := c.Check(ctx); len(errs) > 0 {
			t.Errorf("copy %d: %v", i, errs)
		}
		again, err := c.Snapshot(ctx)
		if err != nil || again.ID != id {
			t.Errorf("identity %x of a copy of %x, %v", again.ID, id, err)
		}
		if err := errors.Join(again.Close(), c.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// A snapshot ends with its context, and there is none of a closed engine.
func TestSnapshotEnds(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{NoSync: true})
	if err := putOne(e, "k", nil); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := e.Snapshot(over); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if err := e.Backup(over, new(bytes.Buffer)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Snapshot(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
}
