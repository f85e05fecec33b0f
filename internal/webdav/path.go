package webdav

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

// EscapePath returns path percent-encoded for a DAV:href or a Location header,
// always in the same form: everything that RFC 3986 §3.3 allows in a path
// segment stands for itself, everything else is %XX in upper case.
func EscapePath(path string) string {
	for i := range len(path) {
		if !pathChar[path[i]] {
			return string(appendPath(nil, path, false))
		}
	}
	return path
}

// pathChar holds the bytes that a path may have unescaped: pchar and '/'.
var pathChar = pathChars()

func pathChars() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
	}
	for _, c := range []byte("/-._~!$&'()*+,;=:@") {
		t[c] = true
	}
	return t
}

// plainPath is pathChar without what has to be escaped as XML text.
var plainPath = func() [256]bool {
	t := pathChar
	t['&'] = false
	return t
}()

// appendPath appends path percent-encoded, and escaped as XML text if asked.
func appendPath(dst []byte, path string, asXML bool) []byte {
	const hex = "0123456789ABCDEF"
	for {
		i := 0
		for i < len(path) && plainPath[path[i]] {
			i++
		}
		dst = append(dst, path[:i]...)
		if i == len(path) {
			return dst
		}
		switch c := path[i]; {
		case c == '&' && asXML:
			dst = append(dst, "&amp;"...)
		case c == '&':
			dst = append(dst, c)
		case c == EscapedSlash[0] && strings.HasPrefix(path[i:], EscapedSlash):
			dst = append(dst, "%2F"...)
			i += len(EscapedSlash) - 1
		default:
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
		path = path[i+1:]
	}
}

// EscapedSlash stands in a decoded path for a slash that is part of a name, as
// clients have it that name a resource by a UID: "%2F". Nobody can send the
// character itself.
const EscapedSlash = "\U0010FFFD"

// CleanPath decodes a percent-encoded absolute path, each escape once, and
// removes empty and dot segments. A final slash is kept. The result is valid
// UTF-8 without control characters.
//
// It is an error, 400, if raw does not begin with a slash, or has an escape that is
// none. One for a slash becomes an EscapedSlash.
func CleanPath(raw string) (string, error) {
	if raw == "" || raw[0] != '/' {
		return "", BadRequest("path does not begin with a slash")
	}
	path := raw
	if strings.IndexByte(raw, '%') >= 0 {
		var err error
		if path, err = url.PathUnescape(raw); err != nil {
			return "", &Error{Status: http.StatusBadRequest, Description: "escape in a path is malformed", Err: err}
		}
	}
	if strings.Contains(path, EscapedSlash) {
		return "", BadRequest("a character in a path that means nothing")
	}
	if hasEscapedSlash(raw) {
		raw = strings.NewReplacer("%2F", EscapedSlash, "%2f", EscapedSlash).Replace(raw)
		path, _ = url.PathUnescape(raw) // its escapes have been seen
	}
	simple, ascii := true, true
	for i := range len(path) {
		c := path[i]
		switch {
		case c < 0x20 || c == 0x7F:
			return "", BadRequest("control character in a path")
		case c >= utf8.RuneSelf:
			ascii = false
		case c == '/' && i+1 < len(path) && (path[i+1] == '/' || path[i+1] == '.'):
			simple = false
		}
	}
	if !ascii && !utf8.ValidString(path) {
		return "", BadRequest("path is not UTF-8")
	}
	if simple {
		return path, nil
	}
	return removeDots(path), nil
}

func hasEscapedSlash(s string) bool {
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			return false
		}
		s = s[i+1:]
		if strings.HasPrefix(s, "2F") || strings.HasPrefix(s, "2f") {
			return true
		}
	}
}

// removeDots resolves dot segments as RFC 3986 §5.2.4 does, and drops empty ones.
func removeDots(path string) string {
	var out []string
	segments := strings.Split(path, "/")
	for _, s := range segments {
		switch s {
		case "", ".":
		case "..":
			out = out[:max(0, len(out)-1)]
		default:
			out = append(out, s)
		}
	}
	clean := "/" + strings.Join(out, "/")
	if last := segments[len(segments)-1]; len(out) > 0 && (last == "" || last == "." || last == "..") {
		clean += "/"
	}
	return clean
}

// ParseHref returns the path that the text of a DAV:href in a request names,
// decoded as by [CleanPath]. It may be a path or an http or https URL whose
// host is host (RFC 4918 §8.3); white space around it is ignored. Another host,
// a query or a fragment is an error: 400.
func ParseHref(href, host string) (string, error) {
	href = trimSpace(href)
	if strings.IndexByte(href, '?') >= 0 || strings.IndexByte(href, '#') >= 0 {
		return "", BadRequest("href has a query or fragment")
	}
	if strings.HasPrefix(href, "/") && !strings.HasPrefix(href, "//") {
		return CleanPath(href)
	}
	u, err := url.Parse(href)
	if err != nil {
		return "", &Error{Status: http.StatusBadRequest, Description: "href is not a URL", Err: err}
	}
	if u.Host == "" && strings.HasPrefix(href, "//") || u.Scheme == "" && u.Host != "" && !sameHost(u, host) {
		// "//calendars/x": not a host of ours, a path with a slash too many
		return CleanPath(href)
	}
	if u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" || !sameHost(u, host) {
		return "", BadRequest("href is not on this server")
	}
	if u.Path == "" {
		return "/", nil
	}
	return CleanPath(u.EscapedPath())
}

// sameHost reports whether u's host and port are those of a Host header, the
// port that its scheme implies counting as none. Behind a proxy that ends TLS
// the scheme says nothing about our own port.
func sameHost(u *url.URL, host string) bool {
	return strings.EqualFold(trimPort(u.Host), trimPort(host))
}

func trimPort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":443"), ":80")
}
