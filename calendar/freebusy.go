package calendar

import (
	"fmt"
	"math"
	"slices"

	"convene/freebusy"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/snapshot"
	"convene/store"
)

// A BusyQuery asks when the owner of calendars is busy.
type BusyQuery struct {
	From, To int64 // Unix seconds
	Budget   *ical.Budget
	Mask     freebusy.Mask
	Detail   freebusy.Detail         // of events; 0: they are not told
	Counts   func(*store.Entry) bool // reports whether the asker may know of the times of an object; nil: of all
}

// Busy adds to times what a calendar says (RFC 4791 §7.10). Events are answered
// from the index; stored VFREEBUSY and VAVAILABILITY are looked into, and so are
// events to which the owner travels. Of these some are outside the range, and the way
// there is in it.
func (tx *Tx) Busy(times *freebusy.Times, col *store.Collection, q *BusyQuery) error {
	zone, err := tx.Zone(col)
	if err != nil {
		return err
	}
	snap, err := tx.Snapshot(col)
	if err != nil {
		return err
	}
	matches, err := snap.Overlapping(tx.Tx, store.VEVENT|store.VFREEBUSY|store.VAVAILABILITY, max(q.From, math.MinInt64/2)-ical.MaxTravel, min(q.To, math.MaxInt64/2)+ical.MaxTravel, zone, q.Budget)
	if err != nil {
		return err
	}
	for i := range matches {
		if q.near(&matches[i]) && (q.Counts == nil || q.Counts(matches[i].Entry)) {
			if err := tx.busyObject(times, col, &matches[i], zone, q); err != nil {
				return err
			}
		}
	}
	return nil
}

// near reports whether a match of the wider range counts: something of it is in the
// range, or its owner travels. Of one that must be looked at it is not known.
func (q *BusyQuery) near(m *snapshot.Match) bool {
	if m.Inexact || m.Entry.Flags&store.FlagTravel != 0 {
		return true
	}
	return slices.ContainsFunc(m.Instances, q.in)
}

// in reports whether some of an instance is in the range.
func (q *BusyQuery) in(i snapshot.Instance) bool { return i.Start < q.To && i.End > q.From }

// busyObject is Busy for one object.
func (tx *Tx) busyObject(times *freebusy.Times, col *store.Collection, m *snapshot.Match, zone *ical.Zone, q *BusyQuery) error {
	masked, travels := q.Mask.UID != "" && m.Entry.UID == q.Mask.UID, m.Entry.Flags&store.FlagTravel != 0
	if !m.Inexact && !masked && !travels && q.Detail == 0 {
		times.Periods = q.appendInstances(times.Periods, m.Instances)
		return nil
	}
	object, err := tx.c.Snapshots.Parsed(tx.Tx, col, m.Entry) // who may see busy times sees those of all
	if err != nil || q.Mask.Hides(object) {
		return err
	}
	if object.Kind == "VAVAILABILITY" {
		times.Unavailable = append(times.Unavailable, freebusy.Unavailable{Object: object, Floating: zone})
		return nil
	}
	if travels {
		times.Periods, err = freebusy.AppendTravelled(times.Periods, object, q.From, q.To, zone, q.Budget)
	} else if m.Inexact {
		times.Periods, err = object.AppendBusy(times.Periods, q.From, q.To, zone, q.Budget)
	} else {
		times.Periods = q.appendInstances(times.Periods, m.Instances)
	}
	if err != nil || q.Detail == 0 || object.Kind != "VEVENT" || !freebusy.Public(object) {
		return err
	}
	times.Events, err = freebusy.AppendEvents(times.Events, object, q.From, q.To, zone, q.Detail, q.Budget)
	return err
}

func (q *BusyQuery) appendInstances(dst []ical.BusyPeriod, instances []snapshot.Instance) []ical.BusyPeriod {
	for _, in := range instances {
		if in.Busy != store.BusyFree && q.in(in) {
			dst = append(dst, ical.BusyPeriod{Start: in.Start, End: in.End, Type: snapshot.ICal(in.Busy)})
		}
	}
	return dst
}

// Availability is when the owner of a home says to be there at all, by the property
// of their inbox (RFC 7953 §7.2.4); nothing if they do not say. Times of no zone are
// those of the calendar that invitations go to.
func (tx *Tx) Availability(home *store.Home) ([]freebusy.Unavailable, error) {
	inbox, err := tx.Collection(home.ID, Inbox)
	if err != nil {
		return nil, err
	}
	raw := tx.Property(store.OfCollection(inbox), PropertyKey(AvailabilityProperty))
	if raw == nil {
		return nil, nil
	}
	objects, err := tx.c.availabilities.of(raw, parseAvailability)
	if err != nil {
		return nil, fmt.Errorf("availability of %s: %w", home.Owner, err)
	}
	zone, err := tx.homeZone(home)
	all := make([]freebusy.Unavailable, len(objects))
	for i, o := range objects {
		all[i] = freebusy.Unavailable{Object: o, Floating: zone}
	}
	return all, err
}

// homeZone is the zone of the calendar that invitations go to; nil for UTC, and
// where there is no such calendar.
func (tx *Tx) homeZone(home *store.Home) (*ical.Zone, error) {
	col, err := tx.DefaultCalendar(home, store.VEVENT)
	if err != nil || col == nil {
		return nil, err
	}
	return tx.Zone(col)
}

// parseAvailability reads the element of a stored availability.
func parseAvailability(raw []byte) ([]*ical.Object, error) {
	e, err := webdav.ParseXML(raw, webdav.DefaultXMLLimits)
	if err != nil {
		return nil, err
	}
	return ParseAvailability(e)
}

// ParseAvailability reads the value of a calendar-availability property. Errors:
// *DataError.
func ParseAvailability(e *webdav.Element) ([]*ical.Object, error) {
	objects, err := freebusy.ParseAvailability([]byte(e.TrimText() + "\r\n"))
	if err != nil {
		return nil, &DataError{Condition: "valid-calendar-data", Reason: err.Error(), Err: err}
	}
	return objects, nil
}
