package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
)

// A Role is what a calendar object is in the home that holds it (RFC 6638 §3.1).
type Role uint8

const (
	// RoleNone: it has no ORGANIZER, and is nobody else's business.
	RoleNone Role = iota
	// RoleOrganizer: the owner of the home is its ORGANIZER.
	RoleOrganizer
	// RoleAttendee: somebody else is, and the owner is an ATTENDEE.
	RoleAttendee
	// RoleStranger: somebody else is, and the owner is not invited, or said that
	// the server has nothing to do with it.
	RoleStranger
)

// Scheduled reports whether an object with that role is a scheduling object
// resource, and has a Schedule-Tag (RFC 6638 §3.1, §3.2.10).
func (r Role) Scheduled() bool { return r != RoleNone }

// A PartyKind says what is behind an address.
type PartyKind uint8

const (
	// Unknown: the address ought to be one of ours, and is not.
	Unknown PartyKind = iota
	// Unreachable: no way leads there.
	Unreachable
	// External: an address elsewhere that mail can be sent to.
	External
	// Disabled: a record of the directory that has no calendars.
	Disabled
	// Group: a record that stands for its members.
	Group
	// RoomPool and ResourcePool are records that stand for one of their members, which
	// are rooms, or resources.
	RoomPool
	ResourcePool
	// Person, Room and Resource have a home here.
	Person
	Room
	Resource
)

// A Party is whom an address names. It is not changed once it is made, and there
// may be several for one record.
type Party struct {
	// Address is "urn:x-uid:GUID" for a record of the directory; otherwise what was
	// asked for.
	Address string
	GUID    string // of the record; "" if there is none
	Kind    PartyKind

	CN     string   // the full name; "" if there is none
	Emails []string // mail addresses without "mailto:", the preferred one first

	// Language is the one in which they read, a tag of RFC 5646; "": not known.
	Language string

	// Former are mail addresses with which this party stood in the home that it owns
	// before it got another.
	Former []string

	// Members are the GUIDs of those in a group, also through other groups, in
	// order. The group is not among them.
	Members []string

	// Policy answers invitations in the place of a human; nil: a human does.
	Policy Policy

	// Chooser picks a member of a pool; nil: nobody does.
	Chooser Chooser

	// Street and Geo say where a room is, for X-APPLE-STRUCTURED-LOCATION: an
	// address, and "latitude,longitude". "": not known.
	Street, Geo string
}

// isPool reports whether the party stands for one of several rooms or resources.
func (p *Party) isPool() bool { return p.Kind == RoomPool || p.Kind == ResourcePool }

// Hosted reports whether the party is a record of the directory, and so has a
// canonical address.
func (p *Party) Hosted() bool { return p.GUID != "" }

// Local reports whether the party has a home here that messages are put into.
func (p *Party) Local() bool { return p.GUID != "" && p.Kind >= Person }

// A Policy is how a room or resource answers.
type Policy interface {
	// Answer returns the party's copy of a meeting with its answers in it. It changes
	// nothing.
	Answer(*Invitation) (*Answered, error)

	// Manual reports whether a human answers what an organizer sends to the party, and
	// so is told when it is cancelled.
	Manual(organizer *Party) (bool, error)
}

// An Invitation is a meeting as it comes to a party for whom a Policy answers.
type Invitation struct {
	Copy      *ical.Object // what the party is to have; what it has answered before stands in it
	Old       *ical.Object // what it has; nil: nothing
	Organizer *Party
	Again     bool // the organizer wants a new answer (RFC 6638 §7.2)
	Now       time.Time

	// Busy returns when the party is taken by other objects.
	Busy func(from, to int64) ([]ical.BusyPeriod, error)
}

// Answered is what a Policy makes of an invitation.
type Answered struct {
	Copy  *ical.Object // with the answers
	Inbox bool         // a human is left something to answer

	// RIDs are the components of Copy with a new answer, of which the organizer is
	// told; none: they are told nothing.
	RIDs map[ical.DateTime]bool

	// Comment returns what the organizer is told of one of these in words; nil:
	// nothing, of any.
	Comment func(rid ical.DateTime) string
}

// A Chooser picks the room or resource that is booked when a pool of them is invited.
type Chooser interface {
	// Choose changes nothing.
	Choose(*Wanted) (*Choice, error)
}

// Wanted is a meeting to which a pool is invited.
type Wanted struct {
	Object    *ical.Object
	Old       *ical.Object // as it was, if what was answered then may stand; nil: nothing does
	Was       string       // the GUID of the room that stood for the pool; "": none did
	Others    []string     // the GUIDs of all others who are invited
	Organizer *Party
}

