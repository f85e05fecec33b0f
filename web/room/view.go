package room

import (
	"net/url"
	"time"

	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

type roomView struct {
	FullName, Place, Mail, Contact, Phone, Photo string
	Seats                                        int
	Features                                     []string
	Rules                                        []string
	Days                                         []roomDay
	Week                                         string
	Before, After                                string // paths of the weeks around
	Book                                         string // path of the finder
	Unknown, Runs                                bool
	Scale                                        []string
}

type roomDay struct {
	Title string
	Today bool
	Strip *strip
	Items []item
}

// An item is what takes a room.
type item struct{ Time, Text, State, Kind string }

func view(r *page.Request) (*page.Answer, error) {
	room, err := find(r, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	c := clockOf(r)
	day := c.day(r.FormValue("week"), r.Time)
	first := day.AddDate(0, 0, -int(day.Weekday()-r.Locale.FirstDay+7)%7)
	seen, err := r.Site.Calendars.ViewRoom(r.Context(), r.Caller, room.GUID, policy.Span{Start: c.at(first, 0), End: c.at(first.AddDate(0, 0, 7), 0)})
	if err != nil {
		return nil, err
	}
	place := &seen.Policy.Place
	path := "/my/rooms/" + url.PathEscape(room.Name) + "?week="
	v := &roomView{
		FullName: room.FullName, Place: placeText(r, place), Contact: place.Contact, Phone: place.Phone, Seats: seen.Policy.Capacity, Features: place.Features,
		Rules: rules(r, seen), Unknown: seen.Unknown, Runs: seen.Runs || seen.Approves,
		Week:   r.Locale.T("room.from-to", "from", r.Locale.MonthDay(first), "to", r.Locale.LongDate(first.AddDate(0, 0, 6))),
		Before: path + first.AddDate(0, 0, -7).Format(time.DateOnly), After: path + first.AddDate(0, 0, 7).Format(time.DateOnly),
		Book: "/my/rooms?q=" + url.QueryEscape(room.FullName) + "&date=" + day.Format(time.DateOnly),
	}
	if len(room.Emails) > 0 {
		v.Mail = room.Emails[0]
	}
	if u, err := url.Parse(place.Photo); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
		v.Photo = place.Photo
	}
	today := c.today(r.Time)
	for i := range 7 {
		d := first.AddDate(0, 0, i)
		v.Days = append(v.Days, dayOf(r, seen, d, d.Equal(today)))
	}
	a := r.Show("room/view", "room.rooms", v)
	a.Title = room.FullName
	return a, nil
}

// dayOf is a day of a room's week.
func dayOf(r *page.Request, seen *rooms.View, day time.Time, today bool) roomDay {
	c := clockOf(r)
	whole := policy.Span{Start: c.at(day, 0), End: c.at(day.AddDate(0, 0, 1), 0)}
	d := roomDay{Title: r.Locale.FullDate(day), Today: today}
	var taken []policy.Booking
	for i := range seen.Dates {
		s := &seen.Dates[i]
		if s.Start >= whole.End || s.End <= whole.Start {
			continue
		}
		taken = append(taken, s.Booking)
		text := s.Summary
		if text == "" {
			text = s.Holder
		} else if s.Holder != "" && !s.Block {
			text = r.Locale.T("room.title-by", "title", s.Summary, "name", s.Holder)
		}
		d.Items = append(d.Items, item{Time: when(r, s), Text: text, State: stateText(r, s), Kind: stateNames[s.State]})
	}
	if !seen.Unknown {
		d.Strip = stripOf(r, policy.Span{Start: c.at(day, 7*60), End: c.at(day, 19*60)}, taken, nil)
	}
	return d
}

// rules say how a room is set, for people who want it.
func rules(r *page.Request, v *rooms.View) (list []string) {
	p, l := v.Policy, r.Locale
	add := func(yes bool, text func() string) {
		if yes {
			list = append(list, text())
		}
	}
	add(v.May == policy.MayBook, func() string { return l.T("room.rule-book") })
	add(v.May == policy.MayRequest, func() string { return l.T("room.rule-request") })
	add(v.May == policy.MayNot, func() string { return l.T("room.rule-not") })
	add(p.Capacity > 0 && p.EnforceCapacity, func() string { return l.N("room.rule-capacity", p.Capacity) })
	add(p.MinAttendees > 1, func() string { return l.N("room.rule-min-attendees", p.MinAttendees) })
	add(p.Slots > 1, func() string { return l.N("room.rule-slots", p.Slots) })
	add(p.MaxDuration > 0, func() string { return l.T("room.rule-max", "time", length(r, p.MaxDuration)) })
	add(p.MinDuration > 0, func() string { return l.T("room.rule-min", "time", length(r, p.MinDuration)) })
	add(p.MinNotice > 0, func() string { return l.T("room.rule-notice", "time", length(r, p.MinNotice)) })
	add(p.Window >= 0, func() string { return l.N("room.rule-window", p.Window) })
	add(p.Hours.String() != "" && p.HoursOnly, func() string { return l.T("room.rule-hours-only", "hours", p.Hours.String()) })
	add(p.Hours.String() != "" && !p.HoursOnly, func() string { return l.T("room.rule-hours", "hours", p.Hours.String()) })
	add(!p.Recurring, func() string { return l.T("room.rule-no-series") })
	add(p.BufferBefore > 0, func() string { return l.T("room.rule-before", "time", length(r, p.BufferBefore)) })
	add(p.BufferAfter > 0, func() string { return l.T("room.rule-after", "time", length(r, p.BufferAfter)) })
	add(p.CheckIn == policy.Required && p.ReleaseNoShow, func() string { return l.N("room.rule-check-in", p.Closes) })
	add(p.CheckIn == policy.Optional, func() string { return l.T("room.rule-check-in-optional") })
	return list
}
