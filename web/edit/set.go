package edit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
)

// merge is what an event becomes of which own is shown where somebody has made want of
// was: of another instance of the series, or of the series itself. What they have not
// changed stays own.
func merge(own, was, want Event) Event {
	out := own
	take := func(own *string, was, want string) {
		if was != want {
			*own = want
		}
	}
	take(&out.Title, was.Title, want.Title)
	take(&out.Place, was.Place, want.Place)
	take(&out.Notes, was.Notes, want.Notes)
	take(&out.Alarm, was.Alarm, want.Alarm)
	take(&out.Class, was.Class, want.Class)
	take(&out.Organizer, was.Organizer, want.Organizer)
	if was.Free != want.Free {
		out.Free = want.Free
	}
	if was.Repeat != want.Repeat {
		out.Repeat = want.Repeat
	}
	if want.movedFrom(was) {
		out.AllDay, out.Zone = want.AllDay, want.Zone
		out.Start = shift(own.Start, clock(want.Start)-clock(was.Start), out.AllDay)
		out.End = shift(out.Start, clock(want.End)-clock(want.Start), out.AllDay)
	}
	out.Guests = mergeGuests(own.Guests, was.Guests, want.Guests)
	return out
}

// movedFrom reports whether e is at another time than was.
func (e Event) movedFrom(was Event) bool {
	return e.AllDay != was.AllDay || e.Zone != was.Zone || e.Start != was.Start || e.End != was.End
}

// clock is a time of a form in seconds on the wall; 0 if it is none, which Times refuses.
func clock(s string) int64 {
	for _, form := range []string{minuteForm, dayForm} {
		if t, err := time.Parse(form, s); err == nil {
			return t.Unix()
		}
	}
	return 0
}

// shift moves a time of a form by seconds on the wall.
func shift(s string, by int64, day bool) string {
	t := time.Unix(clock(s)+by, 0).UTC()
	if day {
		return t.Format(dayForm)
	}
	return t.Format(minuteForm)
}

func mergeGuests(own, was, want []Guest) []Guest {
	out := []Guest{}
	for _, g := range own {
		i, j := find(was, g.Address), find(want, g.Address)
		switch {
		case i >= 0 && j < 0:
			continue
		case i >= 0 && was[i].Optional != want[j].Optional:
			g.Optional = want[j].Optional
		}
		out = append(out, g)
	}
	for _, g := range want {
		if find(was, g.Address) < 0 && find(out, g.Address) < 0 {
			out = append(out, g)
		}
	}
	return out
}

func find(list []Guest, address string) int {
	return slices.IndexFunc(list, func(g Guest) bool { return strings.EqualFold(g.Address, address) })
}

// set makes of a component, of which own is shown, one of which want is. It reports
// whether it changed anything. The repetition is that of a master.
func set(c *ical.Component, zones *ical.Zones, own, want Event, now time.Time) (bool, error) {
	changed := false
	setText := func(name, own, want string) {
		if own == want {
			return
		}
		changed = true
		if want == "" {
			c.Remove(name)
			return
		}
		p := ical.Property{Name: name}
		if old := c.Prop(name); old != nil {
			p = *old
			p.RemoveParam("ALTREP") // which still says what it said
		}
		p.SetText(want)
		c.Set(p)
	}
	setText("SUMMARY", own.Title, want.Title)
	setText("LOCATION", own.Place, want.Place)
	setText("DESCRIPTION", own.Notes, want.Notes)
	if own.Notes != want.Notes {
		c.Remove("X-ALT-DESC")
	}
	if own.Place != want.Place {
		c.Remove("X-APPLE-STRUCTURED-LOCATION")
		c.Remove("GEO")
	}
	if own.Class != want.Class {
		if !slices.Contains([]string{"PUBLIC", "PRIVATE", "CONFIDENTIAL"}, want.Class) {
			return false, wrong("class", "unknown")
		}
		c.SetValue("CLASS", want.Class)
		changed = true
	}
	if own.Free != want.Free {
		c.SetValue("TRANSP", map[bool]string{true: "TRANSPARENT", false: "OPAQUE"}[want.Free])
		changed = true
	}
	if own.Alarm != want.Alarm {
		if err := setAlarm(c, want); err != nil {
			return false, err
		}
		changed = true
	}
	moved, err := setTimes(c, zones, own, want)
	if err != nil {
		return false, err
	}
	simple := want.Repeat.Every != "" && want.Repeat.Every != Kept
	if c.Prop("RECURRENCE-ID") == nil && (own.Repeat != want.Repeat || simple && otherDay(own, want)) {
		if err := setRepeat(c, zones, want.Repeat); err != nil {
			return false, err
		}
		moved = true
	}
	if moved {
		n, _ := strconv.Atoi(strings.TrimSpace(text(c, "SEQUENCE"))) // 0 if there is none that can be read
		c.SetValue("SEQUENCE", strconv.Itoa(n+1))
	}
	if setGuests(c, own, want) || moved {
		changed = true
	}
	if changed {
		stamp(c, now)
	}
	return changed, nil
}

// otherDay reports whether an event begins on another day than it did.
func otherDay(was, want Event) bool { return floorDay(clock(was.Start)) != floorDay(clock(want.Start)) }

// stamp says when a component was changed.
func stamp(c *ical.Component, now time.Time) {
	at := ical.DateTime{Wall: now.Unix(), Kind: ical.UTC}.String()
	c.SetValue("DTSTAMP", at)
	c.SetValue("LAST-MODIFIED", at)
}

