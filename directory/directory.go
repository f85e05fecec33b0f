package directory

import (
	"context"
	"fmt"
	"strings"
)

// Type is the kind of a record. The zero value is any type, in queries only.
type Type uint8

// The record types.
const (
	AnyType Type = iota
	User
	Group
	Location
	Resource
)

// Types lists the record types in the order in which they are presented.
func Types() []Type { return []Type{User, Group, Location, Resource} }

var typeNames = [...]string{"", "users", "groups", "locations", "resources"}

// String returns the plural used in URLs: "users", "groups", "locations" or
// "resources"; "" for AnyType.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return fmt.Sprintf("type(%d)", uint8(t))
}

// singular returns the name of one record of the type: "user".
func (t Type) singular() string { return strings.TrimSuffix(t.String(), "s") }

// ParseType reads a type by its plural or singular, in any case.
func ParseType(s string) (Type, bool) {
	s = strings.ToLower(s)
	for _, t := range Types() {
		if s == t.String() || s == t.singular() {
			return t, true
		}
	}
	return AnyType, false
}

// Principal is one record of the directory. It is shared between goroutines
// and must not be changed.
type Principal struct {
	GUID      string
	Type      Type
	Name      string   // short name, unique within the type; part of URLs
	Aliases   []string // further short names that resolve to this record
	FullName  string   // for display; never empty
	GivenName string
	Surname   string
	Emails    []string // bare addresses, lower case, the preferred one first
	DN        string   // LDAP and LDIF only
	Kerberos  []string // principal names with realm, as in tickets: see HasKerberosName
	Realms    []string // of Kerberos: those whose principals may be this record; empty: not known

	// ActiveDirectory says that the record is an account of Active Directory,
	// whose tickets name it by SID too ("S-1-5-21-…"): a name may be given to
	// somebody else, a SID never. SID is "" if it cannot be read.
	ActiveDirectory bool
	SID             string

	// CalendarEnabled says that the record may have calendars here,
	// LoginEnabled that it may sign in: it is a user and not disabled.
	CalendarEnabled bool
	LoginEnabled    bool

	// Hidden says that searches leave the record out.
	Hidden bool

	// Language is what they read, as Accept-Language has it (RFC 2798 §2.7): "fr-CA,
	// en;q=0.8"; "": not known.
	Language string

	// Account is the state of a user's account besides LoginEnabled: see Closed.
	Account Account

	// Of rooms and resources; zero where the directory says nothing.
	AutoSchedule    string // how invitations are replied to: see AutoSchedule*
	AutoAcceptGroup string // reference of the group whose invitations are accepted
	Capacity        int    // seats
	Building        string
	Floor           string
	Room            string
	Address         string // street address
	Geo             string // geo: URI (RFC 5870)
	Features        []string

	// CalendarAccess is what the members of a group may do with its calendars: see
	// CalendarAccess*.
	CalendarAccess string

	// RoomSettings are further settings that the directory has of a room, by
	// their names in RecordConfig.RoomSettings; several values are one to a line.
	RoomSettings map[string]string

	// References of delegates that the directory names; see Reference.
	Owners         []string
	WriteDelegates []string
	ReadDelegates  []string

	// Attributes holds the raw values of the attributes that decided the two
	// flags above, and of those configured as extra: the evidence shown by
	// explain. Keys are as configured.
	Attributes map[string][]string
}

// Values of Principal.AutoSchedule; "" leaves it to the server's default.
const (
	AutoScheduleNone          = "none"
	AutoScheduleAcceptAlways  = "accept-always"
	AutoScheduleDeclineAlways = "decline-always"
	AutoScheduleAcceptIfFree  = "accept-if-free"
	AutoScheduleDeclineIfBusy = "decline-if-busy"
	AutoScheduleAutomatic     = "automatic" // accept if free, else decline
)

// Values of Principal.CalendarAccess; "": no more than everybody.
const (
	CalendarAccessRead      = "read"
	CalendarAccessReadWrite = "read-write"
)

