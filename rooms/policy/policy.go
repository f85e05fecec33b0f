package policy

import "convene/internal/ical"

// A Mode says how a room answers by itself.
type Mode string

// The modes. ModeNone leaves the answer to people.
const (
	ModeNone          Mode = "none"
	ModeAcceptAlways  Mode = "accept-always"
	ModeDeclineAlways Mode = "decline-always"
	ModeAcceptIfFree  Mode = "accept-if-free"
	ModeDeclineIfBusy Mode = "decline-if-busy"
	ModeAutomatic     Mode = "automatic"
)

// The values of knobs that are words.
const (
	Refuse  = "refuse" // External, OnConflict
	Request = "request"
	Book    = "book"

	Principal = "principal" // ByAssistant
	Either    = "either"
	Both      = "both"

	DeclineSeries      = "decline-series" // BeyondWindow
	DeclineOccurrences = "decline-occurrences"

	Decline = "decline" // OnExpiry, CapacityGrace, OnConflict
	Accept  = "accept"
	Keep    = "keep"

	Tentative = "tentative" // Pending
	Free      = "free"

	SeeBusy      = "busy" // OthersSee
	SeeOrganizer = "organizer"
	SeeDetails   = "details"

	Hide    = "hide" // PrivateBookings
	Show    = "show"
	Visible = "visible" // NameHolder
	Never   = "never"

	Off         = "off" // CheckIn
	Optional    = "optional"
	Required    = "required"
	ReleaseRest = "release-rest" // SeriesNoShow

	Delegates  = "delegates" // Direct
	Nobody     = "nobody"
	HonourNone = "honour-none" // ScheduleAgent
	Ignore     = "ignore"
)

// A Policy is all that can be set about a room or resource. The table in knobs.go
// has the name, the range, the default and the meaning of each.
type Policy struct {
	Mode       Mode
	AutoAccept List // one principal at most
	Exclusive  bool // no more than Slots bookings at one time
	Slots      int  // 0: any number
	Pool       bool // of a group: one of its rooms is booked when it is invited

	Book        List // whom the room answers by itself
	Request     List // whose bookings need approval
	RequestOut  List // who may ask for what is against the rules
	Deny        List // who never gets it, whatever the other lists say
	External    string
	ByAssistant string

	Recurring          bool
	MaxConflicts       int // -1: no limit
	MaxConflictPercent int

	Window       int // days; -1: no limit
	BeyondWindow string
	MinNotice    int // minutes
	MinDuration  int // minutes
	MaxDuration  int // minutes; 0: no limit
	Hours        Hours
	HoursOnly    bool
	Zone         *ical.Zone // nil: UTC

	Capacity        int // seats; 0: not known
	EnforceCapacity bool
	CapacityGrace   string
	MinAttendees    int
	BufferBefore    int // minutes
	BufferAfter     int // minutes

	Approvers       List
	ApprovalExpires int // hours
	OnExpiry        string
	RemindAfter     int // percent
	Pending         string

	OthersSee       string
	Strip           List
	PrivateBookings string
	Reasons         bool
	NameHolder      string
	ResponseText    string
	Alternatives    int

	CheckIn         string
	Opens           int // minutes
	Closes          int // minutes
	ReleaseNoShow   bool
	SeriesNoShow    string
	ReleaseDeclined bool

	OnConflict     string
	Direct         string
	Organizes      bool
	Bookable       bool
	Horizon        int // days
	MaxOccurrences int
	MaxOverrides   int
	ScheduleAgent  string

	Place Place
}

// A Place says where a room is and what is in it. Zero values are not known.
type Place struct {
	Building, Floor, Section, Room string
	Address, Geo                   string // Geo: "52.52;13.40", as GEO of RFC 5545
	Label, Phone, Contact, Photo   string
	Audio, Video, Display          string
	Teams                          bool
	Accessible                     bool
	Features, Tags                 List
}

// buffers returns the times before and after a booking that belong to it, in
// seconds.
func (p *Policy) buffers() (before, after int64) {
	return int64(p.BufferBefore) * 60, int64(p.BufferAfter) * 60
}

// NamesHolder reports whether who is declined learns who has the room.
func (p *Policy) NamesHolder() bool { return p.NameHolder != Never && p.OthersSee != SeeBusy }

// A Kind is the kind of a calendar user that may answer by itself.
type Kind uint8

// The kinds.
const (
	Location Kind = iota
	Resource
	Person
	Group // of rooms, which may be a pool
)

// String returns the name as in the configuration: "locations".
func (k Kind) String() string { return [...]string{"locations", "resources", "users", "groups"}[k] }

// Booked reports whether what is of that kind is itself what is booked.
func (k Kind) Booked() bool { return k == Location || k == Resource }
