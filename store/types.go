package store

import (
	"math"
	"slices"
	"time"
)

type (
	// A GUID is the directory's identifier of a principal: what a home belongs
	// to. It is opaque here and compared byte for byte.
	GUID = string

	// A HomeID numbers a calendar home. Numbers are never used again.
	HomeID uint32

	// A CollectionID numbers a collection, over all homes. Numbers are never
	// used again, and a collection keeps its number when it is renamed or moved.
	CollectionID uint32

	// A Rev is a moment in the history of a home: every change in it gets the
	// next one. With the number of what it is of, and the Epoch, it serves as
	// ETag of an object, as ctag and sync position of a collection and of a
	// home. 0 is before everything.
	Rev uint64

	// An Epoch is a time in which the history of the store goes on without a
	// break. A store that was restored from a copy has another one: what it
	// numbers from then on is not what those numbers meant before. It is random
	// and never 0.
	Epoch uint32
)

// A Kind says what a collection is for.
type Kind uint8

const (
	KindCalendar     Kind = iota + 1 // RFC 4791 §4.2
	KindCollection                   // regular: holds files of any kind, without index
	KindInbox                        // RFC 6638 §2.2
	KindOutbox                       // RFC 6638 §2.1
	KindNotification                 // caldav-notifications
	KindDropbox                      // caldav-dropbox
	KindFreeBusyURL                  // freebusy-url
)

// A Component is a set of iCalendar component types. As the type of one object
// it has one bit; as what a collection takes it may have many, and 0 is all.
type Component uint8

const (
	VEVENT Component = 1 << iota
	VTODO
	VJOURNAL
	VFREEBUSY
	VAVAILABILITY
	VPOLL

	componentTypes = 6
)

// IndexFlags are facts about an object that queries need.
type IndexFlags uint16

const (
	FlagRecurring IndexFlags = 1 << iota // has RRULE, RDATE or overrides
	FlagFloating                         // has date or floating date-time values
	FlagInexact                          // the interval alone cannot decide a time-range
	FlagNoTime                           // has no time at all (a VTODO without dates)
	FlagPrivate                          // CLASS is PRIVATE or CONFIDENTIAL
	FlagAlarm                            // has a VALARM
	FlagManaged                          // has a managed attachment (RFC 8607)
	FlagScheduled                        // has ORGANIZER or ATTENDEE

	accessShift = iota // the next two bits are the Access
)

// More facts, that say that an object is stored otherwise than readers get it.
const (
	FlagHosted IndexFlags = 1 << (accessShift + 2 + iota) // has the canonical address of a record of the directory
	FlagHidden                                            // has an instance that its owner has removed
)

// FlagTravel says that its owner is busy longer than an object lasts: on the way there
// or back.
const FlagTravel IndexFlags = FlagHidden << 1

// Access is what X-CALENDARSERVER-ACCESS says of an object: how much of it those
// see whom it does not belong to (calendarserver-private-events §4.1.2). Each value
// shows less than the one before.
type Access uint8

// The values of the property; without it an object is public.
const (
	AccessPublic Access = iota
	AccessRestricted
	AccessConfidential
	AccessPrivate
)

// Access is the one of an object with these flags.
func (f IndexFlags) Access() Access { return Access(f>>accessShift) & AccessPrivate }

// WithAccess is f with another Access.
func (f IndexFlags) WithAccess(a Access) IndexFlags {
	return f&^(IndexFlags(AccessPrivate)<<accessShift) | IndexFlags(a&AccessPrivate)<<accessShift
}

// A Role is what the owner of an object is in the meeting that it is of, as
// scheduling found when it was written (RFC 6638 §3.1).
type Role uint8

const (
	RoleNone Role = iota // it is of no meeting
	RoleOrganizer
	RoleAttendee
	RoleStranger // it is of a meeting that the owner is not invited to
)

// SchedulingFlags are facts that scheduling keeps with an object; none is defined
// yet.
type SchedulingFlags uint8

// A BusyType is how a single event counts in free-busy (RFC 5545 §3.2.9).
type BusyType uint8

const (
	BusyFree BusyType = iota
	BusyBusy
	BusyTentative
	BusyUnavailable
)

// OpenEnded is the End of an object that recurs for ever.
const OpenEnded int64 = math.MaxInt64

// An Index is what queries need of an object without parsing it. It is derived
// from the body alone; the caller computes it at PUT, Options.Indexer at
// reindex, and both must agree.
type Index struct {
	UID       string
	Component Component // one bit
	Start     int64     // Unix seconds of the first start; floating and all-day count as UTC
	End       int64     // Unix seconds of the last end, or OpenEnded
	Flags     IndexFlags
	Busy      BusyType
}