// Addresses returns the calendar user addresses of p (RFC 4791 §6.2.1), the
// preferred first: mailto: URIs in the order of Emails, the GUID as a URN, and
// the paths of the principal's two URLs.
func (p *Principal) Addresses() []string {
	out := make([]string, 0, len(p.Emails)+4)
	for _, e := range p.Emails {
		out = append(out, "mailto:"+e)
	}
	if isUUID(p.GUID) {
		out = append(out, "urn:uuid:"+p.GUID)
	}
	out = append(out, "urn:x-uid:"+p.GUID, "/principals/__uids__/"+escapeSegment(p.GUID)+"/")
	if p.Name != "" {
		out = append(out, "/principals/"+p.Type.String()+"/"+escapeSegment(p.Name)+"/")
	}
	return out
}

// A Directory looks up principals. Implementations are safe for use
// by many goroutines, obey ctx, and never respond with part of the data.
//
// Every method may return ErrUnavailable (503, with RetryAfter(err)).
type Directory interface {
	// Lookup returns the one record that key names. ErrNotFound: there is
	// none; ErrAmbiguous: there are several, and none of them is returned.
	Lookup(ctx context.Context, key Key) (*Principal, error)

	// Groups returns the GUIDs of all groups that the record is in, directly
	// or through other groups, sorted. ErrNotFound: no such record.
	Groups(ctx context.Context, guid string) ([]string, error)

	// Members returns the members of a group that are records of this
	// directory, sorted by GUID; a record that is no group has none. With
	// Nested, groups among them are followed, and the result has no groups.
	// ErrNotFound: no such record; ErrTooMany: more than the directory gives.
	Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error)

	// MemberGUIDs returns the GUIDs of those whom Members returns, with its errors. It
	// asks for much less: a group may have tens of thousands.
	MemberGUIDs(ctx context.Context, guid string, e Expansion) ([]string, error)

	// Search returns the records that q matches, sorted by full name and GUID, but for
	// those that the directory hides (RecordConfig.Searchable).
	// ErrTooMany: there are more than the limit, and those returned with the
	// error are some of them.
	Search(ctx context.Context, q Query) ([]*Principal, error)

	// Authenticate checks a password and returns the user it belongs to.
	// ErrInvalidCredentials, which the other refusals wrap: respond with 401, the
	// same for all; the log may say more.
	Authenticate(ctx context.Context, login, password string) (*Principal, error)
}

// Expansion says which members of a group are wanted.
type Expansion uint8

// Direct members only, or those of nested groups too.
const (
	Direct Expansion = iota
	Nested
)

// Query describes a search.
type Query struct {
	Types []Type // empty: all
	Terms []Term // empty: every record
	Match Combine
	Limit int // most records wanted; 0 or too large: as many as the directory gives
}

// Combine says how the terms of a query go together.
type Combine uint8

// All terms must match, or any of them.
const (
	AllOf Combine = iota
	AnyOf
)

// Term matches a record if one of the fields has a value that matches. Letter
// case is ignored.
type Term struct {
	Fields []Field // empty: all
	Value  string  // not empty
	How    How
}

// Field is a searchable property of a principal.
type Field uint8

// The searchable fields.
const (
	FieldFullName Field = iota
	FieldGivenName
	FieldSurname
	FieldName // short names
	FieldEmail
	fieldCount
)

// How a term's value is compared with a field.
type How uint8

// The kinds of comparison.
const (
	Contains How = iota
	StartsWith
	Equals

	// StartsWord is for what people type who look for somebody: StartsWith, and for
	// names also at the beginning of a later word, where the directory can do that at
	// no great cost: see wordFilter.
	StartsWord
)

// wants reports whether records of type t are asked for.
func (q Query) wants(t Type) bool {
	for _, w := range q.Types {
		if w == t || w == AnyType {
			return true
		}
	}
	return len(q.Types) == 0
}

// fields returns the fields to look into.
func (t Term) fields() []Field {
	if len(t.Fields) > 0 {
		return t.Fields
	}
	return []Field{FieldFullName, FieldGivenName, FieldSurname, FieldName, FieldEmail}
}
