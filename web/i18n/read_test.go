package i18n

import (
	"strings"
	"testing"
	"testing/fstest"
)

// What is wrong with texts is found before somebody reads them.
func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"right":         {`{"my.a": "A {n}", "my.b": {"one": "B", "other": "Bs"}}`, ""},
		"no JSON":       {`{"my.a": "A",}`, "messages/my/de.json"},
		"other area":    {`{"cal.a": "A"}`, `"cal.a" does not begin with "my."`},
		"without other": {`{"my.b": {"one": "B"}}`, `"my.b" has no text for "other"`},
		"number":        {`{"my.b": 7}`, "messages/my/de.json"},
	} {
		c := load(fstest.MapFS{"messages/my/de.json": {Data: []byte(tt.text)}})
		err := c.Check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// Values come as they are, and what has none stays.
func TestFill(t *testing.T) {
	for _, tt := range []struct {
		text string
		args []any
		want string
	}{
		{"no value", []any{"n", 1}, "no value"},
		{"{a}", nil, "{a}"},
		{"{a} and {b}, {a}", []any{"a", "{b}", "b", 7}, "{b} and 7, {b}"},
		{"{c}{a}{", []any{"a", "x"}, "{c}x{"},
		{"{{a}}", []any{"a", "x"}, "{x}"},
		{"} {a", []any{"a", "x"}, "} {a"},
		{"{a}", []any{"a"}, "{a}"},
		{"{a}", []any{"a", "x", "a", "y"}, "x"},
	} {
		if got := fill(tt.text, tt.args); got != tt.want {
			t.Errorf("%q with %v: %q, want %q", tt.text, tt.args, got, tt.want)
		}
	}
}