// setTimes sets when a component begins and ends, and reports whether that is another
// time.
func setTimes(c *ical.Component, zones *ical.Zones, own, want Event) (bool, error) {
	if !want.movedFrom(own) {
		return false, nil
	}
	was, wasEnd, err := span(c, zones)
	if err != nil {
		return false, err
	}
	start, end, err := want.Times(zones)
	if err != nil {
		return false, err
	}
	start, end = sameZone(start, was), sameZone(end, was)
	setTime(c, "DTSTART", start, zones)
	length := end.Unix(nil) - start.Unix(nil)
	switch {
	case c.Prop("DTEND") == nil && length == wasEnd.Unix(nil)-was.Unix(nil) && (start.Kind == ical.Date) == (was.Kind == ical.Date):
		// DURATION, or nothing, says the same of the new start.
	case length == 0:
		c.Remove("DTEND")
		c.Remove("DURATION")
	default:
		c.Remove("DURATION")
		setTime(c, "DTEND", end, zones)
	}
	return true, nil
}

// setTime sets a property to a time; its parameters stay if they say the same of it.
func setTime(c *ical.Component, name string, t ical.DateTime, zones *ical.Zones) {
	p := ical.Property{Name: name}
	if old := c.Prop(name); old != nil {
		p = *old
		if was, err := old.DateTime(zones); err == nil && was.Kind == t.Kind && was.Zone == t.Zone {
			p.Value = t.String()
			c.Set(p)
			return
		}
	}
	p.SetDateTime(t)
	c.Set(p)
}

// setRepeat sets how a master repeats. With another rule what was said of single dates
// stays as far as they are dates of it: see tidy.
func setRepeat(c *ical.Component, zones *ical.Zones, r Repeat) error {
	start, _, err := span(c, zones)
	if err != nil {
		return err
	}
	switch r.Every {
	case Kept:
		return nil
	case "":
		for _, name := range []string{"RRULE", "EXRULE", "RDATE", "EXDATE"} {
			c.Remove(name)
		}
		return nil
	}
	rule, err := r.rule(start)
	if err != nil {
		return err
	}
	for _, name := range []string{"EXRULE", "RDATE"} {
		c.Remove(name)
	}
	c.Set(ical.NewProperty("RRULE", rule))
	return nil
}

// setAlarm makes one alarm of a component, or none.
func setAlarm(c *ical.Component, e Event) error {
	if e.Alarm == Kept {
		return nil
	}
	c.RemoveChildren(func(child *ical.Component) bool { return child.Name == "VALARM" })
	if e.Alarm == "" {
		return nil
	}
	n, err := strconv.Atoi(e.Alarm)
	if err != nil || n < 0 || n > 60*24*60 {
		return wrong("alarm", "range")
	}
	a := ical.NewComponent("VALARM")
	title := e.Title
	if title == "" {
		title = "Reminder"
	}
	a.Add(ical.NewProperty("ACTION", "DISPLAY"), ical.TextProperty("DESCRIPTION", title),
		ical.NewProperty("TRIGGER", ical.Duration{Seconds: -int64(n) * 60}.String()))
	c.Children = append(c.Children, a)
	return nil
}

// setGuests makes those of want the guests, and reports whether they are others.
func setGuests(c *ical.Component, own, want Event) bool {
	changed := false
	if len(want.Guests) == 0 && len(own.Guests) > 0 {
		c.Remove("ATTENDEE")
		c.Remove("ORGANIZER")
		return true
	}
	if own.Organizer == "" && want.Organizer != "" && len(want.Guests) > 0 {
		c.Set(ical.NewProperty("ORGANIZER", want.Organizer))
		c.RemoveFunc(func(p *ical.Property) bool {
			return p.Name == "ATTENDEE" && strings.EqualFold(p.Address(), want.Organizer)
		})
		c.Add(ical.NewProperty("ATTENDEE", want.Organizer, ical.NewParam("PARTSTAT", "ACCEPTED")))
		changed = true
	}
	c.RemoveFunc(func(p *ical.Property) bool {
		gone := p.Name == "ATTENDEE" && find(own.Guests, p.Address()) >= 0 && find(want.Guests, p.Address()) < 0 && !strings.EqualFold(p.Address(), want.Organizer)
		changed = changed || gone
		return gone
	})
	for _, g := range want.Guests {
		i := find(own.Guests, g.Address)
		role := "REQ-PARTICIPANT"
		if g.Optional {
			role = "OPT-PARTICIPANT"
		}
		switch {
		case i >= 0 && own.Guests[i].Optional != g.Optional:
			for _, p := range c.AllProps("ATTENDEE") {
				if strings.EqualFold(p.Address(), g.Address) {
					p.SetParam("ROLE", role)
					changed = true
				}
			}
		case i < 0 && !strings.EqualFold(g.Address, want.Organizer):
			c.Add(attendee(g, role))
			changed = true
		}
	}
	return changed
}

func attendee(g Guest, role string) ical.Property {
	p := ical.NewProperty("ATTENDEE", g.Address)
	if g.Name != "" {
		p.SetParam("CN", g.Name)
	}
	if g.Kind != "" && g.Kind != "INDIVIDUAL" {
		p.SetParam("CUTYPE", g.Kind)
	}
	p.SetParam("ROLE", role)
	p.SetParam("PARTSTAT", "NEEDS-ACTION")
	p.SetParam("RSVP", "TRUE")
	return p
}
