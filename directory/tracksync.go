package directory

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"

	"convene/directory/ldif"
)

// synced learns changes by content synchronization (RFC 4533, refreshAndPersist): one
// search for each base that never ends, in which the server says what changes. The zero
// value has not asked yet.
//
// A cookie is kept for each server and base, for as long as the process runs: after a lost
// connection the server begins where it ended. What it cannot tell exactly from there, it
// tells by naming all that is unchanged; all is then taken to have changed.
type synced struct {
	mu         sync.Mutex
	got        Changes            // since it was taken last
	cookies    map[string][]byte  // by server and folded base; none before the first refresh is complete
	containers map[uuid.UUID]bool // organizational units seen
	err        error              // why a search ended
	end        func()             // ends the searches, after their connection; nil: there are none
	searches   sync.WaitGroup     // those that persist
}

// unserved says that a server does not do content synchronization for us.
type unserved struct{ reason string }

func (e *unserved) Error() string { return e.reason }

// notOffered is the reason where the root DSE does not name the control.
const notOffered = "the server does not offer syncrepl (RFC 4533): it needs the overlay syncprov (slapd) or the plug-in Content Synchronization (389 Directory Server)"

// errEnded is a persistent search that the server ended without saying why.
var errEnded = errors.New("the directory has ended the search that tells changes")

// changes returns what has been told since it was called last, and begins the searches of
// a new connection. It returns when their refresh stage is over. Errors: *unserved.
func (s *synced) changes(ctx context.Context, t *tracker) (Changes, error) {
	if s.end != nil {
		return s.take()
	}
	ctx, cancel := context.WithCancel(ctx)
	s.end = cancel
	t.probe.c.SetTimeout(0) // would be one of the searches that persist
	for _, base := range t.l.m.tops() {
		if err := s.begin(ctx, t, base); err != nil {
			c, _ := s.take() // err says why no more is told
			return c, err
		}
	}
	return s.take()
}

// take returns what has been told, and why no more will be.
func (s *synced) take() (Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, err := s.got, s.err
	s.got = Changes{}
	return c, err
}

// hangUp ends the searches of a connection that has been closed. What they have told
// stays to be taken.
func (s *synced) hangUp() {
	if s.end == nil {
		return
	}
	s.end()
	s.searches.Wait()
	s.end, s.err = nil, nil
}

// begin begins the search of one base, from its cookie if there is one.
func (s *synced) begin(ctx context.Context, t *tracker, base string) error {
	key := t.host.url.String() + " " + ldif.FoldDN(base)
	var f *feed
	var err error
	for _, cookie := range s.known(t.root, key) {
		if cookie == nil && err != nil {
			t.l.log.Info("the directory cannot say what has changed since: everything counts as changed", "server", t.host.url, "err", err)
		}
		f = &feed{s: s, t: t, key: key, continued: cookie != nil}
		if err = f.refresh(ctx, base, cookie); err == nil || !refused(err) && !staleCookie(err) {
			break
		}
	}
	switch {
	case err == nil:
		s.searches.Go(func() { f.persist() })
	case ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded), ldap.IsErrorWithCode(err, ldap.LDAPResultAdminLimitExceeded):
		return &unserved{fmt.Sprintf("the server cuts off syncrepl of %q (%v): the service account needs a search limit of unlimited", base, err)}
	case ldap.IsErrorWithCode(err, ldap.LDAPResultUnavailableCriticalExtension):
		return &unserved{fmt.Sprintf("the server does not serve syncrepl of %q (%v): its database needs the overlay syncprov (slapd)", base, err)}
	case refused(err), errors.Is(err, errEnded):
		return &unserved{fmt.Sprintf("the server does not serve syncrepl of %q: %v", base, err)}
	}
	return err
}

// staleCookie reports whether a server wants to be asked for everything again
// (e-syncRefreshRequired, RFC 4533 §2.5).
func staleCookie(err error) bool {
	return ldap.IsErrorWithCode(err, ldap.LDAPResultSyncRefreshRequired)
}

// known are the cookies to try in turn, the last of them none. 389 Directory Server (2.3)
// refuses those that it gives with changes, as they have the number -1: it is asked for
// everything.
func (s *synced) known(root *ldif.Entry, key string) [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.cookies[key]; ok && root.Value("vendorName") != "389 Project" {
		return [][]byte{c, nil}
	}
	return [][]byte{nil}
}

func (s *synced) forget(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cookies, key)
}

// feed is the search of one base on one connection.
type feed struct {
	s         *synced
	t         *tracker
	key       string
	continued bool // from a cookie: what comes is what has changed
	refreshed bool // the refresh stage is over
	answer    ldap.Response
}

