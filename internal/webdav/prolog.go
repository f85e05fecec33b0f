package webdav

import (
	"net/http"
	"strings"
)

// misc skips white space, comments and processing instructions outside the
// root element, and stops at an element's tag or the end.
func (p *parser) misc() error {
	for {
		p.skipSpace()
		rest := p.s[p.pos:]
		switch {
		case rest == "":
			return nil
		case rest[0] != '<':
			return p.fail("text outside the root element")
		case len(rest) < 2:
			return p.fail("end within a tag")
		case rest[1] != '!' && rest[1] != '?':
			return nil
		}
		if err := p.markup(); err != nil {
			return err
		}
	}
}

// markup skips a comment or processing instruction.
func (p *parser) markup() error {
	rest := p.s[p.pos:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		n := strings.Index(rest[4:], "--")
		if n < 0 || !strings.HasPrefix(rest[4+n:], "-->") {
			return p.fail("comment without end, or with -- in it")
		}
		return p.skip(4+n, len("-->"))
	case strings.HasPrefix(rest, "<?"):
		p.pos += 2
		start := p.pos
		target, colon, err := p.name()
		if err != nil {
			return err
		}
		if colon >= 0 || strings.EqualFold(target, "xml") {
			return p.fail("processing instruction %q", target)
		}
		n := strings.Index(p.s[p.pos:], "?>")
		if n < 0 || n > 0 && !isSpace(p.s[p.pos]) {
			return p.fail("processing instruction without end")
		}
		n += p.pos - start
		p.pos = start
		return p.skip(n, len("?>"))
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return &Error{Status: http.StatusForbidden, Condition: CondNoExternalEntities,
			Description: "XML: a document type declaration is refused"}
	}
	return p.fail("markup that is not known")
}

// skip passes over n bytes, which must be characters XML allows, and a
// delimiter of end bytes.
func (p *parser) skip(n, end int) error {
	for i := range n {
		if c := p.s[p.pos+i]; c < 0x20 && !isSpace(c) {
			return p.fail("character %#x", c)
		}
	}
	p.pos += n + end
	return nil
}

// declaration parses <?xml version="1.0" encoding="utf-8" standalone="yes"?> if
// it is there.
func (p *parser) declaration() error {
	if !strings.HasPrefix(p.s, "<?xml") || len(p.s) < 6 || !isSpace(p.s[5]) {
		return nil
	}
	p.pos = len("<?xml")
	for step := 0; ; {
		before := p.pos
		p.skipSpace()
		if strings.HasPrefix(p.s[p.pos:], "?>") {
			p.pos += 2
			if step == 0 {
				return p.fail("XML declaration without version")
			}
			return nil
		}
		if p.pos == before {
			return p.fail("XML declaration is not understood")
		}
		name, value, err := p.pseudoAttr()
		if err != nil {
			return err
		}
		switch {
		case name == "version" && step == 0 && strings.HasPrefix(value, "1."):
			step = 1
		case name == "encoding" && step == 1:
			if !strings.EqualFold(value, "utf-8") && !strings.EqualFold(value, "utf8") &&
				!strings.EqualFold(value, "us-ascii") {
				return errEncoding(value)
			}
			step = 2
		case name == "standalone" && (step == 1 || step == 2) && (value == "yes" || value == "no"):
			step = 3
		default:
			return p.fail("XML declaration is not understood")
		}
	}
}

// pseudoAttr parses name="value" within the XML declaration.
func (p *parser) pseudoAttr() (name, value string, err error) {
	if name, _, err = p.name(); err != nil {
		return "", "", err
	}
	p.skipSpace()
	if p.pos >= len(p.s) || p.s[p.pos] != '=' {
		return "", "", p.fail("XML declaration is not understood")
	}
	p.pos++
	p.skipSpace()
	value, err = p.attrValue()
	return name, value, err
}
