package doctor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/discover"
)

// records looks at people, groups, rooms and resources as the server sees them.
func (p *patient) records(ctx context.Context, e *examination, d *directory.LDAP) {
	kind, err := discover.KindOf(p.probe, p.root.Entry)
	if err != nil {
		e.failed(Fail, "preset", err, p.facts(discover.Searching))
	}
	for _, t := range directory.Types() {
		filter, _, err := p.ldap.Filter(t)
		if err != nil || filter == "" {
			continue
		}
		s, err := d.Survey(ctx, t, p.Most)
		facts := p.facts(discover.Searching)
		facts.Type = t
		if err != nil {
			e.failed(Fail, t.String(), err, facts)
			continue
		}
		p.counted(e, t, s, facts)
		switch t {
		case directory.User:
			if s.Count == 0 {
				p.nobody(e, s, kind)
				return
			}
			p.duplicates(e, s)
		case directory.Location:
			p.rooms(ctx, e, d, s)
		}
	}
	p.preset(e, kind)
}

// counted tells how many records there are, and whether that is all of them.
func (p *patient) counted(e *examination, t directory.Type, s *directory.Survey, facts discover.Facts) {
	all := s.Count
	for _, n := range s.LeftOut {
		all += n
	}
	if without := s.LeftOut[directory.LeftOutNoGUID]; without > 0 {
		level := Warn
		if s.Count == 0 {
			level = Fail
		}
		if r, err := p.ldap.Record(t); err == nil {
			facts.GUID = r.GUID
		}
		e.failed(level, fmt.Sprintf("%s: %d of %d", t, without, all), directory.ErrNoGUID, facts)
	}
	if s.More && all < p.Most {
		fault, _ := discover.Explain(directory.ErrTooMany, facts)
		e.found(Fail, t.String(), fault.Symptom, fault.Setting, fault.Cure, "no more than %d can be read: %s", all, fault.Problem)
		return
	}
	if s.Count == 0 {
		return
	}
	figure := fmt.Sprint(s.Count)
	if s.More {
		figure = "more than " + figure
	}
	var left []string
	for _, why := range slices.Sorted(maps.Keys(s.LeftOut)) {
		left = append(left, fmt.Sprintf("%d %s", s.LeftOut[why], why))
	}
	if len(left) > 0 {
		figure += "; besides " + strings.Join(left, ", ")
	}
	if t == directory.User && s.NoMail > 0 {
		e.found(Warn, t.String(), "no-mail", "directory.ldap.users.email", "give them mail addresses in the directory, or name the attribute that has them",
			"%s cannot be invited", plural(s.NoMail, "has no mail address and", "have no mail address and"))
	}
	e.report = append(e.report, Finding{Level: OK, Check: e.check, What: t.String(), Figure: figure, Count: s.Count})
}

// nobody says why there are no people.
func (p *patient) nobody(e *examination, s *directory.Survey, kind discover.Kind) {
	if s.LeftOut[directory.LeftOutNoGUID] > 0 {
		if kind.Preset != "" && kind.Preset != p.presetName() {
			e.fault(Fail, "users", presetFault(kind, p.presetName()))
		}
		return // said already
	}
	facts := p.facts(discover.Searching)
	facts.Type = directory.User
	missing, err := discover.Missing(p.probe, *p.ldap, p.root.Entry)
	if err != nil {
		if !isResponse(err) {
			e.failed(Fail, "users", err, facts)
		}
		return // the base, of which it was said
	}
	switch { // several presets' filters may be alike
	case kind.Preset == p.presetName():
		missing.Preset = ""
	case missing.Preset != "" && kind.Preset != "":
		missing.Preset = kind.Preset
	}
	fault, _ := discover.Explain(missing, facts)
	if fault.Symptom == "nobody-base" {
		fault.Setting = p.baseSetting(directory.User)
	}
	e.fault(Fail, "users", fault)
}

func (p *patient) presetName() string {
	if p.ldap.Preset == "" {
		return "openldap"
	}
	return strings.ToLower(p.ldap.Preset)
}

