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
	now    func() time.Time

	mu      sync.Mutex
	trouble map[string]error // by file, or what stands for one
	stuck   error            // of the mail
	cert    error            // what is wrong with the certificate, or soon will be
	paused  string           // since when the server is read-only; "": it is not

	since map[string]time.Time // of what is not as it should be, by the name of the part
}

// of returns what the engine of a file tells its trouble.
func (h *health) of(file string) func(error) {
	return func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.noted(file, err)
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

// The names of parts that are no files.
const (
	auditHealth       = "audit log"
	mailHealth        = "mail"
	certificateHealth = "certificate"
	directoryHealth   = "directory"
	backupHealth      = "backup"
)

// noted remembers since when something is wrong. The caller holds h.mu.
func (h *health) noted(part string, err error) {
	if err == nil {
		delete(h.since, part)
		return
	}
	if h.since == nil {
		h.since = map[string]time.Time{}
	}
	if _, before := h.since[part]; !before {
		h.since[part] = h.now().UTC().Truncate(time.Second)
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
	h.noted(mailHealth, err)
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
	h.noted(certificateHealth, err)
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
		said, _ := explained(h.trouble[file])
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

// explained says what an error of a file means, and what to do.
func explained(err error) (said, cure string) {
	state, stateful := errors.AsType[*delegation.StateError](err)
	switch {
	case stateful:
		return state.State.String(), state.State.Cure()
	case errors.Is(err, audit.ErrNotRecorded):
		return "cannot be written; what must be recorded is refused", admin.KindOf(err).Cure
	case errors.Is(err, engine.ErrReadOnly):
		return "read-only until the next start", "look at the disk, then start the server again"
	case errors.Is(err, engine.ErrFull):
		return "changes are refused for lack of space", admin.KindOf(err).Cure
	}
	return "the disk refuses changes", "look at the disk"
}

// parts says how everything is that reports here, in a fixed order.
func (h *health) parts() []admin.HealthPart {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []admin.HealthPart
	add := func(name, said, cure string, err error) {
		p := admin.HealthPart{Name: name, State: admin.Healthy}
		if err != nil {
			p = admin.HealthPart{Name: name, State: admin.Degraded, Since: h.since[name], Error: said, Cure: cure}
		}
		list = append(list, p)
	}
	for _, file := range []string{"calendars.db", "auth.db", delegatesHealth, auditHealth} {
		err := h.trouble[file]
		said, cure := "", ""
		if err != nil {
			said, cure = explained(err)
		}
		add(file, said, cure, err)
	}
	for _, p := range []struct {
		name, cure string
		err        error
	}{{mailHealth, "convene mail list says what waits, and why", h.stuck}, {certificateHealth, certificateCure(h.cert), h.cert}} {
		said := ""
		if p.err != nil {
			said = p.err.Error()
		}
		add(p.name, said, p.cure, p.err)
	}
	return list
}

func certificateCure(err error) string {
	if _, ok := errors.AsType[*acmeError](err); ok {
		return "the error log says why there is none; convene admin reload asks the ACME server at once"
	}
	return "put a certificate in its place that is valid and has the server's name"
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
