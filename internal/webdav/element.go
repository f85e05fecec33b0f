package webdav

import (
	"encoding/xml"
	"iter"
	"strings"
)

// An Element is one node of a parsed XML document: an element, or, if
// Name.Local is empty, a run of character data between elements.
//
// Attrs have resolved names and leave out namespace declarations. An element
// with no element children keeps all of its character data in Text and has no
// Children. One with element children has an empty Text, and every run of
// character data, white space included, is a child with an empty name: white
// space in property values is significant (RFC 4918 §4.3).
type Element struct {
	Name     xml.Name
	Attrs    []xml.Attr
	Children []*Element
	Text     string

	// What the source wrote, so that a dead property goes back with its own
	// prefixes (RFC 4918 §4.3 asks for it). Nil and empty in built elements.
	prefix string
	scope  *scope
}

// A scope is a namespace declaration and those it was made within. Nil is the
// outermost. It is immutable and shared by all elements it is in force for.
type scope struct {
	binding
	outer *scope
}

// A binding ties a prefix to a namespace; the empty prefix is the default
// namespace, and the empty URI none.
type binding struct {
	prefix, uri string
}

// NewElement returns an element with the given children.
func NewElement(name xml.Name, children ...*Element) *Element {
	return &Element{Name: name, Children: children}
}

// NewText returns an element whose content is text.
func NewText(name xml.Name, text string) *Element {
	return &Element{Name: name, Text: text}
}

// NewHref returns a DAV:href element for path, percent-encoded.
func NewHref(path string) *Element {
	return &Element{Name: NameHref, Text: EscapePath(path)}
}

// Is reports whether e is an element of that name. It is false for nil.
func (e *Element) Is(name xml.Name) bool {
	return e != nil && e.Name == name
}

// IsText reports whether e is a run of character data and not an element.
func (e *Element) IsText() bool { return e.Name.Local == "" }

// Child returns e's first child element of that name, nil if there is none or
// e is nil.
func (e *Element) Child(name xml.Name) *Element {
	if e == nil {
		return nil
	}
	for _, c := range e.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// ChildrenNamed yields e's child elements of that name in document order.
func (e *Element) ChildrenNamed(name xml.Name) iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, c := range e.Children {
			if c.Name == name && !yield(c) {
				return
			}
		}
	}
}

// Elements yields e's child elements in document order, without character data.
func (e *Element) Elements() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		if e == nil {
			return
		}
		for _, c := range e.Children {
			if !c.IsText() && !yield(c) {
				return
			}
		}
	}
}

// First returns e's first child element, nil if it has none.
func (e *Element) First() *Element {
	for c := range e.Elements() {
		return c
	}
	return nil
}

// Attr returns the value of e's attribute without namespace, and whether it is there.
func (e *Element) Attr(local string) (string, bool) {
	return e.AttrNS(xml.Name{Local: local})
}

// AttrNS returns the value of e's attribute, and whether it is there.
func (e *Element) AttrNS(name xml.Name) (string, bool) {
	if e == nil {
		return "", false
	}
	for i := range e.Attrs {
		if e.Attrs[i].Name == name {
			return e.Attrs[i].Value, true
		}
	}
	return "", false
}

// Content returns the character data directly within e, without that of child
// elements, as sent. It is empty for nil.
func (e *Element) Content() string {
	if e == nil {
		return ""
	}
	if len(e.Children) == 0 {
		return e.Text
	}
	var n int
	var one string
	for _, c := range e.Children {
		if c.IsText() {
			n++
			one = c.Text
		}
	}
	if n <= 1 {
		return one
	}
	var b strings.Builder
	for _, c := range e.Children {
		if c.IsText() {
			b.WriteString(c.Text)
		}
	}
	return b.String()
}

// TrimText returns e's character data without surrounding XML white space.
func (e *Element) TrimText() string { return trimSpace(e.Content()) }

// Append returns dst with e as a self-contained XML fragment: every namespace
// it uses is declared within it, under the prefix it was sent with, so that the
// bytes can be stored and later put into any document with [Writer.Raw].
func (e *Element) Append(dst []byte) []byte {
	w := Writer{buf: dst, fragment: true}
	w.Element(e)
	return w.buf
}

// String returns e as XML, for messages and tests.
func (e *Element) String() string { return string(e.Append(nil)) }

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\n' || b == '\r' }
