package admin

import (
	"context"
	"errors"
	"time"

	"convene/audit"
	"convene/directory"
)

// A PutBack is what is put back into one calendar of somebody from a backup, while the
// server runs. Whoever calls has read the backup: neither it nor its key is the server's
// to see.
type PutBack struct {
	Who        string         `json:"who"`
	Collection KeptCollection `json:"collection"`
	Objects    []KeptObject   `json:"objects"`
	Into       string         `json:"into,omitempty"` // the display name of the calendar that takes them; "": their own
	Replace    bool           `json:"replace,omitempty"`
	DryRun     bool           `json:"dryRun,omitempty"`
	Of         time.Time      `json:"of"` // when the backup was made

	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// KeptCollection is a collection as a backup has it. Kind and Components are the store's.
type KeptCollection struct {
	Name       string         `json:"name"`
	Kind       uint8          `json:"kind"`
	Components uint8          `json:"components"`
	Properties []KeptProperty `json:"properties,omitempty"`
	List       []byte         `json:"list,omitempty"`
}

// KeptProperty is a property as a backup has it.
type KeptProperty struct {
	Name  string `json:"name"`
	Value []byte `json:"value"`
}

// KeptObject is an object as a backup has it.
type KeptObject struct {
	Name       string         `json:"name"`
	UID        string         `json:"uid,omitempty"`
	Body       []byte         `json:"body"`
	Properties []KeptProperty `json:"properties,omitempty"`
	List       []byte         `json:"list,omitempty"`
	Booked     []KeptBooking  `json:"booked,omitempty"`
}

// KeptBooking is the copy that a room had of a meeting.
type KeptBooking struct {
	Room     string     `json:"room"` // GUID
	Calendar string     `json:"calendar"`
	Copy     KeptObject `json:"copy"`
}

// Results of PutBackResult besides those of package calendar.
const (
	PutDiffers  = "differs"  // it is another now, and stays so
	PutConflict = "conflict" // a room has no time for it
	PutRefused  = "refused"  // by a rule, such as a quota
)

// PutBackResult says what became of an object: created, replaced, same, or one of the
// results above with the reason.
type PutBackResult struct {
	Calendar string `json:"calendar"`
	Name     string `json:"name"`
	UID      string `json:"uid,omitempty"`
	Result   string `json:"result"`
	Reason   string `json:"reason,omitempty"`
}

// A PutBacker puts objects back into the calendars of somebody. Errors are those of no
// single object.
type PutBacker interface {
	PutBack(ctx context.Context, owner *directory.Principal, p *PutBack) ([]PutBackResult, error)
}

// PutBackObjects puts objects of a backup back into a calendar, each for itself: nobody
// is invited, rooms are booked again if they have the time. With DryRun nothing is
// changed, and the results say what would be. Errors: those of the directory and the store.
func PutBackObjects(ctx context.Context, c Conn, p PutBack) ([]PutBackResult, error) {
	return call[[]PutBackResult](ctx, c, "put-back", p)
}

// putBackDone is what was put back, in the audit log.
type putBackDone struct {
	Of      time.Time      `json:"of"`
	Into    string         `json:"into,omitempty"`
	Objects map[string]int `json:"objects"` // by result
}

func (a *Admin) putBack(ctx context.Context, p PutBack) (results []PutBackResult, err error) {
	if a.PutBacker == nil {
		return nil, ErrVerb
	}
	owner, err := a.find(ctx, p.Who)
	if err != nil {
		return nil, err
	}
	do := func() (any, error) {
		results, err = a.PutBacker.PutBack(ctx, owner, &p)
		done := putBackDone{Of: p.Of, Into: p.Into, Objects: map[string]int{}}
		for _, r := range results {
			done.Objects[r.Result]++
		}
		return done, err
	}
	if p.DryRun {
		_, err = do()
	} else {
		act := audit.Act{By: a.Operator.By(p.By, p.Reason), Verb: "calendar.restore",
			Object: audit.Object{Type: "calendar", GUID: owner.GUID, Name: owner.Name, Path: p.Collection.Name}}
		err = a.Audit.Do(ctx, act, do)
	}
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	return append([]PutBackResult{}, results...), err
}
