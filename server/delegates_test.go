package server_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/admin/backup"
	"convene/audit"
	"convene/config"
	"convene/delegation"
	"convene/server"
)

const (
	bobGUID      = "11111111-0000-0000-0000-000000000002"
	annEventURL  = "/calendars/users/ann/calendar/1.ics"
	annWriters   = "/principals/users/ann/calendar-proxy-write/"
	annsReaders  = "/principals/users/ann/calendar-proxy-read/"
	delegateFile = "delegates.db"
)

// A drill is a server with delegates to which something happens.
type drill struct {
	t *testing.T
	c config.Config
	*running
}

// newDrill starts a server on which bob writes to ann's calendars.
func newDrill(t *testing.T) *drill {
	t.Helper()
	d := &drill{t: t, c: smallConfig(t)}
	d.start()
	d.status(201, "PUT", annEventURL, "ann", anEvent("1", "one"))
	d.name(annWriters, bobGUID)
	d.status(200, "GET", annEventURL, "bob", "")
	return d
}

func (d *drill) start() { d.t.Helper(); d.running = serve(d.t, d.c) }

func (d *drill) stopped() {
	d.t.Helper()
	if err := d.stop(); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drill) status(want int, method, path, user, body string) answer {
	d.t.Helper()
	a := do(d.t, client(), method, d.HTTP+path, user, body, "Content-Type: text/calendar")
	if a.StatusCode != want {
		d.t.Fatalf("%s %s by %s: %s, want %d\n%s", method, path, user, a.Status, want, a.Body)
	}
	return a
}

func membersBody(guids ...string) string {
	var b strings.Builder
	for _, g := range guids {
		fmt.Fprintf(&b, "<D:href>/principals/__uids__/%s/</D:href>", g)
	}
	return `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set>` + b.String() + `</D:group-member-set></D:prop></D:set></D:propertyupdate>`
}

// name makes principals the delegates of a group of ann's.
func (d *drill) name(group string, guids ...string) {
	d.t.Helper()
	if a := d.status(207, "PROPPATCH", group, "ann", membersBody(guids...)); !strings.Contains(a.Body, " 200 OK") {
		d.t.Fatalf("PROPPATCH: %s", a.Body)
	}
}

func (d *drill) conn() *admin.Client {
	d.t.Helper()
	var c *admin.Client
	eventually(d.t, "control socket", func() (ok bool) {
		var err error
		c, err = admin.Dial(d.t.Context(), d.c.Server.Data)
		return err == nil
	})
	d.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			d.t.Error(err)
		}
	})
	return c
}

// copied is a verified copy, by command.
func (d *drill) copied() []byte {
	d.t.Helper()
	var b bytes.Buffer
	if err := admin.BackUpDelegates(d.t.Context(), d.conn(), &b); err != nil {
		d.t.Fatal(err)
	}
	return b.Bytes()
}

// list is who acts for whom, by command.
func (d *drill) list() admin.Delegates {
	d.t.Helper()
	list, err := admin.ListDelegates(d.t.Context(), d.conn(), admin.DelegatesRequest{Ended: true})
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

func (d *drill) path(name string) string { return filepath.Join(d.c.Server.Data, name) }

func (d *drill) write(name string, text []byte) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), text, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drill) read(name string) []byte {
	d.t.Helper()
	text, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return text
}

func (d *drill) remove(names ...string) {
	d.t.Helper()
	for _, n := range names {
		if err := os.RemoveAll(d.path(n)); err != nil {
			d.t.Fatal(err)
		}
	}
}

// restore restores a copy by command.
func (d *drill) restore(b []byte) {
	d.t.Helper()
	if _, err := admin.RestoreDelegates(d.t.Context(), d.conn(), admin.DelegateRestore{Copy: b, By: "test"}); err != nil {
		d.t.Fatal(err)
	}
}

