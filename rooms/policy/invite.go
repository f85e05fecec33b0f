package policy

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// PartStat is what a PARTSTAT says (RFC 5545 §3.2.12), in upper case.
type PartStat string

// The answers that a room gives.
const (
	NeedsAction PartStat = "NEEDS-ACTION"
	Accepted    PartStat = "ACCEPTED"
	Declined    PartStat = "DECLINED"
	Held        PartStat = "TENTATIVE"
)

// An Invite is a meeting as it comes to a room.
type Invite struct {
	// Object is the room's new copy: what of the meeting it is invited to. Its
	// own PARTSTATs are those that the organizer sent.
	Object *ical.Object

	// Old is the copy that the room has, with the answers that it gave; nil if
	// there is none. If the meeting was split off another, it is that one's.
	Old *ical.Object

	// Verified is the Answer.VerifiedUntil of the copy that the room has: what it
	// accepted behind that it has not yet looked at. 0: all was looked at.
	Verified int64

	// Group are the UIDs of the other parts of a series that was split: they
	// are one booking with this one, and never in its way.
	Group []string
}

// A line is what a component says of the room.
type line struct {
	here   bool // the room is invited
	stat   PartStat
	again  bool // the organizer asks again (RFC 6638 §7.2)
	none   bool // SCHEDULE-AGENT=NONE (RFC 6638 §7.1)
	opaque bool // takes time
}

// lineOf reads the room's ATTENDEE lines of a component. Several, by several of its
// addresses, are one; the last that says more than NEEDS-ACTION counts.
func lineOf(c *ical.Component, addresses []string) line {
	l := line{stat: NeedsAction, opaque: true, none: true}
	for i := range c.Props {
		p := &c.Props[i]
		switch p.Name {
		case "ATTENDEE":
			if slices.Contains(addresses, p.Address()) {
				l.add(p)
			}
		case "TRANSP":
			l.opaque = !strings.EqualFold(p.Value, "TRANSPARENT")
		case "STATUS":
			if strings.EqualFold(p.Value, "CANCELLED") {
				return line{} // a cancelled date invites nobody
			}
		}
	}
	return l
}

func (l *line) add(p *ical.Property) {
	l.here = true
	if s := PartStat(strings.ToUpper(p.Param("PARTSTAT"))); s != "" && s != NeedsAction {
		l.stat = s
	}
	l.again = l.again || strings.EqualFold(p.Param("SCHEDULE-FORCE-SEND"), "REQUEST")
	l.none = l.none && strings.EqualFold(p.Param("SCHEDULE-AGENT"), "NONE")
}

// lines remembers the lines of the components of an object.
type lines struct {
	addresses []string
	known     map[*ical.Component]line
}

func (ls *lines) of(c *ical.Component) line {
	l, ok := ls.known[c]
	if !ok {
		l = lineOf(c, ls.addresses)
		ls.known[c] = l
	}
	return l
}

// An Occurrence is one date of a meeting that the room is invited to.
type Occurrence struct {
	Instance ical.Instance
	Was      PartStat // the room's own answer for this time; NeedsAction if it has none
	PartStat PartStat // the answer
	Judged   bool     // the answer was decided now
	Reasons  []Reason // why it is not simply accepted; the first is the one that counts
	Taker    *Booking // what it collides with, if that is known

	line    line
	was     earlier
	ask     bool
	past    bool // long over: stays as it is
	far     bool // behind the horizon, as all of the meeting is
	free    bool
	implied PartStat // what the series says of a date that was not looked at; "" of others
}

// key tells the occurrences of a meeting apart, also when it begins to recur.
func key(i *ical.Instance, zone *ical.Zone) int64 {
	if i.RecurrenceID.IsZero() {
		return i.StartUnix
	}
	return i.RecurrenceID.Unix(zone)
}

// minTime is before everything, maxTime after it.
const (
	minTime = -1 << 63
	maxTime = 1<<63 - 1
)

// graceAfter is how long after its end an occurrence is still judged.
const graceAfter = 2 * day

// occurrences returns the dates of a meeting to which the room is invited, in order, from
// those that are over to the horizon; of a meeting that lies behind it the first.
// tooMany: there are more than the policy allows.
func occurrences(series *ical.Series, ls *lines, p *Policy, now int64) (all []Occurrence, tooMany bool, err error) {
	until := now + int64(p.Horizon)*day
	past, current := 0, 0
	for inst, err := range series.Instances(minTime, until, p.Zone, nil) {
		if err != nil {
			return nil, false, err
		}
		l := ls.of(inst.Component)
		if !l.here {
			continue
		}
		oc := Occurrence{Instance: inst, Was: NeedsAction, PartStat: l.stat, line: l, past: inst.EndUnix <= now-graceAfter}
		if oc.past {
			if past++; past > p.MaxOccurrences {
				continue // nobody asks about so many; they take the answer of the series
			}
		} else if current++; current > p.MaxOccurrences {
			return all, true, nil
		}
		all = append(all, oc)
	}
	if past+current == 0 {
		all, err = behindHorizon(series, ls, p, until)
	}
	return all, false, err
}

// behindHorizon is the first date at or after the horizon, if there is any.
func behindHorizon(series *ical.Series, ls *lines, p *Policy, horizon int64) ([]Occurrence, error) {
	for inst, err := range series.Instances(horizon, maxTime, p.Zone, nil) {
		if err != nil {
			return nil, err
		}
		if l := ls.of(inst.Component); l.here {
			return []Occurrence{{Instance: inst, Was: NeedsAction, PartStat: l.stat, line: l, far: true}}, nil
		}
	}
	return nil, nil
}

// An earlier answer is what the room said about one date.
type earlier struct {
	start, end int64
	stat       PartStat
	opaque     bool
	component  *ical.Component
}

// answers returns what the room's copy says of its dates, by key.
func answers(o *ical.Object, ls *lines, p *Policy, now int64) (map[int64]earlier, error) {
	if o == nil {
		return nil, nil
	}
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	all, _, err := occurrences(series, ls, p, now)
	if err != nil {
		return nil, err
	}
	known := make(map[int64]earlier, len(all))
	for i := range all {
		inst := &all[i].Instance
		l := all[i].line
		known[key(inst, p.Zone)] = earlier{inst.StartUnix, inst.EndUnix, l.stat, l.opaque, inst.Component}
	}
	return known, nil
}
