package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// Rooms knows how rooms and resources are set, and what the directory says of them.
// Errors are those of Parties.
type Rooms interface {
	// Room returns how a room or resource is set; nil: it is none, or gone.
	Room(guid string) (*Room, error)

	// Facts returns what the directory says of a room, of who invites it, and of who
	// does that for them, by GUID; "": they do it themselves.
	Facts(guid string, organizer *scheduling.Party, assistant string) (*policy.Facts, error)

	// Others returns the rooms that might do in place of one, with what the directory
	// says of them and of who would book them, as of Facts; at most MaxOthers.
	Others(guid string, organizer *scheduling.Party, assistant string) ([]Other, error)

	// Pool returns what is called as Room.Name says, and the rooms in it, as of Others.
	Pool(guid string, organizer *scheduling.Party, assistant string) (name string, rooms []Other, err error)

	// Owners returns those who manage a room and have a mail address.
	Owners(guid string) ([]policy.Reader, error)

	// Speech returns how an organizer is told of an answer. first is when the first
	// date begins that was judged.
	Speech(guid string, organizer *scheduling.Party, f *policy.Facts, first int64) (*policy.Speech, error)
}

// MaxOthers is how many rooms are looked at to find one in place of another.
const MaxOthers = 200

// An Other is a room that might do in place of one.
type Other struct {
	Room
	Facts *policy.Facts
}

// A Room is how a room or resource is set.
type Room struct {
	Name   string // "locations/neptune"
	Policy *policy.Policy
}

// ErrDirect says that a room takes events of meetings only, and none that people write
// into its calendars.
var ErrDirect = errors.New("this room is booked by inviting it, and not by writing into its calendar")

// A ConflictError says that a room has no time for what was to be written, or does not
// take it. Nothing was.
type ConflictError struct {
	Room     string // as Room.Name
	From, To time.Time
	Text     string // for people
}

// Error returns the text.
func (e *ConflictError) Error() string { return e.Text }

// IsRoom reports whether a home is a room's or a resource's.
func IsRoom(home *store.Home) bool { return isRoom(home) }

func isRoom(home *store.Home) bool {
	t := directory.Type(home.OwnerType)
	return t == directory.Location || t == directory.Resource
}

// roomAddresses are the addresses of a room in what is stored.
func roomAddresses(guid string) []string { return []string{scheduling.CanonicalAddress(guid)} }

// room is how the owner of a home is set; nil if the transaction does not know.
func (tx *Tx) room(home *store.Home) (*Room, error) {
	if tx.sender == nil || tx.sender.Rooms == nil {
		return nil, nil
	}
	return tx.sender.Rooms.Room(home.Owner)
}

// madeBy says by which settings a ledger was made: with others it is made anew.
func madeBy(p *policy.Policy) string {
	if p.Zone == nil {
		return "UTC"
	}
	return p.Zone.Name()
}

// ledger is that of a room's home. The first transaction that needs it makes it from
// the room's calendars: those of an older version have none, and it counts no more after
// changes of which nobody judged whether the room has time.
func (tx *Tx) ledger(home *store.Home, p *policy.Policy) (*rooms.Ledger, error) {
	l := rooms.Of(tx.Tx.Ledger(), uint32(home.ID))
	made, err := l.Made()
	if err != nil || made == madeBy(p) {
		return l, err
	}
	return l, tx.makeLedger(home, p)
}

// makeLedger makes the ledger of a room anew.
func (tx *Tx) makeLedger(home *store.Home, p *policy.Policy) error {
	l := rooms.Of(tx.Tx.Ledger(), uint32(home.ID))
	if err := l.Clear(); err != nil {
		return err
	}
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return err
	}
	k := keeper{tx: tx, home: home, ledger: l, policy: p}
	for _, col := range cols {
		if err := k.add(col); err != nil {
			return err
		}
	}
	return l.SetMade(madeBy(p))
}

// A keeper brings the ledger of one room up to date with its calendars.
type keeper struct {
	tx     *Tx
	home   *store.Home
	ledger *rooms.Ledger
	policy *policy.Policy
	label  string
}

