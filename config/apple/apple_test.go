package apple_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"convene/config"
	"convene/config/apple"
	"convene/internal/settings"
)

// source is a plist of testdata, with the files beside it.
func source(t testing.TB, dir string) apple.Source {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", dir, "caldavd.plist"))
	if err != nil {
		t.Fatal(err)
	}
	return apple.Source{File: "caldavd.plist", Text: text, Output: "/etc/convene/convene.toml", Open: func(named string) (string, []byte, error) {
		text, err := os.ReadFile(filepath.Join("testdata", dir, path.Base(named)))
		return "/etc/caldavd/" + path.Base(named), text, err
	}}
}

func nothing(named string) (string, []byte, error) { return "", nil, fs.ErrNotExist }

// shown is all that an import says, as text.
func shown(r *apple.Result, err error) string {
	var b strings.Builder
	for _, it := range r.Items {
		what := "left out"
		if it.Setting != "" {
			what = it.Setting + " = " + it.Value
		}
		fmt.Fprintf(&b, "%s:%d %s: %s; %s\n", path.Base(it.File), it.Line, it.Key, what, it.Note)
	}
	for _, s := range r.Next {
		fmt.Fprintf(&b, "to do: %s\n", s)
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; UPDATE=1 writes it anew; got:\n%s", file, got)
	}
}

