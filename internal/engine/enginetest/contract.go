package enginetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"convene/internal/engine"
)

func testGetMany(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error {
		err := put(w, "a", "1", "one", "2", "", "4", "four")
		want(t, "in the overlay", many(w, "4", "3", "2", "1", "4"), "four - [] one four")
		return err
	})
	view(t, e, func(r engine.Reader) {
		want(t, "committed", many(r, "4", "3", "2", "1", "4"), "four - [] one four")
		want(t, "none", many(r), "")
	})
}

// many prints what GetMany returns: - for nil, [] for an empty value.
func many(r engine.Reader, keys ...string) string {
	var list [][]byte
	for _, k := range keys {
		list = append(list, []byte(k))
	}
	var words []string
	for _, v := range r.GetMany("a", list) {
		word := string(v)
		if v == nil {
			word = "-"
		} else if len(v) == 0 {
			word = "[]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func testLimits(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error { return put(w, "a", "1", "x", "2", "x", "3", "x", "4", "x") })
	check := func(r engine.Reader) {
		for _, tt := range []struct {
			r    engine.Range
			want string
		}{
			{engine.Range{Limit: 2}, "1=x 2=x"},
			{engine.Range{Limit: 2, Desc: true}, "4=x 3=x"},
			{engine.Range{Limit: 9, From: []byte("3")}, "3=x 4=x"},
			{engine.Range{KeysOnly: true, To: []byte("3")}, "1= 2="},
			{engine.Range{KeysOnly: true, Desc: true, Limit: 1, To: []byte("4")}, "3="},
		} {
			want(t, fmt.Sprintf("%+v", tt.r), showRange(r, "a", tt.r), tt.want)
		}
		for _, v := range r.Scan("a", engine.Range{KeysOnly: true}) {
			if v != nil {
				t.Errorf("a scan of keys returned the value %q", v)
			}
		}
	}
	view(t, e, check)
	update(t, e, func(w engine.Writer) error { check(w); return nil })
}

func testSavepoint(t *testing.T, e engine.Engine) {
	boom := errors.New("boom")
	update(t, e, func(w engine.Writer) error { return put(w, "a", "1", "old", "2", "old") })
	update(t, e, func(w engine.Writer) error {
		err := errors.Join(put(w, "a", "3", "before"), w.Savepoint(func() error {
			return errors.Join(put(w, "a", "4", "kept"), w.Delete("a", []byte("1")))
		}))
		undone := w.Savepoint(func() error {
			inner := w.Savepoint(func() error { return put(w, "a", "5", "inner") })
			want(t, "inside", show(w, "a", nil, nil), "2=old 3=before 4=kept 5=inner")
			return errors.Join(inner, w.Delete("a", []byte("2")), put(w, "a", "3", "no"), boom)
		})
		if !errors.Is(undone, boom) {
			t.Errorf("Savepoint = %v, want %v", undone, boom)
		}
		want(t, "undone", show(w, "a", nil, nil), "2=old 3=before 4=kept")
		err = errors.Join(err, w.Savepoint(func() error {
			inner := w.Savepoint(func() error { return errors.Join(put(w, "a", "6", "no"), boom) })
			if !errors.Is(inner, boom) {
				t.Errorf("inner Savepoint = %v, want %v", inner, boom)
			}
			return put(w, "a", "7", "outer")
		}))
		func() {
			defer func() {
				if p := recover(); p != boom {
					t.Errorf("recovered %v, want %v", p, boom)
				}
			}()
			_ = w.Savepoint(func() error { _ = put(w, "a", "8", "no"); panic(boom) })
		}()
		return errors.Join(err, put(w, "a", "9", "after"))
	})
	view(t, e, func(r engine.Reader) {
		want(t, "committed", show(r, "a", nil, nil), "2=old 3=before 4=kept 7=outer 9=after")
	})
}

// testGuard: each of two doctors may leave if the other stays. Without an order
// both could go.
func testGuard(t *testing.T, e engine.Engine) {
	for round := range 20 {
		update(t, e, func(w engine.Writer) error { return put(w, "a", "ann", "here", "bob", "here") })
		var wg sync.WaitGroup
		for _, who := range []string{"ann", "bob"} {
			wg.Go(func() {
				err := e.Update(context.Background(), func(w engine.Writer) error {
					n := 0
					for k := range w.Scan("a", engine.Range{}) {
						w.Guard("a", k)
						n++
					}
					if n < 2 {
						return nil
					}
					return w.Delete("a", []byte(who))
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		view(t, e, func(r engine.Reader) {
			if s := show(r, "a", nil, nil); s != "ann=here" && s != "bob=here" {
				t.Errorf("round %d: there are %q, want one of both", round, s)
			}
		})
	}
}

// testFail: a function whose read fails is left, and what it wrote undone.
func testFail(t *testing.T, e engine.Engine) {
	boom := errors.New("boom")
	deferred, after := false, false
	err := e.View(context.Background(), func(engine.Reader) error {
		deferred = false
		defer func() { deferred = true }()
		engine.Fail(boom)
		after = true
		return nil
	})
	if err != boom || !deferred || after {
		t.Errorf("View = %v, deferred calls ran: %t, went on: %t", err, deferred, after)
	}
	err = e.Update(context.Background(), func(w engine.Writer) error {
		deferred = false
		defer func() { deferred = true }()
		err := w.Savepoint(func() error {
			_ = put(w, "a", "k", "v")
			engine.Fail(boom)
			return nil
		})
		after = true
		return err
	})
	if err != boom || !deferred || after {
		t.Errorf("Update = %v, deferred calls ran: %t, went on: %t", err, deferred, after)
	}
	view(t, e, func(r engine.Reader) { want(t, "a", show(r, "a", nil, nil), "") })
	func() {
		defer func() {
			if p := recover(); p != boom {
				t.Errorf("recovered %v from a view, want %v", p, boom)
			}
		}()
		view(t, e, func(engine.Reader) { panic(boom) })
	}()
	update(t, e, func(w engine.Writer) error { return put(w, "a", "next", "v") })
}

// testNested: a transaction inside another is a panic that says so. An engine may let
// one of the two be a view where that does no harm; Chaos, on which everything is
// tested, does not.
func testNested(t *testing.T, e engine.Engine) {
	inner := map[string]func() error{
		"View":   func() error { return e.View(context.Background(), func(engine.Reader) error { return nil }) },
		"Update": func() error { return e.Update(context.Background(), func(engine.Writer) error { return nil }) },
	}
	outer := map[string]func(func() error) error{
		"View": func(fn func() error) error {
			return e.View(context.Background(), func(engine.Reader) error { return fn() })
		},
		"Update": func(fn func() error) error {
			return e.Update(context.Background(), func(engine.Writer) error { return fn() })
		},
	}
	_, chaos := e.(*Chaos)
	for _, tt := range []struct {
		outer, inner string
		must         bool
	}{{"View", "Update", chaos}, {"Update", "View", chaos}, {"Update", "Update", true}, {"View", "View", chaos}} {
		func() {
			defer func() {
				p := recover()
				if wrapped, ok := p.(*engine.Panic); ok {
					p = wrapped.Value
				}
				if text, _ := p.(string); strings.Contains(text, "transaction inside another") != (p != nil || tt.must) {
					t.Errorf("%s in %s: recovered %v", tt.inner, tt.outer, p)
				}
			}()
			if err := outer[tt.outer](inner[tt.inner]); err != nil || tt.must {
				t.Errorf("%s in %s: %v", tt.inner, tt.outer, err)
			}
		}()
	}
	update(t, e, func(w engine.Writer) error { return put(w, "a", "next", "v") })
}

// RunShared holds two handles of one engine, of two servers on one database, to
// the rules. open returns both, on an empty engine.
func RunShared(t *testing.T, open func(tb testing.TB) (one, other engine.Engine)) {
	t.Run("what returned is seen by the other", func(t *testing.T) {
		a, b := open(t)
		for i := range 50 {
			w, r := a, b
			if i%2 == 1 {
				w, r = b, a
			}
			key := []byte{byte(i)}
			update(t, w, func(w engine.Writer) error { return w.Put("a", key, key) })
			view(t, r, func(r engine.Reader) { want(t, fmt.Sprint(i), string(r.Get("a", key)), string(key)) })
		}
	})
	t.Run("updates of both are in order", func(t *testing.T) {
		const each = 100
		a, b := open(t)
		var wg sync.WaitGroup
		for _, e := range []engine.Engine{a, a, b, b} {
			wg.Go(func() {
				for range each {
					err := e.Update(context.Background(), func(w engine.Writer) error {
						var n uint64
						if v := w.Get("hot", []byte("n")); v != nil {
							n = binary.BigEndian.Uint64(v)
						}
						return w.Put("hot", []byte("n"), binary.BigEndian.AppendUint64(nil, n+1))
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		view(t, a, func(r engine.Reader) {
			if n := binary.BigEndian.Uint64(r.Get("hot", []byte("n"))); n != 4*each {
				t.Errorf("counted %d, want %d", n, 4*each)
			}
		})
	})
}
