package config

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/internal/proxied"
	"convene/internal/settings"
	"convene/rooms"
)

// check finds what a value by itself cannot tell: names that are none, and
// settings that need each other.
func (c *Config) check(places *settings.Places) settings.Errors {
	k := &checker{places: places}
	k.server(c)
	k.oneOf("tls.min-version", c.TLS.MinVersion, "1.2", "1.3")
	if (c.TLS.Certificate == "") != (c.TLS.Key == "") {
		k.fault("tls.certificate", "certificate and key go together", "set tls.certificate and tls.key, or neither for a self-signed certificate")
	}
	k.acme(c)
	if new(slog.LevelVar).UnmarshalText([]byte(c.Log.Level)) != nil {
		k.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	}
	if c.Log.Audit == "-" || c.Log.Audit == "" {
		k.fault("log.audit", "the audit log is a file, which is read and checked later", "name a file, or \"off\"")
	}
	k.oneOf("calendars.class", string(c.Calendars.Class), string(caldav.ClassSharees), string(caldav.ClassAll), string(caldav.ClassIgnored))
	k.directory(&c.Directory)
	k.auth(&c.Auth)
	if key, err := c.SACL.Check(); err != nil {
		k.fault("sacl."+key, err.Error(), "")
	}
	if key, err := c.Web.Check(); err != nil {
		k.fault("web."+key, err.Error(), "")
	}
	k.principals("access.administrators", c.Access.Administrators)
	k.principals("access.readers", c.Access.Readers)
	k.principals("access.sudoers", c.Access.Sudoers)
	k.oneOf("access.anonymous", c.Access.Anonymous, "none", "root", "hierarchy")
	k.oneOf("calendars.free-busy", c.Calendars.FreeBusy, "all", "group", "none")
	k.rooms(c)
	k.scheduling(&c.Scheduling)
	if c.Leavers.Keep < 0 {
		k.fault("leavers.keep", "it is below zero", "0: everything is kept for ever")
	}
	k.mail(c)
	k.limits(c)
	return k.faults
}

type checker struct {
	places *settings.Places
	faults settings.Errors
}

func (k *checker) fault(key, problem, cure string) {
	k.faults = append(k.faults, k.places.Fault(key, problem, cure))
}

func (k *checker) oneOf(key, value string, known ...string) {
	if !slices.Contains(known, value) {
		k.fault(key, fmt.Sprintf("%q is not known", value), "use one of "+strings.Join(known, ", "))
	}
}

// acme finds what no ACME server would give a certificate for.
func (k *checker) acme(c *Config) {
	a := &c.TLS.ACME
	if a.Directory == "" {
		return
	}
	if u, err := url.Parse(a.Directory); err != nil || u.Scheme != "https" || u.Host == "" {
		k.fault("tls.acme.directory", fmt.Sprintf("%q is no address of a directory", a.Directory), `such as "https://acme-v02.api.letsencrypt.org/directory"`)
	}
	if !a.AcceptTerms {
		k.fault("tls.acme.accept-terms", "no authority gives certificates to who does not accept its terms", "read them, then set accept-terms = true")
	}
	if c.TLS.Certificate != "" {
		k.fault("tls.acme.directory", "there is tls.certificate too", "take one of the two out")
	}
	if len(c.Server.HTTPS) == 0 {
		k.fault("tls.acme.directory", "there is no address with TLS", `set server.https = [":443"]`)
	}
	if (a.EABKeyID == "") != (a.EABKeyFile == "") {
		k.fault("tls.acme.eab-key-id", "number and key go together", "set eab-key-id and eab-key-file, or neither")
	}
	key := "tls.acme.names"
	if len(a.Names) == 0 {
		key = "server.host-name"
	}
	for _, n := range c.CertificateNames() {
		if _, err := netip.ParseAddr(n); err == nil || !strings.Contains(n, ".") || strings.ContainsAny(n, "*:/ ") {
			k.fault(key, fmt.Sprintf("%q is no name that an ACME server gives a certificate for", n), `such as "calendar.example.com"`)
		}
	}
}

