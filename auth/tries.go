package auth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"convene/directory"
	"convene/internal/header"
)

const (
	watchLife   = 15 * time.Minute
	maxWatches  = 1000
	maxTries    = 20
	maxTryWords = 200 // bytes of a path
)

// A Problem is why a client that tried to sign in does not have its calendars.
type Problem string

// The problems, the likely ones first.
const (
	NoProblem     Problem = ""
	WrongPassword Problem = "wrong-password"
	WithoutTLS    Problem = "without-tls"  // the password came in the clear, and was not looked at
	WrongPath     Problem = "wrong-path"   // signed in, and nothing is at the address
	NotAllowed    Problem = "not-allowed"  // by the access list, or the record
	TooMany       Problem = "too-many"     // wrong passwords; this one was not looked at
	NotPossible   Problem = "not-possible" // at the moment
	NotCalDAV     Problem = "not-caldav"   // signed in, and asked for something that is not theirs, or no calendar
)

// A Try is what became of a request of somebody who watches for it.
type Try struct {
	At      time.Time
	Address string
	Agent   string
	Method  string
	Path    string
	Secure  bool
	Device  string // ID of the device password, "" if it was none
	Problem Problem
}

// Tries lets people see what becomes of the requests of a device that they are
// setting up. Nothing is noted of anybody who does not watch, and nothing is kept over a
// restart. The zero Tries is ready; it is safe for use by many goroutines.
type Tries struct {
	watching atomic.Int64 // len(all): most of the time nobody watches
	mu       sync.Mutex
	all      map[string]*watched // by GUID
}

type watched struct {
	until  time.Time
	from   time.Time
	logins []string // with which they may sign in, in lower case
	tries  []Try    // the last first
}

// Watch begins to note what p's devices do, for a while. What was noted before goes.
func (t *Tries) Watch(p *directory.Principal, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil {
		t.all = map[string]*watched{}
	}
	for guid, w := range t.all {
		if !now.Before(w.until) {
			delete(t.all, guid)
		}
	}
	if len(t.all) < maxWatches || t.all[p.GUID] != nil {
		logins := loginForms(p)
		for i, l := range logins {
			logins[i] = strings.ToLower(l)
		}
		t.all[p.GUID] = &watched{until: now.Add(watchLife), from: now, logins: logins}
	}
	t.watching.Store(int64(len(t.all)))
}

// Seen returns what was noted for somebody, the last first, and since when they watch;
// zero: they do not.
func (t *Tries) Seen(guid string, now time.Time) (tries []Try, since time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.all[guid]
	if w == nil || !now.Before(w.until) {
		return nil, time.Time{}
	}
	return slices.Clone(w.tries), w.from
}

// Watched reports whether anybody watches.
func (t *Tries) Watched() bool { return t.watching.Load() > 0 }

// Note notes a request that was answered with status, if somebody watches for it. caller
// and out are what sign-in made of it; a try that has a Problem keeps it.
func (t *Tries) Note(r *http.Request, try Try, caller *Caller, out *Outcome, status int) {
	if !t.Watched() || errors.Is(out.Err, ErrStale) {
		return
	}
	guid, login := "", ""
	if caller != nil && caller.Self().Principal != nil {
		self := caller.Self()
		guid, try.Device = self.Principal.GUID, self.Device
	} else if login = claimed(r); login == "" {
		return // clients ask once without a password: that says nothing
	}
	if try.Problem == NoProblem {
		try.Problem = problem(caller, out, status)
	}
	try.Agent, try.Method, try.Path = cleanAgent(try.Agent), cleanAgent(try.Method), cleanAgent(try.Path)
	if len(try.Path) > maxTryWords {
		try.Path = strings.ToValidUTF8(try.Path[:maxTryWords], "")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for of, w := range t.all {
		if of != guid && !slices.Contains(w.logins, login) || !try.At.Before(w.until) {
			continue
		}
		w.add(try)
	}
}

// add notes a try. One like the last replaces it: clients ask again and again.
func (w *watched) add(try Try) {
	if len(w.tries) > 0 {
		last := w.tries[0]
		last.At = try.At
		if last == try {
			w.tries[0] = try
			return
		}
	}
	w.tries = slices.Insert(w.tries, 0, try)
	w.tries = w.tries[:min(len(w.tries), maxTries)]
}

// claimed is the login, in lower case, that a request's credentials name; "" if they
// name none.
func claimed(r *http.Request) string {
	scheme, rest, _ := strings.Cut(strings.TrimLeft(header.Get(r.Header, "Authorization"), " \t"), " ")
	login := ""
	switch {
	case strings.EqualFold(scheme, SchemeBasic) && len(rest) <= maxBasic:
		rest = strings.TrimRight(strings.Trim(rest, " \t"), "=")
		if raw, err := base64.RawStdEncoding.DecodeString(rest); err == nil {
			login, _, _ = strings.Cut(string(raw), ":")
		}
	case strings.EqualFold(scheme, SchemeDigest):
		if _, after, ok := strings.Cut(rest, `username="`); ok {
			login, _, _ = strings.Cut(after, `"`)
		}
	}
	return strings.ToLower(login)
}

// problem is what is wrong with a request, by how it was answered.
func problem(caller *Caller, out *Outcome, status int) Problem {
	var throttled *throttledError
	switch {
	case errors.Is(out.Err, ErrInsecure):
		return WithoutTLS
	case errors.As(out.Err, &throttled):
		return TooMany
	case errors.Is(out.Err, ErrNotEnabled):
		return NotAllowed
	case status >= 500:
		return NotPossible
	case caller == nil:
		return WrongPassword
	case status == http.StatusNotFound, status == http.StatusGone:
		return WrongPath
	case status == http.StatusForbidden, status == http.StatusMethodNotAllowed, status == http.StatusBadRequest:
		return NotCalDAV
	}
	return NoProblem
}
