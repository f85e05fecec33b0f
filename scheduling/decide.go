package scheduling

import (
	"convene/internal/ical"
)

// Decide says what a change means: what is to be stored, and which messages it
// sends. Errors: *Refusal, *NeedError, Change.MayNot, ical.ErrBudget, and those of
// the World.
func Decide(c Change, w World) (*Plan, error) {
	d := decision{Change: c, world: w, options: c.Options, budget: ical.NewBudget(ical.DefaultBudget)}
	if d.options == nil {
		d.options = DefaultOptions()
	}
	if d.Caller == nil {
		d.Caller = d.Owner
	}
	d.self = CanonicalAddress(c.Owner.GUID)
	if err := d.normalise(); err != nil {
		return nil, err
	}
	d.oldRole, d.newRole = stateOf(d.Old, c.Owner.GUID), stateOf(d.New, c.Owner.GUID)
	if err := d.oneAgent(); err != nil {
		return nil, err
	}
	p, err := steps[d.oldRole][d.newRole](&d)
	if err != nil {
		return nil, err
	}
	return d.finish(p)
}

// A decision is one run of Decide.
type decision struct {
	Change
	world   World
	options *Options
	budget  *ical.Budget

	self             string // the owner's canonical address
	oldRole, newRole Role   // absent: there is no object
}

// normalise puts the addresses of the new data into canonical form, and its
// ORGANIZER, the owner if somebody else writes for them, into all components.
func (d *decision) normalise() error {
	if d.New == nil {
		return nil
	}
	o, err := Canonical(d.New, d.Old, d.Owner, d.options, d.world)
	if err != nil {
		return err
	}
	if d.New, err = oneOrganizer(o, d.budget); err != nil {
		return err
	}
	return d.onBehalf()
}

// finish completes a plan.
func (d *decision) finish(p *Plan) (*Plan, error) {
	if len(p.Messages) > 0 && d.MayNot != nil {
		return nil, d.MayNot
	}
	p.Owner, p.Now = d.Owner, d.Now
	d.sign(p)
	switch {
	case d.New != nil:
		p.Role, p.UID = d.newRole, d.New.UID
	case d.Old != nil:
		p.Role, p.UID = d.oldRole, d.Old.UID
	}
	if p.Store != nil && p.Role.Scheduled() {
		var err error
		if p.Store, err = withoutForceSend(p.Store); err != nil {
			return nil, err
		}
	}
	if p.Tag == TagNone && p.Store != nil && p.Role.Scheduled() {
		p.Tag = TagNew
		if d.Old != nil && d.oldRole.Scheduled() && p.Store.Calendar.Equal(d.Old.Calendar) {
			p.Tag = TagKeep
		}
	}
	return p, nil
}

// stored is the plan to store an object without telling anybody.
func stored(o *ical.Object) *Plan { return &Plan{Store: o} }

// remove lets an object go that is nobody else's business.
func (d *decision) remove() (*Plan, error) { return &Plan{Outcome: Deleted}, nil }

// plain stores an object without ORGANIZER. In the calendar of a room or resource
// it says who wrote it: several people do.
func (d *decision) plain() (*Plan, error) {
	if !schedules(d.New.Kind) || d.Owner.Kind != Room && d.Owner.Kind != Resource {
		return stored(d.New), nil
	}
	if d.options.RoomsNeedOrganizer {
		return nil, refuse(ValidOrganizer, "this calendar holds meetings that somebody organizes")
	}
	draft, err := d.New.Draft(d.budget)
	if err != nil {
		return nil, err
	}
	by := ical.NewProperty("X-CALENDARSERVER-MODIFIED-BY", d.Caller.Address)
	setOrRemove(&by, "CN", quotable(d.Caller.CN))
	if len(d.Caller.Emails) > 0 {
		by.SetParam("EMAIL", d.Caller.Emails[0])
	}
	for _, rid := range draft.RIDs() {
		if p := draft.At(rid).Prop(by.Name); p == nil || !p.Equal(&by) {
			draft.Edit(rid).Set(by.Clone())
		}
	}
	o, err := draft.Object()
	if err != nil {
		return nil, err
	}
	return stored(o), nil
}

// stranger stores what somebody else organizes without the owner. The server cannot
// deliver for it, and says so (RFC 6638 §3.2.2).
func (d *decision) stranger() (*Plan, error) {
	organizer := organizerOf(d.New)
	if d.Old != nil {
		was := organizerOf(d.Old)
		switch {
		case was == nil || !byServer(was) && d.oldRole == RoleStranger:
		case was.Address() != organizer.Address():
			return nil, refuse(ValidAttendeeChange, "the organizer of a meeting does not change")
		case d.oldRole == RoleAttendee && GUIDOf(organizer.Address()) != "":
			return nil, refuse(ValidAttendeeChange, "nobody takes themselves off a meeting: they decline it")
		}
	}
	o, err := undeliverable(d.New, d.budget)
	if err != nil {
		return nil, err
	}
	return stored(o), nil
}

// undeliverable marks the ORGANIZER of an object for which the server can do
// nothing.
func undeliverable(o *ical.Object, b *ical.Budget) (*ical.Object, error) {
	draft, err := o.Draft(b)
	if err != nil {
		return nil, err
	}
	for _, rid := range draft.RIDs() {
		if p := draft.At(rid).Prop("ORGANIZER"); p == nil || !byServer(p) {
			continue
		}
		p := draft.Edit(rid).Prop("ORGANIZER")
		p.SetParam("SCHEDULE-AGENT", "NONE")
		p.SetParam("SCHEDULE-STATUS", "5.3")
	}
	return draft.Object()
}

// forget stores an object of somebody else's meeting as one of the owner's own.
func (d *decision) forget() (*Plan, error) {
	if hasAttendees(d.New) {
		return nil, refuse(OrganizerAllowed, "attendees without an organizer")
	}
	return d.plain()
}

// dropOrganizer is for an attendee's object that comes back without ORGANIZER. Some
// clients do so with tasks.
func (d *decision) dropOrganizer() (*Plan, error) {
	if hasAttendees(d.New) {
		return nil, refuse(OrganizerAllowed, "attendees without an organizer")
	}
	repaired, err := d.repairTask()
	if err != nil {
		return nil, err
	}
	if repaired {
		return d.attendee()
	}
	return nil, refuse(ValidAttendeeChange, "a meeting of somebody else stays one")
}
