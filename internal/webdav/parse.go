package webdav

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// XMLLimits bound what one document may cost. A zero field takes the value
// that DefaultXMLLimits has.
type XMLLimits struct {
	Bytes      int // length of the document: 413 above
	Depth      int // elements within elements, the root counted
	Elements   int // in the document, attributes and runs of text between elements counted
	Attributes int // of one element, namespace declarations counted
	Namespaces int // declarations in force at one place
}

// DefaultXMLLimits admit a calendar-multiget of 20,000 hrefs on lines of their own.
var DefaultXMLLimits = XMLLimits{
	Bytes:      16 << 20,
	Depth:      64,
	Elements:   50_000,
	Attributes: 64,
	Namespaces: 64,
}

func (l XMLLimits) orDefault() XMLLimits {
	d := &DefaultXMLLimits
	for _, f := range [...]struct{ have, want *int }{
		{&l.Bytes, &d.Bytes}, {&l.Depth, &d.Depth}, {&l.Elements, &d.Elements},
		{&l.Attributes, &d.Attributes}, {&l.Namespaces, &d.Namespaces},
	} {
		if *f.have == 0 {
			*f.have = *f.want
		}
	}
	return l
}

// ParseXML parses a whole document, in UTF-8 with or without a byte order mark,
// as XML 1.0 with namespaces, strictly, and returns its root.
//
// A document type declaration is refused, and with it every entity but the five
// predefined ones. Comments and processing instructions are dropped.
//
// Errors are *Error: 400 for what is not well-formed or exceeds a limit of
// number or depth (RFC 4918 §8.2), 413 for size, 415 for another encoding, 403
// DAV:no-external-entities for a document type declaration (RFC 4918 §16).
func ParseXML(body []byte, lim XMLLimits) (*Element, error) { return new(Parser).Parse(body, lim) }

// A Parser parses one document after the other, with the memory that the last one
// left. The zero Parser is ready for use, by one goroutine at a time.
type Parser struct{ p parser }

// Parse is [ParseXML].
func (x *Parser) Parse(body []byte, lim XMLLimits) (*Element, error) {
	lim = lim.orDefault()
	if len(body) > lim.Bytes {
		return nil, &Error{
			Status:      http.StatusRequestEntityTooLarge,
			Description: fmt.Sprintf("XML: longer than %d bytes", lim.Bytes),
		}
	}
	if bytes.HasPrefix(body, []byte{0xFE, 0xFF}) || bytes.HasPrefix(body, []byte{0xFF, 0xFE}) {
		return nil, errEncoding("UTF-16")
	}
	p := &x.p
	defer p.reset()
	p.s, p.lim = string(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))), lim
	if i := invalidUTF8(p.s); i >= 0 {
		p.pos = i
		return nil, p.fail("not UTF-8")
	}
	return p.document()
}

// What a parser leaves for the next document comes from one of at most so many
// bytes and elements: parts of slabs keep what the rest of them refers to.
const (
	keptBytes    = 16 << 10
	keptElements = 64
)

// reset makes p ready for another document.
func (p *parser) reset() {
	if len(p.s) > keptBytes || p.count > keptElements {
		*p = parser{}
		return
	}
	clear(p.open[:cap(p.open)])
	clear(p.pending[:cap(p.pending)])
	clear(p.attrs[:cap(p.attrs)])
	*p = parser{open: p.open[:0], pending: p.pending[:0], attrs: p.attrs[:0], elemSlab: p.elemSlab, kidSlab: p.kidSlab}
}

// invalidUTF8 returns the offset of the first byte of s that is no part of a
// character that XML allows outside ASCII, -1 if there is none.
func invalidUTF8(s string) int {
	if !utf8.ValidString(s) {
		for i, r := range s {
			if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") {
				return i
			}
		}
	}
	if i := strings.Index(s, "\uFFFE"); i >= 0 {
		return i
	}
	return strings.Index(s, "\uFFFF")
}

func errEncoding(name string) *Error {
	return &Error{
		Status:      http.StatusUnsupportedMediaType,
		Description: fmt.Sprintf("XML: encoding %q: only UTF-8 is understood", name),
	}
}

// A parser holds one document while it is read. All strings it hands out are
// parts of s, so that most elements cost no allocation of their own.
type parser struct {
	s     string
	pos   int
	lim   XMLLimits
	count int

	scope      *scope
	namespaces int
	open       []frame
	pending    []*Element // children seen so far of all open elements
	attrs      []rawAttr  // of the start tag being read

	elemSlab []Element
	kidSlab  []*Element
}

// A frame is an open element.
type frame struct {
	e          *Element
	raw        string // the name as written, which the end tag must repeat
	outer      *scope
	namespaces int
	mark       int // where its children begin in pending
}

type rawAttr struct {
	name  string
	colon int // offset of the colon in name, -1 if none
	value string
}

func (p *parser) fail(format string, args ...any) error {
	pos := min(p.pos, len(p.s))
	line := 1 + strings.Count(p.s[:pos], "\n")
	return &Error{
		Status:      http.StatusBadRequest,
		Description: fmt.Sprintf("XML: line %d: %s", line, fmt.Sprintf(format, args...)),
	}
}

// document parses [XML 1.0] production 1: prolog, one element, misc.
func (p *parser) document() (*Element, error) {
	if err := p.declaration(); err != nil {
		return nil, err
	}
	if err := p.misc(); err != nil {
		return nil, err
	}
	if p.pos == len(p.s) {
		return nil, p.fail("no element")
	}
	root, err := p.tree()
	if err != nil {
		return nil, err
	}
	if err := p.misc(); err != nil {
		return nil, err
	}
	if p.pos < len(p.s) {
		return nil, p.fail("something follows the root element")
	}
	return root, nil
}

