package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// The ticket of an account that was deleted is nobody's, though there is another
// account of its name.
func TestTicketOutlivesNoAccount(t *testing.T) {
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
	add("svc-http", map[string][]string{"servicePrincipalName": {"HTTP/localhost"}, "msDS-SupportedEncryptionTypes": {"24"}})
	add("tkt", nil)
	dir, err := directory.OpenLDAP(directory.LDAPConfig{
		URLs: []string{d.TLSURL}, CAFile: d.CA.File, BindDN: "AD\\Administrator", BindPassword: d.AdminPassword,
		Preset: "ad", Base: []string{d.BaseDN},
	}, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	keys := d.Keytab("HTTP/localhost")
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Now, o.Directory = []string{"negotiate"}, keys, time.Now, dir
	})
	url := s.listen(t)
	check := func(what string, env []string, want bool) {
		t.Helper()
		out := testenv.Curl(t, env, url)
		if got := strings.Contains(out, "you are tkt"); got != want || !want && !strings.Contains(out, " 401 ") {
			t.Errorf("%s: %s", what, out)
		}
	}
	old := d.Kinit("tkt", "Pw!secret1")
	check("a ticket", old, true)
	if err := admin.Del(ldap.NewDelRequest("CN=tkt,CN=Users,"+d.BaseDN, nil)); err != nil {
		t.Fatal(err)
	}
	check("nobody's ticket", old, false)
	add("tkt", nil)
	check("a ticket of the former account", old, false)
	check("a ticket of the new one", d.Kinit("tkt", "Pw!secret1"), true)
}
