package ical

import "strings"

// Text returns the value as TEXT, without its escapes (RFC 5545 §3.3.11). What
// clients forgot to escape is taken as it stands.
func (p *Property) Text() string { return UnescapeText(p.Value) }

// TextList returns the values of a list of TEXT, as in CATEGORIES, without their
// escapes.
func (p *Property) TextList() []string {
	parts := SplitText(p.Value, ',')
	for i := range parts {
		parts[i] = UnescapeText(parts[i])
	}
	return parts
}

// UnescapeText takes the escapes off a TEXT value: \\n and \\N are a line feed; a
// backslash before punctuation stands for that. Before any other character it
// stands for itself: the client meant "C:\temp".
func UnescapeText(s string) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		switch next := s[i+1]; {
		case next == 'n' || next == 'N':
			b = append(b, '\n')
			i++
		case next < 0x80 && byteClass[next]&isWord == 0 && next != ' ':
			b = append(b, next)
			i++
		default:
			b = append(b, '\\')
		}
	}
	return string(b)
}

// EscapeText is the TEXT value for s (RFC 5545 §3.3.11). CR LF and CR become LF.
// Control characters, which no value may have, are dropped.
func EscapeText(s string) string {
	if controlAt(s) < 0 && !strings.ContainsAny(s, "\\;,") {
		return s
	}
	b := make([]byte, 0, len(s)+8)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n', c == '\r' && (i+1 == len(s) || s[i+1] != '\n'):
			b = append(b, '\\', 'n')
		case c == '\\' || c == ';' || c == ',':
			b = append(b, '\\', c)
		case (c >= ' ' || c == '\t') && c != 0x7f:
			b = append(b, c)
		}
	}
	return string(b)
}

// SplitText splits a value at each sep, a comma or semicolon, that no backslash
// escapes. The parts are still escaped.
func SplitText(s string, sep byte) []string {
	parts := make([]string, 0, 1+strings.Count(s, string(sep)))
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// controlAt returns where the first control character but TAB is, or -1. Eight
// bytes at a time: every content line goes through it.
func controlAt(s string) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		low := (x - ' '*ones) & ^x & highs // a byte below the blank
		del := x ^ 0x7f*ones
		if low|((del-ones)&^del&highs) != 0 {
			if j := controlIn(s[i : i+8]); j >= 0 {
				return i + j
			}
		}
	}
	if j := controlIn(s[i:]); j >= 0 {
		return i + j
	}
	return -1
}

func controlIn(s string) int {
	for i := range len(s) {
		if (s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f {
			return i
		}
	}
	return -1
}
