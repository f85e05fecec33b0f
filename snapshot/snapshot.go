package snapshot

import (
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"convene/store"
)

// A Snapshot is a collection at one revision. It does not change, and is safe for
// concurrent use.
type Snapshot struct {
	cache  *Cache
	kept   *collection
	col    *store.Collection
	rev    store.Rev
	shared bool // others may use what is derived from it
	tree   *btree.Map[string, *store.Entry]
	bytes  int64 // about what tree takes
}

// Rev returns the revision of the collection.
func (s *Snapshot) Rev() store.Rev { return s.rev }

// Len is the number of objects.
func (s *Snapshot) Len() int { return s.tree.Len() }

// All yields the entries in the order of their names. They are shared and must
// not be changed.
func (s *Snapshot) All() iter.Seq[*store.Entry] {
	return func(yield func(*store.Entry) bool) {
		s.tree.Scan(func(_ string, e *store.Entry) bool { return yield(e) })
	}
}

// Lookup returns the entry of a name, or nil. It is shared and must not be
// changed.
func (s *Snapshot) Lookup(name string) *store.Entry {
	e, _ := s.tree.Get(name)
	return e
}

// entryBytes is about what an entry takes with its place in the tree, besides its
// strings.
const entryBytes = 200

func sizeOf(e *store.Entry) int64 {
	n := entryBytes + len(e.Name)
	if !strings.HasPrefix(e.Name, e.UID) { // else they share their bytes
		n += len(e.UID)
	}
	return int64(n)
}

// load fills the tree from the index table.
func (s *Snapshot) load(tx *store.Tx) {
	all := make([]*store.Entry, 0, s.col.Objects)
	for e := range tx.Entries(s.col.ID) {
		all = append(all, &e)
	}
	slices.SortFunc(all, func(a, b *store.Entry) int { return strings.Compare(a.Name, b.Name) })
	for _, e := range all {
		s.tree.Load(e.Name, e)
		s.bytes += sizeOf(e)
	}
}

// catchUp takes the tree from s.rev to the revision of s.col. It reports false if
// it cannot; then the tree is not touched.
func (s *Snapshot) catchUp(tx *store.Tx) (bool, error) {
	list, ok, err := changes(tx, s.col.ID, s.rev, s.tree.Len())
	if err != nil || !ok {
		return false, err
	}
	for _, change := range list {
		var old *store.Entry
		if change.Deleted {
			old, _ = s.tree.Delete(change.Name)
		} else {
			e, err := tx.Entry(s.col.ID, change.Name)
			if errors.Is(err, store.ErrNotFound) {
				return false, nil // a log that is not of these entries
			}
			if err != nil {
				return false, err
			}
			old, _ = s.tree.Set(e.Name, e)
			s.bytes += sizeOf(e)
		}
		if old != nil {
			s.bytes -= sizeOf(old)
		}
	}
	s.rev = s.col.Rev
	return true, nil
}
