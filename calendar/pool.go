package calendar

import (
	"slices"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
)

// A chooser picks rooms of a pool in a transaction: a scheduling.Chooser. The room of host
// is the pool.
type chooser struct{ host }

// A picking is what was picked of a pool.
type picking struct {
	*policy.Pick
	name string // of the pool, as Room.Name
	said *policy.Speech
}

// Choose implements scheduling.Chooser: by the settings of the rooms, and by when they are
// taken in this transaction.
func (c *chooser) Choose(want *scheduling.Wanted) (*scheduling.Choice, error) {
	p, err := c.pick(want, 0)
	if err != nil {
		return nil, err
	}
	if p.Room != "" {
		c.w.tx.standing[decided{p.Room, want.Object.UID}] = p.name
	}
	choice := &scheduling.Choice{Room: p.Room, Stands: p.Stands}
	if p.Room == "" && !p.Stands {
		choice.Comment = p.Comment(p.said)
		c.w.tx.bookings = append(c.w.tx.bookings, RoomDecision{
			Room: p.name, UID: want.Object.UID, Organizer: want.Organizer.GUID, Answer: "declined", Dates: 1, Declined: 1,
			First: p.Date.Start, Reasons: []policy.Code{p.Why.Code}, Header: p.Header(p.name),
		})
	}
	return choice, nil
}

// pick asks package policy. more people come than the meeting says.
func (c *chooser) pick(want *scheduling.Wanted, more int) (*picking, error) {
	tx, assistant := c.w.tx, c.assistant(want.Organizer)
	name, list, err := tx.sender.Rooms.Pool(c.room.GUID, want.Organizer, assistant)
	if err != nil {
		return nil, err
	}
	p := &picking{name: name}
	f := &policy.Facts{
		GUID: c.room.GUID, Name: c.room.CN, Addresses: roomAddresses(c.room.GUID),
		Booker: policy.PersonID{GUID: want.Organizer.GUID}, Parties: map[string]policy.Party{},
	}
	if err := c.identifyAll(f, want.Object); err != nil {
		return nil, err
	}
	seat(f, want.Object, more)
	candidates := tx.candidates(list, f, func(guid string) bool { return slices.Contains(want.Others, guid) })
	f.Candidates = func() []policy.Candidate { return candidates }
	if p.Pick, err = policy.FromPool(policy.Invite{Object: want.Object, Old: want.Old}, f, want.Was, tx.Now().Unix()); err != nil {
		return nil, err
	}
	if p.Room == "" {
		p.said, err = tx.sender.Rooms.Speech(c.room.GUID, want.Organizer, f, p.Date.Start)
	}
	return p, err
}

// A Picked room is what would be booked of a pool.
type Picked struct {
	Room string      // its GUID; "": none would
	Why  policy.Code // if none would
	Text string      // what the organizer would be told then
}

// PickRoom says which room of a pool would be booked for a meeting to which so many people
// come. Nothing is written. Sender must know of Rooms.
func (tx *Tx) PickRoom(pool, organizer *scheduling.Party, o *ical.Object, heads int) (*Picked, error) {
	c := &chooser{host{w: newWorld(tx), room: pool}}
	p, err := c.pick(&scheduling.Wanted{Object: o, Organizer: organizer}, heads-1)
	switch {
	case err != nil:
		return nil, err
	case p.Room != "" || p.Stands:
		return &Picked{Room: p.Room}, nil
	}
	return &Picked{Why: p.Why.Code, Text: p.Comment(p.said)}, nil
}
