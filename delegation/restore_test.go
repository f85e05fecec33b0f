package delegation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/internal/engine"
)

func TestTendCopies(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	tend := func() {
		t.Helper()
		if err := e.Tend(ctx); err != nil {
			t.Fatal(err)
		}
	}
	count := func(want int) {
		t.Helper()
		list, err := e.Copies()
		if err != nil || len(list) != want {
			t.Errorf("%d copies, want %d, %v", len(list), want, err)
		}
	}
	e.put("ann", "bob", LevelRead)
	tend()
	count(1)
	e.put("ann", "cy", LevelRead)
	e.now = e.now.Add(9 * time.Minute)
	tend() // too early
	count(1)
	e.restart(func() {})
	tend() // also after a start
	count(1)
	e.now = e.now.Add(time.Minute)
	tend()
	count(2)
	e.now = e.now.Add(24 * time.Hour)
	tend() // nothing has changed
	count(2)
	list, err := e.Copies()
	if err != nil || list[0].Generation != 3 || list[1].Generation != 2 || filepath.Base(list[0].Path) != "delegates-3.db" {
		t.Fatal(list, err)
	}
	if err := checkSum(list[0].Path); err != nil {
		t.Error(err)
	}
	if diff, err := e.Diff(ctx, list[1].Path, ""); err != nil || len(diff) != 1 || diff[0].Before.Delegate != "cy" || diff[0].After != nil {
		t.Errorf("%+v, %v", diff, err)
	}
	left, err := filepath.Glob(e.path(copiesName + "/*.new*"))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// A copy that is not what it should be gets no name, and takes no good one's.
func TestCopyThatFails(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelRead)
	if err := e.Tend(ctx); err != nil {
		t.Fatal(err)
	}
	e.put("ann", "cy", LevelRead)
	e.now = e.now.Add(time.Hour)
	record := e.state
	e.state.Head[0] ^= 1 // what is copied is not what is known
	if err := e.copy(ctx); !errors.Is(err, ErrCopy) {
		t.Error(err)
	}
	e.state = record
	list, err := e.Copies()
	left, err2 := filepath.Glob(e.path(copiesName + "/*"))
	if err := errors.Join(err, err2); err != nil || len(list) != 1 || len(left) != 2 {
		t.Error(list, left, err)
	}
}

// TestKept: the last 10, the last of each of 14 days, the last of each of 12
// months.
func TestKept(t *testing.T) {
	var list []Copy
	at := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	for i := range 800 * 4 { // four a day for more than two years
		list = append(list, Copy{Path: fmt.Sprint(i), Time: at.Add(time.Duration(-i) * 6 * time.Hour)})
	}
	keep := kept(list)
	var got []string
	for _, c := range list {
		if keep[c.Path] {
			got = append(got, c.Time.Format("0102T15"))
		}
	}
	want := strings.Fields(`1231T23 1231T17 1231T11 1231T05 1230T23 1230T17 1230T11 1230T05 1229T23 1229T17
		1228T23 1227T23 1226T23 1225T23 1224T23 1223T23 1222T23 1221T23 1220T23 1219T23 1218T23
		1130T23 1031T23 0930T23 0831T23 0731T23 0630T23 0531T23 0430T23 0331T23 0228T23 0131T23`)
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

// TestRestore: from each state that refuses, the newest copy brings back what it
// has, the journal links both heads, and the old file is kept.
func TestRestore(t *testing.T) {
	ctx := context.Background()
	for name, spoil := range map[string]func(*env){
		"good": func(*env) {},
		"lost": func(e *env) { remove(e.t, e.path(fileName)) },
		"damaged": func(e *env) {
			if err := os.WriteFile(e.path(fileName), []byte("hello"), 0o600); err != nil {
				e.t.Fatal(err)
			}
		},
		"tampered": func(e *env) {
			e.edit(func(w engine.Writer) error { return w.Delete(tableJournal, key(1)) })
		},
		"rolled back": func(e *env) { copyTo(e.t, e.path("old"), e.path(fileName)) },
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.put("ann", "bob", LevelRead)
			if err := e.Backup(ctx, e.path("old")); err != nil {
				t.Fatal(err)
			}
			wantError(t, "backup over another", e.Backup(ctx, e.path("old")), fs.ErrExist)
			e.put("ann", "cy", LevelWrite)
			if err := e.Tend(ctx); err != nil {
				t.Fatal(err)
			}
			lost := e.put("ann", "dan", LevelWrite)
			head := e.State().Mark
			e.restart(func() { spoil(e) })
			list, err := e.Copies()
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			_, err = e.Restore(ctx, author("ann"), list[0].Path)
			wantError(t, "restore by somebody", err, ErrDenied)
			e.now = e.now.Add(time.Minute)
			if _, err := e.Restore(ctx, admin, list[0].Path); err != nil {
				t.Fatal(err)
			}
			e.wantState(Good)
			if diff, err := e.Diff(ctx, list[0].Path, ""); err != nil || len(diff) > 0 {
				t.Errorf("%+v, %v", diff, err)
			}
			events, err := e.History(ctx, "", e.now)
			if err != nil || len(events) != 1 || events[0].Verb != "restored" || *events[0].Replaced != head ||
				!strings.Contains(events[0].Note, fmt.Sprintf("generation 3, head %v", e.mark2(list[0].Path).Head)) {
				t.Errorf("%+v, %v", events, err)
			}
			old, err := filepath.Glob(e.path(fileName + ".before-*"))
			if err != nil || len(old) != 1 && name != "lost" {
				t.Error(old, err)
			}
			e.restart(func() {})
			e.wantState(Good)
			if err := e.Verify(ctx); err != nil {
				t.Error(err)
			}
			// A number that was used once is not used again if it is known.
			if r := e.put("ann", "eve", LevelRead); name == "good" && r.ID <= lost.ID {
				t.Errorf("number %d after %d", r.ID, lost.ID)
			}
			// What was replaced is an old copy now.
			if len(old) == 1 && name == "good" {
				e.restart(func() { copyTo(t, old[0], e.path(fileName)) })
				e.wantState(RolledBack)
			}
		})
	}
}

