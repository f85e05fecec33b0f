package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"convene/directory"
	"convene/store"
)

// The states of a person. Only the directory's word counts: while it is away, nobody is
// gone.
const (
	StateActive   = "active"
	StateDisabled = "disabled" // the record may neither sign in nor have calendars
	StateGone     = "gone"     // the directory has no such record
)

var (
	// ErrStillActive refuses to erase somebody who can still sign in: what was erased would
	// be made anew.
	ErrStillActive = errors.New("they are active in the directory")
	// ErrBegun says that a run that was interrupted was about something else.
	ErrBegun = errors.New("a run has begun and is not at its end")
	// ErrMailWaits keeps data from being erased of which letters are still to be sent.
	ErrMailWaits = errors.New("mail about their meetings still waits")
	// ErrSuccessor refuses who cannot take meetings over.
	ErrSuccessor = errors.New("cannot take meetings over")
)

// OffboardRequest says who leaves, and what becomes of what they have.
type OffboardRequest struct {
	Who   string `json:"who"`
	To    string `json:"to,omitempty"`    // who takes over the meetings that they organize; "": these are cancelled
	Erase bool   `json:"erase,omitempty"` // their home goes, and what it was made of is overwritten

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// An Obligation is a meeting that binds somebody and is not over.
type Obligation struct {
	UID       string
	Organizer bool // they organize it
	Rooms     int  // in a meeting that they organize
	Attendees int  // likewise, without rooms
	External  int  // of these, outside the directory
}

// A LeftBooking is a meeting that a room has to come.
type LeftBooking struct{ Room, UID string }

// An Offboarder ends what binds somebody who leaves. All that it does may be done again.
type Offboarder interface {
	// Obligations are the meetings of which something begins at a moment or later.
	Obligations(ctx context.Context, guid string, since time.Time) ([]Obligation, error)
	// Discharge ends one, or hands it over to the GUID to, if that is not empty; it returns
	// what was done, in a word. note gives a value that is noted under OffboardNote in the
	// same transaction. refused says that this meeting alone cannot be ended, and why.
	Discharge(ctx context.Context, guid, to, uid string, since time.Time, note func(deed string) ([]byte, error)) (refused string, err error)
	// Bookings are what rooms still have of an organizer.
	Bookings(ctx context.Context, guid string) ([]LeftBooking, error)
	// GiveUp gives one back; note is as of Discharge.
	GiveUp(ctx context.Context, guid string, b LeftBooking, note func() ([]byte, error)) error
	// Prepare makes the home of a successor, by GUID.
	Prepare(ctx context.Context, to string) error
	// Export writes a zip archive with each calendar as a file.
	Export(ctx context.Context, guid string, out io.Writer) error
	// Erase removes the home and all choices of a GUID, and overwrites what they were made
	// of. Errors: ErrMailWaits.
	Erase(ctx context.Context, guid string) error
	// GoneSince is since when the record is known to be gone; zero: it is not known.
	GoneSince(ctx context.Context, guid string) (time.Time, error)
}

// Links are the published calendars of everybody.
type Links interface {
	Count(ctx context.Context, guid string) (int, error)
	RevokeAll(ctx context.Context, guid string) (int, error)
}

// OffboardPlan says what a run would do.
type OffboardPlan struct {
	GUID      string    `json:"guid"`
	Name      string    `json:"name,omitempty"`
	State     string    `json:"state"` // StateActive and its like
	GoneSince time.Time `json:"goneSince,omitzero"`
	To        string    `json:"to,omitempty"` // GUID

	Organizes  int   `json:"organizes"`  // meetings that they organize and that are not over
	Attends    int   `json:"attends"`    // those of others in which they have not declined
	Rooms      int   `json:"rooms"`      // bookings of rooms in the meetings that they organize, and others in their name
	Attendees  int   `json:"attendees"`  // places of others in these meetings
	External   int   `json:"external"`   // of these, outside the directory: they are told by mail
	Delegates  int   `json:"delegates"`  // who act for them
	Delegators int   `json:"delegators"` // for whom they act
	StandIns   int   `json:"standIns"`   // in which they have a part
	Links      int   `json:"links"`      // published
	Devices    int   `json:"devices"`    // device passwords
	Objects    int64 `json:"objects"`
	Bytes      int64 `json:"bytes"` // stored

	Record *OffboardRecord `json:"record,omitempty"` // of the last run, whether it is at its end or not
}

// OffboardRecord is how far a run has come. It lies where the meetings are, and is written
// with each of them: an interrupted run goes on where it ended.
type OffboardRecord struct {
	GUID     string    `json:"guid"`
	Name     string    `json:"name,omitempty"`
	To       string    `json:"to,omitempty"` // GUID
	Erase    bool      `json:"erase,omitempty"`
	Begun    time.Time `json:"begun"` // what begins earlier is over
	Stage    string    `json:"stage"`
	Finished time.Time `json:"finished,omitzero"`

	Deeds       map[string]int `json:"deeds"` // of meetings: cancelled, shortened, handed-over, declined
	Rooms       int            `json:"rooms"` // bookings given back besides
	Delegations int            `json:"delegations"`
	Sessions    int            `json:"sessions"`
	Devices     int            `json:"devices"`
	Links       int            `json:"links"`
	Refused     []string       `json:"refused,omitempty"` // meetings that stay, and why
}

// OffboardNote is the name under which the store has the record of a GUID.
func OffboardNote(guid string) string { return "offboard/" + guid }

// OffboardProgress is a line of a run: how far it is, or, at the end, its record.
type OffboardProgress struct {
	Stage string `json:"stage,omitempty"`
	Done  int    `json:"done,omitempty"`
	Total int    `json:"total,omitempty"`

	Record *OffboardRecord `json:"record,omitempty"`
}

// PlanOffboarding says what a run would do, and changes nothing. Errors: those of the
// directory; ErrNotRunning.
func PlanOffboarding(ctx context.Context, c Conn, r OffboardRequest) (OffboardPlan, error) {
	return call[OffboardPlan](ctx, c, "offboard-plan", r)
}

// Offboard ends what binds somebody: their ways in, their meetings with messages to all who
// are invited, bookings of rooms, delegations. tell is told how far it is. An interrupted
// run goes on where it was. Errors: those of the directory and the store; ErrStillActive,
// ErrBegun, ErrMailWaits, ErrSuccessor, ErrNotRunning.
func Offboard(ctx context.Context, c Conn, r OffboardRequest, tell func(OffboardProgress)) (*OffboardRecord, error) {
	reader, writer := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := c.Stream(ctx, "offboard", r, writer)
		_ = writer.CloseWithError(cmp.Or(err, io.EOF)) // always nil, as io.Pipe says
		done <- err
	}()
	var last *OffboardRecord
	lines := json.NewDecoder(reader)
	for {
		var p OffboardProgress
		err := lines.Decode(&p)
		if err != nil {
			_ = reader.CloseWithError(err) // always nil
			if failed := <-done; failed != nil {
				return nil, failed
			}
			if last == nil {
				return nil, fmt.Errorf("running server: no report: %w", err)
			}
			return last, nil
		}
		if p.Record != nil {
			last = p.Record
		} else {
			tell(p)
		}
	}
}

