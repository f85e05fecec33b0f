package webdav

import "unicode/utf8"

// escText and escAttr mark the bytes that cannot be copied as they are.
const (
	escText = 1 << iota
	escAttr
)

var escapes = escapeTable()

func escapeTable() (t [256]uint8) {
	for c := range 0x20 {
		t[c] = escText | escAttr
	}
	t['\t'], t['\n'] = escAttr, escAttr
	t['&'], t['<'], t['>'] = escText|escAttr, escText|escAttr, escText|escAttr
	t['"'] = escAttr
	for c := 0x80; c < 0x100; c++ {
		t[c] = escText | escAttr
	}
	return t
}

func appendText[S string | []byte](dst []byte, s S) []byte { return appendEscaped(dst, s, escText) }

func appendAttr(dst []byte, s string) []byte { return appendEscaped(dst, s, escAttr) }

func appendEscaped[S string | []byte](dst []byte, s S, mask uint8) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if escapes[c]&mask == 0 {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			n := validRune(s[i:])
			if n > 0 {
				i += n
				continue
			}
		}
		dst = append(dst, s[from:i]...)
		i++
		from = i
		dst = append(dst, escaped(c)...)
	}
	return append(dst, s[from:]...)
}

// validRune returns the length of the character at the start of s, 0 if it is
// no UTF-8 or none that XML allows. The first byte is outside ASCII.
func validRune[S string | []byte](s S) int {
	var b [utf8.UTFMax]byte
	r, n := utf8.DecodeRune(b[:copy(b[:], s)])
	if r == utf8.RuneError && n == 1 || !isChar(r) {
		return 0
	}
	return n
}

func escaped(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\r':
		return "&#13;"
	case '\n':
		return "&#10;"
	case '\t':
		return "&#9;"
	}
	return "\uFFFD"
}
