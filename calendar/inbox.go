package calendar

import (
	"context"
	"encoding/xml"
	"maps"
	"slices"
	"time"

	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
	"convene/store"
)

// ScheduleChanges is the property of a message in an inbox that says what it has
// changed (caldav-schedulingchanges §4.1).
var ScheduleChanges = webdav.CS("schedule-changes")

var scheduleChangesKey = PropertyKey(ScheduleChanges)

// scheduleChanges is the value of that property, for clients that see addresses in a
// form.
func scheduleChanges(m *scheduling.InboxWrite, form scheduling.AddressForm, now time.Time) []byte {
	action := webdav.NewElement(webdav.CS(m.Action.String()))
	if m.Action == scheduling.Replied {
		action.Children = append(action.Children, webdav.NewText(webdav.CS("attendee"), m.Message.Author(form)))
	}
	if m.Action != scheduling.Created {
		for _, rid := range m.Changes.RIDs() {
			action.Children = append(action.Children, recurrence(rid, m.Changes[rid], m.Action))
		}
	}
	value := webdav.NewElement(ScheduleChanges,
		webdav.NewText(webdav.CS("dtstamp"), now.UTC().Format("20060102T150405Z")),
		webdav.NewElement(webdav.CS("action"), action))
	return value.Append(nil)
}

// recurrence says what has changed in one instance.
func recurrence(rid ical.DateTime, properties map[string][]string, a scheduling.Action) *webdav.Element {
	id := webdav.NewElement(webdav.CS("master"))
	if !rid.IsZero() {
		id = webdav.NewText(webdav.CS("recurrenceid"), rid.String())
	}
	if a == scheduling.Cancelled {
		return webdav.NewElement(webdav.CS("recurrence"), id)
	}
	changes := webdav.NewElement(webdav.CS("changes"))
	names := slices.AppendSeq(make([]string, 0, len(properties)), maps.Keys(properties))
	slices.Sort(names)
	for _, name := range names {
		property := webdav.NewElement(webdav.CS("changed-property"))
		property.Attrs = []xml.Attr{{Name: xml.Name{Local: "name"}, Value: name}}
		for _, param := range properties[name] {
			changed := webdav.NewElement(webdav.CS("changed-parameter"))
			changed.Attrs = []xml.Attr{{Name: xml.Name{Local: "name"}, Value: param}}
			property.Children = append(property.Children, changed)
		}
		changes.Children = append(changes.Children, property)
	}
	return webdav.NewElement(webdav.CS("recurrence"), id, changes)
}

// sweptAtOnce is how many old messages one transaction removes.
const sweptAtOnce = 500

// SweepInboxes removes the messages that came before a time and that no client has
// removed. It returns how many.
func (c *Calendars) SweepInboxes(ctx context.Context, before time.Time) (int, error) {
	inboxes, err := c.inboxes(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, id := range inboxes {
		for {
			swept, err := c.sweepInbox(ctx, id, before)
			n += swept
			if err != nil {
				return n, err
			}
			if swept < sweptAtOnce {
				break
			}
		}
	}
	return n, nil
}

// inboxes are those that have messages.
func (c *Calendars) inboxes(ctx context.Context) (list []store.CollectionID, err error) {
	err = c.Store.View(ctx, func(tx *store.Tx) error {
		list = nil
		for home := range tx.Homes() {
			inbox, err := tx.Collection(home.ID, Inbox)
			if err != nil {
				return err
			}
			if inbox.Objects > 0 {
				list = append(list, inbox.ID)
			}
		}
		return nil
	})
	return list, err
}

func (c *Calendars) sweepInbox(ctx context.Context, id store.CollectionID, before time.Time) (n int, err error) {
	err = c.Update(ctx, Actor{}, func(tx *Tx) error {
		n = 0
		inbox, err := tx.CollectionByID(id)
		if err != nil {
			return err
		}
		for _, e := range oldest(tx, inbox, before) {
			if err := tx.Delete(inbox, e); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// oldest are the entries of a collection that were written before a time, not more
// than are swept at once.
func oldest(tx *Tx, col *store.Collection, before time.Time) []*store.Entry {
	var list []*store.Entry
	for e := range tx.Entries(col.ID) { // in the order in which they were written
		if e.Modified >= before.Unix() || len(list) == sweptAtOnce {
			break
		}
		list = append(list, &e)
	}
	return list
}