// add enters all that a collection holds, whether the room has time for it or not.
func (k *keeper) add(col *store.Collection) error {
	if col.Kind != store.KindCalendar {
		return nil
	}
	for e := range k.tx.Entries(col.ID) {
		s := stay{col: col, name: e.Name}
		t, err := k.taken(&s, k.horizon())
		if err == nil && t != nil {
			err = errors.Join(k.ledger.Replace(s.object(), nil, t.rows), k.ledger.SetVerified(s.object(), t.verified))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *keeper) horizon() int64 {
	return k.tx.Now().Add(time.Duration(k.policy.Horizon) * 24 * time.Hour).Unix()
}

// A stay is a place in a room's calendars that a change is about.
type stay struct {
	col  *store.Collection
	name string
	was  []policy.Booking
	now  *ical.Object // what is there after the change, if that is at hand

	// open: the ledger has no note until when it was looked at.
	open bool

	answer *policy.Answer // what the room has said to it in this transaction; nil: nothing
}

func (s *stay) object() rooms.Object { return rooms.Object{Collection: uint32(s.col.ID), Name: s.name} }

// taken is what an object takes of a room.
type taken struct {
	object   *ical.Object
	rows     []policy.Booking
	verified int64 // until when it was looked at; 0: there is no more of it
}

// uid is the UID of what is there, "" if nothing is.
func (t *taken) uid() string {
	if t == nil {
		return ""
	}
	return t.object.UID
}

// has reports whether some of dates are booked.
func (t *taken) has(dates []policy.Date) bool {
	return t != nil && slices.ContainsFunc(t.rows, func(b policy.Booking) bool {
		return b.State == policy.Booked && slices.ContainsFunc(dates, func(d policy.Date) bool { return d.ID == b.ID })
	})
}

// taken reads what is at a place; nil: nothing that could take the room. What begins
// after until is left for later.
func (k *keeper) taken(s *stay, until int64) (*taken, error) {
	e, err := k.tx.Entry(s.col, s.name)
	if err != nil || e == nil || e.Component != store.VEVENT {
		return nil, err
	}
	t := &taken{object: s.now}
	if t.object == nil {
		if t.object, err = k.tx.stored(s.col, e); err != nil {
			return nil, err
		}
	}
	series, err := t.object.Series()
	if err != nil {
		return nil, err
	}
	if _, end, open := series.Span(k.policy.Zone); open || end > until {
		t.verified = until
	}
	t.rows, err = policy.BookingsOf(t.object, roomAddresses(k.home.Owner), k.policy.Zone, until)
	return t, err
}

// verified is until when the object at a place was looked at.
func (k *keeper) verified(s *stay) (int64, error) {
	until, err := k.ledger.Verified(s.object())
	if until == 0 {
		until, s.open = forever, err == nil
	}
	return until, err
}

// forever is after all that has an end.
const forever = 1 << 60

// verify notes until when the object at a place was looked at; 0: all of it was.
func (k *keeper) verify(s *stay, until int64) error {
	if s.open && until == 0 {
		return nil
	}
	s.open = until == 0
	return k.ledger.SetVerified(s.object(), until)
}

// clear takes out of the ledger what a place had.
func (k *keeper) clear(s *stay) error {
	return errors.Join(k.ledger.Replace(s.object(), s.was, nil), k.verify(s, 0))
}

// settle enters what is at a place now, and returns it. Errors: *ConflictError, the
// room has no time for it; ErrDirect.
func (k *keeper) settle(s *stay, until int64) (*taken, error) {
	t, err := k.taken(s, until)
	if err != nil || t == nil {
		return nil, err
	}
	if k.policy.Direct == policy.Nobody && !hasOrganizer(t.object) && !k.tx.by.Administrator {
		return nil, ErrDirect
	}
	if err := k.fit(s, t); err != nil {
		return nil, err
	}
	return t, errors.Join(k.ledger.Replace(s.object(), nil, t.rows), k.verify(s, t.verified))
}

// fit refuses what the room has no time for. What was there before stands, and so does
// what the room has just judged itself.
func (k *keeper) fit(s *stay, t *taken) error {
	var stand, more []policy.Booking
	for _, b := range t.rows {
		was := func(w policy.Booking) bool { return w.Span == b.Span && w.ID == b.ID }
		if slices.ContainsFunc(s.was, was) || s.answer != nil && s.answer.Gave(b.Span) {
			stand = append(stand, b)
		} else {
			more = append(more, b)
		}
	}
	without, taker, err := k.fitAll(t.object, stand, more)
	if err == nil && without != nil {
		err = k.conflict(without, taker)
	}
	return err
}

// maxBlocks is how many blocks may lie over each other.
const maxBlocks = 100

// fitAll is policy.FitAll over the ledger. Times at which the room is closed may
// overlap: closed twice is closed.
func (k *keeper) fitAll(o *ical.Object, stand, more []policy.Booking) (without, taker *policy.Booking, err error) {
	except := []string{o.UID}
	for range maxBlocks {
		without, taker = policy.FitAll(k.policy, k.ledger, stand, more, except)
		if err := k.ledger.Err(); err != nil || without == nil || !isBlock(o) || taker.State != policy.Blocked {
			return without, taker, err
		}
		other, err := k.tx.objectOf(taker)
		if err != nil || other == nil || !isBlock(other) {
			return without, taker, err
		}
		except = append(except, other.UID)
	}
	return without, taker, nil
}

// objectOf is the object that a row of a ledger is of, nil if it is not there.
func (tx *Tx) objectOf(b *policy.Booking) (*ical.Object, error) {
	col, err := tx.CollectionByID(store.CollectionID(b.Collection))
	if err != nil {
		return nil, err
	}
	e, err := tx.Entry(col, b.Object)
	if err != nil || e == nil {
		return nil, err
	}
	return tx.stored(col, e)
}

// blockProperty marks an event that says when a room is closed.
const blockProperty = "X-CONVENE-BLOCK"

// isBlock reports whether an object says when a room is closed.
func isBlock(o *ical.Object) bool {
	return !hasOrganizer(o) && slices.ContainsFunc(o.Calendar.Children, func(c *ical.Component) bool {
		p := c.Prop(blockProperty)
		return p != nil && strings.EqualFold(p.Value, "T")
	})
}

func hasOrganizer(o *ical.Object) bool {
	return slices.ContainsFunc(o.Calendar.Children, func(c *ical.Component) bool { return c.Prop("ORGANIZER") != nil })
}

func (k *keeper) conflict(b, taker *policy.Booking) error {
	e := &ConflictError{Room: k.label, From: time.Unix(b.Start, 0).UTC(), To: time.Unix(b.End, 0).UTC()}
	e.Text = fmt.Sprintf("%s has no time from %s to %s: it is taken from %s to %s", k.label, instant(b.Start), instant(b.End), instant(taker.Start), instant(taker.End))
	return e
}

func instant(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
