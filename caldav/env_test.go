package caldav_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"convene/acl"
	"convene/auth"
	"convene/caldav"
	"convene/calendar"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/quota"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/snapshot"
	"convene/store"
)

// env is a handler over a real store file and a small directory: ann and bob
// (users), staff (their group), boss (an administrator), auditor (who may read
// everything), oak (a room), van (equipment), and gone (without calendars).
type env struct {
	log *slog.Logger // nil: nobody reads it

	t       testing.TB
	store   *store.Store
	dir     directory.Directory
	policy  acl.Policy
	book    *delegation.Book
	view    caldav.DelegateView
	h       *caldav.Handler
	now     time.Time
	perHour int // messages about meetings; 0: any number
	mail    *calendar.Mail
	rooms   func(context.Context, *directory.Principal) (*policy.Policy, error)
	index   *rooms.Index

	quota    atomic.Pointer[quota.Policy]
	freeDisk atomic.Int64
}

// setLimits changes what may be stored, as a reload does.
func (e *env) setLimits(change func(*quota.Limits)) {
	p := &quota.Policy{Default: quota.Limits{Bytes: 100 << 20, Collections: 50, ObjectBytes: 10 << 20, Attendees: 100}}
	change(&p.Default)
	e.quota.Store(p)
}

func guid(name string) string { return directory.DerivedGUID("test", directory.AnyType, name) }

func people(t testing.TB) directory.Directory { return peopleWith(t, nil) }

