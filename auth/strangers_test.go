package auth_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// testAddress takes a request's address from a field.
func testAddress(r *http.Request) string { return r.Header.Get("X-Test-Address") }

// from sends credentials from an address; the site's Address is testAddress.
func (s *site) from(address, field string) int {
	r := request(field)
	r.Header.Set("X-Test-Address", address)
	c, out := s.Authenticate(r)
	if c != nil {
		return 200
	}
	return out.Status
}

// crowd is a directory of n people, u0 and so on.
func crowd(t *testing.T, n int) *directory.Static {
	t.Helper()
	var list []directory.Record
	for i := range n {
		name := "u" + strconv.Itoa(i)
		list = append(list, directory.Record{Principal: directory.Principal{
			GUID: fmt.Sprintf("GUID-%d", i), Type: directory.User, Name: name, LoginEnabled: true,
			Emails: []string{name + "@example.com"}, Kerberos: []string{name + "@EXAMPLE.COM"},
		}, Password: "right"})
	}
	s, err := directory.NewStatic(list)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A thousand names that somebody has and a thousand that nobody has are answered with
// the same sequences of statuses, whatever is sent, in whatever form of the name.
func TestEnumeration(t *testing.T) {
	const people = 1000
	const secret = "00000-00000-00000-00000" // it has the form of a device password
	file := write(t, "u1:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\nx2:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n")
	digestFile := write(t, "u1:test:"+strings.Repeat("ab", 16)+"\nu1:test:"+strings.Repeat("ab", 32)+"\n")
	for _, tt := range []struct {
		name   string
		change func(*auth.Options)
		try    func(s *site, address, name string, i int) int
	}{
		{"Basic", nil, func(s *site, address, name string, i int) int {
			return s.from(address, basicField(name, "guess"+strconv.Itoa(i%5)))
		}},
		{"Basic with forms of the name", nil, func(s *site, address, name string, i int) int {
			form := []string{name, name + "@example.com", strings.ToUpper(name), name + "@elsewhere.example", name + "@EXAMPLE.COM", name, name}[i]
			return s.from(address, basicField(form, "guess"+strconv.Itoa(i)))
		}},
		{"Basic with a file", func(o *auth.Options) { o.Basic.Files = []string{file} }, func(s *site, address, name string, i int) int {
			return s.from(address, basicField(name, "guess"+strconv.Itoa(i)))
		}},
		{"like a device password", nil, func(s *site, address, name string, i int) int {
			return s.from(address, basicField(name, secret))
		}},
		{"carelessly like a device password", nil, func(s *site, address, name string, i int) int {
			return s.from(address, basicField(name, strings.ReplaceAll(secret, "-", "")+strings.Repeat(" ", i)))
		}},
		{"Digest", nil, func(s *site, address, name string, i int) int {
			c := &digestClient{user: name, password: "guess" + strconv.Itoa(i), realm: "test", nonce: "x"}
			return s.from(address, c.field("PROPFIND", "/calendars/"))
		}},
		{"Digest with device passwords", func(o *auth.Options) {
			o.Digest.DevicePasswords, o.Digest.Files, o.Directory = true, []string{digestFile}, bindsOnly{o.Directory}
		}, func(s *site, address, name string, i int) int {
			c := &digestClient{user: name, password: secret, realm: "test", nonce: "x"}
			return s.from(address, c.field("PROPFIND", "/calendars/"))
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := openSite(t, func(o *auth.Options) {
				o.Schemes, o.State, o.Address = []string{"digest", "basic"}, newState(t), testAddress
				o.Throttle.LocalFailures, o.Throttle.AddressFailures, o.Throttle.FamiliarFailures = 4, 5, 1
				o.Directory = crowd(t, people)
				if tt.change != nil {
					tt.change(o)
				}
			})
			seen := map[string]int{}
			for i := range people {
				// Each name from a network of its own; now one first, then the other.
				known, unknown := "", ""
				for j := range 2 {
					if i%2 == j {
						known = sequence(s, tt.try, fmt.Sprintf("10.%d.%d.1", i/250, i%250), "u"+strconv.Itoa(i))
					} else {
						unknown = sequence(s, tt.try, fmt.Sprintf("10.%d.%d.1", 100+i/250, i%250), "x"+strconv.Itoa(i))
					}
				}
				if known != unknown {
					t.Fatalf("u%d %s, x%d %s", i, known, i, unknown)
				}
				seen[known]++
			}
			if len(seen) != 1 {
				t.Errorf("sequences %v", seen)
			}
			for s := range seen {
				if !strings.HasPrefix(s, "401") || !strings.Contains(s, "429") {
					t.Errorf("sequence %s", s)
				}
			}
		})
	}
}

func sequence(s *site, try func(s *site, address, name string, i int) int, address, name string) string {
	out := ""
	for i := range 7 {
		out += strconv.Itoa(try(s, address, name, i)) + " "
	}
	return out
}

// A name that only an htdigest file has signs nobody in.
func TestDigestFileOfNobody(t *testing.T) {
	c := &digestClient{user: "ghost", password: "boo", realm: "test"}
	file := write(t, "ghost:test:"+c.hash("ghost:test:boo")+"\n")
	s := digestSite(t, func(o *auth.Options) { o.Digest.Files = []string{file} })
	_, _, out := s.try("")
	c.learn(out)
	if status, out := s.next(c); status != 401 {
		t.Errorf("%d: %v", status, out.Err)
	}
}

// Wrong responses of a name that nobody has wait for the directory server like those of
// one that somebody has, and ask it as often.
func TestDigestStrangersWaitAlike(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("ann", "userPassword: hunter2")})
	s, asked := openDigestLDAP(t, srv, directory.RecordConfig{DigestPassword: "userPassword"}, directory.CacheOptions{}, nil)
	took := map[string][]time.Duration{}
	questions := map[string]int32{}
	for _, name := range []string{"ann", "nobody"} {
		c := s.digestSession(t, name, "guess", false)
		before := asked.asked.Load()
		for range 3 {
			begun := time.Now()
			if status, out := s.next(c); status != 401 {
				t.Fatalf("%s: %d: %v", name, status, out.Err)
			}
			took[name] = append(took[name], time.Since(begun).Round(time.Second))
		}
		questions[name] = asked.asked.Load() - before
	}
	if !slices.Equal(took["ann"], took["nobody"]) || took["ann"][2] < time.Second || questions["ann"] != questions["nobody"] {
		t.Errorf("%v, questions %v", took, questions)
	}
}

