package config_test

import (
	"bytes"
	"convene/config"
	"convene/internal/settings"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The example in the repository is what the program prints.
func TestExampleIsUpToDate(t *testing.T) {
	var want bytes.Buffer
	if err := config.WriteExample(&want); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../convene.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.String(), string(got)); d != "" {
		t.Errorf("run make generate:\n%s", d)
	}
}

// The example means what it shows: reading it gives the defaults.
func TestExampleIsTheDefaults(t *testing.T) {
	got, err := config.Load("../convene.example.toml", nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(config.Example(), got); d != "" {
		t.Error(d)
	}
}

const minimal = `
[directory.ldap]
urls = ["ldaps://ldap.example.com"]
base = ["dc=example,dc=com"]
`

func TestMinimalConfig(t *testing.T) {
	c, err := config.Parse("c.toml", []byte(minimal), []string{
		"CONVENE_QUOTA_BYTES=1GiB", "CONVENE_SERVER_HTTP=", "CONVENE_AUTH_BASIC_OVER_PLAIN=true",
		"CONVENE_DIRECTORY_LDAP_BIND_PASSWORD=s3cret", "CONVENE_LIMITS_IDLE_TIMEOUT=1m", "CONVENE_REQUIRE=ldap",
		`CONVENE_DIRECTORY_LDAP_GROUPS_BASE=["ou=groups,dc=example,dc=com", "dc=x"]`, "CONVENE_SERVER_HTTPS=[::]:443,:8443",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Directory.LDAP.URLs, want.Directory.LDAP.Base = []string{"ldaps://ldap.example.com"}, []string{"dc=example,dc=com"}
	want.Directory.LDAP.BindPassword = "s3cret"
	want.Directory.LDAP.Groups.Base, want.Server.HTTPS = []string{"ou=groups,dc=example,dc=com", "dc=x"}, []string{"[::]:443", ":8443"}
	want.Quota.Bytes, want.Server.HTTP, want.Auth.BasicOverPlain, want.Limits.IdleTime = 1<<30, []string{}, true, time.Minute
	if d := cmp.Diff(want, c); d != "" {
		t.Error(d)
	}
}

// Languages are set for domains, with or without the dot.
func TestMailLanguages(t *testing.T) {
	text := "[mail]\nserver = \"localhost:25\"\nsecurity = \"none\"\nfrom = \"c@example.com\"\n[mail.languages]\nde = \"de\"\n\"example.org\" = \"en\"\n" + minimal
	c, err := config.Parse("c.toml", []byte(text), nil)
	if err != nil || c.Mail.Languages["de"] != "de" || c.Mail.Languages["example.org"] != "en" || !c.Mail.Enabled() {
		t.Errorf("%+v, %v", c.Mail, err)
	}
}

// An old name in the environment says the new one, and each old name has a new one
// that there is.
func TestRenamed(t *testing.T) {
	_, err := config.Parse("c.toml", []byte(minimal), []string{"CONVENE_CALENDARS_OBJECT_SIZE=1"})
	if want := "environment: CONVENE_CALENDARS_OBJECT_SIZE: this setting has another name now; write CONVENE_QUOTA_MAX_RESOURCE_SIZE"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	example, err := os.ReadFile("../convene.example.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"calendars.object-size", "calendars.request-size", "calendars.answer-size", "calendars.all-answers-size",
		"calendars.instances", "calendars.results", "calendars.attendees", "calendars.collections", "calendars.resources",
		"calendars.search-results", "limits.connections", "limits.header", "limits.body", "storage.quota", "limits.header-time", "limits.read-time",
		"limits.write-time", "limits.idle-time", "limits.drain-time"} {
		_, err := config.Parse("c.toml", []byte(old+" = 1\n"+minimal), nil)
		faults, ok := errors.AsType[settings.Errors](err)
		if !ok || len(faults) != 1 {
			t.Errorf("%s: %v", old, err)
			continue
		}
		now, ok := strings.CutPrefix(faults[0].Cure, "write ")
		if _, name, _ := strings.Cut(now, "."); !ok || !strings.Contains(string(example), "\n"+name+" = ") {
			t.Errorf("%s: %v", old, err)
		}
	}
}

// A wrong file says where, what, and what to do about it.
func TestConfigFaults(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"no directory", "", `c.toml: directory.ldap.urls: there is no LDAP server; such as ["ldaps://ldap.example.com"]; or set directory.kind = "file"`},
		{"unknown setting", "[server]\nport = 8008\n" + minimal, `c.toml:2: server.port: there is no such setting; `},
		{"misspelt setting", "[auth]\nbasic-over-plian = true\n" + minimal, `c.toml:2: auth.basic-over-plian: there is no such setting; did you mean basic-over-plain?`},
		{"unknown scheme", "[auth]\nschemes = [\"basic\", \"ntlm\"]\n" + minimal, `c.toml:2: auth.schemes: "ntlm" is not known; use one of negotiate, digest, basic`},
		{"bad size", "[quota]\nbytes = \"100 Mb\"\n" + minimal, `c.toml:2: quota.bytes: "100 Mb" is not a size: want a number and KB, MB, GB, KiB, MiB or GiB; such as "100MiB"`},
		{"size without quotes", "[quota]\nbytes = 100\n" + minimal, `c.toml:2: quota.bytes: want a size; put it in quotes: "100MiB"`},
		{"quota below zero", "[quota]\nobjects = -1\n" + minimal, `c.toml:2: quota.objects: -1 is below zero; 0 is without limit`},
		{"objects that cannot arrive", "[quota.groups.staff]\nmax-resource-size = \"1GiB\"\n" + minimal, `c.toml:2: quota.groups.staff.max-resource-size: it is more than limits.max-body-size`},
		{"objects of no size", "[quota]\nmax-resource-size = \"0\"\n" + minimal, `c.toml:2: quota.max-resource-size: a size above zero is needed`},
		{"mail in the clear", "[mail]\nserver = \"smtp.example.com:25\"\nsecurity = \"none\"\nfrom = \"c@example.com\"\n" + minimal, `c.toml:3: mail.security: mail and password would be readable on the way; "none" is for a server on this machine alone: localhost, 127.0.0.1 or ::1`},
		{"mail to no server", "[mail]\nserver = \"smtp.example.com\"\nfrom = \"c@example.com\"\n" + minimal, `c.toml:2: mail.server: "smtp.example.com" is not the address of a server; write "smtp.example.com:587"`},
		{"mail from nobody", "[mail]\nserver = \"smtp.example.com:587\"\nfrom = \"x\"\n" + minimal, `c.toml:3: mail.from: "x" is not a mail address; such as "calendar@example.com"`},
		{"mail with half a sign-in", "[mail]\nserver = \"smtp.example.com:587\"\nuser = \"x\"\nfrom = \"c@example.com\"\n" + minimal, `c.toml:3: mail.user: user and password go together; set mail.user and mail.password-file, or neither`},
		{"mail in no language", "[mail.languages]\nfr = \"tlh\"\n" + minimal, `c.toml:1: mail.languages: "tlh" is not known; use one of de, en, es, fr, it, ja, nl`},
		{"mail below zero", "[mail]\nmax-per-day = -1\n" + minimal, `c.toml:2: mail.max-per-day: -1 is below zero; 0: without limit`},
		{"quota of no type", "[quota.types.robots]\nbytes = \"1MB\"\n" + minimal, `c.toml:1: quota.types.robots: "robots" is not known; use one of users, groups, locations, resources`},
		{"no memory for a response", "[limits]\nmemory = \"100MB\"\n" + minimal, `c.toml:2: limits.memory: it is less than three times calendars.max-response-size`},
		{"no requests", "[limits]\nmax-requests-per-caller = 0\n" + minimal, `c.toml:2: limits.max-requests-per-caller: at least one`},
		{"old name", "[calendars]\nanswer-size = 1000\n" + minimal, `c.toml:2: calendars.answer-size: this setting has another name now; write calendars.max-response-size`},
		{"old name, elsewhere now", "[calendars]\nall-answers-size = 1000\n" + minimal, `c.toml:2: calendars.all-answers-size: this setting has another name now; write limits.memory`},
		{"old name of a time", "[limits]\nidle-time = \"3m\"\n" + minimal, `c.toml:2: limits.idle-time: this setting has another name now; write limits.idle-timeout`},
		{"bad address", "[server]\nhttps = [\"8443\"]\n" + minimal, `c.toml:2: server.https: "8443" is not an address; write ":8443", "192.0.2.1:8443" or "[2001:db8::1]:8443"`},
		{"public URL", "[server]\npublic-url = \"https://cal.example.com/dav\"\n" + minimal, `c.toml:2: server.public-url: "https://cal.example.com/dav" is not the address of a server; write "https://calendar.example.com", with a port if need be, and no path`},
		{"public URL without a scheme", "[server]\npublic-url = \"cal.example.com\"\n" + minimal, `c.toml:2: server.public-url: "cal.example.com" is not the address of a server; `},
		{"ACME in the clear", "[tls.acme]\ndirectory = \"http://ca.example.com\"\naccept-terms = true\nnames = [\"calendar.example.com\"]\n" + minimal, `c.toml:2: tls.acme.directory: "http://ca.example.com" is no address of a directory; such as "https://acme-v02.api.letsencrypt.org/directory"`},
		{"ACME without its terms", "[tls.acme]\ndirectory = \"https://ca.example.com/dir\"\nnames = [\"calendar.example.com\"]\n" + minimal, `c.toml:1: tls.acme.accept-terms: no authority gives certificates to who does not accept its terms; read them, then set accept-terms = true`},
		{"ACME for no name", "[server]\nhost-name = \"calendar\"\n[tls.acme]\ndirectory = \"https://ca.example.com/dir\"\naccept-terms = true\n" + minimal, `c.toml:2: server.host-name: "calendar" is no name that an ACME server gives a certificate for; such as "calendar.example.com"`},
		{"half a certificate", "[tls]\nkey = \"k.pem\"\n" + minimal, `c.toml:1: tls.certificate: certificate and key go together; set tls.certificate and tls.key, or neither for a self-signed certificate`},
		{"bad rule", "[sacl.calendar]\nallow = [\"staff\"]\n" + minimal, `c.toml:2: sacl.calendar.allow: "staff": not a rule; write everyone, user:NAME, group:NAME or a GUID`},
		{"everyone an administrator", "[access]\nadministrators = [\"everyone\"]\n" + minimal, `c.toml:2: access.administrators: rights over everybody's calendars cannot be for everyone`},
		{"level", "[log]\nlevel = \"loud\"\n" + minimal, `c.toml:2: log.level: "loud" is not known; use one of debug, info, warn, error`},
		{"Kerberos without a key", "[auth]\nschemes = [\"negotiate\"]\n" + minimal, `c.toml:1: auth.negotiate.keytab: Kerberos is the only way to sign in, and there is no keytab; `},
		{"URL", "[directory.ldap]\nurls = [\"http://x\"]\nbase = [\"dc=x\"]\n", `c.toml:2: directory.ldap.urls: "http://x" is not an LDAP server's address; `},
		{"in a table in one line", "directory = { ldap = { urls = [\"ftp://x\"], base = [\"dc=x\"] } }\n", `c.toml:1: directory.ldap.urls: "ftp://x" is not an LDAP server's address; `},
		{"preset", minimal + "preset = \"novell\"\n", `c.toml:5: directory.ldap.preset: "novell": unknown; there are 389ds, ad, `},
		{"filter", minimal + "[directory.ldap.users]\nguid = \"uid\"\nfilter = \"(uid=x\"\n", `c.toml:7: directory.ldap.users.filter: bad filter "(uid=x"`},
		{"condition", minimal + "[directory.ldap.users]\ncalendar-enabled = [\"a b\"]\n", `c.toml:6: directory.ldap.users.calendar-enabled: condition "a b": no attribute name`},
		{"secret that is read with records", minimal + "[directory.ldap.users]\nextra = [\"userPassword\"]\ndigest-password = \"userPassword\"\n", `c.toml:7: directory.ldap.users.digest-password: "userPassword" is named by another setting too`},
		{"secret of a group", minimal + "[directory.ldap.groups]\ndigest-ha1 = \"digestHA1\"\n", `c.toml:6: directory.ldap.groups.digest-ha1: only users sign in`},
		{"algorithm of secrets", minimal + "[directory.ldap.users]\ndigest-ha1 = \"digestHA1\"\ndigest-algorithms = [\"SHA\"]\n", `c.toml:7: directory.ldap.users.digest-algorithms: "SHA": unknown; there are MD5 and SHA-256`},
		{"time below zero", minimal + "failover-after = \"-1s\"\n", `c.toml:5: directory.ldap.failover-after: -1s is below zero`},
		{"password in the clear", "[directory.ldap]\nbase = [\"dc=x\"]\nurls = [\"ldap://ldap.example.com\"]\n", `c.toml:3: directory.ldap.urls: server URL "ldap://ldap.example.com": would send passwords in clear; `},
		{"file format", "[directory]\nkind = \"file\"\n[directory.file]\nfile = \"x\"\nformat = \"json\"\n", `c.toml:5: directory.file.format: "json": unknown; there are ldif, accounts, htpasswd and htdigest`},
		{"principal rule", "[[auth.negotiate.principals]]\nby = \"shoe-size\"\n" + minimal, `c.toml:1: auth.negotiate.principals: principal rule 1: by "shoe-size" is unknown`},
		{"realm", "[auth]\nrealm = \"a:b\"\n" + minimal, `c.toml:2: auth.realm: realm "a:b" has a colon or a control character`},
		{"no caching of passwords", "[auth.basic]\ncache-for = \"0s\"\n" + minimal, `c.toml:2: auth.basic.cache-for: a time above zero is needed; "1s" is next to none`},
		{"no sign-in in outages", "[auth.basic]\noutage-for = \"0s\"\n" + minimal, `c.toml:2: auth.basic.outage-for: a time above zero is needed; "1s" is next to none`},
		{"no stale answers", "[directory.cache]\nstale = \"0s\"\n" + minimal, `c.toml:2: directory.cache.stale: a time above zero is needed; "1s" is next to none`},
		{"no failures allowed", "[auth.throttle]\naccount-failures = 0\n" + minimal, `c.toml:2: auth.throttle.account-failures: a number above zero is needed`},
		{"file directory without file", "[directory]\nkind = \"file\"\n", `c.toml:1: directory.file.file: there is no file; `},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Parse("c.toml", []byte(tt.text), nil)
			if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("err  = %v\nwant   %s", err, tt.want)
			}
		})
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.toml"), nil); err == nil {
		t.Error("a missing file is no fault")
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]settings.Size{
		"0": 0, "123": 123, "64KB": 64_000, "100MB": 100_000_000, "1 GiB": 1 << 30, "5B": 5, "3kB": 3000,
	} {
		got, err := settings.ParseSize(text)
		if err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
		if again, err := settings.ParseSize(got.String()); err != nil || again != got {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", got.String(), again, err, got)
		}
	}
	for _, text := range []string{"", "x", "-1", "1TB", "1.5GB", "99999999999GB"} {
		if got, err := settings.ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d", text, got)
		}
	}
}
