package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/internal/engine"
	"convene/internal/kerberos"
)

// The schemes, as configured and as in Caller.Scheme.
const (
	SchemeNegotiate = "negotiate"
	SchemeDigest    = "digest"
	SchemeBasic     = "basic"
)

// Config is the sign-in part of the configuration file. DefaultConfig holds
// the defaults; the doc tags are the manual.
type Config struct {
	Schemes        []string `toml:"schemes" doc:"Ways to sign in, the preferred first: any of \"negotiate\" (Kerberos), \"digest\" and \"basic\". One that nothing here could verify is not offered to clients."`
	Realm          string   `toml:"realm" doc:"Realm shown in password prompts. Digest secrets depend on it: after a change they must be enrolled again."`
	BasicOverPlain bool     `toml:"basic-over-plain" doc:"Offer and accept Basic on connections without TLS. Passwords then cross the network in the clear."`
	RequireTLS     []string `toml:"require-tls" doc:"Schemes offered and accepted on connections with TLS alone. Basic is one of them even if it is not named, unless basic-over-plain is set. Negotiate and Digest keep the password to themselves, but what they open crosses the network in the clear; the log says once that it does."`
	HelpURL        string   `toml:"help-url" doc:"Address named in the text of refusals, such as the page for device passwords. Empty: none."`

	Negotiate    NegotiateConfig   `toml:"negotiate" doc:"Sign-in with Kerberos tickets (SPNEGO)."`
	Digest       DigestConfig      `toml:"digest" doc:"Sign-in with HTTP Digest (RFC 7616)."`
	Basic        BasicConfig       `toml:"basic" doc:"Sign-in with name and password."`
	Certificates CertificateConfig `toml:"certificates" doc:"Sign-in with TLS client certificates, where tls.client-ca-file is set: of programs, for calendars; not for pages."`
	Throttle     ThrottleConfig    `toml:"throttle" doc:"Limits for wrong passwords."`
	Accounts     AccountsConfig    `toml:"accounts" doc:"What the states of an account in the directory mean."`
}

// NegotiateConfig is the Kerberos acceptor's configuration.
type NegotiateConfig struct {
	Keytab         string          `toml:"keytab" doc:"Keytab file with the keys of HTTP/this.host. It is read again when it changes."`
	Services       []string        `toml:"services" doc:"First components of service names that are accepted."`
	Realms         []string        `toml:"realms" doc:"Realms whose users may sign in. Empty: those of the keytab only. Name trusted realms here for cross-realm sign-in."`
	Skew           time.Duration   `toml:"skew" doc:"Greatest difference between the clocks of client and server."`
	Enctypes       []string        `toml:"enctypes" doc:"Encryption types of tickets that are accepted: aes256-cts-hmac-sha384-192, aes128-cts-hmac-sha256-128, aes256-cts-hmac-sha1-96, aes128-cts-hmac-sha1-96, rc4-hmac. The last is weak: it is an MD4 sum of the password, and KDCs cease to use it."`
	ChannelBinding string          `toml:"channel-binding" doc:"Channel bindings (tls-server-end-point, RFC 5929) in tokens: \"check\" those that clients send, \"require\" them, or \"off\", for servers behind a proxy that ends TLS."`
	Principals     []PrincipalRule `toml:"principals" doc:"How a Kerberos principal finds its directory record: rules tried in order until one finds a record."`
}

// Values of NegotiateConfig.ChannelBinding; "" is BindingCheck.
const (
	BindingCheck   = "check"
	BindingRequire = "require"
	BindingOff     = "off"
)

// PrincipalRule maps Kerberos principals to directory records.
type PrincipalRule struct {
	Realms []string `toml:"realms" doc:"Realms that the rule is for. Empty: those of the keytab; \"*\": all realms that may sign in."`
	Match  string   `toml:"match" doc:"Regular expression that the whole name@REALM must match. Empty: any principal whose name has one component."`
	By     string   `toml:"by" doc:"What the value is: \"kerberos\" (the record's Kerberos name attribute), \"name\" (short name of a user), \"mail\" (mail address), \"login\" (anything a person may type) or \"guid\"."`
	Value  string   `toml:"value" doc:"Template of the value: ${principal}, ${name}, ${realm}, ${domain} (the realm in lower case) and the groups $1, $2 … of match. Empty: ${principal} for kerberos, ${name}@${domain} for mail, else ${name}."`
}

