package webdav

import (
	"net/http"
	"strings"
	"time"
)

// An ETag is an entity tag as sent, such as `"17"` or `W/"17"` (RFC 9110 §8.8.3).
// The empty ETag is that of a resource that does not exist.
type ETag string

// Weak reports whether t is a weak tag.
func (t ETag) Weak() bool { return strings.HasPrefix(string(t), "W/") }

// opaque returns t without the sign of weakness.
func (t ETag) opaque() string { return strings.TrimPrefix(string(t), "W/") }

// ETags is the value of an If-Match or If-None-Match header. The zero ETags is
// that of an absent one.
type ETags struct {
	Any  bool // *
	Tags []ETag
}

// Present reports whether the header was there.
func (e ETags) Present() bool { return e.Any || len(e.Tags) > 0 }

// ParseETags returns the header name of h, If-Match or If-None-Match, spelled so. Tags that
// came without quotes, as some clients send them, get them. It is an error, 400,
// if the header is there with nothing in it, or mixes * with tags.
func ParseETags(h http.Header, name string) (ETags, error) {
	var e ETags
	values := h[name]
	for _, line := range values {
		for item := range splitList(line) {
			if item == "*" {
				e.Any = true
				continue
			}
			tag, ok := parseETag(item)
			if !ok {
				return ETags{}, BadRequest(name + ": not an entity tag")
			}
			e.Tags = append(e.Tags, tag)
		}
	}
	if len(values) > 0 && e.Any == (len(e.Tags) > 0) {
		return ETags{}, BadRequest(name + ": neither * nor entity tags")
	}
	return e, nil
}

// parseETag checks the form of one tag.
func parseETag(s string) (ETag, bool) {
	weak := ""
	if strings.HasPrefix(s, "W/") || strings.HasPrefix(s, "w/") {
		weak, s = "W/", s[2:]
	}
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	} else if weak != "" || s == "" {
		return "", false
	}
	for i := range len(s) {
		if c := s[i]; c <= 0x20 && c != ' ' || c == '"' || c == 0x7F {
			return "", false
		}
	}
	return ETag(weak + `"` + s + `"`), true
}

// MatchStrong reports whether tag is among e in the strong comparison that
// If-Match uses: neither is weak (RFC 9110 §8.8.3.2). Any matches every tag but
// the empty one.
func (e ETags) MatchStrong(tag ETag) bool {
	if e.Any || tag == "" {
		return e.Any && tag != ""
	}
	for _, t := range e.Tags {
		if t == tag && !t.Weak() {
			return true
		}
	}
	return false
}

// MatchWeak reports whether tag is among e in the weak comparison that
// If-None-Match uses: weakness does not count.
func (e ETags) MatchWeak(tag ETag) bool {
	if e.Any || tag == "" {
		return e.Any && tag != ""
	}
	for _, t := range e.Tags {
		if t.opaque() == tag.opaque() {
			return true
		}
	}
	return false
}

// Conditions are the preconditions of a request (RFC 9110 §13.1, RFC 4918 §10.4).
type Conditions struct {
	IfMatch, IfNoneMatch               ETags
	IfModifiedSince, IfUnmodifiedSince time.Time // zero: absent, or not a date
	If                                 *If       // nil: absent
}

// ParseConditions returns the preconditions of h; host is the request's Host
// header. Malformed ones are an error, 400, but for dates, which are ignored as
// RFC 9110 §13.1.3 says.
func ParseConditions(h http.Header, host string) (c Conditions, err error) {
	if c.IfMatch, err = ParseETags(h, "If-Match"); err != nil {
		return Conditions{}, err
	}
	if c.IfNoneMatch, err = ParseETags(h, "If-None-Match"); err != nil {
		return Conditions{}, err
	}
	if c.If, err = ParseIf(h, host); err != nil {
		return Conditions{}, err
	}
	c.IfModifiedSince = date(h, "If-Modified-Since")
	c.IfUnmodifiedSince = date(h, "If-Unmodified-Since")
	return c, nil
}

func date(h http.Header, name string) time.Time {
	v, ok := single(h, name)
	if !ok {
		return time.Time{}
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return time.Time{}
	}
	return t
}

// Check evaluates all but the If header, in the order of RFC 9110 §13.2.2, for
// a resource with the given tag and time of modification: the empty tag and the
// zero time if it does not exist. It returns 0 to go on, 412, or, for GET and
// HEAD, 304.
func (c *Conditions) Check(method string, tag ETag, modified time.Time) int {
	modified = modified.Truncate(time.Second) // as HTTP dates are
	switch {
	case c.IfMatch.Present():
		if !c.IfMatch.MatchStrong(tag) {
			return http.StatusPreconditionFailed
		}
	case !c.IfUnmodifiedSince.IsZero():
		if tag == "" || modified.After(c.IfUnmodifiedSince) {
			return http.StatusPreconditionFailed
		}
	}
	reading := method == http.MethodGet || method == http.MethodHead
	switch {
	case c.IfNoneMatch.Present():
		if c.IfNoneMatch.MatchWeak(tag) {
			if reading {
				return http.StatusNotModified
			}
			return http.StatusPreconditionFailed
		}
	case !c.IfModifiedSince.IsZero():
		if reading && tag != "" && !modified.IsZero() && !modified.After(c.IfModifiedSince) { // RFC 9110 §13.1.3
			return http.StatusNotModified
		}
	}
	return 0
}
