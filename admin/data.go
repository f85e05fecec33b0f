package admin

import (
	"context"
	"fmt"

	"convene/audit"
	"convene/directory"
	"convene/rooms/policy"
	"convene/store"
)

// VerifyReport is what Verify found; no problems is a proof.
type VerifyReport struct {
	Problems []store.Problem `json:"problems"`
}

// Verify checks the whole store: that everything can be read, and that every
// index, counter and sum is what a fresh computation from the stored objects
// gives. It runs beside everything else.
func Verify(ctx context.Context, c Conn) (VerifyReport, error) {
	return call[VerifyReport](ctx, c, "verify", None{})
}

// MeetingProblem is something of a meeting that its copies do not agree about.
type MeetingProblem struct {
	Owner    string `json:"owner"` // GUID of the home that the object is in
	UID      string `json:"uid"`
	Instance string `json:"instance"` // start of the instance; empty: the object
	Detail   string `json:"detail"`
	Repaired bool   `json:"repaired"`
}

// String returns the problem as a line.
func (p MeetingProblem) String() string {
	line := fmt.Sprintf("%s in the home of %s", p.UID, p.Owner)
	if p.Instance != "" {
		line += " at " + p.Instance
	}
	line += ": " + p.Detail
	if p.Repaired {
		line += " (repaired)"
	}
	return line
}

// MeetingReport is what VerifyMeetings found; no problems is a proof.
type MeetingReport struct {
	Problems []MeetingProblem `json:"problems"`
}

// MeetingRequest says what is done about the problems of meetings and rooms.
type MeetingRequest struct {
	Repair bool `json:"repair,omitempty"`
	Request
}

// VerifyMeetings compares all copies of all meetings with what their organizers have,
// one meeting at a time, beside everything else. With Repair it makes copies anew that
// are wrong.
func VerifyMeetings(ctx context.Context, c Conn, r MeetingRequest) (MeetingReport, error) {
	return call[MeetingReport](ctx, c, "verify-meetings", r)
}

// LedgerProblem is something that the ledger of a room does not say as the room's
// calendars do, or two bookings that the room has no time for.
type LedgerProblem struct {
	Room     string `json:"room"`   // "locations/neptune"
	Owner    string `json:"owner"`  // its GUID
	Object   string `json:"object"` // "calendar/NAME"; empty: the whole ledger
	Detail   string `json:"detail"`
	Repaired bool   `json:"repaired"`
}

// String returns the problem as a line.
func (p LedgerProblem) String() string {
	line := p.Room
	if p.Object != "" {
		line += ": " + p.Object
	}
	line += ": " + p.Detail
	if p.Repaired {
		line += " (repaired)"
	}
	return line
}

// LedgerReport is what VerifyLedgers found; no problems is a proof.
type LedgerReport struct {
	Problems []LedgerProblem `json:"problems"`
}

// VerifyLedgers compares when the rooms and resources of the directory are taken with
// what is in their calendars, one room at a time, beside everything else. With Repair it
// makes ledgers anew that are wrong. Errors: those of the directory.
func VerifyLedgers(ctx context.Context, c Conn, r MeetingRequest) (LedgerReport, error) {
	return call[LedgerReport](ctx, c, "verify-rooms", r)
}

// Reindex rebuilds every index, counter and sum from the stored objects. It
// runs beside everything else, and may be interrupted and run again.
func Reindex(ctx context.Context, c Conn, r Request) (store.Report, error) {
	return call[store.Report](ctx, c, "reindex", r)
}

// Stats are the numbers that an operator plans by.
type Stats struct {
	DiskBytes int64 `json:"diskBytes"` // of the file
	DataBytes int64 `json:"dataBytes"` // of the objects
	Accounts  int   `json:"accounts"`  // principals with a home
	Calendars int   `json:"calendars"`
	Events    int   `json:"events"`
	Tasks     int   `json:"tasks"`
	Objects   int   `json:"objects"` // of all kinds

	// By type of principal: users, groups, locations, resources.
	AccountsByType  map[string]int `json:"accountsByType"`
	CalendarsByType map[string]int `json:"calendarsByType"`
}

