package server_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/testenv"
)

func (d *drill) maintenance(to string) admin.Maintenance {
	d.t.Helper()
	m, err := admin.SwitchMaintenance(d.t.Context(), d.conn(), admin.MaintenanceRequest{Switch: to, By: "test", Reason: "a new disk"})
	if err != nil {
		d.t.Fatal(err)
	}
	return m
}

const privileges = `<D:propfind xmlns:D="DAV:"><D:prop><D:current-user-privilege-set/></D:prop></D:propfind>`

// While the server is read-only, whoever writes is told to come back, administrators
// too; who reads is served, and nobody's rights look any different. It outlasts a restart.
func TestMaintenance(t *testing.T) {
	d := &drill{t: t, c: smallConfig(t)}
	d.c.Access.Administrators = []string{"user:bob"}
	d.start()
	d.status(201, "PUT", annEventURL, "ann", anEvent("1", "one"))
	rights := func() string {
		a := do(t, client(), "PROPFIND", d.HTTP+"/calendars/users/ann/calendar/", "ann", privileges, "Depth: 0")
		if a.StatusCode != 207 || !strings.Contains(a.Body, "<D:write/>") {
			t.Fatalf("%s\n%s", a.Status, a.Body)
		}
		return a.Body
	}
	before := rights()
	if m := d.maintenance(admin.MaintenanceStatus); m.On {
		t.Errorf("%+v", m)
	}
	refused := func() {
		t.Helper()
		for _, c := range []struct{ method, path, user, body string }{
			{"PUT", annEventURL, "ann", anEvent("1", "two")},
			{"PUT", annEventURL, "bob", anEvent("1", "two")},
			{"PUT", "/calendars/users/ann/calendar/new.ics", "ann", anEvent("new", "new")},
			{"DELETE", annEventURL, "ann", ""},
			{"MKCALENDAR", "/calendars/users/ann/new/", "ann", ""},
			{"PROPPATCH", "/calendars/users/ann/calendar/", "ann", `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:displayname>x</D:displayname></D:prop></D:set></D:propertyupdate>`},
			{"PROPPATCH", annWriters, "ann", membersBody(bobGUID)},
			{"ACL", annEventURL, "ann", `<D:acl xmlns:D="DAV:"/>`},
		} {
			a := d.status(503, c.method, c.path, c.user, c.body)
			if a.Header.Get("Retry-After") != "120" || !strings.Contains(a.Body, "maintained") {
				t.Errorf("%s %s by %s: Retry-After %q\n%s", c.method, c.path, c.user, a.Header.Get("Retry-After"), a.Body)
			}
		}
		if a := d.status(200, "GET", annEventURL, "ann", ""); !strings.Contains(a.Body, "SUMMARY:one") {
			t.Errorf("%s", a.Body)
		}
		d.status(200, "GET", annEventURL, "bob", "")
		if after := rights(); after != before {
			t.Errorf("the privileges look different\n%s\nbefore\n%s", after, before)
		}
		_, err := admin.AddDelegate(t.Context(), d.conn(), admin.DelegateChange{Delegator: "ann", Delegate: "bob", Level: delegation.LevelRead, By: "test"})
		if admin.KindOf(err).Name != "maintenance" || admin.KindOf(err).Status != admin.StatusRefused {
			t.Errorf("a delegate by command: %v", err)
		}
		load := admin.DelegateLoad{Format: admin.FormatCSV, Text: []byte("delegator,delegate,level\nann,bob,read\n"), By: "test"}
		if _, err := admin.LoadDelegates(t.Context(), d.conn(), load); admin.KindOf(err).Name != "maintenance" {
			t.Errorf("delegates of a file: %v", err)
		}
		load.DryRun = true
		if report, err := admin.LoadDelegates(t.Context(), d.conn(), load); err != nil || report.Added != 1 {
			t.Errorf("what a file of delegates would do: %+v %v", report, err)
		}
	}
	if m := d.maintenance(admin.MaintenanceOn); !m.On || m.Reason != "a new disk" || m.Since.IsZero() {
		t.Errorf("%+v", m)
	}
	refused()
	on := d.maintenance(admin.MaintenanceOn) // it is already
	d.stopped()
	d.start()
	if m := d.maintenance(admin.MaintenanceStatus); m != on {
		t.Errorf("after a restart %+v, before %+v", m, on)
	}
	refused()
	if m := d.maintenance(admin.MaintenanceOff); m.On {
		t.Errorf("%+v", m)
	}
	d.status(204, "PUT", annEventURL, "ann", anEvent("1", "two"))
	d.name(annWriters, bobGUID)
	log := string(d.read("audit.log"))
	for _, want := range []string{`"verb":"maintenance.on"`, `"verb":"maintenance.off"`} {
		if strings.Count(log, want) != 2 { // before and after
			t.Errorf("the audit log has %s %d times", want, strings.Count(log, want))
		}
	}
	if !strings.Contains(d.Log.String(), "read-only for maintenance") {
		t.Error("the error log does not say so at the start")
	}
	d.stopped()
	d.start()
	d.status(204, "PUT", annEventURL, "ann", anEvent("1", "three"))
}

