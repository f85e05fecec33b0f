package caldav

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// RoomRequests are the open requests that the caller may answer, the one that expires
// first on top. Errors: those of the directory and the store.
func (h *Handler) RoomRequests(ctx context.Context, caller *auth.Caller) (list []rooms.Waiting, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		all, err := h.knownRooms(req)
		return func(s *scope) (*webdav.Response, error) {
			list = nil
			for _, k := range all {
				f, err := s.factsOf(k, aclCaller(caller).GUID, "")
				if err != nil {
					return nil, err
				}
				if f.Approves() {
					if list, err = s.requestsOf(k, list); err != nil {
						return nil, err
					}
				}
			}
			return nil, nil
		}, err
	})
	slices.SortStableFunc(list, func(a, b rooms.Waiting) int { return int(a.Expires - b.Expires) })
	return list, err
}

// requestsOf adds the open requests for a room to a list.
func (s *scope) requestsOf(k *rooms.Known, list []rooms.Waiting) ([]rooms.Waiting, error) {
	home, err := s.tx.Home(k.Record.GUID)
	if err != nil {
		return list, ignoring(err, calendar.ErrNoHome)
	}
	for r, err := range s.tx.Requests(home.ID) {
		if err != nil {
			return nil, err
		}
		w := rooms.Waiting{ID: r.ID.String(), Room: k, Approval: r.Approval}
		if p := s.recordByGUID(r.Booker); r.Booker != "" && p != nil {
			w.Name = p.FullName
		}
		dates, err := s.tx.RoomDates(k.Record.GUID, k.Policy, r.Start, r.Start+1, r.UID)
		if err != nil {
			return nil, err
		}
		if len(dates) > 0 && dates[0].Public {
			w.Summary = dates[0].Summary
		}
		list = append(list, w)
	}
	return list, nil
}

// AnswerRoomRequest answers a request for the caller. Errors: calendar.ErrNoRequest,
// ErrNotApprover; *calendar.AnsweredError, *calendar.ConflictError.
func (h *Handler) AnswerRoomRequest(ctx context.Context, caller *auth.Caller, id string, approve bool, comment string) error {
	queue, err := store.ParseQueueID(id)
	if err != nil {
		return calendar.ErrNoRequest
	}
	by := RoomHand{Caller: caller}
	return h.Act(ctx, by.actor(), func(tx *calendar.Tx) error {
		_, err := tx.AnswerRequest(queue, &calendar.Verdict{Approve: approve, By: caller.Principal.GUID, Name: caller.Principal.FullName, Comment: comment})
		return err
	})
}

// A RoomBlock is a time at which somebody who looks after a room closes it. The times
// are on the room's clock: 2026-12-01T09:00.
type RoomBlock struct {
	From, To, Text string
	Weekly         bool
	Until          string // of the weeks; "": for good
	Displace       bool   // what is booked then is declined
}

// mayRun refuses who does not look after a room.
func (s *scope) mayRun(k *rooms.Known) error {
	if !s.runs(k.Record) && s.lack.nothing() {
		return ErrNotTheirs
	}
	return nil
}

// CloseRoom closes a room for a time. Errors: ErrNotTheirs; calendar.ErrTime,
// *calendar.ConflictError.
func (h *Handler) CloseRoom(ctx context.Context, caller *auth.Caller, guid string, b RoomBlock) (displaced int, err error) {
	by := RoomHand{Caller: caller}
	uid := "block-" + strings.ToLower(randomHex())
	err = h.inRoom(ctx, &by, guid, func(s *scope, home *store.Home, k *rooms.Known) error {
		if err := s.mayRun(k); err != nil || !s.lack.nothing() {
			return err
		}
		block := &calendar.Block{UID: uid, Text: b.Text, Weekly: b.Weekly}
		for _, one := range []struct {
			text string
			to   *time.Time
		}{{b.From, &block.From}, {b.To, &block.To}, {b.Until, &block.Until}} {
			if one.text == "" && one.to == &block.Until {
				continue
			}
			at, err := s.tx.RoomTime(home, one.text)
			if err != nil {
				return err
			}
			*one.to = at
		}
		if !block.From.Before(block.To) {
			return calendar.ErrTime
		}
		gone, err := s.tx.CloseRoom(home, block, b.Displace, caller.Principal.FullName)
		displaced = len(gone)
		return err
	})
	return displaced, err
}

