package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// The methods that are only received, or forwarded as they came (RFC 5546 §1.4).
const (
	Add            Method = "ADD"
	Counter        Method = "COUNTER"
	DeclineCounter Method = "DECLINECOUNTER"
	AskRefresh     Method = "REFRESH"
)

// An Action is what a message in an inbox has done to the recipient's calendar, as
// CS:schedule-changes tells it.
type Action uint8

const (
	// Created: there is a new copy.
	Created Action = iota + 1
	// Updated: it was changed, as Changes says.
	Updated
	// Cancelled: it takes place no more, or the instances in Changes do not.
	Cancelled
	// Replied: the sender of the message has answered in the instances in Changes.
	Replied
)

// String returns the name of the element: "create", "update", "cancel", "reply".
func (a Action) String() string {
	return [...]string{"", "create", "update", "cancel", "reply"}[a]
}

// only returns what c says of some instances.
func (c Changes) only(rids []ical.DateTime) Changes {
	some := Changes{}
	for _, rid := range rids {
		if names, ok := c[rid]; ok {
			some[rid] = names
		}
	}
	return some
}

// RIDs returns the instances in c in order, the master first.
func (c Changes) RIDs() []ical.DateTime {
	all := make([]ical.DateTime, 0, len(c))
	for rid := range c {
		all = append(all, rid)
	}
	slices.SortFunc(all, compareRIDs)
	return all
}

// compareRIDs orders names of instances: the master first.
func compareRIDs(a, b ical.DateTime) int {
	switch {
	case a == b:
		return 0
	case a.IsZero() || !b.IsZero() && a.Wall < b.Wall:
		return -1
	}
	return 1
}

// answersChanged returns the instances in which somebody's answer is another: what
// other attendees see of a reply.
func (c Changes) answersChanged() []ical.DateTime {
	var all []ical.DateTime
	for _, rid := range c.RIDs() {
		if len(c[rid]["ATTENDEE"]) > 0 {
			all = append(all, rid)
		}
	}
	return all
}
