// Package enginetest holds every implementation of engine.Engine to the same
// rules.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"convene/internal/engine"
)

// Tables are the tables that the suite asks for.
var tables = []engine.Table{"a", "b", "hot"}

// Tables returns the tables that the engines under test must have. The last one
// takes small records only.
func Tables() []engine.Table { return append([]engine.Table(nil), tables...) }

// Run runs the suite. open returns an empty engine with Tables, which the suite
// closes.
func Run(t *testing.T, open func(tb testing.TB) engine.Engine) {
	for _, tt := range []struct {
		name string
		run  func(*testing.T, engine.Engine)
	}{
		{"values", testValues},
		{"keys", testKeys},
		{"ranges", testRanges},
		{"tables are apart", testTables},
		{"reads own writes", testOwnWrites},
		{"scan sees its start", testScanWhileWriting},
		{"put copies", testPutCopies},
		{"error undoes", testErrorUndoes},
		{"panic undoes", testPanicUndoes},
		{"goexit undoes", testGoexitUndoes},
		{"view is a snapshot", testSnapshot},
		{"concurrent updates", testConcurrent},
		{"context", testContext},
		{"close", testClose},
		{"backup", testBackup},
		{"get many", testGetMany},
		{"limits of scans", testLimits},
		{"savepoints", testSavepoint},
		{"guards", testGuard},
		{"a failed read leaves", testFail},
		{"transactions do not nest", testNested},
		{"random operations", testRandom},
		{"random long keys", testRandomLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := open(t)
			tt.run(t, e)
			if err := e.Close(); err != nil && !errors.Is(err, engine.ErrClosed) {
				t.Errorf("Close: %v", err)
			}
		})
	}
}

func update(t testing.TB, e engine.Engine, fn func(w engine.Writer) error) {
	t.Helper()
	if err := e.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t testing.TB, e engine.Engine, fn func(r engine.Reader)) {
	t.Helper()
	err := e.View(context.Background(), func(r engine.Reader) error { fn(r); return nil })
	if err != nil {
		t.Fatalf("View: %v", err)
	}
}

func put(w engine.Writer, table engine.Table, pairs ...string) error {
	var err error
	for i := 0; i < len(pairs); i += 2 {
		err = errors.Join(err, w.Put(table, []byte(pairs[i]), []byte(pairs[i+1])))
	}
	return err
}

// show prints a range as "k=v k=v".
func show(r engine.Reader, table engine.Table, from, to []byte) string {
	return showRange(r, table, engine.Range{From: from, To: to})
}

func showDesc(r engine.Reader, table engine.Table, from, to []byte) string {
	return showRange(r, table, engine.Range{From: from, To: to, Desc: true})
}

func showRange(r engine.Reader, table engine.Table, rg engine.Range) string {
	var b strings.Builder
	for k, v := range r.Scan(table, rg) {
		fmt.Fprintf(&b, "%s=%s ", k, v)
	}
	return strings.TrimSpace(b.String())
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func testValues(t *testing.T, e engine.Engine) {
	check := func(r engine.Reader, key, value string, exists bool) {
		t.Helper()
		v := r.Get("a", []byte(key))
		if (v != nil) != exists || string(v) != value {
			t.Errorf("Get(%q) = %q (nil: %t), want %q (exists: %t)", key, v, v == nil, value, exists)
		}
	}
	big := strings.Repeat("big", 100_000)
	update(t, e, func(w engine.Writer) error {
		check(w, "k", "", false)
		err := put(w, "a", "k", "v", "empty", "", "big", big)
		check(w, "k", "v", true)
		check(w, "empty", "", true)
		return err
	})
	update(t, e, func(w engine.Writer) error {
		check(w, "k", "v", true)
		check(w, "empty", "", true)
		return errors.Join(put(w, "a", "k", "v2"), w.Delete("a", []byte("empty")), w.Delete("a", []byte("never there")))
	})
	view(t, e, func(r engine.Reader) {
		check(r, "k", "v2", true)
		check(r, "empty", "", false)
		check(r, "big", big, true)
	})
	update(t, e, func(w engine.Writer) error { // delete, then put again, in one transaction
		return errors.Join(w.Delete("a", []byte("k")), put(w, "a", "k", "v3"))
	})
	view(t, e, func(r engine.Reader) { check(r, "k", "v3", true) })
}

func testKeys(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error {
		for _, n := range []int{0, engine.MaxKey + 1} {
			if err := w.Put("a", make([]byte, n), nil); !errors.Is(err, engine.ErrKey) {
				t.Errorf("Put with a key of %d bytes: %v, want ErrKey", n, err)
			}
		}
		if err := w.Put("a", []byte("k"), make([]byte, engine.MaxValue+1)); !errors.Is(err, engine.ErrValue) {
			t.Errorf("Put with too long a value: %v, want ErrValue", err)
		}
		return errors.Join(
			w.Put("a", make([]byte, engine.MaxKey), []byte("longest")),
			w.Put("a", []byte{0}, []byte("zero")),
			w.Put("a", []byte{0xff, 0xff}, []byte("high")))
	})
	view(t, e, func(r engine.Reader) {
		want(t, "longest", string(r.Get("a", make([]byte, engine.MaxKey))), "longest")
		want(t, "zero", string(r.Get("a", []byte{0})), "zero")
		var keys []int
		for k := range r.Scan("a", engine.Range{}) {
			keys = append(keys, len(k))
		}
		want(t, "lengths in order", fmt.Sprint(keys), fmt.Sprint([]int{1, engine.MaxKey, 2}))
	})
}

