package directory_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/directory/ldif"
	"convene/directory/memldap"
	"convene/testenv"
)

const base = "dc=example,dc=com"

// openLDAP is the configuration for a slapd with the company.
func openLDAP(s *testenv.LDAP) directory.LDAPConfig {
	c := directory.LDAPConfig{
		URLs: []string{s.TLSURL}, CAFile: s.CA.File, BindDN: s.ServiceDN, BindPassword: s.ServicePassword,
		Base: []string{base},
	}
	c.Users, c.Groups, c.Locations, c.Resources = directorytest.OpenLDAPRecords()
	return c
}

func open(t testing.TB, c directory.LDAPConfig) *directory.LDAP {
	t.Helper()
	d, err := directory.OpenLDAP(c, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestSlapd(t *testing.T) {
	for name, o := range map[string]testenv.LDAPOptions{
		"plain": {}, "memberof": {MemberOf: true}, "dynlist": {Nested: true},
	} {
		t.Run(name, func(t *testing.T) {
			o.LDIF = directorytest.LDIF()
			s := testenv.OpenLDAP(t, o)
			c := openLDAP(s)
			switch name {
			case "plain": // StartTLS, a file with the password
				c.URLs, c.StartTLS = []string{s.URL}, true
				c.BindPassword, c.BindPasswordFile = "", testenv.WriteFile(t, filepath.Join(t.TempDir(), "pw"), s.ServicePassword+"\n")
			default:
				for _, r := range []*directory.RecordConfig{&c.Users, &c.Groups, &c.Locations, &c.Resources} {
					r.MemberOf = "memberOf"
				}
			}
			if o.MemberOf {
				rewriteMembers(t, s.Admin())
			}
			b := directorytest.Backend{Directory: open(t, c), Down: s.Stop, Up: s.Start}
			if name != "dynlist" {
				admin := s.Admin()
				b.Rename = func(t *testing.T, from, to string) {
					rename(t, admin, "uid="+from+",ou=people,"+base, "uid="+to)
				}
			}
			directorytest.Run(t, b)
		})
	}
}

// rewriteMembers writes all members again: the overlay memberof forgets those
// that did not exist when they were written, as in a ring of groups.
func rewriteMembers(t *testing.T, c *ldap.Conn) {
	t.Helper()
	for _, g := range directorytest.Teams() {
		dn := "cn=" + g.Name + ",ou=groups," + base
		res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"member"}, nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, members := range [][]string{{"cn=nobody," + base}, res.Entries[0].GetAttributeValues("member")} {
			r := ldap.NewModifyRequest(dn, nil)
			r.Replace("member", members)
			if err := c.Modify(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func rename(t *testing.T, c *ldap.Conn, dn, rdn string) {
	t.Helper()
	if err := c.ModifyDN(ldap.NewModifyDNRequest(dn, rdn, true, "")); err != nil {
		t.Fatal(err)
	}
}

// fillAD writes the company into a domain.
func fillAD(t *testing.T, d *testenv.Domain) {
	t.Helper()
	entries, err := ldif.Read(strings.NewReader(directorytest.ADLDIF(d.BaseDN)))
	if err != nil {
		t.Fatal(err)
	}
	c := d.Admin()
	for _, e := range entries[1:] {
		attrs := map[string][]string{}
		for _, a := range e.Attributes() {
			switch a.Name {
			case "member":
			case "userPassword":
				attrs["unicodePwd"] = a.Values
			default:
				attrs[a.Name] = a.Values
			}
		}
		d.Add(c, e.DN, attrs)
	}
	for _, e := range entries {
		if m := e.Values("member"); len(m) > 0 {
			r := ldap.NewModifyRequest(e.DN, nil)
			r.Add("member", m)
			if err := c.Modify(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// adConfig is the configuration for a domain with the company.
func adConfig(d *testenv.Domain) directory.LDAPConfig {
	c := directory.LDAPConfig{
		URLs: []string{d.TLSURL}, CAFile: d.CA.File, BindDN: "AD\\Administrator", BindPassword: d.AdminPassword,
		Preset: "ad", Base: []string{"OU=Convene," + d.BaseDN},
	}
	c.Users, c.Groups, c.Locations, c.Resources = directorytest.ADRecords()
	return c
}

func TestSamba(t *testing.T) {
	t.Parallel()
	d := testenv.AD(t, testenv.ADOptions{})
	fillAD(t, d)
	admin := d.Admin()
	for _, nesting := range []string{"walk", "in-chain", "token-groups"} {
		t.Run(nesting, func(t *testing.T) {
			c := adConfig(d)
			c.Nesting = nesting
			b := directorytest.Backend{Directory: open(t, c)}
			if nesting == "walk" { // what follows is the same for all
				b.Down, b.Up = d.Pause, d.Resume
				b.Rename = func(t *testing.T, from, to string) {
					r := ldap.NewModifyRequest(`CN=\#erin\, entry,OU=Convene,`+d.BaseDN, nil)
					r.Replace("sAMAccountName", []string{to})
					if err := admin.Modify(r); err != nil {
						t.Fatal(err)
					}
				}
			}
			directorytest.Run(t, b)
		})
	}
	t.Run("in-chain is not used", func(t *testing.T) {
		var log bytes.Buffer
		c := adConfig(d)
		c.Nesting = "in-chain"
		dir, err := directory.OpenLDAP(c, directory.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: "alice"})
		if err == nil {
			_, err = dir.Groups(t.Context(), p.GUID)
		}
		if err := errors.Join(err, dir.Close()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(log.String(), "in-chain is slow with Samba") {
			t.Errorf("the log does not say so:\n%s", &log)
		}
	})
	t.Run("whole domain", func(t *testing.T) { testPrimaryGroup(t, d) })
	t.Run("refused binds", func(t *testing.T) { testSubCodes(t, d, admin) })
}

// testPrimaryGroup checks groups that memberOf does not show.
func testPrimaryGroup(t *testing.T, d *testenv.Domain) {
	var all [][]string
	for _, nesting := range []string{"walk", "in-chain", "token-groups"} {
		c := adConfig(d)
		c.Nesting, c.Base = nesting, []string{d.BaseDN}
		dir := open(t, c)
		p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Login, Value: `AD\alice`})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"alice@AD.EXAMPLE.COM", "Alice@AD.EXAMPLE.COM"} {
			if q := find(t, dir, directory.Key{By: directory.KerberosName, Value: name}); q.GUID != p.GUID {
				t.Errorf("%s: %+v", name, q)
			}
		}
		if q, err := dir.Lookup(t.Context(), directory.Key{By: directory.KerberosName, Value: "alice@ad.example.com"}); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("another realm: %+v, %v", q, err)
		}
		guids, err := dir.Groups(t.Context(), p.GUID)
		if err != nil {
			t.Fatal(err)
		}
		var groups []string
		for _, g := range guids {
			p, err := dir.Lookup(t.Context(), directory.Key{By: directory.GUID, Value: g})
			if err != nil {
				t.Fatal(err)
			}
			groups = append(groups, p.Name)
		}
		slices.Sort(groups)
		all = append(all, groups)
		everybody, err := dir.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.Group, Value: "Domain Users"})
		if err != nil {
			t.Fatal(err)
		}
		list, err := dir.Members(t.Context(), everybody.GUID, directory.Direct)
		if err != nil || !slices.ContainsFunc(list, func(p *directory.Principal) bool { return p.Name == "bob" }) {
			t.Errorf("members of Domain Users: %d, %v", len(list), err)
		}
	}
	want := []string{"Domain Users", "Users", "devs", "ops", "staff"}
	for _, got := range all {
		if !slices.Equal(got, want) {
			t.Errorf("groups of alice: %q, want %q", got, want)
		}
	}
}

// testSubCodes checks the reasons for refused binds.
func testSubCodes(t *testing.T, d *testenv.Domain, admin *ldap.Conn) {
	for i, tt := range []struct {
		attr, value string
		want        error
	}{
		{"pwdLastSet", "0", directory.ErrPasswordExpired},
		{"accountExpires", "132000000000000000", directory.ErrAccountExpired},
		{"userAccountControl", "66050", directory.ErrAccountDisabled},
		{"lockoutTime", "", directory.ErrAccountLocked},
	} {
		name := fmt.Sprint("refused", i)
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {"Pw!secret1"}, "userAccountControl": {"512"}}
		if tt.value != "" {
			attrs[tt.attr] = []string{tt.value}
		}
		d.Add(admin, "CN="+name+",OU=Convene,"+d.BaseDN, attrs)
		dir := open(t, adConfig(d))
		if tt.value == "" {
			for range 3 {
				if _, err := dir.Authenticate(t.Context(), name, "wrong"); !errors.Is(err, directory.ErrInvalidCredentials) {
					t.Error(err)
				}
			}
		}
		if _, err := dir.Authenticate(t.Context(), name, "Pw!secret1"); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.attr, err, tt.want)
		}
	}
}

