package scheduling

import (
	"errors"
	"slices"
	"strings"

	"convene/internal/ical"
)

// An attending is a change of an object whose organizer is somebody else (RFC 6638
// §3.2.2), in work.
type attending struct {
	*decision
	organizer *Party
	plan      *Plan
}

// attendee decides about a change by an attendee.
func (d *decision) attendee() (*Plan, error) {
	a := &attending{decision: d, plan: &Plan{Outcome: Deleted}}
	of := d.New
	if of == nil {
		of = d.Old
	}
	var err error
	if a.organizer, err = d.world.Party(organizerOf(of).Value); err != nil {
		return nil, err
	}
	if d.New == nil {
		err = a.leave()
	} else {
		err = a.write()
	}
	if err != nil {
		return nil, err
	}
	return a.plan, nil
}

// write is a PUT by an attendee.
func (a *attending) write() error {
	if err := a.sameOrganizer(); err != nil {
		return err
	}
	if err := a.brief(); err != nil {
		return err
	}
	if err := a.finished(); err != nil {
		return err
	}
	if !a.organizer.Local() {
		return a.elsewhere()
	}
	theirs, err := a.organizersCopy()
	if err != nil {
		return err
	}
	if theirs == nil {
		return a.orphan()
	}
	return a.ours(theirs)
}

// What an answer may bring into the organizer's object, and so into everybody's copy, in
// bytes. Else one attendee could fill it, and no other's answer would have room.
const (
	maxAnswer   = 64       // a PARTSTAT
	maxComments = 64 << 10 // the private comments of all instances
)

// brief refuses an answer that is more than that.
func (a *attending) brief() error {
	comments := 0
	for c := range components(a.New) {
		for _, p := range c.AllProps(privateComment) {
			comments += len(p.Value)
		}
		if mine := attendeeLine(c, a.self); mine != nil && len(mine.Param("PARTSTAT")) > maxAnswer {
			return refuse(ValidAttendeeChange, "PARTSTAT is no answer")
		}
	}
	if comments > maxComments {
		return refuse(ValidAttendeeChange, "the comments to the organizer are too long")
	}
	return nil
}

// sameOrganizer refuses another ORGANIZER than the stored one.
func (a *attending) sameOrganizer() error {
	if a.Old == nil {
		return nil
	}
	was := organizerOf(a.Old)
	if was == nil || sameAddress(organizerOf(a.New), was.Value) || organizerOf(a.New).Address() == was.Address() {
		return nil
	}
	return refuse(ValidAttendeeChange, "attendees cannot change the ORGANIZER")
}

// organizersCopy returns the organizer's own object; nil if there is none.
func (a *attending) organizersCopy() (*ical.Object, error) {
	o, err := a.world.Copy(a.organizer.GUID, a.New.UID)
	if o == nil || err != nil {
		return nil, err
	}
	if p := organizerOf(o); p == nil || !sameAddress(p, a.organizer.Address) {
		return nil, nil
	}
	return o, nil
}

// ours is a change of a copy of which the organizer's object is here as well: what
// an attendee may change is merged into what the server has.
func (a *attending) ours(theirs *ical.Object) error {
	if !byServer(organizerOf(a.New)) {
		if a.Old == nil || byServer(organizerOf(a.Old)) {
			return refuse(ValidAttendeeChange, "SCHEDULE-AGENT of the ORGANIZER cannot be changed: their event is on this server")
		}
		return a.repair(theirs)
	}
	if a.Old == nil && !lists(theirs, a.self) {
		return refuse(ValidAttendeeChange, "the organizer's event does not have this attendee")
	}
	var seen *ical.Object
	if a.Old == nil || a.Old.Master != nil && declines(a.Old.Master, a.self) {
		var err error
		if seen, err = a.view(theirs); err != nil {
			return err
		}
	}
	if a.Old == nil {
		return a.merge(seen, a.New, nil)
	}
	return a.merge(a.Old, a.New, seen)
}

