package calendar

import (
	"errors"
	"fmt"
	"slices"

	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// ErrNoBooking says that a room has no booking that is meant.
var ErrNoBooking = errors.New("no such booking")

// A RoomAnswer is another answer to dates that a room has answered before: what
// somebody decides for the room, or what follows from time alone. The organizer is told
// as of any attendee's answer, in the same transaction.
type RoomAnswer struct {
	UID   string
	From  []policy.PartStat // only dates that have one of these answers
	Dates []int64           // these alone, as policy.Booking.ID; nil: all
	Since int64             // only dates that begin at this moment or later, in Unix seconds
	To    policy.PartStat
	Text  string // what the organizer is told
}

// keeperOf is the keeper of a room's ledger. Errors: ErrNoBooking, nobody knows the
// room any more.
func (tx *Tx) keeperOf(home *store.Home) (*keeper, error) {
	room, err := tx.room(home)
	if err != nil {
		return nil, err
	}
	if room == nil {
		return nil, fmt.Errorf("%s: the directory does not know this room: %w", home.Owner, ErrNoBooking)
	}
	l, err := tx.ledger(home, room.Policy)
	if err != nil {
		return nil, err
	}
	return &keeper{tx: tx, home: home, ledger: l, policy: room.Policy, label: room.Name}, nil
}

// AnswerForRoom gives another answer, and returns the dates that have it now. Errors:
// ErrNoBooking; *ConflictError, the room has no time any more.
func (tx *Tx) AnswerForRoom(home *store.Home, a *RoomAnswer) ([]policy.Date, error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return nil, err
	}
	col, e, err := tx.holder(home, a.UID)
	if err != nil {
		return nil, err
	}
	if e == nil {
		return nil, fmt.Errorf("%s: %w", a.UID, ErrNoBooking)
	}
	o, err := tx.stored(col, e)
	if err != nil {
		return nil, err
	}
	dates, err := k.dates(&taken{object: o}, k.horizon())
	if err != nil {
		return nil, err
	}
	before := slices.DeleteFunc(slices.Clone(dates), func(d policy.Date) bool { return d.Start >= a.Since || !slices.Contains(a.From, d.Stat) })
	dates = slices.DeleteFunc(dates, func(d policy.Date) bool { return !a.means(&d) })
	if len(dates) == 0 {
		return nil, fmt.Errorf("%s: %w", a.UID, ErrNoBooking)
	}
	before = before[max(len(before)-k.policy.MaxOverrides, 0):]
	answered, err := a.write(o, before, dates, roomAddresses(home.Owner))
	if err != nil {
		return nil, err
	}
	data, err := dataOf(answered)
	if err != nil {
		return nil, err
	}
	tx.saying = func(ical.DateTime) string { return a.Text }
	_, err = tx.Put(col, e.Name, data)
	tx.saying = nil
	return dates, err
}

func (a *RoomAnswer) means(d *policy.Date) bool {
	return d.Start >= a.Since && slices.Contains(a.From, d.Stat) && (a.Dates == nil || slices.Contains(a.Dates, d.ID))
}

// write returns the room's copy with the answer. Where it is that of single dates, these
// get components of their own; where it is that of all later ones, those before do.
func (a *RoomAnswer) write(o *ical.Object, before, dates []policy.Date, addresses []string) (*ical.Object, error) {
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	for i := range before {
		if _, err := d.EditEffective(before[i].RID); err != nil {
			return nil, err
		}
	}
	if a.Dates == nil { // each component that is meant, with the dates behind the horizon too
		for _, rid := range d.RIDs() {
			c := d.At(rid)
			if slices.ContainsFunc(dates, func(date policy.Date) bool { return date.Component == c }) {
				a.mark(d.Edit(rid), addresses)
			}
		}
		return d.Object()
	}
	for i := range dates {
		c, err := d.EditEffective(dates[i].RID)
		if err != nil {
			return nil, err
		}
		if c == nil {
			return nil, fmt.Errorf("%s at %s: %w", a.UID, instant(dates[i].Start), ErrNoBooking)
		}
		a.mark(c, addresses)
	}
	return d.Object()
}

// mark sets the answer on the room's lines of a component.
func (a *RoomAnswer) mark(c *ical.Component, addresses []string) {
	for i := range c.Props {
		if p := &c.Props[i]; p.Name == "ATTENDEE" && slices.Contains(addresses, p.Address()) {
			p.SetParam("PARTSTAT", string(a.To))
			p.RemoveParam("RSVP")
		}
	}
	transp := "TRANSPARENT"
	if a.To == policy.Accepted {
		transp = "OPAQUE"
	}
	c.SetValue("TRANSP", transp)
}

// speech is how the organizer of a meeting is told of something by a room.
func (tx *Tx) speech(home *store.Home, organizer string, first int64) (*policy.Speech, error) {
	if _, err := tx.keeperOf(home); err != nil {
		return nil, err
	}
	party := &scheduling.Party{GUID: organizer, Address: scheduling.CanonicalAddress(organizer)}
	f, err := tx.sender.Rooms.Facts(home.Owner, party, "")
	if err != nil {
		return nil, err
	}
	return tx.sender.Rooms.Speech(home.Owner, party, f, first)
}

// tells is the text of an event about a booking.
func (tx *Tx) tells(home *store.Home, organizer string, first int64, e policy.Event) (string, error) {
	s, err := tx.speech(home, organizer, first)
	if err != nil {
		return "", err
	}
	return e.Text(s), nil
}

