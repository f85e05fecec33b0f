package policy

import (
	"slices"

	"convene/internal/ical"
)

// FromPool returns the GUID of the room that is booked when a pool of them is invited:
// of those that have time for all dates the one with the fewest empty seats, and on
// an update the one that it was, as long as it has time. It is "" if none has. f are
// the facts of the pool: its Addresses, whom the booker is, and its rooms as
// Candidates. Errors are those of the recurrence.
func FromPool(in Invite, f *Facts, was string, now int64) (string, error) {
	builtIn := Resolve(Location, f.Name, Layers{}).Policy
	d := &decision{p: &builtIn, f: f, in: in, now: now, heads: map[*ical.Component]int{}, pool: true}
	d.near.except = append([]string{in.Object.UID}, in.Group...)
	ls := &lines{f.Addresses, map[*ical.Component]line{}}
	var tooMany bool
	var err error
	if d.occ, tooMany, err = occurrences(in.Object, ls, d.p, now); err != nil || tooMany {
		return "", err
	}
	for i := range d.occ {
		if !d.occ[i].past {
			d.judged = append(d.judged, &d.occ[i])
		}
	}
	ranked := d.ranked()
	if i := slices.IndexFunc(ranked, func(c *Candidate) bool { return c.GUID == was }); i > 0 {
		ranked = slices.Insert(slices.Delete(slices.Clone(ranked), i, i+1), 0, ranked[i])
	}
	for _, c := range ranked {
		if d.freeIn(c) {
			return c.GUID, nil
		}
	}
	return "", nil
}