// repair brings a copy back that the server had nothing to do with: what the server
// has is taken, and what the client says of components without SCHEDULE-AGENT.
func (a *attending) repair(theirs *ical.Object) error {
	if !lists(theirs, a.self) {
		return refuse(ValidAttendeeChange, "the organizer's event does not have this attendee")
	}
	base, err := a.view(theirs)
	if err != nil {
		return err
	}
	client, err := a.New.Draft(nil)
	if err != nil {
		return err
	}
	left := 0
	for _, rid := range client.RIDs() {
		if byServer(client.At(rid).Prop("ORGANIZER")) {
			left++
		} else {
			client.Remove(rid)
		}
	}
	if left == 0 {
		return a.store(base)
	}
	again, err := client.Object()
	if err != nil {
		return err
	}
	return a.merge(base, again, nil)
}

// view returns what the attendee sees of the organizer's object.
func (a *attending) view(theirs *ical.Object) (*ical.Object, error) {
	m, err := organizersMeeting(theirs, a.organizer, a.Now, a.options, a.world)
	if err != nil {
		return nil, err
	}
	return m.viewOf(a.self)
}

// lists reports whether an attendee is in some component of o.
func lists(o *ical.Object, address string) bool {
	return anyComponent(o, func(c *ical.Component) bool { return attendeeLine(c, address) != nil })
}

// merge stores what an attendee may change, and sends the answer. seen is what the
// organizer has for an attendee who was not told of all of it, having declined; nil: they
// were.
func (a *attending) merge(base, client, seen *ical.Object) error {
	b := ical.NewBudget(ical.DefaultBudget)
	g := &merge{me: a.self, now: utc(a.Now), o: a.options, known: a.Merge, fixTransp: a.FixTransp}
	var err error
	if g.server, err = base.Draft(b); err != nil {
		return err
	}
	if g.client, err = client.Draft(b); err != nil {
		return err
	}
	if seen != nil {
		if err := g.catchUp(seen); err != nil {
			return err
		}
	}
	switch err := g.run(); {
	case errors.Is(err, errNotMergeable):
		return a.notMergeable()
	case err != nil:
		return err
	}
	if len(g.server.RIDs()) == 0 {
		return a.nothingLeft()
	}
	g.server.DropZones()
	store, err := g.server.Object()
	if err != nil {
		return err
	}
	if err := a.store(store); err != nil {
		return err
	}
	if a.forced(client) {
		g.answered[ical.DateTime{}] = true
	}
	return a.answer(store, g.answered, "")
}

// forced reports whether the client wants a reply sent whatever changed, in any component.
// That it wants something else, which nobody knows, is said in the ORGANIZER (RFC 6638
// §7.2).
func (a *attending) forced(client *ical.Object) bool {
	forced := false
	for c := range components(client) {
		organizer := c.Prop("ORGANIZER")
		if organizer == nil || !byServer(organizer) {
			continue
		}
		switch what := organizer.Param(forceSend); {
		case strings.EqualFold(what, string(Reply)):
			forced = true
		case what != "":
			a.plan.Statuses = map[string]string{organizer.Address(): statusIgnored}
		}
	}
	return forced
}

// notMergeable is about data with instances that the meeting does not have.
func (a *attending) notMergeable() error {
	if allCancelled(a.New) {
		return a.nothingLeft()
	}
	return refuse(ValidAttendeeChange, "the organizer's event does not have this instance")
}

// nothingLeft is about data of which no component is left.
func (a *attending) nothingLeft() error {
	if a.Old == nil {
		return refuse(AttendeeAllowed, "the organizer's event has no such instance")
	}
	a.plan.Outcome, a.plan.Store = Deleted, nil
	return nil
}

// allCancelled reports whether nothing of o takes place.
func allCancelled(o *ical.Object) bool {
	return !anyComponent(o, func(c *ical.Component) bool { return !isCancelled(c) })
}