// mark2 returns the mark of a copy.
func (e *env) mark2(path string) Mark {
	e.t.Helper()
	c, err := inspect(context.Background(), path, Mark{})
	if err != nil {
		e.t.Fatal(err)
	}
	return c.state.mark()
}

// What is no good copy replaces nothing.
func TestRestoreRefuses(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelRead)
	other := newEnv(t)
	other.restart(func() {
		other.store = "calendars-2"
		remove(t, other.dir+"/"+fileName, other.path(stateName))
		other.witness.mark = Mark{}
	})
	if err := errors.Join(e.Tend(ctx), other.Backup(ctx, e.path("other"))); err != nil {
		t.Fatal(err)
	}
	list, err := e.Copies()
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, list[0].Path, e.path("wrong sum"))
	copyTo(t, list[0].Path, e.path("cut"))
	if err := errors.Join(os.WriteFile(e.path("wrong sum"+sumSuffix), []byte("abc  wrong sum\n"), 0o600), os.Truncate(e.path("cut"), 5000)); err != nil {
		t.Fatal(err)
	}
	generation := e.State().Mark.Generation
	for _, name := range []string{"other", "wrong sum", "cut"} {
		_, err := e.Restore(ctx, admin, e.path(name))
		wantError(t, name, err, ErrCopy)
		_, err = e.RestorePrincipal(ctx, admin, e.path(name), "ann")
		wantError(t, name, err, ErrCopy)
		_, err = e.Diff(ctx, e.path(name), "")
		wantError(t, name, err, ErrCopy)
	}
	_, err = e.Restore(ctx, admin, e.path("none"))
	wantError(t, "none", err, fs.ErrNotExist)
	if s := e.State(); s.Condition != Created && s.Condition != Good || s.Mark.Generation != generation {
		t.Error(s)
	}
}

