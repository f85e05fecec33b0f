package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"convene/quota"
)

// Collections returns the collections of a home in the order of their names.
// It is cheap: what was decoded is kept until the home changes.
func (tx *Tx) Collections(home HomeID) ([]*Collection, error) {
	if tx.w == nil {
		k, err := tx.cached(home)
		if err != nil {
			return nil, err
		}
		return k.collections, nil
	}
	list, err := tx.readCollections(home)
	if err != nil {
		return nil, err
	}
	for i, c := range list {
		if w := tx.collections.find(c.ID); w != nil {
			list[i] = w.now.clone()
		}
	}
	return list, nil
}

func (c *Collection) clone() *Collection {
	d := *c
	return &d
}

func (tx *Tx) readCollections(home HomeID) ([]*Collection, error) {
	var list []*Collection
	prefix := memberKey(home, "")
	for k, v := range tx.r.Scan(tableHomes, within(prefix)) {
		c, err := decodeCollection(home, string(k[len(prefix):]), v)
		if err != nil {
			return nil, fmt.Errorf("collection %q: %w", k[len(prefix):], err)
		}
		list = append(list, c)
	}
	return list, nil
}

// Collection returns a collection by its name. Errors: ErrNotFound.
func (tx *Tx) Collection(home HomeID, name string) (*Collection, error) {
	if tx.w == nil {
		h, err := tx.readHome(home)
		if err != nil {
			return nil, err
		}
		k := tx.s.cache.get(home, h.Rev, tx.repairs)
		if k == nil { // one is read sooner than all, which the next write makes useless
			tx.seenIn, err = tx.readCollection(home, name)
			return tx.seenIn, err
		}
		i, ok := slices.BinarySearchFunc(k.collections, name, func(c *Collection, name string) int {
			return strings.Compare(c.Name, name)
		})
		if !ok {
			return nil, fmt.Errorf("collection %q: %w", name, ErrNotFound)
		}
		tx.seenIn = k.collections[i]
		return tx.seenIn, nil
	}
	if c := tx.collections.recent(func(c *Collection) bool { return c.Home == home && c.Name == name }); c != nil {
		return c.clone(), nil
	}
	c, err := tx.readCollection(home, name)
	if err == nil {
		if w := tx.collections.find(c.ID); w != nil {
			return w.now.clone(), nil
		}
	}
	if errors.Is(err, ErrNotFound) { // the caller relies on there being none
		tx.w.Guard(tableHomes, homeKey(home))
	}
	if err == nil {
		tx.collections.add(c.ID, *c, *c)
	}
	return c, err
}

func (tx *Tx) readCollection(home HomeID, name string) (*Collection, error) {
	v := tx.r.Get(tableHomes, memberKey(home, name))
	if v == nil {
		return nil, fmt.Errorf("collection %q: %w", name, ErrNotFound)
	}
	c, err := decodeCollection(home, name, v)
	if err != nil {
		return nil, fmt.Errorf("collection %q: %w", name, err)
	}
	return c, nil
}

// CollectionByID returns a collection by its number. Errors: ErrNotFound.
func (tx *Tx) CollectionByID(id CollectionID) (*Collection, error) {
	if w := tx.collections.find(id); w != nil {
		return w.now.clone(), nil
	}
	v := tx.r.Get(tableLookup, collectionKey(id))
	if len(v) < 4 {
		return nil, fmt.Errorf("collection %d: %w", id, ErrNotFound)
	}
	return tx.readCollection(HomeID(binary.BigEndian.Uint32(v)), string(v[4:]))
}

// NewCollection describes a collection to create.
type NewCollection struct {
	Name       string
	Kind       Kind
	Components Component // 0: all
	ResourceID string    // "": a new UUID
	Properties []Property
}

// CreateCollection makes a collection. Errors: ErrNotFound, no such home;
// ErrExists; ErrLimit; ErrQuota; ErrFull.
func (tx *Tx) CreateCollection(home HomeID, n NewCollection) (*Collection, error) {
	h, err := tx.changingHome(home)
	if err != nil {
		return nil, err
	}
	if err := tx.checkFree(h, n.Name); err != nil {
		return nil, err
	}
	if err := tx.checkGrowth(h, nil, quota.Usage{Collections: counted(n.Kind)}); err != nil {
		return nil, err
	}
	return tx.createCollection(h, n)
}

// createCollection makes a collection that may be made, under a name that is
// free.
func (tx *Tx) createCollection(h *Home, n NewCollection) (*Collection, error) {
	id, err := tx.number(numberCollection)
	if err != nil {
		return nil, err
	}
	c := tx.collections.add(CollectionID(id), Collection{}, Collection{
		ID:         CollectionID(id),
		Home:       h.ID,
		Name:       n.Name,
		Kind:       n.Kind,
		Components: n.Components,
		ResourceID: n.ResourceID,
		CreatedAt:  tx.second(),
	})
	if c.ResourceID == "" {
		c.ResourceID = tx.s.opt.NewUUID()
	}
	c.Created = tx.touch(c, h)
	c.Placed = c.Created
	h.addCollection(c, 1)
	if err := tx.place(c); err != nil {
		return nil, err
	}
	for _, p := range n.Properties {
		if err := tx.putProperty(c, h, OfCollection(c), p.Name, p.Value); err != nil {
			return nil, err
		}
	}
	return c.clone(), nil
}