// Wrong credentials are refused no sooner than it takes for any of them; who sends too
// many from one address is refused at once.
func TestRefusalsTakeAsLong(t *testing.T) {
	const least = 60 * time.Millisecond
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Throttle.RefuseAfter, o.Throttle.AddressFailures = []string{"digest", "basic"}, least, 6
	})
	timed := func(field string) (int, time.Duration) {
		begun := time.Now()
		status, _, _ := s.try(field)
		return status, time.Since(begun)
	}
	digest := func(name string) string {
		return (&digestClient{user: name, password: "guess", realm: "test", nonce: "x"}).field("PROPFIND", "/calendars/")
	}
	for _, field := range []string{basicField("nobody", "x"), aliceWrong, basicField("alice", ""), digest("alice"), digest("nobody")} {
		if status, took := timed(field); status != 401 || took < least {
			t.Errorf("%s: %d after %v", field, status, took)
		}
	}
	begun := time.Now()
	if c, out := s.Password(request(""), "nobody", "y"); c != nil || out.Status != 401 || time.Since(begun) < least {
		t.Errorf("form: %d after %v", out.Status, time.Since(begun))
	}
	for _, field := range []string{alice, ""} {
		if _, took := timed(field); took >= least {
			t.Errorf("%q took %v", field, took)
		}
	}
	s.try(basicField("nobody", "z"))
	if status, took := timed(basicField("nobody", "w")); status != 429 || took >= least {
		t.Errorf("throttled: %d after %v", status, took)
	}
}