func TestRestorePrincipal(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	bob := e.put("ann", "bob", LevelRead, seePrivate)
	e.put("cy", "dan", LevelRead)
	if err := e.Backup(ctx, e.path("copy")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Remove(ctx, admin, target("ann"), "bob"); err != nil {
		t.Fatal(err)
	}
	e.put("ann", "eve", LevelWrite)
	e.put("cy", "dan", LevelWrite)
	e.put("cy", "fay", LevelWrite)
	diff, err := e.RestorePrincipal(ctx, admin, e.path("copy"), "ann")
	if err != nil || len(diff) != 2 {
		t.Fatalf("%+v, %v", diff, err)
	}
	if l := e.read().Records("ann"); len(l) != 1 || l[0].ID != bob.ID || !l[0].SeePrivate {
		t.Errorf("%+v", l)
	}
	if l := e.read().Records("cy"); len(l) != 2 || l[0].Level != LevelWrite {
		t.Errorf("another's: %+v", l)
	}
	if diff, err := e.RestorePrincipal(ctx, admin, e.path("copy"), "ann"); err != nil || len(diff) > 0 {
		t.Errorf("again: %+v, %v", diff, err)
	}
	if err := e.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestCures: each state that refuses ends by the verb that it names, and by no
// other.
func TestCures(t *testing.T) {
	ctx := context.Background()
	verbs := map[string]func(*env) error{
		"accept": func(e *env) error { return e.AcceptRollback(ctx, admin) },
		"adopt":  func(e *env) error { return e.Adopt(ctx, admin) },
		"reset":  func(e *env) error { return e.Reset(ctx, admin) },
	}
	for _, tt := range []struct {
		state   Condition
		spoil   func(*env)
		verb    string
		records int // afterwards
	}{
		{RolledBack, func(e *env) { copyTo(e.t, e.path("old"), e.path(fileName)) }, "accept", 1},
		{OtherServer, func(e *env) { e.store = "calendars-2" }, "adopt", 2},
		{OtherServer, func(e *env) { e.editState(func(st *fileState) { st.File[0] ^= 1 }) }, "adopt", 2},
		{Lost, func(e *env) { remove(e.t, e.path(fileName)) }, "reset", 0},
		{RolledBack, func(e *env) { copyTo(e.t, e.path("old"), e.path(fileName)) }, "reset", 0},
	} {
		t.Run(string(tt.state)+" "+tt.verb, func(t *testing.T) {
			e := newEnv(t)
			e.put("ann", "bob", LevelRead)
			if err := e.Backup(ctx, e.path("old")); err != nil {
				t.Fatal(err)
			}
			e.put("ann", "cy", LevelRead)
			for name, do := range verbs {
				wantError(t, name+" while good", do(e), ErrState)
			}
			head := e.State().Mark
			e.restart(func() { tt.spoil(e) })
			e.wantState(tt.state)
			for name, do := range verbs {
				if name != tt.verb && name != "reset" && (name != "accept" || tt.state != RolledBack) {
					wantError(t, name, do(e), ErrState)
				}
			}
			e.wantState(tt.state)
			wantError(t, "by somebody", e.Reset(ctx, author("ann")), ErrDenied)
			if err := verbs[tt.verb](e); err != nil {
				t.Fatal(err)
			}
			e.wantState(Good)
			e.restart(func() {})
			e.wantState(Good)
			if s := e.State(); s.Records != tt.records || s.Mark.Generation <= head.Generation {
				t.Error(s, s.Mark)
			}
			if err := e.Verify(ctx); err != nil {
				t.Error(err)
			}
			// Whatever was accepted, the file from before is an old one now.
			e.restart(func() { copyTo(t, e.path("old"), e.path(fileName)) })
			if e.State().Served() {
				t.Error("the old file is taken:", e.State())
			}
		})
	}
}

// Reading, copying and looking leave the file as it is, to the byte.
func TestReadersDoNotWrite(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelRead)
	if err := e.Backup(ctx, e.path("copy")); err != nil {
		t.Fatal(err)
	}
	e.restart(func() {})
	before, err := os.ReadFile(e.path(fileName))
	if err != nil {
		t.Fatal(err)
	}
	_ = e.delegation(caller("bob"), "ann")
	_, err1 := e.History(ctx, "", time.Time{})
	_, err2 := e.Diff(ctx, e.path("copy"), "")
	_, err3 := e.Remove(ctx, author("zoe"), target("ann"), "bob")
	_, err4 := e.Load(ctx, admin, nil, LoadOptions{})
	if err := errors.Join(err1, err2, err4, e.Verify(ctx), e.Tend(ctx), e.Backup(ctx, e.path("copy 2"))); err != nil || !errors.Is(err3, ErrDenied) {
		t.Fatal(err, err3)
	}
	after, err := os.ReadFile(e.path(fileName))
	if err != nil || string(before) != string(after) {
		t.Error("the file was written to", err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(e.path(fileName)); err != nil || string(before) != string(after) {
		t.Error("the file was written to at the end", err)
	}
	e.open()
	names := map[string]bool{}
	entries, err := os.ReadDir(e.dir)
	for _, f := range entries {
		names[f.Name()] = true
	}
	want := map[string]bool{fileName: true, stateName: true, logName: true, copiesName: true, "copy": true, "copy 2": true}
	if err != nil || !maps.Equal(names, want) {
		t.Error(names, err)
	}
}
