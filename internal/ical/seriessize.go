package ical

import "math"

// Exceeds reports whether the series ends and has more than most instances before
// that (RFC 4791 §5.2.8). One without end never does: it is a pattern, and not that
// many dates.
func (s *Series) Exceeds(most int) bool {
	total := int64(len(s.rdates) + len(s.overrides))
	for _, r := range s.rules {
		n := r.atMost()
		if n == math.MaxInt64 {
			return false
		}
		total += n
	}
	if total <= int64(most) {
		return false
	}
	n := 0
	for _, err := range s.Instances(math.MinInt64, math.MaxInt64, nil, NewBudget(2*most+1000)) {
		if n++; err != nil || n > most {
			return true
		}
	}
	return false
}

// atMost returns a number that c has no more instances than; math.MaxInt64 if it
// does not end.
func (c *recurrence) atMost() int64 {
	n := c.limit
	if c.until != math.MaxInt64 {
		days := max(c.until-c.start, 0)/secondsPerDay + 3
		perDay := int64(c.perDay)
		if c.freq < Daily {
			perDay *= secondsPerDay / min(c.unit()*c.interval, secondsPerDay)
		}
		n = min(n, days*perDay)
	}
	return n
}
