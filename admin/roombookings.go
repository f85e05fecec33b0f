package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"convene/audit"
	"convene/directory"
)

// Bookings are the bookings of rooms, as they live. What is done to them their
// organizers are told.
type Bookings interface {
	// Requests lists those that wait for approval, of a room or of all (nil), the one
	// that expires first on top.
	Requests(ctx context.Context, room *directory.Principal) ([]RoomWaiting, error)

	// Answer answers a request for somebody; approver is nil if that is an operator.
	// Errors: ErrNoRequest, ErrAnswered, ErrNotApprover, ErrRoomTaken, ErrRoomTime.
	Answer(ctx context.Context, v RoomVerdict, approver *directory.Principal) (RoomWaiting, error)

	// CheckIn notes that somebody is there. Errors: ErrCheckIn, ErrNoBooking,
	// ErrManyBookings.
	CheckIn(ctx context.Context, room *directory.Principal, r RoomUse) (RoomBooking, error)

	// Release gives a booking back. Errors: ErrNoBooking, ErrManyBookings, ErrRoomTime.
	Release(ctx context.Context, room *directory.Principal, r RoomUse) (RoomBooking, error)

	// Close closes a room for a time, Open takes that back. Errors: ErrRoomTaken,
	// ErrRoomTime; ErrNoBooking.
	Close(ctx context.Context, room *directory.Principal, b RoomBlock) (RoomClosed, error)
	Open(ctx context.Context, room *directory.Principal, uid string) error

	// Review lists what is booked and would be declined now.
	Review(ctx context.Context, room *directory.Principal) ([]RoomDoubt, error)
}

// RoomDoubt is a date that is booked and would be declined now.
type RoomDoubt struct {
	UID    string
	Start  time.Time
	Reason string // as in the response to an invitation
}

// What is wrong with a verb about bookings.
var (
	ErrNoRequest    = errors.New("no such request waits")
	ErrAnswered     = errors.New("somebody has answered already")
	ErrNotApprover  = errors.New("not an approver of the room")
	ErrNoBooking    = errors.New("no such booking")
	ErrManyBookings = errors.New("several bookings are meant")
	ErrCheckIn      = errors.New("nobody can check in now")
	ErrRoomTaken    = errors.New("the room is taken")
	ErrRoomTime     = errors.New("not a time")
)

// As is an error that commands take for one of those that this package tells apart.
func As(kind, err error) error { return &remoteError{text: err.Error(), kind: kind} }

// RoomWaiting is a booking that waits for approval, or did.
type RoomWaiting struct {
	ID       string    `json:"id"`
	Room     string    `json:"room"`
	UID      string    `json:"uid"`
	Booker   string    `json:"booker"`
	Start    time.Time `json:"start"` // of the first date that waits
	End      time.Time `json:"end"`
	Dates    int       `json:"dates"`
	Held     bool      `json:"held"`    // its time is kept meanwhile
	Against  []string  `json:"against"` // the rules that it breaks
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Reminded bool      `json:"reminded"`
	State    string    `json:"state"`
	By       string    `json:"by,omitempty"`
	Comment  string    `json:"comment,omitempty"`
}

// RoomVerdict is an answer to a request.
type RoomVerdict struct {
	ID          string   `json:"id"`
	Approve     bool     `json:"approve"`
	Occurrences []string `json:"occurrences,omitempty"` // days or starts; none: all
	Comment     string   `json:"comment,omitempty"`
	As          string   `json:"as,omitempty"` // the approver who says so; "": the operator does
	By          string   `json:"by"`
	Reason      string   `json:"reason,omitempty"`
}

// RoomUse names a booking that is used, or not.
type RoomUse struct {
	Who     string `json:"who"` // the room
	UID     string `json:"uid,omitempty"`
	At      string `json:"at,omitempty"` // when it is on; "": now
	Comment string `json:"comment,omitempty"`
	By      string `json:"by"`
	Reason  string `json:"reason,omitempty"`
}

