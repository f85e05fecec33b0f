package scheduling

import (
	"strings"

	"convene/internal/ical"
)

// locationProperty is Apple's name for where something is, with coordinates.
const locationProperty = "X-APPLE-STRUCTURED-LOCATION"

// locate says where the rooms of a meeting are, if the directory knows a street and
// coordinates, in a form that Apple's clients show on a map.
func (m *meeting) locate() error {
	for _, rid := range m.new.RIDs() {
		rooms, err := m.roomsIn(rid)
		if err != nil {
			return err
		}
		c := m.new.At(rid)
		if len(rooms) == 0 && c.Prop(locationProperty) == nil {
			continue
		}
		n := ical.Component{Name: c.Name, Props: append([]ical.Property(nil), c.Props...)}
		n.RemoveFunc(func(p *ical.Property) bool {
			return p.Name == locationProperty && p.Has("X-CUADDR") && attendeeOf(c, canonicalOf(p.Param("X-CUADDR"))) == nil
		})
		for _, room := range rooms {
			placeRoom(&n, room)
		}
		if !n.Equal(&ical.Component{Name: c.Name, Props: c.Props}) {
			m.new.Edit(rid).Props = n.Props
		}
	}
	return nil
}

// canonicalOf returns an address as Property.Address has it.
func canonicalOf(address string) string {
	p := ical.NewProperty("ATTENDEE", address)
	return p.Address()
}

// roomsIn returns the rooms in a component of which it is known where they are.
func (m *meeting) roomsIn(rid ical.DateTime) ([]*Party, error) {
	var rooms []*Party
	for p := range attendees(m.new.At(rid)) {
		if !strings.EqualFold(p.Param("CUTYPE"), "ROOM") || GUIDOf(p.Address()) == "" {
			continue
		}
		room, err := m.world.Party(p.Address())
		if err != nil {
			return nil, err
		}
		if room.Kind == Room && room.Street != "" && room.Geo != "" {
			rooms = append(rooms, room)
		}
	}
	return rooms, nil
}

// placeRoom puts the place of a room into a component: as the property of that room,
// or of that title, or a new one; and into LOCATION.
func placeRoom(c *ical.Component, room *Party) {
	title := quotable(room.CN)
	place := ical.NewProperty(locationProperty, "geo:"+strings.TrimPrefix(room.Geo, "geo:"),
		ical.NewParam("VALUE", "URI"), ical.NewParam("X-ADDRESS", room.Street), ical.NewParam("X-APPLE-RADIUS", "71"),
		ical.NewParam("X-TITLE", title), ical.NewParam("X-CUADDR", room.Address))
	if old := placeOf(c, room.Address, title); old != nil {
		if !old.Equal(&place) {
			*old = place
		}
	} else {
		c.Add(place)
	}
	setLocation(c, room.CN, room.Street)
}

// placeOf returns the property that says where a room is; nil if there is none.
func placeOf(c *ical.Component, address, title string) *ical.Property {
	places := c.AllProps(locationProperty)
	for _, p := range places {
		if p.Param("X-CUADDR") == address {
			return p
		}
	}
	for _, p := range places {
		if !p.Has("X-CUADDR") && p.Param("X-TITLE") == title {
			return p
		}
	}
	return nil
}

// setLocation puts "title⏎street" into the places that LOCATION lists.
func setLocation(c *ical.Component, title, street string) {
	entry := title + "\n" + street
	var places []string
	old := c.Prop("LOCATION")
	if old != nil && old.Text() != "" {
		places = strings.Split(old.Text(), "; ")
	}
	found := false
	for i, place := range places {
		if place == title || strings.HasPrefix(place, title+"\n") {
			places[i], found = entry, true
		}
	}
	if !found {
		places = append(places, entry)
	}
	text := strings.Join(places, "; ")
	if old != nil && old.Text() == text {
		return
	}
	c.SetValue("LOCATION", ical.EscapeText(text))
}
