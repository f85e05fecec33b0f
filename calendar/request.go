package calendar

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// The kinds of store.Matter that are kept: about bookings of rooms, and what somebody did
// in the calendars of another.
const (
	matterOpen     = 'a' // a request that waits for approval
	matterAnswered = 'b' // one that does not any more
	matterCheckIn  = 'c' // somebody has checked in for a date
	matterReleased = 'd' // a date was released once
	matterMissed   = 'e' // how often in a row nobody has checked in for a series
	matterGone     = 'f' // since when somebody with bookings has been gone from the directory
	matterActed    = 'g' // what somebody else did last with an object: an Act
)

// keepAnswered is how long it is known who answered a request.
const keepAnswered = 90 * 24 * time.Hour

// A Request is a booking that waits for approval, or did.
type Request struct {
	ID   store.QueueID // of all requests
	Room string        // GUID
	rooms.Approval
}

// ErrNoRequest says that there is no request of that number.
var ErrNoRequest = errors.New("no such request")

// An AnsweredError says that a request waits no more: the first answer counts.
type AnsweredError struct{ *Request }

// Error says who answered when.
func (e *AnsweredError) Error() string {
	s := fmt.Sprintf("request %s: %s at %s", e.ID, e.State, instant(e.At))
	if e.Name != "" {
		s += " by " + e.Name
	}
	return s
}

func revKey(r store.Rev) []byte { return binary.BigEndian.AppendUint64(nil, uint64(r)) }

// requestOf reads the request of a matter.
func (tx *Tx) requestOf(m *store.Matter) (*Request, error) {
	if len(m.Key) != 8 {
		return nil, fmt.Errorf("request: key %x: %w", m.Key, store.ErrCorrupt)
	}
	a, err := rooms.DecodeApproval(m.Payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", store.ErrCorrupt, err)
	}
	home, err := tx.HomeByID(m.Home)
	if err != nil {
		return nil, err
	}
	return &Request{ID: store.QueueID{Home: m.Home, Rev: store.Rev(binary.BigEndian.Uint64(m.Key))}, Room: home.Owner, Approval: *a}, nil
}

