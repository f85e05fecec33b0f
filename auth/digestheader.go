package auth

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxDigest = 16 << 10 // bytes of a Digest header field
	maxParams = 32
)

// digestCredentials is a Digest Authorization field that fits its request.
type digestCredentials struct {
	algorithm algorithm
	username  string
	nonce     string
	uri       string // as sent: it is hashed
	nc        string // as sent
	count     uint32
	cnonce    string
	response  []byte
}

// parse reads the field (RFC 7616 §3.4) and checks all that needs no secret.
// Errors: ErrMalformed.
func (d *digester) parse(r *http.Request, s string) (*digestCredentials, error) {
	p, err := parseParams(s)
	if err != nil {
		return nil, err
	}
	alg, ok := parseAlgorithm(p.get("algorithm"))
	c := &digestCredentials{algorithm: alg, username: p.get("username"), nonce: p.get("nonce"), uri: p.get("uri"), nc: p.get("nc"), cnonce: p.get("cnonce")}
	if ext := p.get("username*"); ext != "" && c.username == "" {
		c.username, err = decodeExtended(ext)
		if err != nil {
			return nil, err
		}
	}
	opaque := p.get("opaque")
	switch {
	case !ok || !slices.Contains(d.algorithms, alg):
		return nil, fmt.Errorf("%w: algorithm not offered", ErrMalformed)
	case p.get("realm") != d.a.o.Realm:
		return nil, fmt.Errorf("%w: other realm", ErrMalformed)
	case strings.EqualFold(p.get("userhash"), "true"):
		return nil, fmt.Errorf("%w: hashed user names are not offered", ErrMalformed)
	case c.username == "" || !utf8.ValidString(c.username) || strings.ContainsFunc(c.username, unicode.IsControl):
		return nil, fmt.Errorf("%w: no user name", ErrMalformed)
	case opaque != "" && opaque != d.opaque:
		return nil, fmt.Errorf("%w: other opaque", ErrMalformed)
	case !strings.EqualFold(p.get("qop"), "auth") || c.cnonce == "" || c.nonce == "":
		// Without qop a response says nothing about the nonce count, and
		// could be used again.
		return nil, fmt.Errorf("%w: qop=auth is required", ErrMalformed)
	case !uriMatches(r, c.uri):
		return nil, fmt.Errorf("%w: uri is not the request's", ErrMalformed)
	}
	n, err := strconv.ParseUint(c.nc, 16, 32)
	if err != nil || len(c.nc) != 8 {
		return nil, fmt.Errorf("%w: nonce count", ErrMalformed)
	}
	c.count = uint32(n)
	c.response, err = hex.DecodeString(p.get("response"))
	if err != nil || len(c.response) != alg.size() {
		return nil, fmt.Errorf("%w: response", ErrMalformed)
	}
	return c, nil
}

// params is a parsed list of parameters, names in lower case.
type params []struct{ name, value string }

// get returns a value, "" if there is none.
func (p params) get(name string) string {
	for i := range p {
		if p[i].name == name {
			return p[i].value
		}
	}
	return ""
}

// parseParams reads a comma-separated list of name=value with tokens or quoted
// strings as values (RFC 9110 §11.4). No name may occur twice.
func parseParams(s string) (params, error) {
	if len(s) > maxDigest {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	out := make(params, 0, 12)
	for {
		s = strings.TrimLeft(s, " \t,")
		if s == "" {
			return out, nil
		}
		name, rest, ok := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if !ok || !isToken(name) || len(out) == maxParams {
			return nil, fmt.Errorf("%w: parameter list", ErrMalformed)
		}
		value, rest, ok := cutValue(strings.TrimLeft(rest, " \t"))
		twice := slices.ContainsFunc(out, func(p struct{ name, value string }) bool { return p.name == name })
		if !ok || twice {
			return nil, fmt.Errorf("%w: parameter list", ErrMalformed)
		}
		out, s = append(out, struct{ name, value string }{name, value}), rest
	}
}

// cutValue splits a token or quoted string from what follows it, which must be
// a comma or nothing.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		value = strings.TrimRight(value, " \t")
		return value, rest, isToken(value)
	}
	var b []byte // what comes before the last escape, unescaped
	from := 1
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			value = s[from:i]
			if b != nil {
				value = string(append(b, value...))
			}
			rest = strings.TrimLeft(s[i+1:], " \t")
			return value, rest, rest == "" || rest[0] == ','
		case c == '\\' && i+1 < len(s):
			b = append(append(b, s[from:i]...), s[i+1])
			i++
			from = i + 1
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", "", false
		}
	}
	return "", "", false
}

// isToken is RFC 9110 §5.6.2, and "/" and "=", which clients leave unquoted.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),;<>@[\]{}`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// decodeExtended reads username* (RFC 8187): a charset, ”, and text with %-escapes.
func decodeExtended(s string) (string, error) {
	charset, rest, ok := strings.Cut(s, "'")
	_, text, ok2 := strings.Cut(rest, "'")
	v, err := url.PathUnescape(text)
	if !ok || !ok2 || err != nil || !strings.EqualFold(charset, "UTF-8") {
		return "", fmt.Errorf("%w: username*", ErrMalformed)
	}
	return v, nil
}

// uriMatches reports whether the uri parameter names the request's target.
// Clients are known to send an absolute URI, to leave the query out, and to
// escape characters that need it not, or the other way round.
func uriMatches(r *http.Request, uri string) bool {
	target := r.RequestURI
	if target == "" {
		target = r.URL.RequestURI()
	}
	if uri == target {
		return true
	}
	want, err1 := url.Parse(target)
	got, err2 := url.Parse(uri)
	if err1 != nil || err2 != nil || uri == "" {
		return false
	}
	if got.Host != "" && !strings.EqualFold(got.Host, r.Host) {
		return false
	}
	if got.RawQuery != "" && got.RawQuery != want.RawQuery {
		return false
	}
	return sameSegments(want.EscapedPath(), got.EscapedPath())
}

// sameSegments compares two escaped paths segment by segment, so that an
// escaped slash is not a slash.
func sameSegments(a, b string) bool {
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	return slices.EqualFunc(as, bs, func(x, y string) bool {
		x1, err1 := url.PathUnescape(x)
		y1, err2 := url.PathUnescape(y)
		return err1 == nil && err2 == nil && x1 == y1
	})
}
