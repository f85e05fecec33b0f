package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A followTest is a folder that follows a store in use.
type followTest struct {
	*live
	path string // of the backup

	ticks chan time.Time // of those that brought something
	stop  func()
}

// startFollow begins to follow, and returns when the backup is complete.
func startFollow(t *testing.T, l *live) *followTest {
	t.Helper()
	f := &followTest{live: l, path: filepath.Join(t.TempDir(), FileName(testOrigin.Time)), ticks: make(chan time.Time, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended, begun := make(chan error, 2), make(chan struct{})
	go func() {
		err := Follow(ctx, w, func() {}, l.members(), testOrigin)
		w.CloseWithError(err) // always nil
		ended <- err
	}()
	var log *Log
	go func() {
		err := FollowReader(r, func(archive io.Reader) error {
			meter := &Meter{}
			err := WriteFile(f.path, nil, func(w io.Writer) error {
				meter.W = w
				_, err := io.Copy(meter, archive)
				return err
			}, nil)
			if err == nil {
				log, err = CreateLog(f.path, meter.Manifest)
			}
			close(begun)
			return err
		}, func(encoded []byte, at time.Time, changed bool) error {
			if !changed {
				return nil
			}
			err := log.Append(encoded)
			f.ticks <- at
			return err
		})
		r.CloseWithError(err) // always nil
		ended <- err
	}()
	select {
	case <-begun:
	case err := <-ended:
		t.Fatal(err)
	}
	f.stop = func() {
		t.Helper()
		cancel()
		for range 2 {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v", err)
			}
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}
	return f
}

// restored is what a restore of the folder gives, until a moment; zero: all.
func (f *followTest) restored(t *testing.T, until time.Time) (string, error) {
	t.Helper()
	file, err := Open(f.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	file.Until(until)
	dir := t.TempDir()
	_, err = Restore(t.Context(), file, RestoreOptions{Data: dir, Members: copies()})
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	l := openLive(t, dir)
	rules, err := os.ReadFile(filepath.Join(dir, "sacl.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return l.content(t) + string(rules), l.close()
}

// TestFollow: what changes after a backup is restored with it, byte for byte: all of it, or
// what there was at a moment.
func TestFollow(t *testing.T) {
	l := openLive(t, t.TempDir())
	for i := range 20 {
		l.put(t, fmt.Sprint(i), "before")
	}
	f := startFollow(t, l)
	var wants []string
	var times []time.Time
	rules := ""
	for i := range 4 {
		for k := range 10 {
			l.put(t, fmt.Sprint(5*i+k), fmt.Sprintf("changed %d", i))
		}
		wants = append(wants, l.content(t)+rules)
		// A tick may have fallen in between; what belongs together is not torn by it. The file
		// may have a later tick already than the one that was told.
		for at := (time.Time{}); ; at = <-f.ticks {
			if got, err := f.restored(t, at); err != nil {
				t.Fatal(err)
			} else if got == wants[i] {
				times = append(times, at)
				break
			}
		}
		if i == 1 { // small files come as a whole
			rules = `{"version":1,"generation":1,"rules":[]}`
			if err := os.WriteFile(filepath.Join(l.dir, "sacl.json"), []byte(rules), 0o600); err != nil {
				t.Fatal(err)
			}
			for got := ""; got != wants[i]+rules; {
				var err error
				if got, err = f.restored(t, <-f.ticks); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	f.stop()
	for i, at := range times {
		if at.IsZero() {
			continue
		}
		if got, err := f.restored(t, at); err != nil || got != wants[i] {
			t.Errorf("until the change %d: another content %v", i, err)
		}
	}
	file, err := Open(f.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := Verify(t.Context(), file, copies(), t.TempDir(), nil)
	if err = errors.Join(err, file.Close()); err != nil || len(report.Problems) > 0 {
		t.Errorf("verify: %v %v", err, report.Problems)
	}
}

// TestTornChanges: a log that ends anywhere, as after a kill or a power failure, is good up
// to its last whole tick; one that is damaged before that, or another backup's, is refused.
func TestTornChanges(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "0")
	f := startFollow(t, l)
	wants := map[string]bool{l.content(t): true}
	for i := range 3 {
		l.put(t, "a", fmt.Sprint(i+1))
		wants[l.content(t)] = true
		<-f.ticks
	}
	f.stop()
	path := f.path + LogExtension
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for n := 0; n <= len(whole); n += max(1, len(whole)/9) {
		for name, b := range map[string][]byte{"cut": whole[:n], "zeros": append(whole[:n:n], make([]byte, 5000)...)} {
			put(b)
			got, err := f.restored(t, time.Time{})
			if name == "zeros" && n < strings.IndexByte(string(whole), '\n') {
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("%s in the head at %d: %v", name, n, err)
				}
				continue
			}
			if err != nil || !wants[got] {
				t.Errorf("%s at %d of %d: %v", name, n, len(whole), err)
			}
			seen[got] = true
		}
	}
	if len(seen) < 3 {
		t.Errorf("%d different states were restored", len(seen))
	}
	first := strings.IndexByte(string(whole), '\n') + 1
	for _, at := range []int{first - 10, first, first + 5, first + 9, first + 40} {
		put(flipped(whole, at))
		if _, err := f.restored(t, time.Time{}); !errors.Is(err, ErrDamaged) {
			t.Errorf("a wrong bit at %d: %v", at, err)
		}
	}
	put(whole)
	other := filepath.Join(filepath.Dir(f.path), FileName(testOrigin.Time.Add(time.Hour)))
	if err := os.WriteFile(other, l.backup(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other+LogExtension, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	f.path = other
	if _, err := f.restored(t, time.Time{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "of another backup") {
		t.Errorf("another backup's: %v", err)
	}
}

// TestPruneFollowed: a backup that is being followed stays, and its changes go with it
// afterwards.
func TestPruneFollowed(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "0")
	f := startFollow(t, l)
	dir := filepath.Dir(f.path)
	later := FileName(testOrigin.Time.Add(time.Hour))
	if err := os.WriteFile(filepath.Join(dir, later), l.backup(t), 0o600); err != nil {
		t.Fatal(err)
	}
	prune := func(want string) {
		t.Helper()
		if _, err := Prune(t.Context(), dir, Keep{Days: 1}); err != nil {
			t.Error(err)
		}
		wantNames(t, dir, want)
	}
	name := filepath.Base(f.path)
	prune(name + " " + name + LogExtension + " " + later)
	f.stop()
	prune(later)
}
