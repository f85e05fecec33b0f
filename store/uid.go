package store

import (
	"fmt"
	"slices"
	"strings"
)

// hasUIDRecord reports whether an object is found by its UID: in calendars.
func hasUIDRecord(k Kind, e *Entry) bool { return k == KindCalendar && e.UID != "" }

// uidValue is what the UID table says of an object: its name, or nothing if the
// UID implies it.
func uidValue(e *Entry) []byte {
	if impliedName(e.Name, e.UID) {
		return []byte{formatUID}
	}
	return append([]byte{formatUID}, e.Name...)
}

// uidName returns the name in a value of the UID table.
func uidName(uid string, v []byte) (string, error) {
	d := decoder{b: v}
	d.format(formatUID)
	if !d.bad && len(d.b) == 0 {
		return uid + icsSuffix, nil
	}
	return string(d.b), d.err("UID")
}

// uidIn returns the name of the object of calendar c that has uid, "" if none.
func (tx *Tx) uidIn(c *Collection, uid string) (string, error) {
	v := tx.r.Get(tableUIDs, uidKey(c.Home, uid, c.ID))
	if v == nil {
		return "", nil
	}
	return uidName(uid, v)
}

// A holder is an object that has a UID.
type holder struct {
	collection CollectionID
	name       string
}

// holders returns all objects of a home that have uid, those of collections that
// wait to be purged among them: one read, however many calendars there are.
//
// That nothing has it is remembered: an invitation asks that of each attendee's home
// before it is written there, and then again.
func (tx *Tx) holders(home HomeID, uid string) (list []holder, err error) {
	if _, known := tx.unused[homeUID{home, uid}]; known {
		return nil, nil
	}
	for k, v := range tx.r.Scan(tableUIDs, within(uidPrefix(home, uid))) {
		_, _, c, ok := splitUIDKey(k)
		name, err := uidName(uid, v)
		if !ok || err != nil {
			return nil, fmt.Errorf("UID %q: %w", uid, ErrCorrupt)
		}
		list = append(list, holder{c, name})
	}
	if len(list) == 0 && tx.w != nil {
		if tx.unused == nil {
			tx.unused = map[homeUID]struct{}{}
		}
		tx.unused[homeUID{home, uid}] = struct{}{}
	}
	return list, nil
}

// A homeUID is a UID in a home.
type homeUID struct {
	home HomeID
	uid  string
}

// putUID notes where an object is found by its UID.
func (tx *Tx) putUID(home HomeID, c CollectionID, e *Entry) error {
	delete(tx.unused, homeUID{home, e.UID})
	return tx.w.Put(tableUIDs, uidKey(home, e.UID, c), uidValue(e))
}

// checkUID refuses p if another object has its UID: in its calendar, or with
// UniqueInHome in any calendar of its home. leaving is the name of an object
// that leaves p's calendar in the same step.
func (tx *Tx) checkUID(p *put, leaving string) error {
	uid := p.entry.UID
	if p.col.Kind != KindCalendar || uid == "" || p.old != nil && p.old.UID == uid {
		return nil // what is replaced has it, so nothing else does
	}
	list, err := tx.holders(p.home.ID, uid)
	if err != nil {
		return err
	}
	for _, h := range list {
		if h.collection != p.col.ID {
			continue
		}
		if h.name == p.name || h.name == leaving {
			return nil
		}
		return &UIDConflictError{p.home.ID, p.col.ID, p.col.Name, h.name}
	}
	if !slices.Contains(p.opts, UniqueInHome) {
		return nil
	}
	c, name, err := tx.firstHolder(p.home.ID, list)
	if err != nil || c == nil {
		return err
	}
	return &UIDConflictError{p.home.ID, c.ID, c.Name, name}
}

// firstHolder returns the one of list whose calendar has the first name; nil if
// all are of collections that were deleted.
func (tx *Tx) firstHolder(home HomeID, list []holder) (first *Collection, name string, err error) {
	for _, h := range list {
		c, err := tx.CollectionByID(h.collection)
		if skipGone(err) != nil {
			return nil, "", err
		}
		if err == nil && c.Home == home && (first == nil || strings.Compare(c.Name, first.Name) < 0) {
			first, name = c, h.name
		}
	}
	return first, name, nil
}

// ObjectByUID returns the object of calendar c that has uid. Errors: ErrNotFound.
func (tx *Tx) ObjectByUID(c *Collection, uid string) (name string, err error) {
	if name, err = tx.uidIn(c, uid); err == nil && name == "" {
		err = fmt.Errorf("UID %q: %w", uid, ErrNotFound)
	}
	return name, err
}

// ObjectByUIDInHome returns the first object, in the order of the calendars'
// names, that has uid in any calendar of the home. Errors: ErrNotFound.
func (tx *Tx) ObjectByUIDInHome(home HomeID, uid string) (c *Collection, name string, err error) {
	list, err := tx.holders(home, uid)
	if err == nil {
		c, name, err = tx.firstHolder(home, list)
	}
	if err == nil && c == nil {
		err = unknownUID(uid)
	}
	return c, name, err
}

// unknownUID says that nothing has a UID. It is written out only for who reads it: an
// invitation asks that of each attendee's home.
type unknownUID string

func (u unknownUID) Error() string { return fmt.Sprintf("UID %q: %v", string(u), ErrNotFound) }

func (u unknownUID) Unwrap() error { return ErrNotFound }
