package scheduling

// repairTask puts back what a client has lost that knows tasks but no scheduling:
// ORGANIZER and ATTENDEEs. That the task is done is then the answer of the owner.
func (a *attending) repairTask() error {
	was, is := a.Old, a.New
	single := len(is.Overrides)+len(was.Overrides) == 0 && is.Master.Prop("RRULE") == nil && is.Master.Prop("RDATE") == nil
	switch {
	case hasAttendees(is):
		return refuse(OrganizerAllowed, "attendees without an organizer")
	case !single || is.Kind != "VTODO" || was.Kind != "VTODO" || !hasAttendees(was):
		return refuse(ValidAttendeeChange, "a meeting of somebody else stays one")
	}
	d, err := is.Draft(a.budget)
	if err != nil {
		return err
	}
	d.AddZones(was)
	c := d.Edit(master)
	copyProps(c, was.Master, "ORGANIZER", "ATTENDEE")
	if c.Prop("DTSTART") == nil {
		copyProps(c, was.Master, "DTSTART")
	}
	if mine := attendeeOf(c, a.self); mine != nil && c.Prop("COMPLETED") != nil {
		setPartStat(mine, "COMPLETED")
	}
	a.New, err = d.Object()
	a.newRole = RoleAttendee
	return err
}

// finished gives the attendee's own PARTSTAT what they say of a task: that they have
// done it, or have not after all.
func (a *attending) finished() error {
	if a.New.Kind != "VTODO" || a.Old == nil {
		return nil
	}
	was, err := a.Old.Draft(nil)
	if err != nil {
		return err
	}
	is, err := a.New.Draft(nil)
	if err != nil {
		return err
	}
	for _, rid := range is.RIDs() {
		before, err := was.Effective(rid)
		if err != nil {
			return err
		}
		c := is.At(rid)
		if before == nil || attendeeLine(c, a.self) == nil {
			continue
		}
		done, did := c.Prop("COMPLETED") != nil, before.Prop("COMPLETED") != nil
		switch {
		case done && !did && partStatIn(c, a.self) != "COMPLETED":
			setPartStat(attendeeLine(is.Edit(rid), a.self), "COMPLETED")
		case did && !done && partStatIn(c, a.self) == "COMPLETED":
			setPartStat(attendeeLine(is.Edit(rid), a.self), "IN-PROCESS")
		}
	}
	if !is.Changed() {
		return nil
	}
	a.New, err = is.Object()
	return err
}