func testRanges(t *testing.T, e engine.Engine) {
	check := func(r engine.Reader) {
		t.Helper()
		for _, tt := range []struct{ from, to, want string }{
			{"", "", "a=1 b=2 ba=3 c=4 d=5"},
			{"b", "", "b=2 ba=3 c=4 d=5"},
			{"b", "c", "b=2 ba=3"},
			{"bb", "d", "c=4"},
			{"c", "b", ""},
			{"b", "b", ""},
			{"e", "", ""},
			{"", "a", ""},
		} {
			var from, to []byte
			if tt.from != "" {
				from = []byte(tt.from)
			}
			if tt.to != "" {
				to = []byte(tt.to)
			}
			want(t, fmt.Sprintf("Scan(%q, %q)", tt.from, tt.to), show(r, "a", from, to), tt.want)
			words := strings.Fields(tt.want)
			for i, j := 0, len(words)-1; i < j; i, j = i+1, j-1 {
				words[i], words[j] = words[j], words[i]
			}
			want(t, fmt.Sprintf("ScanDesc(%q, %q)", tt.from, tt.to), showDesc(r, "a", from, to), strings.Join(words, " "))
		}
		for k := range r.Scan("a", engine.Range{}) {
			want(t, "first key of a scan that is left", string(k), "a")
			break
		}
	}
	update(t, e, func(w engine.Writer) error {
		err := put(w, "a", "d", "5", "b", "2", "a", "1", "c", "4", "ba", "3")
		check(w) // all in the overlay
		return err
	})
	view(t, e, check)
	update(t, e, func(w engine.Writer) error {
		check(w) // all below the overlay
		err := errors.Join(w.Delete("a", []byte("c")), put(w, "a", "b", "x", "c", "4", "b", "2", "bx", ""), w.Delete("a", []byte("bx")))
		check(w) // mixed
		return err
	})
}

func testTables(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error {
		return errors.Join(put(w, "a", "k", "in a", "z", "last"), put(w, "hot", "k", "in hot"))
	})
	check := func(r engine.Reader) {
		t.Helper()
		want(t, "b", show(r, "b", nil, nil), "")
		want(t, "b descending", showDesc(r, "b", nil, nil), "")
		want(t, "a descending", showDesc(r, "a", nil, nil), "z=last k=in a")
		want(t, "hot", show(r, "hot", nil, nil), "k=in hot")
		want(t, "hot descending", showDesc(r, "hot", nil, []byte("l")), "k=in hot")
	}
	view(t, e, check)
	update(t, e, func(w engine.Writer) error {
		check(w)
		return w.Delete("hot", []byte("z"))
	})
	defer func() {
		if recover() == nil {
			t.Error("an unknown table must panic")
		}
	}()
	view(t, e, func(r engine.Reader) { r.Get("unknown", []byte("k")) })
}

func testOwnWrites(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error { return put(w, "a", "1", "old", "2", "old", "3", "old") })
	update(t, e, func(w engine.Writer) error {
		err := errors.Join(put(w, "a", "2", "new", "4", "new"), w.Delete("a", []byte("1")))
		want(t, "scan", show(w, "a", nil, nil), "2=new 3=old 4=new")
		want(t, "descending", showDesc(w, "a", nil, nil), "4=new 3=old 2=new")
		want(t, "deleted", string(w.Get("a", []byte("1"))), "")
		return err
	})
	view(t, e, func(r engine.Reader) { want(t, "committed", show(r, "a", nil, nil), "2=new 3=old 4=new") })
}

func testScanWhileWriting(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error { return put(w, "a", "1", "x", "2", "x", "3", "x") })
	update(t, e, func(w engine.Writer) error {
		err := put(w, "a", "15", "x")
		var seen []string
		for k := range w.Scan("a", engine.Range{}) {
			seen = append(seen, string(k))
			next := append(append([]byte(nil), k...), '9')
			err = errors.Join(err, w.Delete("a", k), w.Put("a", next, []byte("y")))
		}
		want(t, "seen", strings.Join(seen, " "), "1 15 2 3")
		return err
	})
	view(t, e, func(r engine.Reader) { want(t, "after", show(r, "a", nil, nil), "159=y 19=y 29=y 39=y") })
}

func testPutCopies(t *testing.T, e engine.Engine) {
	update(t, e, func(w engine.Writer) error {
		k, v := []byte("key"), []byte("value")
		err := w.Put("a", k, v)
		clear(k)
		clear(v)
		return err
	})
	view(t, e, func(r engine.Reader) { want(t, "kept", show(r, "a", nil, nil), "key=value") })
}