// Who cannot read whether the switch is on leaves it on.
func TestMaintenanceFileDamaged(t *testing.T) {
	d := newDrill(t)
	d.stopped()
	d.write("maintenance.json", []byte("{"))
	d.start()
	d.status(503, "PUT", annEventURL, "ann", anEvent("1", "two"))
	d.status(200, "GET", annEventURL, "ann", "")
	d.maintenance(admin.MaintenanceOff)
	d.status(204, "PUT", annEventURL, "ann", anEvent("1", "two"))
}

// Once the command has returned nothing changes any more, whoever was writing.
func TestMaintenanceUnderWrites(t *testing.T) {
	d := newDrill(t)
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wait.Go(func() {
			c := client()
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := try(c, "PUT", d.HTTP+annEventURL, "ann", anEvent("1", "again"), "Content-Type: text/calendar")
				if err != nil || a.StatusCode != 204 && a.StatusCode != 503 {
					t.Errorf("%v, %v", a.Response, err)
				}
			}
		})
	}
	for range 5 {
		d.maintenance(admin.MaintenanceOn)
		tag := d.status(200, "GET", annEventURL, "ann", "").Header.Get("ETag")
		for range 5 {
			if again := d.status(200, "GET", annEventURL, "ann", "").Header.Get("ETag"); again != tag {
				t.Errorf("ETag %s, then %s", tag, again)
			}
		}
		d.maintenance(admin.MaintenanceOff)
		d.status(204, "PUT", annEventURL, "ann", anEvent("1", "mine"))
	}
	close(stop)
	wait.Wait()
}

// Letters wait while the server is read-only, and go out behind it.
func TestMaintenanceHoldsMail(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	c.Mail.Delay = 3 * time.Second
	d := &drill{t: t, c: c}
	d.start()
	d.status(201, "PUT", "/calendars/users/ann/calendar/m.ics", "ann", invitation("m", "Plan", "gus@elsewhere.example"))
	d.maintenance(admin.MaintenanceOn)
	time.Sleep(c.Mail.Delay + 2*time.Second)
	if n := len(m.Mails()); n != 0 || len(waits(t, c)) != 1 {
		t.Errorf("%d mails, and %d letters wait", n, len(waits(t, c)))
	}
	d.maintenance(admin.MaintenanceOff)
	mails(t, m, 1)
	eventually(t, "an empty queue", func() bool { return len(waits(t, c)) == 0 })
}

// The frame of each page says in the reader's language what does not work, to who has signed
// in, and only as long as it does not.
func TestPagesSayWhatIsAway(t *testing.T) {
	d := newDrill(t)
	const readOnly, noDelegates = "Calendars cannot be changed at the moment", "Who acts for whom cannot be read at the moment"
	notes := func(b *browser, path, language string, status int) string {
		t.Helper()
		a := b.get(t, path, "Accept-Language: "+language)
		if a.StatusCode != status {
			t.Fatalf("%s: %s", path, a.Status)
		}
		var said []string
		for _, m := range regexp.MustCompile(`<p class="note warn">([^<]*)</p>`).FindAllStringSubmatch(a.Body, -1) {
			said = append(said, m[1])
		}
		return strings.Join(said, "|")
	}
	sees := func(path, want string, status int) {
		t.Helper()
		b := open(t, d.HTTP)
		if a := b.signIn(t, "ann", "secret"); a.StatusCode != 303 {
			t.Fatalf("%s\n%s", a.Status, a.Body)
		}
		if got := notes(b, path, "en", status); want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s says %q, and not %q", path, got, want)
		}
		if want == "" {
			return
		}
		seen := map[string]bool{}
		for _, language := range []string{"en", "de", "fr", "es", "ja"} {
			seen[notes(b, path, language, status)] = true
		}
		if len(seen) != 5 {
			t.Errorf("not each language has its own words: %v", seen)
		}
		if got := notes(open(t, d.HTTP), "/signin", "en", 401); got != "" {
			t.Errorf("who has not signed in reads %q", got)
		}
	}
	sees("/my/", "", 200)
	d.maintenance(admin.MaintenanceOn)
	sees("/my/", readOnly, 200)
	sees("/my/none", readOnly, 404)
	d.maintenance(admin.MaintenanceOff)
	sees("/my/", "", 200)
	copied := d.copied()
	d.stopped()
	d.remove(delegateFile, delegateFile+"-log")
	d.start()
	d.wantRefused(delegation.Lost)
	sees("/my/", noDelegates, 200)
	d.maintenance(admin.MaintenanceOn)
	sees("/my/rooms", readOnly, 200)
	d.maintenance(admin.MaintenanceOff)
	d.restore(copied)
	sees("/my/", "", 200)
}
