package webdav

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
)

// maxProperties bounds the properties that one request may name. Each is
// given for every resource, so that without it a small request could ask for
// a very large response.
const maxProperties = 1000

// A PropfindRequest says which properties are asked for: by PROPFIND, and by
// the reports that respond like it. The zero value asks for none.
type PropfindRequest struct {
	AllProp  bool       // DAV:allprop (RFC 4918 §9.1.5)
	PropName bool       // DAV:propname
	Include  []*Element // with AllProp: properties to add
	Props    []*Element // DAV:prop; may have attributes and content, as calendar-data has
}

// ParsePropfind returns what a PROPFIND body asks for (RFC 4918 §14.20). A nil
// root, that is no body, asks for all. Errors: 400.
func ParsePropfind(root *Element) (PropfindRequest, error) {
	if root == nil {
		return PropfindRequest{AllProp: true}, nil
	}
	if !root.Is(NamePropfind) {
		return PropfindRequest{}, BadRequest("body is not DAV:propfind")
	}
	r, n, err := parseProps(root)
	if err == nil && n != 1 {
		err = BadRequest("DAV:propfind: one of allprop, propname and prop is wanted")
	}
	return r, err
}

// ParseProps returns which properties the children of e, a report, ask for, of
// allprop, propname and prop the first. There may be none.
func ParseProps(e *Element) (PropfindRequest, error) {
	r, _, err := parseProps(e)
	return r, err
}

// parseProps also returns how many of the three there are.
func parseProps(e *Element) (r PropfindRequest, n int, err error) {
	var include []*Element
	for c := range e.Elements() {
		switch c.Name {
		case NameAllprop, NamePropname, NameProp:
			if n++; n > 1 {
				continue
			}
			r.AllProp, r.PropName = c.Name == NameAllprop, c.Name == NamePropname
			if c.Name == NameProp {
				r.Props, err = properties(c)
			}
		case NameInclude:
			include, err = properties(c)
		}
		if err != nil {
			return PropfindRequest{}, 0, err
		}
	}
	if r.AllProp {
		r.Include = include
	}
	return r, n, nil
}

// fewProperties is how many properties are searched faster than mapped.
const fewProperties = 16

// properties returns e's child elements, each name once.
func properties(e *Element) ([]*Element, error) {
	props := make([]*Element, 0, len(e.Children))
	var seen map[xml.Name]bool
	if len(e.Children) > fewProperties {
		seen = make(map[xml.Name]bool, len(e.Children))
	}
	for c := range e.Elements() {
		if seen[c.Name] || seen == nil && slices.ContainsFunc(props, func(p *Element) bool { return p.Name == c.Name }) {
			continue
		}
		if len(props) == maxProperties {
			return nil, BadRequest("more than " + strconv.Itoa(maxProperties) + " properties")
		}
		if seen != nil {
			seen[c.Name] = true
		}
		props = append(props, c)
	}
	return props, nil
}

// A PropUpdate is one instruction of PROPPATCH.
type PropUpdate struct {
	Remove bool
	Prop   *Element // the property name element; its content is the value to set
}

// ParsePropertyUpdate returns the instructions of a PROPPATCH body in document
// order, which is the order to carry them out in (RFC 4918 §9.2). An xml:lang
// in scope of a property is put on it (RFC 4918 §4.3). Errors: 400.
func ParsePropertyUpdate(root *Element) ([]PropUpdate, error) {
	if !root.Is(NamePropertyUpdate) {
		return nil, BadRequest("body is not DAV:propertyupdate")
	}
	updates, err := instructions(root)
	if err == nil && len(updates) == 0 {
		err = BadRequest("DAV:propertyupdate: nothing to set or remove")
	}
	return updates, err
}

// instructions returns the properties within DAV:set and DAV:remove below e.
func instructions(e *Element) ([]PropUpdate, error) {
	var updates []PropUpdate
	for c := range e.Elements() {
		if !c.Is(NameSet) && !c.Is(NameRemove) {
			continue // RFC 4918 §17
		}
		for prop := range c.ChildrenNamed(NameProp) {
			for p := range prop.Elements() {
				updates = append(updates, instruction(p, prop, c, e))
			}
		}
	}
	return updates, tooMany(len(updates))
}

// instruction is what a property within DAV:set or DAV:remove says; its ancestors
// are given from the inside out.
func instruction(p *Element, ancestors ...*Element) PropUpdate {
	for _, a := range ancestors {
		if a.Is(NameRemove) {
			return PropUpdate{Remove: true, Prop: p}
		}
	}
	return PropUpdate{Prop: withLang(p, ancestors...)}
}

func tooMany(properties int) error {
	if properties > maxProperties {
		return BadRequest("more than " + strconv.Itoa(maxProperties) + " properties")
	}
	return nil
}

