package scheduling

import (
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
)

// A merge carries what an attendee may change from their client's data into the
// copy that the server has (RFC 6638 §3.2.2.1). All else that the client changed is
// passed over: so clients of every age end up with what the organizer says.
type merge struct {
	me        string // address of the attendee
	now       string // in UTC, as a DTSTAMP
	o         *Options
	known     bool // the client knows all that is stored but others' answers
	fixTransp bool // the client leaves TRANSP as it was when it answers

	server *ical.Draft // becomes the result
	client *ical.Draft

	answered map[ical.DateTime]bool // instances in which the organizer is told something
}

// errNotMergeable says that the client's data is about instances that there are not.
var errNotMergeable = errors.New("an instance that the meeting does not have")

// run merges all components. The error is errNotMergeable, or of the recurrence.
func (g *merge) run() error {
	g.answered = map[ical.DateTime]bool{}
	if err := g.matchMaster(); err != nil {
		return err
	}
	if g.client.Master() != nil && g.server.Master() != nil {
		g.component(ical.DateTime{}, g.client.Master())
	}
	excluded, err := g.excluded()
	if err != nil {
		return err
	}
	before := g.server.RIDs()
	for _, rid := range g.client.RIDs() {
		if !rid.IsZero() {
			if err := g.override(rid); err != nil {
				return err
			}
		}
	}
	for _, rid := range before {
		if !rid.IsZero() && g.client.At(rid) == nil {
			if err := g.missing(rid, excluded[rid]); err != nil {
				return err
			}
		}
		delete(excluded, rid)
	}
	for _, rid := range sortedRIDs(excluded) {
		if err := g.excludedInstance(rid); err != nil {
			return err
		}
	}
	g.calendar()
	return nil
}

// catchUp brings to the server's copy the overrides that its owner was not told of, since
// they had declined the series, as far as they now answer otherwise or say something of
// them. What the client says of the series it then says of them too.
func (g *merge) catchUp(seen *ical.Object) error {
	d, err := seen.Draft(nil)
	if err != nil || g.client.Master() == nil {
		return err
	}
	excluded, err := g.excluded()
	if err != nil {
		return err
	}
	back := partStatIn(g.client.Master(), g.me) != "DECLINED"
	g.server.AddZones(seen)
	for _, rid := range d.RIDs() {
		has, err := g.server.Has(rid)
		if err != nil {
			return err
		}
		if !has || g.server.At(rid) != nil || !back && g.client.At(rid) == nil && !excluded[rid] {
			continue
		}
		g.server.Put(rid, d.At(rid).Clone())
		if c, err := g.client.Derive(rid); err != nil {
			return err
		} else if c != nil && g.client.At(rid) == nil {
			g.client.Put(rid, c)
		}
	}
	return nil
}

// matchMaster gives the client's master its place if the server has none: old
// clients write the only instance they know without its RECURRENCE-ID.
func (g *merge) matchMaster() error {
	fake := g.client.Master()
	if fake == nil || g.server.Master() != nil {
		return nil
	}
	start, err := startOf(fake, g.client.Zones())
	if err != nil {
		return err
	}
	for _, rid := range g.server.RIDs() {
		at, err := startOf(g.server.At(rid), g.server.Zones())
		if err != nil {
			return err
		}
		if at == start && g.client.At(rid) == nil {
			g.component(rid, fake)
			g.client.Remove(ical.DateTime{})
			g.client.Put(rid, g.server.At(rid).Clone())
			return nil
		}
	}
	return errNotMergeable
}

// startOf returns the DTSTART of c, as the name of an instance has it.
func startOf(c *ical.Component, zones *ical.Zones) (ical.DateTime, error) {
	p := c.Prop("DTSTART")
	if p == nil {
		return ical.DateTime{}, nil
	}
	t, err := p.DateTime(zones)
	if err == nil && t.Kind == ical.Zoned {
		t = ical.DateTime{Wall: t.Unix(nil), Kind: ical.UTC}
	}
	return t, err
}