// A Choice is what stands for a pool.
type Choice struct {
	Room    string // its GUID; "": none will do
	Stands  bool   // it is as it was
	Comment string // what the organizer is told if none will do
}

// A World is what scheduling reads: the homes, and what was learned about
// addresses before. Objects it returns are not changed by anybody.
type World interface {
	// Copy returns the object with a UID in a home, wherever it lies there; nil if
	// there is none.
	Copy(guid, uid string) (*ical.Object, error)

	// Party returns whom an address names; never nil. The error is a *NeedError if
	// nobody has asked the directory about it yet.
	Party(address string) (*Party, error)

	// Busy returns when a party is taken by other objects than that of a UID.
	Busy(guid string, from, to int64, exceptUID string) ([]ical.BusyPeriod, error)
}

// Parties are whom addresses name, by Normalize of each. A World is built upon
// them.
type Parties map[string]*Party

// Party implements that method of World.
func (p Parties) Party(address string) (*Party, error) {
	if party := p[Normalize(address)]; party != nil {
		return party, nil
	}
	return nil, &NeedError{[]string{address}}
}

// A NeedError says that the directory must be asked first: what failed is to be
// tried again when that is done.
type NeedError struct {
	Addresses []string
}

// Error names the addresses.
func (e *NeedError) Error() string {
	return fmt.Sprintf("not looked up yet: %s", strings.Join(e.Addresses, ", "))
}

// A Change is what somebody wants to do to one object of a home.
type Change struct {
	Owner  *Party // of the home
	Caller *Party // who signed in; nil: the owner

	// Old is what is stored, New what is to be; nil: nothing.
	Old, New *ical.Object

	// Merge: the client has not seen what others answered since it read the object,
	// and has proven that it has seen all else (RFC 6638 §3.2.10).
	Merge bool

	// Silent: the owner wants no reply to be sent when they remove the object
	// (Schedule-Reply: F, RFC 6638 §8.1).
	Silent bool

	// Regroup: since the object was stored, somebody has joined or left a group in it.
	Regroup bool

	// FixTransp: the client is one that leaves TRANSP as it was when it answers.
	FixTransp bool

	// Comment returns what an attendee's reply says in words about a component; nil:
	// nothing.
	Comment func(rid ical.DateTime) string

	// MayNot is the error if the change would send a message; nil: it may.
	MayNot error

	Now     time.Time
	Options *Options // nil: DefaultOptions
}

// An Outcome is what becomes of the object of a Change.
type Outcome uint8

const (
	// Stored: Plan.Store is to be there.
	Stored Outcome = iota
	// Discarded: nothing is written, and the client is told that all is well.
	Discarded
	// Deleted: the object is to be removed.
	Deleted
)

// A TagRule says what happens to the Schedule-Tag of a copy (RFC 6638 §3.2.10).
type TagRule uint8

const (
	// TagNone: the object is none that has one.
	TagNone TagRule = iota
	// TagKeep: others' answers are all that changed.
	TagKeep
	// TagNew: a client that has not seen the change must not overwrite it.
	TagNew
)

// A Plan is what a Change asks for.
type Plan struct {
	Role    Role // of what is to be stored; of what was there, if nothing is
	Owner   *Party
	UID     string
	Outcome Outcome
	Tag     TagRule

	// Store is what the owner's home is to hold, but for Statuses; nil unless
	// Outcome is Stored. It is Change.New if nothing was changed in it.
	Store *ical.Object

	// Statuses are SCHEDULE-STATUS values that are known without delivery, by
	// canonical address: of ATTENDEEs for the organizer, of the ORGANIZER for an
	// attendee. Converse adds those of delivery, and WithStatuses writes them.
	Statuses map[string]string

	// Messages are in the order of delivery: cancels before requests. To of each is
	// in order of GUID, then of address.
	Messages []Message

	// Answers are those of pools that have no room to give.
	Answers []*Message

	// Claimed is the SENT-BY of somebody who neither made the change nor the one before
	// it, which the client said; "": it said none such. It is not stored.
	Claimed string

	Now time.Time
}

// A Method is that of an iTIP message (RFC 5546 §1.4).
type Method string

// The methods that are sent.
const (
	Request Method = "REQUEST"
	Reply   Method = "REPLY"
	Cancel  Method = "CANCEL"
)

// A Cause says why a message is sent.
type Cause uint8

const (
	// Direct: because of what the sender did.
	Direct Cause = iota
	// Forced: the client asked for it (RFC 6638 §7.2).
	Forced
	// Refresh: because somebody else answered.
	Refresh
)

