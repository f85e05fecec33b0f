package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
)

// A meeting is an event with the room, as one of the calendars has it.
type meeting struct {
	name       string // its summary
	start, end time.Time
	organizer  string
	partStat   string // of the room; "": it is not invited
}

// utcForm is how times are written here.
const utcForm = "20060102T150405Z"

// roomCalendar reads what takes the room: what it has accepted, and what was written into
// its calendar.
func (b *booker) roomCalendar() ([]meeting, error) {
	all, err := b.readCalendar(roomPath)
	return slices.DeleteFunc(all, func(m meeting) bool { return m.partStat != "" && m.partStat != "ACCEPTED" }), err
}

// ownCalendar reads the booker's own meetings in the room.
func (b *booker) ownCalendar() ([]meeting, error) {
	all, err := b.readCalendar(b.home())
	return slices.DeleteFunc(all, func(m meeting) bool { return m.partStat == "" }), err
}

func (b *booker) readCalendar(path string) (all []meeting, err error) {
	a, err := b.do("GET", path, "")
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %d %s", path, a.status, a.body)
	}
	cal, err := ical.Decode([]byte(a.body), ical.DefaultLimits)
	if err != nil {
		return nil, fmt.Errorf("GET %s: %w", path, err)
	}
	for _, c := range cal.AllChildren("VEVENT") {
		m, err := meetingOf(c)
		if err != nil {
			return nil, fmt.Errorf("GET %s: %w", path, err)
		}
		all = append(all, m)
	}
	return all, nil
}

func meetingOf(c *ical.Component) (m meeting, err error) {
	value := func(name string) string {
		if p := c.Prop(name); p != nil {
			return p.Value
		}
		return ""
	}
	m.name, m.organizer = value("SUMMARY"), strings.TrimPrefix(value("ORGANIZER"), "mailto:")
	if m.start, err = moment(c.Prop("DTSTART")); err != nil {
		return m, err
	}
	if m.end, err = moment(c.Prop("DTEND")); err != nil {
		return m, err
	}
	for _, p := range c.AllProps("ATTENDEE") {
		ofPool := p.Value == "mailto:"+poolAddress && p.Param("PARTSTAT") != "DELEGATED"
		if p.Value == "mailto:"+roomAddress || ofPool {
			m.partStat = p.Param("PARTSTAT")
			if m.partStat == "" {
				m.partStat = "NEEDS-ACTION" // RFC 5545 §3.2.12
			}
		}
	}
	return m, nil
}

// moment reads a time in UTC, as programs write it here, or in a zone, as pages do.
func moment(p *ical.Property) (time.Time, error) {
	if p == nil {
		return time.Time{}, errors.New("a meeting without times")
	}
	id := p.Param("TZID")
	if id == "" {
		return time.Parse(utcForm, p.Value)
	}
	zone, err := time.LoadLocation(id)
	if err != nil {
		return time.Time{}, err
	}
	return time.ParseInLocation(strings.TrimSuffix(utcForm, "Z"), p.Value, zone)
}

// noOverlap says which two of the meetings that take the room do so at the same time.
func noOverlap(room []meeting) error {
	slices.SortFunc(room, func(a, b meeting) int { return a.start.Compare(b.start) })
	for i := 1; i < len(room); i++ {
		if a, b := room[i-1], room[i]; b.start.Before(a.end) {
			return fmt.Errorf("the room has two meetings at one time: %+v and %+v", a, b)
		}
	}
	return nil
}

// agree says what an organizer believes otherwise than the room's calendar has it.
func agree(user string, own, room []meeting) error {
	has := map[string]meeting{} // the room, of this organizer's
	for _, m := range room {
		if m.organizer == user+"@example.com" {
			has[m.name] = m
		}
	}
	for _, m := range own {
		theirs, taken := has[m.name]
		switch {
		case m.partStat != "ACCEPTED" && m.partStat != "DECLINED":
			return fmt.Errorf("%s: the room has not answered %+v", user, m)
		case taken != (m.partStat == "ACCEPTED"):
			return fmt.Errorf("%s believes %+v, and the room has it: %v", user, m, taken)
		case taken && (!theirs.start.Equal(m.start) || !theirs.end.Equal(m.end)):
			return fmt.Errorf("%s believes %+v, the room has %+v", user, m, theirs)
		}
		delete(has, m.name)
	}
	for _, m := range has {
		return fmt.Errorf("the room has %+v, which %s does not have", m, user)
	}
	return nil
}
