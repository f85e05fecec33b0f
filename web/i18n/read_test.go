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
