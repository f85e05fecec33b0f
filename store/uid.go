package store

import (
	"fmt"
	"slices"
)

// hasUIDRecord reports whether an object is found by its UID through a record
// of its own: in calendars, unless its name is the UID and ".ics".
func hasUIDRecord(k Kind, e *Entry) bool {
	return k == KindCalendar && e.UID != "" && !impliedName(e.Name, e.UID)
}

// uidIn returns the name of the object of calendar c that has uid, "" if none.
func (tx *Tx) uidIn(c CollectionID, uid string) (string, error) {
	if v := tx.r.Get(tableIndex, uidKey(c, uid)); v != nil {
		return string(v), nil
	}
	name := uid + icsSuffix
	if len(name) > maxName {
		return "", nil
	}
	e, _, err := tx.find(c, name)
	if err != nil || e == nil || e.UID != uid {
		return "", err
	}
	return name, nil
}

// checkUID refuses p if another object has its UID: in its calendar, or with
// UniqueInHome in any calendar of its home. leaving is the name of an object
// that leaves p's calendar in the same step.
func (tx *Tx) checkUID(p *put, leaving string) error {
	uid := p.entry.UID
	if p.col.Kind != KindCalendar || uid == "" {
		return nil
	}
	name, err := tx.uidIn(p.col.ID, uid)
	if err != nil {
		return err
	}
	if name != "" && name != p.name && name != leaving {
		return &UIDConflictError{p.home.ID, p.col.ID, p.col.Name, name}
	}
	if name != "" || !slices.Contains(p.opts, UniqueInHome) {
		return nil
	}
	c, name, err := tx.uidInHome(p.home.ID, uid)
	if err != nil || c == nil || c.ID == p.col.ID {
		return err
	}
	return &UIDConflictError{p.home.ID, c.ID, c.Name, name}
}

func (tx *Tx) uidInHome(home HomeID, uid string) (*Collection, string, error) {
	all, err := tx.Collections(home)
	if err != nil {
		return nil, "", err
	}
	for _, c := range all {
		if c.Kind != KindCalendar || c.Objects == 0 {
			continue
		}
		name, err := tx.uidIn(c.ID, uid)
		if err != nil {
			return nil, "", err
		}
		if name != "" {
			return c, name, nil
		}
	}
	return nil, "", nil
}

// ObjectByUID returns the object of calendar c that has uid. Errors: ErrNotFound.
func (tx *Tx) ObjectByUID(c CollectionID, uid string) (name string, err error) {
	name, err = tx.uidIn(c, uid)
	if err == nil && name == "" {
		err = fmt.Errorf("UID %q: %w", uid, ErrNotFound)
	}
	return name, err
}

// ObjectByUIDInHome returns the first object, in the order of the calendars'
// names, that has uid in any calendar of the home. Errors: ErrNotFound.
func (tx *Tx) ObjectByUIDInHome(home HomeID, uid string) (c *Collection, name string, err error) {
	c, name, err = tx.uidInHome(home, uid)
	if err == nil && c == nil {
		err = fmt.Errorf("UID %q: %w", uid, ErrNotFound)
	}
	return c, name, err
}