// A Home is a principal's calendar home.
type Home struct {
	ID            HomeID
	Epoch         Epoch // of the store
	Owner         GUID
	OwnerType     uint8 // what the creator gave; the store only counts by it
	Rev           Rev   // the last change of anything in it, and the counter of changes
	Created       Rev
	UsedBytes     int64 // sum of all bodies, and of all properties with their names
	Objects       int64
	Collections   int
	Counted       int    // those of Collections that count against the quota
	QuotaOverride int64  // bytes; 0: none, quota.Unlimited
	QuotaGroups   string // groups of the owner that have limits, as quota.Policy.GroupsOf gives them
	Addresses     string // what package calendar notes of the owner's mail addresses

	CreatedAt, ModifiedAt time.Time // UTC, whole seconds

	floor Rev // tokens of HomeChanges below it have expired
}

// A Collection is one collection in a home. Values from a transaction are
// shared and must not be changed.
type Collection struct {
	ID                    CollectionID
	Home                  HomeID
	Name                  string
	Kind                  Kind
	ResourceID            string    // UUID for DAV:resource-id, kept for life
	Rev                   Rev       // the last change in it: ctag and sync token
	Created               Rev       // when it was made
	Placed                Rev       // when it got its home and name
	CreatedAt, ModifiedAt time.Time // UTC, whole seconds
	Objects               int
	Bytes                 int64     // sum of the bodies
	PropertyBytes         int64     // sum of the properties, its own and those of its objects, with their names
	Components            Component // what it takes; 0: all
	Rights                Rights    // which access control lists there are

	counts [componentTypes]int // objects by component type
	floor  Rev                 // tokens below it have expired
}

// Count returns how many objects have component type c (one bit).
func (c *Collection) Count(comp Component) int {
	for i, n := range c.counts {
		if comp == 1<<i {
			return n
		}
	}
	return 0
}

// An Entry is what the index holds of an object.
type Entry struct {
	Name              string
	Rev               Rev   // the last write: ETag
	Size              int   // bytes of the body
	Created, Modified int64 // Unix seconds
	ScheduleTag       Rev   // RFC 6638 §3.2.10
	CreatedRev        Rev   // the first write
	Role              Role
	Scheduling        SchedulingFlags
	Index
}

// An Object is a calendar object resource.
type Object struct {
	Entry
	Body []byte // valid inside the transaction; Clone copies
}

// Clone returns a copy that outlives the transaction.
func (o *Object) Clone() *Object {
	c := *o
	c.Body = slices.Clone(o.Body)
	return &c
}

// A Change is the newest state of one name.
type Change struct {
	Rev     Rev
	Name    string
	Deleted bool
	Created bool // what has this name now got it after the position asked for

	Entry *Entry // of an object that is there; nil for collections
}

// A Match is a precondition on an object, judged inside the transaction. The
// zero Match always holds; otherwise each field that is set must hold.
type Match struct {
	IfMatch        []Rev                 // If-Match: exists and has one of these
	IfMatchAny     bool                  // If-Match: *
	IfNoneMatch    []Rev                 // If-None-Match: has none of these
	IfNoneMatchAny bool                  // If-None-Match: *
	Check          func(old *Entry) bool // anything else, e.g. If-Schedule-Tag-Match; old is nil if absent
}

// OK reports whether m holds for old, nil meaning that there is no object.
func (m Match) OK(old *Entry) bool {
	switch {
	case m.IfMatchAny && old == nil,
		m.IfNoneMatchAny && old != nil,
		m.IfMatch != nil && (old == nil || !slices.Contains(m.IfMatch, old.Rev)),
		old != nil && slices.Contains(m.IfNoneMatch, old.Rev):
		return false
	}
	return m.Check == nil || m.Check(old)
}

// A PutOption changes how an object is written.
type PutOption uint8

const (
	// UniqueInHome refuses a UID that another calendar of the same home has,
	// as Apple's server does. Without it UIDs are unique in their calendar.
	UniqueInHome PutOption = iota + 1

	// KeepScheduleTag keeps the old object's ScheduleTag (RFC 6638 §3.2.10).
	KeepScheduleTag

	// Upkeep: the server writes an object anew that is there already, whatever its
	// home may hold.
	Upkeep

	asOrganizer
	asAttendee
	asStranger
)

// As returns the option that gives an object a role. Without it, a new object has
// none, and one that is moved or copied within its home has the one it had.
func As(r Role) []PutOption {
	if r == RoleNone {
		return nil
	}
	return []PutOption{asOrganizer + PutOption(r-RoleOrganizer)}
}

// role is the role that options give.
func role(opts []PutOption) Role {
	for _, o := range opts {
		if o >= asOrganizer {
			return RoleOrganizer + Role(o-asOrganizer)
		}
	}
	return RoleNone
}