// excluded returns the instances that the client takes out of the series, and the
// server does not.
func (g *merge) excluded() (map[ical.DateTime]bool, error) {
	out := map[ical.DateTime]bool{}
	if g.client.Master() == nil || g.server.Master() == nil {
		return out, nil
	}
	theirs, err := g.client.Series()
	if err != nil {
		return nil, err
	}
	ours, err := g.server.Series()
	if err != nil {
		return nil, err
	}
	known := ours.Excluded()
	for _, rid := range theirs.Excluded() {
		if !slices.Contains(known, rid) {
			out[rid] = true
		}
	}
	return out, nil
}

// sortedRIDs returns the instances in a set in order.
func sortedRIDs(set map[ical.DateTime]bool) []ical.DateTime {
	all := make([]ical.DateTime, 0, len(set))
	for rid := range set {
		all = append(all, rid)
	}
	slices.SortFunc(all, compareRIDs)
	return all
}

// override merges an override of the client.
func (g *merge) override(rid ical.DateTime) error {
	theirs := g.client.At(rid)
	if ours := g.server.At(rid); ours != nil {
		if !hidden(ours) {
			g.component(rid, theirs)
		}
		return nil
	}
	c, err := g.server.Derive(rid)
	if err != nil {
		return err
	}
	if c == nil {
		return g.cancelledOverride(rid)
	}
	was := c.Clone()
	answered := g.into(c, theirs)
	if !c.Equal(was) {
		g.server.Put(rid, c)
		g.note(rid, answered)
	}
	return nil
}

// cancelledOverride takes up an instance that the organizer has taken out of the
// series, and that the client shows as cancelled. Any other that there is not is
// passed over.
func (g *merge) cancelledOverride(rid ical.DateTime) error {
	theirs := g.client.At(rid)
	if !isCancelled(theirs) {
		return nil
	}
	if out, err := g.server.Include(rid); err != nil || !out {
		return err
	}
	c, err := g.server.EditEffective(rid)
	if err != nil {
		return err
	}
	if c == nil {
		return errNotMergeable
	}
	g.into(c, theirs)
	setValue(c, "STATUS", "CANCELLED")
	return nil
}

// missing is about an override that the client's data has not. excluded: the client
// takes the instance out of the series.
func (g *merge) missing(rid ical.DateTime, excluded bool) error {
	ours := g.server.At(rid)
	gone := excluded || g.client.Master() == nil && g.server.Master() == nil
	switch {
	case hidden(ours):
		return nil
	case isCancelled(ours) && gone: // who has seen that it is off need not keep it
		g.server.Remove(rid)
		if g.server.Master() == nil {
			return nil
		}
		return g.server.Exclude(rid)
	case isCancelled(ours):
		return nil
	case gone:
		g.decline(rid)
		return nil
	case !g.known:
		return nil
	}
	// The organizer made it, or this server for another's answer, after the client
	// read the series. What the client changed in the whole series it means here too.
	theirs, err := g.client.Derive(rid)
	if err == nil && theirs != nil {
		g.component(rid, theirs)
	}
	return err
}

// excludedInstance declines an instance that has no override yet.
func (g *merge) excludedInstance(rid ical.DateTime) error {
	c, err := g.server.EditEffective(rid)
	if err != nil {
		return err
	}
	if c == nil {
		return errNotMergeable
	}
	g.decline(rid)
	return nil
}

// decline is what removing one instance means. It stays, hidden from the attendee,
// so that their answer is not lost when the organizer changes something.
func (g *merge) decline(rid ical.DateTime) {
	c := g.server.Edit(rid)
	if mine := attendeeLine(c, g.me); mine != nil && partStat(mine) != "DECLINED" {
		g.answer(mine, "DECLINED")
		g.answered[rid] = true
	}
	if c.Name == "VEVENT" {
		setValue(c, "TRANSP", "TRANSPARENT")
	}
	c.Remove(needsReply)
	hide(c)
}