func (k *checker) server(c *Config) {
	for _, list := range []struct {
		key   string
		addrs []string
	}{{"server.http", c.Server.HTTP}, {"server.https", c.Server.HTTPS}} {
		for _, addr := range list.addrs {
			if err := checkAddress(addr); err != nil {
				k.fault(list.key, err.Error(), `write ":8443", "192.0.2.1:8443" or "[2001:db8::1]:8443"`)
			}
		}
	}
	if len(c.Server.HTTP)+len(c.Server.HTTPS) == 0 {
		k.fault("server.https", "there is no address to listen on", `set server.https = [":8443"]`)
	}
	if !isOrigin(c.Server.PublicURL) {
		k.fault("server.public-url", fmt.Sprintf("%q is not the address of a server", c.Server.PublicURL), `write "https://calendar.example.com", with a port if need be, and no path`)
	}
	if c.Server.RedirectHTTP && len(c.Server.HTTPS) == 0 && !strings.HasPrefix(c.Server.PublicURL, "https://") {
		k.fault("server.redirect-http", "there is no address with TLS to send anybody to", "set server.https or server.public-url")
	}
	k.proxies(&c.Server)
	if c.Server.Data == "" {
		k.fault("server.data", "there is no data folder", `such as "/var/lib/convene"`)
	}
}

func (k *checker) proxies(c *Server) {
	if _, err := proxied.ParseNetworks(c.TrustedProxies); err != nil {
		k.fault("server.trusted-proxies", err.Error(), `write "192.0.2.7", "192.0.2.0/28" or "2001:db8::/64"`)
	}
	k.oneOf("server.proxy-header", c.ProxyHeader, proxied.XForwarded, proxied.Forwarded)
	for _, addr := range c.ProxyProtocol {
		if !slices.Contains(c.HTTP, addr) && !slices.Contains(c.HTTPS, addr) {
			k.fault("server.proxy-protocol", fmt.Sprintf("%q is neither in server.http nor in server.https", addr), "write it as it stands there")
		}
	}
	if len(c.ProxyProtocol) > 0 && len(c.TrustedProxies) == 0 {
		k.fault("server.proxy-protocol", "nobody may connect there, as there are no server.trusted-proxies", "name them")
	}
}

// isOrigin reports whether s is empty or an origin: a scheme, a host and perhaps a
// port (RFC 6454 §6.2). A slash may follow.
func isOrigin(s string) bool {
	if s == "" {
		return true
	}
	u, err := url.Parse(strings.TrimSuffix(s, "/"))
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Scheme+"://"+u.Host == strings.TrimSuffix(s, "/")
}

func checkAddress(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%q is not an address", addr)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q has no port number", addr)
	}
	if host != "" && net.ParseIP(strings.Split(host, "%")[0]) == nil && strings.ContainsAny(host, " /:") {
		return fmt.Errorf("%q has no host name or address", addr)
	}
	return nil
}

func (k *checker) directory(c *directory.Config) {
	before := len(k.faults)
	k.directoryNamed(c)
	k.cache(&c.Cache)
	if len(k.faults) > before {
		return // what follows would say the same with less of a cure
	}
	err := c.LDAP.Check()
	if c.Kind == directory.KindFile {
		err = c.File.Check()
	}
	if s, ok := errors.AsType[*directory.SettingError](err); ok {
		k.fault("directory."+c.Kind+"."+s.Setting, s.Err.Error(), "")
	}
}

func (k *checker) cache(c *directory.CacheConfig) {
	if c.Records < 1 {
		k.fault("directory.cache.records", "a number above zero is needed", "")
	}
	k.above(map[string]time.Duration{
		"directory.cache.ttl": c.TTL, "directory.cache.negative-ttl": c.Negative, "directory.cache.stale": c.Stale,
		"directory.cache.timeout": c.Timeout,
	})
}

// above wants times above zero, which elsewhere stands for the default.
func (k *checker) above(times map[string]time.Duration) {
	for _, key := range slices.Sorted(maps.Keys(times)) {
		if times[key] <= 0 {
			k.fault(key, "a time above zero is needed", `"1s" is next to none`)
		}
	}
}

// directoryNamed finds what is missing.
func (k *checker) directoryNamed(c *directory.Config) {
	switch c.Kind {
	case directory.KindLDAP:
		if len(c.LDAP.URLs) == 0 {
			k.fault("directory.ldap.urls", "there is no LDAP server", `such as ["ldaps://ldap.example.com"]; or set directory.kind = "file"`)
		}
		for _, s := range c.LDAP.URLs {
			u, err := url.Parse(s)
			if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" && u.Scheme != "ldapi" {
				k.fault("directory.ldap.urls", fmt.Sprintf("%q is not an LDAP server's address", s), `write "ldaps://host", "ldap://host:389" or "ldapi://%2Frun%2Fldapi"`)
			}
		}
		if len(c.LDAP.Base) == 0 && len(c.LDAP.Users.Base) == 0 {
			k.fault("directory.ldap.base", "there is no search base", `such as ["dc=example,dc=com"]`)
		}
	case directory.KindFile:
		if c.File.File == "" {
			k.fault("directory.file.file", "there is no file", `such as "/etc/convene/accounts.ldif"`)
		}
	default:
		k.oneOf("directory.kind", c.Kind, directory.KindLDAP, directory.KindFile)
	}
}

