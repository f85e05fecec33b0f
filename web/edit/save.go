package edit

import (
	"math"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
)

// A Scope is which instances of a series a change is of.
type Scope string

// The scopes. What does not repeat has All.
const (
	Once      Scope = "once"
	Following Scope = "following" // this one and all later ones
	All       Scope = "all"
)

// A Change is what becomes of an object.
type Change struct {
	Body []byte // of the object; nil: nothing is left of it
	Next []byte // of another object, which has the following instances; nil: there is none
	UID  string // of Next
	Same bool   // nothing changes
}

// A Maker has what new objects are made with.
type Maker struct {
	Now    time.Time
	UID    string // of a new object
	Prefix string // PRODID
}

// Create makes an event. Errors: *FieldError.
func (m Maker) Create(e Event) ([]byte, error) {
	start, end, err := e.Times(nil)
	if err != nil {
		return nil, err
	}
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(ical.NewProperty("VERSION", "2.0"), ical.TextProperty("PRODID", m.Prefix))
	c := ical.NewComponent("VEVENT")
	at := ical.DateTime{Wall: m.Now.Unix(), Kind: ical.UTC}.String()
	c.Add(ical.TextProperty("UID", m.UID), ical.NewProperty("DTSTAMP", at), ical.NewProperty("CREATED", at), ical.DateTimeProperty("DTSTART", start))
	if end.Unix(nil) > start.Unix(nil) {
		c.Add(ical.DateTimeProperty("DTEND", end))
	}
	own := Event{AllDay: e.AllDay, Start: e.Start, End: e.End, Zone: e.Zone, Class: "PUBLIC"}
	if _, err := set(c, nil, own, e, m.Now); err != nil {
		return nil, err
	}
	c.Remove("LAST-MODIFIED")
	c.SetValue("SEQUENCE", "0")
	cal.Children = []*ical.Component{c}
	return finish(cal, nil)
}

// finish writes a calendar, with the time zones that it needs, and sees to it that it is
// an object with something in it. An object that named zones without defining them goes
// on to do so.
func finish(cal *ical.Component, from *ical.Object) ([]byte, error) {
	if from == nil || ical.AddZones(from.Calendar) == from.Calendar {
		cal = ical.AddZones(cal)
	}
	body := cal.Append(nil)
	o, err := Parse(body)
	if err != nil {
		return nil, err
	}
	happens, err := happens(o)
	if err == nil && !happens {
		err = wrong("repeat", "never")
	}
	return body, err
}

// happens reports whether an object has an instance.
func happens(o *ical.Object) (bool, error) {
	s, err := o.Series()
	if err != nil {
		return false, err
	}
	for _, err := range s.Instances(math.MinInt64, math.MaxInt64, nil, nil) {
		return err == nil, err
	}
	return false, nil
}

// Form is what a form shows of an instance that a page names: its own times, and the
// repetition of the series. Errors: ErrNoInstance; of what cannot be read.
func Form(o *ical.Object, at string) (Event, error) {
	c, err := At(o, at)
	if err != nil {
		return Event{}, err
	}
	e, err := Read(o, c)
	if err == nil && o.Master != nil && c != o.Master {
		e.Repeat = repeatOf(o.Master, o.Zones)
	}
	return e, err
}

// Repeats reports whether an object has more than one instance by its own.
func Repeats(o *ical.Object) bool {
	s, err := o.Series()
	return err == nil && s.Recurring()
}

// Save makes want of what Form shows of an instance. at is "" for what does not repeat;
// for a series it names the instance, and may be "" for all. Errors: *FieldError,
// ErrNoInstance, *ical.InvalidError.
func (m Maker) Save(o *ical.Object, at string, scope Scope, want Event) (Change, error) {
	was, err := Form(o, at)
	if err != nil {
		return Change{}, err
	}
	if want.movedFrom(was) {
		if _, _, err := want.Times(o.Zones); err != nil {
			return Change{}, err
		}
	}
	if was.Repeat == want.Repeat && want.Repeat.Every != Kept && want.movedFrom(was) && scope != Once {
		want.Repeat = want.Repeat.follow(was, want)
	}
	rid, err := Instance(o, at)
	if err != nil {
		return Change{}, err
	}
	switch {
	case scope == All || rid.IsZero():
		return m.saveAll(o, was, want)
	case scope == Following && o.Master != nil:
		first, err := isFirst(o, rid)
		if err != nil || first {
			if err != nil {
				return Change{}, err
			}
			return m.saveAll(o, was, want)
		}
		return m.saveFollowing(o, rid, was, want)
	}
	return m.saveOnce(o, rid, was, want)
}

