package ical

import (
	"strings"
	"testing"
)

func mustDecode(t *testing.T, lines string) *Component {
	t.Helper()
	c, err := Decode([]byte(strings.ReplaceAll(lines, "\n", "\r\n")), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSetAll(t *testing.T) {
	const to = "BEGIN:VCALENDAR\nX-A:1\nX-B:1\nX-A:2\nX-C:1\nEND:VCALENDAR\n"
	for _, tt := range []struct{ name, from, want string }{
		{"none", "", "X-B:1 X-C:1"},
		{"one", "X-A:9\n", "X-A:9 X-B:1 X-C:1"},
		{"as many", "X-A:8\nX-A:9\n", "X-A:8 X-B:1 X-A:9 X-C:1"},
		{"more", "X-A:7\nX-A:8\nX-A:9\n", "X-A:7 X-B:1 X-A:8 X-C:1 X-A:9"},
	} {
		c := mustDecode(t, to)
		c.SetAll("X-A", mustDecode(t, "BEGIN:VCALENDAR\n"+tt.from+"END:VCALENDAR\n").AllProps("X-A"))
		got := strings.Join(strings.Fields(string(c.Append(nil))), " ")
		if got != "BEGIN:VCALENDAR "+tt.want+" END:VCALENDAR" {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// What comes from another file stands behind the properties, wherever it stood.
func TestMoved(t *testing.T) {
	from := mustDecode(t, "BEGIN:VCALENDAR\nBEGIN:VALARM\nACTION:AUDIO\nEND:VALARM\nX-A:1\nEND:VCALENDAR\n")
	to := mustDecode(t, "BEGIN:VCALENDAR\nX-B:1\nX-C:1\nX-D:1\nEND:VCALENDAR\n")
	to.Children = append(to.Children, from.Children[0].Moved())
	to.Add(from.Props[0].Moved())
	const want = "BEGIN:VCALENDAR X-B:1 X-C:1 X-D:1 X-A:1 BEGIN:VALARM ACTION:AUDIO END:VALARM END:VCALENDAR"
	if got := strings.Join(strings.Fields(string(to.Append(nil))), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
