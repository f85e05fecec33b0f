package ical

// Expand returns the instances of o that overlap a time range as components of
// their own (RFC 4791 §9.6.5).
func (o *Object) Expand(from, to int64, floating *Zone, b *Budget) (*Component, error) {
	return o.Calendar, nil
}

// AppendExpanded appends what Expand returns, encoded, to dst.
func (o *Object) AppendExpanded(dst []byte, from, to int64, floating *Zone, b *Budget) ([]byte, error) {
	return dst, nil
}

// LimitRecurrenceSet returns o without the overrides that have no effect on a
// time range (RFC 4791 §9.6.6).
func (o *Object) LimitRecurrenceSet(from, to int64, floating *Zone, b *Budget) (*Component, error) {
	return o.Calendar, nil
}

// LimitFreeBusySet returns o without the FREEBUSY values outside of a time
// range (RFC 4791 §9.6.7).
func (o *Object) LimitFreeBusySet(from, to int64) *Component { return o.Calendar }
