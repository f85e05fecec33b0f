package sacl

import (
	"cmp"
	"errors"
	"fmt"
	"iter"

	"convene/directory"
)

// A Service is what rules are about.
type Service string

// The services. All is not one that can be used, but stands for every one.
const (
	All      Service = "all"
	Calendar Service = "calendar"
	Web      Service = "web"
	Admin    Service = "admin"
)

// Services lists them in the order of evaluation.
func Services() []Service { return []Service{All, Calendar, Web, Admin} }

// ParseService returns the service with the given name.
func ParseService(s string) (Service, error) {
	for _, svc := range Services() {
		if string(svc) == s {
			return svc, nil
		}
	}
	return "", fmt.Errorf("service %q: %w; there are all, calendar, web and admin", s, ErrBadRule)
}

// Errors of rules and of the file that holds them.
var (
	ErrBadRule = errors.New("not a rule")
	ErrNewer   = errors.New("written by a newer version")
)

// Config is the access list in the configuration file. Its zero value lets
// everyone with an enabled record use the calendar, and nobody administer.
type Config struct {
	All      Rules `toml:"all" doc:"Who may use any of the services. These rules are looked at first, and those of the service after them; both must let a person in.\nEntries are \"everyone\", \"user:NAME\", \"group:NAME\" (nested groups count) or the GUID of a record. An entry for the person goes before one for a group, that before everyone, and deny before allow. Without rules everyone may use a service, except admin, which then nobody may; with allow rules only those listed. The directory record must be enabled as well. More rules can be set with \"convene sacl\" while the server runs."`
	Calendar Rules `toml:"calendar" doc:"Who may use calendars."`
	Web      Rules `toml:"web" doc:"Who may use the browser pages."`
	Admin    Rules `toml:"admin" doc:"Who may use the administration pages."`
}

// Rules are the entries for one service.
type Rules struct {
	Allow []string `toml:"allow" doc:"Who may."`
	Deny  []string `toml:"deny" doc:"Who may not."`
}

// of returns the rules for a service.
func (c *Config) of(svc Service) Rules {
	switch svc {
	case All:
		return c.All
	case Calendar:
		return c.Calendar
	case Web:
		return c.Web
	}
	return c.Admin
}

// Check returns the first fault of c, or nil, and the dotted name of the
// setting at fault.
func (c *Config) Check() (key string, err error) {
	for key, entries := range c.Lists() {
		for _, s := range entries {
			if _, _, err := parseEntry(s); err != nil {
				return key, err
			}
		}
	}
	return "", nil
}

// Lists gives the dotted name of each list and its entries.
func (c *Config) Lists() iter.Seq2[string, []string] {
	return func(yield func(string, []string) bool) {
		for _, svc := range Services() {
			r := c.of(svc)
			if !yield(string(svc)+".allow", r.Allow) || !yield(string(svc)+".deny", r.Deny) {
				return
			}
		}
	}
}

// Effect says what a rule does.
type Effect string

// The effects.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// everyone is the entry for all principals.
const everyone = "everyone"

// parseEntry reads whom an entry is about: all is set for everyone. Errors:
// ErrBadRule.
func parseEntry(s string) (who directory.Ref, all bool, err error) {
	if s == everyone {
		return directory.Ref{}, true, nil
	}
	if who, err = directory.ParseRef(s); err != nil {
		return who, false, fmt.Errorf("%q: %w; write everyone, user:NAME, group:NAME or a GUID", s, ErrBadRule)
	}
	return who, false, nil
}

// Origin says where a rule stands.
type Origin string

// The origins.
const (
	FromConfig Origin = "configuration"
	FromFile   Origin = "sacl.json"
)

// A Rule is one entry for one service.
type Rule struct {
	Service  Service
	Effect   Effect
	Everyone bool          // it is about all principals
	Who      directory.Ref // whom it is about otherwise
	Origin   Origin
	Changed  string // of FromFile: when, in RFC 3339
	By       string // of FromFile: who made the rule

	text string // see String
	key  directory.Key
}

// String returns the rule as explain and the log show it, such as
// "calendar: allow group:staff (configuration)".
func (r *Rule) String() string { return r.text }

// Entry returns whom the rule is about, as in the configuration file.
func (r *Rule) Entry() string {
	if r.Everyone {
		return everyone
	}
	return r.Who.String()
}

// prepare fills in what Check would otherwise compute for each request.
func (r *Rule) prepare() {
	r.text = fmt.Sprintf("%s: %s %s (%s)", r.Service, r.Effect, r.Entry(), r.Origin)
	if r.Who.Name == "" {
		return
	}
	typ := cmp.Or(r.Who.Type, directory.User)
	// An impossible name has no canonical form and matches nobody.
	if k, err := (directory.Key{By: directory.Name, Type: typ, Value: r.Who.Name}).Canonical(); err == nil {
		r.key = k
	}
}

// parse turns the entries of c into rules.
func parse(c *Config) ([]*Rule, error) {
	var out []*Rule
	for _, svc := range Services() {
		for _, list := range []struct {
			effect  Effect
			entries []string
		}{{Deny, c.of(svc).Deny}, {Allow, c.of(svc).Allow}} {
			for _, s := range list.entries {
				who, all, err := parseEntry(s)
				if err != nil {
					return nil, fmt.Errorf("access list of %s: %w", svc, err)
				}
				r := &Rule{Service: svc, Effect: list.effect, Everyone: all, Who: who, Origin: FromConfig}
				r.prepare()
				out = append(out, r)
			}
		}
	}
	return out, nil
}
