package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

const (
	trackEvery   = 2 * time.Second // how often is asked what has changed
	trackSlowest = time.Minute     // how seldom, where that fails again and again
	trackShare   = 20              // of so much time one part is spent asking
	settleFor    = time.Second     // what was being read meanwhile is old, too
	mostChanges  = 20_000          // of one round; beyond, all is taken to have changed

	// A server that fails once and comes back, perhaps restored, costs so many failures: it
	// is not flapping yet, and changes count as soon as ever.
	freeFailures = 4
)

// Changes says what has changed in a directory.
type Changes struct {
	All    bool     // anything may have
	GUIDs  []string // of records changed, made or removed; none with All
	Groups bool     // some are groups: who is in which may have changed for everybody
}

// TrackStatus says how changes of a directory are learnt.
type TrackStatus struct {
	On   bool   `json:"on"`
	Way  string `json:"way"`  // by what they are found: uSNChanged, syncrepl, modifyTimestamp; "": not known yet
	Err  string `json:"err"`  // why they are not learnt at the moment
	Host string `json:"host"` // server that they are learnt of
	// NoSync is why the server is asked again and again, though there is a way in which it
	// tells changes by itself (RFC 4533); "" on Active Directory, which has no such way.
	NoSync string `json:"no-sync"`
}

// tracker follows the changes of a directory on a connection of its own.
type tracker struct {
	l    *LDAP
	tell func(Changes)

	host  *host // connected to; nil: to none
	probe *Probe
	root  *ldif.Entry // of its server, as of the beginning of the connection

	numbers numbered
	stamps  stamped
	syncs   synced
	noSync  string // why the way of syncs is not used on this connection

	recent   []told
	every    time.Duration
	asking   time.Time // since when the server is asked in this round, connecting aside
	failures int       // since all was well for a while
	failed   time.Time
}

// told is what was told lately.
type told struct {
	Changes
	at time.Time
}

// errAllDown is that no server is well: the pool says so in the log, and finds out when
// one is again.
var errAllDown = errors.New("no directory server is well")

// errCutOff is that a server did not search to the end.
var errCutOff = errors.New("the directory cuts off the search for changes: it needs an index of modifyTimestamp for equality, or the service account a higher limit")

// Track tells what changes in the directory until ctx is done. It learns that of the
// server that questions go to, on one connection: of Active Directory and Samba by
// uSNChanged ([MS-ADTS] §3.1.1.1.9); of others by content synchronization (RFC 4533), in
// which the server speaks when something has changed, or where it does not serve that by
// modifyTimestamp (RFC 4512 §3.4.4). every is how often changes are told and those servers
// asked that must be, 2 s if it is 0; a directory that fails, or is slow, is asked less
// often, down to once a minute. What was missed while it was away is told afterwards. tell
// must not block.
func (l *LDAP) Track(ctx context.Context, every time.Duration, tell func(Changes)) {
	t := &tracker{l: l, tell: tell, every: cmp.Or(every, trackEvery)}
	defer t.hangUp()
	l.tracking.Store(&TrackStatus{On: true})
	for {
		began := time.Now()
		_, err := guard(func() (struct{}, error) { return struct{}{}, t.round(ctx) })
		if ctx.Err() != nil {
			return
		}
		t.report(err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(t.pause(began, err)):
		}
	}
}

// Tracking says how changes are learnt.
func (l *LDAP) Tracking() TrackStatus {
	if s := l.tracking.Load(); s != nil {
		return *s
	}
	return TrackStatus{}
}

// pause is how long to wait after a round. Where it fails now and then, that counts until
// nothing has failed for a while: a directory that flaps is asked ever more seldom.
func (t *tracker) pause(began time.Time, err error) time.Duration {
	now := time.Now()
	switch {
	case errors.Is(err, errAllDown):
		return t.every
	case err != nil:
		t.slowDown(now)
		return t.backOff()
	case t.failed.After(began):
		return t.backOff()
	case now.Sub(t.failed) > trackSlowest:
		t.failures = 0
	}
	if t.way() == bySync { // nothing is asked
		return t.every
	}
	return min(max(t.every, trackShare*now.Sub(t.asking)), trackSlowest)
}

func (t *tracker) backOff() time.Duration {
	return min(t.every<<min(max(t.failures-freeFailures, 0), 10), trackSlowest)
}

// slowDown counts a failure, or what would become a storm if it came again and again.
func (t *tracker) slowDown(now time.Time) { t.failures, t.failed = t.failures+1, now }