// UPDATE=1 writes what is expected anew.
func TestImport(t *testing.T) {
	for _, dir := range []string{"files", "ldap", "ldap-newer", "mac"} {
		t.Run(dir, func(t *testing.T) {
			src := source(t, dir)
			r, err := apple.Import(src)
			if r == nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", dir, "want.txt"), shown(r, err))
			everyKey(t, src.Text, r)
			if dir == "mac" {
				if !errors.Is(err, settings.ErrInvalid) || r.TOML != "" {
					t.Errorf("without a directory: %v, %q", err, r.TOML)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", dir, "want.toml"), r.TOML)
			if _, err := config.Parse("convene.toml", []byte(r.TOML), nil); err != nil {
				t.Error(err)
			}
		})
	}
}

// everyKey sees that each key of a plist is in the report, or is below or above one that
// is, and once.
func everyKey(t *testing.T, text []byte, r *apple.Result) {
	t.Helper()
	said := map[string]bool{}
	for _, it := range r.Items {
		if said[it.Key] {
			t.Errorf("%s: twice", it.Key)
		}
		said[it.Key] = true
		if it.Setting == "" && it.Note == "" {
			t.Errorf("%s: left out without a reason", it.Key)
		}
	}
	root, err := apple.Parse("caldavd.plist", text)
	if err != nil {
		t.Fatal(err)
	}
	var walk func(v *apple.Value, at string)
	walk = func(v *apple.Value, at string) {
		for _, e := range v.Dict {
			key := strings.TrimPrefix(at+"."+e.Key, ".")
			switch {
			case said[key]:
			case len(e.Value.Dict) > 0:
				walk(e.Value, key)
			default:
				t.Errorf("%s: neither taken nor named", key)
			}
		}
	}
	walk(root, "")
}

// Passwords are in files of their own, and nowhere else.
func TestSecrets(t *testing.T) {
	for dir, want := range map[string]map[string]string{
		"files": {"/etc/convene/mail-password": "mail-secret\n"},
		"ldap":  {"/etc/convene/ldap-password": "ldap-secret\n"},
	} {
		r, err := apple.Import(source(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(r.Secrets) != fmt.Sprint(want) {
			t.Errorf("%s: %v", dir, r.Secrets)
		}
		if all := shown(r, nil) + r.TOML; strings.Contains(all, "secret") {
			t.Errorf("%s: a password is told:\n%s", dir, all)
		}
	}
}

// A configuration that is there keeps what the plist does not say; with it, a plist whose
// directory cannot be taken is enough.
func TestBefore(t *testing.T) {
	src := source(t, "mac")
	src.Before = "# Ours.\n[server]\nhost-name = \"old.example.com\"\ndata = \"/srv/convene\"\n[directory]\nkind = \"file\"\n[directory.file]\nfile = \"people.ldif\"\n"
	r, err := apple.Import(src)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(src.Before, "old.", "mac.", 1); r.TOML != want {
		t.Errorf("%s", r.TOML)
	}
}

func dict(inside string) string {
	return "<plist version=\"1.0\">\n<dict>\n" + inside + "\n</dict>\n</plist>"
}

func TestMalformed(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":      {"", "caldavd.plist:1: it ends before the property list does"},
		"binary":     {"bplist00\xd1", "caldavd.plist:1: it is a binary property list; write it as XML with plutil -convert xml1"},
		"other":      {"<accounts/>", "caldavd.plist:1: it is no property list: there is no element plist"},
		"array":      {"<plist>\n<array/></plist>", "caldavd.plist:2: the property list is no dict"},
		"cut":        {"<plist>\n<dict>\n<key>A</key>", "caldavd.plist:3: unexpected EOF"},
		"no value":   {dict("<key>A</key>"), `caldavd.plist:4: key "A" has no value`},
		"no key":     {dict("<string>A</string>"), "caldavd.plist:3: element string where a key should be"},
		"twice":      {dict("<key>A</key><true/>\n<key>A</key><true/>"), `caldavd.plist:4: key "A" is empty or there twice`},
		"integer":    {dict("<key>A</key><integer>many</integer>"), `caldavd.plist:3: "many" is no integer`},
		"element":    {dict("<key>A</key><set/>"), "caldavd.plist:3: element set is no value"},
		"text":       {dict("stray"), `caldavd.plist:4: text "stray" between elements`},
		"entity":     {"<!DOCTYPE plist [<!ENTITY a \"aa\">]>\n" + dict("<key>A</key><string>&a;</string>"), "caldavd.plist:1: declarations of its own are not read"},
		"reference":  {dict("<key>A</key><string>&a;</string>"), "caldavd.plist:3: invalid character entity &a;"},
		"deep":       {dict("<key>A</key>" + strings.Repeat("<array>", 40)), "caldavd.plist:3: its values are more than 32 deep"},
		"many":       {dict("<key>A</key><array>" + strings.Repeat("<true/>", 10_001)), "caldavd.plist:3: it has more than 10000 values"},
		"large":      {dict("<!--" + strings.Repeat(" ", 4<<20) + "-->"), "caldavd.plist:1: it has more than 4194304 bytes"},
		"two dicts":  {"<plist><dict/>\n<dict/></plist>", "caldavd.plist:2: element dict behind the dict"},
		"not closed": {"<plist><dict/>", "caldavd.plist:1: unexpected EOF"},
	} {
		_, err := apple.Import(apple.Source{File: "caldavd.plist", Text: []byte(tt.text), Output: "convene.toml", Open: nothing})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// What a plist names is refused with its own name and line.
func TestMalformedBeside(t *testing.T) {
	for _, broken := range []string{"accounts.xml", "resources.xml", "caldavd-user.plist", "sudoers.plist"} {
		src := source(t, "files")
		open := src.Open
		src.Open = func(named string) (string, []byte, error) {
			if path.Base(named) == broken {
				return named, []byte("<plist>\n<dict>"), nil
			}
			return open(named)
		}
		_, err := apple.Import(src)
		if err == nil || !strings.Contains(err.Error(), broken+":2: ") {
			t.Errorf("%s: %v", broken, err)
		}
	}
}

// FuzzImport: any plist is refused, or makes a configuration that the server takes, with
// every key of it accounted for.
func FuzzImport(f *testing.F) {
	for _, dir := range []string{"files", "ldap", "ldap-newer", "mac"} {
		f.Add(source(f, dir).Text)
	}
	f.Add([]byte(dict("<key>HTTPPort</key><string>x</string><key>BindSSLPorts</key><array><real>1e9</real></array>")))
	f.Fuzz(func(t *testing.T, text []byte) {
		before := "[directory]\nkind = \"file\"\n[directory.file]\nfile = \"people.ldif\"\n"
		r, err := apple.Import(apple.Source{File: "caldavd.plist", Text: text, Output: "convene.toml", Before: before, Open: nothing})
		if err != nil && r == nil {
			return
		}
		for _, it := range r.Items {
			if it.Line < 1 || it.Setting == "" && it.Note == "" {
				t.Errorf("%+v", it)
			}
		}
		if err != nil {
			return
		}
		if _, err := config.Parse("convene.toml", []byte(r.TOML), nil); err != nil {
			t.Errorf("%v in\n%s", err, r.TOML)
		}
	})
}
