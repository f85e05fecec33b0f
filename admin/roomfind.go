package admin

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/rooms"
	"convene/sacl"
)

// A RoomFinder looks for rooms as somebody, with the parameters of GET /rooms. Errors:
// rooms.ErrQuery, and those of the directory and the store.
type RoomFinder interface {
	FindRooms(ctx context.Context, caller *auth.Caller, v url.Values) (*rooms.Finding, error)
	ExplainRoom(ctx context.Context, caller *auth.Caller, room *directory.Principal, v url.Values) (*rooms.Explanation, error)
}

// A RoomBooker makes meetings in rooms as somebody. Errors: as RoomFinder; ErrDeclined,
// ErrNotBooked.
type RoomBooker interface {
	BookRooms(ctx context.Context, caller *auth.Caller, list []*directory.Principal, v url.Values) (*rooms.Booked, error)
}

// Errors of bookings.
var (
	ErrDeclined  = errors.New("nothing was booked")
	ErrNotBooked = errors.New("it may not be booked")
)

// RoomQuestion asks about rooms as somebody would.
type RoomQuestion struct {
	As     string     `json:"as"` // whose rights and busy times count
	Rooms  []string   `json:"rooms,omitempty"`
	Query  url.Values `json:"query"`
	By     string     `json:"by,omitempty"` // who they say they are
	Reason string     `json:"reason,omitempty"`
}

// FindRooms says which rooms suit a meeting. Errors: rooms.ErrQuery, and those of the
// directory and the store.
func FindRooms(ctx context.Context, c Conn, q RoomQuestion) (rooms.Finding, error) {
	return call[rooms.Finding](ctx, c, "room-find", q)
}

// ExplainRoom says what the first of the rooms would answer to a meeting, and why. Errors:
// as FindRooms; ErrNoRoom.
func ExplainRoom(ctx context.Context, c Conn, q RoomQuestion) (rooms.Explanation, error) {
	return call[rooms.Explanation](ctx, c, "room-explain", q)
}

// BookRooms makes a meeting that invites rooms. Errors: as ExplainRoom; ErrNotRunning,
// ErrDeclined, ErrNotBooked.
func BookRooms(ctx context.Context, c Conn, q RoomQuestion) (rooms.Booked, error) {
	return call[rooms.Booked](ctx, c, "room-book", q)
}

// asSomebody is the caller that somebody would be.
func (a *Admin) asSomebody(ctx context.Context, who string) (*auth.Caller, error) {
	v, err := a.SACL.Explain(ctx, sacl.Calendar, who)
	if err != nil {
		return nil, err
	}
	groups, err := a.Directory.Groups(ctx, v.Principal.GUID)
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", v.Principal.Name, err)
	}
	return &auth.Caller{Principal: v.Principal, Groups: groups, Login: v.Principal.Name}, nil
}

func (a *Admin) roomFind(ctx context.Context, q RoomQuestion) (*rooms.Finding, error) {
	caller, err := a.asSomebody(ctx, q.As)
	if err != nil {
		return nil, err
	}
	return a.Finder.FindRooms(ctx, caller, q.Query)
}

// roomsOf are the records of rooms and pools that were named.
func (a *Admin) roomsOf(ctx context.Context, names []string) (list []*directory.Principal, err error) {
	for _, name := range names {
		p, err := a.findSettable(ctx, name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("name a room: %w", ErrRequest)
	}
	return list, nil
}

func (a *Admin) roomExplain(ctx context.Context, q RoomQuestion) (*rooms.Explanation, error) {
	caller, err := a.asSomebody(ctx, q.As)
	if err != nil {
		return nil, err
	}
	list, err := a.roomsOf(ctx, q.Rooms)
	if err != nil {
		return nil, err
	}
	return a.Finder.ExplainRoom(ctx, caller, list[0], q.Query)
}

// roomBook makes a meeting of somebody, and records it in the audit log.
func (a *Admin) roomBook(ctx context.Context, q RoomQuestion) (b *rooms.Booked, err error) {
	if a.Booker == nil {
		return nil, ErrNotRunning
	}
	caller, err := a.asSomebody(ctx, q.As)
	if err != nil {
		return nil, err
	}
	list, err := a.roomsOf(ctx, q.Rooms)
	if err != nil {
		return nil, err
	}
	by := a.Operator.By(q.By, q.Reason)
	by.As = &audit.Who{GUID: caller.Principal.GUID, Name: caller.Principal.Name}
	act := audit.Act{By: by, Verb: "room.book", Object: audit.Object{Type: "room", GUID: list[0].GUID, Name: list[0].Name}}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		b, err = a.Booker.BookRooms(ctx, caller, list, q.Query)
		return b, err
	})
	return b, err
}