// DigestConfig is Digest's configuration.
type DigestConfig struct {
	Algorithms      []string      `toml:"algorithms" doc:"Algorithms offered, the preferred first: \"SHA-256\" and \"MD5\". Apple's and most other clients know MD5 only."`
	Files           []string      `toml:"files" doc:"Files made by htdigest, for this realm. They are read again when they change."`
	DevicePasswords bool          `toml:"device-passwords" doc:"Verify Digest with enrolled device passwords. Clients that are offered Digest do not try Basic: people then need a device password wherever Kerberos does not work."`
	NonceLife       time.Duration `toml:"nonce-life" doc:"How long a nonce may be used. Clients take a new one without asking for the password."`
	Shared          bool          `toml:"shared" doc:"Several servers share the state: every Digest request is then recorded in it before the response."`
}

// BasicConfig is Basic's configuration.
type BasicConfig struct {
	Files     []string      `toml:"files" doc:"Files made by htpasswd. A name found there is verified there and not by the directory. They are read again when they change."`
	Cleartext bool          `toml:"cleartext" doc:"Accept passwords stored in the clear in those files."`
	CacheFor  time.Duration `toml:"cache-for" doc:"How long a verified password is not verified again. A password that was changed goes on working that long. For as long are Digest's secrets in an LDAP directory not read again, unless a response does not match them."`
	OutageFor time.Duration `toml:"outage-for" doc:"How long a verified password goes on working while the directory cannot be reached; also Digest's secrets, once read."`
	CacheSize int           `toml:"cache-size" doc:"Verified passwords remembered at most; and as many people's secrets for Digest."`
}

// ThrottleConfig bounds wrong passwords.
type ThrottleConfig struct {
	Window           time.Duration `toml:"window" doc:"Time over which wrong passwords are counted. At least the directory's own observation window, or accounts may be locked there."`
	AccountFailures  int           `toml:"account-failures" doc:"Wrong passwords of one account that reach the directory, or are compared with its htpasswd entry, within the window. Keep it two below the directory's lock-out threshold: a password that used to be right is tried once more. The same wrong password counts once."`
	FamiliarFailures int           `toml:"familiar-failures" doc:"How many of account-failures are kept for networks (an IPv4 address, an IPv6 /64) from which the person has signed in within 90 days: guesses from elsewhere do not shut them out there. One is always left for other networks."`
	LocalFailures    int           `toml:"local-failures" doc:"Wrong Digest responses of one account from one address within the window; ten times as many from all addresses where the person has never signed in."`
	AddressFailures  int           `toml:"address-failures" doc:"Failures from one network address within the window; twice as many from an IPv6 /64, eight times from an IPv4 /24 or IPv6 /48, 32 times from an IPv6 /32."`
	RefuseAfter      time.Duration `toml:"refuse-after" doc:"How long after a request with a wrong name or password came its refusal is sent, at the earliest. With htpasswd files it should be longer than the slowest hash in them takes."`
}

// DefaultConfig returns the configuration of a server that nobody configured.
func DefaultConfig() Config {
	return Config{
		Schemes: []string{SchemeNegotiate, SchemeBasic},
		Realm:   "Calendar",
		Negotiate: NegotiateConfig{
			Services:       []string{"HTTP"},
			Skew:           5 * time.Minute,
			Enctypes:       kerberos.DefaultEnctypes(),
			ChannelBinding: BindingCheck,
			Principals: []PrincipalRule{
				{Realms: []string{"*"}, By: "kerberos"},
				{By: "name"},
			},
		},
		Digest: DigestConfig{
			Algorithms:      []string{"SHA-256", "MD5"},
			DevicePasswords: true,
			NonceLife:       time.Hour,
		},
		Basic: BasicConfig{
			CacheFor:  5 * time.Minute,
			OutageFor: 12 * time.Hour,
			CacheSize: 65536,
		},
		Certificates: defaultCertificate(),
		Throttle: ThrottleConfig{
			Window:          15 * time.Minute,
			AccountFailures: 3, FamiliarFailures: 1,
			LocalFailures:   30,
			AddressFailures: 100,
			RefuseAfter:     100 * time.Millisecond,
		},
		Accounts: defaultAccounts(),
	}
}

