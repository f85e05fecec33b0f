package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"convene/acl"
	"convene/admin/backup"
	"convene/audit"
	"convene/auth"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/internal/engine"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/sacl"
	"convene/store"
)

// Admin is what the verbs work on. It is a Conn.
type Admin struct {
	Store     *store.Store
	Directory directory.Directory
	Cache     DirectoryCache // of Directory; nil: no server runs that remembers anything
	Devices   *auth.Devices
	State     engine.Engine  // auth.db, where secrets may be held
	Sessions  *auth.Sessions // of browsers; nil: no server runs
	SignIn    SignOuter      // nil: no server runs
	SACL      *sacl.SACL
	Rooms     *rooms.Settings
	RoomRules *rooms.Config
	Audit     *audit.Log // nil: acts are not recorded
	Delegates *delegation.Book
	Appointed *appointed.List  // delegates whom the directory names
	Now       func() time.Time // nil: time.Now
	// Provision makes the home of a principal who has none yet.
	Provision func(context.Context, *directory.Principal) error
	// Rights explains what a caller may do at a URL path; nil: nobody in particular.
	Rights func(ctx context.Context, caller *auth.Caller, path string) (*acl.Explanation, error)
	// Method says how a request with a method at a URL path would fare.
	Method func(ctx context.Context, caller *auth.Caller, method, path string) (*acl.MethodVerdict, error)
	// ActAs says why somebody may not act as the user of a name; "": they may.
	ActAs func(ctx context.Context, self *auth.Caller, name string) (refusal string, err error)
	// Bookings are the bookings of rooms; nil: no server runs that could tell their
	// organizers.
	Bookings Bookings
	// Finder looks for rooms, and RoomTimes returns what takes one between two moments.
	// Booker makes meetings in rooms; nil: no server runs, which would tell those invited.
	Finder    RoomFinder
	Booker    RoomBooker
	RoomTimes func(ctx context.Context, guid string, p *policy.Policy, from, to int64) ([]policy.Booking, error)
	// Mail is the mail that waits.
	Mail MailQueue

	// Meetings compares all copies of all meetings with what their organizers have, and
	// repairs them; nil: this cannot be done.
	Meetings func(ctx context.Context, repair bool) ([]MeetingProblem, error)
	// Ledgers compares the ledgers of rooms, by GUID, with their calendars, and makes
	// wrong ones anew; nil: this cannot be done.
	Ledgers func(ctx context.Context, settings map[string]*policy.Policy, repair bool) ([]LedgerProblem, error)
	// Listings says what all homes list; nil: this cannot be done.
	Listings func(context.Context) ([]HomeListing, error)
	// PutBacker puts objects of a backup back into calendars.
	PutBacker PutBacker
	// Offboarder ends what binds somebody who leaves, and Links are the published calendars;
	// nil: no server runs that could tell others.
	Offboarder Offboarder
	Links      Links
	// Data is the data folder.
	Data string
	// Members are the files that a backup has.
	Members []backup.Member
	// Maintenance is the switch that makes the server read-only.
	Maintenance MaintenanceSwitch
	// Health says how the running server is; nil if none runs.
	Health func() Health
	// Reload makes a running server read its configuration again; nil if none
	// runs.
	Reload func(context.Context, audit.By) error
	// Operator is who calls the verbs, as the system knows them. Handler sets it
	// for each request.
	Operator Operator
}

// A DirectoryCache remembers what the directory said.
type DirectoryCache interface {
	Flush()
	FlushRecord(guid string)
	Health() []directory.HostStatus
	Stats() directory.CacheStats
	Tracking() directory.TrackStatus
	// Former finds a record that is remembered, though the directory may not have it any
	// more. Errors: directory.ErrNotFound, directory.ErrAmbiguous.
	Former(who string) (*directory.Principal, error)
}

// A SignOuter forgets that somebody, or with an empty GUID everybody, has proved who
// they are.
type SignOuter interface {
	SignOut(ctx context.Context, guid string) error
}

// A Conn carries a verb's request to where it is done, and the value back.
type Conn interface {
	// Call does the verb called name. in is its request; its value is stored
	// in out, a pointer. Errors are those of the verb; ErrVerb: the other side
	// does not know it.
	Call(ctx context.Context, name string, in, out any) error

	// Stream does the verb called name, whose value are bytes, and writes them
	// to out. On error they are not all. Errors: as Call, and those of out.
	Stream(ctx context.Context, name string, in any, out io.Writer) error
}

// ErrVerb says that there is no such verb, as when program and running server
// are of different versions.
var ErrVerb = errors.New("unknown verb")

// Call implements Conn.
func (a *Admin) Call(ctx context.Context, name string, in, out any) error {
	request, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	value, err := a.do(ctx, name, request)
	if err != nil {
		return err
	}
	return json.Unmarshal(value, out)
}

// Stream implements Conn.
func (a *Admin) Stream(ctx context.Context, name string, in any, out io.Writer) error {
	request, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return a.stream(ctx, name, request, out)
}

// stream does a verb whose value are bytes.
func (a *Admin) stream(ctx context.Context, name string, request []byte, out io.Writer) error {
	s, ok := streams()[name]
	if !ok {
		return fmt.Errorf("%q: %w", name, ErrVerb)
	}
	return s(ctx, a, request, out)
}

// do does a verb with the JSON forms of request and value.
func (a *Admin) do(ctx context.Context, name string, request []byte) ([]byte, error) {
	v, ok := verbs()[name]
	if !ok {
		return nil, fmt.Errorf("%q: %w", name, ErrVerb)
	}
	return v(ctx, a, request)
}

// A verb does one thing, with JSON on both sides.
type verb func(ctx context.Context, a *Admin, request []byte) ([]byte, error)

// typed makes a verb of a function with plain values.
func typed[In, Out any](fn func(*Admin, context.Context, In) (Out, error)) verb {
	return func(ctx context.Context, a *Admin, request []byte) ([]byte, error) {
		var in In
		if err := json.Unmarshal(request, &in); err != nil {
			return nil, fmt.Errorf("request: %w: %w", ErrRequest, err)
		}
		out, err := fn(a, ctx, in)
		if err != nil {
			return nil, err
		}
		return json.Marshal(out)
	}
}

// A stream is a verb whose value are bytes, too many to be kept.
type stream func(ctx context.Context, a *Admin, request []byte, out io.Writer) error

// streaming makes a stream of a function with a plain request.
func streaming[In any](fn func(*Admin, context.Context, In, io.Writer) error) stream {
	return func(ctx context.Context, a *Admin, request []byte, out io.Writer) error {
		var in In
		if err := json.Unmarshal(request, &in); err != nil {
			return fmt.Errorf("request: %w: %w", ErrRequest, err)
		}
		return fn(a, ctx, in, out)
	}
}

// call is Conn.Call with the types of a verb.
func call[Out any](ctx context.Context, c Conn, name string, in any) (Out, error) {
	var out Out
	err := c.Call(ctx, name, in, &out)
	return out, err
}

// None is the request or value of verbs that have none.
type None struct{}

// ErrRequest says that a request does not make sense.
var ErrRequest = errors.New("bad request")
