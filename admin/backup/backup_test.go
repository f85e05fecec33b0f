package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"convene/internal/engine"
	"convene/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// index is that of the bodies that tests store: a name and a line.
func index(body []byte) (store.Index, error) {
	uid, _, ok := strings.Cut(string(body), "\n")
	if !ok {
		return store.Index{}, errors.New("no line")
	}
	return store.Index{UID: uid, Component: store.VEVENT, End: store.OpenEnded}, nil
}

var (
	testOptions = store.Options{Indexer: index}
	testOrigin  = Origin{Version: "test", Host: "here", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
)

// A live is the open files of a data folder.
type live struct {
	dir   string
	store *store.Store
	state engine.Engine
}

func openLive(t testing.TB, dir string) *live {
	t.Helper()
	if _, err := Resume(dir); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(dir, "calendars.db"), testOptions)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.OpenBolt(filepath.Join(dir, "auth.db"), engine.BoltOptions{Tables: StateTables()})
	if err != nil {
		t.Fatal(err)
	}
	l := &live{dir, s, e}
	t.Cleanup(func() {
		if err := l.close(); err != nil && !errors.Is(err, engine.ErrClosed) {
			t.Error(err)
		}
	})
	return l
}

func (l *live) close() error { return errors.Join(l.store.Close(), l.state.Close()) }

func (l *live) members() []Member {
	return []Member{Calendars{Store: l.store}, State{Engine: l.state}, Rules{Path: filepath.Join(l.dir, "sacl.json")}}
}

// copies are the members of the set, for looking at copies.
func copies() []Member {
	return []Member{Calendars{Options: testOptions}, State{}, Rules{}, Text{FileName: ConfigName}}
}

