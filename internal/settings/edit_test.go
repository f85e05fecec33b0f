package settings_test

import (
	"strings"
	"testing"

	"convene/internal/settings"
)

// One setting changes, and the rest stays as somebody has written it.
func TestEdit(t *testing.T) {
	const text = `# ours
[a]
x = 1 # one

[a.b]
list = [
  "one", # the first
  "two",
]
name = "old"

[c]
y = 2
`
	for key, tt := range map[string]struct {
		value     any
		old, want string
	}{
		"a.x":      {7, "x = 1 # one", "x = 7"},
		"a.b.name": {`AD\svc`, `name = "old"`, `name = 'AD\svc'`},
		"a.b.list": {[]string{"three"}, "list = [\n  \"one\", # the first\n  \"two\",\n]", `list = ["three"]`},
		"a.new":    {true, "x = 1 # one\n", "x = 1 # one\nnew = true\n"},
		"a.d.new":  {"v", "y = 2\n", "y = 2\n\n[a.d]\nnew = \"v\"\n"},
	} {
		got, err := settings.Edit(text, key, tt.value)
		if want := strings.Replace(text, tt.old, tt.want, 1); err != nil || got != want {
			t.Errorf("%s: %v\n%s", key, err, got)
		}
	}
	if got, err := settings.Edit("", "a.b", "c"); err != nil || got != "[a]\nb = \"c\"\n" {
		t.Errorf("%q, %v", got, err)
	}
	for _, odd := range []string{"a = { x = 1 }\n", "a.x = 1\n", "[\"a\"]\nx = 1\n", "not toml"} {
		if got, err := settings.Edit(odd, "a.x", 2); err == nil {
			t.Errorf("%q became %q", odd, got)
		}
	}
}
