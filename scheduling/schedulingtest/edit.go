package schedulingtest

import (
	"fmt"
	"strings"

	"convene/internal/ical"
)

// The UID of what scripts are about, and where its first instance is.
const (
	UID = "u"

	zone  = "Europe/Vienna"
	start = "20260105T100000"
	end   = "20260105T110000"
)

// kinds are what may be put into a calendar without writing all of it down.
var kinds = map[string]string{
	"event":  "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T080000Z\r\nDTSTART;TZID=" + zone + ":" + start + "\r\nDTEND;TZID=" + zone + ":" + end + "\r\nSUMMARY:Plan\r\nEND:VEVENT\r\n",
	"series": "BEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T080000Z\r\nDTSTART;TZID=" + zone + ":" + start + "\r\nDTEND;TZID=" + zone + ":" + end + "\r\nRRULE:FREQ=WEEKLY;COUNT=6\r\nSUMMARY:Plan\r\nEND:VEVENT\r\n",
	"task":   "BEGIN:VTODO\r\nUID:u\r\nDTSTAMP:20260101T080000Z\r\nDTSTART;TZID=" + zone + ":" + start + "\r\nDUE;TZID=" + zone + ":" + end + "\r\nSUMMARY:Plan\r\nEND:VTODO\r\n",
}

// newText returns an object of a kind with a UID, organizer and attendees.
func newText(kind, uid, organizer string, attendees []string) (string, error) {
	body, ok := kinds[kind]
	if !ok {
		return "", fmt.Errorf("no kind %q", kind)
	}
	var people strings.Builder
	if organizer != "" {
		fmt.Fprintf(&people, "ORGANIZER:%s\r\nATTENDEE;PARTSTAT=ACCEPTED:%s\r\n", address(organizer), address(organizer))
	}
	for _, name := range attendees {
		fmt.Fprintf(&people, "ATTENDEE:%s\r\n", address(name))
	}
	head, tail, _ := strings.Cut(strings.Replace(body, "UID:u", "UID:"+uid, 1), "SUMMARY")
	tz := string(mustZone().Append(nil))
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + tz + head + people.String() + "SUMMARY" + tail + "END:VCALENDAR\r\n", nil
}

func mustZone() *ical.Component {
	c, err := ical.VTimezone(zone, 0, 1<<40)
	if err != nil {
		panic(err) // it is built in
	}
	return c
}

// address returns the address that a name in a script is short for.
func address(name string) string {
	switch {
	case strings.ContainsAny(name, ":/"):
		return name
	case name == "X":
		return "mailto:x@example.net"
	case name == "U":
		return "mailto:u@example.com"
	}
	return "urn:x-uid:" + name
}

// instance returns the RID of "i2": the second week.
func instance(name string) (ical.DateTime, bool) {
	if len(name) != 2 || name[0] != 'i' || name[1] < '1' || name[1] > '9' {
		return ical.DateTime{}, false
	}
	first, _ := ical.ParseDateTime(start, zone, false, nil)
	week := ical.Duration{Days: 7 * int64(name[1]-'1')}
	return ical.DateTime{Wall: first.Add(week).Unix(nil), Kind: ical.UTC}, true
}

// line reads one content line, in which addresses and instances may be names.
func line(text string) (ical.Property, error) {
	cal, err := ical.Decode([]byte("BEGIN:VCALENDAR\r\n"+text+"\r\nEND:VCALENDAR\r\n"), ical.Limits{})
	if err != nil {
		return ical.Property{}, err
	}
	if len(cal.Props) != 1 {
		return ical.Property{}, fmt.Errorf("%q is not one property", text)
	}
	p := cal.Props[0].Moved()
	switch p.Name {
	case "ATTENDEE", "ORGANIZER":
		p.Value = address(p.Value)
	}
	if rid, ok := instance(p.Value); ok {
		p.SetDateTime(rid)
	}
	if ref := p.Param("X-CALENDARSERVER-ATTENDEE-REF"); ref != "" {
		p.SetParam("X-CALENDARSERVER-ATTENDEE-REF", address(ref))
	}
	return p, nil
}

