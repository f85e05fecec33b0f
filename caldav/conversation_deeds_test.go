package caldav_test

import (
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
)

// address is one of those that name somebody, as one or another client writes it.
func (k *talk) address(n int) string {
	r := &k.staff.records[n]
	mail := one(k, r.Emails...)
	switch k.r.IntN(8) {
	case 0:
		return "MAILTO:" + strings.ToUpper(mail[:1]) + mail[1:]
	case 1:
		return "urn:uuid:" + r.GUID
	case 2:
		if n < firstRoom {
			return "/principals/users/" + r.Name + "/"
		}
		return "/principals/__uids__/" + r.GUID + "/"
	}
	return "mailto:" + mail
}

// guests are some to invite, and notes that they are.
func (k *talk) guests(m *agreed, most int) (lines []string) {
	for range 1 + k.r.IntN(most) {
		n := k.r.IntN(len(k.staff.records))
		if n == m.organizer {
			continue
		}
		m.invite(k.staff, n)
		more := one(k, "", "", "", ";RSVP=TRUE", ";ROLE=OPT-PARTICIPANT", ";PARTSTAT=ACCEPTED", ";CN=Somebody", ";SCHEDULE-AGENT=NONE")
		lines = append(lines, "ATTENDEE"+more+":"+k.address(n))
	}
	if k.r.IntN(12) == 0 {
		lines = append(lines, "ATTENDEE:mailto:guest@elsewhere.example")
	}
	return lines
}

// invite notes that somebody was invited.
func (m *agreed) invite(s *staff, n int) {
	if n < 0 {
		return
	}
	m.invited[s.records[n].GUID] = true
	for _, member := range s.records[n].Members {
		m.invited[member.Value] = true
	}
}

// some is a meeting that there has been.
func (k *talk) some() *agreed {
	if len(k.meetings) == 0 {
		return nil
	}
	return one(k, k.meetings...)
}

// create is a new meeting of somebody's, or one again that was removed.
func (k *talk) create() string {
	m := k.some()
	if m == nil || k.place(m.organizer, m.uid) != "" || k.r.IntN(3) > 0 {
		if len(k.meetings) == 6 {
			return ""
		}
		m = &agreed{uid: fmt.Sprintf("m%d", len(k.meetings)+1), organizer: k.r.IntN(firstRoom), invited: map[string]bool{}}
		k.meetings = append(k.meetings, m)
	}
	m.invited[k.staff.records[m.organizer].GUID] = true
	who := k.actor(m.organizer)
	day, hour := 1+k.r.IntN(5), 8+k.r.IntN(6)
	start := fmt.Sprintf("202606%02dT%02d0000", day, hour)
	lines := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:" + m.uid, "DTSTAMP:20260101T000000Z"},
		one(k, "DTSTART:"+start+"Z", "DTSTART;TZID=Europe/Vienna:"+start, "DTSTART;VALUE=DATE:"+start[:8]),
		"SUMMARY:"+m.uid, "ORGANIZER:"+k.address(m.organizer))
	if k.r.IntN(5) > 0 {
		lines = append(lines, "ATTENDEE;PARTSTAT=ACCEPTED:"+k.address(m.organizer))
	}
	if !strings.Contains(lines[6], "VALUE=DATE") {
		lines = append(lines, "DURATION:PT1H")
	}
	lines = append(lines, one(k, "", "RRULE:FREQ=WEEKLY;COUNT=6", "RRULE:FREQ=DAILY;COUNT=5", "RRULE:FREQ=WEEKLY"))
	lines = append(lines, k.guests(m, 8)...)
	lines = slices.DeleteFunc(append(lines, "END:VEVENT", "END:VCALENDAR", ""), func(l string) bool { return l == "" })
	path := k.home(m.organizer) + "calendar/" + m.uid + ".ics"
	if at := k.place(m.organizer, m.uid); at != "" {
		return "" // they have a copy of another's, or it is there still
	}
	text := strings.Join(lines, "\r\n") + "\r\n"
	k.note("%s writes %s", k.name(who), text)
	a := k.ask(who, "PUT", path, text)
	return fmt.Sprintf("%s creates %s in the home of %s: %s: %d %s", k.name(who), m.uid, k.name(m.organizer), strings.Join(lines[6:len(lines)-3], " "), a.Status, refusalOf(a))
}

