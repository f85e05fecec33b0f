package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// outcome is what one host had to say.
type outcome[T any] struct {
	h   *host
	v   T
	err error
}

// hostError is a failure that says something about the host, not about the
// question: another host may respond.
type hostError struct{ err error }

func (e *hostError) Error() string { return e.err.Error() }
func (e *hostError) Unwrap() error { return e.err }

// question puts a question to the pool of the moment: see ask.
func question[T any](ctx context.Context, l *LDAP, kind laneKind, fn func(context.Context, *conn) (T, error)) (T, error) {
	p, done := l.use()
	defer done()
	return ask(ctx, p, kind, fn)
}

// ask puts a question to the first host that is well. When that has failed,
// or has been silent for the hedge time, the next is asked as well, and the
// first response counts; so fn may run several times at once and must keep to
// its own data. Errors: whatever fn returns that is the server's response to the
// question; or ErrUnavailable.
func ask[T any](ctx context.Context, p *pool, kind laneKind, fn func(context.Context, *conn) (T, error)) (T, error) {
	var zero T
	hosts := p.well()
	if len(hosts) == 0 {
		return zero, &UnavailableError{RetryAfter: max(maxProbe, min(p.svc.wait(), time.Minute)), Err: p.whyDown()}
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, p.limit)
	defer cancel()
	defer context.AfterFunc(p.ctx, cancel)()
	outcomes := make(chan outcome[T], len(hosts))
	asked := make([]time.Time, 0, len(hosts))
	next := func() {
		h := hosts[len(asked)]
		asked = append(asked, time.Now())
		if !p.spawn(func() {
			v, err := guard(func() (T, error) { return attempt(ctx, h, kind, fn) })
			outcomes <- outcome[T]{h, v, err}
		}) {
			outcomes <- outcome[T]{h: h, err: &UnavailableError{Err: errClosed}}
		}
	}
	next()
	hedge := time.NewTicker(p.hedge)
	defer hedge.Stop()
	var failures error
	for failed := 0; ; {
		select {
		case o := <-outcomes:
			var he *hostError
			if !errors.As(o.err, &he) {
				return o.v, o.err
			}
			failures = errors.Join(failures, fmt.Errorf("%s: %w", o.h.url, he.err))
			failed++
			if len(asked) < len(hosts) {
				next()
				hedge.Reset(p.hedge)
			} else if failed == len(asked) {
				return zero, &UnavailableError{RetryAfter: maxProbe, Err: failures}
			}
		case <-hedge.C:
			if len(asked) < len(hosts) {
				blameSilent(hosts[:len(asked)], asked)
				next()
			}
		case <-ctx.Done():
			if caller.Err() == nil {
				blameSilent(hosts[:len(asked)], asked)
			}
			return zero, &UnavailableError{Err: errors.Join(ctx.Err(), failures)}
		}
	}
}

// blameSilent marks down the hosts that have said nothing at all, on any
// connection, since they were asked. One that responded to others is only slow, or has
// become silent just now: for a while the others are asked first, so that a request with
// several questions waits for it once.
func blameSilent(hosts []*host, asked []time.Time) {
	for i, h := range hosts {
		if h.lastResponse.Load() < asked[i].UnixNano() {
			h.markDown(fmt.Errorf("no response for %v", time.Since(asked[i]).Round(time.Millisecond)))
		} else {
			h.slow.Store(time.Now().Add(2 * h.hedge).UnixNano())
		}
	}
}

// attempt asks one host. If a connection that had been idle turns out to be
// dead, which says nothing about the host, a new one is tried.
func attempt[T any](ctx context.Context, h *host, kind laneKind, fn func(context.Context, *conn) (T, error)) (T, error) {
	for {
		v, reused, err := try(ctx, h, kind, fn)
		var he *hostError
		if errors.As(err, &he) && ctx.Err() == nil {
			if reused && isNetwork(he.err) {
				continue
			}
			h.markDown(he.err)
		}
		return v, err
	}
}