// Requests yields the open requests of a room's home, oldest first.
func (tx *Tx) Requests(home store.HomeID) iter.Seq2[*Request, error] {
	return func(yield func(*Request, error) bool) {
		for m, err := range tx.Matters(home, matterOpen) {
			var r *Request
			if err == nil {
				r, err = tx.requestOf(m)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// AllRequests yields the open requests of all rooms.
func (tx *Tx) AllRequests() iter.Seq2[*Request, error] {
	return func(yield func(*Request, error) bool) {
		for m, err := range tx.DueMatters(time.Unix(forever, 0), matterOpen) {
			var r *Request
			if err == nil {
				r, err = tx.requestOf(m)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// Request finds a request. Errors: ErrNoRequest; *AnsweredError, with the request.
func (tx *Tx) Request(id store.QueueID) (*Request, error) {
	for _, kind := range []byte{matterOpen, matterAnswered} {
		m, err := tx.Matter(id.Home, kind, revKey(id.Rev))
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		r, err := tx.requestOf(m)
		if err == nil && kind == matterAnswered {
			err = &AnsweredError{r}
		}
		return r, err
	}
	return nil, fmt.Errorf("%s: %w", id, ErrNoRequest)
}

// openRequest is the open one about a meeting, nil if there is none.
func (tx *Tx) openRequest(home store.HomeID, uid string) (*Request, error) {
	for r, err := range tx.Requests(home) {
		if err != nil || r.UID == uid {
			return r, err
		}
	}
	return nil, nil
}

// keep writes a request.
func (tx *Tx) keep(r *Request) error {
	m := &store.Matter{Home: r.ID.Home, Kind: matterOpen, Key: revKey(r.ID.Rev), Due: time.Unix(r.Next(), 0)}
	if r.State != rooms.Open {
		m.Kind, m.Due = matterAnswered, time.Unix(r.At, 0).Add(keepAnswered)
	}
	var err error
	if m.Payload, err = r.Encode(); err != nil {
		return err
	}
	return tx.SetMatter(m)
}

// closeRequest notes what became of an open request, and by whom: who works in this
// transaction.
func (tx *Tx) closeRequest(r *Request, state rooms.ApprovalState) error {
	if err := tx.DropMatter(&store.Matter{Home: r.ID.Home, Kind: matterOpen, Key: revKey(r.ID.Rev)}); err != nil {
		return err
	}
	r.State, r.By, r.Name, r.At = state, tx.by.Who, tx.by.Name, tx.Now().Unix()
	return tx.keep(r)
}

// makeRequest asks somebody to approve what a room has just answered, in the
// transaction of that answer.
func (tx *Tx) makeRequest(home *store.Home, d *booking, waits []policy.Date) error {
	rev, err := tx.TakeRev(home.ID)
	if err != nil {
		return err
	}
	now := tx.Now().Unix()
	a := rooms.Approval{
		UID: d.i.Copy.UID, Booker: d.i.Organizer.GUID, Actor: tx.by.Who, Held: d.a.Holds(),
		Created: now, Expires: d.said.Expires, Remind: d.p.RemindAt(now, d.said.Expires), State: rooms.Open,
	}
	for _, code := range d.a.Against() {
		a.Against = append(a.Against, string(code))
	}
	r := &Request{ID: store.QueueID{Home: home.ID, Rev: rev}, Room: home.Owner, Approval: a}
	r.waits(waits)
	if err := tx.keep(r); err != nil {
		return err
	}
	return tx.mailApprovers(r, d.i.Copy, d.i.Organizer, d.said, false)
}

// waits notes which dates wait.
func (r *Request) waits(dates []policy.Date) {
	r.Start, r.End, r.Dates = dates[0].Start, dates[0].End, len(dates)
}

// A waiting is the dates of one meeting that waited for a room's approval before a
// change, and that do after it.
type waiting struct {
	*keeper
	uid      string
	was, now []policy.Date
	accepted bool // some date that waited is accepted now
}

// waits are the dates of a copy that wait for approval.
func (k *keeper) waits(t *taken, until int64) ([]policy.Date, error) {
	if t == nil || !policy.Asks(t.object, roomAddresses(k.home.Owner)) {
		return nil, nil
	}
	all, err := k.dates(t, until)
	var out []policy.Date
	for _, d := range all {
		if d.Stat == policy.Held {
			out = append(out, d)
		}
	}
	return out, err
}

// dates are those of a copy to which the room is invited.
func (k *keeper) dates(t *taken, until int64) ([]policy.Date, error) {
	return policy.DatesOf(t.object, roomAddresses(k.home.Owner), k.policy.Zone, min(until, k.horizon()))
}

// requests brings the requests for approval in line with a change of rooms' copies:
// what asks anew is a request, and what does not wait any more is none.
func (t *toll) requests() error {
	for _, w := range t.waiting() {
		if err := t.request(w); err != nil {
			return err
		}
	}
	return nil
}

// waiting are the meetings of which something waited, or does.
func (t *toll) waiting() (list []*waiting) {
	of := func(s *tolled, uid string) *waiting {
		for _, w := range list {
			if w.home.ID == s.home.ID && w.uid == uid {
				return w
			}
		}
		list = append(list, &waiting{keeper: s.keeper, uid: uid})
		return list[len(list)-1]
	}
	for i := range t.stays {
		s := &t.stays[i]
		if len(s.waited) > 0 {
			w := of(s, s.uid)
			w.was = append(w.was, s.waited...)
		}
		if len(s.waits) > 0 {
			w := of(s, s.is.uid())
			w.now = append(w.now, s.waits...)
		}
	}
	for _, w := range list {
		for i := range t.stays {
			s := &t.stays[i]
			w.accepted = w.accepted || s.home.ID == w.home.ID && s.is.uid() == w.uid && s.is.has(w.was)
		}
	}
	return list
}

// request is requests for one meeting.
func (t *toll) request(w *waiting) error {
	open, err := t.tx.openRequest(w.home.ID, w.uid)
	if err != nil {
		return err
	}
	d := t.tx.decided[decided{w.home.Owner, w.uid}]
	asks := d != nil && d.a.Pending && len(w.now) > 0
	switch {
	case asks && open != nil && open.sameAs(d, w):
		return nil // asked again for what is asked for
	case asks && open != nil:
		if err := t.tx.closeRequest(open, rooms.Replaced); err != nil {
			return err
		}
		return t.tx.makeRequest(w.home, d, w.now)
	case asks:
		return t.tx.makeRequest(w.home, d, w.now)
	case open == nil:
		return nil
	case len(w.now) == 0:
		return t.tx.closeRequest(open, t.became(w))
	}
	open.waits(w.now)
	return t.tx.keep(open)
}

// sameAs reports whether a request is for what a room has been asked for now.
func (r *Request) sameAs(d *booking, w *waiting) bool {
	against := slices.EqualFunc(r.Against, d.a.Against(), func(a string, b policy.Code) bool { return a == string(b) })
	return against && slices.EqualFunc(w.was, w.now, func(a, b policy.Date) bool { return a.Span == b.Span && a.ID == b.ID })
}

// became says what it means that nothing of a meeting waits any more: who changed the
// room's own copy has answered, and who changed the meeting wants something else.
func (t *toll) became(w *waiting) rooms.ApprovalState {
	switch {
	case t.delivered:
		return rooms.Withdrawn
	case w.accepted:
		return rooms.Approved
	}
	return rooms.Denied
}

// dateKey is the key of what is kept of one date of a meeting.
func dateKey(uid string, date int64) []byte {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte(uid), uint64(date)))
	return sum[:]
}
