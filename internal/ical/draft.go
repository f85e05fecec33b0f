package ical

import (
	"slices"
)

// A Draft is a calendar object in work: its components by the instances that they
// are for, compared, derived and changed. It begins as an Object, of which it
// copies what is changed and shares the rest.
//
// Instances are named by RID; the zero DateTime names the master. A Draft is not
// safe for concurrent use.
type Draft struct {
	from   *Object
	zones  *Zones
	budget *Budget
	parts  []draftPart
	index  map[DateTime]int // of parts; nil as long as they are few
	cal    *Component       // the VCALENDAR with other properties or zones; nil: from's
	series *Series          // of the parts as they are; nil: to be compiled
	dirty  bool
}

// A draftPart is one component of a Draft.
type draftPart struct {
	rid     DateTime
	src     *Component // what it was in the object; nil: was not there
	comp    *Component
	own     bool // comp is the draft's
	removed bool
}

// fewParts is up to how many components a Draft looks through.
const fewParts = 8

// Draft takes o in work. All that the draft calculates is taken from b, which may be
// nil. Errors are those of Series.
func (o *Object) Draft(b *Budget) (*Draft, error) {
	d := &Draft{from: o, zones: o.Zones, budget: b.orDefault(), parts: make([]draftPart, 0, len(o.Overrides)+1)}
	if o.Master != nil {
		d.parts = append(d.parts, draftPart{src: o.Master, comp: o.Master})
	}
	if len(o.Overrides) == 0 {
		return d, nil
	}
	s, err := o.Series()
	if err != nil {
		return nil, err
	}
	d.series = s
	for _, c := range o.Overrides {
		id, err := c.Prop("RECURRENCE-ID").DateTime(o.Zones)
		if err != nil {
			return nil, seriesError(c.Prop("RECURRENCE-ID"), err)
		}
		d.append(draftPart{rid: s.RID(id), src: c, comp: c})
	}
	return d, nil
}

func (d *Draft) append(p draftPart) {
	d.parts = append(d.parts, p)
	switch {
	case d.index != nil:
		d.note(len(d.parts) - 1)
	case len(d.parts) > fewParts:
		d.index = make(map[DateTime]int, cap(d.parts))
		for i := range d.parts {
			d.note(i)
		}
	}
}

// note puts a part into the index. Of two overrides of one instance, which only
// damaged data has, the first counts.
func (d *Draft) note(i int) {
	if _, second := d.index[d.parts[i].rid]; !second {
		d.index[d.parts[i].rid] = i
	}
}

// part returns the part of that name, or nil. It is good until one is added.
func (d *Draft) part(rid DateTime) *draftPart {
	i, ok := d.index[rid]
	if d.index == nil {
		i = slices.IndexFunc(d.parts, func(p draftPart) bool { return p.rid == rid })
		ok = i >= 0
	}
	if !ok {
		return nil
	}
	return &d.parts[i]
}

// Original returns what the draft began as.
func (d *Draft) Original() *Object { return d.from }

// Zones resolves the TZIDs of the draft.
func (d *Draft) Zones() *Zones { return d.zones }

// Changed reports whether something was changed.
func (d *Draft) Changed() bool { return d.dirty }

// RIDs returns the names of all components: the zero DateTime first if there is a
// master, then the overrides in the order of the source.
func (d *Draft) RIDs() []DateTime {
	all := make([]DateTime, 0, len(d.parts))
	if d.Master() != nil {
		all = append(all, DateTime{})
	}
	for i := range d.parts {
		if !d.parts[i].removed && !d.parts[i].rid.IsZero() {
			all = append(all, d.parts[i].rid)
		}
	}
	return all
}

// At returns the component of that name to be read; nil if there is none.
func (d *Draft) At(rid DateTime) *Component {
	if p := d.part(rid); p != nil && !p.removed {
		return p.comp
	}
	return nil
}