func (k *checker) auth(c *auth.Config) {
	if len(c.Schemes) == 0 {
		k.fault("auth.schemes", "there is no way to sign in", `such as ["negotiate", "basic"]`)
	}
	for _, s := range c.Schemes {
		k.oneOf("auth.schemes", s, auth.SchemeNegotiate, auth.SchemeDigest, auth.SchemeBasic)
	}
	for _, s := range c.RequireTLS {
		k.oneOf("auth.require-tls", s, auth.SchemeNegotiate, auth.SchemeDigest, auth.SchemeBasic)
	}
	if slices.Equal(c.Schemes, []string{auth.SchemeNegotiate}) && c.Negotiate.Keytab == "" {
		k.fault("auth.negotiate.keytab", "Kerberos is the only way to sign in, and there is no keytab", "set it to the file with the keys of HTTP/host-name")
	}
	k.oneOf("auth.negotiate.channel-binding", c.Negotiate.ChannelBinding, auth.BindingCheck, auth.BindingRequire, auth.BindingOff)
	for _, a := range c.Digest.Algorithms {
		k.oneOf("auth.digest.algorithms", a, "SHA-256", "MD5")
	}
	if key, err := c.Check(); err != nil {
		k.fault("auth."+key, err.Error(), "")
	}
}

func (k *checker) principals(key string, entries []string) {
	for _, s := range entries {
		if s == "everyone" {
			k.fault(key, "rights over everybody's calendars cannot be for everyone", "name users or groups")
		} else if _, err := directory.ParseRef(s); err != nil {
			k.fault(key, err.Error(), "")
		}
	}
}

func (k *checker) rooms(c *Config) {
	for _, f := range c.Rooms.Check() {
		k.fault("rooms."+f.Key, f.Err.Error(), "")
	}
	for table, r := range map[string]*directory.RecordConfig{
		"directory.ldap.locations": &c.Directory.LDAP.Locations, "directory.ldap.resources": &c.Directory.LDAP.Resources,
		"directory.file.locations": &c.Directory.File.Locations, "directory.file.resources": &c.Directory.File.Resources,
	} {
		for _, name := range slices.Sorted(maps.Keys(r.RoomSettings)) {
			if err := rooms.CheckName(name); err != nil {
				k.fault(table+".room-settings."+name, err.Error(), `"convene room show" prints all there are`)
			}
		}
	}
}

// memoryPerByte is how much memory a request takes for each byte of its body or
// response, with the part that is kept for small ones. Trees may take more: then the
// request goes alone.
const memoryPerByte = 3

func (k *checker) limits(c *Config) {
	if c.Limits.Connections < 1 {
		k.fault("limits.max-connections", "at least one connection is needed", "")
	}
	if c.Limits.PerAddress < 0 {
		k.fault("limits.max-connections-per-address", "a number is needed", "0 is a quarter of max-connections")
	}
	if c.Storage.Snapshots < settings.MB {
		k.fault("storage.snapshots", "less than 1MB is of no use", "")
	}
	if c.Limits.Header < 8*settings.KB {
		k.fault("limits.max-header-size", "less than 8KB is too little for Kerberos", "")
	}
	k.above(map[string]time.Duration{
		"limits.header-timeout": c.Limits.HeaderTime, "limits.read-timeout": c.Limits.ReadTime, "limits.write-timeout": c.Limits.WriteTime,
		"limits.idle-timeout": c.Limits.IdleTime, "limits.drain-timeout": c.Limits.DrainTime, "storage.sync-for": c.Storage.SyncFor,
	})
	if c.Limits.Requests < 1 {
		k.fault("limits.max-requests-per-caller", "at least one request is needed", "")
	}
	if c.Limits.Streams < 1 {
		k.fault("limits.max-concurrent-streams", "at least one request is needed", "")
	}
	if int64(c.Limits.Memory) < memoryPerByte*max(c.Calendars.MaxResponseSize, c.Calendars.MaxRequestSize, min(c.QuotaPolicy().MaxObjectBytes(), int64(c.Limits.Body))) {
		k.fault("limits.memory", "it is less than three times calendars.max-response-size, max-request-size or quota.max-resource-size, so that no request of that size is possible", "raise it")
	}
	if int64(c.Limits.Body) < c.Calendars.MaxRequestSize {
		k.fault("limits.max-body-size", "it is less than what calendars.max-request-size allows", "raise it")
	}
	k.quota(&c.Quota, c.Limits.Body)
	k.delegation(&c.Delegates)
}
