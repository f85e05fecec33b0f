package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"convene/admin"
	"convene/auth"
	"convene/calendar"
	"convene/config"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/internal/logging"
	"convene/quota"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/sacl"
	"convene/store"
)

// A controller serves the operator's commands on a socket in the data folder.
type controller struct {
	server *Server
	http   *http.Server
	l      net.Listener
}

func newController(s *Server) *controller {
	c := &controller{server: s}
	c.http = &http.Server{
		Handler:           admin.Handler(s.admin),
		ReadHeaderTimeout: 10 * time.Second,
		ConnContext:       admin.WithPeer,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	return c
}

func (c *controller) listen(dataDir string) (err error) {
	c.l, err = admin.Listen(dataDir)
	return err
}

// run serves commands until ctx ends. Those in progress are then cut off; they
// report it.
func (c *controller) run(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, func() { _ = c.http.Close() }) // it closes a socket, of which nothing is left
	defer stopped()
	err := c.http.Serve(c.l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("commands cannot reach the server any more: %w", err)
}

// admin gives the operator's verbs the parts of the current generation.
func (s *Server) admin() (*admin.Admin, func()) {
	current := s.enter()
	return s.verbs(current), current.leave
}

// enter enters the current generation. While a reload exchanges the sign-in there is none.
func (s *Server) enter() *generation {
	s.gate.RLock()
	defer s.gate.RUnlock()
	current := s.current.Load()
	for !current.enter() {
		current = s.current.Load()
	}
	return current
}

// verbs are the operator's verbs, with the parts of a generation that was entered.
func (s *Server) verbs(current *generation) *admin.Admin {
	return &admin.Admin{
		Store: s.data.store, Directory: current.directory, Devices: current.signIn.Devices(), SACL: current.sacl,
		State: s.data.state,
		Cache: current.directory, Sessions: s.visits, SignIn: current.signIn,
		Provision: provision(s.data.store, current.directory), Audit: s.audit, Reload: s.reloadBy,
		Rooms: s.data.rooms, RoomRules: &current.config.Rooms,
		Delegates: s.data.delegates, Appointed: current.appointed, Now: s.now,
		Data: current.config.Server.Data, Members: members(&current.config, s.data.store, s.data.delegates, s.data.state),
		Rights:    rights(current.calendars.Load()),
		Method:    methods(current.calendars.Load()),
		Finder:    roomFinder{current.calendars.Load()},
		Booker:    roomFinder{current.calendars.Load()},
		RoomTimes: current.calendarData.RoomTimes,
		ActAs:     current.sudo.Load().explained(current.directory),
		Bookings:  &bookings{current.calendars.Load(), current.calendarData, current.directory},
		Meetings:  meetings(s.data.store, &current.config), Ledgers: ledgers(s.data.store),
		Listings:    listings(s.data.store),
		PutBacker:   &putBacker{current.calendars.Load(), current.calendarData},
		Maintenance: maintenanceSwitch{s},
		Health:      func() admin.Health { return s.report(current) },
		Offboarder:  &offboarder{s, current.calendars.Load(), current.calendarData},
		Links:       s.links,
		Mail:        &mailQueue{s.outbox, current.calendarData, s.now},
	}
}

// meetings checks the copies of meetings for the operator's verbs.
func meetings(s *store.Store, c *config.Config) func(context.Context, bool) ([]admin.MeetingProblem, error) {
	return func(ctx context.Context, repair bool) ([]admin.MeetingProblem, error) {
		found, err := (&calendar.Calendars{Store: s, Scheduling: c.Scheduling.Options()}).CheckMeetings(ctx, repair)
		list := make([]admin.MeetingProblem, len(found))
		for i, p := range found {
			list[i] = admin.MeetingProblem(p)
		}
		return list, err
	}
}

// ledgers checks when rooms are taken, for the operator's verbs.
func ledgers(s *store.Store) func(context.Context, map[string]*policy.Policy, bool) ([]admin.LedgerProblem, error) {
	return func(ctx context.Context, settings map[string]*policy.Policy, repair bool) ([]admin.LedgerProblem, error) {
		found, err := (&calendar.Calendars{Store: s}).CheckLedgers(ctx, settings, repair)
		list := make([]admin.LedgerProblem, len(found))
		for i, p := range found {
			list[i] = admin.LedgerProblem{Owner: p.Owner, Object: p.Object, Detail: p.Detail, Repaired: p.Repaired}
		}
		return list, err
	}
}

// provision makes homes for the operator's verbs.
func provision(s *store.Store, d directory.Directory) func(context.Context, *directory.Principal) error {
	return func(ctx context.Context, owner *directory.Principal) error {
		return (&calendar.Calendars{Store: s, Groups: d.Groups}).Provision(ctx, owner)
	}
}

// An Offline is the parts of a server that does not run, for the operator's
// verbs.
type Offline struct {
	*admin.Admin
	close []func() error
}

// OpenOffline opens the files of a configuration's data folder. It fails if a
// server, or another command, has them open.
func OpenOffline(ctx context.Context, c config.Config) (_ *Offline, err error) {
	if err := checkOwner(c.Server.Data); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	o := &Offline{Admin: &admin.Admin{Operator: admin.Self()}}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.Close())
		}
	}()
	quiet := slog.New(slog.DiscardHandler)
	var policy atomic.Pointer[quota.Policy]
	policy.Store(c.QuotaPolicy())
	stderr := slog.New(logging.NewTextHandler(os.Stderr, slog.LevelWarn))
	if err = resumeRestore(c.Server.Data, stderr); err != nil {
		return nil, err
	}
	if o.Store, err = openStore(&c, policy.Load, time.Now, stderr, nil, nil, nil); err != nil {
		return nil, err
	}
	o.close = append(o.close, o.Store.Close)
	if o.Delegates, err = openDelegates(ctx, &c, o.Store, time.Now, quiet, nil, nil); err != nil {
		return nil, err
	}
	o.close = append(o.close, o.Delegates.Close)
	state, err := openState(&c, time.Now, stderr, nil)
	if err != nil {
		return nil, err
	}
	o.close = append(o.close, state.Close)
	o.State = state
	o.Data = c.Server.Data
	if o.Maintenance, err = openMaintenance(c.Server.Data, stderr); err != nil {
		return nil, err
	}
	o.Members = members(&c, o.Store, o.Delegates, state)
	o.Meetings, o.Ledgers = meetings(o.Store, &c), ledgers(o.Store)
	o.Rooms, o.RoomRules = &rooms.Settings{Engine: state, Now: time.Now}, &c.Rooms
	if o.Audit, err = openAudit(&c, stderr, time.Now, nil); err != nil {
		return nil, err
	}
	o.close = append(o.close, o.Audit.Close)
	dir, err := openDirectory(&c, quiet, time.Now)
	if err != nil {
		return nil, err
	}
	o.Directory, o.close = dir, append(o.close, dir.Close)
	o.Provision, o.Appointed = provision(o.Store, dir), appointed.NewList(dir)
	if o.Mail, err = offlineMail(&c, o.Store, dir); err != nil {
		return nil, err
	}
	pins, err := sacl.OpenPins(state, o.Audit, quiet)
	if err != nil {
		return nil, err
	}
	h, err := offlineHandler(ctx, &c, pins, o.Store, o.Delegates, o.Rooms, dir)
	if err != nil {
		return nil, err
	}
	o.ActAs = offlineSudo(ctx, &c, pins, dir).explained(dir)
	o.Rights, o.Method, o.Finder, o.RoomTimes = rights(h), methods(h), roomFinder{h}, h.Calendars.RoomTimes
	o.Listings = listings(o.Store)
	o.PutBacker = &putBacker{h, h.Calendars}
	if len(c.Quota.Groups) > 0 {
		policy.Store(resolveQuota(ctx, pins, dir, c.QuotaPolicy(), quiet))
	}
	if o.SACL, err = openSACL(&c, dir, state, pins, o.Audit, time.Now); err != nil {
		return nil, err
	}
	// Whatever way to sign in is configured, enrolling needs none of them.
	options := c.Auth.Options()
	options.Schemes, options.Basic.Files = []string{auth.SchemeBasic}, nil
	options.Directory, options.State, options.Log = dir, state, quiet
	a, err := auth.New(options)
	if err != nil {
		return nil, err
	}
	o.Devices, o.close = a.Devices(), append(o.close, func() error { return a.Close(ctx) })
	return o, nil
}

