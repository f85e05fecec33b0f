package edit

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"convene/internal/ical"
)

// isFirst reports whether nothing of a series is before an instance.
func isFirst(o *ical.Object, rid ical.DateTime) (bool, error) {
	n, err := before(o, rid)
	return n == 0, err
}

// before counts the instances that rules and RDATEs give before one, also those that were
// taken out or moved: as COUNT does (RFC 5545 §3.3.10).
func before(o *ical.Object, rid ical.DateTime) (int, error) {
	cal := *o.Calendar
	cal.Children = nil
	for _, c := range o.Calendar.Children {
		switch {
		case c == o.Master:
			bare := c.Clone()
			bare.Remove("EXDATE")
			bare.Remove("EXRULE")
			cal.Children = append(cal.Children, bare)
		case c.Prop("RECURRENCE-ID") == nil:
			cal.Children = append(cal.Children, c)
		}
	}
	bare, err := ical.NewObject(&cal)
	if err != nil {
		return 0, err
	}
	s, err := bare.Series()
	if err != nil {
		return 0, err
	}
	n := 0
	for inst, err := range s.Instances(math.MinInt64, rid.Unix(nil), nil, nil) {
		if err != nil {
			return 0, err
		}
		if s.RID(inst.RecurrenceID).Wall < rid.Wall {
			n++
		}
	}
	return n, nil
}

// head is a series until before an instance; nil if nothing is left of it.
func (m Maker) head(o *ical.Object, rid ical.DateTime) ([]byte, error) {
	cal := o.Calendar.Clone()
	late, err := m.later(o, cal, rid)
	if err != nil {
		return nil, err
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return slices.Contains(late, c) })
	for _, c := range events(cal) {
		if c.Prop("RECURRENCE-ID") != nil {
			continue
		}
		for _, p := range c.AllProps("RRULE") {
			rule, err := ical.ParseRule(p.Value)
			if err != nil {
				return nil, err
			}
			last := rid
			last.Wall--
			if rid.Kind == ical.Date {
				last.Wall = rid.Wall - daySeconds
			}
			if until, ok := rule.Until(); ok && rule.Count() == 0 && until.Kind == last.Kind && until.Wall <= last.Wall {
				continue // it ends before by itself
			}
			p.Value = rule.WithUntil(last).String()
		}
		if err := m.cut(o, c, func(t ical.DateTime) bool { return t.Wall < rid.Wall }); err != nil {
			return nil, err
		}
		stamp(c, m.Now)
	}
	body, err := finish(cal, o)
	if isNever(err) {
		return nil, nil
	}
	return body, err
}

func isNever(err error) bool {
	e, ok := err.(*FieldError)
	return ok && e.Reason == "never"
}

// later are the overrides of cal, a copy of o's, that are for an instance or one after
// it.
func (m Maker) later(o *ical.Object, cal *ical.Component, rid ical.DateTime) (late []*ical.Component, err error) {
	s, err := o.Series()
	if err != nil {
		return nil, err
	}
	for _, c := range events(cal) {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			continue
		}
		t, err := p.DateTime(o.Zones)
		if err != nil {
			return nil, err
		}
		if s.RID(t).Wall >= rid.Wall {
			late = append(late, c)
		}
	}
	return late, nil
}

// cut leaves those dates of a master for which keep is true.
func (m Maker) cut(o *ical.Object, c *ical.Component, keep func(ical.DateTime) bool) error {
	s, err := o.Series()
	if err != nil {
		return err
	}
	for _, name := range []string{"EXDATE", "RDATE"} {
		for _, p := range c.AllProps(name) {
			if strings.EqualFold(p.Param("VALUE"), "PERIOD") {
				continue
			}
			var kept []string
			for value := range strings.SplitSeq(p.Value, ",") {
				t, err := ical.ParseDateTime(value, p.Param("TZID"), strings.EqualFold(p.Param("VALUE"), "DATE"), o.Zones)
				if err != nil {
					return err
				}
				if keep(s.RID(t)) {
					kept = append(kept, value)
				}
			}
			if n := strings.Count(p.Value, ",") + 1; len(kept) < n {
				p.Value = strings.Join(kept, ",")
			}
		}
		c.RemoveFunc(func(p *ical.Property) bool { return p.Name == name && p.Value == "" })
	}
	return nil
}

