package scheduling

import (
	"math"
	"slices"
	"strings"

	"convene/internal/ical"
)

// Until returns what is left of an object without all that begins at a moment, in Unix
// seconds, or later: o itself if nothing does, nil if everything does. Floating times are
// taken as UTC. Errors: ical.ErrBudget, *ical.InvalidError.
func Until(o *ical.Object, moment int64, b *ical.Budget) (*ical.Object, error) {
	coming, past, err := sides(o, moment, b)
	switch {
	case err != nil:
		return nil, err
	case len(coming) == 0:
		return o, nil
	case len(past) == 0 || o.Master == nil:
		return nil, nil
	}
	start, err := o.Master.Prop("DTSTART").DateTime(o.Zones)
	if err != nil {
		return nil, err
	}
	if start.Unix(nil) >= moment {
		return nil, nil // an instance that was moved is all that is over
	}
	d, err := o.Draft(b)
	if err != nil {
		return nil, err
	}
	var over []ical.DateTime // instances that were moved to before the moment
	for _, rid := range d.RIDs() {
		c := d.At(rid)
		switch late := rid.Unix(nil) >= moment; {
		case rid.IsZero():
		case coming[c]:
			d.Remove(rid)
			if !late {
				if err := d.Exclude(rid); err != nil {
					return nil, err
				}
			}
		case late:
			over = append(over, rid)
		}
	}
	c := d.Edit(master)
	if err := end(c, start, moment, o.Zones); err != nil {
		return nil, err
	}
	for _, rid := range over {
		c.Add(ical.DateTimeProperty("RDATE", rid))
	}
	d.DropZones()
	return d.Object()
}

// sides tells by component what begins at a moment or later, and what before. A component
// for several instances is true in coming if its own does.
func sides(o *ical.Object, moment int64, b *ical.Budget) (coming, past map[*ical.Component]bool, err error) {
	coming, past = map[*ical.Component]bool{}, map[*ical.Component]bool{}
	s, err := o.Series()
	if err != nil {
		return nil, nil, err
	}
	most := len(o.Overrides) + 1
	for inst, err := range s.Instances(moment, math.MaxInt64, nil, b) {
		if err != nil {
			return nil, nil, err
		}
		if inst.StartUnix >= moment {
			coming[inst.Component] = coming[inst.Component] || inst.Override
		}
		if _, endless := coming[o.Master]; len(coming) == most || endless && inst.StartUnix > lastStart(o) {
			break
		}
	}
	for inst, err := range s.Instances(math.MinInt64, moment, nil, b) {
		if err != nil {
			return nil, nil, err
		}
		if inst.StartUnix < moment {
			past[inst.Component] = true
			break
		}
	}
	return coming, past, nil
}

// lastStart is when the last override begins, in Unix seconds.
func lastStart(o *ical.Object) int64 {
	last := int64(math.MinInt64)
	for _, c := range o.Overrides {
		if p := c.Prop("DTSTART"); p != nil {
			if t, err := p.DateTime(o.Zones); err == nil {
				last = max(last, t.Unix(nil))
			}
		}
	}
	return last
}

const daySeconds = 24 * 60 * 60

// end lets the rules and dates of a master that begins at start give nothing at a moment
// or later. UNTIL of a series in a zone is in UTC (RFC 5545 §3.3.10).
func end(c *ical.Component, start ical.DateTime, moment int64, zones *ical.Zones) error {
	last := ical.DateTime{Wall: moment - 1, Kind: start.Kind}
	switch start.Kind {
	case ical.Date:
		last.Wall -= ((last.Wall % daySeconds) + daySeconds) % daySeconds
	case ical.Zoned:
		last.Kind = ical.UTC
	}
	for _, p := range c.AllProps("RRULE") {
		rule, err := ical.ParseRule(p.Value)
		if err != nil {
			return err
		}
		if until, ok := rule.Until(); ok && rule.Count() == 0 && until.Kind == last.Kind && until.Wall <= last.Wall {
			continue
		}
		p.Value = rule.WithUntil(last).String()
	}
	for _, name := range []string{"RDATE", "EXDATE"} {
		for _, p := range c.AllProps(name) {
			var kept []string
			for value := range strings.SplitSeq(p.Value, ",") {
				at, _, _ := strings.Cut(value, "/") // of a PERIOD, its start
				t, err := ical.ParseDateTime(at, p.Param("TZID"), strings.EqualFold(p.Param("VALUE"), "DATE"), zones)
				if err != nil {
					return err
				}
				if t.Unix(nil) < moment {
					kept = append(kept, value)
				}
			}
			p.Value = strings.Join(kept, ",")
		}
		c.RemoveFunc(func(p *ical.Property) bool { return p.Name == name && p.Value == "" })
	}
	return nil
}

