package convene_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers says of each package which others of ours it may import: those named
// behind it, and for "*" all that stand above it. A new package is a new line
// here, which is a decision. Besides, a suite such as FOO/FOOtest may import FOO,
// what FOO may, and testenv.
const layers = `
ical
webdav
engine
atomicfile
directory/ldif
directory           directory/ldif atomicfile
directory/memldap   directory directory/ldif
testenv
accesslog
settings
store               engine
calquery            ical webdav
auth                directory engine
tzdist              ical
snapshot            store ical
sacl                auth directory atomicfile
delegation          store auth directory
caldav              *
admin               *
.                   *
demo                *
cmd/convene         *
testenv/cmd/testreport
testenv/cmd/harness *
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
	var above []string
	for line := range strings.Lines(layers) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if slices.Contains(f, "*") {
			allowed[f[0]] = slices.Clone(above)
		} else {
			allowed[f[0]] = f[1:]
		}
		above = append(above, f[0])
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
		if !known {
			t.Errorf("package %s has no line in layers", name)
			continue
		}
		for _, imp := range f[1:] {
			if imp, ours := relative(imp); ours && !slices.Contains(may, imp) {
				t.Errorf("%s imports %s, which is not below it", name, imp)
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
		"go.etcd.io/bbolt":         {"engine"},
		"github.com/go-ldap/":      {"directory", "directory/ldif", "directory/memldap"},
		"github.com/go-asn1-ber/":  {"directory", "directory/ldif", "directory/memldap"},
		"github.com/jcmturner/":    {"auth"},
		"github.com/GehirnInc/":    {"auth"},
		"github.com/spf13/cobra":   {"cmd/convene"},
		"github.com/pelletier/":    {"settings"},
		"github.com/coreos/":       {"."},
		"github.com/klauspost/":    {"."},
		"github.com/tidwall/btree": {"engine", "snapshot"},
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

// Every package has its documentation in doc.go, and no file is so long that a
// newcomer would not know which part to open.
func TestFiles(t *testing.T) {
	const longest = 700
	for _, line := range goList(t, `{{.Dir}}	{{join .GoFiles " "}} {{join .TestGoFiles " "}} {{join .XTestGoFiles " "}}	{{.Doc}}`) {
		dir, rest, _ := strings.Cut(line, "\t")
		files, doc, _ := strings.Cut(rest, "\t")
		names := strings.Fields(files)
		// A suite of a file or two may have it in one of them.
		if _, suite := suiteOf(filepath.ToSlash(dir)); !slices.Contains(names, "doc.go") && !(suite && doc != "") {
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