// Guesses from elsewhere, however many, shut nobody out where they have signed in before:
// not on a new device, not after a restart. The directory sees no more of them than it
// may.
func TestGuessesShutNobodyOut(t *testing.T) {
	state, people := newState(t), newPeople(t)
	open := func(at time.Time) *site {
		return openSite(t, func(o *auth.Options) {
			o.Schemes, o.State, o.Address, o.Directory = []string{"digest", "basic"}, state, testAddress, people
			o.Throttle.FamiliarFailures = 1
			o.Now = func() time.Time { return at }
		})
	}
	at := time.Now()
	s := open(at)
	if got := s.from("192.0.2.7", alice); got != 200 {
		t.Fatal(got)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	// The same server later: nothing in memory is left.
	s = open(at.Add(time.Hour))
	before := people.binds.Load()
	for i := range 400 {
		s.from(fmt.Sprintf("198.51.%d.1", i%250), basicField("alice", "guess"+strconv.Itoa(i)))
		c := &digestClient{user: "alice", password: "guess", realm: "test", nonce: "x"}
		s.from(fmt.Sprintf("203.0.%d.1", i%250), c.field("PROPFIND", "/calendars/"))
	}
	if n := people.binds.Load() - before; n != 2 {
		t.Errorf("the directory saw %d guesses, want 2", n)
	}
	if got := s.from("192.0.2.99", alice); got != 429 {
		t.Errorf("right password from a network that she has not used: %d, want 429", got)
	}
	// One wrong password of her own is hers to make.
	if got := s.from("192.0.2.7", basicField("alice@example.com", "a slip")); got != 401 {
		t.Errorf("her own mistake: %d", got)
	}
	if n := people.binds.Load() - before; n != 3 {
		t.Errorf("the directory saw %d wrong passwords, want 3", n)
	}
	if got := s.from("192.0.2.7", basicField("alice", "another")); got != 429 {
		t.Errorf("her second mistake: %d", got)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	// A day later: guesses again, and then a new device of hers.
	s = open(at.Add(25 * time.Hour))
	for i := range 10 {
		s.from(fmt.Sprintf("198.51.%d.1", i), basicField("alice", "guess"+strconv.Itoa(i)))
	}
	if got := s.from("192.0.2.7", basicField("alice@example.com", "alice's password")); got != 200 {
		t.Errorf("a new device where she has signed in before: %d", got)
	}
	c := &digestClient{user: "alice", password: "alice's password"}
	_, out := s.Authenticate(request(""))
	c.learn(out)
	if got := s.from("192.0.2.7", c.field("PROPFIND", "/calendars/")); got != 200 {
		t.Errorf("Digest: %d", got)
	}
}

// Who has come with a ticket is familiar where they did.
func TestTicketsMakeNetworksFamiliar(t *testing.T) {
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Address = []string{"negotiate", "basic"}, keytabFile(t), testAddress
		o.Throttle.AccountFailures, o.Throttle.FamiliarFailures = 3, 1
	})
	m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now(), Client: "alice"})
	if got := s.from("192.0.2.7", negotiateField(m.Token)); got != 200 {
		t.Fatal(got)
	}
	for i := range 5 {
		s.from("198.51.100.1", basicField("alice", "guess"+strconv.Itoa(i)))
	}
	if got := s.from("192.0.2.8", alice); got != 429 {
		t.Errorf("elsewhere: %d, want 429", got)
	}
	if got := s.from("192.0.2.7", alice); got != 200 {
		t.Errorf("where she came with a ticket: %d", got)
	}
}

// A password that was verified is proven under all names of its owner.
func TestProvenByRecord(t *testing.T) {
	s := openSite(t, func(o *auth.Options) { o.Address = testAddress })
	s.from("192.0.2.7", alice)
	for i := range 5 {
		s.from("198.51.100.1", basicField("alice", "guess"+strconv.Itoa(i)))
	}
	if got := s.from("192.0.2.50", basicField("alice@example.com", "alice's password")); got != 200 {
		t.Errorf("another name: %d", got)
	}
}

// A device password is let in whatever was guessed before, for its owner or from its
// address.
func TestDevicePasswordsAreNotThrottled(t *testing.T) {
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.State, o.Address, o.Directory = []string{"digest", "basic"}, newState(t), testAddress, bindsOnly{o.Directory}
		o.Digest.DevicePasswords, o.Throttle.AddressFailures, o.Throttle.LocalFailures = true, 10, 2
	})
	dev, secret, err := s.Devices().Add(t.Context(), "ALICE-GUID", "phone")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		s.from("192.0.2.7", basicField("alice", "guess"+strconv.Itoa(i)))
		s.from("192.0.2.7", basicField("alice"+strconv.Itoa(i), "guess"))
		c := &digestClient{user: "alice", password: "guess", realm: "test", nonce: "x"}
		s.from(fmt.Sprintf("198.51.%d.1", i), c.field("PROPFIND", "/calendars/"))
	}
	if got := s.from("192.0.2.7", basicField("bob", "bob's password")); got != 429 {
		t.Fatalf("the address is not throttled: %d", got)
	}
	r := request(basicField("alice", secret))
	r.Header.Set("X-Test-Address", "192.0.2.7")
	if c, out := s.Authenticate(r); c == nil || c.Device != dev.ID {
		t.Errorf("Basic: %v", out.Err)
	}
	c := &digestClient{user: "alice", password: secret}
	_, out := s.Authenticate(request(""))
	c.learn(out)
	if got := s.from("203.0.113.9", c.field("PROPFIND", "/calendars/")); got != 200 {
		t.Errorf("Digest: %d", got)
	}
	if got := s.from("192.0.2.7", basicField("bob", secret)); got != 401 {
		t.Errorf("another's name with it: %d", got)
	}
}

