package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"convene/admin/backup"
	"convene/calendar"
	"convene/config"
	"convene/internal/engine"
	"convene/internal/logging"
	"convene/internal/membudget"
	"convene/quota"
	"convene/snapshot"
	"convene/store"
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
	// WrapEngine returns what is used in place of each engine that was opened:
	// for tests. nil: the engine itself.
	WrapEngine func(engine.Engine) engine.Engine
}

// ErrRoot is returned when the server is started as root.
var ErrRoot = errors.New("running as root; use an account of its own, or set server.allow-root")

// A Server is the whole program but its command line.
type Server struct {
	reread func() (config.Config, error)
	stderr io.Writer
	now    func() time.Time

	logs   *logs
	log    *slog.Logger // errors
	audit  *slog.Logger
	access *logging.Log // nil: off

	store     *store.Store
	snapshots *snapshot.Cache
	memory    *membudget.Budget // of all requests, whatever site they began with
	callers   callers
	state     engine.Engine // of sign-in

	gate sync.RWMutex // see authenticate
	site atomic.Pointer[site]

	quota atomic.Pointer[quota.Policy] // what may be stored now: the site's

	reload  sync.Mutex // one at a time
	maxBody atomic.Int64
	certs   certificates

	slots     *slots
	mu        sync.Mutex // guards listeners and serving
	listeners []*listener
	serving   bool
	failed    chan error // of accepting connections
	plain     *http.Server
	secure    *http.Server
	control   *controller

	background sync.WaitGroup
	stop       context.CancelFunc
}

// Open builds the server of a configuration. It listens on nothing yet. The
// directory need not answer.
func Open(o Options) (_ *Server, err error) {
	c := o.Config
	if os.Geteuid() == 0 && !c.Server.AllowRoot {
		return nil, ErrRoot
	}
	if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	s := &Server{reread: o.Reread, stderr: o.Stderr, now: o.Now, failed: make(chan error, 1), slots: newSlots(c.Limits.Connections)}
	if s.stderr == nil {
		s.stderr = os.Stderr
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.logs, err = openLogs(&c, s.stderr); err != nil {
		return nil, err
	}
	s.log, s.audit, s.access = s.logs.errors, s.logs.audit, s.logs.access
	if err = s.open(c, o.WrapEngine); err != nil {
		return nil, errors.Join(err, s.closeParts())
	}
	return s, nil
}

// open builds the parts that need each other, from the bottom up.
func (s *Server) open(c config.Config, wrap func(engine.Engine) engine.Engine) (err error) {
	s.quota.Store(c.QuotaPolicy())
	if err = resumeRestore(c.Server.Data, s.log); err != nil {
		return err
	}
	if s.store, err = openStore(&c, s.quota.Load, s.now, s.log, wrap); err != nil {
		return err
	}
	if s.state, err = openState(&c, s.log); err != nil {
		return err
	}
	if wrap != nil {
		s.state = wrap(s.state)
	}
	s.snapshots = snapshot.New(snapshot.Options{MaxBytes: int64(c.Storage.Snapshots)})
	s.memory = membudget.New(int64(c.Limits.Memory))
	s.maxBody.Store(int64(c.Limits.Body))
	s.certs.log, s.certs.now = s.log, s.now
	if len(c.Server.HTTPS) > 0 {
		if err = s.certs.use(&c); err != nil {
			return err
		}
	}
	first, err := s.openSite(context.Background(), c, nil)
	if err != nil {
		return err
	}
	if first.signIn, err = openSignIn(s.authOptions(first)); err != nil {
		return errors.Join(err, first.discard(nil))
	}
	s.site.Store(first)
	s.quota.Store(first.quota.Load())
	handler, err := s.chain(s.access)
	if err != nil {
		return err
	}
	s.plain, s.secure = s.httpServer(&c, handler), s.httpServer(&c, handler)
	s.plain.Protocols.SetHTTP2(false) // no Upgrade: h2c, on which Thunderbird stumbles
	s.secure.TLSConfig = s.certs.config(&c)
	s.control = newController(s)
	return nil
}

// ErrInUse is returned when a server runs with the data folder.
var ErrInUse = errors.New("a server runs with this data folder")

// openStore opens the calendars of a configuration's data folder. policy says
// what may be stored. Errors: ErrInUse, also while a backup is being restored; and
// those of the store.
func openStore(c *config.Config, policy func() *quota.Policy, now func() time.Time, log *slog.Logger, wrap func(engine.Engine) engine.Engine) (*store.Store, error) {
	if err := notRunning(context.Background(), c.Server.Data); err != nil {
		return nil, err
	}
	s, err := store.Open(filepath.Join(c.Server.Data, "calendars.db"), store.Options{
		Indexer: calendar.Index, Now: now, ChangeLogAge: c.Storage.SyncFor,
		Quota: policy, FreeDisk: func() (int64, error) { return freeDisk(c.Server.Data) },
		Log: log, Wrap: wrap,
	})
	if err == nil && backup.UnderWay(c.Server.Data) { // begun meanwhile, when no lock was held here
		return nil, errors.Join(fmt.Errorf("%s: %w", c.Server.Data, backup.ErrInUse), s.Close())
	}
	return s, err
}

// openState opens the sign-in state of a configuration's data folder.
func openState(c *config.Config, log *slog.Logger) (engine.Engine, error) {
	e, err := engine.OpenBolt(filepath.Join(c.Server.Data, "auth.db"), engine.BoltOptions{Tables: backup.StateTables(), Log: log})
	if err != nil {
		return nil, fmt.Errorf("sign-in state: %w", err)
	}
	return e, nil
}

// What a client may send on an HTTP/2 connection before its bodies are read, in
// bytes: it is kept before anybody has signed in, and outside the memory of requests.
const (
	connectionBuffer = 256 << 10
	streamBuffer     = 128 << 10
)

func (s *Server) httpServer(c *config.Config, handler http.Handler) *http.Server {
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: c.Limits.HeaderTime,
		ReadTimeout:       c.Limits.ReadTime,
		WriteTimeout:      c.Limits.WriteTime,
		IdleTimeout:       c.Limits.IdleTime,
		MaxHeaderBytes:    int(c.Limits.Header),
		ConnContext:       trackConn,
		ErrorLog:          log.New(httpErrors{s.log}, "", 0),
		Protocols:         new(http.Protocols),
	}
	h.Protocols.SetHTTP1(true)
	h.Protocols.SetHTTP2(true)
	h.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams:          c.Limits.Streams,
		MaxReceiveBufferPerConnection: connectionBuffer,
		MaxReceiveBufferPerStream:     streamBuffer,
	}
	return h
}

