package auth_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

const ldapAlice = `dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
mail: alice@example.com
userPassword: alicepw

`

// Guessing here never locks an account in the directory, whose policy locks it
// after three wrong passwords; an outage of the directory is no 401.
func TestRealLDAP(t *testing.T) {
	srv := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: ldapAlice, Lockout: true})
	d, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{srv.TLSURL}, CAFile: srv.CA.File, Base: []string{srv.BaseDN}, BindDN: srv.ServiceDN, BindPassword: srv.ServicePassword,
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	s := openSite(t, func(o *auth.Options) {
		o.Directory, o.Now, o.Throttle.AccountFailures = directory.NewCache(d, directory.CacheOptions{}), time.Now, 2
	})
	var wg sync.WaitGroup
	for i := range 100 {
		login := []string{"alice", "ALICE", "alice@example.com"}[i%3]
		wg.Go(func() {
			if status, _, out := s.try(basicField(login, fmt.Sprintf("guess%d", i))); status != 401 && status != 429 {
				t.Errorf("guess: %d: %v", status, out.Err)
			}
		})
	}
	wg.Wait()
	srv.Dial("uid=alice,ou=people,dc=example,dc=com", "alicepw") // fails the test if the account is locked

	fresh := openSite(t, func(o *auth.Options) { o.Directory, o.Now = directory.NewCache(d, directory.CacheOptions{}), time.Now })
	right := basicField("alice", "alicepw")
	if status, _, out := fresh.try(right); status != 200 {
		t.Fatalf("right password: %d: %v", status, out.Err)
	}
	srv.Stop()
	if status, _, out := fresh.try(right); status != 200 {
		t.Errorf("known log-in in an outage: %d: %v", status, out.Err)
	}
	if status, _, out := fresh.try(basicField("alice@example.com", "alicepw")); status != 503 || out.Header.Get("Retry-After") == "" {
		t.Errorf("unknown log-in in an outage: %d %v", status, out.Header)
	}
}
