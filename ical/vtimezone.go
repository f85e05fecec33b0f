package ical

// ZoneOf reads a VTIMEZONE component.
func ZoneOf(c *Component) (*Zone, error) { return nil, ErrUnknownZone }
