package delegation

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// A Level is how much a delegate may do. The zero value is no right.
type Level uint8

// The levels, ascending.
const (
	LevelNone Level = iota
	LevelRead
	LevelWrite
)

func (l Level) String() string {
	switch l {
	case LevelNone:
		return "none"
	case LevelRead:
		return "read"
	case LevelWrite:
		return "write"
	}
	return fmt.Sprintf("level %d", uint8(l))
}

// MarshalText writes a level as "none", "read" or "write".
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads what MarshalText wrote. Errors: ErrLevel.
func (l *Level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "none":
		*l = LevelNone
	case "read":
		*l = LevelRead
	case "write":
		*l = LevelWrite
	default:
		return fmt.Errorf("%w: %q", ErrLevel, text)
	}
	return nil
}

// A Kind is what a principal is.
type Kind uint8

// The kinds of principals.
const (
	User Kind = iota + 1
	Group
	Location
	Resource
)

var kindNames = [...]string{User: "user", Group: "group", Location: "location", Resource: "resource"}

func (k Kind) String() string {
	if k < User || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// MarshalText writes the name of a kind.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote. Errors: ErrInvalid.
func (k *Kind) UnmarshalText(text []byte) error {
	i := slices.Index(kindNames[:], string(text))
	if i < int(User) {
		return fmt.Errorf("%w: kind %q", ErrInvalid, text)
	}
	*k = Kind(i)
	return nil
}

// A Principal is what a change needs to know of one.
type Principal struct {
	GUID      string
	Kind      Kind
	Calendars bool // has a calendar home
}

// A Notify says who is told of what reaches the delegator.
type Notify uint8

// How a delegate is told.
const (
	NotifyNone Notify = iota
	NotifyInbox
	NotifyMail
)

var notifyNames = [...]string{NotifyNone: "none", NotifyInbox: "inbox", NotifyMail: "mail"}

// MarshalText writes the name: none, inbox or mail.
func (n Notify) MarshalText() ([]byte, error) {
	if int(n) >= len(notifyNames) {
		return nil, fmt.Errorf("%w: notify %d", ErrInvalid, n)
	}
	return []byte(notifyNames[n]), nil
}

// UnmarshalText reads what MarshalText wrote. Errors: ErrInvalid.
func (n *Notify) UnmarshalText(text []byte) error {
	i := slices.Index(notifyNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%w: notify %q", ErrInvalid, text)
	}
	*n = Notify(i)
	return nil
}

// A Scope is the calendars that a delegation is about. The zero value is none.
type Scope struct {
	All         bool     `json:"all,omitempty"`
	Collections []uint32 `json:"collections,omitempty"` // ids of the store, ascending; not used with All
}

// Covers reports whether a collection is in the scope.
func (s Scope) Covers(collection uint32) bool {
	return s.All || slices.Contains(s.Collections, collection)
}

// union returns the scope of what is in s or o.
func (s Scope) union(o Scope) Scope {
	if s.All || o.All {
		return Scope{All: true}
	}
	return normalScope(slices.Concat(s.Collections, o.Collections))
}

// within reports whether everything in s is in o.
func (s Scope) within(o Scope) bool {
	if s.All {
		return o.All
	}
	return !slices.ContainsFunc(s.Collections, func(c uint32) bool { return !o.Covers(c) })
}

func (s Scope) equal(o Scope) bool {
	return s.All == o.All && slices.Equal(s.Collections, o.Collections)
}

// normalScope sorts ids and drops repetitions.
func normalScope(ids []uint32) Scope {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return Scope{Collections: slices.Compact(ids)}
}

// Limits are what narrows or widens a delegation beside its level. They survive
// a change of the level.
type Limits struct {
	NoSchedule bool      `json:"noSchedule,omitempty"` // write: only events without attendees; no outbox
	Scope      Scope     `json:"scope"`
	SeePrivate bool      `json:"seePrivate,omitempty"` // private and confidential events
	Manage     bool      `json:"manage,omitempty"`     // a deputy: may change the delegator's list
	Substitute bool      `json:"substitute,omitempty"` // may name a stand-in
	Approve    bool      `json:"approve,omitempty"`    // write: gets a location's or resource's requests and may answer them
	Notify     Notify    `json:"notify"`
	From       time.Time `json:"from,omitzero"` // in force for From ≤ now < Until, in seconds; zero: no limit
	Until      time.Time `json:"until,omitzero"`
	Note       string    `json:"note,omitempty"` // at most MaxNote bytes
}

// PlainLimits are those of a delegate who is only named: everything, without
// private events and without an end. Who may write to a room approves as well.
func PlainLimits(delegator Kind) Limits {
	return Limits{Scope: Scope{All: true}, Notify: NotifyInbox, Approve: delegator == Location || delegator == Resource}
}

func (l Limits) equal(o Limits) bool {
	same := l.Scope.equal(o.Scope) && l.From.Equal(o.From) && l.Until.Equal(o.Until)
	l.Scope, o.Scope = Scope{}, Scope{}
	l.From, l.Until, o.From, o.Until = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && l.flags() == o.flags() && l.Notify == o.Notify && l.Note == o.Note
}

// A Record is one delegation: Delegate acts for Delegator. There is one of each
// delegator and delegate in the database.
type Record struct {
	ID        uint64 `json:"id"` // never used again; 0: not of the database
	Delegator string `json:"delegator"`
	Delegate  string `json:"delegate"`
	Kind      Kind   `json:"kind"` // of the delegate: User or Group
	Level     Level  `json:"level"`
	Limits
	CreatedBy string    `json:"createdBy"`
	CreatedAt time.Time `json:"createdAt"`
	Via       string    `json:"via"` // command, page, import, or the client's User-Agent

	// Attribute names the directory's attribute from which the record comes,
	// "" if it is of the database. Such a record is never stored.
	Attribute string `json:"attribute,omitempty"`
}

// A StandIn lets StandIn do what Delegate may do for others, for some time.
type StandIn struct {
	ID            uint64    `json:"id"`
	Delegate      string    `json:"delegate"`
	StandIn       string    `json:"standIn"`
	From          time.Time `json:"from"` // zero: at once
	Until         time.Time `json:"until"`
	For           []string  `json:"for,omitempty"`           // delegators, ascending; none: all
	Administrator bool      `json:"administrator,omitempty"` // set by one: the delegate needs no Substitute
	Note          string    `json:"note,omitempty"`
	CreatedBy     string    `json:"createdBy"`
	CreatedAt     time.Time `json:"createdAt"`
	Via           string    `json:"via"`
}

// Attributes of the directory that name delegates of locations and resources.
const (
	AttributeOwners = "owners"
	AttributeWrite  = "write-delegates"
	AttributeRead   = "read-delegates"
)

// FromDirectory returns the record that an attribute of the delegator's own
// record in the directory stands for.
func FromDirectory(attribute string, delegator, delegate Principal) Record {
	r := Record{Delegator: delegator.GUID, Delegate: delegate.GUID, Kind: delegate.Kind, Level: LevelWrite,
		Limits: PlainLimits(delegator.Kind), Attribute: attribute}
	switch attribute {
	case AttributeOwners:
		r.Manage, r.Approve = true, true
	case AttributeRead:
		r.Level = LevelRead
	}
	return r
}

// inForce reports whether now lies between two limits.
func inForce(from, until, now time.Time) bool {
	return (from.IsZero() || !now.Before(from)) && !ended(until, now)
}

func ended(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

// InForce reports whether the record gives rights at now.
func (r *Record) InForce(now time.Time) bool { return inForce(r.From, r.Until, now) }

// Ended reports whether the record has no rights any more.
func (r *Record) Ended(now time.Time) bool { return ended(r.Until, now) }

// InForce reports whether the stand-in gives rights at now.
func (s *StandIn) InForce(now time.Time) bool { return inForce(s.From, s.Until, now) }

// covers reports whether the stand-in is for a delegator.
func (s *StandIn) covers(delegator string) bool {
	return delegator != s.StandIn && (len(s.For) == 0 || slices.Contains(s.For, delegator))
}

// MaxNote is the length of the longest note, in bytes; maxText that of other
// texts, which are cut.
const (
	MaxNote = 500
	maxText = 300
)

// validate checks and normalises what anybody may have asked for.
func (r *Record) validate(delegator, delegate Principal) error {
	switch {
	case r.Delegator == "" || r.Delegate == "":
		return ErrUnknownPrincipal
	case r.Delegator == r.Delegate:
		return ErrSelf
	case delegate.Kind != User && delegate.Kind != Group:
		return ErrRoomDelegate
	case delegator.Kind == Group && !delegator.Calendars:
		return ErrNoCalendars
	case r.Level != LevelRead && r.Level != LevelWrite:
		return fmt.Errorf("%w: %v", ErrLevel, r.Level)
	case r.Notify > NotifyMail:
		return fmt.Errorf("%w: notify %d", ErrInvalid, r.Notify)
	case r.Scope.All && len(r.Scope.Collections) > 0:
		return fmt.Errorf("%w: a scope of all and some", ErrInvalid)
	}
	if !r.Scope.All {
		r.Scope = normalScope(r.Scope.Collections)
	}
	r.From, r.Until = seconds(r.From), seconds(r.Until)
	return validTimes(r.From, r.Until, r.Note)
}

func validTimes(from, until time.Time, note string) error {
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		return ErrEndBeforeBegin
	}
	for _, t := range []time.Time{from, until} {
		if !t.IsZero() && (t.Year() < 1970 || t.Year() > 9999) {
			return fmt.Errorf("%w: the year %d", ErrInvalid, t.Year())
		}
	}
	if len(note) > MaxNote {
		return ErrNoteTooLong
	}
	return nil
}

// seconds cuts a time to the second, in UTC: what is stored.
func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.Unix(t.Unix(), 0).UTC()
}

// validate checks and normalises a stand-in.
func (s *StandIn) validate() error {
	switch {
	case s.Delegate == "" || s.StandIn == "":
		return ErrUnknownPrincipal
	case s.Delegate == s.StandIn || slices.Contains(s.For, s.StandIn):
		return ErrSelf
	case s.Until.IsZero():
		return fmt.Errorf("%w: a stand-in has an end", ErrInvalid)
	}
	s.For = slices.Clone(s.For)
	slices.Sort(s.For)
	s.For = slices.Compact(s.For)
	s.From, s.Until = seconds(s.From), seconds(s.Until)
	return validTimes(s.From, s.Until, s.Note)
}

// earlier returns the earlier of two ends, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// later returns the later of two begins.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func compareRecords(a, b *Record) int {
	return cmp.Or(cmp.Compare(a.Delegator, b.Delegator), cmp.Compare(a.Delegate, b.Delegate), cmp.Compare(a.Attribute, b.Attribute))
}
