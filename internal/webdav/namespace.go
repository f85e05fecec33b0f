package webdav

import (
	"encoding/xml"
	"strings"
)

// declare puts the namespace declarations among p.attrs in force, and takes
// them out of p.attrs.
func (p *parser) declare() error {
	kept := p.attrs[:0]
	for _, a := range p.attrs {
		var prefix string
		switch {
		case a.name == "xmlns":
		case a.colon == 5 && strings.HasPrefix(a.name, "xmlns"):
			prefix = a.name[6:]
			if a.value == "" {
				return p.fail("prefix %s: empty namespace", prefix)
			}
		default:
			kept = append(kept, a)
			continue
		}
		switch {
		case prefix == "xmlns" || a.value == nsXMLNS,
			(prefix == "xml") != (a.value == NSXML):
			return p.fail("prefix %q cannot be bound to %q", prefix, a.value)
		case p.namespaces == p.lim.Namespaces:
			return p.fail("more than %d namespaces", p.lim.Namespaces)
		}
		p.namespaces++
		p.scope = &scope{binding{prefix, a.value}, p.scope}
	}
	p.attrs = kept
	return nil
}

// lookup returns the namespace that prefix is bound to.
func (p *parser) lookup(prefix string) (uri string, ok bool) {
	for s := p.scope; s != nil; s = s.outer {
		if s.prefix == prefix {
			return s.uri, true
		}
	}
	switch prefix {
	case "":
		return "", true
	case "xml":
		return NSXML, true
	}
	return "", false
}

func (p *parser) resolveName(e *Element, raw string, colon int) error {
	prefix, local := "", raw
	if colon >= 0 {
		prefix, local = raw[:colon], raw[colon+1:]
	}
	uri, ok := p.lookup(prefix)
	if !ok {
		return p.fail("prefix %s is not declared", prefix)
	}
	e.Name = xml.Name{Space: uri, Local: local}
	e.prefix, e.scope = prefix, p.scope
	return nil
}

func (p *parser) resolveAttrs(e *Element) error {
	if len(p.attrs) == 0 {
		return nil
	}
	e.Attrs = make([]xml.Attr, len(p.attrs))
	for i, a := range p.attrs {
		name := xml.Name{Local: a.name}
		if a.colon >= 0 {
			uri, ok := p.lookup(a.name[:a.colon])
			if !ok {
				return p.fail("prefix %s is not declared", a.name[:a.colon])
			}
			name = xml.Name{Space: uri, Local: a.name[a.colon+1:]}
			for j := range i {
				if e.Attrs[j].Name == name {
					return p.fail("attribute %s twice", name.Local)
				}
			}
		}
		e.Attrs[i] = xml.Attr{Name: name, Value: a.value}
	}
	return nil
}
