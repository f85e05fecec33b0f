package audit

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// An Access is a request for calendar data of somebody else, by who may do so as an
// administrator or reader, or by a delegate who says to be another.
type Access struct {
	By
	Owner    Who
	Method   string
	Path     string
	Calendar string // the collection in the owner's home; "" for the home
	Write    bool
	Status   int // of the response

	// Private: it reads an event that its owner has marked as private or confidential.
	Private bool

	// Claimed is whom the client named as SENT-BY instead of who has signed in; "":
	// nobody else. It was not stored.
	Claimed string
}

// Accesses records such requests: each that changes something, and of those that
// read at most one for each actor, owner, calendar or private event, and hour, so that a
// client that looks every minute does not fill the log. It is safe for use by many goroutines.
type Accesses struct {
	log *Log
	now func() time.Time

	mu   sync.Mutex
	hour time.Time
	read map[reading]struct{} // what was recorded in this hour
}

type reading struct {
	actor, owner, calendar string
	path                   string // of a private event
}

// mostReadings bounds what Accesses remembers; beyond, readings are recorded more
// than once in an hour.
const mostReadings = 50_000

// NewAccesses makes one that writes to log.
func NewAccesses(log *Log, now func() time.Time) *Accesses {
	return &Accesses{log: log, now: now}
}

// Record records a request, before its response is sent. Error: ErrNotRecorded; then
// a response that has data must not be sent.
func (a *Accesses) Record(r Access) error {
	if r.Write {
		return a.log.Record(r.act("calendar.write"), r.failure())
	}
	if r.Private {
		return a.once(reading{r.Actor.GUID, r.Owner.GUID, r.Calendar, r.Path}, r.act("private.read"), r.failure())
	}
	return a.once(reading{r.Actor.GUID, r.Owner.GUID, r.Calendar, ""}, r.act("calendar.read"), r.failure())
}

// once records an act unless the same was recorded in this hour.
func (a *Accesses) once(key reading, act Act, failed error) error {
	a.mu.Lock() // while it is written, so that nobody reads before it is on disk
	defer a.mu.Unlock()
	if hour := a.now().UTC().Truncate(time.Hour); !hour.Equal(a.hour) || len(a.read) >= mostReadings {
		a.hour, a.read = hour, map[reading]struct{}{}
	}
	if _, ok := a.read[key]; ok {
		return nil
	}
	if err := a.log.Record(act, failed); err != nil {
		return err
	}
	a.read[key] = struct{}{}
	return nil
}

func (r *Access) act(verb string) Act {
	return Act{
		By: r.By, Verb: verb,
		Object: Object{Type: "calendar", GUID: r.Owner.GUID, Name: r.Owner.Name, Path: r.Path},
		After: struct {
			Method  string `json:"method"`
			Status  int    `json:"status"`
			Claimed string `json:"claimedSentBy,omitempty"`
		}{r.Method, r.Status, r.Claimed},
	}
}

// failure says what the response says of a request that was refused.
func (r *Access) failure() error {
	if r.Status < 400 {
		return nil
	}
	return fmt.Errorf("%w: status %d", errRefused, r.Status)
}

var errRefused = errors.New("refused")