// refusalOf is why something was refused.
func refusalOf(a answer) string {
	if a.Status < 400 {
		return a.Header.Get("Convene-Booking")
	}
	return strings.Join(strings.Fields(a.Body), " ")
}

// actor is who writes in somebody's home: mostly themselves, ann's assistant for her.
func (k *talk) actor(owner int) int {
	if owner == 0 && k.r.IntN(3) == 0 {
		return 1
	}
	return owner
}

// edits lets a device change a meeting in somebody's home.
func (k *talk) edits(owner int, uid string, change func(*ical.Draft) string) (what string, a answer) {
	key := deviceKey{who: k.actor(owner), owner: owner, uid: uid, stale: k.r.IntN(3) == 0}
	c := k.read(key)
	if c == nil {
		return "", answer{}
	}
	d := k.parse(c.body)
	what = change(d)
	text, ok := k.text(d)
	if what == "" || !ok {
		return "", answer{}
	}
	when := k.condition(key.stale)
	k.note("%s writes %s %s, %s:\n%s", k.name(key.who), uid, what, when, text)
	if m := k.meeting(uid); owner == m.organizer && (when == blindly || c.renamed != k.staff.renamed) {
		for c := range d.Calendar().Children {
			for _, p := range d.Calendar().Children[c].AllProps("ATTENDEE") {
				if when == blindly { // who an address is of now is whom they invite
					m.invite(k.staff, k.staff.whose(p.Value))
				}
			}
		}
	}
	a = k.write(key, c, text, when)
	stale := ""
	if key.stale {
		stale = " (from what they read before)"
	}
	return fmt.Sprintf("%s, in the home of %s, %s: %s, %s%s: %d %s", k.name(key.who), k.name(owner), uid, what, when, stale, a.Status, refusalOf(a)), a
}

func (k *talk) meeting(uid string) *agreed {
	return k.meetings[slices.IndexFunc(k.meetings, func(m *agreed) bool { return m.uid == uid })]
}

// organizerEdits changes a meeting as its organizer does, in one or two ways at once.
func (k *talk) organizerEdits() string {
	m := k.some()
	if m == nil {
		return ""
	}
	said := k.answers(m)
	plain := false
	what, a := k.edits(m.organizer, m.uid, func(d *ical.Draft) string {
		name, what := k.organizerChange(m, d)
		plain = name == "summary"
		if k.r.IntN(4) == 0 {
			_, more := k.organizerChange(m, d)
			what, plain = what+" "+more, false
		}
		if d.Master() == nil { // a copy of another's by the same UID
			return ""
		}
		return what
	})
	if plain && a.Status/100 == 2 && !strings.Contains(what, "(from") {
		k.keptAnswers(m, said)
	}
	return what
}

// organizerChange does one thing to what a device has.
func (k *talk) organizerChange(m *agreed, d *ical.Draft) (name, what string) {
	rid, recurs := ical.DateTime{}, false
	if d.Master() != nil {
		rid, recurs = k.instance(d)
	}
	all := []string{"summary", "summary", "shift", "invite", "invite", "uninvite", "lie", "force", "alarm", "agent", "nobody", "sequence", "rule", "off", "transparent"}
	if recurs {
		all = append(all, "exclude", "exclude", "text", "moveOne", "moveOne", "inviteOne", "inviteOne", "uninviteOne", "uninviteOne", "cancelOne", "reset", "include")
	}
	name = one(k, all...)
	c := d.Edit(ical.DateTime{})
	switch {
	case c == nil:
		return "", ""
	case strings.HasSuffix(name, "One") || name == "text":
		var err error
		if c, err = d.EditEffective(rid); err != nil || c == nil {
			return "", ""
		}
	}
	return name, k.organizerWrites(m, d, c, strings.TrimSuffix(name, "One"), rid)
}

