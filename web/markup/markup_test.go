package markup_test

import (
	"html/template"
	"strings"
	"testing"

	"convene/web/markup"
)

var reference = template.Must(template.New("").Parse(`<b title="{{.}}">{{.}}</b>`))

// What people write comes as html/template would write it.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "Lunch", `"><script>alert(1)</script>`, "a&amp;b 'c' +d", "\x00\xff\xfe\ufdd0\ufffe", "日本語\u202e", "`=/\t\n", "{{.}}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want strings.Builder
		if err := reference.Execute(&want, s); err != nil {
			t.Fatal(err)
		}
		var got markup.Fragment
		got.Raw(`<b title="`)
		got.Text(s)
		got.Raw(`">`)
		got.Text(s)
		got.Raw(`</b>`)
		if string(got.HTML()) != want.String() {
			t.Errorf("%q:\n got %q\nwant %q", s, got.HTML(), want.String())
		}
	})
}

// Each byte, by itself and among others.
func TestText(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "é" + string([]byte{byte(c), byte(c)})} {
			var got markup.Fragment
			got.Text(s)
			if want := template.HTMLEscapeString(s); c != '+' && string(got.HTML()) != want {
				t.Errorf("%q: %q, want %q", s, got.HTML(), want)
			}
		}
	}
}

// A template takes a fragment as it is.
func TestFragment(t *testing.T) {
	var f markup.Fragment
	f.Raw("<i>")
	f.Text("<")
	f.Raw("</i>")
	var got strings.Builder
	page := template.Must(template.New("").Parse(`{{with .HTML}}<p>{{.}}</p>{{end}}`))
	for _, what := range []*markup.Fragment{{}, &f} {
		if err := page.Execute(&got, what); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != "<p><i>&lt;</i></p>" {
		t.Errorf("%q", got.String())
	}
}
