package scheduling

import (
	"slices"
	"time"

	"convene/internal/ical"
)

// replyProps are the properties of a component that its attendee sends back,
// besides those that go both ways (RFC 5546 §3.2.3, §3.4.3).
var replyProps = []string{
	"UID", "RECURRENCE-ID", "SEQUENCE", "STATUS", "DTSTAMP", "DTSTART", "DTEND", "DURATION", "DUE",
	"RRULE", "EXRULE", "RDATE", "EXDATE", "ORGANIZER", "SUMMARY", "LOCATION", "DESCRIPTION", privateComment,
}

// taskProps are what a REPLY by mail tells of a task besides (RFC 5546 §3.4.3).
// Here, what attendees have done of a task is their own.
var taskProps = []string{"PERCENT-COMPLETE", "COMPLETED"}

// A replier makes the REPLY of an attendee from their copy.
type replier struct {
	from, to *Party
	now      time.Time
	o        *Options

	// rids are the instances that the answer is about. All, if the master is among
	// them: what it says is of all.
	rids map[ical.DateTime]bool

	// partStat is what is answered in the place of what the copy has; "": that.
	partStat string

	comment func(ical.DateTime) string // see Answered
}

// message returns the REPLY; nil if the attendee is in none of the instances.
func (r *replier) message(copy *ical.Object) (*Message, error) {
	d, err := copy.Draft(nil)
	if err != nil {
		return nil, err
	}
	left := 0
	for _, rid := range d.RIDs() {
		about := r.rids[rid] || r.rids[ical.DateTime{}]
		if !about || attendeeLine(d.At(rid), r.from.Address) == nil {
			d.Remove(rid)
			continue
		}
		c := r.part(d.At(rid))
		d.Put(rid, c)
		if r.comment != nil {
			if text := r.comment(rid); text != "" {
				c.Add(ical.TextProperty("COMMENT", text))
			}
		}
		left++
	}
	if left == 0 {
		return nil, nil
	}
	bareCalendar(d.EditCalendar(), r.o)
	d.DropZones()
	data, err := d.Object()
	if err != nil {
		return nil, err
	}
	return &Message{Method: Reply, From: r.from, To: []*Party{r.to}, Data: data}, nil
}

// part returns a copy of what of a component belongs into a REPLY. What does not, most of
// all the lines of all other attendees, is not copied.
func (r *replier) part(of *ical.Component) *ical.Component {
	kept := *of
	kept.Children, kept.Props = nil, make([]ical.Property, 0, len(replyProps))
	for i := range of.Props {
		if p := &of.Props[i]; r.tells(of, p) {
			kept.Props = append(kept.Props, *p)
		}
	}
	c := kept.Clone()
	mine := attendeeLine(c, r.from.Address)
	if r.partStat != "" {
		setPartStat(mine, r.partStat)
	}
	r.stripParams(mine)
	mine.RemoveParam(sentBy) // Body says who answers
	if p := c.Prop("ORGANIZER"); p != nil {
		r.stripParams(p)
	}
	c.Set(ical.NewProperty("DTSTAMP", utc(r.now)))
	c.Add(ical.NewProperty("REQUEST-STATUS", "2.0;Success"))
	return c
}

// tells reports whether a property of a component goes into a REPLY.
func (r *replier) tells(c *ical.Component, p *ical.Property) bool {
	if p.Name == "ATTENDEE" {
		return sameAddress(p, r.from.Address)
	}
	task := c.Name == "VTODO" && r.to.Kind == External && slices.Contains(taskProps, p.Name)
	return task || slices.Contains(replyProps, p.Name) || slices.Contains(r.o.ToOrganizer, p.Name)
}

// stripParams removes what is between a client and this server (RFC 6638 §7.3).
func (r *replier) stripParams(p *ical.Property) {
	kept := make([]ical.Param, 0, len(p.Params))
	for _, q := range p.Params {
		switch {
		case slices.Contains(scheduleParams, q.Name):
		case len(q.Name) > 2 && q.Name[:2] == "X-" && !slices.Contains(r.o.ToOrganizerParams, q.Name):
		default:
			kept = append(kept, q)
		}
	}
	p.Params = kept
}

// scheduleParams are parameters of RFC 6638 §7, which no message has.
var scheduleParams = []string{"SCHEDULE-AGENT", "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND"}

// bareCalendar leaves of a VCALENDAR what a message has besides its components.
func bareCalendar(cal *ical.Component, o *Options) {
	cal.RemoveFunc(func(p *ical.Property) bool { return p.Name != "VERSION" && p.Name != "PRODID" && p.Name != "CALSCALE" })
	cal.RemoveChildren(func(c *ical.Component) bool { return len(c.Name) > 2 && c.Name[:2] == "X-" })
	setValue(cal, "VERSION", "2.0")
	setValue(cal, "PRODID", o.ProdID)
}

// utc writes a moment as DTSTAMP has it.
func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }
