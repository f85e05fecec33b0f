package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"convene/audit"
	"convene/auth"
	"convene/config"
	"convene/imip/outbox"
	"convene/internal/engine"
	"convene/internal/membudget"
	"convene/publish"
	"convene/quota"
	"convene/sacl"
	"convene/web"
)

// Options is what Open needs.
type Options struct {
	Config config.Config
	// Reread gives the configuration anew for Reload. nil: Reload keeps the
	// one there is, and reads only the files that it names again.
	Reread func() (config.Config, error)
	// Stderr takes logs whose name is "-". nil: os.Stderr.
	Stderr io.Writer
	Now    func() time.Time // nil: time.Now
	// Version is what the program is called on its pages.
	Version string
	// WrapEngine returns what is used in place of each engine that was opened:
	// for tests. nil: the engine itself.
	WrapEngine func(engine.Engine) engine.Engine
}

// ErrRoot is returned when the server is started as root.
var ErrRoot = errors.New("running as root; use an account of its own, or set server.allow-root")

// A Server is the whole program but its command line.
type Server struct {
	reread  func() (config.Config, error)
	stderr  io.Writer
	now     func() time.Time
	version string

	logs     *logs
	log      *slog.Logger // errors
	audit    *audit.Log   // nil: off
	accesses *audit.Accesses

	data        data
	health      health // of its files, and of the audit log
	maintenance *maintenance
	limits      limits
	certs       certificates
	net         *network
	control     *controller
	outbox      *outbox.Outbox
	pins        *sacl.Pins // which records the names in the configuration mean
	pages       *web.Handler
	visits      *auth.Sessions
	links       *publish.Links // to published calendars
	tries       auth.Tries     // of devices that people set up
	work        runners        // while it serves
	examining   chan struct{}  // asks for a look at the surroundings

	reload  sync.Mutex   // one at a time
	gate    sync.RWMutex // see authenticate
	current atomic.Pointer[generation]
}

// limits are those of all requests, whatever generation they began with.
type limits struct {
	memory  *membudget.Budget
	callers callers
	maxBody atomic.Int64                 // bytes of a request
	quota   atomic.Pointer[quota.Policy] // what may be stored: the current generation's
}

