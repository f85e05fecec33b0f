package directory_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"convene/directory"
	"convene/testenv"
)

// conformance is the configuration for the accounts of the conformance suite:
// the identities are in employeeNumber of people and in serialNumber of the
// others, because entryUUID cannot be set.
func conformance() (users, groups, locations, resources directory.RecordConfig) {
	users = directory.RecordConfig{Base: []string{"ou=people," + base}, GUID: "employeeNumber"}
	groups = directory.RecordConfig{Base: []string{"ou=groups," + base}, GUID: "serialNumber", FullName: []string{"displayName"}, Name: []string{"uid"}}
	locations = directory.RecordConfig{Base: []string{"ou=locations," + base}, GUID: "serialNumber", Building: "l", Name: []string{"uid"}}
	resources = directory.RecordConfig{Base: []string{"ou=resources," + base}, GUID: "serialNumber", Name: []string{"uid"}}
	return users, groups, locations, resources
}

// TestConformanceAccounts reads the accounts of the conformance suite: those
// of the file in CONVENE_ACCOUNTS, or a few of them.
func TestConformanceAccounts(t *testing.T) {
	path := "testdata/people.ldif"
	if p := os.Getenv("CONVENE_ACCOUNTS"); p != "" {
		path = p
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, content, ok := strings.Cut(string(b), "\ndc: example\n\n") // the root is there already
	if !ok {
		t.Fatal("no root entry")
	}
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: content})
	lc := openLDAP(s)
	lc.Users, lc.Groups, lc.Locations, lc.Resources = conformance()
	fc := directory.FileConfig{File: path}
	fc.Users, fc.Groups, fc.Locations, fc.Resources = conformance()
	for name, d := range map[string]directory.Directory{"slapd": open(t, lc), "file": openFile(t, fc)} {
		t.Run(name, func(t *testing.T) { checkAccounts(t, d) })
	}
}

func checkAccounts(t *testing.T, d directory.Directory) {
	for guid, want := range map[string]string{
		"10000000-0000-0000-0000-000000000001": "users/user01", "860b3ee9-6d7c-4296-9639-e6b998074a78": "users/i18nuser",
		"20000000-0000-0000-0000-000000000002": "groups/group02", "pretend": "locations/pretend",
		"40000000-0000-0000-0000-000000000001": "resources/resource01",
	} {
		p, err := d.Lookup(t.Context(), directory.Key{By: directory.GUID, Value: guid})
		if err != nil || p.Type.String()+"/"+p.Name != want {
			t.Errorf("%s: %+v, %v", guid, p, err)
		}
	}
	p := find(t, d, key("pretend"))
	if p.Building != "IL1" || p.Geo == "" || !slices.Contains(p.Addresses(), "urn:x-uid:pretend") {
		t.Errorf("%+v", p)
	}
	groups, err := d.Groups(t.Context(), "10000000-0000-0000-0000-000000000010")
	if err != nil || !slices.Contains(groups, "20000000-0000-0000-0000-000000000004") {
		t.Errorf("groups of user10: %v, %v", groups, err)
	}
	list, err := d.Members(t.Context(), "20000000-0000-0000-0000-000000000004", directory.Nested)
	if err != nil || !slices.ContainsFunc(list, func(p *directory.Principal) bool { return p.Name == "user10" }) || len(list) < 2 {
		t.Errorf("members of group04: %v, %v", list, err)
	}
	list, err = d.Members(t.Context(), "20000000-0000-0000-0000-000000000008", directory.Direct)
	if err != nil || len(list) != 0 {
		t.Errorf("members of an empty group: %v, %v", list, err)
	}
	if _, err := d.Authenticate(t.Context(), "user01", "user01"); err != nil {
		t.Error(err)
	}
	for _, typ := range directory.Types() {
		list, err := d.Search(t.Context(), directory.Query{Types: []directory.Type{typ}})
		if err != nil && !errors.Is(err, directory.ErrTooMany) || len(list) == 0 {
			t.Errorf("%v: %d, %v", typ, len(list), err)
		}
		t.Logf("%d %v", len(list), typ)
	}
}
