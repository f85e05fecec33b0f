package sacl_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/audit"
	"convene/audit/audittest"
	"convene/directory"
	"convene/sacl"
)

func openFile(t *testing.T, dir directory.Directory, path string, log *audittest.Log) *sacl.SACL {
	t.Helper()
	o := sacl.Options{
		File: path, Directory: dir,
		Config: sacl.Config{Calendar: sacl.Rules{Deny: []string{"user:bob"}}},
		Now:    func() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) },
	}
	if log != nil {
		o.Audit = log.Log
	}
	s, err := sacl.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Rules set by command decide at once, in this process and, after Reload, in
// others; they survive a restart, hold GUIDs, and are in the audit log.
func TestSetAndClear(t *testing.T) {
	dir := people(t, true, true)
	path := filepath.Join(t.TempDir(), "sacl.json")
	log := audittest.Open(t)
	s, other := openFile(t, dir, path, log), openFile(t, dir, path, nil)
	ann, bob := caller(t, dir, annID), caller(t, dir, bobID)
	allowed := func(s *sacl.SACL, want bool) {
		t.Helper()
		if d, err := s.Check(t.Context(), sacl.Calendar, ann); err != nil || d.Allowed != want {
			t.Errorf("ann: %+v, %v; want allowed=%v", d, err, want)
		}
	}
	set := func(effect sacl.Effect, who string, changed bool) {
		t.Helper()
		c, err := s.Set(t.Context(), sacl.Calendar, effect, who, audittest.By("root"))
		if err != nil || c.Changed != changed {
			t.Fatalf("%s %s: %+v, %v; want changed=%v", effect, who, c, err, changed)
		}
	}
	allowed(s, true)
	set(sacl.Deny, "ann", true)
	set(sacl.Deny, annID, false)
	allowed(s, false)
	allowed(other, true)
	if changed, err := other.Reload(); !changed || err != nil {
		t.Fatalf("Reload = %v, %v", changed, err)
	}
	allowed(other, false)
	if changed, err := other.Reload(); changed || err != nil {
		t.Fatalf("Reload of an unchanged file = %v, %v", changed, err)
	}
	allowed(openFile(t, dir, path, nil), false)

	set(sacl.Allow, "user:ann", true) // replaces the denial
	allowed(s, true)
	set(sacl.Allow, "bob", true) // the configuration's denial stands
	if d, err := s.Check(t.Context(), sacl.Calendar, bob); err != nil || d.Allowed || d.Rule != "calendar: deny user:bob (configuration)" {
		t.Errorf("bob: %+v, %v", d, err)
	}
	for _, who := range []string{"ann", bobID} {
		if c, err := s.Clear(t.Context(), sacl.Calendar, who, audittest.By("root")); err != nil || !c.Changed {
			t.Errorf("Clear %s: %+v, %v", who, c, err)
		}
	}
	if c, err := s.Clear(t.Context(), sacl.Calendar, "ann", audittest.By("root")); err != nil || c.Changed {
		t.Errorf("second Clear: %+v, %v", c, err)
	}
	if n := len(s.Rules()); n != 1 {
		t.Errorf("%d rules, want the configuration's one", n)
	}
	state := func(effect, name, id string) string {
		return `{"service":"calendar","effect":"` + effect + `","who":"user:` + name + `","guid":"` + id + `"}`
	}
	want := []string{
		"sacl.set root user:ann >" + state("deny", "ann", annID) + " done",
		"sacl.set root user:ann " + state("deny", "ann", annID) + ">" + state("allow", "ann", annID) + " done",
		"sacl.set root user:bob >" + state("allow", "bob", bobID) + " done",
		"sacl.clear root user:ann " + state("allow", "ann", annID) + "> done",
		"sacl.clear root user:bob " + state("allow", "bob", bobID) + "> done",
	}
	if got := log.Acts(); !slices.Equal(got, want) {
		t.Errorf("audit log:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSetErrors(t *testing.T) {
	dir := people(t, true, true)
	s := openFile(t, dir, filepath.Join(t.TempDir(), "sacl.json"), nil)
	for who, want := range map[string]error{
		"zoe": directory.ErrNotFound, "group:ann": directory.ErrNotFound, "A0000000-0000-0000-0000-0000000000FF": directory.ErrNotFound,
	} {
		if _, err := s.Set(t.Context(), sacl.Web, sacl.Allow, who, audittest.By("")); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", who, err, want)
		}
	}
	if _, err := s.Set(t.Context(), sacl.Admin, sacl.Allow, "everyone", audittest.By("")); !errors.Is(err, sacl.ErrBadRule) {
		t.Errorf("everyone an administrator: %v", err)
	}
	if _, err := openFile(t, away{dir}, filepath.Join(t.TempDir(), "x"), nil).Set(t.Context(), sacl.Web, sacl.Allow, "ann", audittest.By("")); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("directory away: %v", err)
	}
}

