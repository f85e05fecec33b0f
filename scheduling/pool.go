package scheduling

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"convene/internal/ical"
)

// The parameters that say which room stands for a pool (RFC 5545 §3.2.4, §3.2.5), and the
// PARTSTAT of a pool for which one does.
const (
	delegatedTo   = "DELEGATED-TO"
	delegatedFrom = "DELEGATED-FROM"
	delegated     = "DELEGATED"
)

// isThing reports whether a line is of a room or resource, or a pool of them.
func isThing(p *ical.Property) bool {
	kind := p.Param("CUTYPE")
	return strings.EqualFold(kind, "ROOM") || strings.EqualFold(kind, "RESOURCE")
}

// choose finds a room for each pool that is invited, and takes off those whose pool is not
// any more. A pool is delegated to one room in all of a meeting.
func (m *meeting) choose() error {
	if err := m.lookUpPools(); err != nil {
		return err
	}
	for _, address := range slices.Sorted(maps.Keys(m.pools)) {
		if err := m.chooseFrom(m.pools[address]); err != nil {
			return err
		}
	}
	return nil
}

// lookUpPools asks the world which of the rooms and resources of the meeting are pools, also
// of those that were invited and that a room still stands for.
func (m *meeting) lookUpPools() error {
	m.pools, m.none = map[string]*Party{}, map[string]string{}
	asked := map[string]bool{}
	var need []string
	ask := func(address string) error {
		if GUIDOf(address) == "" || asked[address] {
			return nil
		}
		asked[address] = true
		party, err := m.world.Party(address)
		if missing, ok := errors.AsType[*NeedError](err); ok {
			need = append(need, missing.Addresses...)
			return nil
		}
		if err == nil && party.isPool() && party.Chooser != nil {
			m.pools[party.Address] = party
		}
		return err
	}
	for _, rid := range m.new.RIDs() {
		for p := range attendees(m.new.At(rid)) {
			if !isThing(p) {
				continue
			}
			for _, address := range append([]string{p.Address()}, p.ParamValues(delegatedFrom)...) {
				if err := ask(address); err != nil {
					return err
				}
			}
		}
	}
	if len(need) > 0 {
		slices.Sort(need)
		return &NeedError{slices.Compact(need)}
	}
	return nil
}

// chooseFrom finds the room that stands for a pool.
func (m *meeting) chooseFrom(pool *Party) error {
	asked, again := false, false
	for _, rid := range m.new.RIDs() {
		if p := serverAttendee(m.new.At(rid), pool.Address); p != nil {
			asked = true
			again = again || partStat(p) == needsAction || isForced(p)
		}
	}
	if !asked {
		m.standFor(pool, nil)
		return nil
	}
	was := m.new
	if m.old != nil {
		was = m.old
	}
	o, err := m.new.Object()
	if err != nil {
		return err
	}
	want := &Wanted{Object: o, Was: GUIDOf(standsFor(was, pool.Address)), Others: m.othersThan(pool), Organizer: m.Owner}
	if m.old != nil && !again {
		want.Old = m.Old
	}
	choice, err := pool.Chooser.Choose(want)
	if err != nil {
		return err
	}
	if choice.Room != "" {
		room, err := m.world.Party(CanonicalAddress(choice.Room))
		if err != nil {
			return err
		}
		m.standFor(pool, room)
		return nil
	}
	m.standFor(pool, nil)
	if !choice.Stands {
		m.none[pool.Address] = choice.Comment
	}
	return nil
}

// standsFor is the address of the room that stands for a pool, "" if none does.
func standsFor(d *ical.Draft, pool string) string {
	for _, rid := range d.RIDs() {
		for p := range attendees(d.At(rid)) {
			if slices.Contains(p.ParamValues(delegatedFrom), pool) {
				return p.Address()
			}
		}
	}
	return ""
}

// othersThan are the GUIDs of all who are invited, but for what stands for a pool: no other
// has the same.
func (m *meeting) othersThan(pool *Party) []string {
	all := map[string]bool{}
	for _, rid := range m.new.RIDs() {
		for p := range attendees(m.new.At(rid)) {
			if guid := GUIDOf(p.Address()); guid != "" && !slices.Contains(p.ParamValues(delegatedFrom), pool.Address) {
				all[guid] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// standFor lets a room stand for a pool wherever that is invited; nil: none does.
func (m *meeting) standFor(pool, room *Party) {
	for _, rid := range m.new.RIDs() {
		c := m.new.At(rid)
		stays := ""
		if p := serverAttendee(c, pool.Address); p != nil && room != nil {
			stays = room.Address
		}
		gone := func(p *ical.Property) bool {
			return p.Name == "ATTENDEE" && slices.Contains(p.ParamValues(delegatedFrom), pool.Address) && p.Address() != stays
		}
		if slices.ContainsFunc(c.Props, func(p ical.Property) bool { return gone(&p) }) {
			m.new.Edit(rid).RemoveFunc(gone)
		}
		eachLine(m.new, rid, func(address string, p *ical.Property) {
			switch {
			case address == pool.Address && (byServer(p) || p.Has(delegatedTo)):
				delegate(p, stays)
			case stays != "" && address == stays:
				setOrRemove(p, delegatedFrom, pool.Address)
			}
		})
		if stays != "" && attendeeOf(m.new.At(rid), stays) == nil {
			m.new.Edit(rid).Add(m.standIn(rid, pool, room))
		}
	}
}

// delegate says in the line of a pool which room stands for it; "": none, which is the
// answer of the pool, or still to be given.
func delegate(p *ical.Property, room string) {
	setOrRemove(p, delegatedTo, room)
	switch {
	case room != "":
		setPartStat(p, delegated)
	case partStat(p) == delegated:
		setPartStat(p, needsAction)
	}
}

// standIn is the line of a room that stands for a pool: with the answers that it has given.
func (m *meeting) standIn(rid ical.DateTime, pool, room *Party) ical.Property {
	if m.old != nil {
		if p := attendeeOf(m.before(rid), room.Address); p != nil {
			n := *p // parameters are replaced, never changed
			n.SetParam(delegatedFrom, pool.Address)
			return n
		}
	}
	p := ical.NewProperty("ATTENDEE", room.Address)
	setOrRemove(&p, "CN", quotable(room.CN))
	setOrRemove(&p, "EMAIL", room.Email())
	k := canonicaliser{options: m.options}
	setOrRemove(&p, "CUTYPE", k.userType(room.Kind))
	p.SetParam(delegatedFrom, pool.Address)
	p.SetParam("PARTSTAT", needsAction)
	return p
}

// answerForPools adds the answers of the pools that have no room to give: they decline.
func (m *meeting) answerForPools() error {
	for _, address := range slices.Sorted(maps.Keys(m.none)) {
		r := replier{
			from: m.pools[address], to: m.Owner, now: m.Now, o: m.options, rids: map[ical.DateTime]bool{master: true}, partStat: "DECLINED",
			comment: func(ical.DateTime) string { return m.none[address] },
		}
		reply, err := r.message(m.plan.Store)
		if err != nil {
			return err
		}
		if reply != nil {
			m.plan.Answers = append(m.plan.Answers, reply)
		}
	}
	return nil
}