func presetFault(k discover.Kind, configured string) discover.Fault {
	return discover.Fault{Symptom: "preset", Setting: "directory.ldap.preset",
		Problem: fmt.Sprintf("the server is %s, and preset is %q", k.Product, configured), Cure: fmt.Sprintf("set preset = %q", k.Preset)}
}

// preset looks whether the preset is the server's own.
func (p *patient) preset(e *examination, kind discover.Kind) {
	if kind.Preset == "" || kind.Preset == p.presetName() {
		e.ok("preset", "%s, for %s", p.presetName(), orUnknown(kind.Product))
		return
	}
	e.fault(Warn, "preset", presetFault(kind, p.presetName()))
}

func orUnknown(s string) string {
	if s == "" {
		return "a directory of unknown kind"
	}
	return s
}

// duplicates tells of names and addresses that several people have.
func (p *patient) duplicates(e *examination, s *directory.Survey) {
	for _, d := range s.Duplicates {
		setting, symptom := "directory.ldap.users.login", "duplicate-login"
		if strings.Contains(d.Value, "@") {
			setting, symptom = "directory.ldap.users.email", "duplicate-mail"
		}
		e.found(Warn, "users", symptom, setting, "let one of them have another value, disable the one that has left, or name attributes whose values are unique",
			"%q belongs to %s", d.Value, strings.Join(d.DNs, " and to "))
	}
}

// rooms looks whether rooms can be invited and found.
func (p *patient) rooms(ctx context.Context, e *examination, d *directory.LDAP, s *directory.Survey) {
	if s.Count == 0 {
		p.roomsElsewhere(e)
		return
	}
	list, err := d.Search(ctx, directory.Query{Types: []directory.Type{directory.Location}})
	if err != nil && !errors.Is(err, directory.ErrTooMany) {
		e.failed(Fail, "rooms", err, p.facts(discover.Searching))
		return
	}
	var noMail, noSeats []string
	for _, r := range list {
		if len(r.Emails) == 0 {
			noMail = append(noMail, r.FullName)
		}
		if r.Capacity == 0 {
			noSeats = append(noSeats, r.FullName)
		}
	}
	if len(noMail) > 0 {
		e.found(Warn, "locations", "room-mail", "directory.ldap.locations.email", "give them mail addresses in the directory",
			"%s cannot be invited by mail address: %s", plural(len(noMail), "room", "rooms"), first(noMail))
	}
	if len(noSeats) > 0 {
		e.found(Warn, "locations", "room-capacity", "directory.ldap.locations.capacity", "write it into the directory, name the attribute that has it, or \"convene room set\"",
			"of %s the number of seats is not known: %s", plural(len(noSeats), "room", "rooms"), first(noSeats))
	}
}

// first are the first few of a list.
func first(list []string) string {
	const few = 5
	if len(list) > few {
		return strings.Join(list[:few], ", ") + fmt.Sprintf(" and %d more", len(list)-few)
	}
	return strings.Join(list, ", ")
}

// roomsElsewhere looks for rooms in the rest of the directory.
func (p *patient) roomsElsewhere(e *examination) {
	found := discover.RoomsElsewhere(p.probe, *p.ldap, p.root.Entry)
	if found == nil {
		e.ok("locations", "none")
		return
	}
	e.found(Warn, "locations", "room-base", p.baseSetting(directory.Location), fmt.Sprintf("set directory.ldap.locations.base = [%q], or to where in it they are", found.Context),
		"there are none below %s, but %s below %s, such as %s", strings.Join(found.Base, ", "), plural(found.Count, "room", "rooms"), found.Context, found.First)
}

// members looks at the attributes by which groups name their members.
func (p *patient) members(e *examination) {
	list, err := discover.MemberAttributes(p.probe, *p.ldap)
	if err != nil {
		return // groups have been looked at; what failed was said there
	}
	for _, a := range list {
		if a.Indexed {
			continue
		}
		cure := "index it for equality in the directory; OpenLDAP: index " + a.Name + " eq"
		if !a.Used {
			cure = "no group has it: leave it out of directory.ldap.groups.member or member-name, or index it"
		}
		e.found(Warn, "groups", "not-indexed", "directory.ldap.groups.member", cure, "a search by %s takes %v: it is not indexed", a.Name, a.Took.Round(time.Millisecond))
	}
}
