package auth_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// Tickets of a domain controller are good for the account that they were issued to: not
// for who is called so now, not without the PAC that says who it was, and not for the
// user of that name in another realm that this service is in, too.
func TestTicketOfAnother(t *testing.T) {
	d := testenv.AD(t, testenv.ADOptions{})
	admin := d.Admin()
	dn := func(name string) string { return "CN=" + name + ",CN=Users," + d.BaseDN }
	add := func(name string, more map[string][]string) {
		t.Helper()
		attrs := map[string][]string{"objectClass": {"user"}, "sAMAccountName": {name}, "unicodePwd": {"Pw!secret1"}, "userAccountControl": {"512"}}
		for k, v := range more {
			attrs[k] = v
		}
		d.Add(admin, dn(name), attrs)
	}
	add("svc-http", map[string][]string{"servicePrincipalName": {"HTTP/localhost"}, "msDS-SupportedEncryptionTypes": {"24"}})
	add("anna", nil)
	add("otto", nil)
	mit := testenv.KDC(t, testenv.RealmOptions{Realm: "OTHER.COM", Principals: map[string]string{"otto": "pw"}, Services: []string{"HTTP/localhost"}})
	both, err := os.ReadFile(d.Keytab("HTTP/localhost"))
	if err != nil {
		t.Fatal(err)
	}
	others, err := os.ReadFile(mit.Keytab("HTTP/localhost"))
	if err != nil {
		t.Fatal(err)
	}
	keys := write(t, string(both)+string(others[2:])) // without the version of the file
	dir, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{d.TLSURL}, CAFile: d.CA.File, BindDN: "AD\\Administrator", BindPassword: d.AdminPassword,
		Preset: "ad", Base: []string{d.BaseDN},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dir.Close() })
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Now, o.Directory = []string{"negotiate"}, keys, time.Now, dir
	})
	url := s.listen(t)
	check := func(what string, env []string, want string) {
		t.Helper()
		out := testenv.Curl(t, env, url)
		if got := strings.Contains(out, "you are "); got != (want != "") || got && !strings.Contains(out, "you are "+want+" ") || !got && !strings.Contains(out, " 401 ") {
			t.Errorf("%s: want %q\n%s", what, want, out)
		}
	}
	anna := d.Kinit("anna", "Pw!secret1")
	check("anna", anna, "anna")
	check("otto", d.Kinit("otto", "Pw!secret1"), "otto")
	check("the otto of another realm", mit.Kinit("otto"), "")
	if !strings.Contains(s.log.String(), "is not of realm OTHER.COM") {
		t.Errorf("not said why:\n%s", s.log)
	}
	// anna gets another name, and somebody else hers.
	modify(t, admin, dn("anna"), "sAMAccountName", "anna.married")
	add("anna2", map[string][]string{"sAMAccountName": {"anna"}})
	check("the ticket of who was called so", anna, "")
	if !strings.Contains(s.log.String(), "now belongs to") {
		t.Errorf("not said why:\n%s", s.log)
	}
	check("who is called so now", d.Kinit("anna", "Pw!secret1"), "anna")
	// A service account to whose tickets the controller adds no PAC.
	r := ldap.NewModifyRequest(dn("svc-http"), nil)
	r.Replace("userAccountControl", []string{"33554944"}) // 0x2000200
	if err := admin.Modify(r); err != nil {
		t.Fatal(err)
	}
	check("a ticket without PAC", d.Kinit("otto", "Pw!secret1"), "")
	if !strings.Contains(s.log.String(), "has no PAC") {
		t.Errorf("not said why:\n%s", s.log)
	}
}
