package scheduling

import (
	"strings"
	"testing"
)

// A REQUEST as it is put into an inbox has what RFC 5546 wants of every one, and the copy that
// is made of it only what the organizer wrote.
func TestBodyOfRequest(t *testing.T) {
	const bare = "DTSTART:20240401T090000Z\nDTEND:20240401T100000Z"
	for _, tt := range []struct{ name, data, want string }{
		{"event", event(byO, att("o a"), bare), "SUMMARY:\n"},
		{"event that says it", event(byO, att("o a"), at9), ""},
		{"an instance", event(byO, att("o a"), week) + event(byO, att("o a"), strings.TrimSuffix(on(second), "\nSUMMARY:S")), "SUMMARY:\n"},
		{"task", strings.NewReplacer("VEVENT", "VTODO", "DTEND", "DUE").Replace(event(byO, att("o a"), bare)), "SUMMARY:\nPRIORITY:0\n"},
		{"task that says it", strings.NewReplacer("VEVENT", "VTODO", "DTEND", "DUE").Replace(event(byO, att("o a"), at9, "PRIORITY:3")), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := decide(nil, parse(t, tt.data), nil)
			if err != nil {
				t.Fatal(err)
			}
			m := p.Messages[0]
			before := text(m.Data)
			body := strings.ReplaceAll(string(m.Body().Append(nil)), "\r\n", "\n")
			if got := text(m.Data); got != before || strings.Contains(got, "SUMMARY:\n") {
				t.Errorf("what the copy is made of was changed:\n%s", got)
			}
			added := ""
			for _, line := range []string{"SUMMARY:\n", "PRIORITY:0\n"} {
				added += strings.Repeat(line, strings.Count(body, line))
			}
			if added != tt.want {
				t.Errorf("added %q, want %q:\n%s", added, tt.want, body)
			}
		})
	}
}
