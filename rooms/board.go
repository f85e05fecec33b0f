package rooms

import "convene/rooms/policy"

// A Board says how rooms stand on a day to a meeting that somebody would have: what a
// person chooses from. Times are in Unix seconds.
type Board struct {
	Day   policy.Span // the time of which Standing.Taken tells
	Dates []policy.Span
	Heads int
	Rooms []Standing // the best first
	More  bool       // there are more than are listed
}

// A Standing is how one room stands.
type Standing struct {
	*Known
	May    policy.Permission
	Seats  bool          // it has enough of them, as far as is known
	Free   int           // of how many dates it could be had
	Reason policy.Reason // against the first of the others; Code "": there is none
	Next   int64         // when it is free later on that day; 0: it is not, or is free as wanted
	Taken  []policy.Booking
	Closed bool // it cannot be said when it is taken, at least not to the asker

	// Having is of a pool: how many of its rooms could be had for all dates. Taken is empty.
	Having int
}

// Rank says in which part of the list a room is: 0 as wanted, 1 later, 2 not that day,
// 3 too small, 4 not for the asker.
func (s *Standing) Rank(dates int) int {
	switch {
	case s.May == policy.MayNot:
		return 4
	case !s.Seats:
		return 3
	case s.Free == dates && s.Reason.Code == "":
		return 0
	case s.Free > 0:
		return 1
	case s.Next != 0:
		return 1
	}
	return 2
}

// A View is a room as somebody sees it.
type View struct {
	*Known
	May      policy.Permission
	Runs     bool // the asker looks after it
	Approves bool // the asker answers requests for it
	Dates    []Seen
	Unknown  bool // it cannot be said when it is taken, at least not to the asker
}

// A Seen date takes a room.
type Seen struct {
	policy.Booking
	Room      *Known
	Holder    string // who has booked it, "" if that is not to be seen
	Organizer string // their GUID; "" as Holder, and of somebody outside the directory
	Summary   string // what it is, "" if that is not to be seen
	AllDay    bool
	Mine      bool        // the asker is the organizer
	Block     bool        // the room is closed
	CheckIn   policy.Span // when somebody may check in; zero: never
	CheckedIn bool
}

// A Waiting request is one that somebody may answer.
type Waiting struct {
	ID   string
	Room *Known
	Approval
	Name    string // of the organizer
	Summary string // what the meeting is, "" if it is private
}
