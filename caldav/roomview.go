package caldav

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"convene/acl"
	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
)

// knownRooms are all rooms, and what the request knows of them.
func (h *Handler) knownRooms(req *request) ([]*rooms.Known, error) {
	if h.RoomIndex == nil {
		return nil, errNoSuchPath
	}
	all, err := h.RoomIndex.All(req.Context())
	for _, k := range all {
		set(&req.facts.records, directory.Key{By: directory.GUID, Value: k.Record.GUID}, k.Record)
		set(&req.facts.rooms, k.Record.GUID, k.Policy)
	}
	return all, err
}

// runs reports whether the caller looks after a room: as an administrator, or as somebody
// who may write all of its calendars. What is not known yet is noted as a lack; while the
// delegates cannot be read, nobody is one.
func (s *scope) runs(room *directory.Principal) bool {
	if s.h.Access.IsAdministrator(aclCaller(s.req.caller)) {
		return true
	}
	s.actsFor(room.GUID)
	p := s.req.proxies[room.GUID]
	return s.req.undecided == nil && p != nil &&
		slices.ContainsFunc(p.Grants, func(g acl.ProxyGrant) bool { return g.All && g.Write || g.Manage })
}

// tends is how the caller stands to a room: they look after it, or answer its requests.
func (s *scope) tends(k *rooms.Known) (f *policy.Facts, runs, approves bool, err error) {
	if f, err = s.factsOf(k, aclCaller(s.req.caller).GUID, ""); err != nil {
		return nil, false, false, err
	}
	runs = s.runs(k.Record)
	return f, runs, f.Approves(), nil
}

// TendedRooms are the rooms that the caller looks after, or whose requests they answer, by
// name. Errors: those of the directory.
func (h *Handler) TendedRooms(ctx context.Context, caller *auth.Caller) (list []rooms.View, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		all, err := h.knownRooms(req)
		return func(s *scope) (*webdav.Response, error) {
			list = nil
			for _, k := range all {
				f, runs, approves, err := s.tends(k)
				if err != nil {
					return nil, err
				}
				if runs || approves {
					list = append(list, rooms.View{Known: k, May: f.Permission(k.Policy), Runs: runs, Approves: approves})
				}
			}
			return nil, nil
		}, err
	})
	return list, err
}

// ViewRoom is a room with what takes it within some time, as far as the caller may see
// that. Errors: directory.ErrNotFound; those of the directory and the store.
func (h *Handler) ViewRoom(ctx context.Context, caller *auth.Caller, guid string, within policy.Span) (v *rooms.View, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		all, err := h.knownRooms(req)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(k *rooms.Known) bool { return k.Record.GUID == guid })
		if i < 0 {
			return nil, directory.ErrNotFound
		}
		return func(s *scope) (*webdav.Response, error) {
			v, err = s.viewRoom(all[i], within)
			return nil, err
		}, nil
	})
	return v, err
}

func (s *scope) viewRoom(k *rooms.Known, within policy.Span) (*rooms.View, error) {
	f, runs, approves, err := s.tends(k)
	if err != nil {
		return nil, err
	}
	v := &rooms.View{Known: k, May: f.Permission(k.Policy), Runs: runs, Approves: approves}
	if !runs && !approves && !s.h.RoomIndex.Lists(v.May) {
		return nil, directory.ErrNotFound
	}
	if _, err := s.mayAskWhenBusy(aclCaller(s.req.caller).GUID, k.Record); errors.Is(err, errDenied) {
		v.Unknown = true
		return v, nil
	} else if err != nil {
		return nil, err
	}
	dates, err := s.tx.RoomDates(k.Record.GUID, k.Policy, within.Start, within.End, "")
	if errors.Is(err, rooms.ErrDamaged) {
		s.h.Log.Error("it is not known when a room is taken", "room", k.Record.Name, "err", err)
		v.Unknown = true
		return v, nil
	}
	for i := range dates {
		v.Dates = append(v.Dates, s.seen(k, &dates[i], runs || approves))
	}
	return v, err
}

// seen is a date as the caller may see it: the organizer their own, those who look after
// the room what is not private, others as the room is set.
func (s *scope) seen(k *rooms.Known, d *calendar.RoomDate, tends bool) rooms.Seen {
	e := rooms.Seen{Booking: d.Booking, Room: k, AllDay: d.AllDay, Block: d.Block, CheckIn: d.CheckIn, CheckedIn: d.CheckedIn}
	e.Mine = d.Organizer != "" && d.Organizer == aclCaller(s.req.caller).GUID
	p := k.Policy
	if e.Mine || tends || d.Block || p.NamesHolder() && (d.Public || p.PrivateBookings == policy.Show) {
		e.Holder, e.Organizer = d.Holder, d.Organizer
		if r := s.recordByGUID(d.Organizer); d.Organizer != "" && r != nil {
			e.Holder = r.FullName
		}
	}
	if e.Mine || d.Public && (tends || d.Block || p.OthersSee == policy.SeeDetails) {
		e.Summary = d.Summary
	}
	if !e.Mine && !tends && !d.Block {
		e.UID = "" // it is not theirs to know
	}
	return e
}