// RoomBooking is one date of a booking.
type RoomBooking struct {
	Room   string    `json:"room"`
	UID    string    `json:"uid"`
	Booker string    `json:"booker"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

// RoomBlock is a time at which a room is to be closed.
type RoomBlock struct {
	Who      string `json:"who"` // the room
	From     string `json:"from"`
	To       string `json:"to"`
	Text     string `json:"text,omitempty"`
	Weekly   bool   `json:"weekly,omitempty"`
	Until    string `json:"until,omitempty"`
	Displace bool   `json:"displace,omitempty"` // what is booked then is declined
	UID      string `json:"uid,omitempty"`      // of the block that is to be removed
	By       string `json:"by"`
	Reason   string `json:"reason,omitempty"`
}

// RoomClosed is what closing a room has done.
type RoomClosed struct {
	Room      string        `json:"room"`
	UID       string        `json:"uid"` // by which the block is removed
	Displaced []RoomBooking `json:"displaced"`
}

// PendingRooms lists the bookings that wait for approval, of a room or, with "", of all.
// Errors: those of the directory; ErrNoRoom; ErrNotRunning, as of all verbs about
// bookings.
func PendingRooms(ctx context.Context, c Conn, room string) ([]RoomWaiting, error) {
	return call[[]RoomWaiting](ctx, c, "room-pending", RoomRequest{Who: room})
}

// AnswerRoom answers a request. Errors: those of Bookings.Answer, and of the directory.
func AnswerRoom(ctx context.Context, c Conn, v RoomVerdict) (RoomWaiting, error) {
	return call[RoomWaiting](ctx, c, "room-answer", v)
}

// CheckInRoom notes that somebody is there. Errors: those of Bookings.CheckIn.
func CheckInRoom(ctx context.Context, c Conn, r RoomUse) (RoomBooking, error) {
	return call[RoomBooking](ctx, c, "room-checkin", r)
}

// ReleaseRoom gives a booking back. Errors: those of Bookings.Release.
func ReleaseRoom(ctx context.Context, c Conn, r RoomUse) (RoomBooking, error) {
	return call[RoomBooking](ctx, c, "room-release", r)
}

// BlockRoom closes a room for a time. Errors: those of Bookings.Close.
func BlockRoom(ctx context.Context, c Conn, b RoomBlock) (RoomClosed, error) {
	return call[RoomClosed](ctx, c, "room-block", b)
}

// UnblockRoom opens a room again. Errors: ErrNoBooking.
func UnblockRoom(ctx context.Context, c Conn, b RoomBlock) error {
	_, err := call[None](ctx, c, "room-unblock", b)
	return err
}

func (a *Admin) roomPending(ctx context.Context, r RoomRequest) ([]RoomWaiting, error) {
	if a.Bookings == nil {
		return nil, ErrNotRunning
	}
	var room *directory.Principal
	if r.Who != "" {
		var err error
		if room, err = a.findRoom(ctx, r.Who); err != nil {
			return nil, err
		}
	}
	return a.Bookings.Requests(ctx, room)
}

func (a *Admin) roomAnswer(ctx context.Context, v RoomVerdict) (done RoomWaiting, err error) {
	if a.Bookings == nil {
		return done, ErrNotRunning
	}
	var approver *directory.Principal
	if v.As != "" {
		if approver, err = directory.Find(ctx, a.Directory, v.As); err != nil {
			return done, err
		}
	}
	verb := "room.deny"
	if v.Approve {
		verb = "room.approve"
	}
	act := audit.Act{By: a.Operator.By(v.By, v.Reason), Verb: verb, Object: audit.Object{Type: "room-request", Name: v.ID}, Before: v}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		done, err = a.Bookings.Answer(ctx, v, approver)
		return done, err
	})
	return done, err
}

// onRoom does something with a room, and records it in the audit log.
func onRoom[Out any](ctx context.Context, a *Admin, verb, who, by, reason string, do func(*directory.Principal) (Out, error)) (done Out, err error) {
	if a.Bookings == nil {
		return done, ErrNotRunning
	}
	room, err := a.findRoom(ctx, who)
	if err != nil {
		return done, err
	}
	act := audit.Act{By: a.Operator.By(by, reason), Verb: verb, Object: audit.Object{Type: "room", GUID: room.GUID, Name: room.Name}}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		done, err = do(room)
		return done, err
	})
	return done, err
}

func (a *Admin) roomCheckIn(ctx context.Context, r RoomUse) (RoomBooking, error) {
	return onRoom(ctx, a, "room.checkin", r.Who, r.By, r.Reason, func(room *directory.Principal) (RoomBooking, error) {
		return a.Bookings.CheckIn(ctx, room, r)
	})
}

func (a *Admin) roomRelease(ctx context.Context, r RoomUse) (RoomBooking, error) {
	return onRoom(ctx, a, "room.release", r.Who, r.By, r.Reason, func(room *directory.Principal) (RoomBooking, error) {
		return a.Bookings.Release(ctx, room, r)
	})
}

func (a *Admin) roomBlock(ctx context.Context, b RoomBlock) (RoomClosed, error) {
	return onRoom(ctx, a, "room.block", b.Who, b.By, b.Reason, func(room *directory.Principal) (RoomClosed, error) {
		return a.Bookings.Close(ctx, room, b)
	})
}

func (a *Admin) roomUnblock(ctx context.Context, b RoomBlock) (None, error) {
	return onRoom(ctx, a, "room.unblock", b.Who, b.By, b.Reason, func(room *directory.Principal) (None, error) {
		return None{}, a.Bookings.Open(ctx, room, b.UID)
	})
}

// reviewRoom lists what is booked and would be declined now, as problems.
func (a *Admin) reviewRoom(ctx context.Context, room *directory.Principal) (list []RoomProblem, err error) {
	if a.Bookings == nil {
		return nil, nil
	}
	doubts, err := a.Bookings.Review(ctx, room)
	for _, d := range doubts {
		text := fmt.Sprintf("%s, %s: booked, and would be declined now", d.Start.Format(time.RFC3339), d.UID)
		list = append(list, RoomProblem{Room: room.Name, Setting: d.Reason, Problem: text})
	}
	return list, err
}
