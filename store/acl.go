package store

import (
	"encoding/binary"
	"iter"
)

// Rights are what a collection's record says of access control lists.
type Rights struct {
	Own     bool // the collection has a list of its own
	Objects int  // how many of its objects have one
	Rev     Rev  // the last change of any of these lists; 0: there never was one
}

// MaxACL is how many bytes a list may have.
const MaxACL = 16 << 10

// ACL returns the access control list that was set on a collection, or with an
// object's name on that: whatever bytes the caller set, nil if there is none. It is
// valid inside the transaction. Where no list was set nothing is read.
func (tx *Tx) ACL(c *Collection, object string) []byte {
	if object == "" && !c.Rights.Own || object != "" && c.Rights.Objects == 0 {
		return nil
	}
	return tx.r.Get(tableProperties, aclKey(c.ID, object))
}

// ObjectACLs walks the lists of all objects of a collection that have one, in the
// order of their names. Values are valid inside the transaction.
func (tx *Tx) ObjectACLs(c *Collection) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if c.Rights.Objects == 0 {
			return
		}
		prefix := aclKey(c.ID, "")
		for k, v := range tx.r.Scan(tableProperties, within(prefix)) {
			if name := k[len(prefix):]; len(name) > 0 && !yield(string(name), v) {
				return
			}
		}
	}
}

// SetACL sets the access control list of a collection, or of an object in it; nil
// removes it. That is a change of the collection, and of its Rights, but not of the
// object. It counts against no quota: that there is no space left must not keep
// anybody from taking a right away. Errors: ErrNotFound, no such object; ErrLimit.
func (tx *Tx) SetACL(c *Collection, object string, list []byte) error {
	if len(list) > MaxACL {
		return &LimitError{LimitPropertyBytes, MaxACL}
	}
	col, home, err := tx.changing(c)
	if err != nil {
		return err
	}
	if object != "" {
		if _, err := tx.Entry(col.ID, object); err != nil {
			return err
		}
	}
	key := aclKey(col.ID, object)
	had := tx.ACL(col, object) != nil
	if !had && list == nil {
		return nil
	}
	col.Rights.Rev = tx.touch(col, home)
	col.Rights.count(object, had, list != nil)
	if list == nil {
		return tx.w.Delete(tableProperties, key)
	}
	return tx.w.Put(tableProperties, key, list)
}

// count notes that a list came or went.
func (r *Rights) count(object string, had, has bool) {
	switch {
	case object == "":
		r.Own = has
	case had && !has:
		r.Objects--
	case !had && has:
		r.Objects++
	}
}

// dropACL removes the list of an object that is being removed at rev. Who was not
// to see the object must not be told by a sync token that it has gone: so that is a
// change of rights.
func (tx *Tx) dropACL(c *Collection, object string, rev Rev) error {
	if tx.ACL(c, object) == nil {
		return nil
	}
	c.Rights.Objects--
	c.Rights.Rev = rev
	return tx.w.Delete(tableProperties, aclKey(c.ID, object))
}

// recountedACLs is what the lists themselves say of c.Rights.
func (tx *Tx) recountedACLs(c *Collection) Rights {
	sum := Rights{Rev: c.Rights.Rev}
	prefix := aclKey(c.ID, "")
	for k := range tx.r.Scan(tableProperties, keysWithin(prefix)) {
		sum.count(string(k[len(prefix):]), false, true)
	}
	return sum
}

func aclKey(c CollectionID, object string) []byte {
	b := appendU32(append(make([]byte, 0, 5+len(object)), ofACL), c)
	return append(b, object...)
}

// acl checks that a list is of an object that is there.
func (v *verifier) acl(tx *Tx, c *Collection, k, _ []byte) error {
	name := string(k[5:])
	if name == "" {
		return nil
	}
	if e, _, err := tx.find(c.ID, name); err == nil && e == nil {
		return v.in(c, name, ProblemOrphan, "access control list")
	}
	return nil
}

// What a collection's record says of lists stands at its end, and only if there
// ever was one.

func (r *Rights) append(b []byte) []byte {
	if r.Rev == 0 && !r.Own && r.Objects == 0 {
		return b
	}
	own := byte(0)
	if r.Own {
		own = 1
	}
	b = binary.AppendUvarint(append(b, own), uint64(r.Objects))
	return binary.AppendUvarint(b, uint64(r.Rev))
}

func (r *Rights) take(d *decoder) {
	if len(d.b) == 0 {
		return
	}
	own := d.byte()
	*r = Rights{Own: own == 1, Objects: int(d.uvarint()), Rev: Rev(d.uvarint())}
	if own > 1 {
		d.fail()
	}
}
