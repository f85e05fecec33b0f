package webdav

import (
	"bytes"
	"encoding/xml"
	"strconv"
)

// A Writer appends one XML document to a buffer. It is the only place where
// this server writes XML, and so the only place where XML is escaped.
//
// The common namespaces are declared once, on the root, with fixed prefixes (D,
// C, CS and A); any other on the element that needs it. Misuse cannot produce
// broken markup: what is left open is closed by Bytes, and an End without
// a Start does nothing.
//
// The zero Writer is ready for use and writes no XML declaration. A Writer grows
// its buffer and nothing else; [Writer.Reset] lets it be used again.
type Writer struct {
	buf      []byte
	open     []openTag
	ns       []binding // in force, innermost last
	tagOpen  bool      // the last start tag still lacks its '>'
	fragment bool      // the root declares what it uses, not the fixed prefixes
	copying  bool      // within an Element
	source   *scope    // while copying: the parent's declarations, as parsed

	tag   []byte    // what the last DAV:getetag began with: all but its revision
	tagOf [2]uint64 // the numbers in tag
}

type openTag struct {
	prefix, local string
	ns            int // len(Writer.ns) outside of it
}

const xmlDeclaration = `<?xml version="1.0" encoding="utf-8"?>` + "\n"

// NewWriter returns a Writer that appends a document to buf, beginning with an
// XML declaration.
func NewWriter(buf []byte) *Writer {
	w := &Writer{}
	w.Reset(buf)
	return w
}

// Reset makes w append a new document to buf.
func (w *Writer) Reset(buf []byte) {
	*w = Writer{buf: append(buf, xmlDeclaration...), open: w.open[:0], ns: w.ns[:0], tag: w.tag[:0]}
}

// Bytes closes what is open and returns the buffer.
func (w *Writer) Bytes() []byte {
	for len(w.open) > 0 {
		w.End()
	}
	return w.buf
}

// Len returns the length of the buffer so far, in bytes.
func (w *Writer) Len() int { return len(w.buf) }

// Start opens an element. Attributes in a namespace get a prefix.
func (w *Writer) Start(name xml.Name, attrs ...xml.Attr) {
	w.start(name, "", nil)
	for i := range attrs {
		w.attr(attrs[i].Name, attrs[i].Value)
	}
}

// End closes the innermost open element.
func (w *Writer) End() {
	if len(w.open) == 0 {
		return
	}
	t := w.open[len(w.open)-1]
	if w.tagOpen {
		w.buf = append(w.buf, "/>"...)
		w.tagOpen = false
	} else {
		w.buf = append(w.buf, "</"...)
		w.qname(t.prefix, t.local)
		w.buf = append(w.buf, '>')
	}
	w.ns = w.ns[:t.ns]
	w.open = w.open[:len(w.open)-1]
}

// Empty writes an element without content.
func (w *Writer) Empty(name xml.Name) {
	w.start(name, "", nil)
	w.End()
}

// Text writes character data, escaped. What XML cannot express, control
// characters and bytes that are not UTF-8, becomes U+FFFD.
func (w *Writer) Text(s string) {
	w.closeTag()
	w.buf = appendText(w.buf, s)
}

// TextBytes is Text for bytes.
func (w *Writer) TextBytes(b []byte) {
	w.closeTag()
	w.buf = appendText(w.buf, b)
}

// Data writes character data that is known to be UTF-8 without control characters
// but line ends, such as stored calendar data: only markup is escaped. A line end
// of CR LF goes out as it is; what reads it as XML sees LF (XML 1.0 §2.11).
func (w *Writer) Data(b []byte) {
	w.closeTag()
	for len(b) > 0 {
		i := indexMarkup(b)
		w.buf = append(w.buf, b[:i]...)
		if i == len(b) {
			return
		}
		w.buf = append(w.buf, escaped(b[i])...)
		b = b[i+1:]
	}
}

// indexMarkup is the offset of the first '&', '<' or '>', or the length of b.
// Looking for one byte at a time is faster than looking at each byte.
func indexMarkup(b []byte) int {
	n := len(b)
	for _, c := range [...]byte{'&', '<', '>'} {
		if i := bytes.IndexByte(b[:n], c); i >= 0 {
			n = i
		}
	}
	return n
}

