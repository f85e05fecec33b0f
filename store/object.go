package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"

	"convene/internal/engine"
	"convene/quota"
)

// Object returns the object name of collection c, in one read unless it shares its
// body. Errors: ErrNotFound.
func (tx *Tx) Object(c CollectionID, name string) (*Object, error) {
	o := new(Object)
	var err error
	if o.Body, err = tx.readBody(c, name, &o.Entry); err != nil {
		return nil, err
	}
	return o, nil
}

// Body returns the bytes and the Rev of an object, valid inside the
// transaction: the cheapest way to the bytes. Errors: ErrNotFound.
func (tx *Tx) Body(c CollectionID, name string) ([]byte, Rev, error) {
	var e Entry
	body, err := tx.readBody(c, name, &e)
	if err != nil {
		return nil, 0, err
	}
	return body, e.Rev, nil
}

// readBody returns the bytes of an object, with its entry in e. Errors: ErrNotFound.
func (tx *Tx) readBody(c CollectionID, name string, e *Entry) ([]byte, error) {
	has, t, err := tx.readObject(c, name, e)
	if err != nil {
		return nil, err
	}
	if has.none() || t != nil {
		return nil, fmt.Errorf("object %q: %w", name, ErrNotFound)
	}
	return tx.bodyOf(e, has)
}

// Entry returns the index entry of an object, which must not be changed. Errors:
// ErrNotFound.
func (tx *Tx) Entry(c CollectionID, name string) (*Entry, error) {
	e, _, err := tx.find(c, name)
	if err == nil && e == nil {
		err = fmt.Errorf("object %q: %w", name, ErrNotFound)
	}
	return e, err
}

// Exists reports whether there is an object of that name.
func (tx *Tx) Exists(c CollectionID, name string) (bool, error) {
	e, _, err := tx.find(c, name)
	return e != nil, err
}

// readObject reads what the objects table has under name: nothing; an object, with
// its entry in e; or a tombstone.
func (tx *Tx) readObject(c CollectionID, name string, e *Entry) (has contents, t *tombstone, err error) {
	v := tx.r.Get(tableObjects, objectKey(c, name))
	if v == nil {
		return contents{}, nil, nil
	}
	if has, t, err = decodeObject(name, v, e); err != nil {
		return contents{}, nil, fmt.Errorf("object %q: %w", name, err)
	}
	return has, t, nil
}

// find returns the entry of a live object, or the tombstone of a deleted one,
// or neither.
func (tx *Tx) find(c CollectionID, name string) (*Entry, *tombstone, error) {
	if f := &tx.found; f.known && f.collection == c && f.name == name {
		return f.entry, f.grave, nil
	}
	e := new(Entry)
	has, t, err := tx.readObject(c, name, e)
	if err != nil {
		tx.found.known, tx.found.shared = false, nil
		return nil, nil, err
	}
	if has.none() || t != nil {
		e = nil
	}
	tx.found = found{collection: c, name: name, known: true, entry: e, grave: t, shared: bytes.Clone(has.shared)}
	return e, t, nil
}

// Entries walks the index of a collection in the order of Rev, the longest
// unchanged first. It never touches bodies.
func (tx *Tx) Entries(c CollectionID) iter.Seq[Entry] { return tx.EntriesSince(c, 0) }

// EntriesSince walks the index entries of the objects that were written after
// since, in the order of Rev: what is to be read again to bring a copy of the
// index up to date, together with the deleted names from Changes.
func (tx *Tx) EntriesSince(c CollectionID, since Rev) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		from := indexKey(c, indexEntry, since+1)
		var e Entry
		for k, v := range tx.r.Scan(tableIndex, engine.Range{From: from, To: after(from[:5])}) {
			if err := e.decode(revOf(k), v); err != nil {
				fail(fmt.Errorf("collection %d: %w", c, err))
			}
			if !yield(e) {
				return
			}
		}
	}
}

