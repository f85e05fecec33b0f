package calendar

import (
	"convene/internal/ical"
	"convene/snapshot"
	"convene/store"
)

// Busy gathers the busy times of one calendar between from and to, in Unix
// seconds (RFC 4791 §7.10). Events are answered from the index; stored VFREEBUSY
// and VAVAILABILITY are looked into. budget bounds what is expanded.
func (tx *Tx) Busy(col *store.Collection, from, to int64, budget *ical.Budget) ([]ical.BusyPeriod, error) {
	return tx.busyBut(col, from, to, "", budget)
}

// busyBut is Busy without the object of a UID.
func (tx *Tx) busyBut(col *store.Collection, from, to int64, uid string, budget *ical.Budget) ([]ical.BusyPeriod, error) {
	zone, err := tx.Zone(col)
	if err != nil {
		return nil, err
	}
	snap, err := tx.Snapshot(col)
	if err != nil {
		return nil, err
	}
	matches, err := snap.Overlapping(tx.Tx, store.VEVENT|store.VFREEBUSY|store.VAVAILABILITY, from, to, zone, budget)
	if err != nil {
		return nil, err
	}
	var periods []ical.BusyPeriod
	for _, m := range matches {
		if uid != "" && m.Entry.UID == uid {
			continue
		}
		if m.Inexact {
			object, err := tx.Parsed(col, m.Entry)
			if err != nil {
				return nil, err
			}
			if periods, err = object.AppendBusy(periods, from, to, zone, budget); err != nil {
				return nil, err
			}
			continue
		}
		for _, in := range m.Instances {
			if in.Busy != store.BusyFree {
				periods = append(periods, ical.BusyPeriod{Start: max(in.Start, from), End: min(in.End, to), Type: snapshot.ICal(in.Busy)})
			}
		}
	}
	return periods, nil
}