// ETag writes the DAV:getetag element of the entity tag that AppendETag makes: the one
// property that every listing has for every member. The document must have the fixed
// prefixes.
func (w *Writer) ETag(place, epoch, rev uint64) {
	w.closeTag()
	if of := [2]uint64{place, epoch}; len(w.tag) == 0 || of != w.tagOf {
		w.tag, w.tagOf = appendTag(append(w.tag[:0], `<D:getetag>`...), place, epoch), of
	}
	w.buf = appendHex(append(w.buf, w.tag...), rev)
	w.buf = append(w.buf, `"</D:getetag>`...)
}

// CalendarData writes the CALDAV:calendar-data element of data as Data does: the other
// property that long responses have for every member. The document must have the fixed
// prefixes.
func (w *Writer) CalendarData(b []byte) {
	w.closeTag()
	w.buf = append(w.buf, "<C:calendar-data>"...)
	w.Data(b)
	w.buf = append(w.buf, "</C:calendar-data>"...)
}

// AppendETag appends a strong entity tag: the number of a place, of an epoch in its
// history and of a revision, in hexadecimal, with hyphens between them, in quotes.
func AppendETag(dst []byte, place, epoch, rev uint64) []byte {
	return append(appendHex(appendTag(dst, place, epoch), rev), '"')
}

// appendTag appends an entity tag as far as its revision.
func appendTag(dst []byte, place, epoch uint64) []byte {
	dst = append(appendHex(append(dst, '"'), place), '-')
	return append(appendHex(dst, epoch), '-')
}

// appendHex appends n in hexadecimal, as strconv does at twice the cost.
func appendHex(dst []byte, n uint64) []byte {
	var digits [16]byte
	i := len(digits)
	for {
		i--
		digits[i] = "0123456789abcdef"[n&15]
		if n >>= 4; n == 0 {
			return append(dst, digits[i:]...)
		}
	}
}

// TextElement writes an element whose content is text.
func (w *Writer) TextElement(name xml.Name, text string) {
	w.start(name, "", nil)
	if text != "" {
		w.Text(text)
	}
	w.End()
}

// IntElement writes an element whose content is a number.
func (w *Writer) IntElement(name xml.Name, n int64) {
	w.start(name, "", nil)
	w.closeTag()
	w.buf = strconv.AppendInt(w.buf, n, 10)
	w.End()
}

// Href writes a DAV:href element of an absolute path, given as parts to be
// joined, which it percent-encodes (RFC 4918 §8.3).
func (w *Writer) Href(path ...string) {
	w.start(NameHref, "", nil)
	w.closeTag()
	for _, s := range path {
		w.buf = appendPath(w.buf, s, true)
	}
	w.End()
}

// HrefURI writes a DAV:href element of a URI that is percent-encoded already,
// such as a calendar user address.
func (w *Writer) HrefURI(uri string) { w.TextElement(NameHref, uri) }

// Raw writes a complete XML fragment as it is. It must declare the namespaces
// it uses, as those from [Element.Append] do.
func (w *Writer) Raw(fragment []byte) {
	w.closeTag()
	w.buf = append(w.buf, fragment...)
}

// Element writes e and everything in it. Parsed elements keep the prefixes
// they were sent with where these do not collide.
func (w *Writer) Element(e *Element) {
	if e.IsText() {
		w.Text(e.Text)
		return
	}
	if len(w.open) == 0 && w.fragment {
		w.fragmentRoot(e)
	} else {
		w.start(e.Name, e.prefix, e.scope)
	}
	w.content(e)
}

func (w *Writer) content(e *Element) {
	for i := range e.Attrs {
		w.attr(e.Attrs[i].Name, e.Attrs[i].Value)
	}
	if e.Text != "" && len(e.Children) == 0 {
		w.Text(e.Text)
	}
	copying, source := w.copying, w.source
	w.copying, w.source = true, e.scope
	for _, c := range e.Children {
		w.Element(c)
	}
	w.copying, w.source = copying, source
	w.End()
}

func (w *Writer) closeTag() {
	if w.tagOpen {
		w.buf = append(w.buf, '>')
		w.tagOpen = false
	}
}

func (w *Writer) qname(prefix, local string) {
	if prefix != "" {
		w.buf = append(append(w.buf, prefix...), ':')
	}
	w.buf = append(w.buf, local...)
}

