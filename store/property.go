package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"convene/internal/engine"
	"convene/quota"
)

// A Property is a DAV property that was set: Name is "{namespace}local", Value
// the XML of the property element's content or of the element, as the caller
// likes; the store does not look into it.
type Property struct {
	Name  string
	Value []byte
}

// A Resource is what a property belongs to.
type Resource struct {
	kind       byte // the first of its key
	home       HomeID
	collection *Collection // nil: the home itself
	object     string      // "": the collection itself
	user       string      // GUID of whose own properties of the collection they are; "": those of everybody
}

// OfHome names a home.
func OfHome(h HomeID) Resource {
	return Resource{kind: ofHome, home: h}
}

// OfCollection names a collection, where it is now.
func OfCollection(c *Collection) Resource {
	return Resource{kind: ofHome, home: c.Home, collection: c}
}

// OfObject names an object of a collection.
func OfObject(c *Collection, name string) Resource {
	return Resource{kind: ofObject, home: c.Home, collection: c, object: name}
}

// OfUser names what the user with that GUID keeps of a collection for themselves.
func OfUser(c *Collection, guid string) Resource {
	return Resource{kind: ofUser, home: c.Home, collection: c, user: guid}
}

// key is where the properties of r begin.
func (r Resource) key() []byte { return r.propertyKey("") }

func (r Resource) propertyKey(name string) []byte {
	if r.kind == ofHome {
		var c CollectionID
		if r.collection != nil {
			c = r.collection.ID
		}
		return append(appendPropertiesKey(make([]byte, 0, 9+len(name)), r.home, c), name...)
	}
	of := r.object + r.user // one of them
	b := append(make([]byte, 0, 6+len(of)+len(name)), r.kind)
	b = append(appendU32(b, r.collection.ID), byte(len(of)))
	return append(append(b, of...), name...)
}

// Property returns the value of one property, nil if it is not set. It is
// valid inside the transaction.
func (tx *Tx) Property(r Resource, name string) []byte {
	if tx.bare(r) {
		return nil
	}
	return tx.r.Get(tableProperties, r.propertyKey(name))
}

// bare reports whether r is known to have no properties, without a look.
func (tx *Tx) bare(r Resource) bool {
	if r.collection == nil || tx.w == nil {
		return false
	}
	if f := &tx.found; r.object != "" && f.known && f.bare && f.collection == r.collection.ID && f.name == r.object {
		return true
	}
	c := tx.collections.find(r.collection.ID)
	return c != nil && c.now.PropertyBytes == 0 // neither the collection nor what is in it has any
}

// Properties returns all properties of one resource in the order of their
// names. They are shared and must not be changed. For homes and collections it
// is cheap: what was read is kept until the home changes.
func (tx *Tx) Properties(r Resource) ([]Property, error) {
	if tx.w != nil || r.object != "" || r.user != "" {
		list, _ := tx.readProperties(r)
		return list, nil
	}
	k, err := tx.cached(r.home)
	if err != nil {
		return nil, err
	}
	var id CollectionID
	if r.collection != nil {
		id = r.collection.ID
	}
	if list, ok := k.properties.Load(id); ok {
		return list.([]Property), nil
	}
	// Who asks for one may want no other. Who asks for a second lists the home,
	// and all come with one read.
	if k.asked.Add(1) == 2 {
		tx.readAllProperties(k)
		if list, ok := k.properties.Load(id); ok {
			return list.([]Property), nil
		}
	}
	list, size := tx.readProperties(r)
	if size <= maxCachedProperties && k.has(id) {
		k.properties.Store(id, list)
	}
	return list, nil
}

// readAllProperties reads the properties of a home and of all its collections, and
// keeps what is not too long to be kept.
func (tx *Tx) readAllProperties(k *cachedHome) {
	lists, sizes := map[CollectionID][]Property{}, map[CollectionID]int{}
	prefix := propertiesKey(k.id, 0)[:5]
	for key, v := range tx.r.Scan(tableProperties, within(prefix)) {
		if len(key) < 9 {
			fail(fmt.Errorf("property key %x: %w", key, ErrCorrupt))
		}
		id := CollectionID(binary.BigEndian.Uint32(key[5:]))
		if sizes[id] += len(key) + len(v); sizes[id] > maxCachedProperties {
			delete(lists, id)
			continue
		}
		lists[id] = append(lists[id], Property{string(key[9:]), slices.Clone(v)})
	}
	keep := func(id CollectionID) {
		if sizes[id] <= maxCachedProperties {
			k.properties.LoadOrStore(id, lists[id])
		}
	}
	keep(0)
	for _, c := range k.collections {
		keep(c.ID)
	}
}

