package webdav

import (
	"slices"
	"strings"
)

// fragmentRoot writes the start tag of e as the root of a self-contained
// fragment. Of the declarations that were in force where e stood, it repeats
// those that e or anything in it uses: for a name, or perhaps for a qualified
// name within text or an attribute's value, as XML Schema and XPath have them.
func (w *Writer) fragmentRoot(e *Element) {
	u := usage{prefixes: map[string]bool{}, uris: map[string]bool{}}
	u.element(e)
	seen := map[string]bool{}
	for s := e.scope; s != nil; s = s.outer {
		if seen[s.prefix] {
			continue // declared anew further in
		}
		seen[s.prefix] = true
		if u.prefixes[s.prefix] || s.prefix != "" && u.uris[s.uri] {
			w.ns = append(w.ns, s.binding)
		}
	}
	slices.Reverse(w.ns) // as written, so that storing twice changes nothing
	w.copying, w.source = true, e.scope
	prefix := w.elementPrefix(e.Name.Space, e.prefix, 0)
	w.buf = append(w.buf, '<')
	w.qname(prefix, e.Name.Local)
	for _, b := range w.ns {
		w.declaration(b)
	}
	w.open = append(w.open, openTag{prefix, e.Name.Local, 0})
	w.tagOpen = true
}

// usage gathers what a tree may need declared.
type usage struct {
	prefixes map[string]bool // of elements, and what stands before a colon
	uris     map[string]bool // of attributes, whose prefixes are not kept
}

func (u *usage) element(e *Element) {
	if e.IsText() {
		u.text(e.Text)
		return
	}
	if e.scope != nil && (e.prefix != "" || e.Name.Space != "") {
		u.prefixes[e.prefix] = true
	}
	for i := range e.Attrs {
		if space := e.Attrs[i].Name.Space; space != "" {
			u.uris[space] = true
		}
		u.text(e.Attrs[i].Value)
	}
	u.text(e.Text)
	for _, c := range e.Children {
		u.element(c)
	}
}

// text takes every word before a colon for a prefix.
func (u *usage) text(s string) {
	for {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			return
		}
		start := i
		for start > 0 && (s[start-1] >= 0x80 || class[s[start-1]]&clsName != 0) {
			start--
		}
		if start < i {
			u.prefixes[s[start:i]] = true
		}
		s = s[i+1:]
	}
}
