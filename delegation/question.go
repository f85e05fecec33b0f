package delegation

import (
	"slices"
	"strings"
	"time"
)

// A Caller is a principal who acts, with what the directory says of them.
type Caller struct {
	GUID   string
	Groups []string // all groups, also through groups

	// Replaces has the groups of those in whose place the caller acts, as
	// Set.Replaced names them. Without an entry, only what somebody may do as
	// themselves counts, not as a member of groups.
	Replaces map[string][]string
}

// through reports how guid leads to a principal with these groups: "" as
// themselves, or through a group.
func through(guid, principal string, groups []string) (group string, ok bool) {
	if guid == principal {
		return "", true
	}
	return guid, slices.Contains(groups, guid)
}

// A Grant is what a delegate may do. The zero value is nothing.
type Grant struct {
	Level      Level `json:"level"`
	Schedule   bool  `json:"schedule"`   // invite and reply, and use the outbox; with LevelWrite only
	SeePrivate bool  `json:"seePrivate"` // private and confidential events
	Manage     bool  `json:"manage"`     // change the delegator's list
	Approve    bool  `json:"approve"`    // answer requests to a location or resource; with LevelWrite only
	Substitute bool  `json:"substitute"` // name a stand-in
}

func (g *Grant) add(o Grant) {
	g.Level = max(g.Level, o.Level)
	g.Schedule = g.Schedule || o.Schedule
	g.SeePrivate = g.SeePrivate || o.SeePrivate
	g.Manage = g.Manage || o.Manage
	g.Approve = g.Approve || o.Approve
	g.Substitute = g.Substitute || o.Substitute
}

func (r *Record) grant() Grant {
	write := r.Level == LevelWrite
	return Grant{Level: r.Level, Schedule: write && !r.NoSchedule, SeePrivate: r.SeePrivate,
		Manage: r.Manage, Approve: write && r.Approve, Substitute: r.Substitute}
}

// A Reason is a record that names a caller, and what it gives them.
type Reason struct {
	Record  Record
	Group   string   // through which the record leads to the caller, or to whom they stand in for; "": directly
	StandIn *StandIn // nil: the caller is a delegate, and not somebody's stand-in
	Grant   Grant    // what counts, the less of the record and the stand-in
	Until   time.Time
	Not     string // why it does not count; "": it does
}

// A Delegation is what a caller may do for a delegator.
type Delegation struct {
	Grant            // the union, whatever the calendar
	Scope   Scope    // the union
	Reasons []Reason // which count; none: no delegate
}

// At returns what the caller may do in one calendar: the union of those records
// whose scope covers it.
func (d *Delegation) At(collection uint32) (g Grant) {
	for i := range d.Reasons {
		if r := &d.Reasons[i]; r.Record.Scope.Covers(collection) {
			g.add(r.Grant)
		}
	}
	return g
}

// Delegation answers what caller may do for delegator at now. directory has the
// records of the delegator's own attributes, others are left out. Rights add up;
// nobody is their own delegate; a delegate of a delegate has no rights, but for
// stand-ins, who may not have stand-ins in turn.
func (s *Set) Delegation(caller Caller, delegator string, directory []Record, now time.Time) Delegation {
	var d Delegation
	s.causes(caller, delegator, directory, now, func(c cause) {
		if c.not == "" {
			d.add(c.reason())
		}
	})
	return d
}

// Grants calls visit for each of the Reasons of Delegation with where it counts and what
// it gives: that is all that rights are made of, and takes no copy of a record.
func (s *Set) Grants(caller Caller, delegator string, directory []Record, now time.Time, visit func(Scope, Grant)) {
	s.causes(caller, delegator, directory, now, func(c cause) {
		if c.not == "" {
			visit(c.record.Scope, c.grant)
		}
	})
}

func (d *Delegation) add(r Reason) {
	d.Grant.add(r.Grant)
	d.Scope = d.Scope.union(r.Record.Scope)
	d.Reasons = append(d.Reasons, r)
}

// Explain returns every record of a delegator, and every stand-in of the caller,
// and why each counts or not.
func (s *Set) Explain(caller Caller, delegator string, directory []Record, now time.Time) (list []Reason) {
	s.causes(caller, delegator, directory, now, func(c cause) { list = append(list, c.reason()) })
	return list
}

// Why a record does not count.
const (
	notSelf        = "nobody is a delegate of themselves"
	notNamed       = "names neither the caller nor one of their groups"
	notYet         = "has not begun"
	notAnyMore     = "has ended"
	notAnywhere    = "its scope is empty"
	notFor         = "the stand-in is not for this delegator"
	notDelegate    = "whose place the stand-in takes is no delegate"
	notSubstitute  = "the delegate may not name a stand-in"
	notStandInYet  = "the stand-in has not begun"
	notStandInMore = "the stand-in has ended"
)

// A cause is a Reason before its record is copied.
type cause struct {
	record  *Record // nil: a stand-in for whom there is none
	group   string
	standIn *StandIn
	grant   Grant
	not     string
}

func (c *cause) reason() Reason {
	r := Reason{Group: c.group, StandIn: c.standIn, Grant: c.grant, Not: c.not}
	if c.record != nil {
		r.Record, r.Until = *c.record, c.record.Until
	}
	if c.standIn != nil {
		r.Until = earlier(r.Until, c.standIn.Until)
	}
	return r
}

