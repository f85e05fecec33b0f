package directory_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/testenv"
)

func openFile(t *testing.T, c directory.FileConfig) *directory.File {
	t.Helper()
	d, err := directory.OpenFile(c, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func find(t testing.TB, d directory.Directory, k directory.Key) *directory.Principal {
	t.Helper()
	p, err := d.Lookup(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOldAccounts(t *testing.T) {
	d := openFile(t, directory.FileConfig{File: "testdata/accounts-old.xml", Extra: []string{"testdata/resources.xml", "testdata/augments.xml"}})
	p := find(t, d, key("user07"))
	if p.GUID != "10000000-0000-0000-0000-000000000007" || p.FullName != "User 7" || p.Surname != "07" ||
		!slices.Equal(p.Emails, []string{"user07@example.com", "u7@example.org"}) || !slices.Equal(p.Aliases, []string{"User 07"}) {
		t.Errorf("%+v", p)
	}
	if q := find(t, d, directory.Key{By: directory.Login, Value: "user 07"}); q.GUID != p.GUID {
		t.Errorf("%+v", q)
	}
	if p := find(t, d, directory.Key{By: directory.GUID, Value: "admin"}); p.Name != "admin" || p.Addresses()[0] != "urn:x-uid:admin" {
		t.Errorf("%+v", p)
	}
	p = find(t, d, key("noguid"))
	if p.GUID != directory.DerivedGUID("Test Realm", directory.User, "NoGUID") || p.FullName != "100% pure" || p.CalendarEnabled {
		t.Errorf("%+v", p)
	}
	list, err := d.Members(t.Context(), find(t, d, key("managers")).GUID, directory.Nested)
	if err != nil || len(list) != 2 || list[0].Name != "user01" || list[1].Name != "user02" {
		t.Errorf("%v, %v", list, err)
	}
	p = find(t, d, key("mercury"))
	if p.AutoSchedule != directory.AutoScheduleAutomatic || p.Type != directory.Location {
		t.Errorf("%+v", p)
	}
	if q := find(t, d, directory.Reference(p.WriteDelegates[0])); q.Name != "user03" {
		t.Errorf("%+v", q)
	}
	if q := find(t, d, directory.Reference(p.ReadDelegates[0])); q.Name != "leads" {
		t.Errorf("%+v", q)
	}
	p = find(t, d, key("transporter"))
	if p.AutoSchedule != directory.AutoScheduleAcceptIfFree || p.AutoAcceptGroup != "leads" {
		t.Errorf("%+v", p)
	}
	p = find(t, d, key("pretend"))
	if p.Building != "IL1" || p.Address != "1 Main Street" || p.Geo == "" || p.AutoSchedule != directory.AutoScheduleAutomatic {
		t.Errorf("%+v", p)
	}
	for name, want := range map[string]error{"user03": nil, "user04": directory.ErrAccountDisabled, "user05": directory.ErrAccountDisabled} {
		if _, err := d.Authenticate(t.Context(), name, name); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if find(t, d, key("user05")).CalendarEnabled {
		t.Error("user05 has calendars")
	}
	for algorithm, want := range map[string]int{"MD5": 16, "SHA-256": 32} {
		if b, err := ha1(t, d, "user01", "Test Realm", algorithm); err != nil || len(b) != want {
			t.Errorf("HA1 %s: %x, %v", algorithm, b, err)
		}
	}
	for _, name := range []string{"user05", "nobody"} {
		if _, err := ha1(t, d, name, "Test Realm", "MD5"); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("HA1 of %s: %v", name, err)
		}
	}
}

// ha1 returns the first H(A1) of a user's secrets.
func ha1(t *testing.T, d interface {
	directory.Directory
	directory.DigestSource
}, login, realm, algorithm string) ([]byte, error) {
	t.Helper()
	p, err := d.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: login})
	if err != nil {
		return nil, err
	}
	s, err := d.DigestSecrets(t.Context(), p.GUID)
	if err != nil {
		return nil, err
	}
	for h := range s.HA1s(login, realm, algorithm) {
		return h, nil
	}
	return nil, directory.ErrNotFound
}

func TestBadFiles(t *testing.T) {
	for name, content := range map[string]string{
		"twice.xml":      `<accounts><user><uid>a</uid><guid>x</guid></user><user><uid>b</uid><guid>x</guid></user></accounts>`,
		"cut.xml":        `<accounts><user><uid>a</uid>`,
		"other.xml":      `<plist/>`,
		"entity.xml":     `<!DOCTYPE a [<!ENTITY x "y">]><accounts><user><uid>&x;</uid></user></accounts>`,
		"repeat.xml":     `<accounts><user repeat="9999999999"><uid>a</uid></user></accounts>`,
		"nameless.xml":   `<accounts><user><password>x</password></user></accounts>`,
		"bad.ldif":       "uid: x\n",
		"htpasswd":       "alice\n",
		"htdigest":       "alice:realm:nothex\n",
		"twice.htpasswd": "alice:x\nAlice:y\n",
	} {
		file := testenv.WriteFile(t, filepath.Join(t.TempDir(), name), content)
		if _, err := directory.OpenFile(directory.FileConfig{File: file}, directory.Options{}); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := directory.OpenFile(directory.FileConfig{File: "none"}, directory.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// TestFileReload: a changed file shows soon, a broken one changes nothing.
func TestFileReload(t *testing.T) {
	dir := t.TempDir()
	file := testenv.WriteFile(t, filepath.Join(dir, "htpasswd"), "alice:"+testHash("one")+"\n")
	d := openFile(t, directory.FileConfig{File: file, CheckEvery: 10 * time.Millisecond, MailDomain: "example.com"})
	guid := find(t, d, directory.Key{By: directory.Address, Value: "mailto:alice@example.com"}).GUID
	testenv.WriteFile(t, file, "alice:"+testHash("two")+"\nbob:"+testHash("three")+"\n")
	eventually(t, 5*time.Second, "reload", func() bool {
		_, err := d.Authenticate(t.Context(), "bob", "three")
		return err == nil
	})
	if find(t, d, key("alice")).GUID != guid {
		t.Error("the GUID has changed")
	}
	testenv.WriteFile(t, file, "nonsense\n")
	if err := d.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Error(err)
	}
	find(t, d, key("bob"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	find(t, d, key("bob"))
}

func TestHtdigestRealm(t *testing.T) {
	text := directorytest.Htdigest("One") + directorytest.Htdigest("Two")
	d := file(t, directory.FileConfig{Realm: "Two"}, "users.digest", text, "")
	if b, err := ha1(t, d, "alice", "Two", "MD5"); err != nil || len(b) != 16 {
		t.Errorf("%x, %v", b, err)
	}
	for _, q := range [][2]string{{"One", "MD5"}, {"Two", "SHA-256"}} {
		if _, err := ha1(t, d, "alice", q[0], q[1]); !errors.Is(err, directory.ErrNotFound) {
			t.Error(err)
		}
	}
	if !d.HA1ForAll("MD5") || d.HA1ForAll("SHA-256") {
		t.Error("htdigest files are for MD5")
	}
	if s, ok := directory.AsDigestSource(directory.NewCache(d, directory.CacheOptions{})); !ok || s == nil {
		t.Error("no digest source behind the cache")
	}
}

func TestDerivedGUID(t *testing.T) {
	seen := map[string]string{}
	for _, realm := range []string{"a", "b"} {
		for _, typ := range directory.Types() {
			for i := range 50 {
				id, g := fmt.Sprint(realm, typ, i), directory.DerivedGUID(realm, typ, fmt.Sprint("name", i))
				if seen[g] != "" || g != directory.CanonicalGUID(strings.ToLower(g)) || g[14] != '5' {
					t.Errorf("%s: %s, also of %q", id, g, seen[g])
				}
				seen[g] = id
			}
		}
	}
	if g := directory.DerivedGUID("Test Realm", directory.User, "alice"); g != "A992EDF2-C7AB-5BEE-8485-A0165CE04AA7" {
		t.Errorf("the derivation has changed: %s; every calendar of such users would be lost", g)
	}
}

// One htdigest file may be the directory and what Digest is verified with, in
// both algorithms.
func TestHtdigestBothAlgorithms(t *testing.T) {
	one, two := strings.Repeat("ab", 16), strings.Repeat("cd", 32)
	d := file(t, directory.FileConfig{}, "htdigest", "ann:R:"+one+"\nann:R:"+two+"\nbob:R:"+two+"\nann:other:"+one+"\n", "")
	for _, name := range []string{"ann", "bob"} {
		if _, err := d.Lookup(t.Context(), key(name)); err != nil {
			t.Error(err)
		}
	}
	for _, q := range []struct {
		name, algorithm string
		first           byte
	}{{"ann", "MD5", 0xab}, {"ann", "SHA-256", 0xcd}, {"bob", "SHA-256", 0xcd}} {
		if h, err := ha1(t, d, q.name, "R", q.algorithm); err != nil || h[0] != q.first {
			t.Errorf("%s %s: %x, %v", q.name, q.algorithm, h, err)
		}
	}
	if _, err := ha1(t, d, "bob", "R", "MD5"); !errors.Is(err, directory.ErrNotFound) {
		t.Error(err)
	}
	if d.HA1ForAll("MD5") || !d.HA1ForAll("SHA-256") {
		t.Error("bob has a hash for SHA-256 only")
	}
	path := testenv.WriteFile(t, filepath.Join(t.TempDir(), "htdigest"), "ann:R:"+one+"\nann:R:"+one+"\n")
	if _, err := directory.OpenFile(directory.FileConfig{File: path}, directory.Options{}); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("the same user twice: %v", err)
	}
}
