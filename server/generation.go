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
	"convene/delegation/appointed"
	"convene/directory"
	"convene/imip/outbox"
	"convene/internal/engine"
	"convene/internal/proxied"
	"convene/quota"
	"convene/rooms"
	"convene/sacl"
)

// A generation is what depends on the configuration: who exists, how they sign in,
// who is let in, and what they may do. Reload makes the next one. A request keeps
// the generation it began with, and one is closed when its last request is done.
type generation struct {
	config    config.Config
	directory *directory.Client
	appointed *appointed.List // delegates whom the directory names
	rooms     *rooms.Index
	signIn    *signIn
	sacl      *sacl.SACL

	calendarData *calendar.Calendars
	mail         *outbox.Settings // nil: none is sent

	policy    acl.Policy // as calendars has it
	calendars atomic.Pointer[caldav.Handler]
	sudo      atomic.Pointer[sudo]
	quota     atomic.Pointer[quota.Policy]

	crossSite *http.CrossOriginProtection // of what browsers send

	users  atomic.Int64 // requests, and one for being the server's
	retire func()       // called when users reaches 0
}

// enter counts a request in. It reports false if the generation was closed meanwhile.
func (g *generation) enter() bool {
	for {
		n := g.users.Load()
		if n == 0 {
			return false
		}
		if g.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (g *generation) leave() {
	if g.users.Add(-1) == 0 {
		g.retire()
	}
}

// openGeneration builds the generation of c, but for its sign-in. It takes over the
// directory of old, which may be nil, if c does not change it.
func (s *Server) openGeneration(ctx context.Context, c config.Config, old *generation) (_ *generation, err error) {
	next := &generation{config: c, crossSite: crossSite(&c), retire: func() {}}
	next.users.Store(1)
	if old != nil && old.directory.Serves(c.Directory) {
		next.directory, next.appointed = old.directory, old.appointed
	} else if next.directory, err = openDirectory(&c, s.log, s.now); err != nil {
		return nil, err
	} else {
		next.appointed = appointed.NewList(next.directory)
	}
	if old == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startLimit)
		defer cancel()
	}
	next.rooms = roomIndex(&next.config, next.directory, s.data.rooms)
	next.calendarData = calendarsOf(&c, s.data.store, s.data.snapshots, &s.data.pace, next.directory)
	if next.mail, err = mailSettings(&c, next.calendarData); err != nil {
		return nil, errors.Join(err, next.discard(old))
	}
	if next.sacl, err = openSACL(&c, next.directory, s.data.state, s.pins, s.audit, s.now); err == nil {
		err = s.setCalendars(ctx, next, s.log)
		s.setQuota(ctx, next, s.log)
	}
	if err != nil {
		return nil, errors.Join(err, next.discard(old))
	}
	checkNames(ctx, next.sacl, s.log)
	return next, nil
}

// discard closes what a generation does not share with old.
func (g *generation) discard(old *generation) error {
	if old != nil && g.directory == old.directory {
		return nil
	}
	return g.directory.Close()
}

// openDirectory opens the directory of a configuration.
func openDirectory(c *config.Config, log *slog.Logger, now func() time.Time) (*directory.Client, error) {
	return directory.Open(c.Directory, directory.ClientOptions{CacheFile: filepath.Join(c.Server.Data, "directory.cache"), Log: log, Now: now})
}

// openSACL opens the access list of a configuration.
func openSACL(c *config.Config, d directory.Directory, state engine.Engine, pins *sacl.Pins, audit *audit.Log, now func() time.Time) (*sacl.SACL, error) {
	o := saclOptions(c, state, audit, now)
	o.Directory, o.Pins = d, pins
	return sacl.Open(o)
}

// saclOptions are those of a configuration, without the directory.
func saclOptions(c *config.Config, state engine.Engine, audit *audit.Log, now func() time.Time) sacl.Options {
	return sacl.Options{Config: c.SACL, File: filepath.Join(c.Server.Data, "sacl.json"), State: state, Audit: audit, Now: now}
}

// exchange makes next the generation that new requests enter. Where it needs a
// sign-in of its own, requests wait at the gate while the old one is closed and
// the new one opened: so the new one knows every ticket that was used. On error
// everything is as before.
func (s *Server) exchange(ctx context.Context, next, old *generation) error {
	if next.directory == old.directory && reflect.DeepEqual(next.config.Auth, old.config.Auth) {
		next.signIn = old.signIn
		s.current.Store(next)
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
		s.current.Store(next)
		return nil
	}
	again, errOld := openSignIn(s.authOptions(old))
	if errOld != nil {
		return errors.Join(err, fmt.Errorf("the former sign-in cannot be opened again: %w", errOld))
	}
	old.signIn = again
	return err
}

// tryAuth opens the sign-in of a generation and closes it: whatever is wrong with the
// settings shows before anything of the running one is closed. It has a state of
// its own, for where nothing else verifies anybody.
func (s *Server) tryAuth(ctx context.Context, next *generation) error {
	trial := s.authOptions(next)
	state := engine.OpenMemory(auth.Tables())
	trial.State, trial.Log = state, slog.New(slog.DiscardHandler)
	a, err := auth.New(trial)
	if err == nil {
		err = a.Close(ctx)
	}
	return errors.Join(err, state.Close())
}

func (s *Server) authOptions(next *generation) auth.Options {
	o := next.config.Auth.Options()
	o.Directory = next.directory
	o.State = s.data.state
	o.Certificate, o.ClientCertificate, o.Secure = shownCertificate, s.clientCertificate, proxied.Secure
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