// Open builds the server of a configuration. It listens on nothing yet. The
// directory need not respond.
func Open(o Options) (_ *Server, err error) {
	c := o.Config
	if os.Geteuid() == 0 && !c.Server.AllowRoot {
		return nil, ErrRoot
	}
	if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	s := &Server{reread: o.Reread, stderr: o.Stderr, now: o.Now, version: o.Version, examining: make(chan struct{}, 1)}
	if s.stderr == nil {
		s.stderr = os.Stderr
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logs, err = openLogs(&c, s.stderr); err != nil {
		return nil, err
	}
	s.health.notify, s.health.now = s.notify, s.now
	s.log = s.logs.errors
	warnReadable(&c, s.log)
	if err = s.open(c, o.WrapEngine); err != nil {
		return nil, errors.Join(err, s.closeParts())
	}
	return s, nil
}

// open builds the parts that need each other, from the bottom up.
func (s *Server) open(c config.Config, wrap func(engine.Engine) engine.Engine) (err error) {
	s.limits.quota.Store(c.QuotaPolicy())
	s.limits.memory = membudget.New(int64(c.Limits.Memory))
	s.limits.maxBody.Store(int64(c.Limits.Body))
	if s.maintenance, err = openMaintenance(c.Server.Data, s.log); err != nil {
		return err
	}
	s.health.maintenance(s.maintenance.state.Load())
	if err = s.data.open(&c, s.limits.quota.Load, s.now, s.log, &s.health, s.maintenance.gate, wrap); err != nil {
		return err
	}
	if err = s.sayHeld(context.Background()); err != nil {
		return err
	}
	if s.audit, err = openAudit(&c, s.log, s.now, s.health.of(auditHealth)); err != nil {
		return err
	}
	s.accesses = audit.NewAccesses(s.audit, s.now)
	s.certs.log, s.certs.now, s.certs.faults = s.log, s.now, s.health.certificate
	if len(c.Server.HTTPS) > 0 {
		if err = s.certs.use(&c); err != nil {
			return err
		}
	}
	if s.pages, err = s.openPages(); err != nil {
		return err
	}
	if s.pins, err = sacl.OpenPins(s.data.state, s.audit, s.log); err != nil {
		return err
	}
	s.pins.Keep(pinned(&c))
	first, err := s.openGeneration(context.Background(), c, nil)
	if err != nil {
		return err
	}
	if first.signIn, err = openSignIn(s.authOptions(first)); err != nil {
		return errors.Join(err, first.discard(nil))
	}
	s.current.Store(first)
	s.limits.quota.Store(first.quota.Load())
	handler, err := s.chain(s.logs.access)
	if err != nil {
		return err
	}
	if s.net, err = newNetwork(&c, handler, &s.certs, s.log); err != nil {
		return err
	}
	for _, h := range []*http.Server{s.net.plain, s.net.secure} {
		h.RegisterOnShutdown(s.pages.EndLive)
	}
	s.control = newController(s)
	s.outbox = s.openOutbox()
	return nil
}

// Handler serves requests as those are served that come to the addresses: for who has
// something to store before anybody else can.
func (s *Server) Handler() http.Handler { return s.net.plain.Handler }

// Listen opens the addresses that are configured, or takes those that systemd
// opened instead. Serve calls it if nobody has.
func (s *Server) Listen() error { return s.net.listen(&s.current.Load().config.Server) }

// URLs returns the addresses that the server listens on, as http://HOST:PORT
// and https://HOST:PORT, with the IP addresses as they are.
func (s *Server) URLs() []string { return s.net.urls() }

// Serve serves requests until ctx is done or an address fails. Then requests
// in progress are finished, for at most limits.drain-timeout, and everything is
// closed. It may be called once. It returns an error too if a file had stopped taking
// changes.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.control.listen(s.current.Load().config.Server.Data); err != nil {
		return errors.Join(err, s.Close())
	}
	herald, err := s.openHerald(context.WithoutCancel(ctx))
	if err != nil {
		return errors.Join(err, s.Close())
	}
	s.net.serve()
	s.lookAgain()
	s.work.start(s.log, runner{"commands", s.control.run}, runner{"watch files and names", s.watch}, runner{"certificates", s.certs.follow}, runner{"maintain the store", s.maintain},
		runner{"look after the delegate database", s.tendDelegates}, runner{"old messages", s.sweep}, runner{"mail", func(ctx context.Context) error { return s.outbox.Run(admitted(ctx)) }},
		runner{"bookings of rooms", s.tendRooms}, runner{"people who have left", s.tendLeavers}, runner{"letters about delegates", herald.run}, runner{"sessions", s.sweepSessions}, runner{"look at the surroundings", s.examine}, runner{"watchdog", s.watchdog})
	for _, u := range s.URLs() {
		s.log.Info("listening", "address", u)
	}
	s.notify(daemon.SdNotifyReady)

	select {
	case <-ctx.Done():
	case err = <-s.net.failed:
	}
	s.notify(daemon.SdNotifyStopping)
	return errors.Join(err, s.Close(), s.health.err())
}

// notify notifies systemd, if it started the server.
func (s *Server) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd not notified", "state", state, "err", err)
	}
}

// Close finishes the requests in progress and closes everything. Serve calls
// it in the end.
func (s *Server) Close() error {
	drain := 20 * time.Second
	if current := s.current.Load(); current != nil {
		drain = current.config.Limits.DrainTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	s.log.Info("stopping")
	err := s.net.close(ctx)
	s.work.stop()
	return errors.Join(err, s.closeParts())
}

// closeParts closes what open opened, as far as it came, from the top down.
func (s *Server) closeParts() error {
	var errs []error
	if s.certs.acme != nil {
		s.certs.acme.stop()
	}
	if current := s.current.Load(); current != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, current.signIn.close(ctx), current.directory.Close())
	}
	return errors.Join(append(errs, s.audit.Close(), s.data.close(), s.logs.close())...)
}
