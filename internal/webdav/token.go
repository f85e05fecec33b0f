package webdav

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Classes of ASCII bytes. Bytes from 0x80 up have none: the document is known
// to be valid UTF-8 before the first token.
const (
	clsNameStart = 1 << iota
	clsName
	clsText // needs a look within character data: '&', '\r', '>' and what XML forbids
	clsAttr // the same within an attribute value
)

var class = classes()

func classes() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = clsText | clsAttr
	}
	t['\t'], t['\n'] = clsAttr, clsAttr
	t['&'], t['>'], t['<'] = clsText|clsAttr, clsText, clsText|clsAttr
	for c := 'a'; c <= 'z'; c++ {
		t[c] = clsNameStart | clsName
		t[c-'a'+'A'] = clsNameStart | clsName
	}
	for c := '0'; c <= '9'; c++ {
		t[c] = clsName
	}
	t['_'] = clsNameStart | clsName
	t['-'], t['.'] = clsName, clsName
	return t
}

func (p *parser) skipSpace() {
	for p.pos < len(p.s) && isSpace(p.s[p.pos]) {
		p.pos++
	}
}

// name parses a qualified name; colon is the offset of its colon, -1 if none.
func (p *parser) name() (raw string, colon int, err error) {
	colon = -1
	start, part := p.pos, p.pos // part: where the prefix or the local part begins
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		switch {
		case c < utf8.RuneSelf && class[c]&clsName != 0:
			if p.pos == part && class[c]&clsNameStart == 0 {
				return "", -1, p.fail("a name begins with %q", c)
			}
			p.pos++
			continue
		case c == ':':
			if colon >= 0 || p.pos == part {
				return "", -1, p.fail("a colon out of place in a name")
			}
			colon = p.pos - start
			p.pos++
			part = p.pos
			continue
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(p.s[p.pos:])
			if isNameStart(r) || p.pos > part && isNameRest(r) {
				p.pos += n
				continue
			}
		}
		break
	}
	if p.pos == part {
		return "", -1, p.fail("a name is missing")
	}
	return p.s[start:p.pos], colon, nil
}

// isNameStart is NameStartChar of XML 1.0 (fifth edition) outside ASCII.
func isNameStart(r rune) bool {
	switch {
	case r < 0xC0, r == 0xD7, r == 0xF7, r == 0x37E:
		return false
	case r <= 0x2FF, r >= 0x370 && r <= 0x1FFF, r == 0x200C, r == 0x200D,
		r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF,
		r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000 && r <= 0xEFFFF:
		return true
	}
	return false
}

// isNameRest is what NameChar has beyond NameStartChar, outside ASCII.
func isNameRest(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// charData parses everything up to the next start or end tag and returns it as
// one string: text with line ends and references resolved, and CDATA sections.
// Comments and processing instructions are skipped.
func (p *parser) charData() (string, error) {
	var one string            // the only run so far
	var more *strings.Builder // once there are two
	for {
		run, err := p.text()
		if err != nil {
			return "", err
		}
		if run != "" {
			switch {
			case more != nil:
				more.WriteString(run)
			case one == "":
				one = run
			default:
				more = new(strings.Builder)
				more.WriteString(one)
				more.WriteString(run)
			}
		}
		rest := p.s[p.pos:]
		if len(rest) < 2 {
			return "", p.fail("the document ends within <%s>", p.open[len(p.open)-1].raw)
		}
		if rest[0] != '<' {
			continue // text after a CDATA section
		}
		if rest[1] != '!' && rest[1] != '?' {
			if more != nil {
				one = more.String()
			}
			return one, nil
		}
		if strings.HasPrefix(rest, "<![CDATA[") {
			continue // text takes it
		}
		if err := p.markup(); err != nil {
			return "", err
		}
	}
}

// text parses one run of text, or one CDATA section.
func (p *parser) text() (string, error) {
	start, slow := p.pos, false
	if strings.HasPrefix(p.s[p.pos:], "<![CDATA[") {
		start += len("<![CDATA[")
		n := strings.Index(p.s[start:], "]]>")
		if n < 0 {
			return "", p.fail("CDATA section without end")
		}
		run := p.s[start : start+n]
		for i := range len(run) {
			if c := run[i]; c < 0x20 && class[c]&clsText != 0 {
				if c != '\r' {
					p.pos = start + i
					return "", p.fail("character %#x", c)
				}
				slow = true
			}
		}
		p.pos = start + n + len("]]>")
		if slow {
			run = lineEnds(run)
		}
		return run, nil
	}
	for i := start; ; i++ {
		if i == len(p.s) {
			p.pos = i
			break
		}
		c := p.s[i]
		if class[c]&clsText == 0 {
			continue
		}
		p.pos = i
		if c == '<' {
			break
		}
		switch c {
		case '&', '\r':
			slow = true
		case '>':
			if i >= start+2 && p.s[i-1] == ']' && p.s[i-2] == ']' {
				return "", p.fail("]]> within text")
			}
		default:
			return "", p.fail("character %#x", c)
		}
	}
	run := p.s[start:p.pos]
	if !slow {
		return run, nil
	}
	return p.unescape(lineEnds(run))
}

// lineEnds turns CR LF and CR into LF (XML 1.0 §2.11).
func lineEnds(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// attrValue parses a quoted value: references resolved, white space normalised
// (XML 1.0 §3.3.3).
func (p *parser) attrValue() (string, error) {
	if p.pos >= len(p.s) || p.s[p.pos] != '"' && p.s[p.pos] != '\'' {
		return "", p.fail("attribute value without quotes")
	}
	quote := p.s[p.pos]
	p.pos++
	n := strings.IndexByte(p.s[p.pos:], quote)
	if n < 0 {
		return "", p.fail("attribute value without end")
	}
	value, slow := p.s[p.pos:p.pos+n], false
	for i := range len(value) {
		if c := value[i]; class[c]&clsAttr != 0 {
			if c == '<' || c < 0x20 && !isSpace(c) {
				return "", p.fail("character %q in an attribute value", c)
			}
			slow = true
		}
	}
	if slow {
		var err error
		value, err = p.unescape(strings.Map(func(r rune) rune {
			if r == '\n' || r == '\t' {
				return ' '
			}
			return r
		}, lineEnds(value)))
		if err != nil {
			return "", err
		}
	}
	p.pos += n + 1
	return value, nil
}

// unescape resolves character references and the five predefined entities.
func (p *parser) unescape(s string) (string, error) {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s, nil
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i+1:]
		end := strings.IndexByte(s[:min(len(s), 12)], ';')
		if end < 0 {
			return "", p.fail("& without a reference")
		}
		r, ok := reference(s[:end])
		if !ok {
			return "", p.fail("reference &%s; is not known", s[:end])
		}
		b.WriteRune(r)
		s = s[end+1:]
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String(), nil
}

// reference returns the character that the reference &name; stands for.
func reference(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32) // no sign, no underscore
	if err != nil || !isChar(rune(min(n, 1<<30))) {
		return 0, false
	}
	return rune(n), true
}

// isChar is production Char of XML 1.0.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}