// ParseBulkUpdate returns the instructions of one ME:resource of a bulk change, in
// document order (calendarserver-bulk-change §4): the properties within the
// DAV:prop of its DAV:set and DAV:remove, as its examples have them, and those that
// have no DAV:prop around them, as its text says. Errors: 400.
func ParseBulkUpdate(e *Element) ([]PropUpdate, error) {
	var updates []PropUpdate
	for c := range e.Elements() {
		if !c.Is(NameSet) && !c.Is(NameRemove) {
			continue
		}
		for p := range c.Elements() {
			if !p.Is(NameProp) {
				updates = append(updates, instruction(p, c, e))
				continue
			}
			for inner := range p.Elements() {
				updates = append(updates, instruction(inner, p, c, e))
			}
		}
	}
	return updates, tooMany(len(updates))
}

// withLang returns e with the innermost xml:lang of its ancestors, which are
// given from the inside out, unless it has one.
func withLang(e *Element, ancestors ...*Element) *Element {
	name := xml.Name{Space: NSXML, Local: "lang"}
	if _, ok := e.AttrNS(name); ok {
		return e
	}
	for _, a := range ancestors {
		if lang, ok := a.AttrNS(name); ok {
			c := *e
			c.Attrs = append(slices.Clip(e.Attrs), xml.Attr{Name: name, Value: lang})
			return &c
		}
	}
	return e
}

// A MkcolRequest is what an extended MKCOL or a MKCALENDAR sets at creation.
type MkcolRequest struct {
	Props []*Element // in document order
}

// ParseMkcol returns what an extended MKCOL body sets (RFC 5689 §5.1). A nil
// root, a MKCOL as in RFC 4918, sets nothing. A body of another kind is 415
// (RFC 4918 §9.3).
func ParseMkcol(root *Element) (MkcolRequest, error) {
	if root != nil && !root.Is(NameMkcol) {
		return MkcolRequest{}, &Error{
			Status:      http.StatusUnsupportedMediaType,
			Description: "body is not DAV:mkcol",
		}
	}
	return parseMkcol(root)
}

// ParseMkcalendar returns what a MKCALENDAR body sets (RFC 4791 §9.2). A nil
// root sets nothing. Errors: 400.
func ParseMkcalendar(root *Element) (MkcolRequest, error) {
	if root != nil && !root.Is(NameMkcalendar) {
		return MkcolRequest{}, BadRequest("body is not CALDAV:mkcalendar")
	}
	return parseMkcol(root)
}

func parseMkcol(root *Element) (MkcolRequest, error) {
	var r MkcolRequest
	if root == nil {
		return r, nil
	}
	updates, err := instructions(root)
	if err != nil {
		return r, err
	}
	for _, u := range updates {
		if u.Remove {
			return r, BadRequest("nothing can be removed from what is being created")
		}
		r.Props = append(r.Props, u.Prop)
	}
	return r, nil
}

// Prop returns the property of that name, nil if it is not set. Of several the
// last counts.
func (r MkcolRequest) Prop(name xml.Name) *Element {
	for i := len(r.Props) - 1; i >= 0; i-- {
		if r.Props[i].Name == name {
			return r.Props[i]
		}
	}
	return nil
}

// ResourceType returns the types that the DAV:resourcetype property lists, nil
// if it is not set (RFC 5689 §3).
func (r MkcolRequest) ResourceType() []xml.Name {
	var types []xml.Name
	for t := range r.Prop(NameResourceType).Elements() {
		types = append(types, t.Name)
	}
	return types
}

// PropstatBody returns the document that a failed MKCOL or MKCALENDAR, and a
// successful one with something to say, responds with: root is
// [NameMkcolResponse] or [NameMkcalResponse] (RFC 5689 §5.2, RFC 4791 §5.3.1.2).
func PropstatBody(root xml.Name, results []PropResult) []byte {
	var m Multistatus
	m.Reset(nil)
	m.Start(root)
	m.closeTag()
	m.PropResults(results)
	return m.Finish()
}

// A PropResult is what became of one property of a request that sets several.
type PropResult struct {
	Name   xml.Name
	Status int
	Err    *Error // the condition not met; may be nil
}

// PropResults writes one propstat for every different outcome among results,
// in the order of first occurrence.
func (m *Multistatus) PropResults(results []PropResult) {
	done := make([]bool, len(results))
	for i, r := range results {
		if done[i] {
			continue
		}
		m.PropstatStart(r.Status)
		for j := i; j < len(results); j++ {
			if s := results[j]; !done[j] && s.Status == r.Status && s.Err == r.Err {
				m.Empty(s.Name)
				done[j] = true
			}
		}
		m.PropstatEnd(r.Err)
	}
}