func (s *Set) causes(caller Caller, delegator string, directory []Record, now time.Time, give func(cause)) {
	stored, _ := s.delegator.Get(delegator)
	each := func(visit func(*Record)) {
		for _, r := range stored {
			visit(r)
		}
		for i := range directory {
			if directory[i].Delegator == delegator {
				visit(&directory[i])
			}
		}
	}
	each(func(r *Record) {
		group, named := through(r.Delegate, caller.GUID, caller.Groups)
		not := r.not(now)
		switch {
		case !named:
			not, group = notNamed, ""
		case caller.GUID == delegator:
			not = notSelf
		}
		give(cause{record: r, group: group, grant: r.grant(), not: not})
	})
	standIns, _ := s.standsIn.Get(caller.GUID)
	for _, x := range standIns {
		found := false
		if not := x.not(delegator, now); not != "" {
			give(cause{standIn: x, not: not})
			continue
		}
		each(func(r *Record) {
			if group, ok := through(r.Delegate, x.Delegate, caller.Replaces[x.Delegate]); ok && x.Delegate != delegator {
				found = true
				give(x.cause(r, group, now))
			}
		})
		if !found {
			give(cause{standIn: x, not: notDelegate})
		}
	}
}

// not says why a record has no effect at now.
func (r *Record) not(now time.Time) string {
	switch {
	case r.Ended(now):
		return notAnyMore
	case !r.InForce(now):
		return notYet
	case !r.Scope.All && len(r.Scope.Collections) == 0:
		return notAnywhere
	}
	return ""
}

func (s *StandIn) not(delegator string, now time.Time) string {
	switch {
	case delegator == s.StandIn:
		return notSelf
	case !s.covers(delegator):
		return notFor
	case ended(s.Until, now):
		return notStandInMore
	case !s.InForce(now):
		return notStandInYet
	}
	return ""
}

// cause is what a record of the delegate gives the stand-in: not the right to
// change the list, nor to name another stand-in.
func (s *StandIn) cause(r *Record, group string, now time.Time) cause {
	g := r.grant()
	g.Manage, g.Substitute = false, false
	not := r.not(now)
	if not == "" && !r.Substitute && !s.Administrator {
		not = notSubstitute
	}
	return cause{record: r, group: group, standIn: s, grant: g, not: not}
}

// Replaced returns in whose place a principal acts at now: whose groups belong
// into Caller.Replaces.
func (s *Set) Replaced(guid string, now time.Time) (list []string) {
	standIns, _ := s.standsIn.Get(guid)
	for _, x := range standIns {
		if x.InForce(now) && !slices.Contains(list, x.Delegate) {
			list = append(list, x.Delegate)
		}
	}
	return list
}

// A Delegator is one for whom a caller is a delegate.
type Delegator struct {
	GUID  string
	Level Level // the higher one
}

// Delegators returns for whom a caller is a delegate at now, by GUID. directory
// has the records of the directory that may name the caller or who they stand in
// for.
func (s *Set) Delegators(caller Caller, directory []Record, now time.Time) []Delegator {
	levels := map[string]Level{}
	s.naming(caller.GUID, caller.Groups, directory, func(r *Record) {
		if r.Delegator != caller.GUID && r.not(now) == "" {
			levels[r.Delegator] = max(levels[r.Delegator], r.Level)
		}
	})
	standIns, _ := s.standsIn.Get(caller.GUID)
	for _, x := range standIns {
		s.naming(x.Delegate, caller.Replaces[x.Delegate], directory, func(r *Record) {
			if r.Delegator != x.Delegate && x.not(r.Delegator, now) == "" && x.cause(r, "", now).not == "" {
				levels[r.Delegator] = max(levels[r.Delegator], r.Level)
			}
		})
	}
	list := make([]Delegator, 0, len(levels))
	for guid, level := range levels {
		list = append(list, Delegator{guid, level})
	}
	slices.SortFunc(list, func(a, b Delegator) int { return strings.Compare(a.GUID, b.GUID) })
	return list
}

// naming visits the records that name a principal or one of their groups.
func (s *Set) naming(guid string, groups []string, directory []Record, visit func(*Record)) {
	for i, name := range append([]string{guid}, groups...) {
		if i > 0 && (name == guid || slices.Contains(groups[:i-1], name)) {
			continue
		}
		list, _ := s.delegate.Get(name)
		for _, r := range list {
			visit(r)
		}
	}
	for i := range directory {
		if _, ok := through(directory[i].Delegate, guid, groups); ok {
			visit(&directory[i])
		}
	}
}

// Expanded returns everybody who is a delegate of a delegator at now, and at which
// level: members has all members, also through groups, of each group. Stand-ins
// are among them.
func (s *Set) Expanded(delegator string, members map[string][]string, directory []Record, now time.Time) map[string]Level {
	levels := map[string]Level{}
	raise := func(guid string, level Level) {
		if guid != delegator {
			levels[guid] = max(levels[guid], level)
		}
	}
	direct := s.Delegates(delegator, now)
	for _, r := range directory {
		if r.Delegator == delegator {
			direct = append(direct, r)
		}
	}
	for i := range direct {
		r := &direct[i]
		if r.not(now) != "" {
			continue
		}
		for _, guid := range append([]string{r.Delegate}, members[r.Delegate]...) {
			raise(guid, r.Level)
			standIns, _ := s.replaced.Get(guid)
			for _, x := range standIns {
				if guid != delegator && x.not(delegator, now) == "" && x.cause(r, "", now).not == "" {
					raise(x.StandIn, r.Level)
				}
			}
		}
	}
	return levels
}
