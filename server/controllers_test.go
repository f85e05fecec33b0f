package server_test

import (
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/config"
	"convene/testenv"
)

// controllers are two domain controllers of one domain, each behind something that can
// fail, and pinned by the certificate that it shows.
type controllers struct {
	t        *testing.T
	one, two *testenv.Domain
	faults   []*faulty
	pins     []string
}

func newControllers(t *testing.T) *controllers {
	e := &controllers{t: t}
	e.one, e.two = testenv.ADPair(t, testenv.ADOptions{})
	for _, d := range []*testenv.Domain{e.one, e.two} {
		e.faults = append(e.faults, newFaulty(t, d.TLSURL+":636"))
		c, err := tls.Dial("tcp", d.IP+":636", &tls.Config{RootCAs: d.CA.Pool})
		if err != nil {
			t.Fatal(err)
		}
		e.pins = append(e.pins, fmt.Sprintf("sha256:%x", sha256.Sum256(c.ConnectionState().PeerCertificates[0].Raw)))
		_ = c.Close()
	}
	return e
}

func (e *controllers) dn(name string) string { return "CN=" + name + ",CN=Users," + e.one.BaseDN }

// on makes a change on one controller.
func (e *controllers) on(d *testenv.Domain, change func(*ldap.Conn)) {
	e.t.Helper()
	c := d.Admin()
	defer func() { _ = c.Close() }()
	change(c)
}

func (e *controllers) people(c *ldap.Conn, names ...string) {
	e.t.Helper()
	for _, name := range names {
		e.one.Add(c, e.dn(name), map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name},
			"unicodePwd": {directoryPassword}, "userAccountControl": {"512"}, "mail": {name + "@example.com"}})
	}
}

func (e *controllers) join(c *ldap.Conn, group string, names ...string) {
	e.t.Helper()
	r := ldap.NewModifyRequest(e.dn(group), nil)
	for _, name := range names {
		r.Add("member", []string{e.dn(name)})
	}
	if err := c.Modify(r); err != nil {
		e.t.Fatal(err)
	}
}

// both waits until something is so on both controllers.
func (e *controllers) both(what string, is func(*testenv.Domain) bool) {
	e.t.Helper()
	eventually(e.t, what+" on both", func() bool { return is(e.one) && is(e.two) })
}

func (e *controllers) settings() config.Config {
	c := smallConfig(e.t)
	c.Directory.Kind = "ldap"
	l := &c.Directory.LDAP
	l.URLs, l.Fingerprints = []string{e.faults[0].URL, e.faults[1].URL}, e.pins
	l.Preset, l.Base, l.BindDN, l.BindPassword = "ad", []string{e.one.BaseDN}, e.dn("svc-bind"), directoryPassword
	c.Auth.Throttle.AddressFailures, c.Auth.Throttle.RefuseAfter = 1_000_000, time.Millisecond
	c.SACL.Calendar.Allow = []string{"group:staff"}
	return c
}

// answered is what somebody is answered with.
func answered(t *testing.T, s *running, name string) int {
	t.Helper()
	return do(t, client(), "PROPFIND", s.HTTP+"/", "", "", "Depth: 0", "Authorization: "+basicField(name, directoryPassword)).StatusCode
}

