package calendar

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
	"convene/store"
)

// Written is what a change of an object left.
type Written struct {
	Entry   *store.Entry
	Created bool  // nothing was there before
	Data    *Data // as stored, of Put; nil for what was copied or moved as it was
}

// Entry is the index entry of an object, nil if there is none.
func (tx *Tx) Entry(col *store.Collection, name string) (*store.Entry, error) {
	e, err := tx.Tx.Entry(col.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return e, err
}

// Put writes d as object name of col. A new event or task that has no alarm gets
// the default one of its calendar. Errors: those of the rules and of
// [store.Tx.PutObject].
func (tx *Tx) Put(col *store.Collection, name string, d *Data) (*Written, error) {
	return tx.put(&Change{Op: Put, At: Place{Collection: col, Name: name}, Will: d, Component: d.Index.Component})
}

// put carries a change out whose data is known.
func (tx *Tx) put(c *Change) (w *Written, err error) {
	at := &c.At
	if at.Home, err = tx.HomeByID(at.Collection.Home); err != nil {
		return nil, err
	}
	if c.Was, err = tx.Entry(at.Collection, at.Name); err != nil {
		return nil, err
	}
	if c.Will, err = withAccess(c.Was, c.Will); err != nil {
		return nil, err
	}
	if c.Will, err = tx.withModifier(at.Home, c.Will); err != nil {
		return nil, err
	}
	c.Access = c.Will.Index.Flags.Access()
	err = tx.change(c, func() error {
		if tx.isMeeting(c) {
			w, err = tx.meet(c)
			return err
		}
		if c.Op == Put && c.Was == nil {
			if c.Will, err = tx.withDefaultAlarms(at.Collection, c.Will); err != nil {
				return err
			}
		}
		entry, created, err := tx.PutObject(at.Collection, at.Name, c.Will.Body, c.Will.Index, store.Match{}, store.UniqueInHome)
		w = &Written{Entry: entry, Created: created, Data: c.Will}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// FileType is the property that keeps the media type of a file in an ordinary
// collection.
var FileType = webdav.DAV("getcontenttype")

// PutFile writes any bytes as object name of an ordinary collection, with their
// media type; "" if it is not known. Errors: those of the rules and of
// [store.Tx.PutObject]; ErrTaken.
func (tx *Tx) PutFile(col *store.Collection, name string, body []byte, mediaType string) (*Written, error) {
	if err := tx.freeForFile(col, name); err != nil {
		return nil, err
	}
	c := &Change{Op: Put, At: Place{Collection: col, Name: name}, Will: &Data{Body: body}}
	w, err := tx.put(c)
	if err != nil || mediaType == "" {
		return w, err
	}
	value := webdav.NewText(FileType, mediaType).Append(nil)
	return w, tx.SetProperty(store.OfObject(col, name), PropertyKey(FileType), value)
}

// freeForFile refuses a file in the home itself where a collection has its name.
func (tx *Tx) freeForFile(col *store.Collection, name string) error {
	if col.Name != homeFiles {
		return nil
	}
	_, err := tx.Collection(col.Home, name)
	switch {
	case err == nil:
		return ErrTaken
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

// Delete removes an object. Errors: store.ErrNotFound.
func (tx *Tx) Delete(col *store.Collection, e *store.Entry) error {
	home, err := tx.HomeByID(col.Home)
	if err != nil {
		return err
	}
	c := &Change{Op: Delete, At: Place{home, col, e.Name}, Was: e, Component: e.Component}
	return tx.change(c, func() error {
		if tx.isMeeting(c) {
			_, err := tx.meet(c)
			return err
		}
		return tx.DeleteObject(col, e.Name, store.Match{})
	})
}

// Copy copies object e of a collection to name in col, in place of what is
// there (RFC 4918 §9.8). What goes from an ordinary collection into a calendar is
// checked as an upload is, and what goes the other way becomes a file. Errors:
// those of the rules, of [store.Tx.CopyObject] and [Rules.Parse]; ErrSame.
func (tx *Tx) Copy(from *store.Collection, e *store.Entry, col *store.Collection, name string) (*Written, error) {
	return tx.transfer(Copy, from, e, col, name)
}

// Move moves an object (RFC 4918 §9.9). Otherwise as Copy.
func (tx *Tx) Move(from *store.Collection, e *store.Entry, col *store.Collection, name string) (*Written, error) {
	return tx.transfer(Move, from, e, col, name)
}

func (tx *Tx) transfer(op Op, from *store.Collection, e *store.Entry, col *store.Collection, name string) (w *Written, err error) {
	switch {
	case from.ID == col.ID && e.Name == name:
		return nil, ErrSame
	case from.Kind == store.KindInbox: // messages are read and removed, and nothing else
		return nil, ErrLocation
	case tx.View(from, e) != Whole:
		return nil, ErrRestricted
	case e.Flags&store.FlagScheduled != 0 && from.Home != col.Home && tx.sender != nil:
		if taken, w, err := tx.take(op, from, e, col, name); taken || err != nil {
			return w, err
		}
		if e.Role != store.RoleNone && col.Kind == store.KindCalendar {
			return tx.transferMeeting(op, from, e, col, name)
		}
	}
	if err := tx.freeForFile(col, name); err != nil {
		return nil, err
	}
	if (from.Kind == store.KindCalendar) != (col.Kind == store.KindCalendar) {
		return tx.convert(op, from, e, col, name)
	}
	c := &Change{Op: op, From: Place{Collection: from, Name: e.Name}, At: Place{Collection: col, Name: name}, Component: e.Component, Access: e.Flags.Access()}
	if c.From.Home, err = tx.HomeByID(from.Home); err != nil {
		return nil, err
	}
	if c.At.Home, err = tx.HomeByID(col.Home); err != nil {
		return nil, err
	}
	if c.Was, err = tx.Entry(col, name); err != nil {
		return nil, err
	}
	switch {
	case c.Was == nil || col.Kind != store.KindCalendar:
	case c.Was.UID != e.UID: // RFC 4791 §5.3.2.1; a meeting would end without a word to anybody
		return nil, fmt.Errorf("%q is not written over: %w", name, store.ErrUIDChanged)
	case takesPart(c.Was) && tx.sender != nil:
		return tx.transferMeeting(op, from, e, col, name)
	}
	write := tx.Tx.CopyObject
	if op == Move {
		write = tx.Tx.MoveObject
	}
	err = tx.change(c, func() error {
		entry, created, err := write(from, e.Name, col, name, store.Match{}, store.UniqueInHome)
		w = &Written{Entry: entry, Created: created}
		return err
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

// transferMeeting copies an object of a meeting into another home, which is to write
// it there: the owner of that home has a role of their own in it. It is not moved: the
// meeting stays whose it is.
func (tx *Tx) transferMeeting(op Op, from *store.Collection, e *store.Entry, col *store.Collection, name string) (*Written, error) {
	if op == Move {
		return nil, ErrMeeting
	}
	o, err := tx.stored(from, e)
	if err != nil {
		return nil, err
	}
	d, err := dataOf(o)
	if err != nil {
		return nil, err
	}
	return tx.Put(col, name, d)
}

// errTaken refuses to make a meeting another's (RFC 6638 §3.2.4.3).
var errTaken = &scheduling.Refusal{Condition: scheduling.ValidOrganizerChange, Reason: "a meeting with attendees stays whose it is"}

// take copies or moves an object of a meeting out of somebody's home into that of the
// actor. One with attendees they may not take: it is a matter of more than the
// two. One without becomes an object of its new home that nobody organizes. taken
// reports whether that is what it was.
func (tx *Tx) take(op Op, from *store.Collection, e *store.Entry, col *store.Collection, name string) (taken bool, w *Written, err error) {
	to, err := tx.HomeByID(col.Home)
	if err != nil || tx.by.As != to.Owner || from.Kind != store.KindCalendar || col.Kind != store.KindCalendar {
		return false, nil, err
	}
	o, err := tx.stored(from, e)
	if err != nil {
		return false, nil, err
	}
	cal := o.Calendar.Clone()
	for _, c := range cal.Children {
		if c.Prop("ATTENDEE") != nil {
			return true, nil, errTaken
		}
		c.Remove("ORGANIZER")
	}
	if o, err = ical.NewObject(cal); err != nil {
		return true, nil, err
	}
	d, err := dataOf(o)
	if err != nil {
		return true, nil, err
	}
	if w, err = tx.Put(col, name, d); err == nil && op == Move {
		err = tx.Delete(from, e)
	}
	return true, w, err
}

// convert copies or moves between a calendar and an ordinary collection: the
// bytes are written anew, since what they are changes.
func (tx *Tx) convert(op Op, from *store.Collection, e *store.Entry, col *store.Collection, name string) (*Written, error) {
	body, _, err := tx.Tx.Body(from.ID, e.Name)
	if err != nil {
		return nil, err
	}
	body = bytes.Clone(body)
	props, err := tx.Properties(store.OfObject(from, e.Name))
	if err != nil {
		return nil, err
	}
	var w *Written
	if col.Kind == store.KindCalendar {
		var d *Data
		if d, err = tx.parseFile(from, e, body); err == nil {
			w, err = tx.Put(col, name, d)
		}
	} else {
		w, err = tx.PutFile(col, name, body, "text/calendar;charset=utf-8")
	}
	if err != nil {
		return nil, err
	}
	for _, p := range props {
		if p.Name != PropertyKey(FileType) {
			err = errors.Join(err, tx.SetProperty(store.OfObject(col, name), p.Name, p.Value))
		}
	}
	if err == nil && op == Move {
		err = tx.Delete(from, e)
	}
	return w, err
}

// parseFile reads a file of an ordinary collection as calendar data.
func (tx *Tx) parseFile(col *store.Collection, e *store.Entry, body []byte) (*Data, error) {
	form, err := tx.formOf(col, e)
	if err != nil {
		return nil, err
	}
	return tx.c.Rules.Parse(body, form)
}

// formOf is the form that a file's media type names. One without a type may be
// iCalendar. Errors: *DataError, it is none of the supported ones.
func (tx *Tx) formOf(col *store.Collection, e *store.Entry) (Form, error) {
	value, err := tx.setting(store.OfObject(col, e.Name), PropertyKey(FileType))
	if err != nil {
		return 0, err
	}
	media, _, _ := strings.Cut(value.Content(), ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case "", "application/octet-stream", "text/calendar":
		return ICalendar, nil
	case "application/calendar+json":
		return JCal, nil
	}
	return 0, &DataError{Condition: "supported-calendar-data", Reason: "the file is " + media}
}

// Set stores a property's element, as it came, of the home, collection or object
// at a place. Errors: those of [store.Tx.SetProperty].
func (tx *Tx) Set(at Place, name xml.Name, value []byte) error {
	return tx.setAt(at, at.Resource(), name, value)
}

// SetOwn is Set for the user with a GUID alone, who is not the owner of the collection
// at a place.
func (tx *Tx) SetOwn(at Place, guid string, name xml.Name, value []byte) error {
	return tx.setAt(at, store.OfUser(at.Collection, guid), name, value)
}

func (tx *Tx) setAt(at Place, of store.Resource, name xml.Name, value []byte) error {
	c := &Change{Op: SetProperty, At: at, Property: PropertyKey(name), Value: value}
	return tx.change(c, func() error { return tx.SetProperty(of, c.Property, value) })
}

// Unset removes a property; one that is not there is no error (RFC 4918 §9.2).
func (tx *Tx) Unset(at Place, name xml.Name) error { return tx.unsetAt(at, at.Resource(), name) }

// UnsetOwn is Unset of what was set with SetOwn.
func (tx *Tx) UnsetOwn(at Place, guid string, name xml.Name) error {
	return tx.unsetAt(at, store.OfUser(at.Collection, guid), name)
}

func (tx *Tx) unsetAt(at Place, of store.Resource, name xml.Name) error {
	c := &Change{Op: SetProperty, At: at, Property: PropertyKey(name)}
	err := tx.change(c, func() error { return tx.RemoveProperty(of, c.Property) })
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// SetList sets the access control list of the collection or object at a place; nil
// removes it. Errors: those of [store.Tx.SetACL].
func (tx *Tx) SetList(at Place, list []byte) error {
	c := &Change{Op: SetACL, At: at, Value: list}
	return tx.change(c, func() error { return tx.Tx.SetACL(at.Collection, at.Name, list) })
}

// PropertyKey is the name under which the store keeps a property: {namespace}local.
func PropertyKey(name xml.Name) string { return "{" + name.Space + "}" + name.Local }
