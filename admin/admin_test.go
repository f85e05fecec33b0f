package admin_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"convene/admin"
	"convene/admin/backup"
	"convene/audit"
	"convene/audit/audittest"
	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/engine"
	"convene/quota"
	"convene/sacl"
	"convene/store"
	"convene/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	annID  = "A0000000-0000-0000-0000-000000000001"
	goneID = "A0000000-0000-0000-0000-0000000000FF"
)

// newAdmin returns the parts of a server with one user, ann, and the home of
// somebody who has left the directory.
func newAdmin(t *testing.T) (*admin.Admin, *audittest.Log) {
	t.Helper()
	dir := t.TempDir()
	people, err := directory.NewStatic([]directory.Record{{Principal: directory.Principal{
		GUID: annID, Type: directory.User, Name: "ann", FullName: "Ann", LoginEnabled: true, CalendarEnabled: true,
	}, Password: "secret"}, {Principal: directory.Principal{
		GUID: "A0000000-0000-0000-0000-000000000002", Type: directory.User, Name: "robot", FullName: "Robot",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(filepath.Join(dir, "calendars.db"), store.Options{
		Indexer: calendar.Index, Quota: func() *quota.Policy { return &quota.Policy{Default: quota.Limits{Bytes: 1000}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	log := audittest.Open(t)
	list, err := sacl.Open(sacl.Options{File: filepath.Join(dir, "sacl.json"), Directory: people, Audit: log.Log})
	if err != nil {
		t.Fatal(err)
	}
	state := engine.OpenMemory(auth.Tables())
	a, err := auth.New(auth.Options{Schemes: []string{"basic"}, Directory: people, State: state, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(a.Close(context.Background()), state.Close(), s.Close()); err != nil {
			t.Error(err)
		}
	})
	err = s.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.EnsureHome(goneID, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	provision := (&calendar.Calendars{Store: s, Groups: people.Groups}).Provision
	return &admin.Admin{Store: s, Directory: people, Devices: a.Devices(), SACL: list, Provision: provision, Audit: log.Log, Operator: admin.Self()}, log
}

// dial serves a on a socket in dir and connects to it.
func dial(t *testing.T, a *admin.Admin, dir string) *admin.Client {
	t.Helper()
	l, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: admin.Handler(func() (*admin.Admin, func()) { return a, func() {} }), ConnContext: admin.WithPeer}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	c, err := admin.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), server.Close()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(dir, admin.SocketName)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is left: %v", err)
		}
	})
	return c
}

// Every verb gives the same answers and errors directly and through the socket.
func TestVerbs(t *testing.T) {
	long := filepath.Join(testenv.Dir(t), strings.Repeat("long/", 40))
	if err := os.MkdirAll(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, connect := range map[string]func(*testing.T, *admin.Admin) admin.Conn{
		"direct":             func(_ *testing.T, a *admin.Admin) admin.Conn { return a },
		"socket":             func(t *testing.T, a *admin.Admin) admin.Conn { return dial(t, a, testenv.Dir(t)) },
		"socket, long names": func(t *testing.T, a *admin.Admin) admin.Conn { return dial(t, a, long) },
	} {
		t.Run(name, func(t *testing.T) {
			a, audit := newAdmin(t)
			c := connect(t, a)
			t.Run("quota", func(t *testing.T) { testQuota(t, c) })
			t.Run("devices", func(t *testing.T) { testDevices(t, c) })
			t.Run("sacl", func(t *testing.T) { testSACL(t, c) })
			t.Run("data", func(t *testing.T) { testData(t, c) })
			t.Run("errors", func(t *testing.T) { testErrors(t, c) })
			t.Run("backup", func(t *testing.T) { testBackup(t, a, c) })
			t.Run("audit", func(t *testing.T) { testAudit(t, audit, strings.Split(name, ",")[0]) })
		})
	}
}

func testQuota(t *testing.T, c admin.Conn) {
	for _, who := range []string{"ann", annID, strings.ToLower(annID)} {
		if u, err := admin.Quota(t.Context(), c, who); err != nil || u.Home || u.Limit != 1000 || u.Name != "ann" || u.GUID != annID {
			t.Errorf("%s: %+v, %v", who, u, err)
		}
	}
	if _, err := admin.SetQuota(t.Context(), c, admin.QuotaRequest{Who: "robot", Limit: 5}); !errors.Is(err, admin.ErrNoCalendars) {
		t.Errorf("no calendars: %v", err)
	}
	if u, err := admin.SetQuota(t.Context(), c, admin.QuotaRequest{Who: goneID, Limit: -1, By: "root"}); err != nil || u.Limit != -1 || !u.Own || !u.Home {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := admin.Quota(t.Context(), c, strings.ToLower(goneID)); err != nil || u.Limit != -1 {
		t.Errorf("%+v, %v", u, err)
	}
	if u, err := admin.SetQuota(t.Context(), c, admin.QuotaRequest{Who: goneID}); err != nil || u.Limit != 1000 || u.Own {
		t.Errorf("back to the default: %+v, %v", u, err)
	}
	if _, err := admin.SetQuota(t.Context(), c, admin.QuotaRequest{Who: goneID, Limit: -2}); !errors.Is(err, admin.ErrRequest) {
		t.Errorf("nonsense: %v", err)
	}
	// Before the first use: the home is made with it.
	if u, err := admin.SetQuota(t.Context(), c, admin.QuotaRequest{Who: "ann", Limit: 5, By: "root"}); err != nil || u.Limit != 5 || u.Source != "own" || !u.Home {
		t.Errorf("before the first use: %+v, %v", u, err)
	}
	if u, err := admin.Quota(t.Context(), c, "ann"); err != nil || u.Limit != 5 || u.Percent != 0 || !u.Own {
		t.Errorf("%+v, %v", u, err)
	}
	l, err := admin.ListQuotas(t.Context(), c, admin.QuotaListRequest{})
	if err != nil || len(l.Usages) != 2 || l.Usages[0].Name != goneID || l.Usages[1].Name != "ann" {
		t.Errorf("list: %+v, %v", l, err)
	}
	if l, err := admin.ListQuotas(t.Context(), c, admin.QuotaListRequest{Percent: 100}); err != nil || l.Usages == nil || len(l.Usages) != 0 {
		t.Errorf("list of who is over: %+v, %v", l, err)
	}
}

func testDevices(t *testing.T, c admin.Conn) {
	d, err := admin.AddDevice(t.Context(), c, admin.DeviceRequest{Who: "ann", Label: "phone", By: "ann as root", Reason: "lost"})
	if err != nil || d.Secret == "" || d.Label != "phone" {
		t.Fatalf("%+v, %v", d, err)
	}
	list, err := admin.Devices(t.Context(), c, "ann")
	if err != nil || len(list) != 1 || list[0].ID != d.ID || time.Since(list[0].Created) > time.Minute {
		t.Errorf("%+v, %v", list, err)
	}
	if n, err := admin.RevokeDevices(t.Context(), c, admin.DeviceRequest{Who: "ann", ID: d.ID, By: "root"}); n.Revoked != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := admin.RevokeDevices(t.Context(), c, admin.DeviceRequest{Who: "ann"}); n.Revoked != 0 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func testSACL(t *testing.T, c admin.Conn) {
	done, err := admin.ChangeSACL(t.Context(), c, admin.SACLChange{Service: sacl.Calendar, Effect: sacl.Deny, Who: "ann", By: "root"})
	if err != nil || !done.Changed || done.Who != "user:ann" || len(done.Rules) != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if rules, err := admin.ShowSACL(t.Context(), c); err != nil || len(rules) != 1 || rules[0].GUID != annID || rules[0].By != account(t) {
		t.Errorf("%+v, %v", rules, err)
	}
	e, err := admin.ExplainSACL(t.Context(), c, sacl.Calendar, "ann")
	if err != nil || e.Allowed || e.Rule != "calendar: deny user:ann (sacl.json)" || !strings.Contains(e.Text, "DENIED") {
		t.Errorf("%+v, %v", e, err)
	}
	if done, err := admin.ChangeSACL(t.Context(), c, admin.SACLChange{Service: sacl.Calendar, Who: "ann"}); err != nil || !done.Changed || len(done.Rules) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

func testData(t *testing.T, c admin.Conn) {
	if r, err := admin.Verify(t.Context(), c); err != nil || len(r.Problems) != 0 {
		t.Errorf("verify: %+v, %v", r, err)
	}
	if r, err := admin.Reindex(t.Context(), c, admin.Request{}); err != nil || r.Homes != 2 || r.Written != 0 {
		t.Errorf("reindex: %+v, %v", r, err)
	}
	if s, err := admin.ReadStats(t.Context(), c); err != nil || s.Accounts != 2 || s.CalendarsByType["locations"] != 0 || len(s.CalendarsByType) < 4 {
		t.Errorf("stats: %+v, %v", s, err)
	}
}

// failing is a member that fails after so many bytes.
type failing struct {
	backup.Text
	after int
}

func (f failing) Snapshot(ctx context.Context) (backup.Snapshot, error) {
	s, err := f.Text.Snapshot(ctx)
	if f.after < 0 {
		err = engine.ErrFull
	}
	return failingSnapshot{s, f.after}, err
}

type failingSnapshot struct {
	backup.Snapshot
	after int
}

func (f failingSnapshot) Size() int64 { return int64(f.after) + 1 }
func (f failingSnapshot) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(make([]byte, f.after))
	return int64(n), errors.Join(err, engine.ErrFull)
}

func testBackup(t *testing.T, a *admin.Admin, c admin.Conn) {
	members := a.Members
	defer func() { a.Members = members }()
	a.Members = []backup.Member{backup.Calendars{Store: a.Store}}
	meter := backup.Meter{W: io.Discard}
	r := admin.BackupRequest{Config: []byte("# x\n"), Version: "7", By: "root"}
	if err := admin.WriteBackup(t.Context(), c, r, &meter); err != nil || meter.Manifest == nil || meter.Manifest.Version != "7" || len(meter.Manifest.Members) != 2 {
		t.Errorf("%+v, %v", meter.Manifest, err)
	}
	// Whether it fails before the first byte or after many, the error arrives.
	for _, after := range []int{-1, 0, 100, 1 << 20} {
		a.Members = []backup.Member{failing{backup.Text{FileName: "x"}, after}}
		if err := admin.WriteBackup(t.Context(), c, r, io.Discard); !errors.Is(err, engine.ErrFull) {
			t.Errorf("failed after %d bytes: %v, want ErrFull", after, err)
		}
	}
	if err := c.Stream(t.Context(), "dance", admin.None{}, io.Discard); !errors.Is(err, admin.ErrVerb) {
		t.Errorf("%v, want ErrVerb", err)
	}
}

func testErrors(t *testing.T, c admin.Conn) {
	ctx := t.Context()
	for what, tt := range map[string]struct{ err, want error }{
		"unknown person":  {second(admin.Quota(ctx, c, "zoe")), directory.ErrNotFound},
		"unknown device":  {second(admin.AddDevice(ctx, c, admin.DeviceRequest{Who: "zoe"})), directory.ErrNotFound},
		"unknown service": {second(admin.ExplainSACL(ctx, c, "mail", "ann")), sacl.ErrBadRule},
		"unknown effect":  {second(admin.ChangeSACL(ctx, c, admin.SACLChange{Service: sacl.Web, Effect: "maybe", Who: "ann"})), sacl.ErrBadRule},
		"unknown verb":    {c.Call(ctx, "dance", admin.None{}, new(admin.None)), admin.ErrVerb},
		"bad request":     {c.Call(ctx, "quota", []int{1}, new(admin.Usage)), admin.ErrRequest},
		"no server":       {admin.Reload(ctx, c, admin.Request{}), admin.ErrNotRunning},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("%s: %v, want %v", what, tt.err, tt.want)
		}
	}
}

// account is the name of who runs the test.
func account(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	return u.Username
}

// testAudit checks that each act is in the audit log, with the account by the word of
// the kernel, and what the caller says beside it.
func testAudit(t *testing.T, log *audittest.Log, how string) {
	if how == "direct" {
		how = audit.Command
	}
	count := map[string]int{}
	for _, l := range log.Lines() {
		count[l.Verb+" "+string(l.Kind)]++
		if l.Actor.Name != account(t) || l.Via.How != how || l.Via.UID == nil || int(*l.Via.UID) != os.Geteuid() || int(l.Via.PID) != os.Getpid() {
			t.Errorf("%s by %+v via %+v", l.Verb, l.Actor, l.Via)
		}
		if l.Verb == "device.add" && (l.Via.Says != "ann as root" || l.Reason != "lost" || l.Object.GUID != annID) {
			t.Errorf("%+v", l)
		}
	}
	want := map[string]int{"quota.set": 3, "device.add": 1, "device.revoke": 1, "sacl.set": 1, "sacl.clear": 1, "store.reindex": 1, "server.backup": 5}
	for verb, n := range want {
		if count[verb+" intent"] != n || count[verb+" outcome"] != n {
			t.Errorf("%s: %d intents, %d outcomes; want %d", verb, count[verb+" intent"], count[verb+" outcome"], n)
		}
	}
	if len(count) != 2*len(want) {
		t.Errorf("acts: %v", count)
	}
}

// What cannot be recorded is not done.
func TestRefusedUnrecorded(t *testing.T) {
	a, log := newAdmin(t)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	reloaded := false
	a.Reload = func(ctx context.Context, by audit.By) error {
		return a.Audit.Do(ctx, audit.Act{By: by, Verb: "server.reload"}, func() (any, error) { reloaded = true; return nil, nil })
	}
	for what, err := range map[string]error{
		"quota":   second(admin.SetQuota(ctx, a, admin.QuotaRequest{Who: goneID, Limit: 7})),
		"device":  second(admin.AddDevice(ctx, a, admin.DeviceRequest{Who: "ann"})),
		"rule":    second(admin.ChangeSACL(ctx, a, admin.SACLChange{Service: sacl.Calendar, Effect: sacl.Deny, Who: "ann"})),
		"reset":   second(admin.ResetSACL(ctx, a, admin.SACLReset{})),
		"reindex": second(admin.Reindex(ctx, a, admin.Request{})),
		"reload":  admin.Reload(ctx, a, admin.Request{}),
	} {
		if !errors.Is(err, audit.ErrNotRecorded) || admin.KindOf(err).Name != "not-recorded" {
			t.Errorf("%s: %v", what, err)
		}
	}
	list, err := admin.Devices(ctx, a, "ann")
	u, err2 := admin.Quota(ctx, a, goneID)
	if err := errors.Join(err, err2); err != nil || len(list) != 0 || u.Limit != 1000 || len(a.SACL.Rules()) != 0 || reloaded {
		t.Errorf("%v: devices %v, quota %+v, rules %v, reloaded %v", err, list, u, a.SACL.Rules(), reloaded)
	}
}

func second[T any](_ T, err error) error { return err }

// Without a server there is no socket, or one that a killed server left.
func TestNotRunning(t *testing.T) {
	dir := testenv.Dir(t)
	if _, err := admin.Dial(t.Context(), dir); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("no socket: %v", err)
	}
	l, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, admin.SocketName)
	if info, err := os.Stat(left); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	// As after kill -9: nobody listens, the file is there.
	if err := os.Rename(left, left+".x"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("closed after somebody removed the socket: %v", err)
	}
	if err := os.Rename(left+".x", left); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Dial(t.Context(), dir); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("socket left behind: %v", err)
	}
	a, _ := newAdmin(t)
	dial(t, a, dir) // takes its place
}
