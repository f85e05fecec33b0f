package ical

// An Object is a valid calendar object resource (RFC 4791 §4.1): one event with
// its overrides, or one task, and the time zones they use. It is not changed
// after NewObject, and is safe for concurrent use.
type Object struct {
	Calendar *Component

	// Kind is the name of the components: VEVENT, VTODO, VJOURNAL, VFREEBUSY,
	// VAVAILABILITY or VPOLL.
	Kind string
	UID  string

	// Master is the component without RECURRENCE-ID; nil if there are only
	// overrides, as an attendee invited to single instances gets them.
	Master *Component

	// Overrides are the components with RECURRENCE-ID, in source order.
	Overrides []*Component

	// Zones resolves the TZIDs of this object.
	Zones *Zones
}

// An InvalidError says why something is not a calendar object resource.
type InvalidError struct {
	// Condition is the precondition of RFC 4791 §5.3.2.1 that is not met, in
	// the CalDAV namespace: valid-calendar-data, valid-calendar-object-resource
	// or supported-calendar-component.
	Condition string

	// Reason says what is wrong, for the client's log.
	Reason string
}

// Error returns the condition and the reason.
func (e *InvalidError) Error() string { return e.Condition + ": " + e.Reason }