// OpenRoom takes back that a room is closed. Errors: ErrNotTheirs, calendar.ErrNoBlock.
func (h *Handler) OpenRoom(ctx context.Context, caller *auth.Caller, guid, uid string) error {
	by := RoomHand{Caller: caller}
	return h.inRoom(ctx, &by, guid, func(s *scope, home *store.Home, k *rooms.Known) error {
		if err := s.mayRun(k); err != nil || !s.lack.nothing() {
			return err
		}
		return s.tx.OpenRoom(home, uid)
	})
}

// RunsRoom reports, as an error if not, whether the caller looks after a room. Errors:
// ErrNotTheirs; directory.ErrNotFound.
func (h *Handler) RunsRoom(ctx context.Context, caller *auth.Caller, guid string) error {
	v, err := h.ViewRoom(ctx, caller, guid, policy.Span{})
	if err == nil && !v.Runs {
		err = ErrNotTheirs
	}
	return err
}

// DoorView is a room as it is shown at its door, to whoever comes by: who has it and what
// for only as far as it is set to show that.
func (h *Handler) DoorView(ctx context.Context, guid string, within policy.Span) (v *rooms.View, err error) {
	all, err := h.RoomIndex.All(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(k *rooms.Known) bool { return k.Record.GUID == guid })
	if i < 0 {
		return nil, directory.ErrNotFound
	}
	k := all[i]
	err = h.Calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		v, err = doorView(tx, k, within)
		return err
	})
	return v, err
}

// LobbyView is several rooms as DoorView is one, of one moment. A room of which it cannot
// be said when it is taken is Unknown.
func (h *Handler) LobbyView(ctx context.Context, list []*rooms.Known, within policy.Span) (all []*rooms.View, err error) {
	err = h.Calendars.View(ctx, calendar.Actor{}, func(tx *calendar.Tx) error {
		all = make([]*rooms.View, 0, len(list))
		for _, k := range list {
			v, err := doorView(tx, k, within)
			if errors.Is(err, rooms.ErrDamaged) {
				v, err = &rooms.View{Known: k, Unknown: true}, nil
			}
			if err != nil {
				return err
			}
			all = append(all, v)
		}
		return nil
	})
	return all, err
}

func doorView(tx *calendar.Tx, k *rooms.Known, within policy.Span) (*rooms.View, error) {
	dates, err := tx.RoomDates(k.Record.GUID, k.Policy, within.Start, within.End, "")
	if err != nil {
		return nil, err
	}
	v := &rooms.View{Known: k}
	for n := range dates {
		v.Dates = append(v.Dates, doorDate(k, &dates[n]))
	}
	return v, nil
}

func doorDate(k *rooms.Known, d *calendar.RoomDate) rooms.Seen {
	e := rooms.Seen{Booking: d.Booking, Room: k, AllDay: d.AllDay, Block: d.Block, CheckIn: d.CheckIn, CheckedIn: d.CheckedIn}
	if p := k.Policy; p.NamesHolder() && (d.Public || p.PrivateBookings == policy.Show) {
		e.Holder = d.Holder
	}
	if d.Block || d.Public && k.Policy.OthersSee == policy.SeeDetails {
		e.Summary = d.Summary
	}
	return e
}

// ignoring is an error but for one that does not matter.
func ignoring(err, one error) error {
	if errors.Is(err, one) {
		return nil
	}
	return err
}
