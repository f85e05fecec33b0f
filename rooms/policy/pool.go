package policy

import (
	"fmt"
	"slices"

	"convene/internal/ical"
)

// A Pick says which room stands for a pool that is invited.
type Pick struct {
	Room   string // its GUID; "": none of them will do
	Stands bool   // nothing was to be picked: all is as it was
	Why    Reason // if none will do
	Date   Span   // of which that is said
}

// FromPool picks the room that is booked when a pool of them is invited: of those that
// answer the booker by themselves and have time for all dates the one with the fewest
// empty seats, and on an update the one that it was, as long as it has time. in.Old is
// the meeting as it was; while the dates of the pool in it stay what they are, so does
// the room. f are the facts of the pool: its Addresses, whom the booker is, and its rooms
// as Candidates. Errors are those of the recurrence.
func FromPool(in Invite, f *Facts, was string, now int64) (*Pick, error) {
	d := &decision{p: &builtIn().Policy, f: f, in: in, now: now, heads: map[*ical.Component]int{}, pool: true}
	d.near.except = append([]string{in.Object.UID}, in.Group...)
	ls := &lines{f.Addresses, map[*ical.Component]line{}}
	series, err := in.Object.Series()
	if err != nil {
		return nil, err
	}
	occ, tooMany, err := occurrences(series, ls, d.p, now)
	if err != nil {
		return nil, err
	}
	known, err := answers(in.Old, ls, d.p, now)
	if err != nil {
		return nil, err
	}
	asked := false
	for i := range occ {
		o := &occ[i]
		if o.past {
			continue
		}
		d.judged = append(d.judged, o)
		e, same := known[key(&o.Instance, d.p.Zone)]
		asked = asked || !same || e.stat == NeedsAction || e.start != o.Instance.StartUnix || e.end != o.Instance.EndUnix
	}
	switch {
	case !asked:
		return &Pick{Room: was, Stands: true}, nil
	case tooMany:
		return &Pick{Why: Reason{Code: CodeTooLong, Limit: d.p.MaxOccurrences}, Date: d.judged[0].span()}, nil
	}
	return d.pick(was), nil
}

// pick tries the rooms of a pool in order, the one that it was first.
func (d *decision) pick(was string) *Pick {
	ranked := d.ranked()
	if i := slices.IndexFunc(ranked, func(c *Candidate) bool { return c.GUID == was }); i > 0 {
		ranked = slices.Insert(slices.Delete(slices.Clone(ranked), i, i+1), 0, ranked[i])
	}
	none := &Pick{Why: d.unsuited(), Date: d.judged[0].span()}
	for i, c := range ranked {
		date, why := d.hindered(c)
		if date == nil {
			return &Pick{Room: c.GUID}
		}
		if i == 0 {
			none.Why, none.Date = why, date.span()
		}
	}
	return none
}

// unsuited is why a pool has no room at all for a meeting.
func (d *decision) unsuited() Reason {
	heads, most := d.most(), 0
	for _, c := range d.f.Candidates() {
		if d.offered(&c) {
			most = max(most, c.Policy.Capacity)
		}
	}
	if most > 0 && most < heads {
		return Reason{Code: CodeCapacity, Limit: most, Have: heads}
	}
	return Reason{Code: CodeNotAllowed}
}

// Header returns the value of the header that tells programs that a pool has no room, as
// Answer.Header. pool is its short name.
func (k *Pick) Header(pool string) string {
	return fmt.Sprintf("room=%q; answer=declined; reason=%s", pool, k.Why.Code)
}

// Comment returns what the organizer is told about a pool that has no room.
func (k *Pick) Comment(s *Speech) string {
	w := speaker{Speech: s, p: &builtIn().Policy, words: wordsOf(s.Lang)}
	if k.Why.Code == CodeConflict || k.Why.Code == CodeBlocked {
		return w.decline(w.fill(w.words.noneFree, nil))
	}
	return w.decline(w.reason(&Occurrence{}, k.Why))
}
