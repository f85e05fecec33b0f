package calendar

import (
	"context"
	"errors"
	"fmt"

	"convene/directory"
	"convene/store"
)

// Names of collections that every home has.
const (
	Inbox           = "inbox"
	Outbox          = "outbox"
	defaultCalendar = "calendar"
)

// defaultCollections is what a home is made with. Events and tasks have a
// calendar each: clients show them apart.
var defaultCollections = []store.NewCollection{
	{Name: defaultCalendar, Kind: store.KindCalendar, Components: store.VEVENT},
	{Name: "tasks", Kind: store.KindCalendar, Components: store.VTODO},
	{Name: Inbox, Kind: store.KindInbox},
	{Name: Outbox, Kind: store.KindOutbox},
	{Name: "notification", Kind: store.KindNotification},
	{Name: "dropbox", Kind: store.KindDropbox},
	{Name: "freebusy", Kind: store.KindFreeBusyURL},
}

// MayBeCalendar reports whether a name in a home is not that of a collection of another
// kind that every home has.
func MayBeCalendar(name string) bool {
	for i := range defaultCollections {
		if c := &defaultCollections[i]; c.Name == name {
			return c.Kind == store.KindCalendar
		}
	}
	return true
}

// homeFiles is the collection that holds the files that lie in a home itself,
// beside its collections. No URL leads to it.
const homeFiles = ".home"

// HomeFiles reports whether a collection holds the files of the home itself.
func HomeFiles(name string) bool { return name == homeFiles }

// Fixed reports whether a collection belongs to the home itself and can be
// neither removed nor moved.
func Fixed(c *store.Collection) bool {
	return c.Kind != store.KindCalendar && c.Kind != store.KindCollection
}

// ErrNoHome says that a record's home has not been made yet.
var ErrNoHome = fmt.Errorf("no home yet: %w", store.ErrNotFound)

// Home is the home of a record. Errors: ErrNoHome.
func (tx *Tx) Home(guid string) (*store.Home, error) {
	home, err := tx.Tx.Home(guid)
	if errors.Is(err, store.ErrNotFound) {
		return nil, ErrNoHome
	}
	return home, err
}

// Provision makes the calendar home of a record unless it is there. A home is
// bound to the record's GUID: a later record of the same name gets a home of its
// own.
func (c *Calendars) Provision(ctx context.Context, owner *directory.Principal) error {
	err := c.Store.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Home(owner.GUID)
		return err
	})
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	groups := c.QuotaGroups(ctx, owner.GUID)
	return c.Store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.EnsureHome(owner.GUID, func(b *store.HomeBuilder) {
			b.SetOwnerType(uint8(owner.Type))
			b.SetQuotaGroups(groups.names)
			b.SetAddresses(addressNote{present: notable(owner)}.String())
			for _, n := range defaultCollections {
				b.Add(n)
			}
		})
		return err
	})
}

// File is the file of a name in the home itself, and what holds such files; nil
// if there is none.
func (tx *Tx) File(home *store.Home, name string) (files *store.Collection, file *store.Entry, err error) {
	files, err = tx.Collection(home.ID, homeFiles)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, nil
	}
	if err == nil {
		file, err = tx.Entry(files, name)
	}
	return files, file, err
}

// Files is the collection of the files in the home itself, made with the first
// of them.
func (tx *Tx) Files(home *store.Home) (*store.Collection, error) {
	files, err := tx.Collection(home.ID, homeFiles)
	if errors.Is(err, store.ErrNotFound) {
		return tx.Create(home, store.NewCollection{Name: homeFiles, Kind: store.KindCollection})
	}
	return files, err
}
