package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var ctx = context.Background()

func openBolt(tb testing.TB, path string, o BoltOptions) *boltEngine {
	tb.Helper()
	if o.Tables == nil {
		o.Tables = []Table{"a", "b"}
	}
	e, err := OpenBolt(path, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil && !errors.Is(err, ErrClosed) {
			tb.Error(err)
		}
	})
	return e.(*boltEngine)
}

func putOne(e Engine, key string, value []byte) error {
	return e.Update(ctx, func(w Writer) error { return w.Put("a", []byte(key), value) })
}

func count(tb testing.TB, e Engine, table Table) (n int) {
	tb.Helper()
	err := e.View(ctx, func(r Reader) error {
		for range r.Scan(table, Range{}) {
			n++
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{})
	if err := putOne(e, "k", []byte("v")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenBolt(path, BoltOptions{Tables: e.opt.Tables, LockTimeout: time.Millisecond}); !errors.Is(err, ErrInUse) {
		t.Errorf("the file was opened twice: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	// The tables may come in another order, and new ones join.
	e = openBolt(t, path, BoltOptions{Tables: []Table{"new", "b", "a"}})
	if n := count(t, e, "a"); n != 1 {
		t.Errorf("%d records in a, want 1", n)
	}
	if n := count(t, e, "new"); n != 0 {
		t.Errorf("%d records in a new table", n)
	}
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	if _, err := OpenBolt(path, BoltOptions{ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("read-only open of nothing: %v", err)
	}
	e := openBolt(t, path, BoltOptions{})
	if err := errors.Join(putOne(e, "k", nil), e.Close()); err != nil {
		t.Fatal(err)
	}
	r := openBolt(t, path, BoltOptions{ReadOnly: true})
	if err := putOne(r, "k", nil); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Update: %v, want ErrReadOnly", err)
	}
	if n := count(t, r, "a"); n != 1 {
		t.Errorf("%d records", n)
	}
	if _, err := OpenBolt(path, BoltOptions{ReadOnly: true, Tables: []Table{"c"}}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("read-only open with a new table: %v", err)
	}
}

// TestFull fills a file to its limit: the update that does not fit fails, what
// was there is readable, smaller updates and deletions go on.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{MaxSize: 2 << 20})
	value := make([]byte, 10_000)
	var err error
	n := 0
	for ; n < 1000 && err == nil; n++ {
		err = putOne(e, fmt.Sprintf("%04d", n), value)
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d records: %v, want ErrFull", n, err)
	}
	if got := count(t, e, "a"); got != n-1 {
		t.Errorf("%d records, want %d", got, n-1)
	}
	for i := range 20 {
		err := e.Update(ctx, func(w Writer) error { return w.Delete("a", []byte(fmt.Sprintf("%04d", i))) })
		if err != nil {
			t.Fatalf("Delete: %v", err)
		}
	}
	if err := putOne(e, "again", value); err != nil {
		t.Errorf("Put after deletions: %v", err)
	}
}

// TestGroupCommit holds the lead while updates queue up: they then share one
// transaction, and each has its own outcome.
func TestGroupCommit(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{})
	odd := errors.New("odd")
	<-e.commit.lead
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := e.Update(ctx, func(w Writer) error {
				if err := w.Put("a", []byte{byte(i)}, nil); err != nil {
					return err
				}
				if i%2 == 1 {
					return odd
				}
				return nil
			})
			if (i%2 == 1) != errors.Is(err, odd) {
				t.Errorf("update %d: %v", i, err)
			}
		}()
	}
	waitQueued(t, e.commit, 20)
	gone, cancel := context.WithCancel(ctx)
	time.AfterFunc(time.Millisecond, cancel)
	err := e.Update(gone, func(Writer) error { t.Error("ran although its context was done"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled update: %v", err)
	}
	before := e.commit.log.seq
	e.commit.pass()
	wg.Wait()
	if n := count(t, e, "a"); n != 10 {
		t.Errorf("%d records, want 10", n)
	}
	e.commit.alone(func() {
		if n := e.commit.log.seq - before; n != 1 {
			t.Errorf("%d records in the log, want 1", n)
		}
	})
}

func waitQueued(t *testing.T, c *committer, n int) {
	t.Helper()
	for range 5000 {
		c.mu.Lock()
		queued := len(c.queue)
		c.mu.Unlock()
		if queued == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d updates did not queue up", n)
}

// TestReadersDoNotWait reads while a writer holds the file for long.
func TestReadersDoNotWait(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{})
	if err := putOne(e, "k", nil); err != nil {
		t.Fatal(err)
	}
	err := e.Update(ctx, func(w Writer) error {
		done := make(chan int)
		go func() { done <- count(t, e, "a") }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("a view waits for an update")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestGrow writes some megabytes while a view stays open: bbolt must not need
// to wait for it. Then all must be as written, and the file not much larger than
// what is in it.
func TestGrow(t *testing.T) {
	const records, perUpdate = 20_000, 100
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{MaxMapped: 1 << 20})
	value := bytes.Repeat([]byte("0123456789abcdef"), 64)
	write := func(from, to int) error {
		for ; from < to; from += perUpdate {
			err := e.Update(ctx, func(w Writer) (err error) {
				for i := from; i < from+perUpdate; i++ {
					err = errors.Join(err, w.Put("a", []byte(fmt.Sprintf("%05d", i)), value))
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	err := e.View(ctx, func(r Reader) error {
		r.Get("a", []byte("k"))
		done := make(chan error)
		go func() { done <- write(0, records/2) }()
		return <-done
	})
	if err := errors.Join(err, write(records/2, records)); err != nil {
		t.Fatal(err)
	}
	used := int64(records * len(value))
	if size, err := e.Size(); err != nil || size > used*2+2*e.opt.logHalf {
		t.Errorf("size is %d, %v; %d bytes are used", size, err, used)
	}
	e.checkSpace()
	var backup bytes.Buffer
	if err := errors.Join(e.Backup(ctx, &backup), e.Close()); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(copied, backup.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, copied} {
		err := openBolt(t, p, BoltOptions{}).View(ctx, func(r Reader) error {
			n := 0
			for _, v := range r.Scan("a", Range{}) {
				if !bytes.Equal(v, value) {
					return fmt.Errorf("record %d is damaged", n)
				}
				n++
			}
			if n != records {
				return fmt.Errorf("%d records, want %d", n, records)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// TestCloseDrains closes while updates run: each either is there or got
// ErrClosed.
func TestCloseDrains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{})
	var wg sync.WaitGroup
	acked := make([]int, 8)
	for g := range acked {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				err := putOne(e, fmt.Sprintf("%d/%06d", g, acked[g]), nil)
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				acked[g]++
			}
		}()
	}
	time.Sleep(30 * time.Millisecond)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	total := 0
	for _, n := range acked {
		total += n
	}
	if n := count(t, openBolt(t, path, BoltOptions{}), "a"); n != total {
		t.Errorf("%d records, %d were acknowledged", n, total)
	}
}
