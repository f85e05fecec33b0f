package scheduling

func (d *decision) attendee() (*Plan, error) { return stored(d.New), nil }
