package convene_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers says of each package which others of ours it imports: those named
// behind it, no others, each of which has its own line further up. A new import
// is a word here and a new package a line, which is a decision. Besides, a suite
// such as FOO/FOOtest may import FOO, what FOO may, and testenv.
const layers = `
internal/ical/rscale
internal/ical         internal/ical/rscale
internal/webdav
scheduling            internal/ical
imip                  internal/ical scheduling
internal/engine
internal/held         internal/engine
internal/atomicfile
internal/header
internal/logging         internal/header
internal/filewatch
internal/kerberos
internal/membudget
internal/password
internal/proxied
internal/settings
testenv
freebusy              internal/ical
prefs                 internal/engine
panels                internal/engine internal/held
publish               internal/engine internal/held
quota
audit                 internal/atomicfile
delegation            internal/atomicfile internal/engine
directory/ldif
directory             directory/ldif internal/atomicfile internal/filewatch internal/kerberos internal/password
delegation/appointed  delegation directory
directory/memldap     directory/ldif
store                 internal/engine quota
rooms/policy          internal/ical
rooms                 directory internal/engine internal/ical rooms/policy
snapshot              internal/ical store
calendar              directory freebusy imip internal/ical internal/webdav quota rooms rooms/policy scheduling snapshot store
caldav/calquery       internal/ical internal/webdav
imip/outbox           calendar imip scheduling store
tzdist                internal/ical internal/webdav
auth                  directory internal/engine internal/filewatch internal/header internal/held internal/kerberos internal/logging internal/password
sacl                  audit auth directory internal/atomicfile internal/engine internal/filewatch
internal/kerberos
acl
caldav                acl audit auth caldav/calquery calendar delegation delegation/appointed directory freebusy internal/header internal/ical internal/logging internal/membudget internal/webdav quota rooms rooms/policy scheduling snapshot store
admin/backup          auth delegation internal/atomicfile internal/engine internal/held panels prefs publish rooms sacl store
admin                 acl admin/backup audit auth delegation delegation/appointed directory internal/atomicfile internal/engine internal/held internal/settings panels publish quota rooms rooms/policy sacl store
web/i18n              
web/markup            
web/edit              internal/ical
web/page              admin audit auth caldav delegation directory internal/ical internal/logging internal/proxied panels prefs publish sacl web/i18n
web/view              internal/ical
web/cal               caldav directory internal/ical internal/proxied sacl web/markup web/page web/view
web/event             caldav directory internal/ical sacl web/edit web/page
web/room              admin audit caldav calendar directory internal/ical internal/proxied panels rooms rooms/policy sacl web/page
web/delegates         admin audit caldav calendar delegation directory sacl web/page
web/devices           admin auth directory sacl web/page
web/sharing           audit auth caldav directory publish sacl web/page
web/my                admin audit auth prefs sacl web/cal web/i18n web/page
web/manage            admin audit auth caldav delegation directory rooms sacl web/page
web                   admin audit auth delegation directory internal/header internal/logging internal/proxied sacl web/cal web/delegates web/devices web/event web/i18n web/manage web/my web/page web/room web/sharing
config                auth caldav directory imip internal/proxied internal/settings quota rooms sacl scheduling web/page
config/apple          config directory internal/settings
discover              auth config directory directory/ldif internal/atomicfile internal/kerberos internal/settings sacl
doctor                auth config delegation directory directory/ldif discover internal/engine internal/kerberos internal/settings
server                acl admin admin/backup audit auth caldav calendar config delegation delegation/appointed directory doctor imip imip/outbox internal/atomicfile internal/engine internal/filewatch internal/header internal/held internal/logging internal/membudget internal/proxied internal/webdav panels prefs publish quota rooms rooms/policy sacl scheduling snapshot store tzdist web web/page
demo                  config directory/memldap internal/logging server
cmd/convene           admin admin/backup audit config config/apple delegation demo directory discover doctor internal/atomicfile internal/engine internal/settings rooms rooms/policy sacl server store
testenv/cmd/smtpd
testenv/cmd/harness   admin calendar config directory imip internal/ical internal/settings rooms rooms/policy snapshot store testenv
`

// goList runs go list over the module and returns one line of output a package.
func goList(t *testing.T, format string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", format, "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// relative returns the path of a package of ours below the module, "." for the
// root package itself.
func relative(path string) (string, bool) {
	if path == "convene" {
		return ".", true
	}
	return strings.CutPrefix(path, "convene/")
}

func TestLayers(t *testing.T) {
	allowed := map[string][]string{}
	for line := range strings.Lines(layers) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		for _, imp := range f[1:] {
			if _, above := allowed[imp]; !above {
				t.Errorf("the line of %s names %s, which has no line above it", f[0], imp)
			}
		}
		allowed[f[0]] = f[1:]
	}
	for _, line := range goList(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		f := strings.Fields(line)
		name, ok := relative(f[0])
		if !ok {
			t.Fatalf("package %s is not of this module", f[0])
		}
		may, known := allowed[name]
		if parent, suite := suiteOf(name); suite {
			may, known = append([]string{parent, "testenv"}, allowed[parent]...), true
		}
		if name == "." {
			continue // this test
		}
		if !known {
			t.Errorf("package %s has no line in layers", name)
			continue
		}
		imports := map[string]bool{}
		for _, imp := range f[1:] {
			imp, ours := relative(imp)
			if ours && !slices.Contains(may, imp) {
				t.Errorf("%s imports %s, which its line does not name", name, imp)
			}
			imports[imp] = true
		}
		for _, imp := range allowed[name] {
			if !imports[imp] {
				t.Errorf("the line of %s names %s, which it does not import", name, imp)
			}
		}
	}
}