// An editor changes an object as a client does.
type editor struct {
	who   string
	draft *ical.Draft
	at    ical.DateTime // the component
}

// edit returns o with the changes of the lines of a script.
func edit(o *ical.Object, who string, lines []string) (*ical.Object, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	e := &editor{who: who, draft: d}
	for _, text := range lines {
		if err := e.line(text); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return d.Object()
}

// component returns the component that lines are about.
func (e *editor) component() (*ical.Component, error) {
	c, err := e.draft.EditEffective(e.at)
	if err == nil && c == nil {
		err = fmt.Errorf("there is no such instance")
	}
	return c, err
}

// line carries out one line.
func (e *editor) line(text string) error {
	verb, rest, _ := strings.Cut(text, " ")
	if name, ok := strings.CutPrefix(text, "@"); ok {
		return e.move(name)
	}
	if name, ok := strings.CutPrefix(text, "-@"); ok {
		return e.removeInstance(name)
	}
	c, err := e.component()
	if err != nil {
		return err
	}
	switch {
	case verb == "own":
		return e.params(c, "ATTENDEE", e.who, rest)
	case verb == "organizer":
		return e.params(c, "ORGANIZER", "", rest)
	case text == "alarm":
		alarm := ical.NewComponent("VALARM")
		alarm.Add(ical.NewProperty("ACTION", "DISPLAY"), ical.NewProperty("TRIGGER", "-PT15M"), ical.NewProperty("DESCRIPTION", "soon"))
		c.Children = append(c.Children, alarm)
	case text == "-alarm":
		c.RemoveChildren(func(c *ical.Component) bool { return c.Name == "VALARM" })
	case text[0] == '-':
		return e.remove(c, text[1:])
	case text[0] == '+':
		p, err := line(text[1:])
		c.Add(p)
		return err
	default:
		return e.set(c, text)
	}
	return nil
}

// move goes to the component of an instance: "@i2", or "@" for the master.
func (e *editor) move(name string) error {
	e.at = ical.DateTime{}
	if name == "" {
		return nil
	}
	rid, ok := instance(name)
	if !ok {
		return fmt.Errorf("no instance")
	}
	e.at = rid
	_, err := e.component()
	return err
}

// removeInstance removes the override of an instance, or the master.
func (e *editor) removeInstance(name string) error {
	rid, _ := instance(name)
	e.draft.Remove(rid)
	return nil
}

// params sets parameters of one line: "PARTSTAT=ACCEPTED", or "RSVP=" to remove.
func (e *editor) params(c *ical.Component, name, who, list string) error {
	for _, p := range c.AllProps(name) {
		if who != "" && p.Value != address(who) {
			continue
		}
		for _, item := range strings.Fields(list) {
			param, value, _ := strings.Cut(item, "=")
			if value == "" {
				p.RemoveParam(param)
			} else {
				p.SetParam(param, value)
			}
		}
		return nil
	}
	return fmt.Errorf("no such line in\n%s", c.Append(nil))
}

// remove removes lines: all of a name, or that of an attendee, or an EXDATE.
func (e *editor) remove(c *ical.Component, text string) error {
	if !strings.Contains(text, ":") {
		c.Remove(text)
		return nil
	}
	p, err := line(text)
	if err != nil {
		return err
	}
	if rid, ok := instance(text[strings.LastIndexByte(text, ':')+1:]); ok && p.Name == "EXDATE" {
		_, err := e.draft.Include(rid)
		return err
	}
	c.RemoveFunc(func(q *ical.Property) bool { return q.Name == p.Name && q.Value == p.Value })
	return nil
}

// set sets a property. ATTENDEE is that of the same address; an EXDATE is one more.
func (e *editor) set(c *ical.Component, text string) error {
	p, err := line(text)
	if err != nil {
		return err
	}
	switch p.Name {
	case "EXDATE", "RDATE":
		c.Add(p)
	case "ATTENDEE":
		for _, q := range c.AllProps("ATTENDEE") {
			if q.Value == p.Value {
				*q = p
				return nil
			}
		}
		c.Add(p)
	default:
		c.Set(p)
	}
	return nil
}
