package caldav

import (
	"context"
	"errors"

	"convene/directory"
	"convene/store"
)

// Names of the collections that every home has.
const (
	defaultCalendar = "calendar"
	defaultTasks    = "tasks"
	inboxName       = "inbox"
	outboxName      = "outbox"
)

// defaultCollections is what a home is made with. Events and tasks have a
// calendar each: clients show them apart.
var defaultCollections = []store.NewCollection{
	{Name: defaultCalendar, Kind: store.KindCalendar, Components: store.VEVENT},
	{Name: defaultTasks, Kind: store.KindCalendar, Components: store.VTODO},
	{Name: inboxName, Kind: store.KindInbox},
	{Name: outboxName, Kind: store.KindOutbox},
	{Name: "notification", Kind: store.KindNotification},
	{Name: "dropbox", Kind: store.KindDropbox},
	{Name: "freebusy", Kind: store.KindFreeBusyURL},
}

// provision makes the calendar home of a record on its first use (S83, S161).
// It is bound to the record's GUID: a later record of the same name gets a home
// of its own.
func (h *Handler) provision(ctx context.Context, owner *directory.Principal) error {
	return h.Store.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.EnsureHome(owner.GUID, func(b *store.HomeBuilder) {
			b.SetOwnerType(uint8(owner.Type))
			for _, c := range defaultCollections {
				b.Add(c)
			}
		})
		return err
	})
}

// ensureHome makes the home of a record unless it is there.
func (h *Handler) ensureHome(ctx context.Context, owner *directory.Principal) error {
	err := h.Store.View(ctx, func(tx *store.Tx) error {
		_, err := tx.Home(owner.GUID)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return h.provision(ctx, owner)
	}
	return err
}

// fixed reports whether a collection belongs to the home itself and can be
// neither deleted nor moved.
func fixed(c *store.Collection) bool {
	return c.Kind != store.KindCalendar && c.Kind != store.KindCollection
}
