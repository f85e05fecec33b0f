package rooms

import (
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// Usage is how much some rooms were used, in hours.
type Usage struct {
	Group    string  `json:"group"` // a room, a building, a floor of it, or an hour of the day
	Rooms    int     `json:"rooms"`
	Bookings int     `json:"bookings"`
	Bookable float64 `json:"bookableHours"` // the hours that the rooms are open, without blocks
	Booked   float64 `json:"bookedHours"`   // of all bookings, outside of the hours too
	Blocked  float64 `json:"blockedHours"`  // of the opening hours
	Ratio    float64 `json:"bookedRatio"`   // what was booked of what is bookable; 0 where nothing is
	Series   int     `json:"series"`        // how many of the bookings are dates of series
}

// The ways to put rooms together.
const (
	ByRoom     = "room"
	ByBuilding = "building"
	ByFloor    = "floor"
	ByHour     = "hour"
	ByWeekHour = "weekday-hour" // "1 09:00": Monday at nine
)

// A Count adds up how rooms are used between two moments, in Unix seconds.
type Count struct {
	From, To int64
	By       string

	all map[string]*tally
}

type tally struct {
	Usage
	within float64 // what was booked of the hours, in seconds
	slots  float64 // what could be booked of them
}

// Add counts one room with what takes it, in order of start.
func (c *Count) Add(k *Known, taken []policy.Booking) {
	open := k.Policy.Hours.Spans(c.From, c.To, k.Policy.Zone)
	slots := float64(max(k.Policy.Slots, 1))
	for _, name := range c.names(k) {
		c.of(name).Rooms++
	}
	for _, s := range open {
		c.spread(k, s, func(t *tally, seconds float64) { t.Bookable += seconds; t.slots += seconds * slots })
	}
	dates := map[Object]int{}
	for i := range taken {
		dates[Object{taken[i].Collection, taken[i].Object}]++
	}
	closed := c.From // until then it has been counted
	for i := range taken {
		b := &taken[i]
		s := policy.Span{Start: max(b.Start, c.From), End: min(b.End, c.To)}
		if b.State == policy.Blocked {
			s.Start = max(s.Start, closed)
			closed = max(closed, s.End)
			c.block(k, open, s, slots)
			continue
		}
		c.book(k, open, s, dates[Object{b.Collection, b.Object}] > 1)
	}
}

// block takes a time out of what can be booked.
func (c *Count) block(k *Known, open []policy.Span, s policy.Span, slots float64) {
	for _, part := range common(open, s) {
		c.spread(k, part, func(t *tally, seconds float64) {
			t.Blocked += seconds
			t.Bookable -= seconds
			t.slots -= seconds * slots
		})
	}
}

func (c *Count) book(k *Known, open []policy.Span, s policy.Span, series bool) {
	if s.Start >= s.End {
		return
	}
	t := c.of(c.name(k, s.Start))
	if t.Bookings++; series {
		t.Series++
	}
	c.spread(k, s, func(t *tally, seconds float64) { t.Booked += seconds })
	for _, part := range common(open, s) {
		c.spread(k, part, func(t *tally, seconds float64) { t.within += seconds })
	}
}

// common is what s has in common with some times.
func common(open []policy.Span, s policy.Span) (all []policy.Span) {
	for _, o := range open {
		if part := (policy.Span{Start: max(o.Start, s.Start), End: min(o.End, s.End)}); part.Start < part.End {
			all = append(all, part)
		}
	}
	return all
}

// spread gives a time to its group: by hours of the day to each its part.
func (c *Count) spread(k *Known, s policy.Span, add func(*tally, float64)) {
	if !c.hourly() {
		add(c.of(c.name(k, s.Start)), float64(s.End-s.Start))
		return
	}
	for at := s.Start; at < s.End; {
		next := min(at+3600-mod(k.Policy.Zone.Wall(at), 3600), s.End)
		add(c.of(c.name(k, at)), float64(next-at))
		at = next
	}
}

func mod(a, b int64) int64 { return (a%b + b) % b }

func hourOf(zone *ical.Zone, at int64) string {
	return fmt.Sprintf("%02d:00", mod(zone.Wall(at), 86400)/3600)
}

// hourly reports whether the groups are hours.
func (c *Count) hourly() bool { return c.By == ByHour || c.By == ByWeekHour }

// names are the groups that a room is of: of hours, all.
func (c *Count) names(k *Known) []string {
	if !c.hourly() {
		return []string{c.name(k, 0)}
	}
	var all []string
	for h := range 24 {
		hour := fmt.Sprintf("%02d:00", h)
		if c.By == ByHour {
			all = append(all, hour)
			continue
		}
		for day := range 7 {
			all = append(all, fmt.Sprintf("%d %s", day+1, hour))
		}
	}
	return all
}

func (c *Count) name(k *Known, at int64) string {
	place := &k.Policy.Place
	switch c.By {
	case ByBuilding:
		return place.Building
	case ByFloor:
		return strings.TrimSuffix(place.Building+"/"+place.Floor, "/")
	case ByHour:
		return hourOf(k.Policy.Zone, at)
	case ByWeekHour:
		wall := k.Policy.Zone.Wall(at)
		return fmt.Sprintf("%d %s", mod((wall-mod(wall, 86400))/86400+3, 7)+1, hourOf(k.Policy.Zone, at))
	}
	return k.Record.Type.String() + "/" + k.Record.Name
}

func (c *Count) of(group string) *tally {
	if c.all == nil {
		c.all = map[string]*tally{}
	}
	t := c.all[group]
	if t == nil {
		t = &tally{Usage: Usage{Group: group}}
		c.all[group] = t
	}
	return t
}

// Usage returns the groups, by name.
func (c *Count) Usage() []Usage {
	list := []Usage{}
	for _, t := range c.all {
		u := t.Usage
		u.Bookable, u.Booked, u.Blocked = hours(t.Bookable), hours(t.Booked), hours(t.Blocked)
		if t.slots > 0 {
			u.Ratio = float64(int(t.within/t.slots*1000+0.5)) / 1000
		}
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b Usage) int { return strings.Compare(a.Group, b.Group) })
	return list
}

// hours are seconds in hours, with two digits.
func hours(seconds float64) float64 { return float64(int(seconds/36+0.5)) / 100 }