// ResetSACL begins the access list of a stopped server anew (see sacl.Reset),
// since OpenOffline takes no list that is not the one in force last. Errors:
// those of the engine and sacl.Reset.
func ResetSACL(ctx context.Context, c config.Config, r admin.SACLReset) (rules int, err error) {
	if err := checkOwner(c.Server.Data); err != nil {
		return 0, fmt.Errorf("data folder: %w", err)
	}
	state, err := openState(&c, time.Now, slog.New(slog.DiscardHandler), nil) // fails if a server has it open
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, state.Close()) }()
	audit, err := offlineAudit(&c)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, audit.Close()) }()
	return sacl.Reset(ctx, saclOptions(&c, state, audit, time.Now), r.With, admin.Self().By(r.By, r.Reason))
}

// checkOwner refuses a folder that is not there, since a typing error should
// not make a new one, and one whose files root would take from their owner.
func checkOwner(dataDir string) error {
	info, err := os.Stat(dataDir)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 && s.Uid != 0 {
		return fmt.Errorf("%s belongs to another account: %w; run this as that account, such as: sudo -u '#%d' convene …", dataDir, fs.ErrPermission, s.Uid)
	}
	return nil
}

// Close closes the files.
func (o *Offline) Close() error {
	var errs []error
	for i := len(o.close) - 1; i >= 0; i-- {
		errs = append(errs, o.close[i]())
	}
	return errors.Join(errs...)
}
