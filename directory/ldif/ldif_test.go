package ldif_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

const sample = "\ufeffversion: 1\r\n# a comment\n  continued\n\ndn: uid=alice,\n ou=people,dc=x\nobjectClass: person\nuid: alice\ncn:: Sm9zw6k=\ndescription:\n two \nmember: CN=B\\, C, dc=X\nuac: 66050\n\n\n\ndn:: dWlkPWJvYixkYz14\nchangetype: add\nuid: bob"

func read(t *testing.T, s string) []*ldif.Entry {
	t.Helper()
	list, err := ldif.Read(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRead(t *testing.T) {
	list := read(t, sample)
	if len(list) != 2 || list[0].DN != "uid=alice,ou=people,dc=x" || list[1].DN != "uid=bob,dc=x" {
		t.Fatalf("%+v", list)
	}
	a := list[0]
	if a.Value("CN") != "José" || a.Value("description") != "two " || a.Value("uid") != "alice" || a.Value("none") != "" {
		t.Errorf("%+v", a)
	}
	if list[1].Value("uid") != "bob" {
		t.Errorf("%+v", list[1])
	}
}

func TestReadRefuses(t *testing.T) {
	for text, line := range map[string]int{
		"uid: x\n":                               1,
		"dn: a=b\nx\n":                           2,
		"dn: a=b\n\ndn: c=d\nchangetype: modify": 4,
		"dn: a=b\njpeg:< file:///etc/passwd\n":   2,
		"dn: a=b\ncn:: ###\n":                    2,
		"dn: a=b\ndn: c=d\n":                     2,
	} {
		_, err := ldif.Read(strings.NewReader(text))
		var s *ldif.SyntaxError
		if !errors.As(err, &s) || s.Line != line {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestFoldDN(t *testing.T) {
	for _, same := range [][]string{
		{"uid=alice,dc=x", "UID=Alice, DC=X", "uid = alice , dc = x"},
		{`cn=smith\, john,dc=x`, `CN=Smith\2C John,DC=x`},
		{"cn=two words,dc=x", "CN=Two Words,DC=x"},
		{`cn=\23hash,dc=x`, `cn=\#hash,dc=x`},
		{"not a name", "  NOT  a name"},
		{""},
	} {
		for _, s := range same {
			if got := ldif.FoldDN(s); got != ldif.FoldDN(same[0]) || ldif.FoldDN(got) != got {
				t.Errorf("FoldDN(%q) = %q, of that %q; of %q %q", s, got, ldif.FoldDN(got), same[0], ldif.FoldDN(same[0]))
			}
		}
	}
	if ldif.FoldDN("cn=a,dc=x") == ldif.FoldDN(`cn=a\,dc=x`) {
		t.Error("an escaped comma separates")
	}
}

func TestScope(t *testing.T) {
	e := ldif.NewEntry(`cn=a\,b,ou=p,dc=x`)
	for base, want := range map[string][3]bool{
		`cn=a\,b,ou=p,dc=x`: {true, false, true},
		"ou=p,dc=x":         {false, true, true},
		"dc=x":              {false, false, true},
		"":                  {false, false, true},
		"b,ou=p,dc=x":       {},
		"p,dc=x":            {},
	} {
		for s, w := range want {
			if got := e.In(base, ldif.Scope(s)); got != w {
				t.Errorf("in %q, scope %d: %v", base, s, got)
			}
		}
	}
}

func TestMatch(t *testing.T) {
	e := read(t, sample)[0]
	e.Add("objectGUID", "\x00\xff*")
	for filter, want := range map[string]ldif.Truth{
		"(uid=ALICE)": ldif.True, "(uid=al*)": ldif.True, "(uid=*li*)": ldif.True, "(uid=*ce)": ldif.True, "(uid=a*i*e)": ldif.True,
		"(uid=b*)": ldif.False, "(uid=al*ice*e)": ldif.False, "(cn=JOSÉ)": ldif.True, "(cn=jose)": ldif.False,
		"(&(uid=alice)(cn=*))": ldif.True, "(|(uid=x)(cn=*))": ldif.True, "(!(uid=x))": ldif.True, "(&)": ldif.True, "(|)": ldif.False,
		`(member=cn=b\5c2c c,DC=x)`: ldif.True, "(objectClass=*)": ldif.True, "(none=*)": ldif.False,
		"(uac:1.2.840.113556.1.4.803:=2)": ldif.True, "(uac:1.2.840.113556.1.4.803:=18)": ldif.False, "(uac:1.2.840.113556.1.4.804:=18)": ldif.True,
		"(uac>=66050)": ldif.True, "(uac>=7)": ldif.True, "(uac<=66049)": ldif.False, `(objectGUID=\00\ff\2a)`: ldif.True, `(objectGUID=\00\fe\2a)`: ldif.False,
		"(uid:9.9.9:=x)": ldif.Undefined, "(!(uid:9.9.9:=x))": ldif.Undefined, "(|(uid=alice)(uid:9.9.9:=x))": ldif.True,
		"(description=TWO)": ldif.True, "(uid:caseIgnoreMatch:=Alice)": ldif.True, "(member:1.2.840.113556.1.4.1941:=x)": ldif.Undefined,
	} {
		f, err := ldif.ParseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := f.Match(e, nil); got != want {
			t.Errorf("%s = %v, want %v", filter, got, want)
		}
	}
}

func TestInChain(t *testing.T) {
	list := read(t, "dn: cn=a\nmember: cn=b\n\ndn: cn=b\nmember: cn=c\nmember: cn=a\n\ndn: cn=c\nx: y\n")
	f, err := ldif.ParseFilter("(member:1.2.840.113556.1.4.1941:=cn=c)")
	if err != nil {
		t.Fatal(err)
	}
	find := func(dn string) *ldif.Entry {
		for _, e := range list {
			if e.FoldedDN() == dn {
				return e
			}
		}
		return nil
	}
	for i, want := range []ldif.Truth{ldif.True, ldif.True, ldif.False} {
		if got := f.Match(list[i], find); got != want {
			t.Errorf("%s: %v", list[i].DN, got)
		}
	}
}

func TestAttributes(t *testing.T) {
	f, err := ldif.ParseFilter("(&(objectClass=user)(!(objectClass=computer))(employeeType=Room)(uac:1.2.840.113556.1.4.803:=2))")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Attributes(); !slices.Equal(got, []string{"objectclass", "employeetype", "uac"}) || !f.Local() {
		t.Error(got, f.Local())
	}
	if f, err = ldif.ParseFilter("(memberOf:1.2.840.113556.1.4.1941:=cn=x)"); err != nil || f.Local() {
		t.Error(err, f.Local())
	}
}

// FuzzFilter: filters that arrive over the network break nothing.
func FuzzFilter(f *testing.F) {
	e := ldif.NewEntry("uid=alice,dc=x")
	e.Add("uid", "alice")
	for _, s := range []string{"(uid=alice)", "(&(uid=a*c*)(!(cn=*)))", "(uid:dn:2.4.6:=x)", "(uid>=1)"} {
		p, err := ldif.ParseFilter(s)
		if err != nil || p == nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte("\xa3\x0c\x04\x03uid\x04\x05alice"))
	f.Add([]byte("\xa4\x0e\x04\x03uid0\x07\x80\x02al\x82\x01e"))
	f.Add([]byte("\xa2\x05\x87\x03uid"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ber.DecodePacketErr(b)
		if err != nil {
			return
		}
		if q, err := ldif.DecodeFilter(p); err == nil {
			q.Match(e, func(string) *ldif.Entry { return e })
			q.Attributes()
		}
	})
}

// FuzzFoldDN: the short cut for plain names and the parser agree.
func FuzzFoldDN(f *testing.F) {
	for _, s := range []string{"CN=a b,DC=x", "cn=a,,dc=x", "a", "=", "cn=a ,dc=b", "CN=A+B=c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := ldif.FoldDN(s)
		if !utf8.ValidString(s) {
			return
		}
		if dn, err := ldap.ParseDN(s); err == nil && s != "" && once != strings.ToLower(dn.String()) {
			t.Errorf("FoldDN(%q) = %q, parsed %q", s, once, strings.ToLower(dn.String()))
		}
	})
}

// FuzzRead: any text is read or refused.
func FuzzRead(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, s string) {
		list, err := ldif.Read(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, e := range list {
			e.In(ldif.Parent(e.FoldedDN()), ldif.One)
		}
	})
}
