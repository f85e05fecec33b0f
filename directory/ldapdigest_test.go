package directory_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/directory"
	"convene/testenv"
)

// digestSchema has attributes for secrets, and a class that has them.
const digestSchema = `attributetype ( 2.25.99001 NAME 'digestHA1' EQUALITY caseExactMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 2.25.99002 NAME 'clearPassword' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 )
objectclass ( 2.25.99003 NAME 'digestUser' SUP top AUXILIARY MAY ( digestHA1 $ clearPassword ) )`

// digestAccess lets the service account alone read the secrets.
const digestAccess = `access to attrs=digestHA1,clearPassword by dn.exact="cn=svc,dc=example,dc=com" read by * none`

// digestPerson is a user with secrets; lines are further ones of the entry.
func digestPerson(name string, lines ...string) string {
	return fmt.Sprintf("dn: uid=%[1]s,dc=example,dc=com\nobjectClass: inetOrgPerson\nobjectClass: digestUser\nuid: %[1]s\ncn: %[1]s\nsn: Example\nmail: %[1]s@example.com\n%[2]s\n\n",
		name, strings.Join(lines, "\n"))
}

func md5HA1(login, realm, password string) string {
	sum := md5.Sum([]byte(login + ":" + realm + ":" + password))
	return hex.EncodeToString(sum[:])
}

// digestSlapd has five people: ann with hashes, bob with clear passwords, one of
// them hashed, eve with nothing but hashes and nonsense, joe with nothing, and max
// who may not sign in.
func digestSlapd(t *testing.T) *testenv.LDAP {
	return testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("ann",
		"digestHA1: ann:Calendar:"+md5HA1("ann", "Calendar", "hunter2"), "digestHA1: other:"+md5HA1("ann", "other", "x")) +
		digestPerson("bob", "clearPassword: {CLEARTEXT}hunter2", "clearPassword:: aHVudGVy/wAz", "clearPassword: "+testenv.SSHA("hunter4")) +
		digestPerson("eve", "clearPassword: "+testenv.SSHA("hunter5"), "digestHA1: hunter5") +
		digestPerson("joe") +
		digestPerson("max", "employeeType: left", "clearPassword: hunter6")})
}

func digestConfig(s *testenv.LDAP) directory.LDAPConfig {
	c := openLDAP(s)
	c.Users = directory.RecordConfig{DigestHA1: "digestHA1", DigestPassword: "clearPassword", LoginEnabled: []string{"!employeeType:left"}}
	return c
}

