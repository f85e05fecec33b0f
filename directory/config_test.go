package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/memldap"
	"convene/internal/settings"
)

func TestConfigText(t *testing.T) {
	var c directory.LDAPConfig
	if _, err := settings.Read(&c, settings.Source{Text: []byte(`
urls = ["ldaps://a.example.com", "ldaps://b.example.com"]
preset = "ad"
base = ["dc=x"]
failover-after = "500ms"
[users]
calendar-enabled = ["calStatus:active"]
[locations]
auto-schedule = "icsAutoaccept"
auto-schedule-values = { yes = "automatic" }
`)}); err != nil || c.FailoverAfter != 500*time.Millisecond || c.Locations.AutoScheduleValues["yes"] != "automatic" {
		t.Fatalf("%+v, %v", c, err)
	}
	open(t, c)
	if d := c; d.Source() == (directory.LDAPConfig{}).Source() {
		t.Error("all configurations are one source")
	}
	other := c
	other.URLs, other.BindPassword, other.Timeout = []string{"ldaps://c"}, "x", 1
	if other.Source() != c.Source() {
		t.Error("another server is another source")
	}
	other = c
	other.Users.DigestHA1, other.Users.DigestPassword = "digestHA1", "userPassword"
	if other.Source() != c.Source() {
		t.Error("what the cache knows depends on secrets")
	}
}

func TestFileSource(t *testing.T) {
	a := directory.FileConfig{File: "a"}
	b := a
	b.File = "b"
	if a.Source() == b.Source() {
		t.Error("all files are one source")
	}
	b = a
	b.CheckEvery = time.Minute
	if a.Source() != b.Source() {
		t.Error("how often it is looked at makes another source")
	}
}

func TestConfigRefused(t *testing.T) {
	for what, edit := range map[string]func(*directory.LDAPConfig){
		"urls: none":                            func(c *directory.LDAPConfig) { c.URLs = nil },
		"neither ldap":                          func(c *directory.LDAPConfig) { c.URLs = []string{"http://x"} },
		"no host":                               func(c *directory.LDAPConfig) { c.URLs = []string{"ldap://:389"} },
		"socket":                                func(c *directory.LDAPConfig) { c.URLs = []string{"ldapi://"} },
		"unknown":                               func(c *directory.LDAPConfig) { c.Preset = "novell" },
		"no search base":                        func(c *directory.LDAPConfig) { c.Base = nil },
		"scope":                                 func(c *directory.LDAPConfig) { c.Users.Scope = "base" },
		"bad filter":                            func(c *directory.LDAPConfig) { c.Groups.Filter = "(objectClass=x" },
		"not a name":                            func(c *directory.LDAPConfig) { c.Users.GUID = "x)(y" },
		"attribute name":                        func(c *directory.LDAPConfig) { c.Users.LoginEnabled = []string{"!"} },
		"mask":                                  func(c *directory.LDAPConfig) { c.Users.LoginEnabled = []string{"uac&x"} },
		"is none of":                            func(c *directory.LDAPConfig) { c.Locations.AutoScheduleValues = map[string]string{"a": "b"} },
		"only Active":                           func(c *directory.LDAPConfig) { c.Nesting = "in-chain" },
		"no password":                           func(c *directory.LDAPConfig) { c.BindDN = "cn=svc" },
		"below zero":                            func(c *directory.LDAPConfig) { c.FailoverAfter = -time.Second },
		"connections":                           func(c *directory.LDAPConfig) { c.Connections = -1 },
		"nesting":                               func(c *directory.LDAPConfig) { c.Nesting = "deep" },
		"ca-file":                               func(c *directory.LDAPConfig) { c.CAFile = "none.pem" },
		"no certificates":                       func(c *directory.LDAPConfig) { c.CAFile = "config_test.go" },
		"groups.digest-ha1: only users":         func(c *directory.LDAPConfig) { c.Groups.DigestHA1 = "digestHA1" },
		"locations.digest-password: only users": func(c *directory.LDAPConfig) { c.Locations.DigestPassword = "userPassword" },
		"users.digest-ha1: \"a b\": not an attribute":                 func(c *directory.LDAPConfig) { c.Users.DigestHA1 = "a b" },
		"users.digest-password: \"userPassword;x\": not an attribute": func(c *directory.LDAPConfig) { c.Users.DigestPassword = "userPassword;x" },
		"users.digest-password: \"userpassword\" is named by another setting": func(c *directory.LDAPConfig) {
			c.Users.DigestPassword, c.Users.Extra = "userpassword", []string{"userPassword"}
		},
		"users.digest-password: \"userPassword\" is named by another setting": func(c *directory.LDAPConfig) {
			c.Users.DigestPassword, c.Users.Filter = "userPassword", "(&(objectClass=person)(userPassword=*))"
		},
		"users.digest-ha1: \"digestHA1\" is named by another setting": func(c *directory.LDAPConfig) {
			c.Users.DigestHA1, c.Resources.Features = "digestHA1", []string{"digestHA1;lang-en"}
		},
		"users.digest-password: the same attribute": func(c *directory.LDAPConfig) { c.Users.DigestPassword, c.Users.DigestHA1 = "x", "X" },
		"users.digest-algorithms: \"SHA\": unknown": func(c *directory.LDAPConfig) {
			c.Users.DigestHA1, c.Users.DigestAlgorithms = "digestHA1", []string{"SHA"}
		},
		"users.digest-algorithms: it is about digest-ha1": func(c *directory.LDAPConfig) { c.Users.DigestAlgorithms = []string{"MD5"} },
		"no record types": func(c *directory.LDAPConfig) {
			c.Users.Filter, c.Groups.Filter, c.Locations.Filter, c.Resources.Filter = "-", "-", "-", "-"
		},
	} {
		c := directory.LDAPConfig{URLs: []string{"ldaps://x"}, Base: []string{"dc=x"}}
		edit(&c)
		if d, err := directory.OpenLDAP(c, directory.Options{}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v, %v", what, d, err)
		}
	}
	for _, name := range directory.PresetNames() {
		open(t, directory.LDAPConfig{URLs: []string{"ldaps://x"}, Base: []string{"dc=x"}, Preset: name})
	}
}