// ExportHome writes the calendars of somebody, who may have left the directory, as a zip
// archive with a file for each. Errors: as PlanOffboarding, and those of out.
func ExportHome(ctx context.Context, c Conn, r OffboardRequest, out io.Writer) error {
	return c.Stream(ctx, "offboard-export", r, out)
}

// leaver is who leaves, and how the directory has them.
func (a *Admin) leaver(ctx context.Context, who string) (guid, name, state string, err error) {
	if a.Offboarder == nil || a.Links == nil {
		return "", "", "", ErrNotRunning
	}
	if guid, name, err = a.anyone(ctx, who); err != nil {
		return "", "", "", err
	}
	if a.Cache != nil {
		a.Cache.FlushRecord(guid) // somebody may have just been disabled
	}
	p, err := directory.Find(ctx, a.Directory, guid)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return guid, name, StateGone, nil
	case err != nil:
		return "", "", "", err
	case p.Type != directory.User:
		return "", "", "", fmt.Errorf("%w: %s is no person", ErrRequest, p.Name)
	case p.LoginEnabled || p.CalendarEnabled:
		return p.GUID, p.Name, StateActive, nil
	}
	return p.GUID, p.Name, StateDisabled, nil
}

// successor is who takes over; "": nobody.
func (a *Admin) successor(ctx context.Context, guid string, r *OffboardRequest) (string, error) {
	if r.To == "" {
		return "", nil
	}
	p, err := a.find(ctx, r.To)
	switch {
	case err != nil:
		return "", err
	case p.GUID == guid, p.Type != directory.User, !p.CalendarEnabled:
		return "", fmt.Errorf("%s: %w", p.Name, ErrSuccessor)
	}
	return p.GUID, nil
}

