package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"convene/internal/engine"

	"pgregory.net/rapid"
)

// A model is what the engine under test must be equal to: pairs by table.
type model map[engine.Table]map[string]string

func (m model) clone() model {
	c := model{}
	for t, pairs := range m {
		c[t] = maps.Clone(pairs)
	}
	return c
}

var errUndo = errors.New("undo")

// testRandom runs random transactions on the engine and on a map, and compares
// every answer.
func testRandom(t *testing.T, e engine.Engine) {
	testSteps(t, e, rapid.Map(rapid.StringMatching(`[ab\x00]{1,3}`), func(s string) []byte { return []byte(s) }))
}

// testRandomLong is the same with any bytes as keys, up to the longest.
func testRandomLong(t *testing.T, e engine.Engine) {
	any := rapid.SliceOfN(rapid.Byte(), 1, 4)
	testSteps(t, e, rapid.Custom(func(t *rapid.T) []byte {
		n := rapid.SampledFrom([]int{1, 2, 100, engine.MaxKey - 1, engine.MaxKey}).Draw(t, "length")
		return append(bytes.Repeat([]byte{rapid.SampledFrom([]byte{0, 'a', 0xff}).Draw(t, "fill")}, n), any.Draw(t, "end")...)[:n]
	}))
}

func testSteps(t *testing.T, e engine.Engine, keys *rapid.Generator[[]byte]) {
	committed := model{}
	update(t, e, func(w engine.Writer) error {
		var err error
		for _, table := range tables {
			for k := range w.Scan(table, engine.Range{KeysOnly: true}) {
				err = errors.Join(err, w.Delete(table, k))
			}
		}
		return err
	})
	for _, table := range tables {
		committed[table] = map[string]string{}
	}
	rapid.Check(t, func(t *rapid.T) {
		var m model
		undo := rapid.IntRange(0, 3).Draw(t, "undo") == 0
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step { return drawStep(t, keys) }), 1, 30).Draw(t, "steps")
		err := e.Update(context.Background(), func(w engine.Writer) error {
			m = committed.clone()
			if err := runSteps(w, m, steps); err != nil {
				return err
			}
			if undo {
				return errUndo
			}
			return nil
		})
		switch {
		case undo && errors.Is(err, errUndo):
		case err != nil:
			t.Fatal(err)
		default:
			committed = m
		}
		err = e.View(context.Background(), func(r engine.Reader) error {
			for _, table := range tables {
				if err := (step{op: "scan", table: table}).compare(r, committed); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("after the commit: %v", err)
		}
	})
}

// A step is one operation of a random transaction.
type step struct {
	op       string
	table    engine.Table
	key, to  string
	value    string
	openEnds bool
}

func drawStep(t *rapid.T, key *rapid.Generator[[]byte]) step {
	return step{
		op:       rapid.SampledFrom([]string{"put", "put", "put", "delete", "get", "scan", "desc", "first", "save", "drop"}).Draw(t, "op"),
		table:    rapid.SampledFrom(tables).Draw(t, "table"),
		key:      string(key.Draw(t, "key")),
		to:       string(key.Draw(t, "to")),
		value:    rapid.StringN(0, 20, -1).Draw(t, "value"),
		openEnds: rapid.Bool().Draw(t, "open"),
	}
}

// runSteps runs steps on both. What follows a "save" or a "drop" runs in a
// savepoint of its own, which is kept or undone.
func runSteps(w engine.Writer, m model, steps []step) error {
	for i, s := range steps {
		switch s.op {
		case "save":
			return w.Savepoint(func() error { return runSteps(w, m, steps[i+1:]) })
		case "drop":
			undone := m.clone()
			err := w.Savepoint(func() error { return errors.Join(runSteps(w, undone, steps[i+1:]), errUndo) })
			if err.Error() != errUndo.Error() {
				return err
			}
			return nil
		}
		if err := s.run(w, m); err != nil {
			return err
		}
	}
	return nil
}

func (s step) run(w engine.Writer, m model) error {
	switch s.op {
	case "put":
		m[s.table][s.key] = s.value
		return w.Put(s.table, []byte(s.key), []byte(s.value))
	case "delete":
		delete(m[s.table], s.key)
		return w.Delete(s.table, []byte(s.key))
	}
	return s.compare(w, m)
}

// compare reads from both and returns an error if they differ.
func (s step) compare(r engine.Reader, m model) error {
	if s.op == "get" {
		v, ok := m[s.table][s.key]
		if got := r.Get(s.table, []byte(s.key)); (got != nil) != ok || string(got) != v {
			return fmt.Errorf("Get(%s, %q) = %q, want %q (%t)", s.table, s.key, got, v, ok)
		}
		return nil
	}
	from, to := []byte(s.key), []byte(s.to)
	if s.openEnds || s.key == "" {
		to = nil
	}
	var want []string
	for k := range m[s.table] {
		if k >= s.key && (to == nil || k < s.to) {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	rg := engine.Range{From: from, To: to, Desc: s.op == "desc"}
	if rg.Desc {
		slices.Reverse(want)
	}
	if s.op == "first" {
		rg.Limit = 2
		want = want[:min(2, len(want))]
	}
	i := 0
	for k, v := range r.Scan(s.table, rg) {
		if i == len(want) || want[i] != string(k) || !bytes.Equal(v, []byte(m[s.table][want[i]])) {
			return fmt.Errorf("%s(%s, %q, %q) has %q = %q at %d, want %q", s.op, s.table, from, to, k, v, i, want)
		}
		i++
	}
	if i != len(want) {
		return fmt.Errorf("%s(%s, %q, %q) has %d keys, want %d", s.op, s.table, from, to, i, len(want))
	}
	return nil
}
