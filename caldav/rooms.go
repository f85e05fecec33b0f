package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/internal/header"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
)

// Room implements calendar.Rooms: from what the request knows of the room's settings
// and record.
func (s *scope) Room(guid string) (*calendar.Room, error) {
	before := s.lack.count()
	p := s.recordByGUID(guid)
	if s.lack.count() > before {
		return nil, s.need(guid)
	}
	if p == nil {
		return s.formerRoom(guid), nil
	}
	if !rooms.KindOf(p.Type).Booked() || s.h.Rooms == nil {
		return nil, nil
	}
	rules, known := s.req.facts.rooms[guid]
	if !known {
		s.lack.rooms = append(s.lack.rooms, p)
		return nil, s.need(guid)
	}
	return &calendar.Room{Name: roomName(p), Policy: rules}, nil
}

func (s *scope) need(guid string) error {
	return &scheduling.NeedError{Addresses: []string{scheduling.CanonicalAddress(guid)}}
}

// Facts implements calendar.Rooms.
func (s *scope) Facts(guid string, organizer *scheduling.Party, assistant string) (*policy.Facts, error) {
	before := s.lack.count()
	room := s.recordByGUID(guid)
	rules := s.req.facts.rooms[guid]
	if room == nil && s.formerRoom(guid) != nil {
		return s.formerFacts(guid, organizer), nil
	}
	if room == nil || rules == nil {
		return nil, s.need(guid)
	}
	known := &rooms.Known{Record: room, Policy: rules, IDs: map[string]string{}}
	for _, ref := range rules.References() {
		if p := s.named(ref); p != nil {
			known.IDs[ref] = p.GUID
		}
	}
	f, err := s.factsOf(known, organizer.GUID, assistant)
	if err != nil {
		return nil, err
	}
	if s.lack.count() > before {
		return nil, s.need(guid)
	}
	return f, nil
}

// factsOf is what the directory says of a room, and of who would book it, by GUID.
func (s *scope) factsOf(k *rooms.Known, booker, assistant string) (*policy.Facts, error) {
	f := &policy.Facts{GUID: k.Record.GUID, Name: k.Record.FullName, IDs: k.IDs}
	if err := s.approvers(f, k.Record, k.Policy); err != nil {
		return nil, err
	}
	known := len(f.IDs) > 0 || len(f.Approvers) > 0
	f.Booker = s.personID(booker, known)
	if assistant != "" {
		who := s.personID(assistant, known)
		f.Assistant = &who
	}
	return f, nil
}

// Others implements calendar.Rooms: rooms of the same type in the same building. What is
// not known of them is noted as a lack.
func (s *scope) Others(guid string, organizer *scheduling.Party, assistant string) ([]calendar.Other, error) {
	room := s.recordByGUID(guid)
	rules := s.req.facts.rooms[guid]
	if room == nil || rules == nil {
		return nil, nil
	}
	var list []calendar.Other
	for _, k := range s.req.facts.index {
		if k.Record.GUID == guid || k.Record.Type != room.Type || k.Policy.Place.Building != rules.Place.Building {
			continue
		}
		f, err := s.factsOf(k, organizer.GUID, assistant)
		if err != nil {
			return nil, err
		}
		list = append(list, calendar.Other{Room: calendar.Room{Name: roomName(k.Record), Policy: k.Policy}, Facts: f})
		if len(list) == calendar.MaxOthers {
			break
		}
	}
	return list, nil
}

// poolKind is what a group of rooms is for scheduling if it is a pool: all who are in it
// are rooms or resources. Else it is a group.
func (s *scope) poolKind(p *directory.Principal, members []string) (scheduling.PartyKind, error) {
	if s.h.Rooms == nil || len(members) == 0 {
		return scheduling.Group, nil
	}
	rules, known := s.req.facts.rooms[p.GUID]
	if !known {
		s.lack.rooms = append(s.lack.rooms, p)
		return 0, s.need(p.GUID)
	}
	if !rules.Pool {
		return scheduling.Group, nil
	}
	before, kind := s.lack.count(), scheduling.RoomPool
	for _, guid := range members {
		switch r := s.recordByGUID(guid); {
		case r == nil:
		case r.Type == directory.Resource:
			kind = scheduling.ResourcePool
		case r.Type != directory.Location:
			return scheduling.Group, nil
		}
	}
	return kind, s.needSince(before, p.GUID)
}

