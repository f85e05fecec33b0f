package calendar

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
	"convene/store"
)

// A Kept object is one as another copy of the store has it, a backup. It is put back
// byte for byte: nobody is told, and nothing is added.
type Kept struct {
	Name       string
	Body       []byte
	Properties []store.Property
	List       []byte // its access control list; nil: none of its own

	// Booked are the copies that rooms had of it, if it is a meeting that the owner of
	// its home organizes.
	Booked []KeptBooking
}

// A KeptBooking is the copy that a room had of a meeting.
type KeptBooking struct {
	Room     string // GUID
	Calendar string // the name of the collection
	Kept
}

// KeptCollection is what is kept of a calendar, or an ordinary collection, itself.
type KeptCollection struct {
	Name       string
	Kind       store.Kind
	Components store.Component
	Properties []store.Property
	List       []byte
}

// Putting says how an object that was kept is put back.
type Putting struct {
	// Into is the display name of a calendar that takes it, in place of its own; "": its
	// own takes it.
	Into    string
	Replace bool // write over an object that has become another since
}

// A PutResult is what became of an object that was put back.
type PutResult string

// The results.
const (
	PutCreated  PutResult = "created"
	PutReplaced PutResult = "replaced"
	PutSame     PutResult = "same" // as it is there already
)

// A DiffersError says that an object was changed since it was kept. It stays as it is.
type DiffersError struct {
	Collection, Name string // where it is
}

// Error returns the text.
func (e *DiffersError) Error() string {
	return fmt.Sprintf("%s/%s is another now", e.Collection, e.Name)
}

// PutBack puts an object back into a home, and its collection if that is gone. What
// rooms had booked of it they get back with it, if they have the time. Errors:
// *DiffersError; *ConflictError, a room is taken; those of the rules and of
// [store.Tx.PutObject]; ErrLocation, what is called so is no such collection now.
func (tx *Tx) PutBack(home *store.Home, in *KeptCollection, k *Kept, how Putting) (r PutResult, err error) {
	err = tx.Savepoint(func() error {
		col, err := tx.collectionFor(home, in, how.Into)
		if err != nil {
			return err
		}
		r, err = tx.putBack(home, col, k, how.Replace)
		return err
	})
	return r, err
}

// PutBackCollection puts a collection back without what was in it, and reports whether it
// was gone. Errors: as PutBack.
func (tx *Tx) PutBackCollection(home *store.Home, in *KeptCollection) (made bool, err error) {
	_, err = tx.Collection(home.ID, in.Name)
	gone := errors.Is(err, store.ErrNotFound)
	if err != nil && !gone {
		return false, err
	}
	_, err = tx.collectionFor(home, in, "")
	return gone, err
}

// putBack is PutBack into a collection that is there.
func (tx *Tx) putBack(home *store.Home, col *store.Collection, k *Kept, replace bool) (PutResult, error) {
	d, role, err := keptData(home, col, k.Body)
	if err != nil {
		return "", err
	}
	name := k.Name
	if d.Object != nil { // wherever the home has it now
		at, e, err := tx.holder(home, d.Object.UID)
		if err != nil {
			return "", err
		}
		if e != nil {
			col, name = at, e.Name
		}
	}
	was, err := tx.Entry(col, name)
	if err != nil {
		return "", err
	}
	var before *ical.Object
	if was != nil {
		body, _, err := tx.Tx.Body(col.ID, name)
		switch {
		case err != nil:
			return "", err
		case bytes.Equal(body, k.Body):
			return PutSame, nil
		case !replace:
			return "", &DiffersError{col.Name, name}
		}
		if d.Object != nil {
			if before, err = parsed(body); err != nil {
				return "", err
			}
		}
	}
	if err := tx.freeForFile(col, name); err != nil {
		return "", err
	}
	if err := tx.keepBytes(home, col, name, was, d, role); err != nil {
		return "", err
	}
	if err := tx.dress(col, name, k); err != nil {
		return "", err
	}
	if role == scheduling.RoleOrganizer {
		if err := tx.rebook(d.Object, before, k.Booked); err != nil {
			return "", err
		}
	}
	if was != nil {
		return PutReplaced, nil
	}
	return PutCreated, nil
}

// keptData is what the store needs of bytes that it had before, and what the owner of a
// home is in the meeting that they are.
func keptData(home *store.Home, col *store.Collection, body []byte) (*Data, scheduling.Role, error) {
	if col.Kind != store.KindCalendar {
		return &Data{Body: body}, scheduling.RoleNone, nil
	}
	o, err := parsed(body)
	if err != nil {
		return nil, 0, Invalid(err)
	}
	ix, err := indexOf(o)
	if err != nil {
		return nil, 0, Invalid(err)
	}
	return &Data{Body: body, Object: o, Index: ix}, scheduling.RoleOf(o, home.Owner), nil
}

