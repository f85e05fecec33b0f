package calendar

import (
	"convene/internal/ical"
	"convene/snapshot"
	"convene/store"
)

// Busy gathers the busy times of one calendar between from and to, in Unix
// seconds (RFC 4791 §7.10). Events are answered from the index; stored VFREEBUSY
// and VAVAILABILITY are looked into. budget bounds what is expanded. counts says
// which objects the asker may know of; nil: all.
func (tx *Tx) Busy(col *store.Collection, from, to int64, budget *ical.Budget, counts func(*store.Entry) bool) ([]ical.BusyPeriod, error) {
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
		if counts != nil && !counts(m.Entry) {
			continue
		}
		if m.Inexact {
			object, err := tx.c.Snapshots.Parsed(tx.Tx, col, m.Entry) // who may see busy times sees those of all
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
