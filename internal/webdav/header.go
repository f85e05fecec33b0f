package webdav

import (
	"net/http"
	"net/url"
	"strings"
)

// A Depth is the value of a Depth header (RFC 4918 §10.2).
type Depth int8

// The depths there are. DepthInfinity compares greater than the others.
const (
	Depth0        Depth = 0
	Depth1        Depth = 1
	DepthInfinity Depth = 127
)

// String returns the header's value.
func (d Depth) String() string {
	switch d {
	case Depth0:
		return "0"
	case Depth1:
		return "1"
	}
	return "infinity"
}

// ParseDepth returns the Depth header of h, absent if there is none. Anything
// but 0, 1 and infinity is an error: 400.
func ParseDepth(h http.Header, absent Depth) (Depth, error) {
	v, ok := single(h, "Depth")
	switch {
	case !ok:
		return absent, nil
	case v == "0":
		return Depth0, nil
	case v == "1":
		return Depth1, nil
	case strings.EqualFold(v, "infinity"):
		return DepthInfinity, nil
	}
	return 0, BadRequest("Depth is not 0, 1 or infinity")
}

// single returns the trimmed value of the header name and whether it is there.
func single(h http.Header, name string) (string, bool) {
	values := h[name]
	if len(values) == 0 {
		return "", false
	}
	return strings.Trim(values[0], " \t"), true
}

// ParseOverwrite returns the Overwrite header of h: true if it is absent (RFC
// 4918 §10.6). Anything but T and F is an error: 400.
func ParseOverwrite(h http.Header) (bool, error) {
	v, ok := single(h, "Overwrite")
	switch {
	case !ok, v == "T", v == "t":
		return true, nil
	case v == "F", v == "f":
		return false, nil
	}
	return false, BadRequest("Overwrite is not T or F")
}

// ParseDestination returns the path that r's Destination header names, decoded
// as by [CleanPath] (RFC 4918 §10.3). Errors: 400 if it is absent or malformed,
// 502 if it names another server (RFC 4918 §9.8.5).
func ParseDestination(r *http.Request) (string, error) {
	v, ok := single(r.Header, "Destination")
	if !ok || v == "" {
		return "", BadRequest("Destination is missing")
	}
	if strings.ContainsAny(v, "?#") {
		return "", BadRequest("Destination has a query or fragment")
	}
	if strings.HasPrefix(v, "/") {
		return CleanPath(v)
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" {
		return "", &Error{Status: http.StatusBadRequest, Description: "Destination is not a URL", Err: err}
	}
	if u.Scheme != "http" && u.Scheme != "https" || !sameHost(u, r.Host) {
		return "", &Error{Status: http.StatusBadGateway, Description: "Destination is another server"}
	}
	return CleanPath(u.EscapedPath())
}

// Return says which of Prefer's return preferences was asked for.
type Return uint8

// The return preferences (RFC 7240 §4.2).
const (
	ReturnDefault Return = iota
	ReturnMinimal
	ReturnRepresentation
)

// A Prefer holds the preferences of RFC 7240 and 8144 that mean something here.
type Prefer struct {
	Return Return
	// DepthNoroot leaves the request's own resource out of a PROPFIND with
	// Depth 1 or infinity (RFC 8144 §3).
	DepthNoroot bool
	// Brief is set if ReturnMinimal came from Microsoft's "Brief: t".
	Brief bool
}

// ParsePrefer returns the preferences of h. Those it does not know, and values
// it does not understand, are ignored (RFC 7240 §2). Of two that say the same
// thing the first counts.
func ParsePrefer(h http.Header) Prefer {
	var p Prefer
	for _, line := range h["Prefer"] {
		for item := range splitList(line) {
			name, value := preference(item)
			switch {
			case name == "return" && p.Return == ReturnDefault && strings.EqualFold(value, "minimal"),
				name == "return-minimal" && p.Return == ReturnDefault:
				p.Return = ReturnMinimal
			case name == "return" && p.Return == ReturnDefault && strings.EqualFold(value, "representation"),
				name == "return-representation" && p.Return == ReturnDefault:
				p.Return = ReturnRepresentation
			case name == "depth-noroot":
				p.DepthNoroot = true
			}
		}
	}
	if v, ok := single(h, "Brief"); ok && strings.EqualFold(v, "t") && p.Return == ReturnDefault {
		p.Return, p.Brief = ReturnMinimal, true
	}
	return p
}

// Applied returns the value of the Preference-Applied header of a response that
// honoured p, empty if there is nothing to say.
func (p Prefer) Applied() string {
	var s string
	switch {
	case p.Brief:
	case p.Return == ReturnMinimal:
		s = "return=minimal"
	case p.Return == ReturnRepresentation:
		s = "return=representation"
	}
	if p.DepthNoroot {
		if s != "" {
			s += ", "
		}
		s += "depth-noroot"
	}
	return s
}

// HasToken reports whether a list header has a token among its items, in any case of
// letters.
func HasToken(h http.Header, name, token string) bool {
	for _, line := range h.Values(name) {
		for item := range splitList(line) {
			if strings.EqualFold(item, token) {
				return true
			}
		}
	}
	return false
}

// preference splits one preference into its lower-case name and its value,
// leaving parameters out.
func preference(item string) (name, value string) {
	if i := indexUnquoted(item, ';'); i >= 0 {
		item = item[:i]
	}
	name, value, _ = strings.Cut(item, "=")
	value = strings.Trim(value, " \t")
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return strings.ToLower(strings.Trim(name, " \t")), value
}

// splitList yields the items of a comma-separated header, trimmed and without
// empty ones. Commas within quotes do not separate (RFC 9110 §5.6.1).
func splitList(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for s != "" {
			item := s
			if i := indexUnquoted(s, ','); i >= 0 {
				item, s = s[:i], s[i+1:]
			} else {
				s = ""
			}
			if item = strings.Trim(item, " \t"); item != "" && !yield(item) {
				return
			}
		}
	}
}

// indexUnquoted returns the offset of the first c in s outside of a quoted
// string, -1 if there is none. A backslash escapes nothing: entity tags have none.
func indexUnquoted(s string, c byte) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == c && !quoted:
			return i
		}
	}
	return -1
}