// organizerWrites changes a component.
func (k *talk) organizerWrites(m *agreed, d *ical.Draft, c *ical.Component, name string, rid ical.DateTime) string {
	at := ""
	if c.Prop("RECURRENCE-ID") != nil {
		at = " of " + rid.String()
	}
	switch name {
	case "summary", "text":
		c.SetValue("SUMMARY", fmt.Sprintf("%s %d", m.uid, k.r.IntN(1000)))
	case "shift", "move":
		k.shift(c)
	case "invite":
		for _, line := range k.guests(m, 3) {
			c.Add(parseLine(line))
		}
	case "uninvite", "lie", "force", "agent":
		lines := c.AllProps("ATTENDEE")
		if len(lines) == 0 {
			return ""
		}
		p := one(k, lines...)
		at += " with " + p.Value
		switch name {
		case "uninvite":
			value := p.Value
			c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "ATTENDEE" && p.Value == value })
		case "lie":
			p.SetParam("PARTSTAT", one(k, "ACCEPTED", "DECLINED", "NEEDS-ACTION"))
		case "force":
			p.SetParam("SCHEDULE-FORCE-SEND", "REQUEST")
		case "agent":
			p.SetParam("SCHEDULE-AGENT", one(k, "NONE", "CLIENT", "SERVER"))
		}
	case "alarm":
		addAlarm(c)
	case "nobody":
		c.Remove("ATTENDEE")
	case "sequence":
		c.SetValue("SEQUENCE", fmt.Sprint(k.r.IntN(5)))
	case "rule":
		at += k.rule(c)
	case "off", "cancel":
		c.SetValue("STATUS", one(k, "CANCELLED", "CONFIRMED"))
	case "transparent":
		c.SetValue("TRANSP", "TRANSPARENT")
	case "exclude":
		d.Remove(rid)
		if err := d.Exclude(rid); err != nil {
			return ""
		}
		at += " " + rid.String()
	case "reset":
		d.Remove(rid)
		at += " " + rid.String()
	case "include":
		c.Remove("EXDATE")
	}
	return name + at
}

// rule gives a component another recurrence.
func (k *talk) rule(c *ical.Component) string {
	rule := one(k, "", "FREQ=WEEKLY;COUNT=3", "FREQ=WEEKLY;COUNT=8", "FREQ=DAILY;COUNT=6", "FREQ=WEEKLY")
	if rule == "" {
		c.Remove("RRULE")
		return " none"
	}
	c.SetValue("RRULE", rule)
	return " " + rule
}

// shift moves a component by some hours, or days if it has no hours.
func (k *talk) shift(c *ical.Component) {
	by := ical.Duration{Seconds: 3600 * int64(1+k.r.IntN(5))}
	for _, name := range []string{"DTSTART", "DTEND"} {
		p := c.Prop(name)
		if p == nil {
			continue
		}
		t, err := p.DateTime(nil)
		if err != nil {
			k.t.Fatal(err)
		}
		if t.Kind == ical.Date {
			by = ical.Duration{Days: 1}
		}
		p.SetDateTime(t.Add(by))
	}
}

func addAlarm(c *ical.Component) {
	alarm := ical.NewComponent("VALARM")
	alarm.Add(ical.NewProperty("ACTION", "DISPLAY"), ical.NewProperty("TRIGGER", "-PT15M"), ical.NewProperty("DESCRIPTION", "soon"))
	c.Children = append(c.Children, alarm)
}

func parseLine(text string) ical.Property {
	cal, err := ical.Decode([]byte("BEGIN:VCALENDAR\r\n"+text+"\r\nEND:VCALENDAR\r\n"), ical.DefaultLimits)
	if err != nil {
		panic(err) // it is ours
	}
	return cal.Props[0].Moved()
}

// organizerRemoves ends a meeting.
func (k *talk) organizerRemoves() string {
	m := k.some()
	if m == nil {
		return ""
	}
	return k.removes(m.organizer, m.uid, "")
}

func (k *talk) removes(owner int, uid, header string) string {
	path := k.place(owner, uid)
	if path == "" {
		return ""
	}
	who := k.actor(owner)
	k.note("%s removes %s", k.name(who), path)
	var headers []string
	if header != "" {
		headers = append(headers, header)
	}
	a := k.ask(who, "DELETE", path, "", headers...)
	return fmt.Sprintf("%s removes %s from the home of %s %s: %d %s", k.name(who), uid, k.name(owner), header, a.Status, refusalOf(a))
}