// record is that of the last run; nil: there was none.
func (a *Admin) offboardRecord(ctx context.Context, guid string) (*OffboardRecord, error) {
	b, err := a.Store.Note(ctx, OffboardNote(guid))
	if err != nil || b == nil {
		return nil, err
	}
	r := &OffboardRecord{}
	return r, json.Unmarshal(b, r)
}

func (a *Admin) offboardPlan(ctx context.Context, r OffboardRequest) (p OffboardPlan, err error) {
	if p.GUID, p.Name, p.State, err = a.leaver(ctx, r.Who); err != nil {
		return p, err
	}
	if p.To, err = a.successor(ctx, p.GUID, &r); err != nil {
		return p, err
	}
	if p.Record, err = a.offboardRecord(ctx, p.GUID); err != nil {
		return p, err
	}
	if p.GoneSince, err = a.Offboarder.GoneSince(ctx, p.GUID); err != nil {
		return p, err
	}
	since := a.now()
	if p.Record != nil && p.Record.Finished.IsZero() {
		since = p.Record.Begun
	}
	list, err := a.Offboarder.Obligations(ctx, p.GUID, since)
	if err != nil {
		return p, err
	}
	counted := map[string]bool{}
	for _, o := range list {
		if !o.Organizer {
			p.Attends++
			continue
		}
		counted[o.UID] = true
		p.Organizes, p.Rooms, p.Attendees, p.External = p.Organizes+1, p.Rooms+o.Rooms, p.Attendees+o.Attendees, p.External+o.External
	}
	bookings, err := a.Offboarder.Bookings(ctx, p.GUID)
	if err != nil {
		return p, err
	}
	for _, b := range bookings {
		if !counted[b.UID] {
			p.Rooms++
		}
	}
	set, err := a.Delegates.Read()
	if err != nil {
		return p, err
	}
	p.Delegates, p.Delegators, p.StandIns = len(set.Records(p.GUID)), len(set.RecordsFor(p.GUID)), len(set.StandIns(p.GUID))
	if p.Links, err = a.Links.Count(ctx, p.GUID); err != nil {
		return p, err
	}
	if a.Devices != nil {
		devices, err := a.Devices.List(ctx, p.GUID)
		if err != nil {
			return p, err
		}
		p.Devices = len(devices)
	}
	return p, a.Store.View(ctx, func(tx *store.Tx) error {
		p.Objects, p.Bytes = 0, 0
		h, err := tx.Home(p.GUID)
		if err != nil {
			return skipNotFound(err)
		}
		p.Objects, p.Bytes = h.Objects, h.UsedBytes
		return nil
	})
}

func (a *Admin) offboardExport(ctx context.Context, r OffboardRequest, out io.Writer) error {
	guid, name, _, err := a.leaver(ctx, r.Who)
	if err != nil {
		return err
	}
	act := offboardAct(a.Operator.By(r.By, r.Reason), "principal.export", guid, name)
	return a.Audit.Do(ctx, act, func() (any, error) { return nil, a.Offboarder.Export(ctx, guid, out) })
}
