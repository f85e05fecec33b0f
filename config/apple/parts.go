package apple

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"convene/directory"
)

// listening is where the server listens: ports, and the addresses they are on.
func (c *conversion) listening() error {
	addresses := c.get("BindAddresses").texts()
	if len(addresses) == 0 {
		addresses = []string{""}
	}
	at := func(ports []string) []string {
		out := []string{}
		for _, port := range ports {
			for _, a := range addresses {
				out = append(out, net.JoinHostPort(a, port))
			}
		}
		return out
	}
	ports := func(one, several string) (out []string) {
		for _, v := range listOf(c.get(several)) {
			if !v.empty() {
				out = append(out, v.Text)
			}
		}
		if v := c.get(one); len(out) == 0 && v != nil && !v.empty() {
			out = []string{v.Text}
		}
		return out
	}
	plain, secure := ports("HTTPPort", "BindHTTPPorts"), ports("SSLPort", "BindSSLPorts")
	secured := []string{"SSLPort", "EnableSSL", "BindSSLPorts"}
	if c.get("EnableSSL").off() && len(secure) > 0 {
		c.left("SSLPort", "EnableSSL is false")
		c.left("BindSSLPorts", "EnableSSL is false")
		secure, secured = nil, secured[1:2]
	}
	if c.get("BehindTLSProxy").on() {
		c.left("BehindTLSProxy", "the addresses of the proxy are needed")
		c.remains("TLS ends at a proxy: set server.trusted-proxies to its addresses and server.public-url to the address that clients use")
	}
	if len(plain)+len(secure) == 0 {
		c.remains("the plist names no port: the server listens on those of the default, server.http and server.https")
		return nil
	}
	c.take("server.http", at(plain), "", "HTTPPort", "BindHTTPPorts", "BindAddresses")
	c.take("server.https", at(secure), "", secured...)
	if slices.ContainsFunc(append(plain, secure...), func(p string) bool { return len(p) < 4 }) {
		c.remains("ports below 1024 come through systemd's socket activation or CAP_NET_BIND_SERVICE: docs/admin/install.md")
	}
	if v := c.get("RedirectHTTPToHTTPS"); v.on() && len(secure) > 0 && len(plain) > 0 {
		c.take("server.redirect-http", true, "", "RedirectHTTPToHTTPS")
	} else if v != nil {
		c.left("RedirectHTTPToHTTPS", "it is false, or there are not both kinds of ports")
	}
	return nil
}

func listOf(v *Value) []*Value {
	if v == nil {
		return nil
	}
	return v.List
}

func (c *conversion) certificate() error {
	cert, key, chain := c.get("SSLCertificate").text(), c.get("SSLPrivateKey").text(), c.get("SSLAuthorityChain").text()
	if cert != "" && key != "" {
		c.take("tls.certificate", cert, "", "SSLCertificate")
		c.take("tls.key", key, "it has to be without a passphrase", "SSLPrivateKey")
		if chain != "" && chain != cert {
			c.left("SSLAuthorityChain", "the certificate's file has to have the chain too")
			c.remains("append %s to %s: the file has the certificate first, then those of the authorities", chain, cert)
		}
	}
	client := "Authentication.ClientCertificate"
	files := c.get(client + ".CAFiles").texts()
	switch v := c.get(client + ".Enabled"); {
	case v.on() && len(files) == 1:
		c.take("tls.client-ca-file", files[0], "a certificate lets in as whom its mail address names; auth.certificates", client+".CAFiles", client+".Enabled")
	case v.on() && len(files) > 1:
		c.left(client+".CAFiles", "one file is needed")
		c.remains("put the certificates of Authentication.ClientCertificate.CAFiles into one file and name it in tls.client-ca-file")
	}
	return nil
}

