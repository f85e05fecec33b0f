package convene_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each test that docs/security.md names is there, and each threat names one: "make attack"
// runs the same list.
func TestAttacksAreTested(t *testing.T) {
	out, err := exec.Command("scripts/attack.sh", "list").Output()
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(out))
	if len(listed) < 200 {
		t.Fatalf("only %d tests are named", len(listed)/2)
	}
	known := map[string]map[string]bool{}
	for i := 0; i+1 < len(listed); i += 2 {
		pkg, name := listed[i], listed[i+1]
		if known[pkg] == nil {
			known[pkg] = testsOf(t, pkg)
		}
		if !known[pkg][name] {
			t.Errorf("docs/security.md names %s %s, which is not there", pkg, name)
		}
	}
	text, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	test := regexp.MustCompile("`(?:Test|Fuzz)|\\b(?:Test|Fuzz)[A-Z0-9]\\w+")
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) == 4 && !strings.Contains(line, "---") && strings.TrimSpace(cells[2]) != "Test" && !test.MatchString(cells[2]) {
			t.Errorf("no test is named for:%s", cells[1])
		}
	}
}

// testsOf are the names of the tests and fuzz targets of a package.
func testsOf(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				names[fn.Name.Name] = true
			}
		}
	}
	return names
}
