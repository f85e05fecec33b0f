package directory_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"convene/directory"
	"convene/directory/memldap"
	"convene/testenv"
)

// Among records with one login, who may sign in goes before who may not, a name
// before a mail address, and the primary address before others; the same in a file
// and on a server.
func TestSharedLogin(t *testing.T) {
	person := func(n int, name, more string) string {
		return fmt.Sprintf("dn: cn=%d,%s\nobjectClass: person\ncn: %[1]d\nuid: %[3]s\nentryUUID: 00000000-0000-0000-0000-%012[1]d\n%[4]s\n", n, base, name, more)
	}
	text := rootEntry + "\n\n" + strings.Join([]string{
		person(1, "leaver", "mail: shared@example.com\nemployeeType: left\n"),
		person(2, "live", "mail: shared@example.com\n"),
		person(3, "bob", "mail: bob@example.com\n"),
		person(4, "thief", "mail: bob\nmail: thief@example.com\n"),
		person(5, "first", "mail: two@example.com\nmail: other@example.com\n"),
		person(6, "second", "mail: second@example.com\nmail: two@example.com\n"),
		person(7, "twin1", "mail: twin@example.com\n"),
		person(8, "twin2", "mail: twin@example.com\n"),
		person(9, "named@example.com", "mail: nine@example.com\n"),
		person(10, "mailed", "mail: named@example.com\n"),
		person(11, "gone1", "mail: gone@example.com\nemployeeType: left\n"),
		person(12, "gone2", "mail: gone@example.com\nemployeeType: left\n"),
		person(13, "upn1", "description: upn@example.com\nmail: thirteen@example.com\n"),
		person(14, "upn2", "mail: upn@example.com\n"),
		person(15, "primary", "mail: alias@example.com\n"),
		person(16, "alias", "mail: sixteen@example.com\nmail: alias@example.com\n"),
	}, "\n")
	users := directory.RecordConfig{Filter: "(objectClass=person)", LoginEnabled: []string{"!employeeType:left"}, Login: []string{"uid", "description", "mail"}}
	_, url := serveMem(t, text, memldap.Options{})
	file := testenv.WriteFile(t, filepath.Join(t.TempDir(), "people.ldif"), text)
	for backend, d := range map[string]directory.Directory{
		"server": open(t, directory.LDAPConfig{URLs: []string{url}, Base: []string{base}, Users: users}),
		"file":   openFile(t, directory.FileConfig{File: file, Base: []string{base}, Users: users}),
	} {
		for login, want := range map[string]string{
			"shared@example.com": "live", "bob": "bob", `X\bob`: "bob", "two@example.com": "first", "named@example.com": "named@example.com",
			"upn@example.com": "upn1", "alias@example.com": "primary", "thief@example.com": "thief",
			"twin@example.com": "", "gone@example.com": "",
		} {
			p, err := d.Lookup(t.Context(), directory.Key{By: directory.Login, Type: directory.User, Value: login})
			switch {
			case want != "" && (err != nil || p.Name != want):
				t.Errorf("%s: %s is %v, %v; want %s", backend, login, p, err, want)
			case want == "" && (!errors.Is(err, directory.ErrAmbiguous) || strings.Count(err.Error(), base) != 2):
				t.Errorf("%s: %s: %v, want an error with both names", backend, login, err)
			}
		}
		_, err := d.Authenticate(t.Context(), "twin@example.com", "guess")
		if !errors.Is(err, directory.ErrInvalidCredentials) || !errors.Is(err, directory.ErrAmbiguous) {
			t.Errorf("%s: sign-in of twins: %v", backend, err)
		}
	}
}
