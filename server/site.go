package server

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"time"

	"convene/acl"
	"convene/audit"
	"convene/auth"
	"convene/caldav"
	"convene/calendar"
	"convene/config"
	"convene/internal/engine"
	"convene/quota"
	"convene/sacl"
)

// A site is what depends on the configuration: who exists, how they sign in,
// who is let in, and what they may do. Reload makes a new one. A request keeps
// the site it began with, and a site is closed when its last request is done.
type site struct {
	config config.Config
	people *people
	signIn *signIn
	sacl   *sacl.SACL

	policy    acl.Policy // as calendars has it
	calendars atomic.Pointer[caldav.Handler]
	quota     atomic.Pointer[quota.Policy]

	users  atomic.Int64 // requests, and one for being the server's
	retire func()       // called when users reaches 0
}

// enter counts a request in. It reports false if the site was closed meanwhile.
func (s *site) enter() bool {
	for {
		n := s.users.Load()
		if n == 0 {
			return false
		}
		if s.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *site) leave() {
	if s.users.Add(-1) == 0 {
		s.retire()
	}
}

// openSite builds the site of c, but for its sign-in. It takes over the
// directory of old, which may be nil, if c does not change it.
func (s *Server) openSite(ctx context.Context, c config.Config, old *site) (_ *site, err error) {
	next := &site{config: c, retire: func() {}}
	next.users.Store(1)
	if old != nil && old.people.serves(c.Directory) {
		next.people = old.people
	} else if next.people, err = openPeople(c.Directory, c.Server.Data, s.log, s.now); err != nil {
		return nil, err
	}
	if next.sacl, err = openSACL(&c, next.people, s.state, s.audit, s.now); err == nil {
		err = s.setCalendars(ctx, next, s.log)
		s.setQuota(ctx, next, s.log)
	}
	if err != nil {
		return nil, errors.Join(err, next.discard(old))
	}
	next.people.checkNames(ctx, &c.SACL, s.log)
	return next, nil
}

// discard closes what a site does not share with old.
func (s *site) discard(old *site) error {
	if old != nil && s.people == old.people {
		return nil
	}
	return s.people.close()
}

// openSACL opens the access list of a configuration.
func openSACL(c *config.Config, p *people, state engine.Engine, audit *audit.Log, now func() time.Time) (*sacl.SACL, error) {
	o := saclOptions(c, state, audit, now)
	o.Directory = p.cache
	return sacl.Open(o)
}

// saclOptions are those of a configuration, without the directory.
func saclOptions(c *config.Config, state engine.Engine, audit *audit.Log, now func() time.Time) sacl.Options {
	return sacl.Options{Config: c.SACL, File: filepath.Join(c.Server.Data, "sacl.json"), State: state, Audit: audit, Now: now}
}

// exchange makes next the site that new requests enter. Where it needs a
// sign-in of its own, requests wait at the gate while the old one is closed and
// the new one opened: so the new one knows every ticket that was used. On error
// everything is as before.
func (s *Server) exchange(ctx context.Context, next, old *site) error {
	if next.people == old.people && reflect.DeepEqual(next.config.Auth, old.config.Auth) {
		next.signIn = old.signIn
		s.site.Store(next)
		return nil
	}
	if err := s.tryAuth(ctx, next); err != nil {
		return err
	}
	s.gate.Lock()
	defer s.gate.Unlock()
	if err := old.signIn.close(ctx); err != nil {
		s.log.Warn("sign-in state", "err", err)
	}
	var err error
	if next.signIn, err = openSignIn(s.authOptions(next)); err == nil {
		s.site.Store(next)
		return nil
	}
	again, errOld := openSignIn(s.authOptions(old))
	if errOld != nil {
		return errors.Join(err, fmt.Errorf("the former sign-in cannot be opened again: %w", errOld))
	}
	old.signIn = again
	return err
}

// tryAuth opens the sign-in of a site and closes it: whatever is wrong with the
// settings shows before anything of the running one is closed. It has a state of
// its own, for where nothing else verifies anybody.
func (s *Server) tryAuth(ctx context.Context, next *site) error {
	trial := s.authOptions(next)
	state := engine.OpenMemory(auth.Tables())
	trial.State, trial.Log = state, slog.New(slog.DiscardHandler)
	a, err := auth.New(trial)
	if err == nil {
		err = a.Close(ctx)
	}
	return errors.Join(err, state.Close())
}

func (s *Server) authOptions(next *site) auth.Options {
	o := next.config.Auth.Options()
	o.Directory = next.people.cache
	o.State = s.state
	o.Certificate = shownCertificate
	o.Log, o.Now = s.log, s.now
	return o
}

// shownCertificate is the certificate that the client of r was shown.
func shownCertificate(r *http.Request) *x509.Certificate {
	if c, ok := r.Context().Value(connKey{}).(*trackedConn); ok {
		return c.shown.Load()
	}
	return nil
}

// resolveLimit is how long a start or reload waits for the directory to say
// who the administrators are. It goes on without, and asks again (see watch).
const resolveLimit = 2 * time.Second

// setCalendars makes the handler of a site, with the administrators and
// readers that the directory knows now. log is told of names that it does not
// know.
func (s *Server) setCalendars(ctx context.Context, next *site, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	policy := next.people.resolve(ctx, next.config.Access, log)
	if next.calendars.Load() != nil && (policy.Incomplete || reflect.DeepEqual(policy, next.policy)) {
		return nil // those known before stay
	}
	if policy.Incomplete {
		log.Warn("the directory does not say who the administrators are; it will be asked again")
	}
	h, err := caldav.New(caldav.Options{
		Calendars: &calendar.Calendars{Store: s.store, Snapshots: s.snapshots, Rules: next.config.Calendars.Rules(), Groups: next.people.cache.Groups},
		Directory: next.people.cache, Access: &policy, Audit: s.accesses,
		Limits: next.config.Calendars, PublicURL: next.config.Server.PublicURL, Memory: s.memory, Log: s.log, Now: s.now,
	})
	if err != nil {
		return err
	}
	next.policy = policy
	next.calendars.Store(h)
	return nil
}