// TestMapping: what is in an entry, and what becomes of it.
func TestMapping(t *testing.T) {
	const text = rootEntry + `
dn: cn=one,dc=example,dc=com
objectClass: user
sAMAccountName: one
objectGUID:: AQIDBAUGBwgJCgsMDQ4PEA==
mail: One@Example.com
proxyAddresses: smtp:first@example.com
proxyAddresses: SMTP:main@example.com
proxyAddresses: x500:/o=Example
proxyAddresses: sip:one@example.com
userAccountControl: 512
calStatus: Active

dn: cn=room,dc=example,dc=com
objectClass: user
sAMAccountName: room
displayName: The Room
employeeType: ROOM
userAccountControl: 514
icsAutoaccept: YES
info: about 14 people, 2 doors
comment: projector; white board, phone
`
	_, url := serveMem(t, text, memldap.Options{})
	c := directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, Preset: "ad", KerberosRealms: []string{"AD.EXAMPLE.COM"}}
	c.Users.CalendarEnabled = []string{"calStatus:active|yes"}
	c.Users.Extra = []string{"sAMAccountName"}
	c.Locations = directory.RecordConfig{GUID: "sAMAccountName", AutoSchedule: "icsAutoaccept", AutoScheduleValues: map[string]string{"yes": "accept-if-free"},
		Capacity: "info", Features: []string{"comment"}, FullName: []string{"displayName"}}
	d := open(t, c)
	p := find(t, d, directory.Key{By: directory.KerberosName, Value: "one@AD.EXAMPLE.COM"})
	if p.GUID != "04030201-0605-0807-090A-0B0C0D0E0F10" || !p.CalendarEnabled || !p.LoginEnabled || p.FullName != "one" ||
		!slices.Equal(p.Emails, []string{"one@example.com", "main@example.com", "first@example.com"}) {
		t.Errorf("%+v", p)
	}
	if !slices.Equal(p.Attributes["calStatus"], []string{"Active"}) || !slices.Equal(p.Attributes["sAMAccountName"], []string{"one"}) {
		t.Errorf("%v", p.Attributes)
	}
	for _, k := range []directory.Key{{By: directory.GUID, Value: p.GUID}, {By: directory.Address, Value: "mailto:first@example.com"},
		{By: directory.Login, Value: `EXAMPLE\One`}} {
		if q := find(t, d, k); q.GUID != p.GUID {
			t.Errorf("%v: %+v", k, q)
		}
	}
	p = find(t, d, key("room"))
	if p.Type != directory.Location || p.GUID != "room" || p.AutoSchedule != "accept-if-free" || p.Capacity != 14 ||
		!slices.Equal(p.Features, []string{"projector", "white board", "phone"}) || p.LoginEnabled {
		t.Errorf("%+v", p)
	}
	list, err := d.Search(t.Context(), directory.Query{Types: []directory.Type{directory.User}})
	if err != nil || len(list) != 1 {
		t.Errorf("users: %v, %v", list, err)
	}
}