// peopleWith is people, some of whom have other mail addresses, by name.
func peopleWith(t testing.TB, emails map[string][]string) directory.Directory {
	t.Helper()
	record := func(typ directory.Type, name, full string) directory.Record {
		addresses := emails[name]
		if addresses == nil {
			addresses = []string{name + "@example.com"}
		}
		return directory.Record{Principal: directory.Principal{
			GUID: guid(name), Type: typ, Name: name, FullName: full, GivenName: strings.Fields(full)[0], Surname: lastWord(full),
			Emails: addresses, CalendarEnabled: name != "gone", LoginEnabled: typ == directory.User,
		}}
	}
	staff := record(directory.Group, "staff", "All Staff")
	staff.Members = []directory.Key{{By: directory.Name, Type: directory.User, Value: "ann"}, {By: directory.Name, Type: directory.User, Value: "bob"}}
	d, err := directory.NewStatic([]directory.Record{
		record(directory.User, "ann", "Ann Archer"), record(directory.User, "bob", "Bob Baker"),
		record(directory.User, "boss", "The Boss"), record(directory.User, "auditor", "The Auditor"),
		record(directory.User, "gone", "No Calendars"), staff,
		record(directory.Location, "oak", "Oak Room"), record(directory.Resource, "van", "Blue Van"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func lastWord(s string) string {
	words := strings.Fields(s)
	return words[len(words)-1]
}

// newEnv starts a handler. change may alter its limits.
func newEnv(t testing.TB, change ...func(*caldav.Limits)) *env {
	t.Helper()
	return newEnvOn(t, enginetest.Wrapper(t), change...)
}

// newEnvOn is newEnv with another engine in the place of the store's.
func newEnvOn(t testing.TB, wrap func(engine.Engine) engine.Engine, change ...func(*caldav.Limits)) *env {
	t.Helper()
	return newEnvOf(t, people(t), wrap, change...)
}

// newEnvOf is newEnvOn with another directory.
func newEnvOf(t testing.TB, dir directory.Directory, wrap func(engine.Engine) engine.Engine, change ...func(*caldav.Limits)) *env {
	t.Helper()
	return newEnvIn(t, dir, func(o store.Options) (*store.Store, error) {
		o.Wrap = wrap
		return store.Open(filepath.Join(t.TempDir(), "calendars.db"), o)
	}, change...)
}

// newEnvIn is newEnvOf with a store that open makes.
func newEnvIn(t testing.TB, dir directory.Directory, open func(store.Options) (*store.Store, error), change ...func(*caldav.Limits)) *env {
	t.Helper()
	e := &env{t: t, dir: dir, now: time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)}
	e.setLimits(func(*quota.Limits) {})
	limits := caldav.DefaultLimits()
	for _, f := range change {
		f(&limits)
	}
	s, err := open(store.Options{
		Indexer: calendar.Index, Now: func() time.Time { return e.now },
		Quota: e.quota.Load, FreeDisk: func() (int64, error) { return e.freeDisk.Load(), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	e.store = s
	t.Cleanup(func() {
		var problems []store.Problem
		if _, bench := t.(*testing.B); !bench { // which would take longer than what is measured
			if problems, err = s.Verify(context.Background()); err != nil {
				t.Errorf("verify: %v", err)
			}
		}
		for _, p := range problems {
			t.Errorf("store: %v", p)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	e.policy = acl.Policy{Administrators: []string{guid("boss")}, Readers: []string{guid("auditor")}}
	e.view = caldav.DefaultDelegateView()
	e.openBook(filepath.Join(t.TempDir(), "delegates"))
	e.handle(limits)
	return e
}

// handle makes the handler.
func (e *env) handle(limits caldav.Limits) {
	e.t.Helper()
	var err error
	e.h, err = caldav.New(caldav.Options{
		Calendars: &calendar.Calendars{
			Store: e.store, Snapshots: snapshot.New(snapshot.Options{Form: calendar.ReaderForm(e.meetings())}),
			Rules: limits.Rules(), Groups: e.dir.Groups, Scheduling: e.meetings(),
			MessagesPerHour: e.perHour, Pace: new(calendar.Pace), Mail: e.mail,
		},
		Directory: e.dir, Access: &e.policy, Domains: []string{"example.com"}, Mail: e.mail != nil,
		Delegates: caldav.Delegates{Book: e.book, Appointed: appointed.NewList(e.dir), View: e.view},
		Limits:    limits, Now: func() time.Time { return e.now },
		Rooms: e.rooms, RoomIndex: e.index, Log: e.log,
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// openBook opens the delegate database.
func (e *env) openBook(folder string) {
	e.t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		e.t.Fatal(err)
	}
	var err error
	e.book, err = delegation.Open(context.Background(), delegation.Options{
		Folder: folder, Store: "store", Witness: new(note), Clock: func() time.Time { return e.now },
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() {
		if err := e.book.Close(); err != nil {
			e.t.Error(err)
		}
	})
}

// A note is a witness of the delegate database.
type note struct {
	mark atomic.Pointer[delegation.Mark]
}

func (n *note) Load(context.Context) (m delegation.Mark, err error) {
	if p := n.mark.Load(); p != nil {
		m = *p
	}
	return m, nil
}

func (n *note) Save(_ context.Context, m delegation.Mark) error {
	n.mark.Store(&m)
	return nil
}

// meetings is how the handler schedules.
func (e *env) meetings() *scheduling.Options { return scheduling.DefaultOptions() }

func (e *env) caller(name string) *auth.Caller {
	e.t.Helper()
	p, err := e.dir.Lookup(context.Background(), directory.Key{By: directory.Name, Type: directory.User, Value: name})
	if err != nil {
		e.t.Fatal(err)
	}
	groups, err := e.dir.Groups(context.Background(), p.GUID)
	if err != nil {
		e.t.Fatal(err)
	}
	return &auth.Caller{Principal: p, Groups: groups, Scheme: "basic", Login: name}
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// do sends a request as a user. headers are "Name: value" lines.
func (e *env) do(user, method, path, body string, headers ...string) answer {
	e.t.Helper()
	return e.send(user, method, path, strings.NewReader(body), headers...)
}

// send is do with a body that may do something while it is read.
func (e *env) send(user, method, path string, body io.Reader, headers ...string) answer {
	e.t.Helper()
	r := httptest.NewRequest(method, path, body)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	e.h.Serve(w, r, e.caller(user))
	res := w.Result()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	if strings.Contains(res.Header.Get("Content-Type"), "xml") {
		wellFormed(e.t, method+" "+path, data)
	}
	return answer{Status: res.StatusCode, Header: res.Header, Body: string(data)}
}

// wellFormed fails unless data is one XML document.
func wellFormed(t testing.TB, what string, data []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		_, err := d.Token()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%s: the answer is not XML: %v: %q", what, err, data)
		}
	}
}

// must is do, and fails unless the status is as wanted.
func (e *env) must(status int, user, method, path, body string, headers ...string) answer {
	e.t.Helper()
	a := e.do(user, method, path, body, headers...)
	if a.Status != status {
		e.t.Fatalf("%s %s = %d %q, want %d", method, path, a.Status, a.Body, status)
	}
	return a
}

// event is a calendar object of one hour, more are further property lines.
func event(uid, start string, more ...string) string {
	lines := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:" + uid,
		"DTSTAMP:20260101T000000Z", "DTSTART:" + start, "DURATION:PT1H", "SUMMARY:" + uid}, more...)
	lines = append(lines, "END:VEVENT", "END:VCALENDAR", "")
	return strings.Join(lines, "\r\n")
}
