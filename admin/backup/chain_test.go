package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"convene/store"
)

// A chainTest writes backups of a folder in use, each of which continues the one before.
type chainTest struct {
	*live
	dir  string
	to   []Recipient
	keys []Identity
	list []chainMember
}

type chainMember struct {
	path, content string
	time          time.Time
	size          int64
}

// add makes a backup. It continues the last one, if there is one.
func (c *chainTest) add(t *testing.T) chainMember {
	t.Helper()
	at := testOrigin.Time.Add(time.Duration(len(c.list)) * 24 * time.Hour)
	m := chainMember{path: filepath.Join(c.dir, FileName(at)), content: c.content(t), time: at}
	whole := func(w io.Writer) error {
		o := testOrigin
		o.Time = at
		_, err := Write(t.Context(), w, c.members(), o)
		return err
	}
	var index *Index
	fill := func(w io.Writer) (err error) {
		x := NewIndexer()
		if err := whole(io.MultiWriter(w, x)); err != nil {
			return errors.Join(err, x.Abandon())
		}
		index, err = x.Index()
		return err
	}
	if len(c.list) > 0 {
		base, err := ReadIndex(t.Context(), c.list[len(c.list)-1].path, nil) // without the key
		if err != nil {
			t.Fatal(err)
		}
		fill = func(w io.Writer) (err error) {
			_, index, err = WriteSince(t.Context(), w, base, whole, t.TempDir())
			return err
		}
	}
	if err := WriteFile(m.path, c.to, fill, nil); err != nil {
		t.Fatal(err)
	}
	if c.to == nil {
		index = nil
	}
	if err := SetIndex(m.path, index); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(m.path)
	if err != nil {
		t.Fatal(err)
	}
	m.size = info.Size()
	c.list = append(c.list, m)
	return m
}

