package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"convene/admin"
	"convene/calendar"
	"convene/internal/webdav"
	"convene/store"
)

// A Wanted is what is wanted of a copy of calendars.db.
type Wanted struct {
	Owner    string // GUID
	Calendar string // its name, in the URL or as people see it; "": all
	UID      string // of one object; "": all
}

// Bounds of what is read of a copy at once.
const (
	keptObjects = 500
	keptBytes   = 8 << 20
)

// ErrNotKept says that a copy has nothing of what is wanted.
var ErrNotKept = errors.New("the backup does not have this")

// ReadKept reads what is wanted out of the copy of calendars.db at path, and calls fn
// with parts of one collection each, in order. Calendars are read, and ordinary
// collections with their files; not inboxes, whose messages were acted upon. An empty
// collection is a part without objects. Errors: ErrNotKept, those of fn and of the store.
func ReadKept(ctx context.Context, path string, w Wanted, fn func(admin.KeptCollection, []admin.KeptObject) error) (err error) {
	s, err := store.Open(path, store.Options{Indexer: calendar.Index})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	k := &keptCopy{store: s, wanted: w}
	if err := s.View(ctx, k.survey); err != nil {
		return err
	}
	found := false
	for i := range k.collections {
		col := &k.collections[i]
		for at, more := "", true; more; {
			var part []admin.KeptObject
			err := s.View(ctx, func(tx *store.Tx) (err error) {
				part, at, more, err = k.part(tx, col, at)
				return err
			})
			if err != nil {
				return err
			}
			if len(part) == 0 && w.UID != "" {
				continue
			}
			found = true
			if err := fn(col.kept, part); err != nil {
				return err
			}
		}
	}
	if !found {
		return fmt.Errorf("%w: %s", ErrNotKept, k.what())
	}
	return nil
}

// what names what is wanted.
func (k *keptCopy) what() string {
	switch {
	case k.wanted.UID != "":
		return "an object with the UID " + k.wanted.UID
	case k.wanted.Calendar != "":
		return "a calendar " + k.wanted.Calendar
	}
	return "calendars of " + k.wanted.Owner
}

// A keptCopy is the copy that is read.
type keptCopy struct {
	store  *store.Store
	wanted Wanted

	collections []keptIn
	rooms       []*store.Home // those of rooms and resources
}

type keptIn struct {
	col  *store.Collection
	kept admin.KeptCollection
}

// survey finds the collections that are wanted, and the homes of rooms.
func (k *keptCopy) survey(tx *store.Tx) error {
	k.collections, k.rooms = nil, nil
	home, err := tx.Home(k.wanted.Owner)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: a home of %s", ErrNotKept, k.wanted.Owner)
	}
	if err != nil {
		return err
	}
	for h := range tx.Homes() {
		if calendar.IsRoom(h) && h.ID != home.ID {
			k.rooms = append(k.rooms, h)
		}
	}
	list, err := tx.Collections(home.ID)
	if err != nil {
		return err
	}
	for _, col := range list {
		if col.Kind != store.KindCalendar && col.Kind != store.KindCollection {
			continue
		}
		props, err := tx.Properties(store.OfCollection(col))
		if err != nil {
			return err
		}
		if !k.wantsCollection(col, props) {
			continue
		}
		k.collections = append(k.collections, keptIn{col, admin.KeptCollection{
			Name: col.Name, Kind: uint8(col.Kind), Components: uint8(col.Components), Properties: keptProperties(props), List: bytes.Clone(tx.ACL(col, "")),
		}})
	}
	return nil
}

func (k *keptCopy) wantsCollection(col *store.Collection, props []store.Property) bool {
	want := k.wanted.Calendar
	return want == "" || want == col.Name || slices.ContainsFunc(props, func(p store.Property) bool {
		return p.Name == calendar.PropertyKey(webdav.DAV("displayname")) && textOf(p.Value) == want
	})
}

// textOf is the text of a property, "" if it is none.
func textOf(value []byte) string {
	e, err := webdav.ParseXML(value, webdav.DefaultXMLLimits)
	if err != nil {
		return ""
	}
	return e.TrimText()
}

// part reads the objects of a collection that follow the one called after.
func (k *keptCopy) part(tx *store.Tx, in *keptIn, after string) (part []admin.KeptObject, last string, more bool, err error) {
	var names []string
	for e := range tx.Entries(in.col.ID) {
		if e.Name > after && (k.wanted.UID == "" || e.UID == k.wanted.UID) {
			names = append(names, e.Name)
		}
	}
	slices.Sort(names)
	size := 0
	for _, name := range names {
		if len(part) == keptObjects || size > keptBytes {
			return part, last, true, nil
		}
		o, err := k.object(tx, in.col, name)
		if err != nil {
			return nil, "", false, err
		}
		part, last, size = append(part, o), name, size+len(o.Body)
	}
	return part, last, false, nil
}

// object reads one object, and what rooms had of it.
func (k *keptCopy) object(tx *store.Tx, col *store.Collection, name string) (admin.KeptObject, error) {
	o, e, err := keptObject(tx, col, name)
	if err != nil || e.Role != store.RoleOrganizer {
		return o, err
	}
	for _, room := range k.rooms {
		at, name, err := tx.ObjectByUIDInHome(room.ID, e.UID)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return o, err
		}
		c, _, err := keptObject(tx, at, name)
		if err != nil {
			return o, err
		}
		o.Booked = append(o.Booked, admin.KeptBooking{Room: room.Owner, Calendar: at.Name, Copy: c})
	}
	return o, nil
}

func keptObject(tx *store.Tx, col *store.Collection, name string) (o admin.KeptObject, e *store.Entry, err error) {
	if e, err = tx.Entry(col.ID, name); err != nil {
		return o, nil, err
	}
	body, _, err := tx.Body(col.ID, name)
	if err != nil {
		return o, nil, err
	}
	props, err := tx.Properties(store.OfObject(col, name))
	return admin.KeptObject{Name: name, UID: e.UID, Body: bytes.Clone(body), Properties: keptProperties(props), List: bytes.Clone(tx.ACL(col, name))}, e, err
}

func keptProperties(list []store.Property) (out []admin.KeptProperty) {
	for _, p := range list {
		out = append(out, admin.KeptProperty{Name: p.Name, Value: bytes.Clone(p.Value)})
	}
	return out
}