// start writes a start tag up to its attributes. A parsed element comes with
// the prefix it had and the declarations in force at it.
func (w *Writer) start(name xml.Name, prefix string, src *scope) {
	w.closeTag()
	outer, root := len(w.ns), len(w.open) == 0
	if root && !w.fragment {
		w.ns = append(w.ns, prefixes[:]...)
	}
	if w.copying && src != w.source {
		w.bindSource(src)
	}
	prefix = w.elementPrefix(name.Space, prefix, outer)
	w.buf = append(w.buf, '<')
	w.qname(prefix, name.Local)
	for _, b := range w.ns[outer:] {
		w.declaration(b)
	}
	w.open = append(w.open, openTag{prefix, name.Local, outer})
	w.tagOpen = true
}

func (w *Writer) declaration(b binding) {
	w.buf = append(w.buf, " xmlns"...)
	if b.prefix != "" {
		w.buf = append(append(w.buf, ':'), b.prefix...)
	}
	w.buf = append(w.buf, '=', '"')
	w.buf = appendAttr(w.buf, b.uri)
	w.buf = append(w.buf, '"')
}

// bindSource puts in force what the source declared between the element being
// copied and its parent, in the order it was written.
func (w *Writer) bindSource(src *scope) {
	from := len(w.ns)
	for s := src; s != nil && s != w.source; s = s.outer {
		w.ns = append(w.ns, s.binding)
	}
	for i, j := from, len(w.ns)-1; i < j; i, j = i+1, j-1 {
		w.ns[i], w.ns[j] = w.ns[j], w.ns[i]
	}
}

// bound returns what prefix stands for here.
func (w *Writer) bound(prefix string) (uri string, ok bool) {
	for i := len(w.ns) - 1; i >= 0; i-- {
		if w.ns[i].prefix == prefix {
			return w.ns[i].uri, true
		}
	}
	return "", prefix == ""
}

// elementPrefix returns a prefix that stands for uri here, the preferred one if
// it does; if there is none it puts a declaration in force. The element's own
// declarations begin at ns[own].
func (w *Writer) elementPrefix(uri, preferred string, own int) string {
	if uri == NSXML {
		return "xml"
	}
	if preferred != "" || uri == "" || w.copying {
		if got, ok := w.bound(preferred); ok && got == uri {
			return preferred
		}
	}
	if uri != "" {
		return w.attrPrefix(uri)
	}
	// Only the default namespace can be none, and it is not.
	for i := own; i < len(w.ns); i++ {
		if w.ns[i].prefix == "" {
			w.ns[i].uri = ""
			return ""
		}
	}
	w.ns = append(w.ns, binding{})
	return ""
}

// attrPrefix returns a prefix, not the empty one, that stands for uri here; if
// there is none it puts a declaration in force, which the caller writes.
func (w *Writer) attrPrefix(uri string) string {
	for i := range w.ns {
		if b := &w.ns[i]; b.uri == uri && b.prefix != "" && !w.shadowed(i) {
			return b.prefix
		}
	}
	b := binding{uri: uri}
	for _, list := range [...][]binding{prefixes[:], otherPrefixes[:]} {
		for _, known := range list {
			if _, taken := w.bound(known.prefix); known.uri == uri && !taken {
				b.prefix = known.prefix
			}
		}
	}
	for n := 0; b.prefix == ""; n++ {
		p := "x" + strconv.Itoa(n)
		if _, taken := w.bound(p); !taken {
			b.prefix = p
		}
	}
	w.ns = append(w.ns, b)
	return b.prefix
}

func (w *Writer) shadowed(i int) bool {
	for j := i + 1; j < len(w.ns); j++ {
		if w.ns[j].prefix == w.ns[i].prefix {
			return true
		}
	}
	return false
}

func (w *Writer) attr(name xml.Name, value string) {
	if !w.tagOpen {
		return
	}
	var prefix string
	switch {
	case name.Space == NSXML:
		prefix = "xml"
	case name.Space != "":
		n := len(w.ns)
		prefix = w.attrPrefix(name.Space)
		for _, b := range w.ns[n:] {
			w.declaration(b)
		}
	}
	w.buf = append(w.buf, ' ')
	w.qname(prefix, name.Local)
	w.buf = append(w.buf, '=', '"')
	w.buf = appendAttr(w.buf, value)
	w.buf = append(w.buf, '"')
}
