package store

import (
	"iter"
	"slices"

	"convene/internal/engine"
)

// A Ledger is the records of when rooms are taken, within a transaction. What they say
// is for package rooms, as whose table it serves; their keys begin with the number of
// the room's home, and they are gone when that is. They are disposable, and neither
// counted against a quota nor seen by Changes.
type Ledger struct{ tx *Tx }

// Ledger returns the records of the ledgers. An update that relies on them must have
// read the room's home, so that it is in some order with all that change them.
func (tx *Tx) Ledger() Ledger { return Ledger{tx} }

// ledgerHome is how long the number of a home is in a key.
const ledgerHome = 4

// ledgerKey is the key of a record in the table of homes.
func ledgerKey(key []byte) []byte {
	b := make([]byte, 0, len(key)+1)
	b = append(append(b, key[:ledgerHome]...), homeLedger)
	return append(b, key[ledgerHome:]...)
}

// Get returns the value of a key, nil if there is none.
func (l Ledger) Get(key []byte) []byte { return l.tx.r.Get(tableHomes, ledgerKey(key)) }

// Put sets a key.
func (l Ledger) Put(key, value []byte) error { return l.tx.w.Put(tableHomes, ledgerKey(key), value) }

// Delete removes a key, if it is there.
func (l Ledger) Delete(key []byte) error { return l.tx.w.Delete(tableHomes, ledgerKey(key)) }

// Range yields the records of one home with from ≤ key < to, in order of the keys. A key
// is valid until the next.
func (l Ledger) Range(from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		var key []byte
		for k, v := range l.tx.r.Scan(tableHomes, engine.Range{From: ledgerKey(from), To: ledgerKey(to)}) {
			key = append(append(slices.Grow(key[:0], len(k)), k[:ledgerHome]...), k[ledgerHome+1:]...)
			if !yield(key, v) {
				return
			}
		}
	}
}