func (d *drill) cure(cure string) {
	d.t.Helper()
	if _, err := admin.CureDelegates(d.t.Context(), d.conn(), admin.DelegateCure{Cure: cure, By: "test"}); err != nil {
		d.t.Fatal(err)
	}
}

// wantRefused checks what a server does that does not know who is a delegate.
func (d *drill) wantRefused(c delegation.Condition) {
	d.t.Helper()
	d.status(200, "GET", annEventURL, "ann", "")
	d.status(204, "PUT", annEventURL, "ann", anEvent("1", "changed"))
	if a := d.status(503, "GET", annEventURL, "bob", ""); a.Header.Get("Retry-After") != "300" {
		d.t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
	}
	d.status(503, "PROPPATCH", annWriters, "ann", membersBody())
	if !strings.Contains(d.Log.String(), "delegates: "+string(c)) {
		d.t.Errorf("the log does not say %s", c)
	}
	s, err := admin.VerifyDelegates(d.t.Context(), d.conn())
	if err != nil || s.Condition != c || s.Served || s.Cure == "" {
		d.t.Errorf("%+v, %v", s, err)
	}
	if _, err := admin.ListDelegates(d.t.Context(), d.conn(), admin.DelegatesRequest{}); admin.KindOf(err).Name != "delegates-refused" {
		d.t.Errorf("list: %v", err)
	}
}

