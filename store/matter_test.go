package store

import (
	"errors"
	"testing"
	"time"
)

// Matters are found by key and by when they are due, once each, and go with their home.
func TestMatters(t *testing.T) {
	s := openTest(t, Options{})
	home := home(t, s, "ann").ID
	at := func(minutes int) time.Time { return time.Date(2026, 1, 1, 0, minutes, 0, 0, time.UTC) }
	set := func(kind byte, key string, minutes int, payload string) {
		t.Helper()
		update(t, s, func(tx *Tx) error {
			return tx.SetMatter(&Matter{Home: home, Kind: kind, Key: []byte(key), Due: at(minutes), Payload: []byte(payload)})
		})
	}
	due := func(minutes int) (all string) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			all = ""
			for m, err := range tx.DueMatters(at(minutes)) {
				if err != nil {
					return err
				}
				all += string(m.Key) + "=" + string(m.Payload) + " "
			}
			return nil
		})
		return all
	}
	set('a', "two", 20, "2")
	set('a', "one", 10, "1")
	set('b', "one", 5, "other")
	for minutes, want := range map[int]string{4: "", 5: "one=other ", 10: "one=other one=1 ", 30: "one=other one=1 two=2 "} {
		if got := due(minutes); got != want {
			t.Errorf("due at %d: %q, want %q", minutes, got, want)
		}
	}
	set('a', "one", 40, "later")
	if got := due(39); got != "one=other two=2 " {
		t.Errorf("put off: %q", got)
	}
	view(t, s, func(tx *Tx) error {
		m, err := tx.Matter(home, 'a', []byte("one"))
		if err != nil || string(m.Payload) != "later" || !m.Due.Equal(at(40)) {
			t.Errorf("%+v, %v", m, err)
		}
		if m, err := tx.Matter(home, 'c', []byte("one")); m != nil || err != nil {
			t.Errorf("%+v, %v", m, err)
		}
		n := 0
		for _, err := range tx.Matters(home, 'a') {
			n++
			if err != nil {
				return err
			}
		}
		if n != 2 {
			t.Errorf("%d of a kind", n)
		}
		return nil
	})
	update(t, s, func(tx *Tx) error { return tx.DropMatter(&Matter{Home: home, Kind: 'b', Key: []byte("one")}) })
	update(t, s, func(tx *Tx) error { return tx.DropMatter(&Matter{Home: home, Kind: 'b', Key: []byte("one")}) })
	if got := due(60); got != "two=2 one=later " {
		t.Errorf("dropped: %q", got)
	}
	err := s.Update(t.Context(), func(tx *Tx) error { return tx.SetMatter(&Matter{Home: home + 1000, Kind: 'a'}) })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("of no home: %v", err)
	}
	update(t, s, func(tx *Tx) error { return tx.DeleteHome(home) })
	if got := due(60); got != "" {
		t.Errorf("of a home that is gone: %q", got)
	}
}

// A matter that is never due, and a time at which none is, are found.
func TestVerifyFindsLostMatters(t *testing.T) {
	for name, lose := range map[string]func(tx *Tx, m *Matter) error{
		"never due":     func(tx *Tx, m *Matter) error { return tx.w.Delete(tableLookup, m.dueKey()) },
		"leads nowhere": func(tx *Tx, m *Matter) error { return tx.w.Delete(tableLookup, m.key()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			m := &Matter{Home: home(t, s, "ann").ID, Kind: 'a', Key: []byte("x"), Due: time.Unix(1000, 0)}
			update(t, s, func(tx *Tx) error { return tx.SetMatter(m) })
			update(t, s, func(tx *Tx) error { return lose(tx, m) })
			problems, err := s.Verify(t.Context())
			if err != nil || len(problems) != 1 || problems[0].Kind != ProblemDamaged {
				t.Errorf("%v %v", problems, err)
			}
			update(t, s, func(tx *Tx) error { // so that nothing is wrong in the end
				return errors.Join(tx.w.Delete(tableLookup, m.dueKey()), tx.w.Delete(tableLookup, m.key()))
			})
		})
	}
}
