package caldav

import (
	"encoding/json"
	"encoding/xml"
	"slices"
	"strconv"
	"strings"

	"convene/directory"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
)

// nextcloud is a name in the namespace of Nextcloud, whose calendar reads and searches
// rooms by such properties.
func nextcloud(local string) xml.Name {
	return xml.Name{Space: "http://nextcloud.com/ns", Local: local}
}

// own is a name in our own namespace.
func own(local string) xml.Name { return xml.Name{Space: noConflict.Space, Local: local} }

// A roomProperty is one of a room's: what it says, and whether it is as a search wants it.
type roomProperty struct {
	name    xml.Name
	words   string // for people
	get     func(*policy.Policy) string
	matches func(p *policy.Policy, wanted string) bool
}

// roomPropertyTable has the properties that rooms are read and searched by.
var roomPropertyTable = []roomProperty{
	{nextcloud("room-seating-capacity"), "Seats, at least", func(p *policy.Policy) string { return positive(int64(p.Capacity)) },
		func(p *policy.Policy, wanted string) bool {
			n, err := strconv.Atoi(strings.TrimSpace(wanted))
			return err == nil && p.Capacity >= n
		}},
	{nextcloud("room-features"), "Features, all of a list", func(p *policy.Policy) string { return strings.Join(p.Place.Features, ",") },
		func(p *policy.Policy, wanted string) bool {
			list, err := readWords(wanted)
			return err == nil && !slices.ContainsFunc(list, func(f string) bool { return !p.Place.Features.HasFold(f) })
		}},
	{nextcloud("room-type"), "Type of room", func(p *policy.Policy) string { return strings.Join(p.Place.Tags, ",") },
		func(p *policy.Policy, wanted string) bool { return p.Place.Tags.HasFold(wanted) }},
	placeProperty("room-building-name", "Building", func(p *policy.Place) string { return p.Building }),
	placeProperty("room-building-address", "Address of the building", func(p *policy.Place) string { return p.Address }),
	placeProperty("room-building-story", "Floor", func(p *policy.Place) string { return p.Floor }),
	placeProperty("room-building-room-number", "Number of the room", func(p *policy.Place) string { return p.Room }),
}

func placeProperty(local, words string, get func(*policy.Place) string) roomProperty {
	return roomProperty{nextcloud(local), words, func(p *policy.Policy) string { return get(&p.Place) },
		func(p *policy.Policy, wanted string) bool {
			return strings.Contains(strings.ToLower(get(&p.Place)), strings.ToLower(wanted))
		}}
}

// roomProperties are those of rooms and resources: where they are, how they answer, and
// what the reader may do with them.
func roomProperties() []property {
	text := func(name xml.Name, get func(*policy.Policy) string) property {
		return textProperty(name, kindPrincipal, func(s *scope, r *resource) string {
			if p := s.policyOf(r.owner); p != nil {
				return get(p)
			}
			return ""
		})
	}
	list := []property{
		text(webdav.CS("auto-schedule-mode"), func(p *policy.Policy) string { return string(p.Mode) }),
		text(webdav.CS("auto-schedule"), func(p *policy.Policy) string { return strconv.FormatBool(p.Mode != policy.ModeNone) }),
		text(own("slots"), func(p *policy.Policy) string { return strconv.Itoa(p.Slots) }),
		text(own("check-in"), func(p *policy.Policy) string { return p.CheckIn }),
		textProperty(own("policy"), kindPrincipal, (*scope).toldPolicy),
	}
	for _, p := range roomPropertyTable {
		list = append(list, text(p.name, p.get))
	}
	return list
}

// policyOf is how a room or resource is set; nil for others, and as long as it is not
// known.
func (s *scope) policyOf(p *directory.Principal) *policy.Policy {
	if s.h.Rooms == nil || !rooms.KindOf(p.Type).Booked() {
		return nil
	}
	rules, known := s.req.facts.rooms[p.GUID]
	if !known {
		s.lack.rooms = append(s.lack.rooms, p)
	}
	return rules
}

// permission is what the caller may do with a room; it is known by the next run, if not by
// now.
func (s *scope) permission(p *directory.Principal, rules *policy.Policy) policy.Permission {
	set(&s.req.facts.records, directory.Key{By: directory.GUID, Value: p.GUID}, p)
	f, err := s.Facts(p.GUID, &scheduling.Party{GUID: aclCaller(s.req.caller).GUID}, "")
	if err != nil {
		return policy.MayNot
	}
	return f.Permission(rules)
}