// follow is a repetition that goes with its event to another day.
func (r Repeat) follow(was, want Event) Repeat {
	from, to := ical.DateTime{Wall: clock(was.Start)}, ical.DateTime{Wall: clock(want.Start)}
	days := floorDay(to.Wall) - floorDay(from.Wall)
	if r.Until != "" && days != 0 {
		r.Until = shift(r.Until, days, true)
	}
	return r.moved(from, to)
}

func floorDay(wall int64) int64 {
	if r := wall % daySeconds; r < 0 {
		return wall - r - daySeconds
	} else {
		return wall - r
	}
}

func (m Maker) saveOnce(o *ical.Object, rid ical.DateTime, was, want Event) (Change, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return Change{}, err
	}
	had := d.At(rid) != nil
	c, err := d.EditEffective(rid)
	if err == nil && c == nil {
		err = ErrNoInstance
	}
	if err != nil {
		return Change{}, err
	}
	changed, err := set(c, o.Zones, was, want, m.Now)
	if err != nil {
		return Change{}, err
	}
	if !changed {
		return Change{Same: true}, nil
	}
	if !had {
		moveAlarms(c)
	}
	return drafted(d)
}

// moveAlarms drops what of alarms is said of the series alone: when one was put off.
func moveAlarms(c *ical.Component) {
	for _, a := range c.Children {
		if a.Name == "VALARM" {
			a.Remove("ACKNOWLEDGED")
		}
	}
}

// drafted is the change to what a draft has become.
func drafted(d *ical.Draft) (Change, error) {
	o, err := d.Object()
	if err != nil {
		return Change{}, err
	}
	body, err := finish(o.Calendar, d.Original())
	return Change{Body: body}, err
}

// saveAll changes a series, or what is none. Where an instance was given, its difference
// is that of all.
func (m Maker) saveAll(o *ical.Object, was, want Event) (Change, error) {
	cal := o.Calendar.Clone()
	used := cal.ZonesOf(events(cal))
	changed, err := m.rewrite(cal, o.Zones, was, want)
	if err != nil {
		return Change{}, err
	}
	if !changed {
		return Change{Same: true}, nil
	}
	if was.Repeat != want.Repeat || otherDay(was, want) {
		if err := tidy(cal); err != nil {
			return Change{}, err
		}
	}
	still := cal.ZonesOf(events(cal))
	cal.RemoveChildren(func(c *ical.Component) bool { return slices.Contains(used, c) && !slices.Contains(still, c) })
	body, err := finish(cal, o)
	return Change{Body: body}, err
}

func events(cal *ical.Component) []*ical.Component { return cal.AllChildren("VEVENT") }