// serveMem starts memldap.
func serveMem(t testing.TB, text string, o memldap.Options) (*memldap.Server, string) {
	t.Helper()
	s, err := memldap.NewLDIF(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return s, "ldap://" + l.Addr().String()
}

// quirky is how Active Directory answers.
var quirky = memldap.Quirks{
	ActiveDirectory: true, MaxPage: 3, MaxValues: 2, StrongReq: true, NoAnonymous: true,
	Referral: "ldap://forestdnszones.ad.example.com/DC=ForestDnsZones,DC=ad,DC=example,DC=com",
}

func TestMemLDAP(t *testing.T) {
	ca := testenv.NewCA(t)
	cert, key := ca.Issue()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	o := memldap.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}, Quirks: quirky}
	text := directorytest.ADLDIF("DC=ad,DC=example,DC=com") + `
dn: CN=svc,DC=ad,DC=example,DC=com
objectClass: account
userPrincipalName: svc@ad.example.com
userPassword: svcpw
`
	for _, memberOf := range []string{"memberOf", "-"} {
		t.Run("memberOf="+memberOf, func(t *testing.T) {
			s, url := serveMem(t, text, o)
			c := directory.LDAPConfig{URLs: []string{url}, StartTLS: true, CAFile: ca.File, BindDN: "svc@ad.example.com", BindPassword: "svcpw",
				Preset: "ad", Base: []string{"DC=ad,DC=example,DC=com"}, PageSize: 2}
			c.Users, c.Groups, c.Locations, c.Resources = directorytest.ADRecords()
			c.Users.MemberOf, c.Groups.MemberOf = memberOf, memberOf
			directorytest.Run(t, directorytest.Backend{
				Directory: open(t, c),
				Down:      func() { q := quirky; q.Fail, q.FailBind = ldap.LDAPResultBusy, ldap.LDAPResultBusy; s.SetQuirks(q) },
				Up:        func() { s.SetQuirks(quirky) },
			})
		})
	}
}

