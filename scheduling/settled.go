package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// A settled is the organizer's object with the answers that rooms have given to a change of
// it, before others are told of that: they are sent what it says in the end.
type settled struct {
	*views
	added []ical.DateTime  // the instances that have components of their own for their answers
	told  map[string]class // what of it was sent, by address
}

// settle is for the object of who began it, when answers have been taken into that.
func (c *conversation) settle() (*settled, error) {
	m, err := organizersMeeting(c.own, c.p.Owner, c.p.Now, c.o, c.w)
	if err != nil {
		return nil, err
	}
	s := &settled{views: m.newViews(map[ical.DateTime]*ical.Component{})}
	if len(c.own.Overrides) == len(c.p.Store.Overrides) {
		return s, nil
	}
	before, err := c.p.Store.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range m.new.RIDs() {
		if before.At(rid) == nil {
			s.added = append(s.added, rid)
		}
	}
	return s, nil
}

// message is a message of a plan as it is sent to recipients who were not asked before.
func (s *settled) message(m *Message, to []*Party) (*Message, error) {
	if s == nil || m.about == nil || len(to) == 0 {
		return m, nil
	}
	cl := &class{rids: m.about.rids, whole: m.about.whole, to: to}
	if cl.whole { // who is invited to a series is so to what was an instance of it like others
		cl.rids = slices.Concat(cl.rids, slices.DeleteFunc(slices.Clone(s.added), func(rid ical.DateTime) bool {
			return slices.Contains(cl.rids, rid)
		}))
		sortRIDs(cl.rids)
	}
	for _, rid := range cl.rids {
		if s.new.At(rid) != nil || s.derived[rid] != nil {
			continue
		}
		c, err := s.new.Derive(rid)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return m, nil
		}
		s.derived[rid] = c
	}
	data, err := s.data(cl)
	if err != nil {
		return nil, err
	}
	if s.told == nil {
		s.told = make(map[string]class, len(to))
	}
	for _, p := range to {
		s.told[p.Address] = *cl
	}
	final := *m
	final.To, final.Data = to, data
	return &final, nil
}

// sent reports whether somebody was sent all of what a class sees.
func (s *settled) sent(address string, want *class) bool {
	if s == nil {
		return false
	}
	told, ok := s.told[address]
	return ok && (told.whole || !want.whole && !slices.ContainsFunc(want.rids, func(rid ical.DateTime) bool {
		return !slices.Contains(told.rids, rid)
	}))
}
