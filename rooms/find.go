package rooms

import (
	"cmp"
	"slices"
	"strings"

	"convene/directory"
	"convene/rooms/policy"
)

// A Wanted room is what somebody looks for. What is empty does not matter; what is given
// must all hold. Letter case does not.
type Wanted struct {
	Types    []directory.Type // locations, resources, or both
	Text     string           // part of a name, or the beginning of a mail address
	Heads    int
	Building string
	Floor    string
	Features policy.List
}

// Fits reports whether a room is as it is wanted, whenever it is free. A room of which
// nobody knows how many seats it has is good for one person.
func (w *Wanted) Fits(k *Known) bool {
	place := &k.Policy.Place
	same := func(want, have string) bool { return want == "" || strings.EqualFold(want, have) }
	if len(w.Types) > 0 && !slices.Contains(w.Types, k.Type()) {
		return false
	}
	return same(w.Building, place.Building) && same(w.Floor, place.Floor) &&
		max(k.Policy.Capacity, 1) >= w.Heads && w.named(k.Record) &&
		!slices.ContainsFunc(w.Features, func(f string) bool { return !place.Features.HasFold(f) })
}

func (w *Wanted) named(p *directory.Principal) bool {
	if w.Text == "" {
		return true
	}
	text := strings.ToLower(w.Text)
	return strings.Contains(strings.ToLower(p.FullName), text) || strings.Contains(strings.ToLower(p.Name), text) ||
		slices.ContainsFunc(p.Emails, func(m string) bool { return strings.HasPrefix(strings.ToLower(m), text) })
}

// A Ranking says which of several rooms is better.
type Ranking struct {
	Building string // where most of the people are; "": not known
	Floor    string
	Heads    int
}

// Compare orders rooms: those of the building first, of these those of the floor, then
// those with the fewest empty seats, then by name.
func (r *Ranking) Compare(a, b *Known) int {
	return cmp.Or(
		r.away(a)-r.away(b),
		r.spare(a)-r.spare(b),
		strings.Compare(a.Record.FullName, b.Record.FullName),
		strings.Compare(a.Record.GUID, b.Record.GUID))
}

// away is 0 on the floor, 1 in the building, 2 elsewhere.
func (r *Ranking) away(k *Known) int {
	place := &k.Policy.Place
	switch {
	case r.Building != "" && !strings.EqualFold(place.Building, r.Building):
		return 2
	case r.Floor != "" && !strings.EqualFold(place.Floor, r.Floor):
		return 1
	}
	return 0
}

func (r *Ranking) spare(k *Known) int { return k.Policy.Capacity - r.Heads }

// A Finding is the answer to a search for rooms, the best first.
type Finding struct {
	From  string  `json:"from,omitempty"`  // of the first date, RFC 3339
	To    string  `json:"to,omitempty"`    // of the first date
	Dates int     `json:"dates,omitempty"` // how many were asked about
	Heads int     `json:"heads"`
	Rooms []Found `json:"rooms"`
	More  bool    `json:"more,omitempty"` // there are more rooms than are listed
	Slot  *Slot   `json:"slot,omitempty"` // the first time that the people and a room have, if that was asked for

	// Unknown are those of whom it cannot be said when they have time, since they do not
	// let the asker know, or too much happens: the slot is without them.
	Unknown []string `json:"unknown,omitempty"`
}

// A Slot is a time at which a room is free.
type Slot struct {
	From string `json:"from"`
	To   string `json:"to"`
	Room string `json:"room"` // its address
}

// A Found room is one that suits.
type Found struct {
	Name     string   `json:"name"` // locations/neptune
	FullName string   `json:"fullName"`
	GUID     string   `json:"guid"`
	Address  string   `json:"address"` // by which it is invited
	Capacity int      `json:"capacity,omitempty"`
	Building string   `json:"building,omitempty"`
	Floor    string   `json:"floor,omitempty"`
	Features []string `json:"features,omitempty"`
	May      string   `json:"may"` // "book", "request" or "no": what the asker may do with it

	Free   *int   `json:"free,omitempty"`   // how many of the dates it is free for; a pool: all, with one room, or none
	Reason string `json:"reason,omitempty"` // why not for all; see policy.Code

	Rooms []string `json:"rooms,omitempty"` // of a pool: the names of those of which one would be booked
}

// FoundOf is a room as it is told of.
func FoundOf(k *Known, may policy.Permission) Found {
	p, place := k.Record, &k.Policy.Place
	return Found{
		Name: k.Name(), FullName: p.FullName, GUID: p.GUID, Address: p.Addresses()[0], Capacity: k.Policy.Capacity,
		Building: place.Building, Floor: place.Floor, Features: place.Features, May: string(may),
	}
}

// An Explanation says what a room would answer to a meeting, and why.
type Explanation struct {
	Room         string   `json:"room"`
	Pool         string   `json:"pool,omitempty"` // that was asked, and of which this is the room
	Answer       string   `json:"answer"`         // "accepted", "declined", "partly", "pending", "needs-action", "stored"
	Class        string   `json:"class"`          // how the room takes the organizer: see policy.Facts.Class
	May          string   `json:"may"`            // as of Found
	Mode         string   `json:"mode"`
	Heads        int      `json:"heads"`
	Rules        []Rule   `json:"rules"` // those that bound a booking
	Dates        []Date   `json:"dates"`
	More         int      `json:"more,omitempty"` // dates that are not listed
	Next         string   `json:"next,omitempty"`
	Alternatives []string `json:"alternatives"`
	Text         string   `json:"text"` // what the organizer would read
}

// A Rule is a setting that bounds a booking.
type Rule struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A Date is one date of a meeting, with the answer to it.
type Date struct {
	From    string   `json:"from"`
	To      string   `json:"to"`
	Answer  string   `json:"answer"` // "accepted", "declined", "tentative", "needs-action"
	Reasons []string `json:"reasons"`
	Taker   *Taker   `json:"taker,omitempty"`
}

// A Taker is what is in the way of a date.
type Taker struct {
	From   string `json:"from"`
	To     string `json:"to"`
	State  string `json:"state"`            // "booked", "waiting", "blocked"
	Holder string `json:"holder,omitempty"` // if that may be known
}

// A Booked meeting was made by command.
type Booked struct {
	UID     string   `json:"uid"`
	Path    string   `json:"path"`
	Answers []string `json:"answers"` // of the rooms, as the header Convene-Booking has them
	Taken   bool     `json:"taken"`   // all rooms took all dates, or ask somebody
}