// put stores an object of ann and returns what its ETag is made of.
func (l *live) put(t testing.TB, name, text string) (tag string) {
	t.Helper()
	body := []byte(name + "\n" + text)
	err := l.store.Update(t.Context(), func(tx *store.Tx) error {
		home, err := tx.EnsureHome("ann", func(b *store.HomeBuilder) { b.Add(store.NewCollection{Name: "work", Kind: store.KindCalendar}) })
		if err != nil {
			return err
		}
		c, err := tx.Collection(home.ID, "work")
		if err != nil {
			return err
		}
		i, err := index(body)
		if err != nil {
			return err
		}
		o, _, err := tx.PutObject(c, name+".ics", body, i, store.Match{})
		if err == nil {
			tag = fmt.Sprint(tx.Epoch(), " ", o.Rev)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// content is all that ann has: name, revision and body of each object.
func (l *live) content(t testing.TB) string {
	t.Helper()
	var out strings.Builder
	err := l.store.View(t.Context(), func(tx *store.Tx) error {
		out.Reset()
		home, err := tx.Home("ann")
		if err != nil {
			return err
		}
		c, err := tx.Collection(home.ID, "work")
		if err != nil {
			return err
		}
		for e := range tx.Entries(c.ID) {
			o, err := tx.Object(c.ID, e.Name)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, "%s %d %q\n", e.Name, e.Rev, o.Body)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func (l *live) backup(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	err := Pack(&out, nil, func(w io.Writer) error {
		_, err := Write(t.Context(), w, append(l.members(), Text{ConfigName, []byte("# settings\n")}), testOrigin)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func verify(t testing.TB, b []byte) error {
	t.Helper()
	r, err := Verify(t.Context(), bytes.NewReader(b), copies(), t.TempDir(), nil)
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%w: %v", ErrDamaged, r.Problems)
	}
	return err
}

func restore(t testing.TB, b []byte, o RestoreOptions) (Restored, error) {
	t.Helper()
	o.Members = copies()
	return Restore(t.Context(), bytes.NewReader(b), o)
}

// TestRoundTrip: a backup of a folder in use, restored into an empty one, has all
// that there was, and no ETag of the old folder is given out again.
func TestRoundTrip(t *testing.T) {
	l := openLive(t, t.TempDir())
	rules := `{"version": 1, "generation": 1, "rules": []}`
	if err := os.WriteFile(filepath.Join(l.dir, "sacl.json"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		l.put(t, fmt.Sprint(i), strings.Repeat("x", i*13%3000))
	}
	b, want := l.backup(t), l.content(t)
	if err := verify(t, b); err != nil {
		t.Fatal(err)
	}
	lost := map[string]bool{}
	for i := range 100 {
		lost[l.put(t, fmt.Sprint(i), "later")] = true
	}
	dir := t.TempDir()
	done, err := restore(t, b, RestoreOptions{Data: dir})
	if err != nil || done.Aside != "" || fmt.Sprint(done.Names) != "[auth.db calendars.db sacl.json]" || done.Manifest.Host != "here" {
		t.Fatalf("%+v, %v", done, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "sacl.json")); err != nil || string(text) != rules {
		t.Errorf("sacl.json: %q, %v", text, err)
	}
	wantNames(t, dir, "auth.db calendars.db sacl.json")
	r := openLive(t, dir)
	if got := r.content(t); got != want {
		t.Error("the content differs")
	}
	for i := range 100 {
		if tag := r.put(t, fmt.Sprint(i), "another"); lost[tag] {
			t.Fatalf("%s is given out again", tag)
		}
	}
	if found, err := r.store.Verify(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("verify: %v, %v", found, err)
	}
}

func wantNames(t testing.TB, dir, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the folder has %s; want %s", got, want)
	}
}

// TestUnderLoad: backups every second under writers, each verified and restored. What
// was acknowledged before a backup began is in it.
func TestUnderLoad(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 2
	}
	l := openLive(t, t.TempDir())
	l.put(t, "first", "")
	ctx, cancel := context.WithCancel(t.Context())
	var acked [4]atomic.Int64
	var writers sync.WaitGroup
	for g := range acked {
		writers.Go(func() {
			for n := int64(1); ctx.Err() == nil && !t.Failed(); n++ {
				l.put(t, fmt.Sprintf("w%d", g), fmt.Sprintf("%d %s", n, strings.Repeat("x", int(n)*31%2000)))
				acked[g].Store(n)
			}
		})
	}
	defer writers.Wait()
	defer cancel()
	for i := range rounds {
		var before [4]int64
		for g := range before {
			before[g] = acked[g].Load()
		}
		b := l.backup(t)
		dir := t.TempDir()
		if _, err := restore(t, b, RestoreOptions{Data: dir}); err != nil { // verifies
			t.Fatalf("backup %d: %v", i, err)
		}
		r := openLive(t, dir)
		content := r.content(t)
		for g, least := range before {
			_, after, found := strings.Cut(content, fmt.Sprintf(`"w%d\n`, g))
			var n int64
			if _, err := fmt.Sscan(after, &n); found && err != nil {
				t.Fatal(err)
			}
			if n < least {
				t.Errorf("backup %d: writer %d is at %d, %d were acknowledged", i, g, n, least)
			}
		}
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
	}
}

// packed is an archive of entries, compressed.
func packed(t *testing.T, entries ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	err := Pack(&out, nil, func(w io.Writer) error {
		a := newArchive(w, testOrigin.Time)
		for i := 0; i < len(entries); i += 2 {
			if err := a.add(entries[i], content(entries[i+1])); err != nil {
				return err
			}
		}
		return a.close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestRefused: what is no whole backup of this format is refused with words, by
// verify and by restore, which then has changed nothing.
func TestRefused(t *testing.T) {
	l := openLive(t, t.TempDir())
	for i := range 50 {
		l.put(t, fmt.Sprint(i), strings.Repeat("text ", i))
	}
	good := l.backup(t)
	flipped := func(at int) []byte { b := bytes.Clone(good); b[at] ^= 4; return b }
	manifest := func(members string) string {
		return `{"format": 1, "program": "convene", "members": [` + members + `]}`
	}
	for _, tt := range []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrForeign},
		{"text", []byte("this is no backup, but some text"), ErrForeign},
		{"gzip", []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0}, ErrForeign},
		{"another archive", packed(t, "README", "hello"), ErrForeign},
		{"another program", packed(t, manifestName, `{"format": 1, "program": "other"}`), ErrForeign},
		{"newer format", packed(t, manifestName, `{"format": 3, "program": "convene", "members": 7}`), ErrNewer},
		{"newer member", packed(t, manifestName, manifest(`{"name": "rooms.db", "size": 1}`), "rooms.db", "x"), ErrNewer},
		{"a path", packed(t, manifestName, manifest(`{"name": "../x", "size": 1}`), "../x", "x"), ErrDamaged},
		{"twice", packed(t, manifestName, manifest(`{"name": "x", "size": 1}, {"name": "x", "size": 1}`), "x", "x", "x", "x"), ErrDamaged},
		{"another size", packed(t, manifestName, manifest(`{"name": "convene.toml", "size": 1}`), "convene.toml", "xy"), ErrDamaged},
		{"member is missing", packed(t, manifestName, manifest(`{"name": "convene.toml", "size": 1}`)), ErrDamaged},
		{"member is no database", packed(t, manifestName, manifest(`{"name": "calendars.db", "size": 1}`), "calendars.db", "x"), ErrDamaged},
		{"rules are none", packed(t, manifestName, manifest(`{"name": "sacl.json", "size": 1}`), "sacl.json", "x"), ErrDamaged},
		{"counts differ", packed(t, manifestName, manifest(`{"name": "sacl.json", "size": 44, "counts": {"rules": 3}}`), "sacl.json", `{"version": 1, "generation": 1, "rules": []}`), ErrDamaged},
		{"something follows", append(bytes.Clone(good), "more"...), ErrDamaged},
		{"cut in the middle", good[:len(good)/2], ErrDamaged},
		{"cut at the end", good[:len(good)-1], ErrDamaged},
		{"cut at the start", good[:20], ErrDamaged},
		{"bit in the middle", flipped(len(good) / 2), ErrDamaged},
		{"bit at the end", flipped(len(good) - 2), ErrDamaged},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := verify(t, tt.file); !errors.Is(err, tt.want) {
				t.Errorf("verify: %v, want %v", err, tt.want)
			}
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "auth.db"), []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := restore(t, tt.file, RestoreOptions{Data: dir, Existing: SetAside}); !errors.Is(err, tt.want) {
				t.Errorf("restore: %v, want %v", err, tt.want)
			}
			wantNames(t, dir, "auth.db")
		})
	}
}

// TestAnyBit: a backup with any one bit changed is refused, unless the bit means
// nothing (zstd has some); no bit ends the process.
func TestAnyBit(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "text")
	good := l.backup(t)
	want := unpacked(t, good)
	refused, tried := 0, 0
	for i := 0; i < len(good); i += 1 + len(good)/150 {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		tried++
		if got := unpacked(t, b); got == "" {
			refused++
		} else if got != want {
			t.Errorf("byte %d: accepted, and is another", i)
		}
	}
	if refused < tried*9/10 {
		t.Errorf("%d of %d were refused", refused, tried)
	}
}

// unpacked is all that is in a backup, "" if it is refused.
func unpacked(t *testing.T, b []byte) string {
	t.Helper()
	dir := t.TempDir()
	m, err := unpack(t.Context(), bytes.NewReader(b), dir, func(string) bool { return true }, nil)
	if err != nil {
		return ""
	}
	out := fmt.Sprintf("%+v", m)
	for _, e := range m.Members {
		text, err := os.ReadFile(filepath.Join(dir, e.Name))
		if err != nil {
			t.Fatal(err)
		}
		out += string(text)
	}
	return out
}

// TestEnded: a backup that is interrupted leaves no file, and a view that fails says so.
func TestEnded(t *testing.T) {
	l := openLive(t, t.TempDir())
	l.put(t, "a", "text")
	dir := t.TempDir()
	path := filepath.Join(dir, "x"+Extension)
	if err := os.WriteFile(path, []byte("the one before"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := WriteFile(path, nil, func(w io.Writer) error {
		cancel()
		_, err := Write(ctx, w, l.members(), testOrigin)
		return err
	}, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	refused := errors.New("not good enough")
	fill := func(w io.Writer) error { _, err := Write(t.Context(), w, l.members(), testOrigin); return err }
	if err := WriteFile(path, nil, fill, func(*os.File) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("refused: %v", err)
	}
	wantNames(t, dir, "x"+Extension)
	if text, err := os.ReadFile(path); err != nil || string(text) != "the one before" {
		t.Errorf("the backup before: %q, %v", text, err)
	}
	if err := WriteFile(path, nil, fill, nil); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(t, b); err != nil {
		t.Error(err)
	}
}