// PutObject stores body as object name of c, and reports whether it is new.
// ix must be the index of body. Options: UniqueInHome, KeepScheduleTag, Upkeep, As.
//
// In calendars one UID names one object (RFC 4791 §4.1). Errors: ErrNotFound,
// no such collection; ErrChanged, m does not hold; ErrUIDConflict (a
// *UIDConflictError), another object has the UID; ErrUIDChanged, the stored
// object has another UID; ErrLimit; ErrQuota; ErrFull. On error nothing was written.
func (tx *Tx) PutObject(c *Collection, name string, body []byte, ix Index, m Match, opts ...PutOption) (*Entry, bool, error) {
	return tx.putObject(&put{name: name, body: body, opts: opts}, c, ix, m)
}

// putObject is PutObject of p.
func (tx *Tx) putObject(p *put, c *Collection, ix Index, m Match) (*Entry, bool, error) {
	p.entry.Index, p.entry.Role = ix, role(p.opts)
	if err := tx.prepare(p, c, m); err != nil {
		return nil, false, err
	}
	if p.old != nil && p.col.Kind == KindCalendar && p.old.UID != "" && p.old.UID != ix.UID {
		return nil, false, fmt.Errorf("object %q: %w", p.name, ErrUIDChanged)
	}
	if err := p.fits(tx); err != nil {
		return nil, false, err
	}
	if err := tx.checkUID(p, ""); err != nil {
		return nil, false, err
	}
	now := tx.Now().Unix()
	p.entry.Created, p.entry.Modified = now, now
	if p.old != nil {
		p.entry.Created, p.entry.CreatedRev = p.old.Created, p.old.CreatedRev
	}
	if err := tx.write(p); err != nil {
		return nil, false, err
	}
	tx.found.bare = p.old == nil
	return &p.entry, p.old == nil, nil
}

// A put is an object about to be written.
type put struct {
	col  *Collection
	home *Home
	name string
	body []byte
	opts []PutOption

	shared []byte // SHA-256 of body, if that is stored once for all that share it

	old   *Entry     // what is there, if anything
	grave *tombstone // what was there
	entry Entry      // what is to be there; write fills in name, size and revisions
}

// prepare finds what p replaces, and checks names, limits and m.
func (tx *Tx) prepare(p *put, c *Collection, m Match) (err error) {
	if err := checkName(p.name); err != nil {
		return err
	}
	if n := len(p.body); n > MaxBody {
		return &quota.ExceededError{Limit: quota.ObjectBytes, Max: MaxBody, Growth: int64(n)}
	}
	if len(p.entry.UID) > maxUID {
		return &LimitError{LimitUID, maxUID}
	}
	if p.col, p.home, err = tx.changing(c); err != nil {
		return err
	}
	if p.old, p.grave, err = tx.find(p.col.ID, p.name); err != nil {
		return err
	}
	if !m.OK(p.old) {
		return fmt.Errorf("object %q: %w", p.name, ErrChanged)
	}
	return nil
}

// fits refuses what the home or the store has no room for.
func (p *put) fits(tx *Tx) error {
	g := p.growth()
	switch {
	case p.old == nil || !slices.Contains(p.opts, Upkeep):
		return tx.checkGrowth(p.home, p.col, g)
	case g.Bytes <= 0:
		return nil
	}
	return tx.checkSpace(g.Bytes)
}

// growth is by what p makes its home larger. What replaces an object without
// being larger than it may be of any size.
func (p *put) growth() quota.Usage {
	n := int64(len(p.body))
	g := quota.Usage{Bytes: n, ObjectBytes: n, Objects: 1, CollectionObjects: 1}
	if p.old != nil {
		g.Bytes -= int64(p.old.Size)
		g.Objects, g.CollectionObjects = 0, 0
		if g.Bytes <= 0 {
			g.ObjectBytes = 0
		}
	}
	return g
}