// What happens to the delegate database costs nobody their own calendar; the state is
// said, and the cure for it brings the same delegates back.
func TestDelegateDrills(t *testing.T) {
	cures := map[string]string{"rolled back": "delegate.accept-rollback", "adopted": "delegate.adopt"}
	for name, tt := range map[string]struct {
		harm  func(*drill, []byte) // to a stopped server; the copy is from before
		state delegation.Condition
		cure  func(*drill, []byte)
	}{
		"lost": {func(d *drill, _ []byte) { d.remove(delegateFile, delegateFile+"-log") }, delegation.Lost, (*drill).restore},
		"damaged": {func(d *drill, _ []byte) {
			b := d.read(delegateFile)
			for at := 0; ; at++ { // wherever a record has it
				i := bytes.Index(b[at:], []byte(bobGUID))
				if i < 0 {
					break
				}
				at += i
				b[at] ^= 1
			}
			d.write(delegateFile, b)
		}, delegation.Damaged, (*drill).restore},
		"rolled back": {func(d *drill, b []byte) {
			d.start()
			d.name(annsReaders, "11111111-0000-0000-0000-000000000003")
			d.name(annsReaders)
			d.stopped()
			d.write(delegateFile, b)
		}, delegation.RolledBack, func(d *drill, _ []byte) { d.cure(admin.CureAcceptRollback) }},
		"forked": {func(d *drill, b []byte) {
			other := &drill{t: d.t, c: smallConfig(d.t)}
			if err := os.CopyFS(other.c.Server.Data, os.DirFS(d.c.Server.Data)); err != nil {
				d.t.Fatal(err)
			}
			d.start()
			d.name(annsReaders, "11111111-0000-0000-0000-000000000003")
			d.stopped()
			other.start() // another change, with the same number
			other.name(annsReaders, "11111111-0000-0000-0000-0000000000A1")
			other.stopped()
			d.write(delegateFile, other.read(delegateFile))
		}, delegation.Tampered, (*drill).restore},
		"of another server": {func(d *drill, _ []byte) {
			other := newDrill(d.t)
			other.stopped()
			d.write(delegateFile, other.read(delegateFile))
		}, delegation.OtherServer, (*drill).restore},
		"adopted": {func(d *drill, _ []byte) {
			other := newDrill(d.t)
			other.stopped()
			d.write(delegateFile, other.read(delegateFile))
		}, delegation.OtherServer, func(d *drill, _ []byte) { d.cure(admin.CureAdopt) }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDrill(t)
			copied, want := d.copied(), d.list()
			d.stopped()
			tt.harm(d, copied)
			d.start()
			d.wantRefused(tt.state)
			d.stopped() // and again, with nothing made anew
			d.start()
			d.wantRefused(tt.state)
			tt.cure(d, copied)
			wantDeeds(t, d.c.Server.Data, nil, deed{cmp.Or(cures[name], "delegate.restore"), audit.Socket, "", "", false})
			d.status(200, "GET", annEventURL, "bob", "")
			if name != "adopted" { // whose records are the other server's
				if got := d.list(); !reflect.DeepEqual(got, want) {
					t.Errorf("after the cure\n%+v\nbefore\n%+v", got, want)
				}
			}
			d.stopped()
			d.start()
			d.status(200, "GET", annEventURL, "bob", "")
			if s, err := admin.VerifyDelegates(t.Context(), d.conn()); err != nil || s.Condition != delegation.Good {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// Without any copy there is a new beginning, of which the journal tells.
func TestDelegateReset(t *testing.T) {
	d := newDrill(t)
	if _, err := admin.CureDelegates(t.Context(), d.conn(), admin.DelegateCure{Cure: admin.CureReset}); admin.KindOf(err).Name != "other-state" {
		t.Errorf("reset of what is in order: %v", err)
	}
	d.stopped()
	d.remove(delegateFile, delegateFile+"-log")
	d.start()
	d.wantRefused(delegation.Lost)
	d.cure(admin.CureReset)
	wantDeeds(t, d.c.Server.Data, nil, deed{"delegate.reset", audit.Socket, "", "", true}, deed{"delegate.reset", audit.Socket, "", "", false})
	d.status(403, "GET", annEventURL, "bob", "")
	d.name(annWriters, bobGUID)
	d.status(200, "GET", annEventURL, "bob", "")
	list, err := admin.DelegateHistory(t.Context(), d.conn(), admin.DelegateHistoryRequest{})
	if err != nil || len(list) != 2 || list[0].Verb != "reset" || list[1].ActorName != "user:ann" {
		t.Errorf("%+v, %v", list, err)
	}
}

// A file that goes away while the server runs is missed before the next change; who was
// a delegate still is.
func TestDelegatesVanish(t *testing.T) {
	d := newDrill(t)
	copied, want := d.copied(), d.list()
	d.remove(delegateFile)
	d.status(503, "PROPPATCH", annWriters, "ann", membersBody())
	d.status(200, "GET", annEventURL, "bob", "")
	if !strings.Contains(d.Log.String(), string(delegation.Replaced)) {
		t.Error("the log does not say so")
	}
	d.restore(copied)
	if got := d.list(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	d.name(annWriters)
	d.status(403, "GET", annEventURL, "bob", "")
}

// Delegates stay what they are when calendars are restored without them, and come back
// with a backup where that is asked for.
func TestDelegatesAndBackups(t *testing.T) {
	d := newDrill(t)
	b := backUp(t, d.c)
	d.name(annWriters)
	d.name(annsReaders, bobGUID)
	d.stopped()
	before := d.read(delegateFile)
	offline, err := server.OpenOffline(t.Context(), d.c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := offline.Store.Reindex(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := offline.Store.Maintain(t.Context()); err != nil {
		t.Error(err)
	}
	if err := offline.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, d.read(delegateFile)) {
		t.Error("reindexing and purging calendars has changed delegates.db")
	}
	restoreInto(t, d.c, b, restoreOver(false))
	if !bytes.Equal(before, d.read(delegateFile)) {
		t.Error("restoring calendars has changed delegates.db")
	}
	d.start()
	d.status(200, "GET", annEventURL, "bob", "")
	d.status(403, "PUT", annEventURL, "bob", anEvent("1", "by bob"))
	if !strings.Contains(d.Log.String(), string(delegation.Ahead)) {
		t.Error("the log does not say that calendars.db was restored alone")
	}
	d.stopped()

	o := restoreOver(true)
	o.Now = func() time.Time { return time.Now().Add(time.Minute) } // for a folder of its own
	restoreInto(t, d.c, b, o)
	d.start()
	d.status(204, "PUT", annEventURL, "bob", anEvent("1", "by bob"))
	if s, err := admin.VerifyDelegates(t.Context(), d.conn()); err != nil || !s.Served {
		t.Errorf("%+v, %v", s, err)
	}
	d.stopped()

	again := &drill{t: t, c: smallConfig(t)} // another machine
	restoreInto(t, again.c, b, restoreOver(true))
	again.start()
	again.status(204, "PUT", annEventURL, "bob", anEvent("1", "by bob"))
}

// restoreOver are the options of a restore over data that is there.
func restoreOver(delegates bool) backup.RestoreOptions {
	return backup.RestoreOptions{Existing: backup.SetAside, Delegates: delegates}
}

// Commands change delegates, and the audit log and the journal tell who did.
func TestDelegateCommands(t *testing.T) {
	d := newDrill(t)
	c := d.conn()
	done, err := admin.AddDelegate(t.Context(), c, admin.DelegateChange{Delegator: "ann", Delegate: "group:all", Level: delegation.LevelRead, Calendars: []string{"calendar"}, By: "test"})
	if err != nil || len(done.Added) != 1 || done.Added[0].Scope.All {
		t.Fatalf("%+v, %v", done, err)
	}
	again, err := admin.AddDelegate(t.Context(), c, admin.DelegateChange{Delegator: "ann", Delegate: "group:all", Level: delegation.LevelRead, Calendars: []string{"calendar"}, By: "test"})
	if err != nil || len(again.Added)+len(again.Changed) != 0 {
		t.Errorf("%+v, %v", again, err)
	}
	csv := "delegator,delegate,level\nbob,ann,write\nann,bob,write\nnobody,ann,read\n"
	if _, err := admin.LoadDelegates(t.Context(), c, admin.DelegateLoad{Format: admin.FormatCSV, Text: []byte(csv)}); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("load: %v", err)
	}
	report, err := admin.LoadDelegates(t.Context(), c, admin.DelegateLoad{Format: admin.FormatCSV, Text: []byte(csv), SkipUnknown: true})
	if err != nil || report.Added != 1 || report.Unchanged != 1 || len(report.Unknown) != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	e, err := admin.ExplainDelegate(t.Context(), c, admin.DelegateQuestion{Actor: "bob", Delegator: "ann", URL: d.HTTP + "/calendars/users/ann/calendar/1.ics"})
	if err != nil || e.Grant.Level != delegation.LevelWrite || len(e.Reasons) != 2 {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := admin.RemoveDelegate(t.Context(), c, admin.DelegateChange{Delegator: "ann", Delegate: "bob"}); err != nil {
		t.Fatal(err)
	}
	d.status(403, "GET", annEventURL, "bob", "")
	if _, err := admin.RemoveDelegate(t.Context(), c, admin.DelegateChange{Delegator: "ann", Delegate: "bob"}); admin.KindOf(err).Name != "no-delegation" {
		t.Errorf("removed twice: %v", err)
	}
	log := string(d.read("audit.log"))
	for _, want := range []string{`"verb":"delegate.set"`, `"verb":"delegate.add"`, `"verb":"delegate.load"`, `"verb":"delegate.remove"`, `"how":"dav"`, `"how":"socket"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the audit log lacks %s", want)
		}
	}
	history, err := admin.DelegateHistory(t.Context(), c, admin.DelegateHistoryRequest{Who: "bob"})
	if err != nil || len(history) != 3 || history[0].ActorName != "user:ann" || history[2].Verb != "remove" {
		t.Errorf("%+v, %v", history, err)
	}
	if err := admin.BackUpDelegates(t.Context(), c, io.Discard); err != nil {
		t.Error(err)
	}
}
