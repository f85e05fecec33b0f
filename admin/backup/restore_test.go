package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A delegates is a member such as delegates.db will be.
type delegates struct{ Rules }

func (delegates) Name() string { return DelegatesName }
func (delegates) Check(context.Context, string) (Facts, []string, error) {
	return Facts{}, nil, nil
}

// TestExisting: data that is there stops a restore, or is set aside as it was.
func TestExisting(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "in the backup")
	b := l.backup(t)
	old := openLive(t, t.TempDir())
	old.put(t, "b", "to be set aside")
	want := old.content(t)
	if _, err := restore(t, b, RestoreOptions{Data: old.dir, Existing: SetAside}); !errors.Is(err, ErrInUse) {
		t.Errorf("files that are open: %v, want ErrInUse", err)
	}
	if err := old.close(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, old.dir, "auth.db calendars.db calendars.db-mark")
	if _, err := restore(t, b, RestoreOptions{Data: old.dir}); !errors.Is(err, ErrOccupied) {
		t.Errorf("%v, want ErrOccupied", err)
	}
	now := func() time.Time { return time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC) }
	done, err := restore(t, b, RestoreOptions{Data: old.dir, Existing: SetAside, Now: now})
	if err != nil || filepath.Base(done.Aside) != "before-restore-20260506T070809Z" {
		t.Fatalf("%+v, %v", done, err)
	}
	wantNames(t, old.dir, "auth.db before-restore-20260506T070809Z calendars.db")
	if got := openLive(t, done.Aside).content(t); got != want {
		t.Errorf("set aside: %s", got)
	}
	if got := openLive(t, old.dir).content(t); !strings.Contains(got, "in the backup") {
		t.Errorf("in place: %s", got)
	}
}

// TestDelegates: who acts for whom is restored only if that is asked for, and stays
// otherwise.
func TestDelegates(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "")
	without := l.backup(t)
	dir := t.TempDir()
	if _, err := restore(t, without, RestoreOptions{Data: dir, Delegates: true}); !errors.Is(err, ErrNoDelegates) {
		t.Errorf("%v, want ErrNoDelegates", err)
	}
	wantNames(t, dir, "")
	with := packed(t, manifestName, `{"format": 1, "program": "convene", "members": [{"name": "delegates.db", "size": 3}]}`, DelegatesName, "new")
	path := filepath.Join(dir, DelegatesName)
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	members := append(copies(), delegates{})
	for _, tt := range []struct {
		asked bool
		want  string
	}{{false, "old"}, {true, "new"}} {
		o := RestoreOptions{Data: dir, Members: members, Existing: SetAside, Delegates: tt.asked}
		if _, err := Restore(t.Context(), strings.NewReader(string(with)), o); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != tt.want {
			t.Errorf("asked for: %t: %q, %v", tt.asked, text, err)
		}
	}
}

var errKilled = errors.New("killed")

// TestInterrupted ends a restore before each of its steps, as a kill would. Then the
// next start finds all of the old data, or all of the new, and the log of the one is
// never beside the file of the other.
func TestInterrupted(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "new")
	b, rules := l.backup(t), []byte(`{"version": 1, "generation": 1, "rules": []}`)
	var steps []string
	for i := 0; ; i++ {
		dir := t.TempDir()
		old := openLive(t, dir)
		old.put(t, "a", "old")
		err := errors.Join(old.close(), os.WriteFile(filepath.Join(dir, "sacl.json"), rules, 0o600),
			os.WriteFile(filepath.Join(dir, "calendars.db-log"), []byte("the old log"), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		o := RestoreOptions{Data: dir, Existing: SetAside, step: func(name string) error {
			if n++; n > i {
				steps = append(steps, name)
				return errKilled
			}
			return nil
		}}
		_, err = restore(t, b, o)
		if err == nil {
			break
		}
		if !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		step := steps[len(steps)-1]
		outcome, err := Resume(dir)
		if err != nil || step != "journal" && outcome != Finished {
			t.Fatalf("%s: %q, %v", step, outcome, err)
		}
		if again, err := Resume(dir); again != Nothing || err != nil {
			t.Errorf("%s: once more: %q, %v", step, again, err)
		}
		_, err = os.Stat(filepath.Join(dir, "calendars.db-log"))
		text, want := openLive(t, dir).content(t), "new"
		if step == "journal" {
			want = "old"
		} else if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the old log is beside the new file: %v", step, err)
		}
		if !strings.Contains(text, want) {
			t.Errorf("%s: %s; want %s", step, text, want)
		}
		aside, err := filepath.Glob(filepath.Join(dir, "before-restore-*", "*"))
		if err != nil || want == "new" && len(aside) != 5 {
			t.Errorf("%s: set aside: %v, %v", step, aside, err)
		}
	}
	want := []string{"journal", "aside calendars.db", "aside calendars.db-log", "aside auth.db", "aside sacl.json", "aside calendars.db-mark", "in auth.db", "in calendars.db", "end"}
	if !slices.Equal(steps, want) {
		t.Errorf("steps are %q", steps)
	}
}

// TestLeft: what a killed restore had prepared is removed; one under way is not.
func TestLeft(t *testing.T) {
	dir := t.TempDir()
	w, err := startWork(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Resume(dir); !errors.Is(err, ErrInUse) || !UnderWay(dir) {
		t.Errorf("under way: %v", err)
	}
	if err := w.lock.Close(); err != nil { // as the end of the process does
		t.Fatal(err)
	}
	if o, err := Resume(dir); o != Undone || err != nil || UnderWay(dir) {
		t.Errorf("%q, %v", o, err)
	}
	wantNames(t, dir, "")
}

func TestKeep(t *testing.T) {
	for text, want := range map[string]Keep{"7d,4w,12m": {7, 4, 12}, "1m": {Months: 1}, "3w,2d": {2, 3, 0}} {
		if got, err := ParseKeep(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "7", "0d", "-1d", "7d,", "7d,8d", "7y", "1.5d"} {
		if _, err := ParseKeep(text); !errors.Is(err, ErrKeep) {
			t.Errorf("%q: %v, want ErrKeep", text, err)
		}
	}
}

// TestPrune makes two backups a day for 400 days: in the end each of the last days,
// weeks and months has its newest one, and other files are as they were.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	others := []string{"convene-x.cvb", "notes.txt", "other-20200101T000000Z.cvb"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep := Keep{7, 4, 12}
	first := time.Date(2025, 1, 1, 1, 0, 0, 0, time.UTC)
	var last time.Time
	for i := range 800 {
		last = first.Add(time.Duration(i) * 12 * time.Hour)
		if err := os.WriteFile(filepath.Join(dir, FileName(last)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Prune(t.Context(), dir, keep); err != nil {
			t.Fatal(err)
		}
	}
	has := func(at time.Time) {
		t.Helper()
		if _, err := os.Stat(filepath.Join(dir, FileName(at))); err != nil {
			t.Error(err)
		}
	}
	for i := range 7 {
		has(last.AddDate(0, 0, -i))
	}
	sunday := last.AddDate(0, 0, -int(last.Weekday()))
	for i := range 3 {
		has(sunday.AddDate(0, 0, -7*i))
	}
	for i := range 11 {
		has(time.Date(last.Year(), last.Month()-time.Month(i), 0, last.Hour(), 0, 0, 0, time.UTC))
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 7+4+12+len(others) {
		t.Errorf("%d files are left, %v", len(entries), err)
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if fmt.Sprint(Keep{}.expired([]time.Time{first, last})) != "[]" {
		t.Error("the zero Keep does not keep all")
	}
}