// Options is what New needs. Zero values of Config's fields mean those of
// DefaultConfig, except for the flags.
type Options struct {
	Schemes        []string
	Realm          string
	BasicOverPlain bool
	RequireTLS     []string
	HelpURL        string
	Negotiate      NegotiateConfig
	Digest         DigestConfig
	Basic          BasicConfig
	Certificates   CertificateConfig
	Throttle       ThrottleConfig
	Accounts       AccountsConfig

	// Directory knows the records. Required. Put a cache in front of it: each
	// request looks its principal and groups up. Digest asks it for secrets if
	// it, or what it caches, is a directory.DigestSource.
	Directory directory.Directory
	// State is auth.db, opened with Tables. nil: no device passwords, and
	// nonces that end with the process. The caller closes it, after Close.
	State engine.Engine

	// Secure says whether a request came over TLS. nil: r.TLS is set. Set it to
	// trust a proxy in front of the server.
	Secure func(*http.Request) bool
	// Address returns the client's IP address, for throttling. nil: RemoteAddr, in
	// which the server has put it if a proxy says so.
	Address func(*http.Request) string
	// Certificate returns the certificate that this server presented on the
	// request's connection, for channel bindings. nil, or a nil result: unknown.
	Certificate func(*http.Request) *x509.Certificate
	// ClientCertificate returns the certificate that the request's client has shown, nil if
	// it has shown none, or one that TLS has not verified for clients. nil: no request has one.
	ClientCertificate func(*http.Request) *x509.Certificate

	Log  *slog.Logger     // nil: slog.Default
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // nil: crypto/rand
}

// Check returns the first fault of c, or nil, and the dotted name of the setting
// at fault. It opens no files.
func (c *Config) Check() (key string, err error) {
	if err := checkRealm(c.Realm); err != nil {
		return "realm", err
	}
	if c.BasicOverPlain && slices.Contains(c.RequireTLS, SchemeBasic) {
		return "require-tls", errors.New("basic needs TLS, and basic-over-plain says that it does not")
	}
	if _, err := compileRules(c.Negotiate.Principals); err != nil {
		return "negotiate.principals", err
	}
	if err := c.Certificates.check(); err != nil {
		return "certificates.identify", err
	}
	if key, err := c.Accounts.check(); err != nil {
		return "accounts." + key, err
	}
	if _, err := kerberos.ParseEnctypes(c.Negotiate.Enctypes); err != nil {
		return "negotiate.enctypes", err
	}
	// Options takes zero for the default; who writes 0 means something else.
	for _, d := range []struct {
		key   string
		value time.Duration
	}{
		{"negotiate.skew", c.Negotiate.Skew}, {"digest.nonce-life", c.Digest.NonceLife},
		{"basic.cache-for", c.Basic.CacheFor}, {"basic.outage-for", c.Basic.OutageFor}, {"throttle.window", c.Throttle.Window},
		{"throttle.refuse-after", c.Throttle.RefuseAfter},
	} {
		if d.value <= 0 {
			return d.key, errors.New(`a time above zero is needed; "1s" is next to none`)
		}
	}
	for _, n := range []struct {
		key   string
		value int
	}{
		{"basic.cache-size", c.Basic.CacheSize}, {"throttle.account-failures", c.Throttle.AccountFailures},
		{"throttle.local-failures", c.Throttle.LocalFailures}, {"throttle.address-failures", c.Throttle.AddressFailures},
	} {
		if n.value <= 0 {
			return n.key, errors.New("a number above zero is needed")
		}
	}
	if c.Throttle.FamiliarFailures < 0 {
		return "throttle.familiar-failures", errors.New("a number is needed; 0 keeps none")
	}
	return "", nil
}

// checkRealm refuses what would end the realm in a header field or in an htdigest
// file.
func checkRealm(realm string) error {
	if strings.ContainsFunc(realm, func(r rune) bool { return r < ' ' || r == 0x7f || r == ':' }) {
		return fmt.Errorf("realm %q has a colon or a control character", realm)
	}
	return nil
}

// Options returns c as options; the caller adds the rest.
func (c Config) Options() Options {
	return Options{
		Schemes: c.Schemes, Realm: c.Realm, BasicOverPlain: c.BasicOverPlain, RequireTLS: c.RequireTLS, HelpURL: c.HelpURL,
		Negotiate: c.Negotiate, Digest: c.Digest, Basic: c.Basic, Certificates: c.Certificates, Throttle: c.Throttle, Accounts: c.Accounts,
	}
}
