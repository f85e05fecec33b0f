package sacl_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convene/audit/audittest"
	"convene/directory"
	"convene/internal/engine"
	"convene/sacl"
)

// keeper opens the list of a data folder again and again, with one state.
type keeper struct {
	dir   directory.Directory
	path  string
	state engine.Engine
	audit *audittest.Log
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{dir: people(t, true, true), path: filepath.Join(t.TempDir(), "sacl.json"), state: engine.OpenMemory(sacl.Tables()), audit: audittest.Open(t)}
	t.Cleanup(func() {
		if err := k.state.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func (k *keeper) options() sacl.Options {
	return sacl.Options{File: k.path, Directory: k.dir, State: k.state, Audit: k.audit.Log}
}

func (k *keeper) open(t *testing.T) *sacl.SACL {
	t.Helper()
	s, err := sacl.Open(k.options())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (k *keeper) deny(t *testing.T, s *sacl.SACL, who string) []byte {
	t.Helper()
	if _, err := s.Set(t.Context(), sacl.Calendar, sacl.Deny, who, audittest.By("root")); err != nil {
		t.Fatal(err)
	}
	return k.text(t)
}

func (k *keeper) text(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(k.path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (k *keeper) put(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(k.path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// denied reports whether ann may not use the calendar.
func (k *keeper) denied(t *testing.T, s *sacl.SACL) bool {
	t.Helper()
	d, err := s.Check(t.Context(), sacl.Calendar, caller(t, k.dir, annID))
	if err != nil {
		t.Fatal(err)
	}
	return !d.Allowed
}

// A list that is lost, damaged, old or another never takes a rule away: not by a
// look at the file, nor by opening it anew as a reload and a restart do. It says
// what to do.
func TestLostList(t *testing.T) {
	foreign := newKeeper(t)
	others := string(foreign.deny(t, foreign.open(t), "bob"))
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, k *keeper, older []byte)
		want  error
	}{
		{"lost", func(t *testing.T, k *keeper, _ []byte) {
			if err := os.Remove(k.path); err != nil {
				t.Fatal(err)
			}
		}, sacl.ErrLost},
		{"empty", func(t *testing.T, k *keeper, _ []byte) { k.put(t, "") }, sacl.ErrBadRule},
		{"truncated", func(t *testing.T, k *keeper, _ []byte) { text := k.text(t); k.put(t, string(text[:len(text)/2])) }, sacl.ErrBadRule},
		{"no rules", func(t *testing.T, k *keeper, _ []byte) { k.put(t, `{"version":1}`) }, sacl.ErrBadRule},
		{"rules are null", func(t *testing.T, k *keeper, _ []byte) { k.put(t, `{"version":1,"generation":9,"rules":null}`) }, sacl.ErrBadRule},
		{"empty list by hand", func(t *testing.T, k *keeper, _ []byte) { k.put(t, `{"version":1,"rules":[]}`) }, sacl.ErrOther},
		{"older copy", func(t *testing.T, k *keeper, older []byte) { k.put(t, string(older)) }, sacl.ErrOther},
		{"foreign", func(t *testing.T, k *keeper, _ []byte) { k.put(t, others) }, sacl.ErrOther},
		{"changed by hand", func(t *testing.T, k *keeper, _ []byte) {
			k.put(t, strings.Replace(string(k.text(t)), "deny", "allow", 1))
		}, sacl.ErrOther},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKeeper(t)
			s := k.open(t)
			older := k.deny(t, s, "bob")
			good := k.deny(t, s, "ann")
			tt.spoil(t, k, older)
			if _, err := s.Reload(); !errors.Is(err, tt.want) {
				t.Errorf("look: %v, want %v", err, tt.want)
			} else if !errors.Is(err, sacl.ErrBadRule) && !strings.Contains(err.Error(), "convene sacl reset") && !strings.Contains(err.Error(), `"generation"`) {
				t.Errorf("no cure in %v", err)
			}
			if !k.denied(t, s) {
				t.Error("look: the rule is gone")
			}
			for _, what := range []string{"reload", "restart"} {
				if _, err := sacl.Open(k.options()); !errors.Is(err, tt.want) {
					t.Errorf("%s: %v, want %v", what, err, tt.want)
				}
			}
			if _, err := s.Set(t.Context(), sacl.Calendar, sacl.Deny, "bob", audittest.By("")); err == nil {
				t.Error("a command wrote over it")
			}
			k.put(t, string(good))
			if !k.denied(t, k.open(t)) {
				t.Error("put back: the rule is gone")
			}
		})
	}
}

// Another process may change the list, and a person with an editor who raises its
// generation; a file written by hand is taken where there was none.
func TestLaterList(t *testing.T) {
	k := newKeeper(t)
	k.put(t, `{"version":1,"rules":[{"service":"calendar","effect":"deny","kind":"user","guid":"`+annID+`","changed":"","by":""}]}`)
	s, other := k.open(t), k.open(t)
	if !k.denied(t, s) {
		t.Error("a list written by hand does not count")
	}
	k.deny(t, other, "bob")
	if changed, err := s.Reload(); !changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
	k.put(t, strings.Replace(string(k.text(t)), `"generation": 1`, `"generation": 2`, 1))
	if _, err := s.Reload(); err != nil {
		t.Error(err)
	}
	k.deny(t, k.open(t), "middle")
	if _, err := s.Reload(); err != nil {
		t.Error(err)
	}
}

// A crash between the file and the note loses neither.
func TestListAfterCrash(t *testing.T) {
	k := newKeeper(t)
	k.deny(t, k.open(t), "bob")
	lost := k.state
	k.state = readOnly{lost}
	s, err := sacl.Open(k.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Set(t.Context(), sacl.Calendar, sacl.Deny, "ann", audittest.By("")); err == nil {
		t.Fatal("the note was not written, and nothing said so")
	}
	k.state = lost
	if !k.denied(t, k.open(t)) {
		t.Error("the rule that was written is gone")
	}
}

func TestReset(t *testing.T) {
	k := newKeeper(t)
	s := k.open(t)
	backup := k.deny(t, s, "ann")
	k.deny(t, s, "bob")
	k.put(t, string(backup))
	if n, err := sacl.Reset(t.Context(), k.options(), sacl.FromTheFile, audittest.By("root")); n != 1 || err != nil {
		t.Fatalf("%d rules, %v", n, err)
	}
	if s := k.open(t); !k.denied(t, s) || len(s.Rules()) != 1 {
		t.Errorf("rules %v", s.Rules())
	}
	k.put(t, "garbage")
	if _, err := sacl.Reset(t.Context(), k.options(), sacl.FromTheFile, audittest.By("root")); !errors.Is(err, sacl.ErrBadRule) {
		t.Errorf("garbage: %v", err)
	}
	if err := os.Remove(k.path); err != nil {
		t.Fatal(err)
	}
	if n, err := sacl.Reset(t.Context(), k.options(), sacl.Empty, audittest.By("root")); n != 0 || err != nil {
		t.Fatalf("%d rules, %v", n, err)
	}
	if s := k.open(t); k.denied(t, s) {
		t.Error("rules are left")
	}
	k.put(t, string(backup)) // the list from before the reset is old now
	if _, err := sacl.Open(k.options()); !errors.Is(err, sacl.ErrOther) {
		t.Errorf("the list from before the reset: %v", err)
	}
	var resets []string
	for _, act := range k.audit.Acts() {
		if strings.HasPrefix(act, "sacl.reset") {
			resets = append(resets, act)
		}
	}
	if want := []string{`sacl.reset root  >[{"service":"calendar","effect":"deny","who":"user:ann","guid":"` + annID + `"}] done`, `sacl.reset root  >[] done`}; !slices.Equal(resets, want) {
		t.Errorf("audit log:\n%q, want\n%q", resets, want)
	}
	if kept, err := os.ReadDir(filepath.Dir(k.path)); err != nil || !strings.Contains(kept[1].Name(), "before-") {
		t.Errorf("what was there is not kept: %v, %v", kept, err)
	}
}

// readOnly is an engine that cannot be written.
type readOnly struct{ engine.Engine }

func (readOnly) Update(context.Context, func(engine.Writer) error) error { return engine.ErrReadOnly }
