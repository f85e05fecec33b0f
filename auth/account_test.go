package auth_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// accountWays tries every way to act as the user of a name on a site whose directory
// knows the password, and says which are open.
type accountWays struct {
	*site
	login, password, device string
	ticket                  func() string // an Authorization field; nil: none
}

func (w *accountWays) digest(t *testing.T, password string) int {
	t.Helper()
	status, _ := w.next(w.digestSession(t, w.login, password, false))
	return status
}

// open returns the statuses by way.
func (w *accountWays) open(t *testing.T) map[string]int {
	t.Helper()
	basic, _, _ := w.try(basicField(w.login, w.password))
	device, _, _ := w.try(basicField(w.login, w.device))
	got := map[string]int{
		auth.SchemeBasic: basic, auth.WayDevice: device,
		auth.SchemeDigest: w.digest(t, w.password), auth.WayDevice + " by digest": w.digest(t, w.device),
		auth.WaySession: 200,
	}
	if w.ticket != nil {
		got[auth.SchemeNegotiate], _, _ = w.try(w.ticket())
	}
	p, err := w.people.Lookup(t.Context(), directory.Key{By: directory.Login, Value: w.login})
	if err != nil {
		t.Fatal(err)
	}
	if w.MayAct(p, auth.WaySession) != nil {
		got[auth.WaySession] = 403
	}
	return got
}

// What each state of an account means for each way to act. A password that the
// directory itself refuses is 401, as a wrong one is.
func TestAccountStates(t *testing.T) {
	all := func(status int) map[string]int {
		return map[string]int{auth.SchemeNegotiate: status, auth.SchemeDigest: status, auth.SchemeBasic: status,
			auth.WayDevice: status, auth.WayDevice + " by digest": status, auth.WaySession: status}
	}
	but := func(m map[string]int, more map[string]int) map[string]int {
		maps.Copy(m, more)
		return m
	}
	now := time.Now()
	closed := strings.Repeat("\x00", 21)
	var thisHour [21]byte
	hour := int(now.UTC().Weekday())*24 + now.UTC().Hour()
	for _, h := range []int{hour, (hour + 1) % 168} { // the test may take it over the hour
		thisHour[h/8] |= 1 << (h % 8)
	}
	for _, tt := range []struct {
		name   string
		change func(*directory.Principal)
		policy func(*auth.AccountsConfig)
		want   map[string]int
	}{
		{name: "well", change: func(*directory.Principal) {}, want: all(200)},
		{name: "well for a while", change: func(p *directory.Principal) {
			p.Account = directory.Account{Expires: now.Add(time.Hour), PasswordExpires: now.Add(time.Hour), LockedUntil: now.Add(-time.Second), Hours: string(thisHour[:])}
		}, want: all(200)},
		{name: "disabled", change: func(p *directory.Principal) { p.LoginEnabled = false }, want: but(all(403), map[string]int{auth.SchemeBasic: 401, auth.SchemeDigest: 401})},
		{name: "ended", change: func(p *directory.Principal) { p.Account.Expires = now.Add(-time.Second) }, want: but(all(403), map[string]int{auth.SchemeBasic: 401, auth.SchemeDigest: 401})},
		{name: "locked", change: func(p *directory.Principal) { p.Account.LockedUntil = now.Add(time.Hour) },
			want: but(all(200), map[string]int{auth.SchemeBasic: 401, auth.SchemeDigest: 403})},
		{name: "password expired", change: func(p *directory.Principal) { p.Account.PasswordExpires = now.Add(-time.Second) },
			want: but(all(403), map[string]int{auth.SchemeNegotiate: 200})},
		{name: "must change", change: func(p *directory.Principal) { p.Account.MustChange = true },
			want: but(all(403), map[string]int{auth.SchemeNegotiate: 200})},
		{name: "outside of the hours", change: func(p *directory.Principal) { p.Account.Hours = closed }, want: but(all(403), map[string]int{auth.SchemeBasic: 401})},
		{name: "locked, strictly", change: func(p *directory.Principal) { p.Account.LockedUntil = now.Add(time.Hour) },
			policy: func(c *auth.AccountsConfig) {
				c.Locked = []string{auth.SchemeNegotiate, auth.SchemeDigest, auth.SchemeBasic, auth.WayDevice, auth.WaySession}
			},
			want: but(all(403), map[string]int{auth.SchemeBasic: 401})},
		{name: "must change, leniently", change: func(p *directory.Principal) { p.Account.MustChange = true },
			policy: func(c *auth.AccountsConfig) { c.PasswordExpired = []string{} },
			want:   but(all(200), map[string]int{auth.SchemeBasic: 403})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			record := directory.Record{Password: "alice's password", Principal: directory.Principal{
				GUID: "ALICE-GUID", Type: directory.User, Name: "alice", Kerberos: []string{"alice@EXAMPLE.COM"}, LoginEnabled: true, CalendarEnabled: true}}
			known := func(r directory.Record) *directory.Static {
				s, err := directory.NewStatic([]directory.Record{r})
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			p := newPeople(t)
			p.Static = known(record)
			s := openSite(t, func(o *auth.Options) {
				o.Schemes, o.Directory, o.State = []string{"negotiate", "digest", "basic"}, p, newState(t)
				o.Negotiate.Keytab, o.Digest.DevicePasswords = keytabFile(t), true
				if tt.policy != nil {
					tt.policy(&o.Accounts)
				}
			})
			_, device, err := s.Devices().Add(t.Context(), "ALICE-GUID", "phone")
			if err != nil {
				t.Fatal(err)
			}
			w := &accountWays{site: s, login: "alice", password: "alice's password", device: device, ticket: func() string {
				return negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now(), Client: "alice"}).Token)
			}}
			cached := basicField("alice", w.device)
			if got := w.open(t); !maps.Equal(got, all(200)) {
				t.Fatalf("before: %v", got)
			}
			s.Forget("ALICE-GUID") // what the directory says of the password now
			if status, _, _ := s.try(cached); status != 200 {
				t.Fatal(status)
			}
			tt.change(&record.Principal)
			p.Static = known(record)
			if got := w.open(t); !maps.Equal(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			if got := w.open(t); !maps.Equal(got, tt.want) {
				t.Errorf("a second time: got  %v\nwant %v", got, tt.want)
			}
		})
	}
}

