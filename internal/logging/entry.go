package logging

import (
	"convene/internal/header"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// An Entry is what is known of one request while it is served. The handlers
// below fill in User and Sub; [For] finds the Entry.
type Entry struct {
	// ID is the request's id: unique for this process, and for all
	// practical purposes among processes.
	ID string
	// User is the login name, or empty if nobody is signed in.
	User string
	// For is the name of whom they act for, or empty if it is themselves.
	For string
	// Sub is the sub-method, such as "calendar-query", or empty.
	Sub string

	start  time.Time
	status int   // 0 until the header is written
	out    int64 // bytes of the response's body
	in     int64 // bytes of the request's body that were read
}

// Status is the status of the response, 0 while its header has not been written.
func (e *Entry) Status() int { return e.status }

// For returns the Entry of the request that w responds to. It looks through
// writers that wrap each other with an Unwrap method. Outside of a
// [Log.Handler] the Entry is a new one that nobody reads.
func For(w http.ResponseWriter) *Entry {
	for {
		switch x := w.(type) {
		case *recorder:
			return &x.entry
		case interface{ Unwrap() http.ResponseWriter }:
			w = x.Unwrap()
		default:
			return new(Entry)
		}
	}
}

// appendLine appends the line for e, with its newline, to dst. stamp is the
// date in brackets.
func appendLine(dst []byte, e *Entry, r *http.Request, stamp string, took time.Duration) []byte {
	dst = appendHost(dst, r.RemoteAddr)
	dst = append(dst, " - "...)
	dst = appendWord(dst, e.User)
	dst = append(dst, ' ')
	dst = append(dst, stamp...)
	dst = append(dst, ` "`...)
	dst = appendEscaped(dst, r.Method)
	if e.Sub != "" {
		dst = append(dst, '(')
		dst = appendEscaped(dst, e.Sub)
		dst = append(dst, ')')
	}
	dst = append(dst, ' ')
	dst = appendEscaped(dst, r.RequestURI)
	dst = append(dst, ' ')
	dst = appendEscaped(dst, r.Proto)
	dst = append(dst, `" `...)
	status := e.status
	if status == 0 {
		status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	if e.out > 0 {
		dst = strconv.AppendInt(dst, e.out, 10)
	} else {
		dst = append(dst, '-')
	}
	dst = append(dst, ` "`...)
	dst = appendOr(dst, header.Get(r.Header, "Referer"))
	dst = append(dst, `" "`...)
	dst = appendOr(dst, header.Get(r.Header, "User-Agent"))
	dst = append(dst, `" in=`...)
	dst = strconv.AppendInt(dst, e.in, 10)
	dst = append(dst, " t="...)
	dst = strconv.AppendFloat(dst, float64(took)/float64(time.Millisecond), 'f', 3, 64)
	dst = append(dst, "ms"...)
	if e.For != "" {
		dst = appendWord(append(dst, " for="...), e.For)
	}
	dst = append(dst, " id="...)
	dst = append(dst, e.ID...)
	return append(dst, '\n')
}

// appendHost appends the host of a host:port address; a bare "-" for the
// nameless peer of a Unix socket.
func appendHost(dst []byte, addr string) []byte {
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			addr = addr[:i]
			break
		}
	}
	if n := len(addr); n > 1 && addr[0] == '[' && addr[n-1] == ']' {
		addr = addr[1 : n-1]
	}
	return appendWord(dst, addr)
}

// appendWord appends s as one field: escaped, spaces as %20 so that programs
// that split at spaces stay right, and "-" for nothing.
func appendWord(dst []byte, s string) []byte {
	if s == "" || s == "@" {
		return append(dst, '-')
	}
	for {
		word, rest, found := strings.Cut(s, " ")
		dst = appendEscaped(dst, word)
		if !found {
			return dst
		}
		dst, s = append(dst, "%20"...), rest
	}
}

func appendOr(dst []byte, s string) []byte {
	if s == "" {
		return append(dst, '-')
	}
	return appendEscaped(dst, s)
}

// asTheyAre are the printable characters of ASCII but for the quote and the backslash.
var asTheyAre = func() (table [256]bool) {
	for c := ' '; c <= '~'; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// appendEscaped writes what is not to be printed as \xNN and escapes the quote
// and the backslash, as Apache's logs do. Printable characters beyond ASCII stay
// as they are; not those that terminals or editors act upon, nor bytes that are
// no UTF-8.
func appendEscaped(dst []byte, s string) []byte {
	plain := 0 // how many bytes are written as they are: nearly always all
	for plain < len(s) && asTheyAre[s[plain]] {
		plain++
	}
	dst = append(dst, s[:plain]...)
	for i := plain; i < len(s); {
		c, n := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, n = utf8.DecodeRuneInString(s[i:])
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c == utf8.RuneError && n == 1 || !unicode.IsPrint(c):
			for _, b := range []byte(s[i : i+n]) {
				const hex = "0123456789abcdef"
				dst = append(dst, '\\', 'x', hex[b>>4], hex[b&15])
			}
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}
