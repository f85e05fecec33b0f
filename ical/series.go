package ical

import "iter"

// A Series is the compiled recurrence set of a calendar object.
type Series struct{ o *Object }

// An Instance is one occurrence of a calendar object.
type Instance struct {
	RecurrenceID       DateTime
	Start, End         DateTime
	StartUnix, EndUnix int64
	Component          *Component
	Override           bool
	Busy               BusyType
}

// Series compiles the recurrence set of o.
func (o *Object) Series() (*Series, error) { return &Series{o}, nil }

// Span returns the first start and the last end of all instances, in Unix
// seconds; open: there is no end.
func (s *Series) Span(floating *Zone) (start, end int64, open bool) { return 0, 0, true }

// Instances returns the instances that overlap a time range, ordered by start.
func (s *Series) Instances(from, to int64, floating *Zone, b *Budget) iter.Seq2[Instance, error] {
	return func(yield func(Instance, error) bool) {}
}
