package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"convene/internal/engine"
)

// A question is something that is asked of a store in a view of its own.
type question struct {
	name string
	ask  func(tx *Tx) (any, error)
}

// questions ask for all that fill and fillMore put, in each way that it is found, and
// for what is not there.
func questions() (list []question) {
	add := func(name string, ask func(tx *Tx) (any, error)) { list = append(list, question{name, ask}) }
	for _, owner := range []GUID{"ann", "bob", "cid", "eve"} {
		add("home of "+owner, func(tx *Tx) (any, error) {
			h, err := tx.Home(owner)
			if err != nil {
				return nil, err
			}
			all, err := tx.Collections(h.ID)
			if err != nil {
				return nil, err
			}
			changes, _, err := tx.HomeChanges(h.ID, h.floor)
			return []any{*h, plain(all), changesText(changes)}, err
		})
	}
	for home := HomeID(1); home <= 3; home++ {
		for _, name := range []string{"work", "rest", "inbox", "none"} {
			list = append(list, inCollection(home, name)...)
		}
		add(fmt.Sprintf("property of %d", home), func(tx *Tx) (any, error) { return tx.Properties(OfHome(home)) })
	}
	add("all homes", func(tx *Tx) (any, error) {
		var all []Home
		for h := range tx.Homes() {
			if h.Owner != "new" { // of write
				all = append(all, *h)
			}
		}
		return all, nil
	})
	return list
}

// plain makes values of pointers, to be compared as text.
func plain[T any](list []*T) (values []T) {
	for _, p := range list {
		values = append(values, *p)
	}
	return values
}

func changesText(list []Change) (text []string) {
	for _, c := range list {
		e := c.Entry
		c.Entry = nil
		text = append(text, fmt.Sprint(c))
		if e != nil {
			text = append(text, fmt.Sprint(*e))
		}
	}
	return text
}

// inCollection asks for what is in a collection.
func inCollection(home HomeID, name string) (list []question) {
	add := func(what string, ask func(tx *Tx, c *Collection) (any, error)) {
		list = append(list, question{fmt.Sprintf("%s of %d/%s", what, home, name), func(tx *Tx) (any, error) {
			c, err := tx.Collection(home, name)
			if err != nil {
				return nil, err
			}
			return ask(tx, c)
		}})
	}
	add("record", func(tx *Tx, c *Collection) (any, error) {
		again, err := tx.CollectionByID(c.ID)
		return []any{*c, again != nil && *again == *c}, err
	})
	add("listing", func(tx *Tx, c *Collection) (any, error) {
		return slices.Collect(tx.Entries(c.ID)), nil
	})
	add("changes", func(tx *Tx, c *Collection) (any, error) {
		list, next, more, err := tx.Changes(c.ID, c.Created, 1000)
		return []any{changesText(list), next, more}, err
	})
	add("properties", func(tx *Tx, c *Collection) (any, error) {
		own, err := tx.Properties(OfCollection(c))
		all := []any{own}
		for name, p := range tx.ObjectProperties(c.ID) {
			all = append(all, name, p)
		}
		return all, err
	})
	for i := range 70 { // some are not there
		add("object "+strconv.Itoa(i), func(tx *Tx, c *Collection) (any, error) {
			return tx.Object(c.ID, fmt.Sprint(i, ".ics"))
		})
		add("UID "+strconv.Itoa(i), func(tx *Tx, c *Collection) (any, error) {
			return tx.ObjectByUID(c, strconv.Itoa(i))
		})
	}
	return list
}

// answer asks q, and says in text what it learns: that there is nothing is an
// answer, that it cannot be known is an error.
func (q question) answer(s *Store) (text string, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		got, err := q.ask(tx)
		if o, ok := got.(*Object); ok && o != nil {
			got = []any{o.Entry, string(o.Body)}
		}
		text = fmt.Sprintf("%+v", got)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return "nothing", nil
	}
	return text, err
}

// fillMore makes a store of some levels of pages.
func fillMore(t testing.TB, s *Store) {
	t.Helper()
	fill(t, s)
	h := home(t, s, "cid")
	text := string(bytes.Repeat([]byte("text "), 100))
	for i := range 60 {
		putEvent(t, s, h.ID, "work", strconv.Itoa(i), text[:100+i*5])
		putEvent(t, s, h.ID, "rest", strconv.Itoa(i), text)
	}
	putEvent(t, s, h.ID, "work", "long", string(make([]byte, 20_000)))
	remove(t, s, h.ID, "work", "7.ics", "8.ics")
}

