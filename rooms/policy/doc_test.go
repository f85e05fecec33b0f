package policy_test

import (
	"fmt"
	"os"
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
