package auth

import (
	"fmt"
	"slices"
	"strings"

	"convene/directory"
)

// Ways to act that are no schemes: with a device password, by whichever scheme it was
// sent, and in a session of a browser.
const (
	WayDevice  = "device"
	WaySession = "session"
)

// ways lists all ways to act.
func ways() []string {
	return []string{SchemeNegotiate, SchemeDigest, SchemeBasic, SchemeCertificate, WayDevice, WaySession}
}

// AccountsConfig says what the states of an account mean for each way to act. That an
// account is disabled or has ended means the same for all: no.
type AccountsConfig struct {
	Locked          []string `toml:"locked" doc:"Ways that are closed while the directory has locked the account after wrong passwords: any of \"negotiate\", \"digest\", \"basic\", \"certificate\" (TLS client certificates), \"device\" (device passwords) and \"session\" (signed in with a browser). Anybody can lock an account by guessing, so those that no guess is about go on by default."`
	PasswordExpired []string `toml:"password-expired" doc:"Ways that are closed while the directory's password has expired or must be changed. People then get the address in auth.help-url. Tickets are not among them by default: the KDC issues none then."`
	Hours           []string `toml:"hours" doc:"Ways that are closed outside of the account's log-on hours."`
}

func defaultAccounts() AccountsConfig {
	return AccountsConfig{
		Locked:          []string{SchemeDigest, SchemeBasic},
		PasswordExpired: []string{SchemeDigest, SchemeBasic, WayDevice, WaySession},
		Hours:           ways(),
	}
}

// lists gives the lists with the names of their settings.
func (c *AccountsConfig) lists() []namedWays {
	return []namedWays{{"locked", &c.Locked}, {"password-expired", &c.PasswordExpired}, {"hours", &c.Hours}}
}

type namedWays struct {
	name string
	list *[]string
}

// check returns the first fault of c, or nil, and the name of the setting.
func (c *AccountsConfig) check() (key string, err error) {
	for _, l := range c.lists() {
		for _, w := range *l.list {
			if !slices.Contains(ways(), w) {
				return l.name, fmt.Errorf("%q is none of %s", w, strings.Join(ways(), ", "))
			}
		}
	}
	return "", nil
}

// complete gives lists that are nil, which no file can make them, their defaults.
func (c *AccountsConfig) complete() {
	def := defaultAccounts()
	defaults := def.lists()
	for i, l := range c.lists() {
		if *l.list == nil {
			*l.list = *defaults[i].list
		}
	}
}

// MayAct reports, as an error, why somebody may not act in a way at this moment, by what
// the directory says of their account. It is asked after every way to sign in, and for
// each request of a session. Errors: ErrNotEnabled, which wraps the directory's reason.
func (a *Authenticator) MayAct(p *directory.Principal, way string) error {
	now, policy := a.now(), &a.o.Accounts
	why := p.Closed(now)
	switch {
	case why != nil:
	case p.Account.Locked(now) && slices.Contains(policy.Locked, way):
		why = directory.ErrAccountLocked
	case p.Account.Stale(now) && slices.Contains(policy.PasswordExpired, way):
		why = directory.ErrPasswordExpired
	case !p.Account.Open(now) && slices.Contains(policy.Hours, way):
		why = directory.ErrAccountRestricted
	}
	if why == nil {
		return nil
	}
	return fmt.Errorf("%s %s, %s: %w: %w", p.Type, p.Name, way, ErrNotEnabled, why)
}

// way is how a caller acts.
func (c *Caller) way() string {
	if c.Device != "" {
		return WayDevice
	}
	return c.Scheme
}
