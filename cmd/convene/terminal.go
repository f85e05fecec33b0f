package main

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// terminal passes text on with control characters made visible: names come from
// the directory, where people write some of them, and must not command the
// terminal of whoever looks at them.
type terminal struct{ w io.Writer }

func (t terminal) Write(p []byte) (int, error) {
	if _, err := io.WriteString(t.w, visible(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// visible escapes what is neither printable nor the end of a line or a tab.
func visible(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case c == '\n' || c == '\t' || strconv.IsPrint(c):
			b.WriteString(s[i : i+n])
		default:
			q := strconv.QuoteRune(c)
			b.WriteString(q[1 : len(q)-1])
		}
		i += n
	}
	return b.String()
}
