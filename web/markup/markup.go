package markup

import (
	"html/template"
	"strings"
)

// A constant is a text of the program itself: other packages have no other values of this type
// than constants.
type constant string

// A Fragment is HTML being written. Its zero value is empty. It must not be copied while it is
// written.
type Fragment struct{ b strings.Builder }

// Raw writes HTML as it is.
func (f *Fragment) Raw(html constant) { f.b.WriteString(string(html)) }

// Text writes a text, from whomever it comes, as it has to be in an element or in the value of an
// attribute between quotation marks, one that is neither a URL nor a script: as html/template
// writes it there. Of a URL the beginning has to be Raw, up to its path at least.
func (f *Fragment) Text(s string) {
	from := 0
	for i := range len(s) {
		var escaped string
		switch s[i] {
		case '&':
			escaped = "&amp;"
		case '<':
			escaped = "&lt;"
		case '>':
			escaped = "&gt;"
		case '"':
			escaped = "&#34;"
		case '\'':
			escaped = "&#39;"
		case '+': // of UTF-7
			escaped = "&#43;"
		case 0:
			escaped = "\uFFFD"
		default:
			continue
		}
		f.b.WriteString(s[from:i])
		f.b.WriteString(escaped)
		from = i + 1
	}
	f.b.WriteString(s[from:])
}

// Grow makes space for n bytes more.
func (f *Fragment) Grow(n int) { f.b.Grow(n) }

// HTML returns what was written, for templates.
func (f *Fragment) HTML() template.HTML { return template.HTML(f.b.String()) }
