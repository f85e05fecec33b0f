package page

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	_ "time/tzdata" // so that zones are known where the host has no database

	"convene/auth"
)

// Values of Config.Negotiate.
const (
	NegotiateAuto = "auto"
	NegotiateOff  = "off"
)

// Config is the settings of the browser pages. DefaultConfig holds the defaults; the doc
// tags are the manual.
type Config struct {
	HostNames     []string      `toml:"host-names" doc:"Further names by which people reach the pages, besides server.host-name and that of server.public-url. A request under any other name is refused: a page elsewhere could give its own name this server's address."`
	Negotiate     string        `toml:"negotiate" doc:"Sign-in to the pages with Kerberos tickets: \"auto\" where auth.negotiate is set up, or \"off\". The form is there in either case."`
	NegotiateFrom []string      `toml:"negotiate-from" doc:"Networks whose browsers are asked for a ticket. Elsewhere some browsers would show a password dialog of their own."`
	SessionIdle   time.Duration `toml:"session-idle" doc:"How long a session lasts without use."`
	SessionLife   time.Duration `toml:"session-life" doc:"How long a session lasts at all."`
	AdminIdle     time.Duration `toml:"admin-idle" doc:"How long the administration pages may be left unused before they ask for the password again."`
	HSTS          time.Duration `toml:"hsts" doc:"How long browsers that came over TLS remember never to come without (Strict-Transport-Security). It is for all ports of the host name. \"0s\": they are not told."`
	LivePages     int           `toml:"live-pages" doc:"Pages at the same time that are told of changes as they happen (GET /my/changes). Each takes a connection, or on HTTP/2 a part of one. Further ones show what has changed when somebody comes back to them. 0: none is told."`
	LivePerPerson int           `toml:"live-pages-per-person" doc:"Such pages of one person; with a further one the oldest is told no more."`
	TimeZone      string        `toml:"time-zone" doc:"Time zone of the pages for people whose browser does not say theirs, and who have not chosen one: a name of the IANA database. Empty: that of this machine."`
}

// DefaultConfig is the settings that nobody has made.
func DefaultConfig() Config {
	return Config{
		Negotiate: NegotiateAuto,
		NegotiateFrom: []string{
			"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128",
		},
		SessionIdle: 12 * time.Hour, SessionLife: 7 * 24 * time.Hour, AdminIdle: 15 * time.Minute,
		HSTS: 365 * 24 * time.Hour, LivePages: 5000, LivePerPerson: 8,
	}
}

// Check returns the first fault of c, or nil, and the name of the setting at fault.
func (c *Config) Check() (key string, err error) {
	if c.Negotiate != NegotiateAuto && c.Negotiate != NegotiateOff {
		return "negotiate", fmt.Errorf("%q is neither %q nor %q", c.Negotiate, NegotiateAuto, NegotiateOff)
	}
	for _, s := range c.NegotiateFrom {
		if _, err := netip.ParsePrefix(s); err != nil {
			return "negotiate-from", fmt.Errorf("%q is no network such as 10.0.0.0/8", s)
		}
	}
	for _, s := range c.HostNames {
		if s == "" || strings.ContainsAny(s, "/:* ") {
			return "host-names", fmt.Errorf("%q is no host name", s)
		}
	}
	for key, d := range map[string]time.Duration{"session-idle": c.SessionIdle, "session-life": c.SessionLife, "admin-idle": c.AdminIdle} {
		if d < time.Minute {
			return key, fmt.Errorf("%s is less than a minute", d)
		}
	}
	if c.LivePages < 0 {
		return "live-pages", fmt.Errorf("%d is less than nothing", c.LivePages)
	}
	if c.LivePerPerson < 1 {
		return "live-pages-per-person", fmt.Errorf("%d is less than 1", c.LivePerPerson)
	}
	if c.HSTS < 0 {
		return "hsts", fmt.Errorf("%s is less than nothing", c.HSTS)
	}
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return "time-zone", fmt.Errorf("%q is no time zone", c.TimeZone)
	}
	return "", nil
}

// Limits say how long sessions last.
func (c *Config) Limits() auth.SessionLimits {
	return auth.SessionLimits{Idle: c.SessionIdle, Life: c.SessionLife}
}

// AsksForTicket reports whether a browser at an address is asked for a Kerberos ticket.
func (c *Config) AsksForTicket(address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil || c.Negotiate != NegotiateAuto {
		return false
	}
	ip = ip.Unmap().WithZone("")
	for _, s := range c.NegotiateFrom {
		if p, err := netip.ParsePrefix(s); err == nil && p.Contains(ip) {
			return true
		}
	}
	return false
}
