package scheduling

import (
	"errors"
	"slices"

	"convene/internal/ical"
)

// expandGroups invites the members of the groups that are invited, and takes off
// those who are there for a group alone that they are no longer in.
//
// It leaves the lists as the client has them if neither the groups of the meeting nor
// their members have changed since the last time, so that a member may be taken off.
func (m *meeting) expandGroups() error {
	if !m.options.ExpandGroups || m.old != nil && !m.Regroup && slices.Equal(groupsOf(m.old), groupsOf(m.new)) {
		return nil
	}
	if err := m.lookUpGroups(); err != nil {
		return err
	}
	for _, rid := range m.new.RIDs() {
		if err := m.expandIn(rid); err != nil {
			return err
		}
	}
	return nil
}

// groupsOf returns the addresses of the groups in each component, with those of
// which only members are left.
func groupsOf(d *ical.Draft) []string {
	var all []string
	for _, rid := range d.RIDs() {
		for p := range attendees(d.At(rid)) {
			if isGroup(p) {
				all = append(all, ridKey(rid)+" "+p.Address())
			}
		}
	}
	slices.Sort(all)
	return all
}

// lookUpGroups asks the world about the groups of the meeting, and their members.
func (m *meeting) lookUpGroups() error {
	m.groups = map[string]*Party{}
	var need []string
	ask := func(address string) (*Party, error) {
		party, err := m.world.Party(address)
		if missing, ok := errors.AsType[*NeedError](err); ok {
			need = append(need, missing.Addresses...)
			return nil, nil
		}
		return party, err
	}
	for _, rid := range m.new.RIDs() {
		for p := range attendees(m.new.At(rid)) {
			if !isGroup(p) || GUIDOf(p.Address()) == "" {
				continue
			}
			group, err := ask(p.Address())
			if err != nil {
				return err
			}
			if group == nil || group.Kind != Group {
				continue // one that is gone keeps its members
			}
			m.groups[group.Address] = group
			for _, guid := range group.Members {
				if _, err := ask(CanonicalAddress(guid)); err != nil {
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

// expandIn expands the groups of one component.
func (m *meeting) expandIn(rid ical.DateTime) error {
	c := m.new.At(rid)
	belongs := map[string][]string{} // who to which groups of the component
	present := map[string]bool{}
	for p := range attendees(c) {
		if isGroup(p) {
			present[p.Address()] = true
		}
		group := m.groups[p.Address()]
		if group == nil || !isGroup(p) {
			continue
		}
		for _, guid := range group.Members {
			address := CanonicalAddress(guid)
			belongs[address] = append(belongs[address], group.Address)
		}
	}
	m.regroup(rid, belongs, present)
	return m.addMembers(rid, belongs)
}

// regroup brings MEMBER up to date, and removes those whom no group invites any more.
// A group that the world does not know keeps its members.
func (m *meeting) regroup(rid ical.DateTime, belongs map[string][]string, present map[string]bool) {
	eachLine(m.new, rid, func(address string, p *ical.Property) {
		if !p.Has("MEMBER") {
			return
		}
		groups := slices.DeleteFunc(slices.Clone(p.ParamValues("MEMBER")), func(group string) bool {
			return GUIDOf(group) != "" && !slices.Contains(belongs[address], group) && (m.groups[group] != nil || !present[group])
		})
		for _, group := range belongs[address] {
			if !slices.Contains(groups, group) {
				groups = append(groups, group)
			}
		}
		slices.Sort(groups)
		if !slices.Equal(groups, p.ParamValues("MEMBER")) {
			p.SetParam("MEMBER", groups...)
		}
	})
	gone := func(p *ical.Property) bool {
		return p.Name == "ATTENDEE" && p.Has("MEMBER") && len(p.ParamValues("MEMBER")) == 0
	}
	if slices.ContainsFunc(m.new.At(rid).Props, func(p ical.Property) bool { return gone(&p) }) {
		m.new.Edit(rid).RemoveFunc(gone)
	}
}

// addMembers adds lines for the members that have none.
func (m *meeting) addMembers(rid ical.DateTime, belongs map[string][]string) error {
	lines := lineupOf(m.new.At(rid))
	var missing []string
	for address := range belongs {
		if lines[address] == nil {
			missing = append(missing, address)
		}
	}
	slices.Sort(missing)
	for _, address := range missing {
		party, err := m.world.Party(address)
		if err != nil {
			return err
		}
		if !party.Local() {
			continue
		}
		p := ical.NewProperty("ATTENDEE", party.Address)
		setOrRemove(&p, "CN", quotable(party.CN))
		if len(party.Emails) > 0 {
			p.SetParam("EMAIL", party.Emails[0])
		}
		k := canonicaliser{options: m.options}
		setOrRemove(&p, "CUTYPE", k.userType(party.Kind))
		groups := slices.Sorted(slices.Values(belongs[address]))
		p.SetParam("MEMBER", groups...)
		p.SetParam("PARTSTAT", needsAction)
		m.new.Edit(rid).Add(p)
	}
	return nil
}