// Master returns the master to be read; nil if there is none.
func (d *Draft) Master() *Component { return d.At(DateTime{}) }

// Series returns the recurrence set of the draft as it is now.
func (d *Draft) Series() (*Series, error) {
	if d.series != nil {
		return d.series, nil
	}
	master, overrides := d.components()
	s, err := newSeries(d.from.Kind, master, overrides, d.zones)
	if err != nil {
		return nil, err
	}
	d.series = s
	return s, nil
}

func (d *Draft) components() (master *Component, overrides []*Component) {
	for i := range d.parts {
		switch p := &d.parts[i]; {
		case p.removed:
		case p.rid.IsZero():
			master = p.comp
		default:
			overrides = append(overrides, p.comp)
		}
	}
	return master, overrides
}

// Has reports whether the master has an instance of that name: see Series.Has.
func (d *Draft) Has(rid DateTime) (bool, error) {
	s, err := d.Series()
	if err != nil {
		return false, err
	}
	return s.Has(rid, d.budget)
}

// Derive returns what an override of that name would begin with: the master without
// its recurrence, or the RANGE=THISANDFUTURE override that the instance comes after,
// moved to the instance, and with a RECURRENCE-ID. It is the caller's; nil if the
// master has no such instance, whether it has an override or not.
func (d *Draft) Derive(rid DateTime) (*Component, error) {
	master := d.Master()
	if master == nil || rid.IsZero() {
		return nil, nil
	}
	s, err := d.Series()
	if err != nil {
		return nil, err
	}
	return s.instanceAt(rid, master, d.zones, d.budget)
}

// Effective returns the component that describes an instance, to be read: that of
// its name or, if there is none, what Derive returns.
func (d *Draft) Effective(rid DateTime) (*Component, error) {
	if c := d.At(rid); c != nil {
		return c, nil
	}
	return d.Derive(rid)
}

// Edit returns the component of that name to be changed; nil if there is none. A
// change of its name or kind is not seen.
func (d *Draft) Edit(rid DateTime) *Component {
	p := d.part(rid)
	if p == nil || p.removed {
		return nil
	}
	if !p.own {
		p.comp, p.own = p.comp.Clone(), true
	}
	d.dirty, d.series = true, nil
	return p.comp
}

// EditEffective is Edit for an instance that may have no component yet: then it gets
// what Derive returns. nil: there is no such instance.
func (d *Draft) EditEffective(rid DateTime) (*Component, error) {
	if c := d.Edit(rid); c != nil {
		return c, nil
	}
	c, err := d.Derive(rid)
	if err != nil || c == nil {
		return nil, err
	}
	d.Put(rid, c)
	return c, nil
}

// Put makes c the component of that name. c is the draft's from then on, and has the
// RECURRENCE-ID that belongs to the name.
func (d *Draft) Put(rid DateTime, c *Component) {
	d.dirty, d.series = true, nil
	if p := d.part(rid); p != nil {
		p.comp, p.own, p.removed = c, true, false
		return
	}
	d.append(draftPart{rid: rid, comp: c, own: true})
}

// Remove takes the component of that name out, and reports whether there was one.
func (d *Draft) Remove(rid DateTime) bool {
	p := d.part(rid)
	if p == nil || p.removed {
		return false
	}
	p.removed, d.dirty, d.series = true, true, nil
	return true
}

// Exclude takes an instance out of the master with an EXDATE in the form of DTSTART,
// if the master has it. An override of it stays.
func (d *Draft) Exclude(rid DateTime) error {
	return d.exclude(rid, func(s *Series) Property { return s.exDate(rid, d.Master()) })
}

// ExcludeUTC is Exclude with an EXDATE in UTC if the series is in a zone.
func (d *Draft) ExcludeUTC(rid DateTime) error {
	return d.exclude(rid, func(*Series) Property { return DateTimeProperty("EXDATE", rid) })
}

