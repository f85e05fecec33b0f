package webdav

import (
	"net/http"
	"strings"
)

// An If is the If header of RFC 4918 §10.4: lists of conditions on resources.
type If struct {
	Lists []IfList
}

// An IfList is satisfied if all its conditions hold on one resource.
type IfList struct {
	// Resource is the decoded path of the tag before the list; empty: the
	// resource of the request.
	Resource string
	// Elsewhere is set if the tag names a resource that is not on this server.
	Elsewhere  bool
	Conditions []IfCondition
}

// An IfCondition compares the state of a resource with a state token or an
// entity tag; one of the two is set.
type IfCondition struct {
	Not   bool
	Token string // a URI, without its angle brackets
	ETag  ETag
}

// maxIfConditions bounds what one If header may ask for.
const maxIfConditions = 1000

// TokenNoLock is the state token that never matches (RFC 4918 §10.4.8).
const TokenNoLock = "DAV:no-lock"

// A State tells what an If header needs to know of the resource at path:
// its entity tag, empty if it does not exist, and its state tokens, which are
// lock tokens and, for a collection, its sync token (RFC 6578 §5).
type State func(path string) (tag ETag, tokens []string)

// ParseIf returns the If header of h, nil if it is absent; host is the request's
// Host header. A malformed header is an error: 400.
func ParseIf(h http.Header, host string) (*If, error) {
	values := h["If"]
	if len(values) == 0 {
		return nil, nil
	}
	p := ifParser{s: strings.Join(values, " "), host: host}
	f, ok := p.header()
	if !ok {
		return nil, BadRequest("If: malformed")
	}
	return f, nil
}

// Holds reports whether one of f's lists is satisfied (RFC 4918 §10.4.3), with
// request as the path of the resource of untagged lists. A nil If holds.
// Entity tags are compared strongly.
func (f *If) Holds(request string, state State) bool {
	if f == nil {
		return true
	}
	for i := range f.Lists {
		if f.Lists[i].holds(request, state) {
			return true
		}
	}
	return false
}

func (l *IfList) holds(request string, state State) bool {
	var tag ETag
	var tokens []string
	if !l.Elsewhere {
		path := l.Resource
		if path == "" {
			path = request
		}
		tag, tokens = state(path)
	}
	for _, c := range l.Conditions {
		var match bool
		if c.Token != "" {
			for _, t := range tokens {
				match = match || t == c.Token && t != TokenNoLock
			}
		} else {
			match = c.ETag == tag && !c.ETag.Weak()
		}
		if match == c.Not {
			return false
		}
	}
	return true
}

// Tokens returns the state tokens that f submits (RFC 4918 §10.4.1): all that
// occur in it, whether its lists hold or not.
func (f *If) Tokens() []string {
	if f == nil {
		return nil
	}
	var tokens []string
	for i := range f.Lists {
		for _, c := range f.Lists[i].Conditions {
			if c.Token != "" {
				tokens = append(tokens, c.Token)
			}
		}
	}
	return tokens
}

type ifParser struct {
	s, host string
	count   int
}

// header parses 1*No-tag-list | 1*Tagged-list.
func (p *ifParser) header() (*If, bool) {
	f := &If{}
	p.space()
	tagged := strings.HasPrefix(p.s, "<")
	for p.s != "" {
		var l IfList
		if tagged {
			uri, ok := p.between('<', '>')
			if !ok {
				return nil, false
			}
			path, err := ParseHref(uri, p.host)
			l.Resource, l.Elsewhere = path, err != nil
			if err != nil && !strings.Contains(uri, ":") && !strings.HasPrefix(uri, "/") {
				return nil, false // neither a URI nor a path
			}
		}
		lists := 0
		for p.space(); strings.HasPrefix(p.s, "("); p.space() {
			conditions, ok := p.list()
			if !ok {
				return nil, false
			}
			l.Conditions = conditions
			f.Lists = append(f.Lists, l)
			lists++
		}
		if lists == 0 {
			return nil, false
		}
	}
	return f, len(f.Lists) > 0
}

// list parses "(" 1*Condition ")".
func (p *ifParser) list() (conditions []IfCondition, ok bool) {
	p.s = p.s[1:] // '('
	for {
		p.space()
		if strings.HasPrefix(p.s, ")") {
			p.s = p.s[1:]
			return conditions, len(conditions) > 0
		}
		if p.count++; p.count > maxIfConditions {
			return nil, false
		}
		var c IfCondition
		if len(p.s) >= 3 && strings.EqualFold(p.s[:3], "Not") {
			c.Not = true
			p.s = p.s[3:]
			p.space()
		}
		switch {
		case strings.HasPrefix(p.s, "<"):
			if c.Token, ok = p.between('<', '>'); !ok || c.Token == "" {
				return nil, false
			}
		case strings.HasPrefix(p.s, "["):
			tag, ok := p.between('[', ']')
			if !ok {
				return nil, false
			}
			if c.ETag, ok = parseETag(strings.Trim(tag, " \t")); !ok {
				return nil, false
			}
		default:
			return nil, false
		}
		conditions = append(conditions, c)
	}
}

// between parses text between two delimiters. An entity tag's quotes may hold
// the closing one.
func (p *ifParser) between(open, end byte) (string, bool) {
	if p.s == "" || p.s[0] != open {
		return "", false
	}
	i := -1
	if open == '[' {
		i = indexUnquoted(p.s, end)
	} else {
		i = strings.IndexByte(p.s, end)
	}
	if i < 0 {
		return "", false
	}
	text := p.s[1:i]
	p.s = p.s[i+1:]
	return text, !strings.ContainsAny(text, "\x00\r\n")
}

func (p *ifParser) space() { p.s = strings.TrimLeft(p.s, " \t") }
