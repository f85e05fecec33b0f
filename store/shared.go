package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"convene/internal/engine"
)

// A Body is the bytes of an object that other objects have as well, as the copies of a
// meeting do. It must not be changed.
type Body struct {
	bytes []byte
	sum   []byte // SHA-256
}

// NewBody returns the Body of some bytes, which it takes over.
func NewBody(b []byte) *Body {
	sum := sha256.Sum256(b)
	return &Body{b, sum[:]}
}

// PutShared is PutObject of a body that is stored once for all that share it.
func (tx *Tx) PutShared(c *Collection, name string, b *Body, ix Index, m Match, opts ...PutOption) (*Entry, bool, error) {
	return tx.putObject(&put{name: name, body: b.bytes, shared: b.sum, opts: opts}, c, ix, m)
}

// contents is what a record of the objects table has of a body: the bytes, or the
// SHA-256 of those that it shares. Zero: there is no object.
type contents struct{ body, shared []byte }

func (c contents) none() bool { return c.body == nil && c.shared == nil }

// bodyOf returns the bytes of an object. Errors: ErrCorrupt.
func (tx *Tx) bodyOf(e *Entry, c contents) ([]byte, error) {
	if c.shared == nil {
		return c.body, nil
	}
	body := tx.r.Get(tableBodies, c.shared)
	if body == nil || len(body) != e.Size {
		return nil, fmt.Errorf("object %q: the body %x that it shares: %w", e.Name, c.shared, ErrCorrupt)
	}
	return body, nil
}

// sharerKey is where an object is noted as one that shares a body.
func sharerKey(sum []byte, c CollectionID, name string) []byte {
	b := make([]byte, 0, len(sum)+4+len(name))
	return append(appendU32(append(b, sum...), c), name...)
}

// share notes that an object shares a body, which is written with the first one.
func (tx *Tx) share(sum, body []byte, c CollectionID, name string) error {
	tx.w.Guard(tableBodies, sum)
	var err error
	if !tx.hasBody(sum) {
		err = tx.w.Put(tableBodies, sum, body)
	}
	tx.proven = string(sum)
	return errors.Join(err, tx.w.Put(tableBodies, sharerKey(sum, c, name), nil))
}

// hasBody reports whether a body is kept that objects share. It is read once, and not
// again for each of many that come to share it.
func (tx *Tx) hasBody(sum []byte) bool {
	if tx.proven != string(sum) {
		return tx.r.Get(tableBodies, sum) != nil
	}
	return tx.r.has(tableBodies, sum)
}

// unshare forgets that an object shares a body, which goes with the last one.
func (tx *Tx) unshare(sum []byte, c CollectionID, name string) error {
	tx.w.Guard(tableBodies, sum)
	err := tx.w.Delete(tableBodies, sharerKey(sum, c, name))
	if !tx.hasSharer(sum) {
		err = errors.Join(err, tx.w.Delete(tableBodies, sum))
	}
	return err
}

// hasSharer reports whether any object shares a body.
func (tx *Tx) hasSharer(sum []byte) bool {
	r := engine.Range{From: append(bytes.Clone(sum), 0), To: after(sum), KeysOnly: true, Limit: 1}
	for range tx.r.Scan(tableBodies, r) {
		return true
	}
	return false
}

// shift notes what an object shares after a write, in place of what it shared before.
func (tx *Tx) shift(was []byte, p *put) error {
	if bytes.Equal(was, p.shared) {
		return nil
	}
	var err error
	if was != nil {
		err = tx.unshare(was, p.col.ID, p.name)
	}
	if p.shared != nil {
		err = errors.Join(err, tx.share(p.shared, p.body, p.col.ID, p.name))
	}
	return err
}

// justifiedBody reports whether a record of the bodies table is one that objects share,
// or notes one that does.
func (tx *Tx) justifiedBody(k []byte) (bool, error) {
	if len(k) == sha256.Size {
		return tx.hasSharer(k), nil
	}
	if len(k) <= sha256.Size+4 {
		return false, nil
	}
	sum, id, name := k[:sha256.Size], CollectionID(binary.BigEndian.Uint32(k[sha256.Size:])), string(k[sha256.Size+4:])
	_, _, err := tx.find(id, name)
	if errors.Is(err, ErrCorrupt) {
		return true, nil // it may be all that is left
	}
	return bytes.Equal(tx.found.shared, sum), err
}
