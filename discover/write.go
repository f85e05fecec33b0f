package discover

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"convene/config"
	"convene/internal/atomicfile"
	"convene/internal/settings"
)

// A Change is one setting that becomes another.
type Change struct {
	Setting string `json:"setting"`
	Old     string `json:"old"` // as in the file, or its default
	New     string `json:"new"`
}

func hostPort(host, port string) string { return net.JoinHostPort(host, port) }

// value is a setting with what it is.
type value struct {
	key string
	v   any
}

// values are the settings that join decides about.
func values(c *config.Config) []value {
	l, t := &c.Directory.LDAP, &c.Auth.Throttle
	return []value{
		{"server.host-name", c.Server.HostName},
		{"directory.kind", c.Directory.Kind},
		{"directory.ldap.urls", l.URLs}, {"directory.ldap.starttls", l.StartTLS}, {"directory.ldap.ca-file", l.CAFile},
		{"directory.ldap.certificate-fingerprints", l.Fingerprints}, {"directory.ldap.bind-dn", l.BindDN}, {"directory.ldap.bind-password", l.BindPassword},
		{"directory.ldap.bind-password-file", l.BindPasswordFile}, {"directory.ldap.bind-keytab", l.BindKeytab}, {"directory.ldap.preset", l.Preset}, {"directory.ldap.base", l.Base},
		{"directory.ldap.kerberos-realms", l.KerberosRealms},
		{"directory.ldap.users.base", l.Users.Base}, {"directory.ldap.groups.base", l.Groups.Base},
		{"directory.ldap.groups.member", l.Groups.Member}, {"directory.ldap.groups.member-name", l.Groups.MemberName},
		{"directory.ldap.locations.base", l.Locations.Base}, {"directory.ldap.locations.filter", l.Locations.Filter},
		{"auth.negotiate.keytab", c.Auth.Negotiate.Keytab},
		{"auth.throttle.window", t.Window}, {"auth.throttle.account-failures", t.AccountFailures}, {"auth.throttle.familiar-failures", t.FamiliarFailures},
		{"access.administrators", c.Access.Administrators},
	}
}

// write makes the files. Those with secrets come first: a configuration that names them
// never stands without them.
func (j *joiner) write() error {
	j.settle()
	text, err := j.edit()
	if err != nil {
		return err
	}
	c, err := config.Parse(j.o.Output, []byte(text), nil)
	if err != nil {
		return errors.Join(ErrFailed, err)
	}
	j.publish(&c)
	for _, path := range slices.Sorted(maps.Keys(j.files)) {
		f := j.files[path]
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, f.content) {
			continue
		}
		j.report.Files = append(j.report.Files, path)
		if j.o.DryRun {
			continue
		}
		if err := put(path, f, ownerOf(c.Server.Data)); err != nil {
			return err
		}
	}
	if text == j.text {
		return nil
	}
	j.report.Files = append(j.report.Files, j.o.Output)
	if j.o.DryRun {
		return nil
	}
	if err := put(j.o.Output, file{[]byte(text), 0o640}, owner{-1, ownerOf(c.Server.Data).group}); err != nil {
		return err
	}
	_, err = config.Load(j.o.Output, nil)
	return err
}

// settle names the files as they will be.
func (j *joiner) settle() {
	if _, ok := j.files[j.beside("ldap-password")]; ok {
		j.ldap.BindPassword, j.ldap.BindPasswordFile = "", j.beside("ldap-password")
	}
	if _, ok := j.files[j.beside("directory-ca.pem")]; ok && j.ldap.CAFile != "" {
		j.ldap.CAFile = j.beside("directory-ca.pem")
	} else {
		delete(j.files, j.beside("directory-ca.pem")) // a fingerprint stands in its place
	}
}

// heading begins a new file.
const heading = `# Written by convene join. All settings are explained in convene.example.toml.
`

// edit puts what has changed into the text of the file.
func (j *joiner) edit() (string, error) {
	text := j.text
	if text == "" {
		text = heading
	}
	old := values(&j.before)
	for i, n := range values(&j.config) {
		if reflect.DeepEqual(n.v, old[i].v) || empty(n.v) && empty(old[i].v) {
			continue
		}
		shown := [2]string{settings.Format(old[i].v), settings.Format(n.v)}
		if n.key == "directory.ldap.bind-password" {
			shown = [2]string{`"…"`, `""`} // it is in a file now
		}
		j.report.Changes = append(j.report.Changes, Change{n.key, shown[0], shown[1]})
		var err error
		if text, err = settings.Edit(text, n.key, n.v); err != nil {
			return "", errors.Join(ErrFailed, err)
		}
	}
	return text, nil
}

func empty(v any) bool {
	r := reflect.ValueOf(v)
	return r.IsZero() || r.Kind() == reflect.Slice && r.Len() == 0
}

// publish says what others have to know of the server (RFC 6764 §3, §4).
func (j *joiner) publish(c *config.Config) {
	host, domain := c.Server.HostName, j.report.Domain
	port := "443"
	if len(c.Server.HTTPS) > 0 {
		if _, p, err := net.SplitHostPort(c.Server.HTTPS[0]); err == nil {
			port = p
		}
	}
	if domain != "" {
		j.report.DNS = []string{
			fmt.Sprintf("_caldavs._tcp.%s. 3600 IN SRV 0 1 %s %s.", domain, port, host),
			fmt.Sprintf("_caldavs._tcp.%s. 3600 IN TXT \"path=/\"", domain),
		}
	}
	if c.Auth.Negotiate.Keytab != "" {
		j.report.Browsers = []string{
			`Chrome, Edge: {"AuthServerAllowlist": "` + host + `"}`,
			`Firefox: {"policies": {"Authentication": {"SPNEGO": ["https://` + host + `"]}}}`,
		}
	}
}

// owner is who a file is to belong to; -1: whoever writes it.
type owner struct{ user, group int }

// ownerOf is the account that has the data folder, which is the server's: root, who
// writes the files, would keep them from it. Others cannot give files away.
func ownerOf(data string) owner {
	info, err := os.Stat(data)
	if err != nil || os.Geteuid() != 0 {
		return owner{-1, -1}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{-1, -1}
	}
	return owner{int(st.Uid), int(st.Gid)}
}

// put replaces a file.
func put(path string, f file, who owner) error {
	return atomicfile.Write(path, f.mode, func(w io.Writer) error {
		if own, ok := w.(*os.File); ok && who != (owner{-1, -1}) {
			if err := own.Chown(who.user, who.group); err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
		}
		_, err := io.Copy(w, strings.NewReader(string(f.content)))
		return err
	})
}
