package store

import (
	"errors"
	"fmt"
	"slices"

	"convene/quota"
)

// CopyObject copies object name of src, with its properties, to dst as toName,
// in place of what is there (RFC 4918 §9.8). m is the condition on the
// destination: IfNoneMatchAny for Overwrite: F. Errors: as PutObject's; but the
// object that is replaced may have another UID.
func (tx *Tx) CopyObject(src *Collection, name string, dst *Collection, toName string, m Match, opts ...PutOption) (*Entry, bool, error) {
	t, err := tx.prepareTransfer(src, name, dst, toName, m, opts)
	if err != nil {
		return nil, false, err
	}
	if err := tx.checkGrowth(t.home, t.col, t.growth()); err != nil {
		return nil, false, err
	}
	if err := tx.checkUID(&t.put, ""); err != nil {
		return nil, false, err
	}
	now := tx.Now().Unix()
	t.entry.Created, t.entry.Modified = now, now
	return tx.finishTransfer(t)
}

// MoveObject moves an object with its properties (RFC 4918 §9.9) and its access control
// list (RFC 3744 §7.3), in place of that of an object there. It keeps its times.
// Otherwise as CopyObject.
func (tx *Tx) MoveObject(src *Collection, name string, dst *Collection, toName string, m Match, opts ...PutOption) (*Entry, bool, error) {
	t, err := tx.prepareTransfer(src, name, dst, toName, m, opts)
	if err != nil {
		return nil, false, err
	}
	if err := tx.checkLimits(t.home, t.col, t.movedGrowth()); err != nil {
		return nil, false, err
	}
	if err := tx.checkMovedUID(t); err != nil {
		return nil, false, err
	}
	t.entry.Created, t.entry.Modified = t.source.Created, t.source.Modified
	list := slices.Clone(tx.ACL(t.from, name))
	if err := tx.remove(t.from, t.fromHome, t.source); err != nil {
		return nil, false, err
	}
	e, created, err := tx.finishTransfer(t)
	if err == nil {
		err = tx.SetACL(t.col, toName, list)
	}
	return e, created, err
}

// A transfer is a put whose body is that of another object.
type transfer struct {
	put
	from       *Collection
	fromHome   *Home
	source     *Entry
	properties []Property
	replaced   int64 // bytes of the properties of the object that is replaced
}

// growth is by what t makes its home larger, the properties included.
func (t *transfer) growth() quota.Usage {
	g := t.put.growth()
	g.Bytes += costOf(t.properties) - t.replaced
	return g
}

// movedGrowth is growth less what leaves the same place.
func (t *transfer) movedGrowth() quota.Usage {
	g := t.growth()
	if t.fromHome == t.home {
		g.Bytes -= int64(t.source.Size) + costOf(t.properties)
		g.Objects--
		g.ObjectBytes = 0 // it was there at this size
	}
	if t.from == t.col {
		g.CollectionObjects--
	}
	return g
}

func (tx *Tx) prepareTransfer(src *Collection, name string, dst *Collection, toName string, m Match, opts []PutOption) (*transfer, error) {
	from, fromHome, err := tx.changing(src)
	if err != nil {
		return nil, err
	}
	if from.ID == dst.ID && name == toName {
		return nil, fmt.Errorf("object %q onto itself: %w", name, ErrExists)
	}
	o, err := tx.Object(from.ID, name)
	if err != nil {
		return nil, err
	}
	t := &transfer{from: from, fromHome: fromHome, source: &o.Entry}
	t.name, t.body, t.opts, t.entry.Index = toName, o.Body, opts, o.Index
	if err := tx.prepare(&t.put, dst, m); err != nil {
		return nil, err
	}
	if t.fromHome.ID == t.home.ID {
		t.entry.Role, t.entry.Scheduling = o.Role, o.Scheduling
	}
	if t.properties, err = tx.Properties(OfObject(from, name)); err != nil || t.old == nil {
		return t, err
	}
	old, err := tx.Properties(OfObject(t.col, toName))
	t.replaced = costOf(old)
	return t, err
}

// checkMovedUID is checkUID, but for the object that leaves its place.
func (tx *Tx) checkMovedUID(t *transfer) error {
	if t.from.ID == t.col.ID {
		return tx.checkUID(&t.put, t.source.Name)
	}
	if t.fromHome == t.home { // it was alone in the home before, or that was accepted
		t.opts = slices.DeleteFunc(slices.Clone(t.opts), func(o PutOption) bool { return o == UniqueInHome })
	}
	return tx.checkUID(&t.put, "")
}

// finishTransfer writes t and replaces the properties of what was there.
func (tx *Tx) finishTransfer(t *transfer) (*Entry, bool, error) {
	if err := tx.write(&t.put); err != nil {
		return nil, false, err
	}
	to := OfObject(t.col, t.name)
	freed, err := tx.removeProperties(to)
	tx.addProperties(t.col, t.home, costOf(t.properties)-freed)
	for _, p := range t.properties {
		err = errors.Join(err, tx.w.Put(tableProperties, to.propertyKey(p.Name), p.Value))
	}
	if err != nil {
		return nil, false, err
	}
	return &t.entry, t.old == nil, nil
}

// CopyCollection copies a collection with its properties and all it holds to a
// free name (RFC 4918 §9.8.3). It is one step: all or nothing. Errors: as
// CreateCollection's.
func (tx *Tx) CopyCollection(home HomeID, name string, toHome HomeID, toName string) (c *Collection, err error) {
	err = tx.Savepoint(func() error {
		c, err = tx.copyCollection(home, name, toHome, toName)
		return err
	})
	return c, err
}

func (tx *Tx) copyCollection(home HomeID, name string, toHome HomeID, toName string) (*Collection, error) {
	src, err := tx.Collection(home, name)
	if err != nil {
		return nil, err
	}
	to, err := tx.changingHome(toHome)
	if err != nil {
		return nil, err
	}
	if err := tx.checkGrowth(to, nil, src.usage()); err != nil {
		return nil, err
	}
	props, err := tx.Properties(OfCollection(src))
	if err != nil {
		return nil, err
	}
	dst, err := tx.CreateCollection(toHome, NewCollection{Name: toName, Kind: src.Kind, Components: src.Components, Properties: props})
	if err != nil {
		return nil, err
	}
	for e := range tx.Entries(src.ID) {
		if _, _, err := tx.CopyObject(src, e.Name, dst, e.Name, Match{}); err != nil {
			return nil, err
		}
	}
	return tx.Collection(toHome, toName)
}
