package ical

import (
	"slices"
	"strings"
)

// NewComponent returns an empty component. name is in upper case.
func NewComponent(name string) *Component { return &Component{Name: name} }

// NewProperty returns a property with a value as it stands in a file: escaped, if
// it is TEXT. name is in upper case.
func NewProperty(name, value string, params ...Param) Property {
	return Property{Name: name, Params: params, Value: value}
}

// TextProperty returns a property whose value is TEXT, and escapes text for it.
func TextProperty(name, text string, params ...Param) Property {
	return NewProperty(name, EscapeText(text), params...)
}

// DateTimeProperty returns a property whose value is t, with VALUE=DATE or the
// TZID that it needs.
func DateTimeProperty(name string, t DateTime) Property {
	p := Property{Name: name}
	p.SetDateTime(t)
	return p
}

// NewParam returns a parameter. name is in upper case.
func NewParam(name string, values ...string) Param { return Param{name, values} }

// Set makes p the one property of its name in c. It takes the place of the first
// there was, or of none at the end.
func (c *Component) Set(p Property) {
	for i := range c.Props {
		if c.Props[i].Name == p.Name {
			p.line = c.Props[i].line // it stands where that stood, also among children
			c.Props[i] = p
			kept := i + 1
			for _, other := range c.Props[i+1:] {
				if other.Name != p.Name {
					c.Props[kept] = other
					kept++
				}
			}
			clear(c.Props[kept:])
			c.Props = c.Props[:kept]
			return
		}
	}
	c.Add(p)
}

// SetValue sets the value of the one property of that name: see Set. The
// parameters are those of the property that was there.
func (c *Component) SetValue(name, value string) {
	p := Property{Name: name}
	if old := c.Prop(name); old != nil {
		p = *old
	}
	p.Value = value
	c.Set(p)
}

// Add appends properties.
func (c *Component) Add(props ...Property) {
	c.Props = append(c.Props, props...)
}

// Remove removes all properties of that name, and reports whether there were any.
func (c *Component) Remove(name string) bool {
	return c.RemoveFunc(func(p *Property) bool { return p.Name == name })
}

// RemoveFunc removes the properties for which drop is true, and reports whether
// there were any.
func (c *Component) RemoveFunc(drop func(*Property) bool) bool {
	n, left := len(c.Props), 0
	for i := range c.Props {
		if drop(&c.Props[i]) {
			continue
		}
		if left < i {
			c.Props[left] = c.Props[i]
		}
		left++
	}
	clear(c.Props[left:])
	c.Props = c.Props[:left]
	return left < n
}

// RemoveChildren removes the children for which drop is true, and reports whether
// there were any.
func (c *Component) RemoveChildren(drop func(*Component) bool) bool {
	n := len(c.Children)
	c.Children = slices.DeleteFunc(c.Children, drop)
	return len(c.Children) < n
}

// Take makes p say what q does, word by word, at the place where p stands.
func (p *Property) Take(q *Property) {
	line := p.line
	*p = *q
	p.line = line
}

// SetText sets the value of p to text, escaped.
func (p *Property) SetText(text string) { p.Value = EscapeText(text) }

// SetDateTime sets the value of p to t, and VALUE and TZID to what that needs.
func (p *Property) SetDateTime(t DateTime) {
	p.Value = t.String()
	p.RemoveParam("TZID")
	p.RemoveParam("VALUE")
	switch t.Kind {
	case Date:
		p.SetParam("VALUE", "DATE")
	case Zoned:
		p.SetParam("TZID", t.Zone.Name())
	}
}

// SetParam makes values those of the one parameter of that name.
func (p *Property) SetParam(name string, values ...string) {
	params := make([]Param, 0, len(p.Params)+1) // p's may be shared with other properties
	done := false
	for _, q := range p.Params {
		switch {
		case q.Name != name:
			params = append(params, q)
		case !done:
			params, done = append(params, Param{name, values}), true
		}
	}
	if !done {
		params = append(params, Param{name, values})
	}
	p.Params = params
}

// RemoveParam removes all parameters of that name, and reports whether there were
// any.
func (p *Property) RemoveParam(name string) bool {
	if !p.Has(name) {
		return false
	}
	params := make([]Param, 0, len(p.Params))
	for _, q := range p.Params {
		if q.Name != name {
			params = append(params, q)
		}
	}
	p.Params = params
	return true
}

// Equal reports whether c and d say the same: the same properties, parameters
// and children in the same order, however they are written.
func (c *Component) Equal(d *Component) bool {
	return c.Name == d.Name && slices.EqualFunc(c.Props, d.Props, func(p, q Property) bool { return p.Equal(&q) }) &&
		slices.EqualFunc(c.Children, d.Children, (*Component).Equal)
}

// Equal reports whether p and q have the same name, parameters and value, however
// they are written.
func (p *Property) Equal(q *Property) bool {
	return p.Name == q.Name && p.Value == q.Value && slices.EqualFunc(p.Params, q.Params, func(a, b Param) bool {
		return a.Name == b.Name && slices.Equal(a.Values, b.Values)
	})
}

// Address returns the value of p, a calendar user address, for comparison: without blanks around
// it, the scheme in lower case, and what follows mailto: as well.
func (p *Property) Address() string {
	address := strings.TrimSpace(p.Value)
	scheme, rest, ok := strings.Cut(address, ":")
	if !ok {
		return address
	}
	lower, other := strings.ToLower(scheme), rest
	if lower == "mailto" {
		other = strings.ToLower(rest)
	}
	if lower == scheme && other == rest {
		return address
	}
	return lower + ":" + other
}
