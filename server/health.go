package server

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/delegation"
	"convene/internal/engine"
)

// health knows which files take no changes, the audit log among them, tells systemd,
// and remembers what must not end as if all had been well.
type health struct {
	notify func(state string)

	mu      sync.Mutex
	trouble map[string]error // by file, or what stands for one
	stuck   error            // of the mail
	cert    error            // what is wrong with the certificate, or soon will be
	paused  string           // since when the server is read-only; "": it is not
}

// of returns what the engine of a file tells its trouble.
func (h *health) of(file string) func(error) {
	return func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if err == nil {
			delete(h.trouble, file)
		} else {
			if h.trouble == nil {
				h.trouble = map[string]error{}
			}
			h.trouble[file] = err
		}
		h.notify("STATUS=" + h.status())
	}
}

// delegatesHealth is the name of the delegate database in what health says.
const delegatesHealth = "delegates"

// ofDelegates notes the state of the delegate database, of which only what is wrong is
// told.
func (h *health) ofDelegates(s delegation.State) {
	var err error
	if !s.Served() || !s.Changeable() || s.Condition == delegation.Full || s.Condition == delegation.Unwritable {
		err = &delegation.StateError{State: s}
	}
	h.mu.Lock()
	_, before := h.trouble[delegatesHealth]
	h.mu.Unlock()
	if before || err != nil {
		h.of(delegatesHealth)(err)
	}
}

// mail notes that letters wait too long, or that none does any more.
func (h *health) mail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (err == nil) == (h.stuck == nil) {
		h.stuck = err
		return
	}
	h.stuck = err
	h.notify("STATUS=" + h.status())
}

// certificate notes what is wrong with the certificate, or nil.
func (h *health) certificate(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.cert
	if h.cert = err; before != nil || err != nil {
		h.notify("STATUS=" + h.status())
	}
}

// maintenance notes whether the server is read-only.
func (h *health) maintenance(m *admin.Maintenance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.paused
	h.paused = ""
	if m.On {
		h.paused = m.Since.UTC().Format(time.RFC3339)
	}
	if h.paused != before {
		h.notify("STATUS=" + h.status())
	}
}

// status is one line for whoever asks systemd.
func (h *health) status() string {
	var parts []string
	for _, file := range slices.Sorted(maps.Keys(h.trouble)) {
		err := h.trouble[file]
		said := "the disk refuses changes"
		state, stateful := errors.AsType[*delegation.StateError](err)
		switch {
		case stateful:
			said = state.State.String()
		case errors.Is(err, audit.ErrNotRecorded):
			said = "cannot be written; what must be recorded is refused"
		case errors.Is(err, engine.ErrReadOnly):
			said = "read-only until the next start"
		case errors.Is(err, engine.ErrFull):
			said = "changes are refused for lack of space"
		}
		parts = append(parts, file+": "+said)
	}
	if h.paused != "" {
		parts = append(parts, "read-only for maintenance since "+h.paused)
	}
	if h.stuck != nil {
		parts = append(parts, "mail: "+h.stuck.Error())
	}
	if h.cert != nil {
		parts = append(parts, strings.ReplaceAll(h.cert.Error(), "\n", "; "))
	}
	if parts == nil {
		return "serving"
	}
	return strings.Join(parts, "; ")
}

// err is the error of files that stopped taking changes, which only a new start can
// mend; nil if there are none.
func (h *health) err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for _, file := range slices.Sorted(maps.Keys(h.trouble)) {
		if err := h.trouble[file]; errors.Is(err, engine.ErrReadOnly) {
			errs = append(errs, fmt.Errorf("%s stopped taking changes: %w", file, err))
		}
	}
	return errors.Join(errs...)
}