func try[T any](ctx context.Context, h *host, kind laneKind, fn func(context.Context, *conn) (T, error)) (v T, reused bool, err error) {
	c, reused, err := h.get(ctx, kind)
	if err != nil {
		return v, false, &hostError{err}
	}
	abort := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	v, err = fn(ctx, c)
	if !abort() { // the connection was closed under fn
		h.put(kind, c, ctx.Err())
		if err == nil {
			return v, reused, nil
		}
		return v, reused, &hostError{ctx.Err()}
	}
	if isNetwork(err) {
		h.put(kind, c, err)
		return v, reused, &hostError{err}
	}
	h.lastResponse.Store(time.Now().UnixNano())
	h.put(kind, c, nil)
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable) {
		return v, reused, &hostError{err}
	}
	return v, reused, err
}

// isNetwork reports whether err is about the connection: anything that is not
// the server's own result code (RFC 4511 appendix A) or ours.
func isNetwork(err error) bool {
	if err == nil || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrInvalidCredentials) || errors.Is(err, errResponse) {
		return false
	}
	var le *ldap.Error
	return !errors.As(err, &le) || le.ResultCode >= ldap.ErrorNetwork
}

// errResponse is wrapped by errors that a question makes of a server's response.
var errResponse = errors.New("unusable response")

// Probing of hosts that are down.
const (
	minProbe     = 100 * time.Millisecond
	maxProbe     = 2 * time.Second
	refusedProbe = 30 * time.Second // after errRefused, but for errPasswordRefused: see service
)

// A server that was away does not know yet what has changed on the others meanwhile, and one
// that was restored from a backup what has since that: people who are new, or who are not any
// more. It is asked last for as long as it was away, within these bounds; the lower one is the
// pause after which controllers of a site tell each other of changes.
const (
	minCatchUp = 15 * time.Second
	maxCatchUp = 5 * time.Minute
)

// well returns the hosts that are not down, in the order configured, but behind the others
// those that are slow, and last those that were down until lately.
func (p *pool) well() []*host {
	out := make([]*host, 0, len(p.hosts))
	var slow, behind []*host
	now := time.Now()
	for _, h := range p.hosts {
		h.mu.Lock()
		switch {
		case h.down != nil:
		case now.Before(h.behind):
			behind = append(behind, h)
		case now.UnixNano() < h.slow.Load():
			slow = append(slow, h)
		default:
			out = append(out, h)
		}
		h.mu.Unlock()
	}
	return append(append(out, slow...), behind...)
}

// whyDown joins the reasons of all hosts.
func (p *pool) whyDown() error {
	var errs []error
	for _, h := range p.hosts {
		h.mu.Lock()
		if h.down != nil {
			errs = append(errs, fmt.Errorf("%s: %w", h.url, h.down))
		}
		h.mu.Unlock()
	}
	return errors.Join(errs...)
}

// markDown remembers that a host cannot be used, closes its idle connections
// and starts to probe it.
func (h *host) markDown(why error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down != nil || h.pool.ctx.Err() != nil {
		return
	}
	h.down, h.since = why, time.Now()
	h.log.Warn("directory server down", "server", h.url.String(), "err", why)
	h.spawn(func() {
		h.drop()
		h.probe(why)
	})
}

// probe asks a host that is down until it responds.
func (h *host) probe(why error) {
	delay := minProbe
	for {
		held := errors.Is(why, errPasswordRefused)
		switch {
		case held: // the file with the password may change
			delay = maxProbe
		case errors.Is(why, errRefused):
			delay = refusedProbe
		}
		select {
		case <-time.After(delay):
		case <-h.pool.ctx.Done():
			return
		}
		if held && h.svc.wait() > 0 {
			continue
		}
		ctx, cancel := context.WithTimeout(h.pool.ctx, max(h.hedge, time.Second))
		_, _, err := try(ctx, h, searchLane, ping)
		cancel()
		if err == nil {
			break
		}
		why = err
		delay = min(2*delay, maxProbe)
		h.mu.Lock()
		h.down = why
		h.mu.Unlock()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	away := time.Since(h.since)
	h.log.Info("directory server up again", "server", h.url.String(), "down", away.Round(time.Millisecond))
	h.down, h.behind = nil, time.Now().Add(min(max(away, minCatchUp), maxCatchUp))
}

// ping reads the root DSE, as every server allows.
func ping(_ context.Context, c *conn) (struct{}, error) {
	_, err := c.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", []string{"1.1"}, nil))
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInsufficientAccessRights) {
		err = nil // it does respond
	}
	return struct{}{}, err
}
