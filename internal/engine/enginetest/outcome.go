package enginetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"convene/internal/engine"
)

func testErrorUndoes(t *testing.T, e engine.Engine) {
	boom := errors.New("boom")
	err := e.Update(context.Background(), func(w engine.Writer) error {
		return errors.Join(put(w, "a", "k", "v"), boom)
	})
	if !errors.Is(err, boom) {
		t.Errorf("Update = %v, want %v", err, boom)
	}
	view(t, e, func(r engine.Reader) { want(t, "a", show(r, "a", nil, nil), "") })
	if err := e.View(context.Background(), func(engine.Reader) error { return boom }); !errors.Is(err, boom) {
		t.Errorf("View = %v, want %v", err, boom)
	}
}

func testPanicUndoes(t *testing.T, e engine.Engine) {
	boom := errors.New("boom")
	func() {
		defer func() {
			p, ok := recover().(*engine.Panic)
			if !ok || !errors.Is(p, boom) || !bytes.Contains(p.Stack, []byte("testPanicUndoes")) {
				t.Errorf("recovered %v, want a Panic with boom and its stack", p)
			}
		}()
		update(t, e, func(w engine.Writer) error {
			if err := put(w, "a", "k", "v"); err != nil {
				return err
			}
			panic(boom)
		})
	}()
	update(t, e, func(w engine.Writer) error { return put(w, "a", "next", "v") })
	view(t, e, func(r engine.Reader) { want(t, "a", show(r, "a", nil, nil), "next=v") })
}

func testGoexitUndoes(t *testing.T, e engine.Engine) {
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			err := e.Update(context.Background(), func(w engine.Writer) error {
				if err := put(w, "a", fmt.Sprintf("%02d", i), "v"); err != nil {
					return err
				}
				if i%3 == 0 {
					runtime.Goexit()
				}
				return nil
			})
			if err != nil {
				t.Errorf("Update %d: %v", i, err)
			}
			if i%3 == 0 {
				t.Errorf("Update %d came back", i)
			}
		}()
	}
	wg.Wait()
	view(t, e, func(r engine.Reader) {
		n := 0
		for range r.Scan("a", engine.Range{}) {
			n++
		}
		if n != 13 {
			t.Errorf("%d records, want 13", n)
		}
	})
}

func testSnapshot(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error { return put(w, "a", "k", "1") })
	elsewhere := func(fn func()) { // transactions do not nest
		done := make(chan bool)
		go func() { defer close(done); fn() }()
		<-done
	}
	view(t, e, func(r engine.Reader) {
		before := show(r, "a", nil, nil) // the state is taken no later than now
		elsewhere(func() {
			if err := e.Update(context.Background(), func(w engine.Writer) error {
				n := len(w.Get("a", []byte("k")))
				return errors.Join(w.Put("a", []byte("k"), bytes.Repeat([]byte("1"), n+1)), put(w, "a", "l", "2"))
			}); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		want(t, "old view", show(r, "a", nil, nil), before)
		elsewhere(func() {
			err := e.View(context.Background(), func(r engine.Reader) error {
				if now := show(r, "a", nil, nil); now == before {
					t.Errorf("new view = %q, as before", now)
				}
				return nil
			})
			if err != nil {
				t.Errorf("View: %v", err)
			}
		})
	})
}

// testConcurrent has goroutines count in one record; every third attempt fails.
func testConcurrent(t *testing.T, e engine.Engine) {
	const writers, each = 16, 60
	no := errors.New("no")
	var wg sync.WaitGroup
	for g := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range each {
				err := e.Update(context.Background(), func(w engine.Writer) error {
					var n uint64
					if v := w.Get("hot", []byte("n")); v != nil {
						n = binary.BigEndian.Uint64(v)
					}
					err := w.Put("hot", []byte("n"), binary.BigEndian.AppendUint64(nil, n+1))
					err = errors.Join(err, put(w, "a", fmt.Sprintf("%d/%d", g, i), "done"))
					if i%3 == 0 {
						err = errors.Join(err, no)
					}
					return err
				})
				if (i%3 == 0) != errors.Is(err, no) {
					t.Errorf("%d/%d: %v", g, i, err)
				}
				view(t, e, func(r engine.Reader) { // what returned is seen
					if done := r.Get("a", []byte(fmt.Sprintf("%d/%d", g, i))) != nil; done == (i%3 == 0) {
						t.Errorf("%d/%d: seen %t", g, i, done)
					}
				})
			}
		}()
	}
	wg.Wait()
	view(t, e, func(r engine.Reader) {
		if n := binary.BigEndian.Uint64(r.Get("hot", []byte("n"))); n != writers*each*2/3 {
			t.Errorf("counted %d, want %d", n, writers*each*2/3)
		}
	})
}

func testContext(t *testing.T, e engine.Engine) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ran := false
	if err := e.Update(ctx, func(engine.Writer) error { ran = true; return nil }); !errors.Is(err, context.Canceled) || ran {
		t.Errorf("Update = %v, ran %t", err, ran)
	}
	if err := e.View(ctx, func(engine.Reader) error { ran = true; return nil }); !errors.Is(err, context.Canceled) || ran {
		t.Errorf("View = %v, ran %t", err, ran)
	}
	ctx, cancel = context.WithCancel(context.Background())
	err := e.Update(ctx, func(w engine.Writer) error { cancel(); return put(w, "a", "k", "v") })
	if err != nil {
		t.Errorf("Update whose context ended after it began: %v, want its outcome", err)
	}
	view(t, e, func(r engine.Reader) { want(t, "a", show(r, "a", nil, nil), "k=v") })
}

func testClose(t *testing.T, e engine.Engine) {
	if err := e.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	for what, err := range map[string]error{
		"View":   e.View(context.Background(), func(engine.Reader) error { return nil }),
		"Update": e.Update(context.Background(), func(engine.Writer) error { return nil }),
		"Backup": e.Backup(context.Background(), new(bytes.Buffer)),
		"Close":  e.Close(),
	} {
		if !errors.Is(err, engine.ErrClosed) {
			t.Errorf("%s after Close: %v, want ErrClosed", what, err)
		}
	}
}

func testBackup(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error { return put(w, "a", "needle", "in a haystack") })
	var b bytes.Buffer
	if err := e.Backup(context.Background(), &b); err != nil {
		t.Fatalf("Backup: %v", err)
	}
	if !bytes.Contains(b.Bytes(), []byte("needle")) {
		t.Error("the backup lacks a record")
	}
	if n, err := e.Size(); err != nil || n <= 0 {
		t.Errorf("Size = %d, %v", n, err)
	}
	full := errors.New("full")
	if err := e.Backup(context.Background(), failing{full}); !errors.Is(err, full) {
		t.Errorf("Backup to a full disk: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
