package ical

import (
	"strings"
	"unicode/utf8"
)

// foldAt is the most octets of a line that this package writes, without its line
// break: one less than RFC 5545 §3.1 has, as Apple's server and clients write it, and
// what they write is compared as text.
const foldAt = 74

// Append writes c to dst as iCalendar text, and returns the longer dst. Lines
// that were decoded and have not been changed come out as they were written;
// others are folded at 74 octets, between characters. Line ends are CRLF.
func (c *Component) Append(dst []byte) []byte {
	dst = appendBoundary(dst, c.begin, "BEGIN", c.Name)
	children := c.Children
	for i := range c.Props {
		p := &c.Props[i]
		// A child stands where it stood, if both remember their lines.
		for len(children) > 0 && p.line > 0 && children[0].line > 0 && children[0].line < p.line {
			dst = children[0].Append(dst)
			children = children[1:]
		}
		dst = p.append(dst)
	}
	for _, child := range children {
		dst = child.Append(dst)
	}
	return appendBoundary(dst, c.end, "END", c.Name)
}

// appendBoundary writes a BEGIN or END line: as it was, if it was of that name.
func appendBoundary(dst []byte, src, word, name string) []byte {
	if len(src) > len(word) && src[:len(word)] == word && src[len(word):][0] == ':' && src[len(word)+1:] == name {
		return append(append(dst, src...), "\r\n"...)
	}
	if src != "" {
		text := unfoldString(src)
		if i := strings.LastIndexByte(text, ':'); i >= 0 && strings.EqualFold(strings.Trim(text[i+1:], " \t"), name) {
			return appendSource(dst, src, text)
		}
	}
	dst = append(dst, word...)
	dst = append(dst, ':')
	dst = append(dst, name...)
	return append(dst, "\r\n"...)
}

// append writes p and a line end.
func (p *Property) append(dst []byte) []byte {
	if p.pristine() {
		if p.folded == "" {
			return append(append(dst, p.src...), "\r\n"...)
		}
		return appendSource(dst, p.folded, p.src)
	}
	from := len(dst)
	dst = append(dst, p.Name...)
	for i := range p.Params {
		dst = p.appendParam(dst, i)
	}
	dst = append(dst, ':')
	dst = appendValue(dst, p.Value)
	return fold(dst, from)
}

// pristine reports whether p is as it was decoded.
func (p *Property) pristine() bool {
	if p.src == "" {
		return false
	}
	name, at, bad := scanName(p.src)
	if bad != "" || name != p.Name {
		return false
	}
	i := 0
	if p.src[at] == ';' {
		s := paramScanner{line: p.src, at: at}
		for s.next() {
			if s.name == "" {
				continue
			}
			if i == len(p.Params) || !p.Params[i].is(&s) {
				return false
			}
			i++
		}
		at = s.at
	}
	return i == len(p.Params) && p.src[at+1:] == p.Value
}

// is reports whether q has the name and the values of the parameter s is at.
func (q *Param) is(s *paramScanner) bool {
	if q.Name != s.name && q.Name != upper(s.name) {
		return false
	}
	n := 0
	for s.value() {
		if n == len(q.Values) || (q.Values[n] != s.raw && q.Values[n] != decodeParam(s.raw)) {
			return false
		}
		n++
	}
	return n == len(q.Values)
}

// appendParam writes parameter i of p, in the spelling of the source if there is
// one with that name and those values.
func (p *Property) appendParam(dst []byte, i int) []byte {
	q := &p.Params[i]
	if raw := p.rawParam(q); raw != "" {
		return append(dst, raw...)
	}
	dst = append(dst, ';')
	dst = append(dst, q.Name...)
	for j, v := range q.Values {
		if j == 0 {
			dst = append(dst, '=')
		} else {
			dst = append(dst, ',')
		}
		dst = appendParamValue(dst, v)
	}
	return dst
}

// rawParam returns how q was written in p's source, from its ";", or "". A value
// with an escape in place of quotes is left to be quoted: what it says depends on
// what follows it.
func (p *Property) rawParam(q *Param) string {
	if p.src == "" {
		return ""
	}
	_, at, bad := scanName(p.src)
	if bad != "" || p.src[at] != ';' {
		return ""
	}
	s := paramScanner{line: p.src, at: at}
	for from := at; s.next(); from = s.at {
		if s.name == "" {
			continue
		}
		if same := q.is(&s); same {
			raw := p.src[from:s.at]
			if strings.HasSuffix(raw, `\`) || strings.Contains(raw, `\;`) || strings.Contains(raw, `\,`) {
				return ""
			}
			return raw
		}
		for s.value() {
		}
	}
	return ""
}

// appendValue writes a value. A line feed in it, which no value has, is escaped:
// nothing that is put into a value makes a second line.
func appendValue(dst []byte, value string) []byte {
	if controlAt(value) < 0 {
		return append(dst, value...)
	}
	for i := range len(value) {
		switch b := value[i]; {
		case b == '\n':
			dst = append(dst, `\n`...)
		case (b < ' ' && b != '\t') || b == 0x7f:
		default:
			dst = append(dst, b)
		}
	}
	return dst
}

// appendSource writes a line that was folded, with its folds but CRLF and without
// empty lines. text is the line unfolded. A line that was folded within a
// character is folded anew: its parts are not UTF-8, and so not fit for XML.
func appendSource(dst []byte, folded, text string) []byte {
	if !utf8.ValidString(folded) {
		from := len(dst)
		return fold(append(dst, text...), from)
	}
	for folded != "" {
		line := folded
		if i := strings.IndexByte(folded, '\n'); i >= 0 {
			line, folded = folded[:i], folded[i+1:]
		} else {
			folded = ""
		}
		line = strings.TrimRight(line, "\r")
		if line != "" {
			dst = append(append(dst, line...), "\r\n"...)
		}
	}
	return dst
}

// unfoldString joins the lines of a folded line.
func unfoldString(folded string) string {
	if strings.IndexByte(folded, '\n') < 0 {
		return folded
	}
	var b strings.Builder
	for i, line := range strings.Split(folded, "\n") {
		line = strings.TrimRight(line, "\r")
		if i > 0 && line != "" {
			line = line[1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

// fold ends the line dst[from:] and puts folds into it, before each character
// that would not fit.
func fold(dst []byte, from int) []byte {
	n := len(dst) - from
	if n <= foldAt {
		return append(dst, "\r\n"...)
	}
	var few [512]byte // as most lines have
	line := append(few[:0], dst[from:]...)
	dst = dst[:from]
	room := foldAt
	for len(line) > room {
		cut := room
		for cut > 0 && !utf8.RuneStart(line[cut]) {
			cut--
		}
		if cut == 0 {
			cut = room // not UTF-8
		}
		dst = append(dst, line[:cut]...)
		dst = append(dst, "\r\n "...)
		line = line[cut:]
		room = foldAt - 1 // the blank counts
	}
	dst = append(dst, line...)
	return append(dst, "\r\n"...)
}
