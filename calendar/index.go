package calendar

import (
	"math"
	"strings"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/snapshot"
	"convene/store"
)

// Index computes the store's index entry from stored calendar data. It is the
// store's Options.Indexer: a reindex gives what the writes gave. Files in
// ordinary collections, which are no calendar data, have an empty entry.
func Index(body []byte) (store.Index, error) {
	cal, err := ical.Decode(body, ical.DefaultLimits)
	if err != nil {
		return store.Index{}, err
	}
	object, err := ical.NewMessage(cal) // an inbox has messages
	if err != nil {
		return store.Index{}, err
	}
	return indexOf(object)
}

func indexOf(o *ical.Object) (store.Index, error) {
	ix := store.Index{UID: o.UID, Component: ComponentNamed(o.Kind)}
	series, err := o.Series()
	if err != nil {
		return ix, err
	}
	start, end, open := series.Span(nil)
	ix.Start, ix.End = start, end
	if open {
		ix.End = store.OpenEnded
	}
	if series.Recurring() {
		ix.Flags |= store.FlagRecurring
	}
	if series.Floating() {
		ix.Flags |= store.FlagFloating
	}
	if o.Kind != "VEVENT" {
		ix.Flags |= store.FlagInexact
	}
	if start == math.MinInt64 && end == math.MaxInt64 {
		ix.Flags |= store.FlagNoTime
	}
	for _, c := range o.Calendar.Children {
		ix.Flags |= componentFlags(c)
	}
	ix.Flags = ix.Flags.WithAccess(accessOf(o.Calendar))
	if o.Master != nil {
		ix.Busy = snapshot.Busy(ical.BusyOf(o.Master))
	} else if len(o.Overrides) > 0 {
		ix.Busy = snapshot.Busy(ical.BusyOf(o.Overrides[0]))
	}
	return ix, nil
}

func componentFlags(c *ical.Component) store.IndexFlags {
	var flags store.IndexFlags
	if class := c.Prop("CLASS"); class != nil && !strings.EqualFold(class.Value, "PUBLIC") {
		flags |= store.FlagPrivate
	}
	if before, after := ical.TravelOf(c); before > 0 || after > 0 {
		flags |= store.FlagTravel
	}
	if c.Child("VALARM") != nil {
		flags |= store.FlagAlarm
	}
	for _, attach := range c.AllProps("ATTACH") {
		if attach.Has("MANAGED-ID") {
			flags |= store.FlagManaged
		}
	}
	if c.Prop("ORGANIZER") != nil || c.Prop("ATTENDEE") != nil {
		flags |= store.FlagScheduled | schedulingFlags(c)
	}
	return flags
}

// schedulingFlags says in what a component of a meeting is stored otherwise than
// readers get it.
func schedulingFlags(c *ical.Component) (flags store.IndexFlags) {
	for i := range c.Props {
		switch p := &c.Props[i]; p.Name {
		case "ORGANIZER", "ATTENDEE":
			if scheduling.GUIDOf(p.Value) != "" {
				flags |= store.FlagHosted
			}
		case scheduling.HiddenInstance:
			flags |= store.FlagHidden
		}
	}
	return flags
}