// A file that cannot be understood is an error, and never an empty list; at a
// reload the rules stay as they were.
func TestBadFile(t *testing.T) {
	dir := people(t, true, true)
	for name, text := range map[string]string{
		"not JSON":        "x",
		"cut off":         `{"version":1,"rules":[`,
		"unknown field":   `{"version":1,"rules":[{"service":"web","effect":"deny","kind":"user","guid":"x","until":"tomorrow"}]}`,
		"unknown effect":  `{"version":1,"rules":[{"service":"web","effect":"maybe","kind":"user","guid":"x"}]}`,
		"unknown service": `{"version":1,"rules":[{"service":"mail","effect":"deny","kind":"user","guid":"x"}]}`,
		"unknown kind":    `{"version":1,"rules":[{"service":"web","effect":"deny","kind":"cat","guid":"x"}]}`,
		"nobody":          `{"version":1,"rules":[{"service":"web","effect":"deny","kind":"user"}]}`,
		"newer":           `{"version":2}`,
		"no version":      `{}`,
		"two documents":   `{"version":1,"rules":[]} {"version":1,"rules":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sacl.json")
			s := openFile(t, dir, path, nil)
			if _, err := s.Set(t.Context(), sacl.Web, sacl.Deny, "ann", audittest.By("")); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := s.Reload()
			if !errors.Is(err, sacl.ErrBadRule) && !errors.Is(err, sacl.ErrNewer) {
				t.Errorf("Reload: %v", err)
			}
			if d, err := s.Check(t.Context(), sacl.Web, caller(t, dir, annID)); err != nil || d.Allowed {
				t.Errorf("after a failed reload: %+v, %v", d, err)
			}
			if _, err := sacl.Open(sacl.Options{File: path, Directory: dir}); err == nil {
				t.Error("Open took the file")
			}
		})
	}
}

// A file that has gone takes no rule away while the server runs.
func TestFileGone(t *testing.T) {
	dir := people(t, true, true)
	path := filepath.Join(t.TempDir(), "sacl.json")
	s := openFile(t, dir, path, nil)
	if _, err := s.Set(t.Context(), sacl.Web, sacl.Deny, "ann", audittest.By("")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reload: %v", err)
	}
	if _, err := s.Set(t.Context(), sacl.Web, sacl.Deny, "bob", audittest.By("")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Set: %v", err)
	}
	if d, err := s.Check(t.Context(), sacl.Web, caller(t, dir, annID)); err != nil || d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(); err != nil {
		t.Error(err)
	}
}

// A GUID that was written by hand means its record however it is spelled.
func TestSpelledGUID(t *testing.T) {
	dir := people(t, true, true)
	path := filepath.Join(t.TempDir(), "sacl.json")
	text := `{"version":1,"rules":[{"service":"web","effect":"deny","kind":"user","guid":"` + strings.ToLower(annID) + `"}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := openFile(t, dir, path, nil).Check(t.Context(), sacl.Web, caller(t, dir, annID)); err != nil || d.Allowed {
		t.Errorf("%+v, %v", d, err)
	}
}

// Several processes that change rules at the same time lose none.
func TestConcurrentSet(t *testing.T) {
	dir := people(t, true, true)
	path := filepath.Join(t.TempDir(), "sacl.json")
	var wg sync.WaitGroup
	for _, who := range []string{annID, bobID, innerID, middleID, outerID, otherID} {
		s := openFile(t, dir, path, nil)
		wg.Go(func() {
			if _, err := s.Set(t.Context(), sacl.Web, sacl.Deny, who, audittest.By("")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(openFile(t, dir, path, nil).Rules()); n != 7 {
		t.Errorf("%d rules, want 7", n)
	}
}

// A change that cannot be recorded is not made.
func TestRefusedUnrecorded(t *testing.T) {
	dir := people(t, true, true)
	log := audittest.Open(t)
	s := openFile(t, dir, filepath.Join(t.TempDir(), "sacl.json"), log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	before := s.Rules()
	if _, err := s.Set(t.Context(), sacl.Calendar, sacl.Deny, "ann", audittest.By("root")); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("Set: %v", err)
	}
	if _, err := s.Reset(t.Context(), sacl.Empty, audittest.By("root")); !errors.Is(err, audit.ErrNotRecorded) {
		t.Errorf("Reset: %v", err)
	}
	if after := s.Rules(); !slices.Equal(before, after) {
		t.Errorf("rules %v, were %v", after, before)
	}
}
