package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"convene/internal/engine"
)

// Home returns the home of owner. In a view it is shared and must not be changed.
// Errors: ErrNotFound.
func (tx *Tx) Home(owner GUID) (*Home, error) {
	if id, ok := tx.s.cache.homeOf(owner); ok {
		// The number may be that of a home that was deleted, or is not there yet.
		if h, err := tx.HomeByID(id); err == nil && h.Owner == owner {
			return h, nil
		}
	}
	v := tx.r.Get(tableLookup, ownerKey(owner))
	if len(v) != 4 {
		if tx.w != nil { // the caller relies on there being none
			tx.w.Guard(tableLookup, ownerKey(owner))
		}
		return nil, fmt.Errorf("home of %q: %w", owner, ErrNotFound)
	}
	id := HomeID(binary.BigEndian.Uint32(v))
	tx.s.cache.keepOwner(owner, id)
	return tx.HomeByID(id)
}

// HomeByID returns a home by its number. In a view it is shared and must not be
// changed. Errors: ErrNotFound.
func (tx *Tx) HomeByID(id HomeID) (*Home, error) {
	if tx.w == nil {
		return tx.readHome(id)
	}
	h, err := tx.changingHome(id)
	if err != nil {
		return nil, err
	}
	return h.clone(), nil
}

func (tx *Tx) readHome(id HomeID) (*Home, error) {
	if tx.seen != nil && tx.seen.ID == id {
		return tx.seen, nil
	}
	v := tx.r.Get(tableHomes, homeKey(id))
	if v == nil {
		return nil, fmt.Errorf("home %d: %w", id, ErrNotFound)
	}
	h, err := decodeHome(id, v)
	h.Epoch = tx.epoch
	if tx.w == nil && err == nil {
		tx.seen = h
	}
	return h, err
}

// A HomeBuilder says what a new home begins with. The first error sticks and
// fails EnsureHome.
type HomeBuilder struct {
	tx   *Tx
	home *Home
	err  error
}

// SetOwnerType notes the kind of the owner, a number by which Stats counts.
func (b *HomeBuilder) SetOwnerType(t uint8) { b.home.OwnerType = t }

// SetProperty sets a property of the home.
func (b *HomeBuilder) SetProperty(name string, xml []byte) {
	if b.err == nil {
		b.err = b.tx.SetProperty(OfHome(b.home.ID), name, xml)
	}
}

// SetQuotaGroups notes which groups' limits the home has, as
// quota.Policy.GroupsOf gives them.
func (b *HomeBuilder) SetQuotaGroups(groups string) { b.home.QuotaGroups = groups }

// SetAddresses notes something of the owner's mail addresses; see Home.
func (b *HomeBuilder) SetAddresses(note string) { b.home.Addresses = note }

// Add creates a collection in the home. What every home is made with is no
// matter of quota or space.
func (b *HomeBuilder) Add(n NewCollection) {
	if b.err == nil {
		b.err = b.tx.checkFree(b.home, n.Name)
	}
	if b.err == nil {
		_, b.err = b.tx.createCollection(b.home, n)
	}
}

// EnsureHome returns the home of owner. If there is none yet, it is created
// with what build adds, all in this transaction; concurrent first uses create
// it once.
func (tx *Tx) EnsureHome(owner GUID, build func(*HomeBuilder)) (*Home, error) {
	h, err := tx.Home(owner)
	if !errors.Is(err, ErrNotFound) || tx.r.Get(tableLookup, ownerKey(owner)) != nil {
		return h, err
	}
	if owner == "" || len(owner) > maxName {
		return nil, fmt.Errorf("owner %.40q: %w", owner, &LimitError{LimitName, maxName})
	}
	id, err := tx.number(numberHome)
	if err != nil {
		return nil, err
	}
	h = tx.homes.add(HomeID(id), Home{}, Home{ID: HomeID(id), Epoch: tx.epoch, Owner: owner, CreatedAt: tx.second()})
	h.Created = tx.nextRev(h)
	if err := tx.w.Put(tableLookup, ownerKey(owner), appendU32(nil, h.ID)); err != nil {
		return nil, err
	}
	if err := tx.w.Put(tableHomes, homeKey(h.ID), h.encode()); err != nil {
		return nil, err
	}
	b := HomeBuilder{tx: tx, home: h}
	if build != nil {
		build(&b)
	}
	return h.clone(), b.err
}

func (h *Home) clone() *Home {
	c := *h
	return &c
}

// SetOwnerType changes the kind of owner that Stats counts a home under.
func (tx *Tx) SetOwnerType(id HomeID, t uint8) error {
	h, err := tx.changingHome(id)
	if err != nil {
		return err
	}
	h.OwnerType = t
	tx.nextRev(h)
	return nil
}

// SetAddresses notes something of the mail addresses of a home's owner; see Home. It is
// no change that clients are told of.
func (tx *Tx) SetAddresses(id HomeID, note string) error {
	h, err := tx.changingHome(id)
	if err == nil {
		h.Addresses = note
	}
	return err
}

// Homes walks all homes in the order of their numbers.
func (tx *Tx) Homes() iter.Seq[*Home] {
	return func(yield func(*Home) bool) {
		for k, v := range tx.r.Scan(tableHomes, engine.Range{}) {
			id, kind, _ := splitHomeKey(k)
			if kind != homeRecord {
				continue
			}
			h, err := decodeHome(id, v)
			if err != nil {
				fail(fmt.Errorf("home %d: %w", id, err))
			}
			h.Epoch = tx.epoch
			if !yield(h) {
				return
			}
		}
	}
}

// Owners walks over the owners of all homes, without reading these.
func (tx *Tx) Owners() iter.Seq2[GUID, HomeID] {
	return func(yield func(GUID, HomeID) bool) {
		for k, v := range tx.r.Scan(tableLookup, within([]byte{lookupOwner})) {
			if len(v) != 4 {
				fail(fmt.Errorf("owner %q: %w", k[1:], ErrCorrupt))
			}
			if !yield(GUID(k[1:]), HomeID(binary.BigEndian.Uint32(v))) {
				return
			}
		}
	}
}

// DeleteHome removes a home with all it holds: for an owner who has left for
// good. Its records are purged by Maintain. Errors: ErrNotFound.
func (tx *Tx) DeleteHome(id HomeID) error {
	h, err := tx.changingHome(id)
	if err != nil {
		return err
	}
	all, err := tx.Collections(id)
	if err != nil {
		return err
	}
	for _, c := range all {
		err = errors.Join(err, tx.DeleteCollection(id, c.Name))
	}
	freed, err2 := tx.removeProperties(OfHome(id))
	tx.addProperties(nil, h, -freed)
	tx.settle(h)
	err = errors.Join(err, err2, tx.dropMatters(id), tx.w.Delete(tableLookup, ownerKey(h.Owner)), tx.w.Delete(tableLookup, tallyKey(id)))
	prefix := appendU32(nil, id)
	for k := range tx.r.Scan(tableHomes, keysWithin(prefix)) {
		err = errors.Join(err, tx.w.Delete(tableHomes, k))
	}
	tx.homes.drop(id)
	return err
}