// toldPolicy is what the reader may know of how a room can be booked, as JSON.
func (s *scope) toldPolicy(r *resource) string {
	rules := s.policyOf(r.owner)
	if rules == nil {
		return ""
	}
	told := map[string]any{"can-book": s.permission(r.owner, rules), "recurring": rules.Recurring, "timezone": rules.Zone.Name()}
	for name, n := range map[string]int{"window": rules.Window, "min-notice": rules.MinNotice, "min-duration": rules.MinDuration, "max-duration": rules.MaxDuration} {
		told[name] = n
	}
	if rules.HoursOnly {
		told["hours"] = rules.Hours.String()
	}
	text, err := json.Marshal(told)
	if err != nil { // of maps of numbers and texts there is none
		return ""
	}
	return string(text)
}

// visible are the records that the caller finds: where rooms are listed to those alone who
// may book them, without the other rooms.
func (s *scope) visible(found []*directory.Principal) []*directory.Principal {
	if s.h.findsAllRooms() {
		return found
	}
	var list []*directory.Principal
	for _, p := range found {
		if rules := s.policyOf(p); rules == nil || s.h.RoomIndex.Lists(s.permission(p, rules)) {
			list = append(list, p)
		}
	}
	return list
}

// findsAllRooms reports whether everybody finds every room, whether they may book it or not.
func (h *Handler) findsAllRooms() bool { return h.RoomIndex == nil || h.RoomIndex.Lists(policy.MayNot) }

// searchesRooms reports whether a search is by properties of rooms.
func searchesRooms(ask webdav.PrincipalSearch) bool {
	return slices.ContainsFunc(ask.Searches, func(s webdav.PropertySearch) bool {
		return slices.ContainsFunc(s.Props, func(name xml.Name) bool { return roomPropertyOf(name) != nil })
	})
}

func roomPropertyOf(name xml.Name) *roomProperty {
	for i := range roomPropertyTable {
		if roomPropertyTable[i].name == name {
			return &roomPropertyTable[i]
		}
	}
	return nil
}

// searchRooms finds rooms by what they are set to, and what their records say beside it.
func (h *Handler) searchRooms(r *request, ask webdav.PrincipalSearch, types []directory.Type) ([]*directory.Principal, error) {
	all, err := h.RoomIndex.All(r.Context())
	if err != nil {
		return nil, err
	}
	var found []*directory.Principal
	for _, k := range all {
		if len(types) > 0 && !slices.Contains(types, k.Record.Type) || !matchesAll(ask, k) {
			continue
		}
		set(&r.facts.rooms, k.Record.GUID, k.Policy)
		if found = append(found, k.Record); len(found) == h.Limits.SearchResults {
			break
		}
	}
	return found, nil
}

// matchesAll reports whether a room is as a search wants it: in all respects, or in one.
func matchesAll(ask webdav.PrincipalSearch, k *rooms.Known) bool {
	matches := func(s webdav.PropertySearch) bool {
		return slices.ContainsFunc(s.Props, func(name xml.Name) bool { return matchesOne(name, s, k) })
	}
	if ask.AnyOf {
		return slices.ContainsFunc(ask.Searches, matches)
	}
	return !slices.ContainsFunc(eachProperty(ask), func(s webdav.PropertySearch) bool { return !matches(s) })
}

func matchesOne(name xml.Name, s webdav.PropertySearch, k *rooms.Known) bool {
	if p := roomPropertyOf(name); p != nil {
		return p.matches(k.Policy, s.Match)
	}
	var values []string
	wanted := strings.ToLower(s.Match)
	switch name {
	case webdav.DAV("displayname"):
		values = []string{k.Record.FullName}
	case webdav.CS("record-name"):
		values = []string{k.Record.Name}
	case webdav.CalDAV("calendar-user-address-set"), webdav.CS("email-address-set"):
		values, wanted = k.Record.Emails, strings.TrimPrefix(wanted, "mailto:")
	case webdav.CalDAV("calendar-user-type"):
		return slices.Contains(typesOf(s.Match), k.Record.Type)
	}
	return slices.ContainsFunc(values, func(v string) bool { return s.Type.Match(strings.ToLower(v), wanted) })
}