// tail is a series of its own that begins with an instance, changed.
func (m Maker) tail(o *ical.Object, rid ical.DateTime, was, want Event) ([]byte, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	first, err := d.Derive(rid)
	if err == nil && first == nil {
		err = ErrNoInstance
	}
	if err != nil {
		return nil, err
	}
	first.Remove("RECURRENCE-ID")
	for _, name := range []string{"RRULE", "EXRULE", "RDATE", "EXDATE"} {
		for _, p := range o.Master.AllProps(name) {
			first.Add(p.Moved())
		}
	}
	if err := m.cut(o, first, func(t ical.DateTime) bool { return t.Wall >= rid.Wall }); err != nil {
		return nil, err
	}
	for _, p := range first.AllProps("RRULE") {
		rule, err := ical.ParseRule(p.Value)
		if err != nil {
			return nil, err
		}
		if rule.Count() > 0 {
			n, err := before(o, rid)
			if err != nil {
				return nil, err
			}
			p.Value = rule.WithCount(max(1, rule.Count()-int64(n))).String()
		}
	}
	cal := o.Calendar.Clone()
	late, err := m.later(o, cal, rid)
	if err != nil {
		return nil, err
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return c.Name == o.Kind && !slices.Contains(late, c) })
	cal.Children = append(cal.Children, first)
	if was.Repeat.Count > 0 && was.Repeat.Count == want.Repeat.Count {
		rest := repeatOf(first, o.Zones).Count // of those that follow
		was.Repeat.Count, want.Repeat.Count = rest, rest
	}
	if _, err := m.rewrite(cal, o.Zones, was, want); err != nil {
		return nil, err
	}
	if was.Repeat != want.Repeat || otherDay(was, want) {
		for _, c := range events(cal) {
			c.SetValue("UID", ical.EscapeText(m.UID))
		}
		if err := tidy(cal); err != nil {
			return nil, err
		}
	}
	for _, c := range events(cal) {
		c.SetValue("UID", ical.EscapeText(m.UID))
		c.SetValue("SEQUENCE", "0")
		stamp(c, m.Now)
		ask(c)
	}
	return finish(cal, o)
}

// ask makes of the guests of a meeting such as have not answered yet.
func ask(c *ical.Component) {
	organizer := ""
	if p := c.Prop("ORGANIZER"); p != nil {
		organizer = p.Address()
	}
	for _, p := range c.AllProps("ATTENDEE") {
		p.RemoveParam("SCHEDULE-STATUS")
		if p.Address() != organizer {
			p.SetParam("PARTSTAT", "NEEDS-ACTION")
			p.SetParam("RSVP", "TRUE")
		}
	}
}

// saveFollowing ends a series before an instance, and begins another with it.
func (m Maker) saveFollowing(o *ical.Object, rid ical.DateTime, was, want Event) (c Change, err error) {
	if !want.movedFrom(was) && was.same(want) {
		return Change{Same: true}, nil
	}
	if c.Next, err = m.tail(o, rid, was, want); err != nil {
		return Change{}, err
	}
	c.UID = m.UID
	c.Body, err = m.head(o, rid)
	return c, err
}

// same reports whether two forms say the same.
func (e Event) same(other Event) bool {
	guests := func(a, b Guest) int { return cmp.Compare(a.Address, b.Address) }
	x, y := slices.SortedFunc(slices.Values(e.Guests), guests), slices.SortedFunc(slices.Values(other.Guests), guests)
	equal := slices.EqualFunc(x, y, func(a, b Guest) bool { return a.Address == b.Address && a.Optional == b.Optional })
	return equal && !e.movedFrom(other) && e.Title == other.Title && e.Place == other.Place && e.Notes == other.Notes &&
		e.Alarm == other.Alarm && e.Class == other.Class && e.Free == other.Free && e.Repeat == other.Repeat
}