func (c *conversion) authentication() error {
	if c.get("Authentication") == nil {
		return nil
	}
	var schemes, tls, from []string
	for _, s := range []struct{ key, name string }{{"Kerberos", "negotiate"}, {"Digest", "digest"}, {"Basic", "basic"}} {
		at := "Authentication." + s.key
		if v := c.get(at + ".Enabled"); v == nil {
			continue
		}
		from = append(from, at+".Enabled")
		if !c.get(at + ".Enabled").on() {
			continue
		}
		schemes = append(schemes, s.name)
		if plain := c.get(at + ".AllowedOverWireUnencrypted"); plain.off() && s.name != "basic" {
			tls = append(tls, s.name)
		}
	}
	if len(schemes) == 0 {
		return nil
	}
	c.take("auth.schemes", schemes, "", from...)
	if v := c.get("Authentication.Basic.AllowedOverWireUnencrypted"); v != nil && v.Kind == "bool" {
		c.take("auth.basic-over-plain", v.on(), "", "Authentication.Basic.AllowedOverWireUnencrypted")
	}
	if len(tls) > 0 {
		c.take("auth.require-tls", tls, "", "Authentication.Kerberos.AllowedOverWireUnencrypted", "Authentication.Digest.AllowedOverWireUnencrypted")
	}
	if slices.Contains(schemes, "negotiate") {
		c.remains("Kerberos: set auth.negotiate.keytab to a keytab with the keys of HTTP/host-name; without one it is not offered")
	}
	return nil
}

// mail is what is sent. Receiving is not done by mail here.
func (c *conversion) mail() error {
	const at = "Scheduling.iMIP"
	if c.get(at) == nil {
		return nil
	}
	server, port := c.get(at+".Sending.Server").text(), "587"
	if v := c.get(at + ".Sending.Port"); !v.empty() {
		port = v.Text
	}
	if !c.get(at+".Enabled").on() || server == "" {
		c.left(at, "mail to guests from elsewhere was not switched on, or has no server")
		return nil
	}
	c.take("mail.server", net.JoinHostPort(server, port), "", at+".Enabled", at+".Sending.Server", at+".Sending.Port")
	security, note := "starttls", ""
	addr, err := netip.ParseAddr(server)
	switch {
	case c.get(at+".Sending.UseSSL").off() && (strings.EqualFold(server, "localhost") || err == nil && addr.IsLoopback()):
		security = "none"
	case c.get(at + ".Sending.UseSSL").off():
		note = "mail does not leave this machine without TLS"
	case port == "465":
		security = "tls"
	}
	c.take("mail.security", security, note, at+".Sending.UseSSL")
	if v := c.get(at + ".Sending.Address"); v.text() != "" {
		c.take("mail.from", v.text(), "", at+".Sending.Address")
	}
	if user := c.get(at + ".Sending.Username").text(); user != "" {
		if password := c.get(at + ".Sending.Password"); password.text() != "" {
			c.take("mail.user", user, "", at+".Sending.Username")
			c.secret("mail-password", "mail.password-file", password, at+".Sending.Password")
		} else {
			c.left(at+".Sending.Username", "it has no password here, which may be in a keychain")
			c.remains("set mail.user to %s and mail.password-file to a file with the password", user)
		}
	}
	c.left(at+".Receiving", "answers of guests by mail are not read")
	return nil
}

// rooms is how rooms answer that nothing else says anything of.
func (c *conversion) rooms() error {
	const at = "Scheduling.Options.AutoSchedule"
	switch mode := c.get(at + ".DefaultMode"); {
	case c.get(at + ".Enabled").off():
		c.take("rooms.defaults.mode", "none", "no room answers by itself", at+".Enabled")
		if mode != nil {
			c.left(at+".DefaultMode", "AutoSchedule.Enabled is false")
		}
	case mode.text() != "":
		c.take("rooms.defaults.mode", mode.text(), "what the directory or an augment says of one room counts before", at+".DefaultMode")
		c.left(at+".Enabled", "rooms answer by themselves here too")
	}
	return nil
}