// component merges the client's component into the server's of that name.
func (g *merge) component(rid ical.DateTime, theirs *ical.Component) {
	g.note(rid, g.into(g.server.Edit(rid), theirs))
}

// note remembers that the organizer is told of an instance.
func (g *merge) note(rid ical.DateTime, answered bool) {
	if answered {
		g.answered[rid] = true
	}
}

// mergedProps are the properties that an attendee may change, beside those of
// Options.Personal (RFC 6638 §3.2.2.1).
var mergedProps = []string{"TRANSP", "DTSTAMP", "LAST-MODIFIED", "CREATED", "COMPLETED", "PERCENT-COMPLETE"}

// into merges a component of the client into one of the server. It reports whether
// the organizer is to be told.
func (g *merge) into(ours, theirs *ical.Component) (answered bool) {
	copyAlarms(ours, theirs)
	copyProps(ours, theirs, mergedProps...)
	copyProps(ours, theirs, g.o.Personal...)
	g.dropbox(ours, theirs)
	for _, name := range append([]string{privateComment}, g.o.ToOrganizer...) {
		if !sameLines(ours, theirs, name) {
			copyProps(ours, theirs, name)
			answered = true
		}
	}
	mine, is := attendeeLine(ours, g.me), attendeeLine(theirs, g.me)
	if mine == nil || is == nil {
		return answered
	}
	for _, name := range g.o.ToOrganizerParams {
		if mine.Param(name) != is.Param(name) {
			copyParam(mine, is, name)
			answered = true
		}
	}
	changed := partStat(mine) != partStat(is)
	if changed {
		g.answer(mine, partStat(is))
		answered = true
	}
	if strings.EqualFold(is.Param("RSVP"), "TRUE") {
		copyParam(mine, is, "RSVP")
	} else {
		mine.RemoveParam("RSVP")
	}
	if changed && g.fixTransp && ours.Name == "VEVENT" {
		setValue(ours, "TRANSP", transpFor(partStat(is)))
	}
	return answered
}

// answer sets the attendee's own PARTSTAT, and when they did that.
func (g *merge) answer(mine *ical.Property, partStat string) {
	mine.SetParam("PARTSTAT", partStat)
	mine.RemoveParam(autoParam)
	if partStat != needsAction {
		mine.RemoveParam("RSVP")
	}
	if g.o.PartStatTimestamp {
		mine.SetParam(stampParam, g.now)
	}
}

// transpFor returns whether an answer makes busy.
func transpFor(partStat string) string {
	if partStat == "ACCEPTED" || partStat == "TENTATIVE" {
		return "OPAQUE"
	}
	return "TRANSPARENT"
}

// dropbox lets attendees attach files in the folder that the organizer has named
// for it.
func (g *merge) dropbox(ours, theirs *ical.Component) {
	folder := value(ours, "X-APPLE-DROPBOX")
	if folder == "" || theirs.Prop("X-APPLE-DROPBOX") == nil {
		return
	}
	inside := func(p *ical.Property) bool { return p.Name == "ATTACH" && strings.Contains(p.Value, folder) }
	files := func(c *ical.Component) (lines []*ical.Property) {
		for _, p := range c.AllProps("ATTACH") {
			if inside(p) {
				lines = append(lines, p)
			}
		}
		return lines
	}
	added := files(theirs)
	if slices.EqualFunc(files(ours), added, (*ical.Property).Equal) {
		return
	}
	ours.RemoveFunc(inside)
	for _, p := range added {
		ours.Add(p.Moved())
	}
}

// calendar takes what the client says of the VCALENDAR.
func (g *merge) calendar() {
	ours, theirs := g.server.Calendar(), g.client.Calendar()
	for _, name := range []string{"PRODID", "CALSCALE", "X-CALENDARSERVER-ACCESS"} {
		kept := name == "PRODID" && theirs.Prop(name) == nil
		if !kept && !sameLines(ours, theirs, name) {
			copyProps(g.server.EditCalendar(), theirs, name)
		}
	}
}
