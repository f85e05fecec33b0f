package cal

import (
	"html/template"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"convene/caldav"
	"convene/web/markup"
)

// reference is an event as a template.
var reference = template.Must(template.New("").Parse(`<li class="{{.Class}}">{{if .Href}}<a href="/my/event{{.Href}}"{{with .Move}} data-move="{{.}}"{{end}}>{{else}}<span class="what">{{end}}<b dir="auto">{{.Title}}</b>{{with .When}} <span class="when">{{.}}</span>{{end}}{{with .Where}} <span class="where" dir="auto">{{.}}</span>{{end}}{{with .State}}<span class="unseen">{{.}}</span>{{end}}{{if .Href}}</a>{{else}}</span>{{end}}</li>
`))

// An event is written as html/template would write it, whatever people have put into it.
func TestEventAsATemplate(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", `"><script>alert(1)</script>`, "' onclick=x", "a&lt;b", "javascript:x", "\x00\xff+", "</b></li>"}))
	rapid.Check(t, func(t *rapid.T) {
		e := event{Class: text.Draw(t, "class"), Title: text.Draw(t, "title"), When: text.Draw(t, "when"), Where: text.Draw(t, "where"), State: text.Draw(t, "state"), Move: text.Draw(t, "move")}
		if rapid.Bool().Draw(t, "path") {
			e.Href = eventPath(&caldav.AgendaEvent{Path: "/" + text.Draw(t, "folder") + "/" + text.Draw(t, "name"), At: text.Draw(t, "at")})
		}
		var want strings.Builder
		if err := reference.Execute(&want, &e); err != nil {
			t.Fatal(err)
		}
		var got markup.Fragment
		e.write(&got)
		if string(got.HTML()) != want.String() {
			t.Errorf("%+v:\n got %s\nwant %s", e, got.HTML(), want.String())
		}
	})
}