// Listen opens the addresses that are configured, or takes those that systemd
// opened instead. Serve calls it if nobody has.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners != nil {
		return nil
	}
	list, err := inherited(s.slots)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		if list, err = listen(&s.site.Load().config.Server, nil, s.slots); err != nil {
			return err
		}
	}
	s.listeners = list
	return nil
}

// URLs returns the addresses that the server listens on, as http://HOST:PORT
// and https://HOST:PORT, with the IP addresses as they are.
func (s *Server) URLs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, l := range s.listeners {
		scheme := "http://"
		if l.secure {
			scheme = "https://"
		}
		out = append(out, scheme+l.Addr().String())
	}
	return out
}

// securePort is the port of the first address with TLS, "" if there is none.
func (s *Server) securePort() string {
	for _, u := range s.URLs() {
		if address, ok := strings.CutPrefix(u, "https://"); ok {
			return address[strings.LastIndexByte(address, ':')+1:]
		}
	}
	return ""
}

// Serve answers requests until ctx is done or an address fails. Then requests
// in progress are finished, for at most limits.drain-timeout, and everything is
// closed. It may be called once.
func (s *Server) Serve(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return errors.Join(err, s.Close())
	}
	if err := s.control.listen(s.site.Load().config.Server.Data); err != nil {
		return errors.Join(err, s.Close())
	}
	s.mu.Lock()
	s.serving = true
	for _, l := range s.listeners {
		s.accept(l)
	}
	s.mu.Unlock()
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.background.Go(func() { s.watch(background) })
	s.background.Go(func() { s.maintain(background) })
	s.background.Go(func() { s.control.serve() })
	for _, u := range s.URLs() {
		s.log.Info("listening", "address", u)
	}
	s.notify(daemon.SdNotifyReady)

	var err error
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	s.notify(daemon.SdNotifyStopping)
	return errors.Join(err, s.Close())
}

// accept serves one listener in the background.
func (s *Server) accept(l *listener) {
	s.background.Go(func() {
		var err error
		if l.secure {
			err = s.secure.ServeTLS(l, "", "")
		} else {
			err = s.plain.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
			return // stopped, or no longer configured
		}
		select {
		case s.failed <- fmt.Errorf("address %s: %w", l.Addr(), err):
		default:
		}
	})
}

// maintainEvery is how often the store does what it has put off: deleted
// calendars are purged, old sync positions forgotten.
const maintainEvery = 10 * time.Minute

func (s *Server) maintain(ctx context.Context) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		r, err := s.store.Maintain(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("store not maintained", "err", err)
		default:
			s.log.Debug("store maintained", "report", r)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// notify tells systemd; without it, nobody.
func (s *Server) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd not told", "state", state, "err", err)
	}
}

// Close finishes the requests in progress and closes everything. Serve calls
// it in the end.
func (s *Server) Close() error {
	drain := 20 * time.Second
	if current := s.site.Load(); current != nil {
		drain = current.config.Limits.DrainTime
	}
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	s.log.Info("stopping")
	s.slots.close()
	var errs []error
	for _, h := range []*http.Server{s.plain, s.secure} {
		if err := h.Shutdown(ctx); err != nil {
			s.log.Warn("requests cut short", "err", err)
			errs = append(errs, h.Close())
		}
	}
	s.mu.Lock()
	if !s.serving {
		for _, l := range s.listeners { // those nobody served yet
			errs = append(errs, l.Close())
		}
	}
	s.mu.Unlock()
	errs = append(errs, s.control.close())
	if s.stop != nil {
		s.stop()
	}
	s.background.Wait()
	errs = append(errs, s.closeParts())
	return errors.Join(errs...)
}

// closeParts closes what open opened, as far as it came, from the top down.
func (s *Server) closeParts() error {
	var errs []error
	if current := s.site.Load(); current != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		errs = append(errs, current.signIn.close(ctx), current.people.close())
	}
	if s.state != nil {
		errs = append(errs, s.state.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(append(errs, s.logs.close())...)
}
