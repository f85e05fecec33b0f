package directory_test

import (
	"testing"

	"convene/directory"
	"convene/testenv"
)

// A domain before or behind a name counts, in both of its forms; so do aliases in
// proxyAddresses. Somebody of another domain is nobody here.
func TestDomainOfLogin(t *testing.T) {
	d := testenv.AD(t, testenv.ADOptions{})
	admin := d.Admin()
	add := func(name string, more map[string][]string) {
		t.Helper()
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {"Pw!secret1"}, "userAccountControl": {"512"}}
		for k, v := range more {
			attrs[k] = v
		}
		d.Add(admin, "CN="+name+",CN=Users,"+d.BaseDN, attrs)
	}
	add("alice", map[string][]string{"userPrincipalName": {"a.adams@corp.example.org"}, "mail": {"alice@example.org"}, "proxyAddresses": {"smtp:aadams@example.org", "x500:/o=x"}})
	add("bob", nil)
	c := adConfig(d)
	c.Base, c.Users = []string{d.BaseDN}, directory.RecordConfig{}
	dir := open(t, c)
	for login, want := range map[string]string{
		"alice": "alice", `AD\alice`: "alice", `ad\ALICE`: "alice", `ad.example.com\alice`: "alice", `\alice`: "alice",
		`EVIL\alice`: "", `example.com\alice`: "", `AD\`: "", `AD\a.adams@corp.example.org`: "",
		"alice@AD": "alice", "alice@ad.example.com": "alice", "alice@EVIL": "", "alice@evil.example.com": "",
		"a.adams@corp.example.org": "alice", "alice@example.org": "alice", "aadams@example.org": "alice", "AADAMS@example.org": "alice",
		"smtp:aadams@example.org": "", "/o=x": "",
		"bob": "bob", `AD\bob`: "bob", "bob@AD": "bob",
		"bob@ad.example.com": "bob",
	} {
		p, err := dir.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: login})
		got := ""
		if err == nil {
			got = p.Name
		} else if !errIs(err, directory.ErrNotFound) {
			t.Errorf("%q: %v", login, err)
		}
		if got != want {
			t.Errorf("%q is %q, want %q (%v)", login, got, want, err)
		}
	}
	for _, login := range []string{`AD\alice`, "alice@AD", "aadams@example.org"} {
		if p, err := dir.Authenticate(t.Context(), login, "Pw!secret1"); err != nil || p.Name != "alice" {
			t.Errorf("%q: %v", login, err)
		}
	}
	if _, err := dir.Authenticate(t.Context(), `EVIL\alice`, "Pw!secret1"); !errIs(err, directory.ErrInvalidCredentials) {
		t.Errorf("EVIL: %v", err)
	}
}

// In files the names of the entries say what the domain is.
func TestDomainOfLoginInFiles(t *testing.T) {
	s, err := directory.NewStatic([]directory.Record{
		{Principal: directory.Principal{GUID: "A", Type: directory.User, Name: "alice", DN: "CN=alice,CN=Users,DC=ad,DC=example,DC=com", ActiveDirectory: true}},
		{Principal: directory.Principal{GUID: "B", Type: directory.User, Name: "bob"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for login, found := range map[string]bool{`AD\alice`: true, `ad.example.com\alice`: true, `\alice`: true, `EVIL\alice`: false, `WORKGROUP\bob`: true} {
		if _, err := s.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: login}); (err == nil) != found {
			t.Errorf("%q: %v", login, err)
		}
	}
}

// Whoever writes somebody else's mail address, or their name, into their own record
// shuts nobody out.
func TestOwnRecordShutsNobodyOut(t *testing.T) {
	person := func(name string, mails ...string) directory.Record {
		return directory.Record{Password: name, Principal: directory.Principal{GUID: name, Type: directory.User, Name: name, Emails: mails, LoginEnabled: true}}
	}
	s, err := directory.NewStatic([]directory.Record{person("mallory", "bob@example.com", "bob"), person("bob", "bob@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	for _, login := range []string{"bob", "bob@example.com"} {
		if p, err := s.Authenticate(t.Context(), login, "bob"); err != nil || p.Name != "bob" {
			t.Errorf("%q: %v", login, err)
		}
	}
}