// keepBytes writes the bytes themselves, under the rules and past scheduling.
func (tx *Tx) keepBytes(home *store.Home, col *store.Collection, name string, was *store.Entry, d *Data, role scheduling.Role) error {
	c := &Change{Op: Put, At: Place{home, col, name}, Was: was, Will: d, Component: d.Index.Component, Access: d.Index.Flags.Access()}
	return tx.change(c, func() error {
		opts := append(store.As(roles[role]), store.UniqueInHome)
		_, _, err := tx.PutObject(col, name, d.Body, d.Index, store.Match{}, opts...)
		return err
	})
}

// dress gives an object the properties and the list that it had, and no others.
func (tx *Tx) dress(col *store.Collection, name string, k *Kept) error {
	of := store.OfObject(col, name)
	now, err := tx.Properties(of)
	if err != nil {
		return err
	}
	for _, p := range now {
		if !slices.ContainsFunc(k.Properties, func(q store.Property) bool { return q.Name == p.Name }) {
			if err := tx.RemoveProperty(of, p.Name); err != nil {
				return err
			}
		}
	}
	for _, p := range k.Properties {
		if err := tx.SetProperty(of, p.Name, p.Value); err != nil {
			return err
		}
	}
	if bytes.Equal(tx.ACL(col, name), k.List) {
		return nil
	}
	home, err := tx.HomeByID(col.Home)
	if err != nil {
		return err
	}
	return tx.SetList(Place{home, col, name}, k.List)
}

// rebook has rooms hold a meeting as they did: those that had it get their copies back,
// those that have it now and had not, lose theirs. before is the meeting as it was until
// now; nil: there was none.
func (tx *Tx) rebook(o, before *ical.Object, booked []KeptBooking) error {
	had := map[string]bool{}
	for i := range booked {
		had[booked[i].Room] = true
	}
	for _, guid := range slices.Concat(tx.invitedRooms(o), tx.invitedRooms(before)) {
		if !had[guid] {
			had[guid] = true
			if err := tx.unbook(guid, o.UID); err != nil {
				return err
			}
		}
	}
	for i := range booked {
		if err := tx.bookAgain(&booked[i]); err != nil {
			return err
		}
	}
	return nil
}

// invitedRooms are the GUIDs of the rooms that an object invites.
func (tx *Tx) invitedRooms(o *ical.Object) (guids []string) {
	if o == nil {
		return nil
	}
	for _, c := range o.Calendar.Children {
		for _, p := range c.AllProps("ATTENDEE") {
			guid := scheduling.GUIDOf(p.Address())
			if guid == "" || slices.Contains(guids, guid) {
				continue
			}
			if home, err := tx.Tx.Home(guid); err == nil && isRoom(home) {
				guids = append(guids, guid)
			}
		}
	}
	return guids
}

// unbook takes a meeting out of a room's calendars without a word.
func (tx *Tx) unbook(room, uid string) error {
	home, err := tx.Home(room)
	if err != nil {
		return err
	}
	col, e, err := tx.holder(home, uid)
	if err != nil || e == nil {
		return err
	}
	c := &Change{Op: Delete, At: Place{home, col, e.Name}, Was: e, Component: e.Component}
	return tx.change(c, func() error { return tx.DeleteObject(col, e.Name, store.Match{}) })
}

// bookAgain puts a room's copy back. A room that is gone, or has no such calendar any
// more, holds nothing.
func (tx *Tx) bookAgain(b *KeptBooking) error {
	home, err := tx.Home(b.Room)
	if errors.Is(err, ErrNoHome) {
		return nil
	}
	if err != nil {
		return err
	}
	col, err := tx.Collection(home.ID, b.Calendar)
	if errors.Is(err, store.ErrNotFound) {
		col, err = tx.DefaultCalendar(home, store.VEVENT)
	}
	if err != nil || col == nil {
		return err
	}
	_, err = tx.putBack(home, col, &b.Kept, true)
	return err
}

// displayName is the property by which people know a collection.
var displayName = webdav.DAV("displayname")

// collectionFor is the collection that takes what is put back. It is made if it is not
// there: with all that is kept of it, or, under another name, for the owner alone.
func (tx *Tx) collectionFor(home *store.Home, in *KeptCollection, into string) (*store.Collection, error) {
	n := store.NewCollection{Name: in.Name, Kind: in.Kind, Components: in.Components, Properties: in.Properties}
	if into != "" {
		n.Name = nameFor(into)
		n.Properties = []store.Property{{Name: PropertyKey(displayName), Value: webdav.NewText(displayName, into).Append(nil)}}
	}
	col, err := tx.Collection(home.ID, n.Name)
	switch {
	case err == nil && col.Kind != n.Kind:
		return nil, ErrLocation
	case !errors.Is(err, store.ErrNotFound):
		return col, err
	}
	if col, err = tx.Create(home, n); err != nil || into != "" || in.List == nil {
		return col, err
	}
	return col, tx.SetList(Place{Home: home, Collection: col}, in.List)
}

// nameFor is the name of a collection, in its URL, that people are to know by another.
func nameFor(shown string) string {
	words := strings.FieldsFunc(strings.ToLower(shown), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if len(words) == 0 {
		return "restored"
	}
	return strings.Join(words, "-")
}
