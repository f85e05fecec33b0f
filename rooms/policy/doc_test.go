package policy_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convene/rooms/policy"
)

// docs/admin/rooms.md ends with the table of all settings. UPDATE=1 writes it anew.
func TestDocumentation(t *testing.T) {
	const path, head = "../../docs/admin/rooms.md", "| Setting | Values | Default | |\n|---|---|---|---|\n"
	var b strings.Builder
	b.WriteString(head)
	for _, k := range policy.Knobs() {
		value := ""
		if k.Default != "" {
			value = "`" + k.Default + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.Name, k.Range, value, k.Doc)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, table, _ := strings.Cut(string(text), head)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(before+b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if head+table != b.String() {
		t.Error("docs/admin/rooms.md has other settings; UPDATE=1 go test ./rooms/policy writes them")
	}
}

// docs/admin/rooms.md says what each reason means, in the order of the code.
func TestReasonsAreDocumented(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "violations.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
			return true
		}
		for _, v := range spec.Values {
			code, err := strconv.Unquote(v.(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return false
	})
	text, err := os.ReadFile("../../docs/admin/rooms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| Code | |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| .+ \\|$").FindAllStringSubmatch(table, -1) {
		documented = append(documented, m[1])
	}
	if len(codes) == 0 || !slices.Equal(documented, codes) {
		t.Errorf("documented are %q,\nthe code has %q", documented, codes)
	}
}
