package caldav_test

import (
	"fmt"
	"slices"
	"strings"

	"convene/internal/ical"
)

// attendee is somebody with a copy of a meeting of another; -1: there is none.
func (k *talk) attendee(m *agreed) int {
	var all []int
	for n := range firstRoom {
		if n != m.organizer && k.place(n, m.uid) != "" {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return -1
	}
	return one(k, all...)
}

// attendeeEdits changes a copy as attendees do.
func (k *talk) attendeeEdits() string {
	m := k.some()
	if m == nil {
		return ""
	}
	n := k.attendee(m)
	if n < 0 {
		return ""
	}
	what, _ := k.edits(n, m.uid, func(d *ical.Draft) string { return k.attendeeChange(n, d) })
	return what
}

// attendeeChange does one thing to what a device has of a meeting of another.
func (k *talk) attendeeChange(n int, d *ical.Draft) string {
	name := one(k, "answer", "answer", "answer", "answerOne", "answerOne", "answerOne", "exclude", "alarm", "alarmOne", "summary", "drop", "comment", "commentOne", "transparent", "master", "noOther", "leave")
	rid, recurs := k.instance(d)
	at := ""
	var list []*ical.Component
	switch {
	case strings.HasSuffix(name, "One") && !recurs:
		name = strings.TrimSuffix(name, "One")
		fallthrough
	default:
		for _, rid := range d.RIDs() {
			list = append(list, d.Edit(rid))
		}
	case strings.HasSuffix(name, "One"):
		c, err := d.EditEffective(rid)
		if err != nil || c == nil {
			return ""
		}
		list, at = append(list, c), " of "+rid.String()
	case name == "exclude" || name == "drop":
		if !recurs {
			return ""
		}
		d.Remove(rid)
		if name == "exclude" && d.Master() != nil && d.Exclude(rid) != nil {
			return ""
		}
		return name + " " + rid.String()
	case name == "master":
		d.Remove(ical.DateTime{})
		return "leaves the master out"
	}
	return k.attendeeWrites(n, list, strings.TrimSuffix(name, "One")) + at
}

// attendeeWrites changes components.
func (k *talk) attendeeWrites(n int, list []*ical.Component, name string) string {
	answer := one(k, "ACCEPTED", "ACCEPTED", "DECLINED", "TENTATIVE")
	for _, c := range list {
		switch name {
		case "answer":
			for _, p := range c.AllProps("ATTENDEE") {
				if k.staff.whose(p.Value) == n {
					p.SetParam("PARTSTAT", answer)
					p.RemoveParam("RSVP")
				}
			}
		case "alarm":
			addAlarm(c)
		case "summary":
			c.SetValue("SUMMARY", "of "+k.name(n))
		case "comment":
			c.SetValue("X-CALENDARSERVER-PRIVATE-COMMENT", "of "+k.name(n))
		case "transparent":
			c.SetValue("TRANSP", one(k, "TRANSPARENT", "OPAQUE"))
		case "noOther", "leave": // others, or themselves
			c.RemoveFunc(func(p *ical.Property) bool {
				return p.Name == "ATTENDEE" && (k.staff.whose(p.Value) == n) == (name == "leave")
			})
		}
	}
	if name == "answer" {
		name += " " + answer
	}
	return name
}

// attendeeRemoves removes a copy.
func (k *talk) attendeeRemoves() string {
	m := k.some()
	if m == nil {
		return ""
	}
	n := k.attendee(m)
	if n < 0 {
		return ""
	}
	return k.removes(n, m.uid, one(k, "", "", "Schedule-Reply: F"))
}

// moves puts a copy into another calendar of its home, or under another name.
func (k *talk) moves() string {
	m := k.some()
	if m == nil {
		return ""
	}
	n := k.r.IntN(firstRoom)
	path := k.place(n, m.uid)
	if path == "" {
		return ""
	}
	to := one(k, "work/", "calendar/") + fmt.Sprintf("%s-%d.ics", m.uid, k.r.IntN(100))
	k.ask(n, "MKCALENDAR", k.home(n)+"work/", "")
	before := k.places()
	k.note("%s moves %s to %s", k.name(n), path, to)
	a := k.ask(n, "MOVE", path, "", "Destination: http://example.com"+k.home(n)+to)
	if a.Status == 201 && k.place(n, m.uid) != k.home(n)+to {
		k.t.Errorf("%s is not where it was moved to, %s", m.uid, to)
	}
	before[path] = "" // the one that has left
	for at, text := range k.places() {
		if was, ok := before[at]; ok && was != "" && was != text {
			k.t.Errorf("moving %s of %s has changed %s", m.uid, k.name(n), at)
		}
	}
	return fmt.Sprintf("%s moves %s to %s: %d %s", k.name(n), m.uid, to, a.Status, refusalOf(a))
}

// copies tries to have a meeting twice.
func (k *talk) copies() string {
	m := k.some()
	if m == nil {
		return ""
	}
	n := k.r.IntN(firstRoom)
	path := k.place(n, m.uid)
	if path == "" {
		return ""
	}
	to := k.home(n) + "calendar/copy.ics"
	a := k.ask(n, "COPY", path, "", "Destination: http://example.com"+to)
	if a.Status != 403 {
		k.t.Errorf("a second copy of %s is %d", m.uid, a.Status)
	}
	return fmt.Sprintf("%s copies %s: %d", k.name(n), m.uid, a.Status)
}

// removesCalendar removes all that somebody has moved there.
func (k *talk) removesCalendar() string {
	n := k.r.IntN(firstRoom)
	a := k.ask(n, "DELETE", k.home(n)+"work/", "")
	if a.Status == 404 {
		return ""
	}
	return fmt.Sprintf("%s removes the calendar work: %d", k.name(n), a.Status)
}

// blocks writes into a room's calendar, by the hand of an administrator.
func (k *talk) blocks() string {
	room := firstRoom + k.r.IntN(2)
	uid := fmt.Sprintf("block%d", k.r.IntN(4))
	path := k.home(room) + "calendar/" + uid + ".ics"
	if k.r.IntN(3) == 0 {
		a := k.boss("DELETE", path, "")
		return fmt.Sprintf("%s is free of %s: %d", k.name(room), uid, a.Status)
	}
	start := fmt.Sprintf("202606%02dT%02d0000Z", 1+k.r.IntN(20), 8+k.r.IntN(6))
	a := k.boss("PUT", path, event(uid, start, one(k, "", "RRULE:FREQ=DAILY;COUNT=3")))
	return fmt.Sprintf("%s is to be closed by %s at %s: %d", k.name(room), uid, start, a.Status)
}

// bossNumber is the record of an administrator.
const bossNumber = 8

// boss sends a request of the administrator's.
func (k *talk) boss(method, path, body string) answer {
	return k.ask(bossNumber, method, path, strings.ReplaceAll(body, "\r\n\r\n", "\r\n"))
}

// roomAnswers lets the room's people answer in its place.
func (k *talk) roomAnswers() string {
	m := k.some()
	room := firstRoom + k.r.IntN(2)
	if m == nil {
		return ""
	}
	path := k.place(room, m.uid)
	if path == "" {
		return ""
	}
	d := k.parse(k.boss("GET", path, "").Body)
	answer := one(k, "ACCEPTED", "DECLINED")
	rids := d.RIDs()
	if k.r.IntN(2) == 0 {
		rid, ok := k.instance(d)
		if !ok {
			return ""
		}
		if c, err := d.EditEffective(rid); err != nil || c == nil {
			return ""
		}
		rids = []ical.DateTime{rid}
	}
	for _, rid := range rids {
		for _, p := range d.Edit(rid).AllProps("ATTENDEE") {
			if k.staff.whose(p.Value) == room {
				p.SetParam("PARTSTAT", answer)
			}
		}
	}
	text, ok := k.text(d)
	if !ok {
		return ""
	}
	k.note("boss answers for %s:\n%s", k.name(room), text)
	a := k.boss("PUT", path, text)
	return fmt.Sprintf("boss answers for %s in %s, %s at %v: %d %s", k.name(room), m.uid, answer, rids, a.Status, refusalOf(a))
}

// writesAgain writes what was read just now: that changes nothing, and tells nobody.
func (k *talk) writesAgain() string {
	m := k.some()
	if m == nil {
		return ""
	}
	var holders []int
	for n := range firstRoom {
		if k.place(n, m.uid) != "" {
			holders = append(holders, n)
		}
	}
	if len(holders) == 0 {
		return ""
	}
	n := one(k, holders...)
	path := k.place(n, m.uid)
	read := k.ask(n, "GET", path, "") // after which they stand everywhere in their home with their present address
	before := k.places()
	a := k.ask(n, "PUT", path, read.Body)
	if a.Status != 204 {
		k.t.Errorf("%s writes what they read of %s: %d %s\n%s", k.name(n), m.uid, a.Status, a.Body, read.Body)
	}
	after := k.places()
	if again := k.ask(n, "GET", path, ""); again.Body != read.Body && k.staff.renamed == 0 {
		k.t.Errorf("%s writes what they read of %s, and it changes:\n%s\n%s", k.name(n), m.uid, read.Body, again.Body)
	}
	for _, at := range sortedKeys(before, after) {
		if at != path && before[at] != after[at] {
			k.t.Errorf("%s writes what they read of %s, and %s changes:\n%s\n%s", k.name(n), m.uid, at, before[at], after[at])
		}
	}
	return fmt.Sprintf("%s writes what they read of %s", k.name(n), m.uid)
}

func sortedKeys(maps ...map[string]string) (keys []string) {
	for _, m := range maps {
		for key := range m {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