// inbox is how long messages stay there.
func (c *conversion) inbox() error {
	if c.get("InboxCleanup.Enabled").off() {
		c.take("scheduling.inbox-life", time.Duration(0), "for ever", "InboxCleanup.Enabled")
		if c.get("InboxCleanup.ItemLifetimeDays") != nil {
			c.left("InboxCleanup.ItemLifetimeDays", "InboxCleanup.Enabled is false")
		}
	}
	return nil
}

// principals are those with rights everywhere.
func (c *conversion) principals() error {
	for _, s := range []struct{ key, setting string }{{"AdminPrincipals", "access.administrators"}, {"ReadPrincipals", "access.readers"}} {
		var refs, bad []string
		for _, one := range c.get(s.key).texts() {
			if ref := reference(one); ref != "" {
				refs = append(refs, ref)
			} else {
				bad = append(bad, one)
			}
		}
		note := ""
		if len(bad) > 0 {
			note = "not " + strings.Join(bad, ", ") + ", which is no principal of a user or group"
			c.remains("%s: %s; name them in %s", s.key, note, s.setting)
		}
		switch {
		case len(refs) > 0:
			c.take(s.setting, refs, note, s.key)
		case len(bad) > 0:
			c.left(s.key, note)
		}
	}
	root, nav := c.get("EnableAnonymousReadRoot"), c.get("EnableAnonymousReadNav")
	far := "none"
	switch {
	case nav.on():
		far = "hierarchy"
	case root.on():
		far = "root"
	}
	if root != nil || nav != nil {
		c.take("access.anonymous", far, "", "EnableAnonymousReadRoot", "EnableAnonymousReadNav")
	}
	if c.get("EnableSACLs").on() {
		c.left("EnableSACLs", "whom the service list of macOS lets in is not in the plist")
		c.remains("EnableSACLs is on: until sacl.calendar.allow names who may use calendars, as [\"group:NAME\"] (on macOS com.apple.access_calendar had them), everybody in the directory may")
	}
	return nil
}

// reference makes an entry of access.administrators of a principal's path.
func reference(principal string) string {
	parts := strings.Split(strings.Trim(principal, "/"), "/")
	if len(parts) != 3 || parts[0] != "principals" {
		return ""
	}
	name, err := url.PathUnescape(parts[2])
	if err != nil || name == "" {
		return ""
	}
	switch parts[1] {
	case "__uids__":
		if _, err := directory.ParseRef(name); err != nil {
			return "guid:" + name
		}
		return name
	case "users":
		return "user:" + name
	case "groups":
		return "group:" + name
	}
	return ""
}

// beside are files with accounts of their own, and delegates.
func (c *conversion) beside() error {
	name := c.get("SudoersFile").text()
	if name == "" {
		name = "sudoers.plist"
	}
	found, text, err := c.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.left("SudoersFile", "the file is not beside the plist")
	case err != nil:
		return err
	default:
		v, err := Parse(found, text)
		if err != nil {
			return err
		}
		c.left("SudoersFile", "who acts as others has an account of the directory here, and signs in with its password")
		for _, u := range listOf(v.Get("users")) {
			if user := u.Get("username").text(); user != "" {
				c.remains("%s: %s acted as others, with a password of that file. Give it an account in the directory, and name that in access.sudoers", path.Base(found), user)
			}
		}
	}
	if name = c.get("ProxyLoadFromFile").text(); name == "" {
		name = "proxies.xml"
	}
	found, _, err = c.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.left("ProxyLoadFromFile", "the file is not beside the plist")
		c.remains("delegates are in the old server's database: list them there with calendarserver_manage_principals, and load them with convene delegate load")
	case err != nil:
		return err
	default:
		c.left("ProxyLoadFromFile", "delegates are no settings: convene delegate load "+found)
		c.remains("convene delegate load %s", found)
	}
	return nil
}