// usedBytes returns where the bytes of the bbolt file at path are that mean something:
// of pages that are in use all but what is left free at their end.
func usedBytes(t *testing.T, path string) (at []int) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, PreLoadFreelist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	size := db.Info().PageSize
	err = db.View(func(tx *bbolt.Tx) error {
		for id := 0; ; {
			p, err := tx.Page(id)
			if err != nil || p == nil {
				return err
			}
			if p.Type != "free" {
				n := usedOfPage(p.Type, p.Count, content[id*size:])
				for i := range n {
					at = append(at, id*size+i)
				}
			}
			id += 1 + p.OverflowCount
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// usedOfPage returns how many of a page's bytes are used, in the byte order that
// bbolt writes.
func usedOfPage(kind string, count int, b []byte) int {
	const header, element = 16, 16
	u32 := func(at int) int { return int(binary.NativeEndian.Uint32(b[at:])) }
	end := header + count*element
	switch kind {
	case "meta":
		return header + 64
	case "freelist":
		return header + count*8
	}
	for i := range count {
		at := header + i*element
		if kind == "leaf" {
			end = max(end, at+u32(at+4)+u32(at+8)+u32(at+12))
		} else {
			end = max(end, at+u32(at)+u32(at+4))
		}
	}
	return end
}

// TestFlippedBits: a bit that changes in a page in use is never taken for what was
// stored. The file is refused, or what is asked of it is answered rightly or fails,
// before and after further writes; and Verify finds it.
func TestFlippedBits(t *testing.T) {
	n := 250
	if s := os.Getenv("CONVENE_TEST_FLIPS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	path := tempPath(t)
	o := Options{Indexer: testIndexer, NoSync: true, Now: newClock().Now, NewUUID: steadyUUIDs(), NewEpoch: steadyEpoch}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	fillMore(t, s)
	want := map[string]string{}
	for _, q := range questions() {
		if want[q.name], err = q.answer(s); err != nil {
			t.Fatalf("%s: %v", q.name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := usedBytes(t, path)
	random := rand.New(rand.NewPCG(1, 2))
	count := flipCount{}
	for range n {
		at, bit := used[random.IntN(len(used))], random.IntN(8)
		f := &flipped{content: content, at: at, bit: bit, want: want, o: o, count: &count}
		if !t.Run(fmt.Sprintf("%d.%d", at, bit), f.test) {
			count.bad++
		}
	}
	t.Logf("%d flips in %d used bytes: %d files refused, %d questions failed, %d right, %d found by verify, %d bad",
		n, len(used), count.refused, count.failed, count.right, count.found, count.bad)
}

type flipCount struct{ refused, failed, right, found, bad int }

// A flipped is a file with one bit that is wrong.
type flipped struct {
	content []byte
	at, bit int
	want    map[string]string
	o       Options
	count   *flipCount
}

// open opens it; nil if it is refused.
func (f *flipped) open(t *testing.T) *Store {
	path := filepath.Join(t.TempDir(), "calendars.db")
	b := bytes.Clone(f.content)
	b[f.at] ^= 1 << f.bit
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path, f.o)
	if err != nil {
		f.count.refused++
		if !isDamage(err) {
			t.Errorf("opened: %v", err)
		}
		return nil
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !isDamage(err) {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func (f *flipped) test(t *testing.T) {
	s := f.open(t)
	if s == nil {
		return
	}
	f.ask(t, s, "")
	f.verified(t, s)
	f.write(t, s)
	f.ask(t, s, " after a write")
}

func (f *flipped) verified(t *testing.T, s *Store) {
	found, err := s.Verify(ctx)
	if err != nil || len(found) == 0 {
		t.Errorf("verify: %v, %v", found, err)
	} else {
		f.count.found++
	}
}

// isDamage reports whether err says that the file is damaged, in one way or another.
func isDamage(err error) bool {
	for _, is := range []error{engine.ErrDamaged, ErrCorrupt, ErrForeign, ErrNewer, engine.ErrReadOnly, berrors.ErrInvalid} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

func (f *flipped) ask(t *testing.T, s *Store, when string) {
	for _, q := range questions() {
		got, err := q.answer(s)
		switch {
		case err != nil && isDamage(err):
			f.count.failed++
		case err != nil:
			t.Errorf("%s%s: %v", q.name, when, err)
		case got != f.want[q.name]:
			t.Errorf("%s%s: %.200s\nwant %.200s", q.name, when, got, f.want[q.name])
		default:
			f.count.right++
		}
	}
}

// write makes a home, which no question asks about, and has the file hold it.
func (f *flipped) write(t *testing.T, s *Store) {
	err := s.Update(ctx, func(tx *Tx) error {
		_, err := tx.EnsureHome("new", func(b *HomeBuilder) { b.Add(NewCollection{Name: "work", Kind: KindCalendar}) })
		return err
	})
	if err == nil {
		var copied bytes.Buffer
		err = s.Backup(ctx, &copied)
	}
	if err != nil && !isDamage(err) {
		t.Errorf("write: %v", err)
	}
}

// TestVerifyEnds: keys out of order do not have Verify go in circles.
func TestVerifyEnds(t *testing.T) {
	path := tempPath(t)
	o := Options{Indexer: testIndexer, NoSync: true, Now: newClock().Now, Step: 3}
	s, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	fillMore(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// Another collection's number in a key, in lower and upper pages, moves it away.
	// Some lie in pages that are free, where it makes no difference.
	for i := range 60 {
		key := fmt.Appendf(nil, "\x00\x00\x00\x07%d.ics", i)
		for at := bytes.Index(content, key); at >= 0; {
			f := &flipped{content: content, at: at + 3, bit: 3, o: o, count: &flipCount{}}
			if s := f.open(t); s != nil {
				if _, err := s.Verify(ctx); err != nil {
					t.Errorf("Verify: %v", err)
				}
			}
			next := bytes.Index(content[at+1:], key)
			if at += 1 + next; next < 0 {
				break
			}
		}
	}
}
