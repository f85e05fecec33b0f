package engine

import (
	"bytes"
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// bbolt believes its file. Where a bit of a key has changed, the key is another one:
// what was put under it is not found, and the search for its neighbours may go
// astray too. So nobody is told that there is nothing before the pairs on both
// sides of the place have been proven: a search that was led astray ends beside
// the key that led it.

// A proof asks BoltOptions.Proves about pairs of one file.
type proof struct {
	tables [256]Table // by number; "": there is none
	proves func(t Table, key, value []byte) bool
}

func newProof(tx *bbolt.Tx, proves func(t Table, key, value []byte) bool) *proof {
	p := &proof{proves: proves}
	c := tx.Bucket(bucketTables).Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		if len(v) == 1 {
			p.tables[v[0]] = Table(k)
		}
	}
	return p
}

func (p *proof) of(table int, key, value []byte) bool {
	t := p.tables[byte(table)]
	return t != "" && p.proves(t, key, value)
}

type unprovenKey struct{}

// WithoutProof returns a context for who looks for damage, and would rather be shown
// it than fail: View and Update with it do not ask BoltOptions.Proves.
func WithoutProof(ctx context.Context) context.Context {
	return context.WithValue(ctx, unprovenKey{}, true)
}

// believe has s ask for proof unless ctx is of WithoutProof.
func (s *boltState) believe(ctx context.Context) {
	s.proven = s.proof
	if s.proof != nil && ctx.Value(unprovenKey{}) != nil {
		s.proven = nil
	}
}

// wrong leaves the transaction with ErrDamaged.
func (s *boltState) wrong(format string, args ...any) {
	s.reading = false
	Fail(fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...)))
}

// prove fails unless what bbolt found in table can be a pair: one of the bucket of
// all tables (skip is 1) has the number of its own before its key.
func (s *boltState) prove(table, skip int, k, v []byte) {
	s.reading = false
	switch {
	case len(k) == 0:
		s.wrong("a key is empty")
	case v == nil:
		s.wrong("key %x leads to a bucket", k)
	case s.proven == nil:
		return
	case skip == 1:
		table = int(k[0])
	}
	if !s.proven.of(table, k[skip:], v) {
		s.wrong("key %x and its value do not belong together", k)
	}
}

// absent fails unless the pairs beside key prove that it is not there. c stands on
// k and v, which follow it. It moves c.
func (s *boltState) absent(c *bbolt.Cursor, table, skip int, key, k, v []byte) {
	if s.proven == nil {
		return
	}
	var before, value []byte
	s.reading = true
	if k == nil {
		before, value = c.Last()
	} else {
		before, value = c.Prev()
	}
	s.reading = false
	if k != nil {
		s.prove(table, skip, k, v)
	}
	if before != nil {
		s.prove(table, skip, before, value)
	}
	if k != nil && bytes.Compare(k, key) <= 0 || before != nil && bytes.Compare(before, key) >= 0 {
		s.wrong("the keys beside %x are out of order", key)
	}
}