// file opens files with the given contents.
func file(t *testing.T, c directory.FileConfig, name, content, groups string) *directory.File {
	t.Helper()
	dir := t.TempDir()
	c.File = testenv.WriteFile(t, filepath.Join(dir, name), content)
	if groups != "" {
		testenv.WriteFile(t, filepath.Join(dir, "groups"), groups)
	}
	d, err := directory.OpenFile(c, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// testHash is the {SHA} form of a password (RFC 2307 §5.3).
func testHash(password string) string {
	sum := sha1.Sum([]byte(password))
	return "{SHA}" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestFiles(t *testing.T) {
	t.Run("ldif", func(t *testing.T) {
		var c directory.FileConfig
		c.Users, c.Groups, c.Locations, c.Resources = directorytest.OpenLDAPRecords()
		directorytest.Run(t, directorytest.Backend{Directory: file(t, c, "people.ldif", directorytest.LDIF(), "")})
	})
	t.Run("accounts", func(t *testing.T) {
		d := file(t, directory.FileConfig{}, "accounts.xml", directorytest.Accounts(), "")
		directorytest.Run(t, directorytest.Backend{Directory: d, NoRoom: true})
	})
	t.Run("htpasswd", func(t *testing.T) {
		var c directory.FileConfig
		d := file(t, c, "htpasswd", directorytest.Htpasswd(testHash), directorytest.Groups())
		directorytest.Run(t, directorytest.Backend{Directory: d, NamesOnly: true})
	})
	t.Run("htdigest", func(t *testing.T) {
		d := file(t, directory.FileConfig{}, "htdigest", directorytest.Htdigest("Test Realm"), directorytest.Groups())
		directorytest.Run(t, directorytest.Backend{Directory: d, NamesOnly: true})
	})
	t.Run("static", func(t *testing.T) {
		d, err := directory.NewStatic(directorytest.Records())
		if err != nil {
			t.Fatal(err)
		}
		directorytest.Run(t, directorytest.Backend{Directory: d})
	})
}

// TestCacheConforms puts the cache in front of a directory.
func TestCacheConforms(t *testing.T) {
	d, err := directory.NewStatic(directorytest.Records())
	if err != nil {
		t.Fatal(err)
	}
	directorytest.Run(t, directorytest.Backend{Directory: directory.NewCache(d, directory.CacheOptions{})})
}