func (d *Draft) exclude(rid DateTime, exDate func(*Series) Property) error {
	has, err := d.Has(rid)
	if err != nil || !has {
		return err
	}
	p := exDate(d.series)
	d.Edit(DateTime{}).Add(p)
	return nil
}

// Include takes an instance out of the EXDATEs of the master, and reports whether it
// was there.
func (d *Draft) Include(rid DateTime) (bool, error) {
	s, err := d.Series()
	if err != nil || !slices.Contains(s.Excluded(), rid) {
		return false, err
	}
	return s.dropExDate(rid, d.Edit(DateTime{}), d.zones), nil
}

// Calendar returns the VCALENDAR with its properties, to be read. Its components are
// those of the object that the draft began as.
func (d *Draft) Calendar() *Component {
	if d.cal != nil {
		return d.cal
	}
	return d.from.Calendar
}

// EditCalendar returns the VCALENDAR to change its properties, and its children that
// are neither VTIMEZONEs nor instances.
func (d *Draft) EditCalendar() *Component {
	if d.cal == nil {
		cal := *d.from.Calendar
		props := Component{Props: cal.Props}
		cal.Props = props.Clone().Props
		cal.Children = slices.Clone(cal.Children)
		d.cal = &cal
	}
	d.dirty = true
	return d.cal
}

// AddZones defines the time zones of another object that the draft does not define
// itself, so that components can be taken from there.
func (d *Draft) AddZones(from *Object) {
	for _, c := range from.Calendar.Children {
		if c.Name != "VTIMEZONE" || d.zones.Own(tzidOf(c)) != nil {
			continue
		}
		cal := d.EditCalendar()
		cal.Children = append([]*Component{c}, cal.Children...)
		d.zones = NewZones(cal)
		d.series = nil
	}
}

// DropZones removes the VTIMEZONEs that no component uses any more.
func (d *Draft) DropZones() {
	master, all := d.components()
	if master != nil {
		all = append(all, master)
	}
	used := d.Calendar().ZonesOf(all)
	unused := func(c *Component) bool { return c.Name == "VTIMEZONE" && !slices.Contains(used, c) }
	if slices.ContainsFunc(d.Calendar().Children, unused) {
		d.EditCalendar().RemoveChildren(unused)
	}
}

// Object returns the draft as an object: the one that it began as, if nothing was
// changed. The draft must not be used any more. Errors are those of NewObject: also
// if no component is left.
func (d *Draft) Object() (*Object, error) {
	if !d.dirty {
		return d.from, nil
	}
	cal := *d.Calendar()
	cal.Children = d.children(cal.Children)
	o := &Object{Calendar: &cal, Kind: d.from.Kind, UID: d.from.UID, Zones: d.zones}
	o.Master, o.Overrides = d.components()
	if o.Master == nil && len(o.Overrides) == 0 {
		return nil, invalid(ValidCalendarObjectResource, &cal, "nothing is left in it")
	}
	for i := range d.parts {
		if p := &d.parts[i]; p.own && !p.removed {
			if err := checkComponent(p.comp, d.zones); err != nil {
				return nil, err
			}
		}
	}
	if err := o.checkOverrides(); err != nil {
		return nil, err
	}
	return o, nil
}

// children returns the components of the draft in the order of the object that it
// began as, and new ones at the end.
func (d *Draft) children(old []*Component) []*Component {
	all := make([]*Component, 0, len(old)+len(d.parts))
	rest := d.parts
	if d.from.Master != nil {
		rest = rest[1:]
	}
	for _, c := range old {
		part := &draftPart{comp: c}
		switch {
		case c == d.from.Master:
			part = &d.parts[0]
		case len(rest) > 0 && c == rest[0].src: // overrides are in the order of the source
			part, rest = &rest[0], rest[1:]
		}
		if !part.removed {
			all = append(all, part.comp)
		}
	}
	for i := range rest {
		if !rest[i].removed {
			all = append(all, rest[i].comp)
		}
	}
	return all
}
