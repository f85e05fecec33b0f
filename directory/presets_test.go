package directory_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"convene/directory"
)

// adFile is a domain with the given entries, each a name and lines, as an LDIF file.
func adFile(t *testing.T, entries [][]string) directory.Directory {
	t.Helper()
	var b strings.Builder
	b.WriteString("dn: dc=x\nobjectClass: domain\ndc: x\n\n")
	for i, e := range entries {
		fmt.Fprintf(&b, "dn: cn=%[1]s,dc=x\ncn: %[1]s\nsAMAccountName: %[1]s\nobjectGUID:: AAAAAAAAAAAAAAAAAAAA%[2]cA==\n%[3]s\n\n",
			e[0], "AEIMQUYcgkosw048"[i], strings.Join(e[1:], "\n"))
	}
	return file(t, directory.FileConfig{Preset: "ad", Base: []string{"dc=x"}}, "ad.ldif", b.String(), "")
}

// TestSearchable: whom nobody looks for can be found by name, and sign in, all the same.
func TestSearchable(t *testing.T) {
	d := adFile(t, [][]string{
		{"krbtgt", "objectClass: user", "isCriticalSystemObject: TRUE"},
		{"kris", "objectClass: user", "isCriticalSystemObject: FALSE"},
		{"krone", "objectClass: user", "msExchHideFromAddressLists: TRUE"},
		{"Kreditoren", "objectClass: group"},
		{"Krypto Operators", "objectClass: group", "isCriticalSystemObject: TRUE"},
		{"kran", "objectClass: user", "employeeType: Room", "msExchHideFromAddressLists: TRUE"},
	})
	found, err := d.Search(t.Context(), directory.Query{Terms: []directory.Term{{Value: "kr", How: directory.StartsWord}}})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range found {
		names = append(names, p.Name)
	}
	if want := []string{"kran", "Kreditoren", "kris"}; !slices.Equal(names, want) {
		t.Errorf("found %q, want %q", names, want)
	}
	for _, name := range []string{"krbtgt", "krone"} {
		if p := find(t, d, key(name)); !p.LoginEnabled || !p.Hidden {
			t.Errorf("%s: login %t, hidden %t", name, p.LoginEnabled, p.Hidden)
		}
	}
}

// TestExchangeKinds: how else Exchange says what a mailbox is, and who looks after it.
func TestExchangeKinds(t *testing.T) {
	d := adFile(t, [][]string{
		{"room", "objectClass: user", "msExchRecipientDisplayType: 7", "msExchDelegateListLink: cn=one,dc=x", "publicDelegates: cn=two,dc=x"},
		{"synced", "objectClass: user", "msExchRecipientDisplayType: -2147481850", "msExchDelegateListLink: cn=one,dc=x"},
		{"beamer", "objectClass: user", "msExchRecipientDisplayType: 8"},
		{"syncedbeamer", "objectClass: user", "msExchRecipientDisplayType: -2147481594"},
		{"person", "objectClass: user", "msExchRecipientDisplayType: 1073741824"},
	})
	for name, want := range map[string]directory.Type{"room": directory.Location, "synced": directory.Location,
		"beamer": directory.Resource, "syncedbeamer": directory.Resource, "person": directory.User} {
		if p := find(t, d, key(name)); p.Type != want {
			t.Errorf("%s: %s", name, p.Type)
		}
	}
	for name, want := range map[string]string{"room": "cn=two,dc=x", "synced": "cn=one,dc=x"} {
		if p := find(t, d, key(name)); !slices.Equal(p.WriteDelegates, []string{want}) {
			t.Errorf("%s: delegates %q", name, p.WriteDelegates)
		}
	}
}

// TestFreeIPA: users who are preserved, to be hired again, are nobody.
func TestFreeIPA(t *testing.T) {
	user := func(name, within, id string) string {
		return fmt.Sprintf("dn: uid=%s,%s,dc=x\nobjectClass: person\nuid: %[1]s\ncn: %[1]s\nipaUniqueID: %[3]s\n\n", name, within, id)
	}
	text := "dn: dc=x\nobjectClass: domain\ndc: x\n\n" + user("ann", "cn=users,cn=accounts", "new") + user("ann", "cn=deleted users,cn=accounts,cn=provisioning", "old") +
		"dn: cn=all,cn=groups,cn=accounts,dc=x\nobjectClass: ipaUserGroup\ncn: all\nipaUniqueID: group\n\n" +
		"dn: cn=all,cn=groups,cn=compat,dc=x\nobjectClass: ipaUserGroup\ncn: all\nipaUniqueID: copy\n\n"
	d := file(t, directory.FileConfig{Preset: "freeipa", Base: []string{"dc=x"}}, "ipa.ldif", text, "")
	for name, want := range map[string]string{"ann": "new", "all": "group"} {
		if p := find(t, d, key(name)); p.GUID != want {
			t.Errorf("%s: %s, want %s", name, p.GUID, want)
		}
	}
}
