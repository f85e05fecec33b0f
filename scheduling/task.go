package scheduling

// repairTask puts back what a client has lost that knows tasks but no scheduling:
// ORGANIZER and ATTENDEEs. That the task is done is then the answer of the owner. It
// reports false, and changes nothing, if that is not what has happened.
func (d *decision) repairTask() (bool, error) {
	was, is := d.Old, d.New
	single := len(is.Overrides)+len(was.Overrides) == 0 && is.Master.Prop("RRULE") == nil && is.Master.Prop("RDATE") == nil
	if !single || is.Kind != "VTODO" || was.Kind != "VTODO" || hasAttendees(is) || !hasAttendees(was) {
		return false, nil
	}
	draft, err := is.Draft(d.budget)
	if err != nil {
		return false, err
	}
	draft.AddZones(was)
	c := draft.Edit(master)
	copyProps(c, was.Master, "ORGANIZER", "ATTENDEE")
	if c.Prop("DTSTART") == nil {
		copyProps(c, was.Master, "DTSTART")
	}
	if mine := attendeeOf(c, d.self); mine != nil && c.Prop("COMPLETED") != nil {
		mine.SetParam("PARTSTAT", "COMPLETED")
	}
	d.New, err = draft.Object()
	d.newRole = d.oldRole
	return true, err
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