// Failures count for each network that an address is in; the wider, the more it takes.
func TestThrottleNetworks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spread func(i int) string // addresses of the attacker
		budget int
		near   string // throttled too then
		far    string // not
	}{
		{"IPv4 address", func(int) string { return "192.0.2.1" }, 10, "192.0.2.1", "192.0.2.2"},
		{"IPv4-mapped", func(int) string { return "::ffff:192.0.2.1" }, 10, "192.0.2.1", "192.0.2.2"},
		{"IPv4 /24", func(i int) string { return fmt.Sprintf("192.0.2.%d", i%200) }, 80, "192.0.2.250", "192.0.3.1"},
		{"IPv6 address", func(int) string { return "2001:db8::1" }, 10, "2001:db8::1", "2001:db8::2"},
		{"IPv6 /64", func(i int) string { return fmt.Sprintf("2001:db8::%x", i) }, 20, "2001:db8::ffff", "2001:db8:0:1::1"},
		{"IPv6 /48", func(i int) string { return fmt.Sprintf("2001:db8:0:%x::1", i) }, 80, "2001:db8:0:ffff::1", "2001:db8:1::1"},
		{"IPv6 /32", func(i int) string { return fmt.Sprintf("2001:db8:%x::1", i) }, 320, "2001:db8:ffff::1", "2001:db9::1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := openSite(t, func(o *auth.Options) { o.Throttle.AddressFailures, o.Address = 10, testAddress })
			n := 0
			for i := range 1000 {
				if s.from(tt.spread(i), basicField("nobody"+strconv.Itoa(i), "x")) != 401 {
					break
				}
				n++
			}
			if n != tt.budget {
				t.Errorf("%d failures, want %d", n, tt.budget)
			}
			if got := s.from(tt.near, alice); got != 429 {
				t.Errorf("%s: %d, want 429", tt.near, got)
			}
			if got := s.from(tt.far, basicField("bob", "bob's password")); got != 200 {
				t.Errorf("%s: %d, want 200", tt.far, got)
			}
			s.clock.add(15 * time.Minute)
			if got := s.from(tt.near, alice); got != 200 {
				t.Errorf("after the window: %d", got)
			}
		})
	}
}

// A throttled address costs no question to the directory, and the log one line for all
// it sends within a minute, and one that sums it up. So does one wrong password again
// and again.
func TestThrottledCostsNothing(t *testing.T) {
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Throttle.AddressFailures, o.Address = []string{"digest", "basic"}, 5, testAddress
	})
	for i := range 5 {
		s.from("192.0.2.7", basicField("nobody"+strconv.Itoa(i), "x"))
	}
	asked, binds := s.people.asked.Load(), s.people.binds.Load()
	lines := strings.Count(s.log.String(), "\n")
	for i := range 500 {
		name := "other" + strconv.Itoa(i)
		if got := s.from("192.0.2.7", basicField(name, "x")); got != 429 {
			t.Fatal(got)
		}
		c := &digestClient{user: name, password: "x", realm: "test", nonce: "x"}
		if got := s.from("192.0.2.7", c.field("PROPFIND", "/calendars/")); got != 429 {
			t.Fatal(got)
		}
	}
	if a, b := s.people.asked.Load()-asked, s.people.binds.Load()-binds; a+b != 0 {
		t.Errorf("%d questions and %d binds for a throttled address", a, b)
	}
	if n := strings.Count(s.log.String(), "\n") - lines; n != 1 {
		t.Errorf("%d lines for 1,000 refusals, want 1", n)
	}
	for range 200 {
		s.from("198.51.100.1", aliceWrong)
	}
	if n := strings.Count(s.log.String(), "\n") - lines; n != 2 {
		t.Errorf("%d lines, want 2", n)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"sign-in refused again" times=999`, `times=199`, "network=192.0.2.7/32", "network=198.51.100.1/32"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("no %s in\n%.3000s", want, s.log)
		}
	}
}

// Who has an entry in a file is verified with it under each of their names, in whatever
// case, and never by the directory.
func TestHtpasswdByRecord(t *testing.T) {
	for _, entry := range []string{"bob", "BOB", "bob@example.com", "Bob@EXAMPLE.COM"} {
		file := write(t, entry+":$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0\n")
		s := openSite(t, func(o *auth.Options) { o.Basic.Files, o.Throttle.AccountFailures = []string{file}, 100 })
		for _, typed := range []string{"bob", "Bob", "bob@example.com", "BOB@example.com", "bob@EXAMPLE.COM"} {
			if status, _, out := s.try(basicField(typed, "bob's password")); status != 401 {
				t.Errorf("entry %s: the directory's password as %s: %d: %v", entry, typed, status, out.Err)
			}
			if status, _, out := s.try(basicField(typed, "secret")); status != 200 {
				t.Errorf("entry %s: the file's password as %s: %d: %v", entry, typed, status, out.Err)
			}
		}
		if n := s.people.binds.Load(); n != 0 {
			t.Errorf("entry %s: %d binds", entry, n)
		}
		if status, _, out := s.try(alice); status != 200 {
			t.Errorf("somebody else: %d: %v", status, out.Err)
		}
	}
}