// A log-in that is remembered ends with the account, at the moment that the record
// names: nobody needs to be asked for it.
func TestAccountEndsWhileCached(t *testing.T) {
	p := newPeople(t)
	end := time.Now().Add(time.Minute)
	dir, err := directory.NewStatic([]directory.Record{{Password: "secret", Principal: directory.Principal{
		GUID: "TEMP", Type: directory.User, Name: "temp", LoginEnabled: true, CalendarEnabled: true, Account: directory.Account{Expires: end}}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Static = dir
	s := openSite(t, func(o *auth.Options) { o.Directory = p })
	if status, _, out := s.try(basicField("temp", "secret")); status != 200 {
		t.Fatal(status, out.Err)
	}
	s.clock.add(61 * time.Second)
	status, _, out := s.try(basicField("temp", "secret"))
	if status != 403 || !errors.Is(out.Err, directory.ErrAccountExpired) || p.binds.Load() != 1 {
		t.Errorf("%d %v, %d binds", status, out.Err, p.binds.Load())
	}
}

// So it does while the directory is away.
func TestAccountEndsInOutage(t *testing.T) {
	p := newPeople(t)
	dir, err := directory.NewStatic([]directory.Record{{Password: "secret", Principal: directory.Principal{
		GUID: "TEMP", Type: directory.User, Name: "temp", LoginEnabled: true, CalendarEnabled: true, Account: directory.Account{Expires: time.Now().Add(time.Minute)}}}})
	if err != nil {
		t.Fatal(err)
	}
	p.Static = dir
	s := openSite(t, func(o *auth.Options) { o.Directory = p })
	for _, step := range []struct {
		after time.Duration
		away  bool
		want  int
	}{{0, false, 200}, {30 * time.Second, true, 200}, {31 * time.Second, true, 403}, {time.Hour, true, 403}} {
		s.clock.add(step.after)
		p.down.Store(step.away)
		if status, _, out := s.try(basicField("temp", "secret")); status != step.want {
			t.Errorf("%v later: %d %v, want %d", step.after, status, out.Err, step.want)
		}
	}
}

// Whose password has expired learns that, and where to change it; whoever does not
// know it learns nothing.
func TestPasswordExpiredIsSaid(t *testing.T) {
	expired := error(directory.ErrPasswordExpired)
	s := openSite(t, func(o *auth.Options) { o.HelpURL = "https://example.com/password" })
	s.people.deny.Store(&expired)
	status, _, out := s.try(basicField("alice", "alice's password"))
	if status != 403 || !strings.Contains(out.Body, "expired") || !strings.Contains(out.Body, "https://example.com/password") {
		t.Errorf("%d %q", status, out.Body)
	}
	wrong := error(directory.ErrInvalidCredentials)
	s.people.deny.Store(&wrong)
	if status, _, out := s.try(basicField("alice", "guess")); status != 401 || strings.Contains(out.Body, "expired") {
		t.Errorf("wrong password: %d %q", status, out.Body)
	}
}

// Settings that name no way are refused.
func TestAccountsConfig(t *testing.T) {
	c := auth.DefaultConfig()
	c.Accounts.Locked = []string{"bsaic"}
	if key, err := c.Check(); key != "accounts.locked" || err == nil {
		t.Errorf("%q %v", key, err)
	}
	c = auth.DefaultConfig()
	if key, err := c.Check(); err != nil || slices.Contains(c.Accounts.Locked, auth.WayDevice) {
		t.Error(key, err, c.Accounts)
	}
}