// checkFree refuses a name that is no name or is taken.
func (tx *Tx) checkFree(h *Home, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if tx.r.Get(tableHomes, memberKey(h.ID, name)) != nil {
		return fmt.Errorf("collection %q: %w", name, ErrExists)
	}
	return nil
}

// place writes c's record under its home and name, which are free, and forgets
// that another collection had them.
func (tx *Tx) place(c *Collection) error {
	err := errors.Join(
		tx.w.Put(tableHomes, memberKey(c.Home, c.Name), c.encode()),
		tx.w.Put(tableLookup, collectionKey(c.ID), append(appendU32(nil, c.Home), c.Name...)))
	prefix := homeDeletedKey(c.Home, 0)[:5]
	for k, v := range tx.r.Scan(tableHomes, within(prefix)) {
		_, name, bad := decodeDeleted(v)
		err = errors.Join(err, bad)
		if name == c.Name {
			err = errors.Join(err, tx.w.Delete(tableHomes, k))
		}
	}
	return err
}

// unplace removes c's record from its home and name, leaving a mark for
// HomeChanges.
func (tx *Tx) unplace(c *Collection, rev Rev) error {
	return errors.Join(
		tx.w.Delete(tableHomes, memberKey(c.Home, c.Name)),
		tx.w.Put(tableHomes, homeDeletedKey(c.Home, rev), encodeDeleted(tx.Now().Unix(), c.Name)))
}

// DeleteCollection removes a collection with all it holds. It is gone, and its
// bytes are free, with this transaction; its records are purged by Maintain.
// Errors: ErrNotFound.
func (tx *Tx) DeleteCollection(home HomeID, name string) error {
	old, err := tx.Collection(home, name)
	if err != nil {
		return err
	}
	c, h, err := tx.changing(old)
	if err != nil {
		return err
	}
	rev := tx.touch(c, h)
	h.addCollection(c, -1)
	tx.collections.drop(c.ID)
	return errors.Join(
		tx.unplace(c, rev),
		tx.w.Delete(tableLookup, collectionKey(c.ID)),
		tx.w.Put(tableLookup, purgeKey(c.ID), encodePurge(c.Home)))
}

// RenameCollection gives a collection another name in its home. Errors:
// ErrNotFound; ErrExists; ErrLimit.
func (tx *Tx) RenameCollection(home HomeID, name, newName string) (*Collection, error) {
	return tx.MoveCollection(home, name, home, newName)
}

// MoveCollection moves a collection with all it holds, to another name or home
// or both. What has the new name must be deleted first, in this transaction.
// Errors: ErrNotFound; ErrExists; ErrLimit; ErrQuota of the new home.
func (tx *Tx) MoveCollection(home HomeID, name string, toHome HomeID, toName string) (*Collection, error) {
	old, err := tx.Collection(home, name)
	if err != nil {
		return nil, err
	}
	to, err := tx.changingHome(toHome)
	if err != nil {
		return nil, err
	}
	if err := tx.checkFree(to, toName); err != nil {
		return nil, err
	}
	c, from, err := tx.changing(old)
	if err != nil {
		return nil, err
	}
	if from != to {
		if err := tx.checkLimits(to, nil, c.usage()); err != nil {
			return nil, err
		}
		to.addCollection(c, 1)
		from.addCollection(c, -1)
	}
	was := *c
	gone := tx.nextRev(from)
	if err := tx.unplace(c, gone); err != nil {
		return nil, err
	}
	c.Home, c.Name = toHome, toName
	to.Rev = max(to.Rev, c.Rev) // what it says next is to be after all that c said
	c.Placed = tx.touch(c, to)
	return c.clone(), errors.Join(tx.place(c), tx.rehome(&was, c))
}

// rehome moves what is kept by home of a collection that has moved: its
// properties, and where its UIDs are found, a record for each object.
func (tx *Tx) rehome(was, c *Collection) error {
	if was.Home == c.Home {
		return nil
	}
	var err error
	from, to := propertiesKey(was.Home, c.ID), propertiesKey(c.Home, c.ID)
	for k, v := range tx.r.Scan(tableProperties, within(from)) {
		err = errors.Join(err,
			tx.w.Put(tableProperties, append(to[:len(to):len(to)], k[len(from):]...), v),
			tx.w.Delete(tableProperties, k))
	}
	for e := range tx.Entries(c.ID) {
		if hasUIDRecord(c.Kind, &e) {
			err = errors.Join(err,
				tx.w.Delete(tableUIDs, uidKey(was.Home, e.UID, c.ID)),
				tx.putUID(c.Home, c.ID, &e))
		}
	}
	return err
}

// A collection that waits for Maintain to purge its records is noted with the
// home that it was in.

func encodePurge(h HomeID) []byte {
	return binary.AppendUvarint([]byte{formatPurge}, uint64(h))
}

func decodePurge(v []byte) (HomeID, error) {
	d := decoder{b: v}
	d.format(formatPurge)
	h := HomeID(d.uvarint())
	return h, d.err("deleted collection")
}