// store sets what is to be stored. Where that is what the client sent, its own
// spelling is kept.
func (a *attending) store(o *ical.Object) error {
	a.plan.Outcome, a.plan.Store = Stored, o
	if a.New != nil && o.Calendar.Equal(a.New.Calendar) {
		a.plan.Store = a.New
	}
	return nil
}

// answer sends the REPLY for some instances of a copy.
func (a *attending) answer(copy *ical.Object, rids map[ical.DateTime]bool, partStat string) error {
	if len(rids) == 0 {
		return nil
	}
	r := replier{from: a.Owner, to: a.organizer, now: a.Now, o: a.options, rids: rids, partStat: partStat, comment: a.Comment}
	m, err := r.message(copy)
	if m != nil {
		a.plan.Messages = append(a.plan.Messages, *m)
	}
	return err
}

// orphan is about a copy of a meeting that its organizer, who is here, does not
// have.
func (a *attending) orphan() error {
	server := byServer(organizerOf(a.New))
	switch {
	case server && a.Old != nil && !byServer(organizerOf(a.Old)):
		return refuse(ValidAttendeeChange, "SCHEDULE-AGENT of the ORGANIZER cannot be changed: their event is not on this server")
	case !server, allCancelled(a.New) && a.Old != nil:
		return a.store(a.New)
	case allCancelled(a.New):
		a.plan.Outcome = Discarded
	case a.Old != nil:
		a.plan.Outcome = Deleted
	default:
		return refuse(AttendeeAllowed, "the organizer does not have this event")
	}
	return nil
}

// elsewhere is a change of a copy whose organizer's object is not here: anything may
// be changed in it, and the organizer is told of answers if they can be reached.
func (a *attending) elsewhere() error {
	if !byServer(organizerOf(a.New)) {
		return a.store(a.New)
	}
	if a.organizer.Kind != External {
		return a.detach()
	}
	answer, rids, err := a.answeredElsewhere()
	if err != nil {
		return err
	}
	store, err := a.keepStatus()
	if err != nil {
		return err
	}
	if err := a.store(store); err != nil {
		return err
	}
	return a.answer(answer, rids, "")
}

// keepStatus returns the client's data with the SCHEDULE-STATUS of the ORGANIZER that is
// stored: it is the server's, which sends the replies (RFC 6638 §7.3).
func (a *attending) keepStatus() (*ical.Object, error) {
	if a.Old == nil || !byServer(organizerOf(a.Old)) {
		return a.New, nil
	}
	return editOrganizers(a.New, func(p *ical.Property) {
		setOrRemove(p, "SCHEDULE-STATUS", organizerOf(a.Old).Param("SCHEDULE-STATUS"))
	})
}

// detach stores the client's data, and that no server will send anything for it
// (RFC 6638 §7.1).
func (a *attending) detach() error {
	store, err := editOrganizers(a.New, func(p *ical.Property) {
		p.SetParam("SCHEDULE-AGENT", "NONE")
		p.SetParam("SCHEDULE-STATUS", statusRejected)
	})
	if err != nil {
		return err
	}
	return a.store(store)
}

// editOrganizers returns o with an edit to all ORGANIZERs that leave scheduling to
// the server.
func editOrganizers(o *ical.Object, edit func(*ical.Property)) (*ical.Object, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		if p := d.At(rid).Prop("ORGANIZER"); p != nil && byServer(p) {
			edit(d.Edit(rid).Prop("ORGANIZER"))
		}
	}
	return d.Object()
}

// withoutForceSend returns o without orders to send something, which are not stored
// (RFC 6638 §7.2).
func withoutForceSend(o *ical.Object) (*ical.Object, error) {
	if !anyComponent(o, hasForceSend) {
		return o, nil
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		if !hasForceSend(d.At(rid)) {
			continue
		}
		c := d.Edit(rid)
		for i := range c.Props {
			c.Props[i].RemoveParam(forceSend)
		}
	}
	return d.Object()
}

