package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// visible reports whether its owner is to see anything of an object.
func visible(d *ical.Draft) bool {
	return slices.ContainsFunc(d.RIDs(), func(rid ical.DateTime) bool { return !hidden(d.At(rid)) })
}

// Shown returns an object as its owner is to see it: an instance that they have
// removed from an invitation is not in it, though their answer is kept. It is o if
// there is none.
func Shown(o *ical.Object) (*ical.Object, error) {
	if !anyComponent(o, hidden) {
		return o, nil
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		if rid.IsZero() || !hidden(d.At(rid)) {
			continue
		}
		d.Remove(rid)
		if err := d.Exclude(rid); err != nil {
			return nil, err
		}
	}
	d.DropZones()
	return d.Object()
}