// A Message is one iTIP message, for all recipients that get the same.
type Message struct {
	Method Method
	From   *Party
	SentBy *Party // who sends it in the name of From; nil: From, or nobody is to know
	To     []*Party
	Cause  Cause

	// Data is what the message says, without its METHOD: see Body.
	Data *ical.Object

	// Reset says whose PARTSTAT starts anew in which instances. It is about the
	// recipients and others.
	Reset Resets

	// Changed says what is different from the message before it.
	Changed Changes

	// about is what of the organizer's meeting a REQUEST says; nil: of others.
	about *class
}

// Body returns the message as it is put into an inbox or mailed: Data with METHOD, and
// who has sent it in the name of whom (RFC 5545 §3.2.18).
func (m *Message) Body() *ical.Component {
	cal := *m.Data.Calendar
	cal.Children = slices.Clone(cal.Children)
	for i, c := range cal.Children {
		if c.Name != m.Data.Kind {
			continue
		}
		if m.SentBy != nil {
			c = signed(c, m.senderLine(c), m.SentBy)
		}
		if m.Method == Request {
			c = completed(c)
		}
		cal.Children[i] = c
	}
	cal.Props = make([]ical.Property, 0, len(m.Data.Calendar.Props)+1)
	cal.Props = append(cal.Props, m.Data.Calendar.Props...)
	cal.Add(ical.NewProperty("METHOD", string(m.Method)))
	return &cal
}

// completed is a component of a REQUEST with what each of these has, and what is stored need
// not have (RFC 5546 §3.2.2, §3.4.2): a SUMMARY, if it says nothing; of tasks a PRIORITY, if it
// is none, which is 0.
func completed(c *ical.Component) *ical.Component {
	n := *c
	n.Props = slices.Clip(n.Props)
	if c.Prop("SUMMARY") == nil {
		n.Add(ical.NewProperty("SUMMARY", ""))
	}
	if c.Name == "VTODO" && c.Prop("PRIORITY") == nil {
		n.Add(ical.NewProperty("PRIORITY", "0"))
	}
	if len(n.Props) == len(c.Props) {
		return c
	}
	return &n
}

// Resets says whose PARTSTAT starts anew, by instance. The zero value is nobody.
type Resets struct {
	All  bool // everybody, in all instances
	rids map[ical.DateTime]*reset
}

// A reset is of one instance: of everybody, or of some canonical addresses.
type reset struct {
	all bool
	who map[string]bool
}

// Add takes an instance in; without addresses, everybody in it.
func (r *Resets) Add(rid ical.DateTime, addresses ...string) {
	if r.rids == nil {
		r.rids = map[ical.DateTime]*reset{}
	}
	at := r.rids[rid]
	if at == nil {
		at = &reset{who: map[string]bool{}}
		r.rids[rid] = at
	}
	at.all = at.all || len(addresses) == 0
	for _, address := range addresses {
		at.who[address] = true
	}
}

// Has reports whether the PARTSTAT of a canonical address starts anew in an
// instance.
func (r *Resets) Has(rid ical.DateTime, address string) bool {
	at := r.rids[rid]
	return r.All || at != nil && (at.all || at.who[address])
}

// Changes says what changed: of each instance the names of properties, and of each
// of these the names of parameters, in order. A property without parameters in the
// list has another value, or came or went.
type Changes map[ical.DateTime]map[string][]string

// A Receipt is what a message does to one copy.
type Receipt struct {
	// Store is the new copy; nil if there is none to be.
	Store  *ical.Object
	Delete bool // the copy is to be removed
	Same   bool // nothing is to be written
	Tag    TagRule

	// Aside: what was stored is no copy of this object, but has its UID by chance. It
	// is to be kept under another UID.
	Aside bool

	Inbox   bool    // the recipient is told
	Action  Action  // what they are told, if anything
	Changes Changes // in which instances

	Answer *Message // the reply of one whose Policy answers; nil: none
	Status string   // for SCHEDULE-STATUS: "1.2"
}

// Writes is all that is to be written for a Plan, in order. Whoever carries them
// out gives names and revisions, and minds quotas.
type Writes struct {
	Copies []CopyWrite // in others' homes
	Inbox  []InboxWrite
	Mail   []Message

	// Own is what the owner's home is to hold in the end, with statuses and answers;
	// nil as for Plan.Store.
	Own     *ical.Object
	Outcome Outcome
	Tag     TagRule

	// Statuses are those of Plan and of delivery, as far as that is known, by address.
	Statuses map[string]string
}

// A CopyWrite is the new copy of an object in a home.
type CopyWrite struct {
	To    *Party
	UID   string
	Store *ical.Object // nil: the copy is removed
	Tag   TagRule
	Aside bool // see Receipt
}

// An InboxWrite is a new message in an inbox.
type InboxWrite struct {
	To      *Party
	Message *Message
	Action  Action
	Changes Changes
}