// tree parses the root element and all within it. The stack is its own, not
// Go's, so that depth is bounded by the limit alone.
func (p *parser) tree() (*Element, error) {
	root, err := p.startTag()
	if err != nil {
		return nil, err
	}
	for len(p.open) > 0 {
		text, err := p.charData()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(p.s[p.pos:], "</") {
			err = p.endTag(text)
		} else {
			if text != "" {
				if err = p.textNode(text); err != nil {
					return nil, err
				}
			}
			_, err = p.startTag()
		}
		if err != nil {
			return nil, err
		}
	}
	return root, nil
}

// startTag parses a start tag or an empty-element tag at '<', and opens it
// unless it is empty.
func (p *parser) startTag() (*Element, error) {
	if len(p.open) == p.lim.Depth {
		return nil, p.fail("deeper than %d elements", p.lim.Depth)
	}
	p.pos++ // '<'
	raw, colon, err := p.name()
	if err != nil {
		return nil, err
	}
	empty, err := p.rawAttrs()
	if err != nil {
		return nil, err
	}
	e, err := p.element()
	if err != nil {
		return nil, err
	}
	f := frame{e: e, raw: raw, outer: p.scope, namespaces: p.namespaces, mark: len(p.pending)}
	if len(p.attrs) > 0 {
		if err := p.declare(); err != nil {
			return nil, err
		}
		if err := p.resolveAttrs(e); err != nil {
			return nil, err
		}
	}
	if err := p.resolveName(e, raw, colon); err != nil {
		return nil, err
	}
	if len(p.open) > 0 {
		p.pending = append(p.pending, e)
		f.mark++
	}
	if empty {
		p.scope, p.namespaces = f.outer, f.namespaces
		return e, nil
	}
	p.open = append(p.open, f)
	return e, nil
}

// endTag parses an end tag at "</"; text is the character data before it.
func (p *parser) endTag(text string) error {
	f := &p.open[len(p.open)-1]
	p.pos += 2
	if !strings.HasPrefix(p.s[p.pos:], f.raw) {
		return p.fail("element <%s> is not closed here", f.raw)
	}
	p.pos += len(f.raw)
	p.skipSpace()
	if p.pos >= len(p.s) || p.s[p.pos] != '>' {
		return p.fail("element <%s> is not closed here", f.raw)
	}
	p.pos++
	if len(p.pending) == f.mark {
		f.e.Text = text
	} else {
		if text != "" {
			if err := p.textNode(text); err != nil {
				return err
			}
		}
		f.e.Children = p.children(p.pending[f.mark:])
		p.pending = p.pending[:f.mark]
	}
	p.scope, p.namespaces = f.outer, f.namespaces
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *parser) textNode(text string) error {
	e, err := p.element()
	if err != nil {
		return err
	}
	e.Text = text
	p.pending = append(p.pending, e)
	return nil
}

// counted counts one more element, attribute or run of text.
func (p *parser) counted() error {
	if p.count == p.lim.Elements {
		return p.fail("more than %d elements and attributes", p.lim.Elements)
	}
	p.count++
	return nil
}

// element returns a fresh element out of a slab, which grows with the document.
func (p *parser) element() (*Element, error) {
	if err := p.counted(); err != nil {
		return nil, err
	}
	if len(p.elemSlab) == 0 {
		p.elemSlab = make([]Element, min(max(8, p.count), 512))
	}
	e := &p.elemSlab[0]
	p.elemSlab = p.elemSlab[1:]
	return e, nil
}

// children returns a copy of kids out of a slab.
func (p *parser) children(kids []*Element) []*Element {
	n := len(kids)
	if n > len(p.kidSlab) {
		if n >= 256 {
			return append(make([]*Element, 0, n), kids...)
		}
		p.kidSlab = make([]*Element, max(n, min(max(8, p.count), 512)))
	}
	copy(p.kidSlab, kids)
	kids, p.kidSlab = p.kidSlab[:n:n], p.kidSlab[n:]
	return kids
}

// rawAttrs parses attributes up to and including '>' or "/>" into p.attrs.
func (p *parser) rawAttrs() (empty bool, err error) {
	p.attrs = p.attrs[:0]
	for {
		before := p.pos
		p.skipSpace()
		rest := p.s[p.pos:]
		switch {
		case rest == "":
			return false, p.fail("end within a tag")
		case rest[0] == '>':
			p.pos++
			return false, nil
		case strings.HasPrefix(rest, "/>"):
			p.pos += 2
			return true, nil
		case p.pos == before:
			return false, p.fail("character %q within a tag", rest[0])
		case len(p.attrs) == p.lim.Attributes:
			return false, p.fail("more than %d attributes", p.lim.Attributes)
		}
		if err := p.counted(); err != nil {
			return false, err
		}
		var a rawAttr
		if a.name, a.colon, err = p.name(); err != nil {
			return false, err
		}
		p.skipSpace()
		if p.pos >= len(p.s) || p.s[p.pos] != '=' {
			return false, p.fail("attribute %s has no value", a.name)
		}
		p.pos++
		p.skipSpace()
		if a.value, err = p.attrValue(); err != nil {
			return false, err
		}
		for i := range p.attrs {
			if p.attrs[i].name == a.name {
				return false, p.fail("attribute %s twice", a.name)
			}
		}
		p.attrs = append(p.attrs, a)
	}
}