// Declining returns an attendee's object with the answer that they decline what begins at
// a moment, in Unix seconds, or later: o itself if there is nothing to be declined. A
// component answers for all its instances, also those that are over. Errors: as Until.
func Declining(o *ical.Object, guid string, moment int64, b *ical.Budget) (*ical.Object, error) {
	coming, _, err := sides(o, moment, b)
	if err != nil {
		return nil, err
	}
	me := CanonicalAddress(guid)
	d, err := o.Draft(b)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		c := d.At(rid)
		_, comes := coming[c]
		if p := serverAttendee(c, me); comes && p != nil && partStat(p) != "DECLINED" && !isCancelled(c) {
			line := attendeeOf(d.Edit(rid), me)
			setPartStat(line, "DECLINED")
			line.RemoveParam("RSVP")
		}
	}
	if !d.Changed() {
		return o, nil
	}
	return d.Object()
}

// Reorganized returns a copy of a meeting with another organizer, and without the one
// there was (RFC 5546 §3.2.2.4). Who takes over attends where the other one did. Errors:
// *ical.InvalidError.
func Reorganized(o *ical.Object, from, to *Party) (*ical.Object, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		reorganize(d.Edit(rid), from.Address, to)
	}
	return d.Object()
}

func reorganize(c *ical.Component, from string, to *Party) {
	c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "X-CALENDARSERVER-MODIFIED-BY" })
	if c.Prop("ORGANIZER") != nil {
		c.Set(partyLine("ORGANIZER", to))
	}
	seat := attendeeOf(c, from)
	if seat == nil {
		if mine := attendeeOf(c, to.Address); mine != nil {
			*mine = organizing(mine, to)
		}
		return
	}
	mine := organizing(seat, to)
	if already := attendeeOf(c, to.Address); already != nil {
		mine = organizing(already, to)
	}
	c.RemoveFunc(func(p *ical.Property) bool {
		return p.Name == "ATTENDEE" && (p.Address() == from || p.Address() == to.Address)
	})
	at := slices.IndexFunc(c.Props, func(p ical.Property) bool { return p.Name == "ORGANIZER" })
	c.Props = slices.Insert(c.Props, at+1, mine)
}

// organizing is the ATTENDEE line of an organizer, with the place in the meeting that
// another line has.
func organizing(like *ical.Property, p *Party) ical.Property {
	line := partyLine("ATTENDEE", p)
	setOrRemove(&line, "ROLE", like.Param("ROLE"))
	setPartStat(&line, "ACCEPTED")
	return line
}

// partyLine is a line that names somebody as it is stored: see Canonical.
func partyLine(name string, p *Party) ical.Property {
	line := ical.NewProperty(name, p.Address)
	setOrRemove(&line, "CN", quotable(p.CN))
	if len(p.Emails) > 0 {
		line.SetParam("EMAIL", p.Emails[0])
	}
	return line
}

// TakenOver returns the object of a meeting as its new organizer is to have it: what is
// from's own in it goes, what the new organizer has of their own in copy, which may be
// nil, comes. SEQUENCE is as it was. Errors: *ical.InvalidError.
func TakenOver(o *ical.Object, from, to *Party, copy *ical.Object, opts *Options) (*ical.Object, error) {
	if opts == nil {
		opts = DefaultOptions()
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	var own *ical.Draft
	if copy != nil {
		if own, err = copy.Draft(nil); err != nil {
			return nil, err
		}
	}
	for _, rid := range d.RIDs() {
		c := d.Edit(rid)
		c.RemoveChildren(func(c *ical.Component) bool { return c.Name == "VALARM" })
		c.RemoveFunc(func(p *ical.Property) bool {
			return p.Name == "TRANSP" || p.Name == privateComment || slices.Contains(opts.Personal, p.Name)
		})
		if own != nil {
			if mine := storedFor(own, rid); mine != nil {
				keepPersonal(c, mine, to.Address, true, opts)
			}
		}
		reorganize(c, from.Address, to)
		c.Prop("ORGANIZER").RemoveParam("SCHEDULE-STATUS")
	}
	return d.Object()
}

// Announced returns a meeting with the next SEQUENCE in all components, so that everybody
// is sent it (RFC 5546 §2.1.4). Errors: *ical.InvalidError.
func Announced(o *ical.Object) (*ical.Object, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	n := highestSequence(d) + 1
	for _, rid := range d.RIDs() {
		setSequence(d.Edit(rid), n)
	}
	return d.Object()
}