func TestSlapdDigest(t *testing.T) {
	s := digestSlapd(t)
	var log bytes.Buffer
	d, err := directory.OpenLDAP(digestConfig(s), directory.Options{Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	kept := filepath.Join(t.TempDir(), "cache")
	cache := directory.NewCache(d, directory.CacheOptions{File: kept})
	if !d.HasHA1() || !d.HA1ForAll("MD5") || d.HA1ForAll("SHA-256") || !d.AsksServer() {
		t.Errorf("%v %v %v", d.HasHA1(), d.HA1ForAll("MD5"), d.HA1ForAll("SHA-256"))
	}
	for _, tt := range []struct {
		login, algorithm string
		want             []string
	}{
		{"ann", "MD5", []string{md5HA1("ann", "Calendar", "hunter2")}},
		{"ann", "SHA-256", nil},
		{"ann@example.com", "MD5", nil}, // it was hashed with the other name
		{"bob", "MD5", []string{md5HA1("bob", "Calendar", "hunter2"), md5HA1("bob", "Calendar", "hunter\xff\x003")}},
		{"bob@example.com", "MD5", []string{md5HA1("bob@example.com", "Calendar", "hunter2"), md5HA1("bob@example.com", "Calendar", "hunter\xff\x003")}},
		{"eve", "MD5", nil}, {"joe", "MD5", nil}, {"max", "MD5", nil},
	} {
		p, err := cache.Lookup(t.Context(), directory.Key{By: directory.Login, Value: tt.login})
		if err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprintf("%+v", *p); strings.Contains(text, "hunter") || strings.Contains(text, "Calendar:") {
			t.Errorf("secrets in a record: %s", text)
		}
		secrets, err := d.DigestSecrets(t.Context(), p.GUID)
		if err != nil && !errors.Is(err, directory.ErrNotFound) || err == nil && secrets.Empty() {
			t.Errorf("%s: %v, %v", tt.login, secrets, err)
		}
		var got []string
		for h := range secrets.HA1s(tt.login, "Calendar", tt.algorithm) {
			got = append(got, hex.EncodeToString(h))
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s %s: %v, want %v", tt.login, tt.algorithm, got, tt.want)
		}
	}
	if err := cache.Save(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(kept)
	if err != nil || !bytes.Contains(text, []byte("ann@example.com")) || bytes.Contains(text, []byte("hunter")) || bytes.Contains(text, []byte("Calendar:")) {
		t.Errorf("the cache on disk: %q, %v", text, err)
	}
	if strings.Contains(log.String(), "hunter") || strings.Contains(log.String(), "Calendar:") || strings.Contains(log.String(), "WARN") {
		t.Errorf("log:\n%s", &log)
	}
	if _, err := d.DigestSecrets(t.Context(), "00000000-0000-0000-0000-000000000000"); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
	s.Stop()
	if _, err := d.DigestSecrets(t.Context(), "00000000-0000-0000-0000-000000000000"); !errors.Is(err, directory.ErrUnavailable) {
		t.Error(err)
	}
}

// An account without the right to read the attributes finds nothing, and the log
// says so, once; so it does where all that there is are hashes.
func TestSlapdDigestRights(t *testing.T) {
	s := digestSlapd(t)
	for name, tt := range map[string]struct {
		bind, password string
		people         []string
		want           string
	}{
		"nobody":  {"", "", []string{"ann", "bob", "ann"}, "may the service account read"},
		"self":    {"cn=svc,dc=example,dc=com", "svcpw", []string{"joe", "joe", "ann", "joe"}, "may the service account read"},
		"hashes":  {"cn=svc,dc=example,dc=com", "svcpw", []string{"eve", "eve", "ann", "eve"}, "values are hashed"},
		"somehow": {"cn=svc,dc=example,dc=com", "svcpw", []string{"bob", "eve", "joe"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c := digestConfig(s)
			c.BindDN, c.BindPassword = tt.bind, tt.password
			d, err := directory.OpenLDAP(c, directory.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, who := range tt.people {
				_, err := d.DigestSecrets(t.Context(), find(t, d, key(who)).GUID)
				if err != nil && !errors.Is(err, directory.ErrNotFound) {
					t.Error(err)
				}
				if tt.bind == "" && err == nil {
					t.Errorf("anybody reads the secret of %s", who)
				}
			}
			if want := min(1, len(tt.want)); strings.Count(log.String(), "no record read so far") != want || !strings.Contains(log.String(), tt.want) {
				t.Errorf("want %q once:\n%s", tt.want, &log)
			}
		})
	}
}

// Two records with one GUID are nobody in particular, wherever they are.
func TestSlapdDigestAmbiguous(t *testing.T) {
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{Extra: digestSchema, Access: digestAccess, LDIF: digestPerson("ann", "employeeNumber: 1", "clearPassword: x") +
		digestPerson("bob", "employeeNumber: 1", "clearPassword: y")})
	c := digestConfig(s)
	c.Users.GUID = "employeeNumber"
	if got, err := open(t, c).DigestSecrets(t.Context(), "1"); !errors.Is(err, directory.ErrAmbiguous) || strings.Contains(err.Error(), "clearPassword") {
		t.Errorf("%v, %v", got, err)
	}
}

// The same settings are understood of an LDIF file.
func TestLDIFDigest(t *testing.T) {
	ldif := digestPerson("ann", "digestHA1: ann:Calendar:"+md5HA1("ann", "Calendar", "hunter2")) + digestPerson("bob", "clearPassword: hunter2")
	c := directory.FileConfig{Users: directory.RecordConfig{DigestHA1: "digestHA1", DigestPassword: "clearPassword"}}
	d := file(t, c, "people.ldif", ldif, "")
	for _, name := range []string{"ann", "bob"} {
		if h, err := ha1(t, d, name, "Calendar", "MD5"); err != nil || hex.EncodeToString(h) != md5HA1(name, "Calendar", "hunter2") {
			t.Errorf("%s: %x, %v", name, h, err)
		}
	}
	if d.HA1ForAll("SHA-256") || !d.HA1ForAll("MD5") || d.AsksServer() {
		t.Error("ann has a hash for MD5 only")
	}
}