// Pool implements calendar.Rooms.
func (s *scope) Pool(guid string, organizer *scheduling.Party, assistant string) (name string, list []calendar.Other, err error) {
	before := s.lack.count()
	p, members := s.recordByGUID(guid), []string(nil)
	if p != nil {
		if members, err = s.nestedMembers(guid); err != nil {
			return "", nil, err
		}
	}
	if err := s.needSince(before, guid); err != nil || p == nil {
		return guid, nil, err
	}
	var need []string
	for _, member := range members[:min(len(members), calendar.MaxOthers)] {
		var room *calendar.Room
		var f *policy.Facts
		if room, err = s.Room(member); err == nil && room != nil {
			f, err = s.Facts(member, organizer, assistant)
		}
		if missing, ok := errors.AsType[*scheduling.NeedError](err); ok {
			need = append(need, missing.Addresses...)
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if room != nil {
			list = append(list, calendar.Other{Room: *room, Facts: f})
		}
	}
	if len(need) > 0 {
		return "", nil, &scheduling.NeedError{Addresses: need}
	}
	return roomName(p), list, nil
}

// introducePool notes what is lacking of the rooms of a group, if it is a pool.
func (s *scope) introducePool(p *directory.Principal) error {
	before := s.lack.count()
	party, err := s.partyOf(p)
	if err == nil && (party.Kind == scheduling.RoomPool || party.Kind == scheduling.ResourcePool) {
		_, _, err = s.Pool(p.GUID, &scheduling.Party{GUID: aclCaller(s.req.caller).GUID}, "")
	}
	if s.lack.count() > before { // and so it will be supplied
		return nil
	}
	return err
}

// roomName is what a room is called in headers: "locations/neptune".
func roomName(p *directory.Principal) string { return rooms.KindOf(p.Type).String() + "/" + p.Name }

// named is whom a setting of a room names; nil: nobody, or not known yet.
func (s *scope) named(reference string) *directory.Principal {
	key, err := rooms.KeyOf(reference)
	if err == nil {
		key, err = key.Canonical()
	}
	if err != nil { // no record can be called so
		return nil
	}
	return s.record(key)
}

// personID is somebody with their groups, if these can matter.
func (s *scope) personID(guid string, groups bool) policy.PersonID {
	id := policy.PersonID{GUID: guid}
	if groups && guid != "" {
		id.Groups = s.groups(guid)
	}
	return id
}

// approvers are those who may approve bookings of a room: whom its settings name, else
// the delegates who may, else the owners. They are asked for only where something can
// need approval.
func (s *scope) approvers(f *policy.Facts, room *directory.Principal, p *policy.Policy) error {
	if len(p.Request) == 0 && len(p.RequestOut) == 0 && p.External != policy.Request {
		return nil
	}
	for _, ref := range p.Approvers {
		if id := f.IDs[ref]; id != "" {
			f.Approvers = append(f.Approvers, id)
		}
	}
	if len(p.Approvers) > 0 {
		return nil
	}
	records, err := s.lookAfter(room)
	if err != nil {
		return err
	}
	mayApprove := func(r *delegation.Record) bool { return r.Level == delegation.LevelWrite && r.Approve }
	for _, is := range []func(*delegation.Record) bool{mayApprove, manages} {
		for i := range records {
			if is(&records[i]) && !slices.Contains(f.Approvers, records[i].Delegate) {
				f.Approvers = append(f.Approvers, records[i].Delegate)
			}
		}
		if len(f.Approvers) > 0 {
			return nil
		}
	}
	return nil
}

// manages reports whether somebody is the owner of a room, or deputy.
func manages(r *delegation.Record) bool { return r.Manage }

// lookAfter are the delegates of a room, those of the directory too.
func (s *scope) lookAfter(room *directory.Principal) ([]delegation.Record, error) {
	records := s.appointees(room)
	if s.h.Delegates.Book == nil {
		return records, nil
	}
	set, now, err := s.delegates()
	if err != nil {
		return nil, delegatesAway(err)
	}
	return slices.Concat(set.Delegates(room.GUID, now), records), nil
}

// Owners implements calendar.Rooms. Groups are not written to.
func (s *scope) Owners(guid string) (list []policy.Reader, err error) {
	before := s.lack.count()
	room := s.recordByGUID(guid)
	if room == nil {
		return nil, s.needSince(before, guid)
	}
	records, err := s.lookAfter(room)
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i := range records {
		if !manages(&records[i]) || seen[records[i].Delegate] {
			continue
		}
		seen[records[i].Delegate] = true
		if p := s.recordByGUID(records[i].Delegate); p != nil && p.Type == directory.User && len(p.Emails) > 0 {
			list = append(list, policy.Reader{Address: p.Emails[0], Lang: p.Language})
		}
	}
	return list, s.needSince(before, guid)
}

// needSince is the error of what has been found missing since so much was.
func (s *scope) needSince(before int, guid string) error {
	if s.lack.count() > before {
		return s.need(guid)
	}
	return nil
}

// Speech implements calendar.Rooms: in the language of the organizer, as the directory has
// it, or else the one that the request asks for.
func (s *scope) Speech(guid string, organizer *scheduling.Party, f *policy.Facts, first int64) (*policy.Speech, error) {
	rules := s.req.facts.rooms[guid]
	if former := s.formerRoom(guid); rules == nil && former != nil {
		rules = former.Policy
	}
	before := s.lack.count()
	lang, err := s.languageOf(organizer)
	if err != nil {
		return nil, err
	}
	said := &policy.Speech{Lang: lang, Zone: rules.Zone, Room: f.Name, Expires: rules.Expires(s.tx.Now().Unix(), first)}
	for _, id := range f.Approvers {
		if p := s.recordByGUID(id); p != nil {
			said.Approvers = append(said.Approvers, p.FullName)
			for _, email := range p.Emails[:min(len(p.Emails), 1)] {
				said.Mail = append(said.Mail, policy.Reader{Address: email, Lang: p.Language})
			}
		}
	}
	said.Other = func(guid string) string { return s.called(guid, said.Lang) }
	said.Name = func(reference string) string {
		if p := s.named(reference); p != nil {
			return p.FullName
		}
		return ""
	}
	for _, ref := range rules.References() {
		said.Name(ref) // so that what it needs is known
	}
	if s.lack.count() > before {
		return nil, s.need(guid)
	}
	return said, nil
}

// called is how another room is named to people.
func (s *scope) called(guid, lang string) string {
	for _, k := range s.req.facts.index {
		if k.Record.GUID == guid {
			return policy.Called(lang, k.Record.FullName, k.Policy)
		}
	}
	return ""
}

// languageOf is the one in which an organizer is told of something: theirs, if rooms speak
// it, that of the request, or that of the service.
func (s *scope) languageOf(organizer *scheduling.Party) (string, error) {
	own := organizer.Language
	if own == "" && organizer.GUID != "" {
		p, err := s.Party(scheduling.CanonicalAddress(organizer.GUID))
		if err != nil {
			return "", err
		}
		own = p.Language
	}
	return language(own, header.Get(s.req.Header, "Accept-Language"), s.h.Language), nil
}

// language is the first of some lists as Accept-Language has them (RFC 9110 §12.5.4) that
// rooms speak: clients list what their user prefers first.
func language(lists ...string) string {
	known := policy.Languages()
	for _, list := range lists {
		for tag := range strings.SplitSeq(list, ",") {
			tag, _, _ = strings.Cut(strings.TrimSpace(tag), ";")
			tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
			if slices.Contains(known, tag) {
				return tag
			}
		}
	}
	return "en"
}

// bookingHeader tells programs what rooms have answered: one value for each.
const bookingHeader = "Convene-Booking"

// booked adds to a response what rooms have answered in its transaction, and keeps it for
// the log.
func (s *scope) booked(resp *webdav.Response) {
	s.req.decisions = s.tx.Bookings()
	if len(s.req.decisions) == 0 || resp == nil {
		return
	}
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	var values []string
	for i := range s.req.decisions {
		values = append(values, s.req.decisions[i].Header)
	}
	resp.Header[bookingHeader] = values
}

// logBookings writes into the log what rooms have answered in a request, and why: what
// the settings and the calendar of the room were then is not to be found out later.
func (h *Handler) logBookings(ctx context.Context, req *request) {
	for i := range req.decisions {
		d := &req.decisions[i]
		if d.Dates == 0 && d.Answer != policy.WordUnasked {
			continue // all stands as it was
		}
		about := []slog.Attr{slog.String("room", d.Room), slog.String("answer", d.Answer), slog.Int("dates", d.Dates), slog.Int("declined", d.Declined)}
		if d.First != 0 {
			about = append(about, slog.Time("first", time.Unix(d.First, 0).UTC()))
		}
		if len(d.Reasons) > 0 {
			about = append(about, slog.Any("reasons", d.Reasons))
		}
		about = append(about, slog.String("organizer", d.Organizer), slog.String("uid", d.UID), slog.String("id", req.line.ID))
		h.Log.LogAttrs(ctx, slog.LevelInfo, "room: answered", about...)
	}
}

// noConflict is the precondition that a room has time.
var noConflict = xml.Name{Space: "urn:convene", Local: "no-conflict"}

// conflictError is the response to what a room has no time for.
func conflictError(e *calendar.ConflictError, err error) *webdav.Error {
	name := func(local string) xml.Name { return xml.Name{Space: noConflict.Space, Local: local} }
	list := []*webdav.Element{webdav.NewText(name("room"), e.Room), webdav.NewText(name("start"), e.From.Format("20060102T150405Z"))}
	return &webdav.Error{Status: http.StatusForbidden, Condition: noConflict, Children: list, Description: e.Text, Err: err}
}

// supplyRooms finds out how rooms are set. It may wait.
func (h *Handler) supplyRooms(ctx context.Context, f *facts, list []*directory.Principal) error {
	for _, p := range list {
		if _, known := f.rooms[p.GUID]; known {
			continue
		}
		rules, err := h.Rooms(ctx, p)
		if err != nil {
			return err
		}
		set(&f.rooms, p.GUID, rules)
	}
	if len(list) == 0 || h.RoomIndex == nil || f.index != nil {
		return nil
	}
	// It is for naming others in the place of these; who cannot be asked about that is no
	// reason not to book.
	var err error
	if f.index, err = h.RoomIndex.All(ctx); err != nil {
		h.Log.DebugContext(ctx, "no rooms are named in the place of others", "err", err)
	}
	return ctx.Err()
}

// introduceRooms makes known how the rooms among records are set, and whom their
// settings name, before the transaction that asks them.
func (h *Handler) introduceRooms(ctx context.Context, req *request, keys []directory.Key) error {
	if h.Rooms == nil {
		return nil
	}
	var missing lack
	for _, key := range keys {
		if p := req.facts.records[key]; p != nil && (p.Type == directory.Group || p.CalendarEnabled && rooms.KindOf(p.Type).Booked()) {
			missing.rooms = append(missing.rooms, p)
		}
	}
	if err := h.supply(ctx, req, &missing); err != nil || len(missing.rooms) == 0 {
		return err
	}
	return h.supplied(ctx, req, func() error {
		s := &scope{h: h, req: req}
		for _, p := range missing.rooms {
			if p.Type == directory.Group {
				if err := s.introducePool(p); err != nil {
					return err
				}
				continue
			}
			for _, ref := range req.facts.rooms[p.GUID].References() {
				s.named(ref)
			}
			s.appointees(p)
		}
		if !s.lack.nothing() {
			return &s.lack
		}
		return nil
	})
}