// change writes and removes some objects.
func (c *chainTest) change(t *testing.T, r *rand.Rand) {
	t.Helper()
	for range 20 {
		c.put(t, fmt.Sprint(r.IntN(400)), noise(r, r.IntN(2000)))
	}
	err := c.store.Update(t.Context(), func(tx *store.Tx) error {
		home, err := tx.Home("ann")
		if err != nil {
			return err
		}
		col, err := tx.Collection(home.ID, "work")
		if err != nil {
			return err
		}
		n := 0
		for e := range tx.Entries(col.ID) {
			if n++; n > 3 {
				break
			}
			if err := tx.DeleteObject(col, e.Name, store.Match{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (c *chainTest) verify(t *testing.T, path string, keys []Identity) error {
	t.Helper()
	f, err := Open(path, keys)
	if err != nil {
		return err
	}
	r, err := Verify(t.Context(), f, copies(), t.TempDir(), nil)
	if err == nil && len(r.Problems) > 0 {
		err = fmt.Errorf("%w: %v", ErrDamaged, r.Problems)
	}
	return errors.Join(err, f.Close())
}

// noise is text that cannot be compressed much.
func noise(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('!' + r.IntN(90))
	}
	return string(b)
}

func newChain(t *testing.T, to []Recipient, keys []Identity) *chainTest {
	t.Helper()
	c := &chainTest{live: openLive(t, t.TempDir()), dir: t.TempDir(), to: to, keys: keys}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 400 {
		c.put(t, fmt.Sprint(i), noise(r, 2000))
	}
	for range 5 {
		c.add(t)
		c.change(t, r)
	}
	return c
}

// TestChain: each of five backups that continue each other is restored to exactly what
// there was then, whether they are encrypted or not, and none has more than it needs.
func TestChain(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		to   []Recipient
		keys []Identity
	}{{"plain", nil, nil}, {"encrypted", []Recipient{key.Recipient()}, []Identity{key}}} {
		t.Run(test.name, func(t *testing.T) {
			c := newChain(t, test.to, test.keys)
			for i, m := range c.list {
				if i > 0 && m.size > c.list[0].size/2 {
					t.Errorf("member %d has %d bytes, the whole %d", i, m.size, c.list[0].size)
				}
				if err := c.verify(t, m.path, test.keys); err != nil {
					t.Errorf("member %d: %v", i, err)
				}
				found, err := At(t.Context(), c.dir, test.keys, m.time.Add(time.Hour))
				if err != nil || found != m.path {
					t.Errorf("at %s: %s %v", m.time, found, err)
				}
				f, err := Open(m.path, test.keys)
				if err != nil {
					t.Fatal(err)
				}
				dir := t.TempDir()
				_, err = Restore(t.Context(), f, RestoreOptions{Data: dir, Members: copies()})
				if err = errors.Join(err, f.Close()); err != nil {
					t.Fatalf("member %d: %v", i, err)
				}
				if got := openLive(t, dir).content(t); got != m.content {
					t.Errorf("member %d differs", i)
				}
			}
		})
	}
}

// TestBrokenChain: what is missing in a chain, or is another's, is told, and nothing is
// restored.
func TestBrokenChain(t *testing.T) {
	c := newChain(t, nil, nil)
	last := c.list[4].path
	refused := func(name string, want error, words string) {
		t.Helper()
		f, err := Open(last, nil)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		_, err = Restore(t.Context(), f, RestoreOptions{Data: dir, Members: copies()})
		if !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want %v: %s", name, err, want, words)
		}
		if err := errors.Join(f.Close()); err != nil {
			t.Fatal(err)
		}
		wantNames(t, dir, "")
	}
	away := c.list[2].path + "-away"
	if err := os.Rename(c.list[2].path, away); err != nil {
		t.Fatal(err)
	}
	refused("missing", ErrChain, "continues the backup of 2026-01-04T03:04:05Z, which is not in its folder")
	if err := os.Rename(away, c.list[2].path); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(c.list[0].path)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{"cut": whole[:len(whole)/2], "flipped": flipped(whole, len(whole)/2)} {
		if err := os.WriteFile(c.list[0].path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		refused(name, ErrDamaged, filepath.Base(c.list[0].path))
	}
	if err := os.WriteFile(c.list[0].path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	refused2, err := os.Open(last)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), refused2, copies(), t.TempDir(), nil); !errors.Is(err, ErrChain) {
		t.Errorf("from a stream: %v", err)
	}
	if err := refused2.Close(); err != nil {
		t.Fatal(err)
	}

	// Of another server.
	other := openLive(t, t.TempDir())
	other.put(t, "a", "")
	base, err := ReadIndex(t.Context(), last, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = WriteSince(t.Context(), io.Discard, base, func(w io.Writer) error {
		_, err := Write(t.Context(), w, other.members(), testOrigin)
		return err
	}, t.TempDir())
	if !errors.Is(err, ErrChain) || !strings.Contains(err.Error(), "of another server") {
		t.Errorf("another server: %v", err)
	}
	failed := errors.New("the server went away")
	if _, _, err = WriteSince(t.Context(), io.Discard, base, func(io.Writer) error { return failed }, t.TempDir()); !errors.Is(err, failed) {
		t.Errorf("%v, want %v", err, failed)
	}
}

func flipped(b []byte, at int) []byte {
	c := slices.Clone(b)
	c[at] ^= 4
	return c
}

// TestKeys: an encrypted backup needs its key, and says what is wrong without it.
func TestKeys(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(t, []Recipient{key.Recipient(), other.Recipient()}, nil)
	third, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	path := c.list[0].path
	for _, test := range []struct {
		name string
		keys []Identity
		want error
	}{
		{"none", nil, ErrEncrypted}, {"wrong", []Identity{third}, ErrKey},
		{"one of two", []Identity{other}, nil}, {"among others", []Identity{third, key}, nil},
	} {
		if err := c.verify(t, path, test.keys); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{30, 120, len(text) / 2, len(text) - 5} {
		bad := filepath.Join(t.TempDir(), "bad"+Extension)
		if err := os.WriteFile(bad, flipped(text, at), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.verify(t, bad, []Identity{key}); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrKey) {
			t.Errorf("byte %d: %v", at, err)
		}
		if err := os.WriteFile(bad, text[:at], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.verify(t, bad, []Identity{key}); !errors.Is(err, ErrDamaged) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	// An index that is damaged does not lead to a wrong backup.
	index, err := os.ReadFile(path + IndexExtension)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+IndexExtension, flipped(index, len(index)-1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadIndex(context.Background(), path, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("index: %v", err)
	}
}

// TestPruneChain: what a kept backup continues is kept with it, and its index goes with a
// backup.
func TestPruneChain(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(t, []Recipient{key.Recipient()}, nil)
	removed, err := Prune(t.Context(), c.dir, Keep{Days: 1})
	if err != nil || len(removed) != 0 {
		t.Errorf("removed %v %v", removed, err)
	}
	// A new whole one: nobody needs the chain any more.
	c.list = append(c.list[:0:0], chainMember{})[:0]
	at := testOrigin.Time.Add(240 * time.Hour)
	path := filepath.Join(c.dir, FileName(at))
	err = WriteFile(path, nil, func(w io.Writer) error {
		o := testOrigin
		o.Time = at
		_, err := Write(t.Context(), w, c.members(), o)
		return err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err = Prune(t.Context(), c.dir, Keep{Days: 1}); err != nil || len(removed) != 5 {
		t.Errorf("removed %v %v", removed, err)
	}
	wantNames(t, c.dir, filepath.Base(path))
}

// TestParts: what a killed backup left goes with the next one, and not what is being
// written.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, FileName(testOrigin.Time))
	left := filepath.Join(dir, FileName(testOrigin.Time.Add(-time.Hour))+".123.part")
	busy := filepath.Join(dir, FileName(testOrigin.Time.Add(-time.Minute))+".456.part")
	for _, name := range []string{left, busy, filepath.Join(dir, "other.cvb.7.part")} {
		if err := os.WriteFile(name, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(busy, os.O_RDWR, 0)
	if err == nil {
		err = lockPart(f)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, nil, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err }, nil); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, strings.Join([]string{filepath.Base(busy), filepath.Base(path), "other.cvb.7.part"}, " "))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