func updateNumber(t *testing.T, d *testenv.Domain) int {
	t.Helper()
	n, err := strconv.Atoi(d.Value("", "highestCommittedUSN"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Of two controllers of a domain one fails in each of the ways, and is at last restored from
// a backup of before the load, while people are at work and changes are followed: nobody
// loses a membership, also not one that the backup lacks; who was disabled since the backup
// stays out; while the other controller is well nobody gets 503 and nobody waits for long; and who is
// disabled while one is away, or after that, is out within five seconds.
func TestControllerFaults(t *testing.T) {
	each := time.Second
	if os.Getenv("CONVENE_FAULTS") != "" { // make faults
		each = 15 * time.Second
	}
	e := newControllers(t)
	known, fresh := people("known", 3), people("fresh", 20)
	// Two for each fault: who is disabled while it lasts, and who afterwards.
	victims := people("victim", 16)
	e.on(e.one, func(c *ldap.Conn) {
		e.people(c, slices.Concat(known, fresh, victims, []string{"bob", "svc-bind"})...)
		for _, g := range []string{"ops", "devs", "staff"} {
			e.one.Add(c, e.dn(g), map[string][]string{"objectClass": {"group"}, "sAMAccountName": {g}})
		}
		e.join(c, "devs", "ops")
		e.join(c, "ops", slices.Concat(known, fresh, victims, []string{"bob"})...)
		e.join(c, "staff", "devs")
	})
	e.both("the company", func(d *testenv.Domain) bool { return d.Value(e.dn("staff"), "member") != "" })
	e.one.Stop()
	backup, number := e.one.Backup(), 0
	e.one.Start()

	c := e.settings()
	c.Directory.Cache.TTL = 200 * time.Millisecond // so that everything is asked for again
	c.Directory.Cache.Negative = c.Directory.Cache.TTL
	s := serve(t, c)
	// What the backup does not have: who came after it, and who left.
	e.on(e.two, func(c *ldap.Conn) {
		e.people(c, "late", "leaver")
		e.join(c, "ops", "late", "leaver")
		set(t, c, e.dn("leaver"), "userAccountControl", "514")
	})
	e.both("who came late", func(d *testenv.Domain) bool {
		return strings.Contains(d.Value(e.dn("late"), "memberOf"), "ops") && d.Value(e.dn("leaver"), "userAccountControl") == "514"
	})
	l := startLoad(t, s, directoryPassword, append(known, "late"), slices.Repeat(fresh, 500))
	l.wg.Go(func() { l.keepOut(s, "leaver") })
	eventually(t, "somebody is answered", func() bool { return l.slowest.Load() > 0 })
	time.Sleep(each)
	calm := time.Duration(l.slowest.Load()) // how long one waits on this machine anyway

	// disable takes one of the victims, who is remembered, and waits for that to count.
	disable := func(what string, follower *running, d *testenv.Domain) {
		t.Helper()
		who := victims[0]
		victims = victims[1:]
		e.on(d, func(c *ldap.Conn) { set(t, c, e.dn(who), "userAccountControl", "514") })
		for begun := time.Now(); answered(t, follower, who)/100 == 2; time.Sleep(50 * time.Millisecond) {
			if time.Since(begun) > 5*time.Second+10*calm {
				t.Errorf("%s: who is disabled is in after %v", what, time.Since(begun).Round(time.Millisecond))
				return
			}
		}
	}
	lose := func() {
		number = updateNumber(t, e.one)
		e.one.Kill()
	}
	restore := func() {
		e.one.Restore(backup)
		e.one.Start()
		if now := updateNumber(t, e.one); now >= number {
			t.Errorf("the update sequence number has gone from %d to %d, not back", number, now)
		}
	}
	loseSecond := func() {
		e.both("what the backup did not have", func(d *testenv.Domain) bool {
			return d.Value(e.dn(victims[0]), "userAccountControl") == "512" && d.Value(e.dn("leaver"), "userAccountControl") == "514"
		})
		e.two.Kill()
	}
	for _, step := range []struct {
		name       string
		lose, heal func()
		other      *testenv.Domain // which is well
	}{
		{"first cut off", func() { e.faults[0].become(cutOff) }, func() { e.faults[0].become(well) }, e.two},
		{"second cut off", func() { e.faults[1].become(cutOff) }, func() { e.faults[1].become(well) }, e.one},
		{"first answers garbage", func() { e.faults[0].become(garbage) }, func() { e.faults[0].become(well) }, e.two},
		{"first closes connections", func() { e.faults[0].become(closing) }, func() { e.faults[0].become(well) }, e.two},
		{"first stalls", e.one.Pause, e.one.Resume, e.two},
		{"first is killed", e.one.Kill, e.one.Start, e.two},
		{"first is restored", lose, restore, e.two},
		{"second is killed", loseSecond, e.two.Start, e.one}, // the restored one is asked
	} {
		c := e.settings()
		c.Directory.Cache.TTL, c.Directory.Cache.Negative = time.Hour, time.Hour
		follower := serve(t, c)
		eventually(t, "changes are followed", func() bool { return strings.Contains(follower.Log.String(), "changes in the directory are followed") })
		for _, v := range victims[:2] {
			if got := answered(t, follower, v); got != 207 {
				t.Fatalf("%s before: %d", v, got)
			}
		}
		before := l.counts[503].Load()
		l.slowest.Store(0)
		step.lose()
		time.Sleep(each)
		disable(step.name, follower, step.other)
		step.heal()
		for _, s := range []*running{s, follower} {
			eventually(t, "both are well after: "+step.name, func() bool {
				log := s.Log.String()
				return strings.Count(log, "directory server down") == strings.Count(log, "directory server up again")
			})
		}
		disable("after: "+step.name, follower, step.other)
		l.settle() // what has met one fault does not meet the next
		t.Logf("%-25s slowest %v, %d times 503", step.name, time.Duration(l.slowest.Load()).Round(time.Millisecond), l.counts[503].Load()-before)
		if n := l.counts[503].Load() - before; n > 0 {
			t.Errorf("%s: %d answers 503 beside a server that is well", step.name, n)
		}
		if slowest := time.Duration(l.slowest.Load()); slowest > 2*time.Second+10*calm {
			t.Errorf("%s: somebody waited %v, before %v", step.name, slowest, calm)
		}
	}
	t.Log(l.end())
}

// keepOut asks as somebody who is never let in.
func (l *load) keepOut(s *running, user string) {
	c := client()
	defer c.CloseIdleConnections()
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		switch a, err := try(c, "PROPFIND", s.HTTP+"/", "", "", "Depth: 0", "Authorization: "+basicField(user, l.password)); {
		case err != nil:
			l.t.Errorf("%s: %v", user, err)
		case a.StatusCode/100 == 2:
			l.t.Errorf("%s: %s", user, a.Status)
		}
	}
}
