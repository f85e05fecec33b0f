// Package crashtest proves that a store keeps its promise when its process is
// killed: what was acknowledged is there, and nothing is half there.
//
// A Journal notes what each writer was about to change, before it asks, and
// what it was told. The process with the store is then killed at any moment, the
// file opened again, and Check holds it against the journal. The writers may be
// in the process that is killed and report over a pipe (Work and Follow), or be
// clients of a server that is killed and fill the journal themselves.
package crashtest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"convene/store"
)

// A Key names an object.
type Key struct {
	Owner, Collection, Name string
}

// Gone is what an Effect says of an object that it removes.
const Gone = ""

// Sum is what an Effect says of an object that it leaves with this body.
func Sum(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// An Effect is all that one operation changes: it must be there as a whole or
// not at all.
type Effect map[Key]string

// MarshalText lets a Key be one in JSON.
func (k Key) MarshalText() ([]byte, error) {
	return []byte(strings.Join([]string{k.Owner, k.Collection, k.Name}, "/")), nil
}

// UnmarshalText is the reverse of MarshalText.
func (k *Key) UnmarshalText(b []byte) error {
	parts := strings.SplitN(string(b), "/", 3)
	if len(parts) != 3 {
		return fmt.Errorf("key %q has not three parts", b)
	}
	k.Owner, k.Collection, k.Name = parts[0], parts[1], parts[2]
	return nil
}

// A Journal knows what a store must hold. Its methods may be called from many
// goroutines, but the operations on one key must follow each other.
type Journal struct {
	mu      sync.Mutex
	known   map[Key]string // as last acknowledged, or found by Check
	pending map[int64]Effect
	acked   int
}

// NewJournal returns the journal of an empty store.
func NewJournal() *Journal {
	return &Journal{known: map[Key]string{}, pending: map[int64]Effect{}}
}

// Acknowledged returns how many operations were.
func (j *Journal) Acknowledged() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acked
}

// Begin notes that operation id is about to be asked for. Numbers must differ
// between two Checks.
func (j *Journal) Begin(id int64, e Effect) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending[id] = e
}

// Done notes that operation id was acknowledged.
func (j *Journal) Done(id int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for k, sum := range j.pending[id] {
		j.known[k] = sum
	}
	delete(j.pending, id)
	j.acked++
}

// Refused notes that operation id was refused: it must have no effect.
func (j *Journal) Refused(id int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.pending, id)
}

// Sum returns what the journal last knew of k.
func (j *Journal) Sum(k Key) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.known[k]
}

// Check compares a store with the journal: everything acknowledged is there,
// everything refused is not, what was under way is there as a whole or not at
// all, and nothing else is there; the store verifies, and Reindex finds nothing
// to do. Afterwards the journal knows what became of what was under way, and
// can go on with the same store. The store must be at rest.
func (j *Journal) Check(ctx context.Context, s *store.Store) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	actual, err := contents(ctx, s)
	if err != nil {
		return err
	}
	var errs []error
	for id, e := range j.pending {
		if err := j.settle(id, e, actual); err != nil {
			errs = append(errs, err)
		}
	}
	clear(j.pending)
	for k, want := range j.known {
		if got := actual[k]; got != want {
			errs = append(errs, fmt.Errorf("%s is %.8q, acknowledged was %.8q", mustText(k), got, want))
		}
		delete(actual, k)
	}
	for k := range actual {
		errs = append(errs, fmt.Errorf("%s came from nowhere", mustText(k)))
	}
	return errors.Join(append(errs, sound(ctx, s))...)
}

// settle finds out what became of an operation that was under way.
func (j *Journal) settle(id int64, e Effect, actual map[Key]string) error {
	before, after := true, true
	for k, sum := range e {
		before = before && actual[k] == j.known[k]
		after = after && actual[k] == sum
	}
	if !before && !after {
		return fmt.Errorf("operation %d is there by half: %v", id, e)
	}
	if after {
		for k, sum := range e {
			j.known[k] = sum
		}
	}
	return nil
}

func mustText(k Key) string { return k.Owner + "/" + k.Collection + "/" + k.Name }

// contents reads all objects of all homes, through the index and by name.
func contents(ctx context.Context, s *store.Store) (map[Key]string, error) {
	all := map[Key]string{}
	err := s.View(ctx, func(tx *store.Tx) error {
		for h := range tx.Homes() {
			collections, err := tx.Collections(h.ID)
			if err != nil {
				return err
			}
			for _, c := range collections {
				for e := range tx.Entries(c.ID) {
					k := Key{h.Owner, c.Name, e.Name}
					o, err := tx.Object(c.ID, e.Name)
					if err != nil {
						return fmt.Errorf("%s: %w", mustText(k), err)
					}
					if o.Rev != e.Rev || len(o.Body) != e.Size {
						return fmt.Errorf("%s: index %+v is of another object than %+v", mustText(k), e, o.Entry)
					}
					all[k] = Sum(o.Body)
				}
			}
		}
		return nil
	})
	return all, err
}

// sound verifies a store, and that Reindex leaves it as it is.
func sound(ctx context.Context, s *store.Store) error {
	found, err := s.Verify(ctx)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fmt.Errorf("verify finds %d problems, the first: %v", len(found), found[0])
	}
	r, err := s.Reindex(ctx)
	if err != nil {
		return err
	}
	if r.Written+r.Removed+len(r.Failed) > 0 {
		return fmt.Errorf("the indexes are not as fresh ones: %+v", r)
	}
	return nil
}

// A line is what Work reports and Follow reads, as JSON.
type line struct {
	ID     int64
	Begin  Effect `json:",omitempty"`
	Done   bool   `json:",omitempty"` // else, without Begin, refused
	Failed string `json:",omitempty"` // an error that is no refusal
}

// Follow reads the reports of Work until their end and notes them. A last line
// that was cut off was not said.
func (j *Journal) Follow(r io.Reader) error {
	in := bufio.NewReader(r)
	for {
		text, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			return fmt.Errorf("report %q: %w", text, err)
		}
		switch {
		case l.Failed != "":
			return fmt.Errorf("operation %d failed: %s", l.ID, l.Failed)
		case l.Begin != nil:
			j.Begin(l.ID, l.Begin)
		case l.Done:
			j.Done(l.ID)
		default:
			j.Refused(l.ID)
		}
	}
}