// forceSend is the parameter of such an order.
const forceSend = "SCHEDULE-FORCE-SEND"

func hasForceSend(c *ical.Component) bool {
	return slices.ContainsFunc(c.Props, func(p ical.Property) bool {
		return (p.Name == "ATTENDEE" || p.Name == "ORGANIZER") && p.Has(forceSend)
	})
}

// answeredElsewhere returns what an organizer elsewhere is told: a copy with the
// answers in it, and the instances in which they are others than before.
func (a *attending) answeredElsewhere() (*ical.Object, map[ical.DateTime]bool, error) {
	b := ical.NewBudget(ical.DefaultBudget)
	is, err := a.New.Draft(b)
	if err != nil {
		return nil, nil, err
	}
	rids := map[ical.DateTime]bool{}
	if a.forced(a.New) {
		rids[ical.DateTime{}] = true
	}
	if a.Old == nil {
		for _, rid := range is.RIDs() {
			if s := partStatIn(is.At(rid), a.self); s != "" && s != needsAction {
				rids[rid] = true
			}
		}
		return a.New, rids, nil
	}
	was, err := a.Old.Draft(b)
	if err != nil {
		return nil, nil, err
	}
	for _, rid := range is.RIDs() {
		before, err := was.Effective(rid)
		if err != nil {
			return nil, nil, err
		}
		if before == nil || a.tells(before, is.At(rid)) {
			rids[rid] = true
		}
	}
	if err := a.removedElsewhere(was, is, rids); err != nil {
		return nil, nil, err
	}
	answer, err := is.Object()
	return answer, rids, err
}

// tells reports whether two versions of a component say something else to the
// organizer.
func (a *attending) tells(was, is *ical.Component) bool {
	if partStatIn(was, a.self) != partStatIn(is, a.self) || !sameLines(was, is, privateComment) {
		return true
	}
	for _, name := range a.options.ToOrganizer {
		if !sameLines(was, is, name) {
			return true
		}
	}
	p, q := attendeeLine(was, a.self), attendeeLine(is, a.self)
	for _, name := range a.options.ToOrganizerParams {
		if p != nil && q != nil && p.Param(name) != q.Param(name) {
			return true
		}
	}
	return false
}

// removedElsewhere declines the instances that the client took out of the series.
func (a *attending) removedElsewhere(was, is *ical.Draft, rids map[ical.DateTime]bool) error {
	before, err := was.Series()
	if err != nil {
		return err
	}
	now, err := is.Series()
	if err != nil || is.Master() == nil || was.Master() == nil {
		return err
	}
	known := map[ical.DateTime]bool{}
	for _, rid := range before.Excluded() {
		known[rid] = true
	}
	for _, rid := range now.Excluded() {
		if known[rid] || is.At(rid) != nil {
			continue
		}
		c, err := was.Effective(rid)
		if err != nil {
			return err
		}
		if c == nil || isCancelled(c) || partStatIn(c, a.self) == "" || declines(c, a.self) {
			continue
		}
		c = c.Clone()
		setPartStat(attendeeLine(c, a.self), "DECLINED")
		is.Put(rid, c)
		rids[rid] = true
	}
	return nil
}

// leave is a DELETE by an attendee: they decline, unless they have done so, or do
// not want to say it (RFC 6638 §3.2.2.3, §8.1).
func (a *attending) leave() error {
	asked := func(c *ical.Component) bool {
		s := partStatIn(c, a.self)
		return s != "" && s != "DECLINED" && !isCancelled(c)
	}
	reachable := a.organizer.Local() || a.organizer.Kind == External
	if a.Silent || !reachable || !byServer(organizerOf(a.Old)) || !anyComponent(a.Old, asked) {
		return nil
	}
	return a.answer(a.Old, map[ical.DateTime]bool{{}: true}, "DECLINED")
}