// Move puts an instance, or what Scope says, at another time. start and end are as in
// Event, of a zone; an event keeps the one that it has. Errors: as Save.
func (m Maker) Move(o *ical.Object, at string, scope Scope, start, end, zone string) (Change, error) {
	want, err := Form(o, at)
	if err != nil {
		return Change{}, err
	}
	whole := want.AllDay
	want.AllDay, want.Start, want.End = len(start) == len(dayForm), start, end
	switch {
	case want.AllDay:
	case whole:
		want.Zone = zone
	case want.Zone != "" && want.Zone != zone:
		if want.Start, err = between(start, zone, want.Zone, o.Zones); err != nil {
			return Change{}, wrong("start", "missing")
		}
		if want.End, err = between(end, zone, want.Zone, o.Zones); err != nil {
			return Change{}, wrong("end", "missing")
		}
	}
	return m.Save(o, at, scope, want)
}

// between is what a clock of another zone shows when that of one shows s.
func between(s, from, to string, zones *ical.Zones) (string, error) {
	e := Event{Zone: from}
	t, err := e.time("start", s, zones)
	if err != nil {
		return "", err
	}
	unix := t.Unix(nil)
	if to == "UTC" {
		return wall(ical.DateTime{Wall: unix, Kind: ical.UTC}), nil
	}
	z, err := zones.Lookup(to)
	if err != nil {
		return "", err
	}
	return wall(ical.DateTime{Wall: z.Wall(unix), Kind: ical.Zoned, Zone: z}), nil
}

// Delete takes an instance out, or what Scope says. Errors: ErrNoInstance,
// *ical.InvalidError.
func (m Maker) Delete(o *ical.Object, at string, scope Scope) (Change, error) {
	rid, err := Instance(o, at)
	if err != nil || scope == All || rid.IsZero() {
		return Change{}, err
	}
	if scope == Following && o.Master != nil {
		first, err := isFirst(o, rid)
		if err != nil || first {
			return Change{}, err
		}
		body, err := m.head(o, rid)
		return Change{Body: body}, err
	}
	d, err := o.Draft(nil)
	if err != nil {
		return Change{}, err
	}
	has, err := d.Has(rid)
	if err != nil {
		return Change{}, err
	}
	if !has && d.At(rid) == nil {
		return Change{}, ErrNoInstance
	}
	if err := d.Exclude(rid); err != nil {
		return Change{}, err
	}
	d.Remove(rid)
	if len(d.RIDs()) == 0 {
		return Change{}, nil
	}
	if c := d.Edit(ical.DateTime{}); c != nil {
		stamp(c, m.Now)
	}
	change, err := drafted(d)
	if isNever(err) {
		return Change{}, nil
	}
	return change, err
}

// Answer sets what a guest answers, to an instance or to all: PARTSTAT, and a word for
// the organizer alone. is tells whether an address is theirs. Errors: ErrNoInstance.
func (m Maker) Answer(o *ical.Object, at, answer, comment string, is func(address string) bool) (Change, error) {
	rid, err := Instance(o, at)
	if err != nil {
		return Change{}, err
	}
	d, err := o.Draft(nil)
	if err != nil {
		return Change{}, err
	}
	rids := []ical.DateTime{rid}
	if rid.IsZero() {
		rids = d.RIDs()
	}
	found := false
	for _, rid := range rids {
		c, err := d.EditEffective(rid)
		if rid.IsZero() {
			c, err = d.Edit(rid), nil
		}
		if err != nil {
			return Change{}, err
		}
		if c == nil {
			return Change{}, ErrNoInstance
		}
		for _, p := range c.AllProps("ATTENDEE") {
			if is(p.Address()) {
				p.SetParam("PARTSTAT", answer)
				p.RemoveParam("RSVP")
				found = true
			}
		}
		if comment != "" {
			c.Set(ical.TextProperty("X-CALENDARSERVER-PRIVATE-COMMENT", comment))
		}
		c.SetValue("DTSTAMP", ical.DateTime{Wall: m.Now.Unix(), Kind: ical.UTC}.String())
	}
	if !found {
		return Change{}, ErrNoInstance
	}
	return drafted(d)
}