func (tx *Tx) readProperties(r Resource) (list []Property, size int) {
	key := r.key()
	for k, v := range tx.r.Scan(tableProperties, within(key)) {
		list = append(list, Property{string(k[len(key):]), slices.Clone(v)})
		size += len(k) + len(v)
	}
	return list, size
}

// ObjectProperties walks the properties of all objects of a collection,
// grouped by the object's name. Values are valid inside the transaction.
func (tx *Tx) ObjectProperties(c CollectionID) iter.Seq2[string, Property] {
	return func(yield func(string, Property) bool) {
		prefix := appendU32([]byte{ofObject}, c)
		for k, v := range tx.r.Scan(tableProperties, within(prefix)) {
			object, name, ok := splitNamedProperty(k)
			if !ok {
				fail(fmt.Errorf("property key %q: %w", k, ErrCorrupt))
			}
			if !yield(object, Property{name, v}) {
				return
			}
		}
	}
}

// splitNamedProperty takes the key of a property of an object, or of a user, apart.
func splitNamedProperty(k []byte) (of, name string, ok bool) {
	if len(k) < 6 || len(k) < 6+int(k[5]) {
		return "", "", false
	}
	n := 6 + int(k[5])
	return string(k[6:n]), string(k[n:]), true
}

// SetProperty sets a property. It changes the Rev of the collection, so that
// clients see it, but not that of an object. Errors: ErrNotFound, no such
// resource; ErrLimit; ErrQuota; ErrFull.
func (tx *Tx) SetProperty(r Resource, name string, value []byte) error {
	c, h, err := tx.touchResource(r)
	if err != nil {
		return err
	}
	return tx.putProperty(c, h, r, name, value)
}

// RemoveProperty removes a property; one that is not set is no error
// (RFC 4918 §14.23). Errors: ErrNotFound, no such resource.
func (tx *Tx) RemoveProperty(r Resource, name string) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	old := tx.Property(r, name)
	if old == nil {
		return nil
	}
	c, h, err := tx.touchResource(r)
	if err != nil {
		return err
	}
	tx.addProperties(c, h, -propertyCost(name, old))
	return tx.w.Delete(tableProperties, r.propertyKey(name))
}

// putProperty writes a property of a resource that exists in h, and in c unless it
// is the home's.
func (tx *Tx) putProperty(c *Collection, h *Home, r Resource, name string, value []byte) error {
	opt := &tx.s.opt
	if len(value) > opt.MaxPropertyBytes {
		return &LimitError{LimitPropertyBytes, int64(opt.MaxPropertyBytes)}
	}
	key := r.propertyKey(name)
	if name == "" || len(key) > engine.MaxKey || len(r.user) > maxName {
		return fmt.Errorf("property name: %w", &LimitError{LimitName, engine.MaxKey})
	}
	grow := propertyCost(name, value)
	if old := tx.Property(r, name); old != nil {
		grow -= propertyCost(name, old)
	} else if tx.countProperties(r) >= opt.MaxProperties {
		return &LimitError{LimitProperties, int64(opt.MaxProperties)}
	}
	if err := tx.checkGrowth(h, nil, quota.Usage{Bytes: grow}); err != nil {
		return err
	}
	tx.addProperties(c, h, grow)
	tx.found.bare = false
	return tx.w.Put(tableProperties, key, value)
}

// countProperties is how many properties r has.
func (tx *Tx) countProperties(r Resource) (n int) {
	if tx.bare(r) {
		return 0
	}
	for range tx.r.Scan(tableProperties, keysWithin(r.key())) {
		n++
	}
	return n
}

// touchResource gives a change of r's properties its Rev. It returns the
// collection that r is or is in, nil for a home, and the home, as they are being
// changed. Errors: ErrNotFound.
func (tx *Tx) touchResource(r Resource) (*Collection, *Home, error) {
	if r.collection == nil {
		h, err := tx.changingHome(r.home)
		if err != nil {
			return nil, nil, err
		}
		tx.nextRev(h)
		return nil, h, nil
	}
	c, h, err := tx.changing(r.collection)
	if err != nil {
		return nil, nil, err
	}
	if r.object != "" {
		if _, err := tx.Entry(c.ID, r.object); err != nil {
			return nil, nil, err
		}
	}
	tx.touch(c, h)
	return c, h, nil
}

// removeProperties removes all properties of one resource, and returns how many
// bytes they were.
func (tx *Tx) removeProperties(r Resource) (freed int64, err error) {
	key := r.key()
	for k, v := range tx.r.Scan(tableProperties, within(key)) {
		freed += int64(len(k) - len(key) + len(v))
		err = errors.Join(err, tx.w.Delete(tableProperties, k))
	}
	return freed, err
}