// report keeps the state, and logs when it becomes another.
func (t *tracker) report(err error) {
	was := t.l.Tracking()
	is := TrackStatus{On: true, Way: was.Way, NoSync: was.NoSync}
	if t.host != nil {
		is.Host = t.host.url.String()
	}
	if t.root != nil {
		is.Way, is.NoSync = t.way(), t.noSync
	}
	if err != nil {
		is.Err = err.Error()
	}
	t.l.tracking.Store(&is)
	switch {
	case err != nil && was.Err == "" && !errors.Is(err, errAllDown):
		t.l.log.Warn("changes in the directory are not followed: they show after directory.cache.ttl", "err", err)
	case err == nil && (was.Err != "" || was.Way != is.Way):
		t.l.log.Info("changes in the directory are followed", "by", is.Way, "server", is.Host)
	}
	if err == nil && is.NoSync != "" && is.NoSync != was.NoSync {
		t.l.log.Info("the directory is asked for changes every two seconds", "server", is.Host, "because", is.NoSync)
	}
}

// round finds what has changed since the last and tells it. It loses no time where a server
// has just failed: the next is asked at once.
func (t *tracker) round(ctx context.Context) error {
	following := t.host != nil
	err := t.ask(ctx)
	if !following || !lost(err) || ctx.Err() != nil {
		return err
	}
	t.slowDown(time.Now())
	for range t.l.Health() { // it may be another that fails, too
		if err = t.ask(ctx); !lost(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// lost reports whether an error is that of a connection.
func lost(err error) bool {
	return isNetwork(err) && !errors.Is(err, errAllDown) && !errors.Is(err, errCutOff)
}

// ask is one try of round. A server that cannot be reached, or is silent while another is
// well, is taken to be down, as it is for other questions.
func (t *tracker) ask(ctx context.Context) error {
	began := time.Now()
	err := t.connect(ctx)
	if err != nil {
		return err
	}
	h := t.host
	t.asking = time.Now()
	abort := context.AfterFunc(ctx, t.probe.Close)
	defer abort()
	var c Changes
	switch t.way() {
	case byNumber:
		c, err = t.numbers.changes(t)
	case bySync:
		c, err = t.syncs.changes(ctx, t)
		if no, ok := errors.AsType[*unserved](err); ok {
			return t.doWithout(ctx, no)
		}
	default:
		c, err = t.stamps.changes(t)
	}
	if err != nil {
		t.hangUp()
		if lost(err) && ctx.Err() == nil && time.Since(began) >= h.hedge && len(h.well()) > 1 {
			blameSilent([]*host{h}, []time.Time{began})
		}
	}
	t.pass(c, time.Now())
	return err
}

// doWithout goes on by modifyTimestamp, on another connection: on this one searches may
// be under way. Changes begin anew, with all.
func (t *tracker) doWithout(ctx context.Context, no *unserved) error {
	t.hangUp()
	if err := t.connect(ctx); err != nil {
		return err
	}
	abort := context.AfterFunc(ctx, t.probe.Close)
	defer abort()
	t.noSync, t.stamps = no.reason, stamped{}
	c, err := t.stamps.changes(t)
	if err != nil {
		t.hangUp()
	}
	t.pass(c, time.Now())
	return err
}

// pass tells changes, and those of a moment ago again: who was asking for a record while
// it was changed may have got, and kept, the old one; and a second change within the second has the
// same modifyTimestamp.
func (t *tracker) pass(c Changes, now time.Time) {
	if c.All {
		t.tell(Changes{All: true})
		c.All = false
		t.recent = []told{{c, now}}
		return
	}
	all, keep := c, t.recent[:0]
	for _, r := range t.recent {
		all.GUIDs = append(all.GUIDs, r.GUIDs...)
		all.Groups = all.Groups || r.Groups
		if now.Sub(r.at) < settleFor {
			keep = append(keep, r)
		}
	}
	if t.recent = keep; len(c.GUIDs) > 0 || c.Groups {
		t.recent = append(keep, told{c, now})
	}
	if len(all.GUIDs) > 0 || all.Groups {
		t.tell(all)
	}
}

// connect sees to a connection to the server that questions go to.
func (t *tracker) connect(ctx context.Context) error {
	p, done := t.l.use()
	defer done()
	hosts := p.well()
	if len(hosts) == 0 {
		t.hangUp()
		return errAllDown
	}
	h := hosts[0]
	if t.host == h && !t.probe.c.IsClosing() {
		return nil
	}
	if t.host != nil && t.host != h {
		t.slowDown(time.Now())
	}
	t.hangUp()
	c, err := h.dial(ctx, searchLane)
	if err != nil {
		if ctx.Err() == nil {
			h.markDown(err)
		}
		return fmt.Errorf("%s: %w", h.url, err)
	}
	c.SetTimeout(p.cfg.Timeout)
	t.host, t.probe = h, &Probe{c, h, *p.cfg}
	if t.root, err = t.rootDSE(); err != nil {
		t.hangUp()
		return err
	}
	if t.root.Value(highestUSN) == "" && !slices.Contains(t.root.Values("supportedControl"), ldap.ControlTypeSyncRequest) {
		t.noSync = notOffered
	}
	return nil
}

func (t *tracker) hangUp() {
	if t.probe != nil {
		t.probe.Close()
	}
	t.syncs.hangUp()
	t.host, t.probe, t.root, t.noSync = nil, nil, nil, ""
	t.numbers.service = ""
}

// rootDSE reads what changes are found by, which no server has to think about for long.
func (t *tracker) rootDSE() (*ldif.Entry, error) {
	t.probe.c.SetTimeout(t.host.hedge)
	defer t.probe.c.SetTimeout(t.host.cfg.Timeout)
	e, err := t.read("", []string{highestUSN, "dsServiceName", "namingContexts", "supportedControl", "vendorName"})
	if err == nil {
		t.host.lastResponse.Store(time.Now().UnixNano())
	}
	return e, err
}

func (t *tracker) read(dn string, attrs []string) (*ldif.Entry, error) {
	list, _, err := t.probe.Search(dn, ldif.Base, "(objectClass=*)", attrs, 1)
	if err == nil && len(list) == 0 {
		err = fmt.Errorf("%w: %q cannot be read", errResponse, dn)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// The ways in which changes are found.
const (
	byNumber   = "uSNChanged"
	byTime     = "modifyTimestamp"
	bySync     = "syncrepl"
	highestUSN = "highestCommittedUSN"
)

// way is the one used on this connection; "" without one.
func (t *tracker) way() string {
	switch {
	case t.root == nil:
		return ""
	case t.root.Value(highestUSN) != "":
		return byNumber
	case t.noSync == "":
		return bySync
	}
	return byTime
}

// changed finds the entries of the search bases that filter matches; more says that there
// are too many of them.
func (t *tracker) changed(filter string, attrs ...string) (list []*ldif.Entry, more bool, err error) {
	asked := map[string]bool{}
	for _, s := range t.l.m.specs {
		for i, base := range s.Base {
			if asked[s.folded[i]] {
				continue
			}
			asked[s.folded[i]] = true
			found, more, err := t.probe.Search(base, ldif.Sub, filter, append(t.attributes(), attrs...), mostChanges)
			if err == nil && more && len(found) == 0 {
				err = errCutOff
			}
			if err != nil {
				return nil, false, err
			}
			if list = append(list, found...); more || len(list) > mostChanges {
				return list, true, nil
			}
		}
	}
	return list, false, nil
}

// attributes are those by which is known what an entry is.
func (t *tracker) attributes() []string {
	out := []string{"objectClass"}
	for _, s := range t.l.m.specs {
		out = append(out, s.GUID)
		if s.typ == Group {
			out = append(out, s.compiled.Attributes()...)
		}
	}
	return out
}

// of says what it means that some entries have changed.
func (t *tracker) of(list []*ldif.Entry) (c Changes) {
	for _, e := range list {
		if hasText(e.Values("objectClass"), "organizationalUnit") {
			c.All = true // it may have been moved, and with it all that is in it
		}
		for _, s := range t.l.m.specs {
			if guid := s.guid(e); guid != "" {
				c.GUIDs = append(c.GUIDs, guid)
			}
			c.Groups = c.Groups || s.typ == Group && s.maybe(e)
		}
	}
	return c
}

// maybe reports whether an entry is a group, or was one.
func (s *spec) maybe(e *ldif.Entry) bool {
	if s.compiled.Match(e, nil) == ldif.True {
		return true
	}
	for _, class := range []string{"group", "groupOfNames", "groupOfUniqueNames", "groupOfURLs", "posixGroup"} {
		if hasText(e.Values("objectClass"), class) {
			return true
		}
	}
	return false
}

// refused reports whether an error is a server's refusal, and not a failure to ask.
func refused(err error) bool {
	_, _, ok := ResultCode(err)
	return ok && !ldap.IsErrorAnyOf(err, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable)
}