// write writes p, which has been checked, in place of what p.old says.
// CreatedRev is the new Rev unless set.
func (tx *Tx) write(p *put) error {
	e, col := &p.entry, p.col
	if _, _, err := tx.find(col.ID, p.name); err != nil {
		return err
	}
	was, rev := tx.found.shared, tx.touch(col, p.home)
	e.Name, e.Size, e.Rev, e.ScheduleTag = p.name, len(p.body), rev, rev
	if p.old != nil && slices.Contains(p.opts, KeepScheduleTag) {
		e.ScheduleTag = p.old.ScheduleTag
	}
	if e.CreatedRev == 0 {
		e.CreatedRev = rev
	}
	if err := tx.unindex(col, p.old, p.grave, e.UID); err != nil {
		return err
	}
	col.add(e, 1)
	p.home.add(e, 1)
	if p.old != nil {
		col.add(p.old, -1)
		p.home.add(p.old, -1)
	}
	err := errors.Join(
		tx.w.putOwn(tableObjects, objectKey(col.ID, p.name), encodeObject(e, contents{p.body, p.shared})),
		tx.index(col, p.old, e),
		tx.shift(was, p))
	tx.found = found{collection: col.ID, name: p.name, known: err == nil, entry: e, shared: p.shared}
	return err
}

// add counts an object in, or out with n = -1.
func (c *Collection) add(e *Entry, n int) {
	c.Objects += n
	c.Bytes += int64(n * e.Size)
	for i := range c.counts {
		if e.Component == 1<<i {
			c.counts[i] += n
		}
	}
}

func (h *Home) add(e *Entry, n int) {
	h.Objects += int64(n)
	h.UsedBytes += int64(n * e.Size)
}

// index writes what an object that replaces old, nil for none, is found by: its
// index entry, and its UID if that was not there already.
func (tx *Tx) index(c *Collection, old, e *Entry) error {
	err := tx.w.putOwn(tableIndex, indexKey(c.ID, indexEntry, e.Rev), e.encode())
	if hasUIDRecord(c.Kind, e) && (old == nil || old.UID != e.UID) {
		err = errors.Join(err, tx.putUID(c.Home, c.ID, e))
	}
	return err
}

// unindex removes what an object is found by, or a deleted one, but for its UID if
// that is the one to keep.
func (tx *Tx) unindex(c *Collection, e *Entry, t *tombstone, keepUID string) error {
	if t != nil {
		return tx.w.Delete(tableIndex, indexKey(c.ID, indexDeleted, t.Rev))
	}
	if e == nil {
		return nil
	}
	err := tx.w.Delete(tableIndex, indexKey(c.ID, indexEntry, e.Rev))
	if hasUIDRecord(c.Kind, e) && e.UID != keepUID {
		err = errors.Join(err, tx.w.Delete(tableUIDs, uidKey(c.Home, e.UID, c.ID)))
	}
	return err
}

// DeleteObject removes an object. Errors: ErrNotFound; ErrChanged, m does not
// hold. On error nothing was written.
func (tx *Tx) DeleteObject(c *Collection, name string, m Match) error {
	col, home, err := tx.changing(c)
	if err != nil {
		return err
	}
	e, _, err := tx.find(col.ID, name)
	if err != nil {
		return err
	}
	if !m.OK(e) {
		return fmt.Errorf("object %q: %w", name, ErrChanged)
	}
	if e == nil {
		return fmt.Errorf("object %q: %w", name, ErrNotFound)
	}
	return tx.remove(col, home, e)
}

// remove deletes a live object, leaving a tombstone for Changes.
func (tx *Tx) remove(col *Collection, home *Home, e *Entry) error {
	if _, _, err := tx.find(col.ID, e.Name); err != nil {
		return err
	}
	was, rev := tx.found.shared, tx.touch(col, home)
	col.add(e, -1)
	home.add(e, -1)
	tx.found.known = false
	freed, err := tx.removeProperties(OfObject(col, e.Name))
	tx.addProperties(col, home, -freed)
	t := tombstone{Rev: rev, At: tx.Now().Unix()}
	return errors.Join(err,
		tx.dropACL(col, e.Name, rev),
		tx.unindex(col, e, nil, ""),
		tx.w.Put(tableObjects, objectKey(col.ID, e.Name), t.encode()),
		tx.w.Put(tableIndex, indexKey(col.ID, indexDeleted, rev), encodeDeleted(t.At, e.Name)),
		tx.shift(was, &put{col: col, name: e.Name}),
		tx.pruneSome(col))
}