// refresh asks for what has changed since the cookie, or for all, and reads until the
// server begins to wait for changes. A server that says nothing for the time that a
// question may take is cut off.
func (f *feed) refresh(ctx context.Context, base string, cookie []byte) error {
	limit := f.t.probe.cfg.Timeout
	stalled := time.AfterFunc(limit, f.t.probe.Close)
	f.answer = f.t.probe.c.Syncrepl(ctx, ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", f.t.attributes(), nil), 0, ldap.SyncRequestModeRefreshAndPersist, cookie, false)
	for !f.refreshed && f.answer.Next() {
		stalled.Reset(limit)
		f.take()
	}
	if !stalled.Stop() && !f.refreshed {
		return &unserved{fmt.Sprintf("the server says nothing to syncrepl of %q for %v", base, limit)}
	}
	if f.refreshed {
		return nil
	}
	return f.ended(ctx)
}

// persist reads until the search ends.
func (f *feed) persist() {
	_, err := guard(func() (struct{}, error) {
		for f.answer.Next() {
			f.take()
		}
		return struct{}{}, f.ended(context.Background())
	})
	if staleCookie(err) {
		f.s.forget(f.key)
	}
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.err = err
}

func (f *feed) ended(ctx context.Context) error {
	switch err := f.answer.Err(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case f.t.probe.c.IsClosing():
		return fmt.Errorf("%s: the connection is lost", f.key)
	}
	return errEnded
}

// take reads one message: an entry with its Sync State Control, or a Sync Info Message
// (RFC 4533 §2.3, §2.5).
func (f *feed) take() {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	for _, c := range f.answer.Controls() {
		switch c := c.(type) {
		case *ldap.ControlSyncState:
			f.entry(f.answer.Entry(), c)
			f.keep(c.Cookie)
		case *ldap.ControlSyncInfo:
			f.info(c)
		}
	}
	if len(f.s.got.GUIDs) > mostChanges {
		f.s.got = Changes{All: true}
	}
}

func (f *feed) info(c *ldap.ControlSyncInfo) {
	switch {
	case c.NewCookie != nil:
		f.keep(c.NewCookie.Cookie)
	case c.SyncIdSet != nil:
		if c.SyncIdSet.RefreshDeletes {
			for _, id := range c.SyncIdSet.SyncUUIDs {
				f.removed(id)
			}
		} else {
			f.s.got.All = true
		}
		f.keep(c.SyncIdSet.Cookie)
	case c.RefreshPresent != nil: // what was not named is not there any more
		f.s.got.All = true
		f.done(c.RefreshPresent.RefreshDone, c.RefreshPresent.Cookie)
	case c.RefreshDelete != nil:
		f.s.got.All = f.s.got.All || !f.continued
		f.done(c.RefreshDelete.RefreshDone, c.RefreshDelete.Cookie)
	}
}

func (f *feed) done(refreshed bool, cookie []byte) {
	f.refreshed = f.refreshed || refreshed
	f.keep(cookie)
}

// keep keeps a cookie. One of a refresh that is under way would leave out what has not
// come yet if the connection was lost now.
func (f *feed) keep(cookie []byte) {
	if len(cookie) == 0 || !f.refreshed {
		return
	}
	if f.s.cookies == nil {
		f.s.cookies = map[string][]byte{}
	}
	f.s.cookies[f.key] = cookie
}

// entry notes what has changed. In a refresh without cookie everything comes, and counts
// as changed when it is over.
func (f *feed) entry(found *ldap.Entry, c *ldap.ControlSyncState) {
	switch {
	case c.State == ldap.SyncStatePresent:
		f.s.got.All = true
	case c.State == ldap.SyncStateDelete:
		f.removed(c.EntryUUID)
	case found != nil:
		e := ldif.NewEntry(found.DN)
		for _, a := range found.Attributes {
			e.Add(a.Name, a.Values...)
		}
		if hasText(e.Values("objectClass"), "organizationalUnit") {
			if f.s.containers == nil {
				f.s.containers = map[uuid.UUID]bool{}
			}
			f.s.containers[c.EntryUUID] = true
		}
		if f.continued || f.refreshed {
			f.s.got.add(f.t.of([]*ldif.Entry{e}))
		}
	}
}

// removed notes that an entry has gone, or left the search base. Of what kind it was
// is not said: it may have been a group, or hold others that went with it.
func (f *feed) removed(id uuid.UUID) {
	c := Changes{Groups: true}
	if f.s.containers[id] {
		c.All = true
		delete(f.s.containers, id)
	}
	for _, s := range f.t.l.m.specs {
		e := ldif.NewEntry("")
		switch {
		case strings.EqualFold(s.GUID, "entryUUID"):
			e.Add(s.GUID, id.String())
		case strings.EqualFold(s.GUID, "nsUniqueId"): // 389 makes the UUID of it
			text := hex.EncodeToString(id[:])
			e.Add(s.GUID, text[:8]+"-"+text[8:16]+"-"+text[16:24]+"-"+text[24:])
		default:
			c.All = true
		}
		c.GUIDs = append(c.GUIDs, s.guid(e))
	}
	f.s.got.add(c)
}

// add adds further changes.
func (c *Changes) add(more Changes) {
	if c.All || more.All {
		*c = Changes{All: true}
		return
	}
	c.GUIDs = append(c.GUIDs, slices.Compact(more.GUIDs)...) // one for each kind of record that it may be
	c.Groups = c.Groups || more.Groups
}

// tops are the search bases that are not below another.
func (m *mapping) tops() (list []string) {
	var folded []string
	for _, s := range m.specs {
		for i, base := range s.Base {
			if slices.Contains(folded, s.folded[i]) || m.below(s.folded[i]) {
				continue
			}
			list, folded = append(list, base), append(folded, s.folded[i])
		}
	}
	return list
}

// below reports whether a folded DN is below a search base.
func (m *mapping) below(dn string) bool {
	return slices.ContainsFunc(m.specs, func(s *spec) bool {
		return slices.ContainsFunc(s.folded, func(base string) bool { return strings.HasSuffix(dn, ","+base) })
	})
}