// ReadStats counts what the store holds. It reads no objects.
func ReadStats(ctx context.Context, c Conn) (Stats, error) {
	return call[Stats](ctx, c, "stats", None{})
}

func (a *Admin) verify(ctx context.Context, _ None) (VerifyReport, error) {
	found, err := a.Store.Verify(ctx)
	return VerifyReport{append([]store.Problem{}, found...)}, err
}

func (a *Admin) verifyMeetings(ctx context.Context, q MeetingRequest) (r MeetingReport, err error) {
	if a.Meetings == nil {
		return r, ErrVerb
	}
	err = a.checked(ctx, q, "meetings.repair", func() (int, error) {
		found, err := a.Meetings(ctx, q.Repair)
		r.Problems = append([]MeetingProblem{}, found...)
		return len(found), err
	})
	return r, err
}

// checked runs a check, which returns how many problems it found; one that repairs is
// recorded.
func (a *Admin) checked(ctx context.Context, q MeetingRequest, verb string, check func() (int, error)) error {
	if !q.Repair {
		_, err := check()
		return err
	}
	act := audit.Act{By: a.Operator.By(q.By, q.Reason), Verb: verb, Object: audit.Object{Type: "store"}}
	return a.Audit.Do(ctx, act, func() (any, error) {
		n, err := check()
		return map[string]int{"problems": n}, err
	})
}

func (a *Admin) verifyLedgers(ctx context.Context, q MeetingRequest) (r LedgerReport, err error) {
	if a.Ledgers == nil {
		return r, ErrVerb
	}
	found, resolved, _, err := a.rooms(ctx)
	if err != nil {
		return r, err
	}
	names, settings := map[string]string{}, map[string]*policy.Policy{}
	for i, p := range found {
		names[p.GUID], settings[p.GUID] = p.Type.String()+"/"+p.Name, &resolved[i].Policy
	}
	err = a.checked(ctx, q, "rooms.repair", func() (int, error) {
		problems, err := a.Ledgers(ctx, settings, q.Repair)
		r.Problems = append([]LedgerProblem{}, problems...)
		for i := range r.Problems {
			r.Problems[i].Room = names[r.Problems[i].Owner]
		}
		return len(problems), err
	})
	return r, err
}

func (a *Admin) reindex(ctx context.Context, q Request) (r store.Report, err error) {
	act := audit.Act{By: a.Operator.By(q.By, q.Reason), Verb: "store.reindex", Object: audit.Object{Type: "store"}}
	err = a.Audit.Do(ctx, act, func() (after any, err error) {
		r, err = a.Store.Reindex(ctx)
		return map[string]int{"written": r.Written, "removed": r.Removed, "failed": len(r.Failed)}, err
	})
	r.Failed = append([]store.Problem{}, r.Failed...)
	return r, err
}

func (a *Admin) stats(ctx context.Context, _ None) (Stats, error) {
	s, err := a.Store.Stats(ctx)
	if err != nil {
		return Stats{}, err
	}
	return Stats{
		DiskBytes: s.FileBytes, DataBytes: s.Bytes, Accounts: s.Homes, Calendars: s.Calendars,
		Events: s.ObjectsByComponent[store.VEVENT], Tasks: s.ObjectsByComponent[store.VTODO], Objects: s.Objects,
		AccountsByType: byType(s.HomesByType), CalendarsByType: byType(s.CalendarsByType),
	}, nil
}

// byType names the types that the store counts by, and has all of them.
func byType(counts map[uint8]int) map[string]int {
	out := map[string]int{}
	for _, t := range directory.Types() {
		out[t.String()] = 0
	}
	for t, n := range counts {
		name := directory.Type(t).String()
		if name == "" {
			name = "unknown"
		}
		out[name] += n
	}
	return out
}
