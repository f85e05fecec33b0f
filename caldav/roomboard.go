package caldav

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"

	"convene/auth"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
)

// RoomBoard says how all rooms that the caller finds stand to a meeting, those too that
// are taken or too small. v has the parameters of FindRooms; a time is among them, and
// limit counts. day is the time of which the board tells when each is taken. Errors: as
// FindRooms.
func (h *Handler) RoomBoard(ctx context.Context, caller *auth.Caller, v url.Values, day policy.Span) (board *rooms.Board, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		f, err := h.roomSearch(req, v)
		if err != nil {
			return nil, err
		}
		if len(f.dates) == 0 {
			return nil, &rooms.FieldError{Field: "from", Reason: "say when: from, with to or duration"}
		}
		f.Heads = 0 // those that are too small are told of too
		h.makeLedgers(ctx, f)
		return func(s *scope) (*webdav.Response, error) {
			board, err = f.board(s, day)
			return nil, err
		}, nil
	})
	return board, err
}

func (f *roomSearch) board(s *scope, day policy.Span) (*rooms.Board, error) {
	all, err := f.prospects(s)
	if err != nil || !s.lack.nothing() {
		return nil, err
	}
	b := &rooms.Board{Day: day, Dates: f.dates, Heads: f.heads}
	seen := map[string]*rooms.Standing{}
	for _, p := range all {
		if !f.affords(p, seen) {
			b.More = true
			continue
		}
		stands, err := f.standing(s, p, day, seen)
		if err != nil {
			return nil, err
		}
		b.Rooms = append(b.Rooms, stands)
	}
	dates := len(f.dates)
	slices.SortStableFunc(b.Rooms, func(x, y rooms.Standing) int {
		return cmp.Or(x.Rank(dates)-y.Rank(dates), y.Free-x.Free, cmp.Compare(x.Next, y.Next))
	})
	if len(b.Rooms) > f.limit {
		b.Rooms, b.More = b.Rooms[:f.limit], true
	}
	return b, nil
}

// affords reports whether it may still be found out how a room or pool stands, besides those
// seen.
func (f *roomSearch) affords(p *prospect, seen map[string]*rooms.Standing) bool {
	n := len(seen)
	for _, room := range f.choice(p) {
		if seen[room.Record.GUID] == nil {
			n++
		}
	}
	return n*len(f.dates) <= maxForesights
}

// standing is how a room or pool stands; seen are the rooms of which that is known.
func (f *roomSearch) standing(s *scope, p *prospect, day policy.Span, seen map[string]*rooms.Standing) (rooms.Standing, error) {
	if len(p.Rooms) > 0 {
		return f.poolStands(s, p, day, seen)
	}
	if r := seen[p.Record.GUID]; r != nil {
		return *r, nil
	}
	r, err := f.stands(s, p, day)
	seen[p.Record.GUID] = &r
	return r, err
}

// poolStands is how a pool stands: as its rooms do that it would give, one of which has to
// have time for all dates.
func (f *roomSearch) poolStands(s *scope, p *prospect, day policy.Span, seen map[string]*rooms.Standing) (rooms.Standing, error) {
	choice := f.choice(p)
	r := rooms.Standing{Known: p.Known, May: p.may, Seats: len(choice) > 0 || len(p.of) == 0, Closed: len(choice) > 0}
	if len(choice) == 0 {
		r.Reason = f.unsuited(p)
	}
	for i, room := range choice {
		one, err := f.standing(s, room, day, seen)
		if err != nil {
			return r, err
		}
		if i == 0 {
			r.Reason = one.Reason
		}
		if one.Free == len(f.dates) {
			r.Having++
		}
		if one.Next != 0 && (r.Next == 0 || one.Next < r.Next) {
			r.Next = one.Next
		}
		r.Closed = r.Closed && one.Closed
	}
	if r.Having > 0 {
		r.Free, r.Reason, r.Next = len(f.dates), policy.Reason{}, 0
	}
	return r, nil
}

// stands is how one room stands.
func (f *roomSearch) stands(s *scope, p *prospect, day policy.Span) (rooms.Standing, error) {
	r := rooms.Standing{Known: p.Known, May: p.may, Seats: max(p.Policy.Capacity, 1) >= f.heads}
	first := f.dates[0]
	within := policy.Span{Start: min(day.Start, first.Start), End: max(day.End, f.dates[len(f.dates)-1].End)}
	heads := f.heads
	if !r.Seats {
		heads = 1 // that it is too small is said anyhow
	}
	err := p.asked(s, within, func() {
		now := s.tx.Now().Unix()
		o := policy.Foresee(p.Policy, p.facts, p.times, policy.Wish{Dates: f.dates, Heads: heads}, now)
		r.Free, r.Reason = o.Free, o.Reason
		if o.Free == 0 && len(f.dates) == 1 {
			search := policy.Search{From: first.Start, Until: max(day.End-f.length, first.Start) + 1, Length: f.length, Heads: heads}
			if at, ok := policy.FirstFree(p.Policy, p.facts, p.times, search, now); ok {
				r.Next = at
			}
		}
		r.Taken = slices.Collect(p.times.Overlaps(day.Start, day.End, nil))
	})
	if p.unknown {
		r.Closed, r.Reason, r.Free, r.Next, r.Taken = true, policy.Reason{Code: notKnown}, 0, 0, nil
	}
	return r, err
}