// suiteOf returns FOO for FOO/FOOtest and the like: packages below another, made
// for tests.
func suiteOf(name string) (string, bool) {
	parent := filepath.ToSlash(filepath.Dir(name))
	return parent, parent != "." && strings.HasSuffix(name, "test")
}

// Outside libraries that shape much code stay behind the packages that own them.
func TestLibrariesHaveOwners(t *testing.T) {
	owners := map[string][]string{
		"go.etcd.io/bbolt":         {"internal/engine"},
		"github.com/go-ldap/":      {"directory", "directory/ldif", "directory/memldap", "discover"},
		"github.com/go-asn1-ber/":  {"directory", "directory/ldif", "directory/memldap"},
		"github.com/jcmturner/":    {"auth", "internal/kerberos"},
		"github.com/GehirnInc/":    {"internal/password"},
		"github.com/spf13/cobra":   {"cmd/convene"},
		"github.com/pelletier/":    {"internal/settings"},
		"github.com/coreos/":       {"server"},
		"github.com/emersion/":     {"imip", "imip/outbox", "testenv/cmd/smtpd"},
		"github.com/anishathalye/": {"testenv/cmd/harness"},
		"github.com/klauspost/":    {"server", "admin/backup"},
		"filippo.io/age":           {"admin/backup"},
		"github.com/smallstep/":    {"web/devices"},
		"rsc.io/qr":                {"web/page"},
		"github.com/tidwall/btree": {"delegation", "internal/engine", "snapshot"},
	}
	tools := func(name string) bool { // for tests, and never part of the server
		_, suite := suiteOf(name)
		return suite || name == "testenv"
	}
	for _, line := range goList(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		f := strings.Fields(line)
		name, _ := relative(f[0])
		if tools(name) {
			continue
		}
		for _, imp := range f[1:] {
			for lib, may := range owners {
				if strings.HasPrefix(imp, lib) && !slices.Contains(may, name) {
					t.Errorf("%s imports %s, which belongs to %v", name, imp, may)
				}
			}
		}
	}
}

// All changes of calendar data go through package calendar: nobody else calls what
// writes objects, collections or properties to the store.
func TestOneDoor(t *testing.T) {
	writes := strings.Fields(`PutObject CopyObject MoveObject DeleteObject
		CreateCollection CopyCollection MoveCollection RenameCollection DeleteCollection
		EnsureHome DeleteHome SetAddresses SetProperty RemoveProperty SetACL
		Enqueue Requeue Dequeue PutOff MarkSent`)
	found := 0
	for _, line := range goList(t, `{{.ImportPath}}	{{.Dir}}	{{join .GoFiles " "}}`) {
		f := strings.Split(line, "\t")
		name, _ := relative(f[0])
		for _, file := range strings.Fields(f[2]) {
			tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(f[1], file), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for n := range ast.Preorder(tree) {
				sel, ok := n.(*ast.SelectorExpr)
				switch {
				case !ok || !slices.Contains(writes, sel.Sel.Name):
				case name == "calendar":
					found++
				case name != "store" && name != "store/crashtest":
					t.Errorf("%s/%s calls %s, which is for package calendar alone", name, file, sel.Sel.Name)
				}
			}
		}
	}
	if found < len(writes)-3 {
		t.Errorf("package calendar calls %d of these methods: have they got other names?", found)
	}
}

// Every package has its documentation in doc.go, and no file is so long that a
// newcomer would not know which part to open.
func TestFiles(t *testing.T) {
	const longest = 700
	root, err := os.Getwd() // holds this test alone
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range goList(t, `{{.Dir}}	{{join .GoFiles " "}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}	{{.Doc}}`) {
		dir, rest, _ := strings.Cut(line, "\t")
		files, doc, _ := strings.Cut(rest, "\t")
		names := strings.Fields(files)
		// A suite of a file or two may have it in one of them.
		if _, suite := suiteOf(filepath.ToSlash(dir)); !slices.Contains(names, "doc.go") && !(suite && doc != "") && dir != root {
			t.Errorf("%s has no doc.go", dir)
		}
		for _, name := range names {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			generated := bytes.HasPrefix(text, []byte("// Code generated "))
			if n := bytes.Count(text, []byte("\n")); n > longest && !generated {
				t.Errorf("%s has %d lines, more than %d", filepath.Join(dir, name), n, longest)
			}
		}
	}
}
