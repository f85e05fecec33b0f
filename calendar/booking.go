package calendar

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// A host answers for a room in a transaction: a scheduling.Policy.
type host struct {
	w    *world
	room *scheduling.Party
}

// decided names a room and the UID of the meeting that it has answered.
type decided struct{ guid, uid string }

// A RoomDecision is what a room has answered, and why.
type RoomDecision struct {
	Room      string // as Room.Name
	UID       string
	Organizer string        // GUID; "": somebody outside the directory
	Answer    string        // as policy.Answer.Word
	Dates     int           // how many were judged
	Declined  int           // how many of them it does not take
	First     int64         // when the first of them begins, in Unix seconds; 0: none was judged
	Reasons   []policy.Code // against any of them, each once, in order of dates
	Header    string        // room="locations/neptune"; answer=declined; reason=conflict
}

// Bookings are what rooms have answered in this transaction.
func (tx *Tx) Bookings() []RoomDecision { return tx.bookings }

// decision is what is kept of the answer for people who ask later.
func (d *booking) decision() RoomDecision {
	header := d.a.Header(d.room.Name, d.nameOf)
	if pool := d.h.w.tx.standing[decided{d.h.room.GUID, d.i.Copy.UID}]; pool != "" {
		header += fmt.Sprintf("; pool=%q", pool)
	}
	r := RoomDecision{
		Room: d.room.Name, UID: d.i.Copy.UID, Organizer: d.i.Organizer.GUID, Answer: d.a.Word(), First: d.first(),
		Header: header,
	}
	for i := range d.a.Occurrences {
		o := &d.a.Occurrences[i]
		if !o.Judged {
			continue
		}
		r.Dates++
		if o.PartStat == policy.Declined {
			r.Declined++
		}
		for _, reason := range o.Reasons {
			if !slices.Contains(r.Reasons, reason.Code) {
				r.Reasons = append(r.Reasons, reason.Code)
			}
		}
	}
	return r
}

// Answer implements scheduling.Policy: by the room's settings, and by when it is taken
// in this transaction.
func (h *host) Answer(i *scheduling.Invitation) (*scheduling.Answered, error) {
	room, err := h.w.tx.sender.Rooms.Room(h.room.GUID)
	if err != nil {
		return nil, err
	}
	if room == nil {
		return &scheduling.Answered{Copy: i.Copy, Inbox: true}, nil
	}
	d := &booking{h: h, room: room, p: room.Policy, i: i, in: policy.Invite{Object: i.Copy, Old: i.Old}}
	if i.Again {
		d.in.Old = nil // all is judged anew
	}
	if d.facts, err = h.facts(i); err != nil {
		return nil, err
	}
	if err := d.decide(); err != nil {
		return nil, err
	}
	h.w.tx.decided[decided{h.room.GUID, i.Copy.UID}] = d
	h.w.tx.bookings = append(h.w.tx.bookings, d.decision())
	return d.answered()
}

// Manual implements scheduling.Policy: by the room's settings, and by who invites it.
func (h *host) Manual(organizer *scheduling.Party) (bool, error) {
	room, err := h.w.tx.sender.Rooms.Room(h.room.GUID)
	if err != nil || room == nil || room.Policy.Mode != policy.ModeNone {
		return err == nil && room == nil, err
	}
	f, err := h.factsOf(organizer)
	if err != nil {
		return false, err
	}
	return f.ModeOf(room.Policy) == policy.ModeNone, nil
}

// factsOf are what the directory says of the room, and of who invites it.
func (h *host) factsOf(organizer *scheduling.Party) (*policy.Facts, error) {
	return h.w.tx.sender.Rooms.Facts(h.room.GUID, organizer, h.assistant(organizer))
}

// facts are what the directory says, with whom the meeting's addresses stand for.
func (h *host) facts(i *scheduling.Invitation) (*policy.Facts, error) {
	f, err := h.factsOf(i.Organizer)
	if err != nil {
		return nil, err
	}
	lines := 0
	for _, c := range i.Copy.Calendar.Children {
		lines = max(lines, len(c.Props))
	}
	f.Addresses, f.Parties = roomAddresses(h.room.GUID), make(map[string]policy.Party, lines)
	return f, h.identifyAll(f, i.Copy)
}

// identifyAll notes whom the addresses of a meeting stand for.
func (h *host) identifyAll(f *policy.Facts, o *ical.Object) (err error) {
	for _, c := range o.Calendar.Children {
		for j := range c.Props {
			if p := &c.Props[j]; p.Name == "ATTENDEE" || p.Name == "ORGANIZER" {
				err = errors.Join(err, h.identify(f, p.Address()))
			}
		}
	}
	return err
}

// assistant is who invites for the organizer; "": they do it themselves.
func (h *host) assistant(organizer *scheduling.Party) string {
	if who := h.w.tx.by.Who; who != organizer.GUID {
		return who
	}
	return ""
}