// ErrNotApprover says that somebody may not answer the requests for a room.
var ErrNotApprover = errors.New("may not approve bookings of this room")

// A Verdict is somebody's answer to a request.
type Verdict struct {
	Approve bool
	Dates   []int64 // of these dates alone, as policy.Booking.ID; nil: of all
	By      string  // GUID of who answers; "": an operator, or nobody
	Name    string  // how they are called
	Comment string
}

// AnswerRequest answers a request, and returns it as it is then. Errors: ErrNoRequest;
// *AnsweredError; *ConflictError, the time that it is about was not held and is taken:
// it still waits; ErrNotApprover.
func (tx *Tx) AnswerRequest(id store.QueueID, v *Verdict) (*Request, error) {
	if v.By != "" { // operators may answer all requests
		if err := tx.mayAnswer(id, v.By); err != nil {
			return nil, err
		}
	}
	to, code, state := policy.Declined, policy.CodeDenied, rooms.Denied
	if v.Approve {
		to, code, state = policy.Accepted, policy.CodeApproved, rooms.Approved
	}
	return tx.settleRequest(id, to, policy.Event{Code: code, Who: v.Name, Comment: v.Comment}, state, v)
}

// mayAnswer refuses who is no approver of the room of a request.
func (tx *Tx) mayAnswer(id store.QueueID, guid string) error {
	home, err := tx.HomeByID(id.Home)
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s: %w", id, ErrNoRequest)
	}
	if err != nil {
		return err
	}
	if _, err := tx.keeperOf(home); err != nil {
		return err
	}
	f, err := tx.sender.Rooms.Facts(home.Owner, &scheduling.Party{GUID: guid, Address: scheduling.CanonicalAddress(guid)}, "")
	if err != nil {
		return err
	}
	if !f.Approves() {
		return fmt.Errorf("%s: %w", guid, ErrNotApprover)
	}
	return nil
}

// settleRequest gives the answer to a request, and notes what became of it.
func (tx *Tx) settleRequest(id store.QueueID, to policy.PartStat, e policy.Event, state rooms.ApprovalState, v *Verdict) (*Request, error) {
	r, err := tx.Request(id)
	if err != nil {
		return nil, err
	}
	home, err := tx.HomeByID(id.Home)
	if err != nil {
		return nil, err
	}
	text, err := tx.tells(home, r.Booker, r.Start, e)
	if err != nil {
		return nil, err
	}
	_, err = tx.AnswerForRoom(home, &RoomAnswer{UID: r.UID, From: []policy.PartStat{policy.Held}, Dates: v.Dates, To: to, Text: text})
	if err != nil {
		return nil, err
	}
	now, err := tx.Request(id)
	answered, closed := errors.AsType[*AnsweredError](err)
	if !closed {
		return now, err // some of its dates still wait
	}
	r = answered.Request
	r.State, r.By, r.Name, r.Comment = state, v.By, v.Name, v.Comment
	return r, tx.keep(r)
}

// expire answers a request that nobody has answered in time, as the room is set.
func (tx *Tx) expire(r *Request) error {
	home, err := tx.HomeByID(r.ID.Home)
	if err != nil {
		return err
	}
	room, err := tx.room(home)
	if err != nil {
		return err
	}
	if room == nil { // nobody can be asked for it any more
		return tx.closeRequest(r, rooms.Withdrawn)
	}
	if room.Policy.OnExpiry == policy.Accept {
		err := tx.Savepoint(func() error {
			_, err := tx.settleRequest(r.ID, policy.Accepted, policy.Event{Code: policy.CodeApproved}, rooms.Approved, &Verdict{})
			return err
		})
		if _, taken := errors.AsType[*ConflictError](err); !taken {
			return err
		}
	}
	_, err = tx.settleRequest(r.ID, policy.Declined, policy.Event{Code: policy.CodeExpired, At: r.Expires}, rooms.Expired, &Verdict{})
	if errors.Is(err, ErrNoBooking) {
		return tx.closeRequest(r, rooms.Withdrawn)
	}
	return err
}

// SettleMatter does what is due about a booking: approvers are reminded, a request
// expires, what was kept for a while is forgotten. It is right to call it again, or
// late. Errors: store.ErrNotFound, the home is gone.
func (tx *Tx) SettleMatter(due *store.Matter) error {
	m, err := tx.Matter(due.Home, due.Kind, due.Key)
	if err != nil || m == nil || m.Due.After(tx.Now()) {
		return err
	}
	if m.Kind != matterOpen {
		return tx.DropMatter(m)
	}
	r, err := tx.requestOf(m)
	if err != nil {
		return err
	}
	if r.Expires <= tx.Now().Unix() {
		return tx.expire(r)
	}
	r.Reminded = tx.Now().Unix()
	if err := tx.keep(r); err != nil {
		return err
	}
	return tx.remind(r)
}

// remind mails the approvers of a request again.
func (tx *Tx) remind(r *Request) error {
	home, err := tx.HomeByID(r.ID.Home)
	if err != nil {
		return err
	}
	said, err := tx.speech(home, r.Booker, r.Start)
	if err != nil {
		return err
	}
	col, e, err := tx.holder(home, r.UID)
	if err != nil || e == nil {
		return err
	}
	o, err := tx.stored(col, e)
	if err != nil {
		return err
	}
	booker, err := tx.party(r.Booker)
	if err != nil {
		return err
	}
	return tx.mailApprovers(r, o, booker, said, true)
}