// rewrite changes all components of a calendar. What names instances goes with the
// series.
func (m Maker) rewrite(cal *ical.Component, zones *ical.Zones, was, want Event) (changed bool, err error) {
	var master *ical.Component
	for _, c := range events(cal) {
		if c.Prop("RECURRENCE-ID") == nil {
			master = c
		}
	}
	o := &ical.Object{Zones: zones}
	move := func(t ical.DateTime) ical.DateTime { return t }
	if master != nil {
		own, err := Read(o, master)
		if err != nil {
			return false, err
		}
		before, _, err := span(master, zones)
		if err != nil {
			return false, err
		}
		out := merge(own, was, want)
		if own.Repeat.Every == Kept && out.Repeat == own.Repeat && otherDay(own, out) {
			return false, wrong("start", "rule") // its days are said in a way that is not understood here
		}
		if changed, err = set(master, zones, own, out, m.Now); err != nil {
			return false, err
		}
		after, _, err := span(master, zones)
		if err != nil {
			return false, err
		}
		if after != before {
			move = func(t ical.DateTime) ical.DateTime { return carry(t, before, after) }
			keepUntil(master, own, out, before, after)
			for _, name := range []string{"EXDATE", "RDATE"} {
				if err := moveDates(master, name, zones, move); err != nil {
					return false, err
				}
			}
		}
	}
	for _, c := range events(cal) {
		p := c.Prop("RECURRENCE-ID")
		if p == nil {
			continue
		}
		own, err := Read(o, c)
		if err != nil {
			return false, err
		}
		start, _, err := span(c, zones)
		if err != nil {
			return false, err
		}
		rid, err := p.DateTime(zones)
		if err != nil {
			return false, err
		}
		out := merge(own, was, want)
		if start.Unix(nil) != rid.Unix(nil) { // it has a time of its own, and keeps it
			out.AllDay, out.Zone, out.Start, out.End = own.AllDay, own.Zone, own.Start, own.End
		}
		one, err := set(c, zones, own, out, m.Now)
		if err != nil {
			return false, err
		}
		if to := move(rid); to != rid {
			q := *p
			q.SetDateTime(to)
			if to.Kind == rid.Kind && to.Zone == rid.Zone {
				q = *p
				q.Value = to.String()
			}
			c.Set(q)
			one = true
		}
		changed = changed || one
	}
	return changed, nil
}

// carry is the name of an instance of a series that went from one start to another: as
// many days and hours later on the wall.
func carry(t, from, to ical.DateTime) ical.DateTime {
	if t.Kind == ical.UTC && from.Kind == ical.Zoned {
		t = ical.DateTime{Wall: from.Zone.Wall(t.Wall), Kind: ical.Zoned, Zone: from.Zone}
	}
	out := ical.DateTime{Wall: t.Wall + to.Wall - from.Wall, Kind: to.Kind, Zone: to.Zone}
	if out.Kind == ical.Date {
		out.Wall = floorDay(out.Wall)
	}
	return out
}

// keepUntil lets a rule that was not changed end with the same instance.
func keepUntil(master *ical.Component, own, out Event, from, to ical.DateTime) {
	if own.Repeat != out.Repeat {
		return
	}
	for _, p := range master.AllProps("RRULE") {
		rule, err := ical.ParseRule(p.Value)
		if err != nil {
			continue
		}
		if until, ok := rule.Until(); ok {
			end := carry(until, from, to)
			if end.Kind == ical.Zoned {
				end = ical.DateTime{Wall: end.Unix(nil), Kind: ical.UTC}
			}
			p.Value = rule.WithUntil(end).String()
		}
	}
}

// moveDates changes the values of a list of dates. Periods stay.
func moveDates(c *ical.Component, name string, zones *ical.Zones, move func(ical.DateTime) ical.DateTime) error {
	for _, p := range c.AllProps(name) {
		if strings.EqualFold(p.Param("VALUE"), "PERIOD") {
			continue
		}
		all, err := p.DateTimes(zones)
		if err != nil {
			return err
		}
		var values []string
		for _, t := range all {
			to := move(t)
			p.SetDateTime(to)
			values = append(values, to.String())
		}
		p.Value = strings.Join(values, ",")
	}
	return nil
}

// tidy drops what is said of instances that a series does not have any more.
func tidy(cal *ical.Component) error {
	o, err := ical.NewObject(cal)
	if err != nil {
		return err
	}
	s, err := o.Series()
	if err != nil || o.Master == nil {
		return err
	}
	var gone []*ical.Component
	for _, c := range o.Overrides {
		rid, err := c.Prop("RECURRENCE-ID").DateTime(o.Zones)
		if err != nil {
			return err
		}
		has, err := s.Has(s.RID(rid), nil)
		if err != nil {
			return err
		}
		if !has {
			gone = append(gone, c)
		}
	}
	cal.RemoveChildren(func(c *ical.Component) bool { return slices.Contains(gone, c) })
	return nil
}