// identify notes whom an address stands for, if the directory knows.
func (h *host) identify(f *policy.Facts, address string) error {
	if _, known := f.Parties[address]; known {
		return nil
	}
	p, err := h.w.tx.sender.Parties.Party(address)
	if err != nil || p.GUID == "" {
		return err
	}
	party := policy.Party{GUID: p.GUID, Room: p.Kind > scheduling.Group && p.Kind != scheduling.Person}
	if p.Kind == scheduling.Group {
		party.Members = append([]string{}, p.Members...)
	}
	f.Parties[address] = party
	return nil
}

// A booking is the work on one answer.
type booking struct {
	h     *host
	room  *Room
	p     *policy.Policy
	i     *scheduling.Invitation
	in    policy.Invite
	facts *policy.Facts
	a     *policy.Answer
	said  *policy.Speech

	others map[string]string // the short names of rooms in its place, by GUID
	err    error             // of finding them
}

// decide asks package policy.
func (d *booking) decide() error {
	ledger, damage, err := d.ledger()
	if err != nil {
		return err
	}
	return d.decideOver(ledger, damage)
}

// decideOver is decide with when the room is taken; damage says whether that holds.
func (d *booking) decideOver(ledger policy.Ledger, damage func() error) (err error) {
	tx := d.h.w.tx
	if err := tx.Opens(d.facts, tx.judged(d.p)); err != nil {
		return err
	}
	d.facts.Candidates = d.candidates
	if d.a, err = policy.Decide(d.p, d.in, d.facts, ledger, d.i.Now.Unix()); err != nil {
		return err
	}
	if err := errors.Join(damage(), d.err); err != nil {
		return err
	}
	d.said, err = d.h.w.tx.sender.Rooms.Speech(d.h.room.GUID, d.i.Organizer, d.facts, d.first())
	if err != nil {
		return err
	}
	d.said.Describe = d.describe
	if d.p.OnConflict == policy.Refuse && d.declines() {
		return &ConflictError{Room: d.room.Name, From: time.Unix(d.first(), 0).UTC(), Text: d.a.Comment(d.p, d.said)}
	}
	return nil
}

// ledger is when the room is taken; a room without a home never is.
func (d *booking) ledger() (policy.Ledger, func() error, error) {
	tx := d.h.w.tx
	home, err := tx.Tx.Home(d.h.room.GUID)
	if errors.Is(err, store.ErrNotFound) {
		return policy.NewBookings(), func() error { return nil }, nil
	}
	if err != nil {
		return nil, nil, err
	}
	l, err := tx.ledger(home, d.p)
	if err != nil {
		return nil, nil, err
	}
	col, e, err := tx.holder(home, d.i.Copy.UID)
	if err == nil && e != nil {
		d.in.Verified, err = l.Verified(rooms.Object{Collection: uint32(col.ID), Name: e.Name})
	}
	return l, l.Err, err
}

// first is when the first date begins that was judged; 0: none was.
func (d *booking) first() int64 {
	for i := range d.a.Occurrences {
		if o := &d.a.Occurrences[i]; o.Judged {
			return o.Instance.StartUnix
		}
	}
	return 0
}

func (d *booking) declines() bool {
	for i := range d.a.Occurrences {
		if o := &d.a.Occurrences[i]; o.Judged && o.PartStat == policy.Declined {
			return true
		}
	}
	return false
}

// answered is the answer as scheduling wants it.
func (d *booking) answered() (*scheduling.Answered, error) {
	cal := d.a.Copy(d.p, d.in, d.facts, d.i.Now.Unix())
	made, err := ical.NewObject(cal)
	if err != nil {
		return nil, err
	}
	answered := &scheduling.Answered{Copy: made, Inbox: d.a.Inbox}
	if !d.a.Reply {
		return answered, nil
	}
	var series *ical.Series // of a meeting with more than one date
	// The organizer is told all that the room has to say of the meeting: what stands
	// from before is as it was. Words are for what is new.
	answered.RIDs = map[ical.DateTime]bool{{}: true}
	dates, told := map[ical.DateTime]int{}, map[ical.DateTime]bool{}
	for i := range d.a.Occurrences {
		o := &d.a.Occurrences[i]
		if !o.Judged {
			continue
		}
		rid := ical.DateTime{}
		if !o.Instance.RecurrenceID.IsZero() && (o.Instance.Override || o.PartStat != d.a.Master) {
			if series == nil {
				if series, err = made.Series(); err != nil {
					return nil, err
				}
			}
			rid = series.RID(o.Instance.RecurrenceID)
			dates[rid] = i
		}
		told[rid] = true
	}
	answered.Comment = func(rid ical.DateTime) string {
		i, single := dates[rid]
		switch {
		case single:
			return d.a.CommentOn(i, d.p, d.said)
		case told[rid]:
			return d.a.Comment(d.p, d.said)
		}
		return ""
	}
	return answered, nil
}
