package ical

import "strings"

// A Component is one BEGIN…END block with all that stands in it: a VCALENDAR,
// a VEVENT, or something this package has never heard of (RFC 5545 §3.6).
//
// Fields may be read and changed freely; a component that is shared between
// goroutines must not be changed: Clone it. What was decoded and is not changed
// is encoded as it was written (see the package documentation).
type Component struct {
	// Name is in upper case: "VEVENT".
	Name string

	// Props are in the order of the source. Two properties may have one name.
	Props []Property

	// Children are in the order of the source. Where they stood between the
	// properties is kept as well.
	Children []*Component

	begin, end string // the source of the BEGIN and END lines; empty: made here
	line       int32  // of BEGIN in the source, from 1; 0: made here
}

// A Property is one content line (RFC 5545 §3.1).
type Property struct {
	// Name is in upper case: "DTSTART".
	Name string

	// Params are in the order of the source. Two may have one name.
	Params []Param

	// Value is unfolded and still escaped: `Lunch\, 1st floor`. See Text.
	Value string

	src    string // the source, unfolded
	folded string // the source with its folds, without its last line end; "" if it had none
	line   int32  // where it began in the source, from 1; 0: made here
}

// A Param is one parameter of a property (RFC 5545 §3.2).
type Param struct {
	// Name is in upper case: "TZID".
	Name string

	// Values are without their quotes, and decoded (RFC 6868). None: the
	// parameter had no "=".
	Values []string
}

// Prop returns the first property of that name, in upper case, or nil.
func (c *Component) Prop(name string) *Property {
	for i := range c.Props {
		if c.Props[i].Name == name {
			return &c.Props[i]
		}
	}
	return nil
}

// AllProps returns all properties of that name, in upper case. The pointers are
// into c.Props, and are good until that is changed.
func (c *Component) AllProps(name string) []*Property {
	var all []*Property
	for i := range c.Props {
		if c.Props[i].Name == name {
			all = append(all, &c.Props[i])
		}
	}
	return all
}

// Child returns the first child component of that name, in upper case, or nil.
func (c *Component) Child(name string) *Component {
	for _, child := range c.Children {
		if child.Name == name {
			return child
		}
	}
	return nil
}

// AllChildren returns all child components of that name, in upper case.
func (c *Component) AllChildren(name string) []*Component {
	var all []*Component
	for _, child := range c.Children {
		if child.Name == name {
			all = append(all, child)
		}
	}
	return all
}

// Line returns the line of the source where c began, from 1; 0 if it had none.
func (c *Component) Line() int { return int(c.line) }

// spareProps is how many properties a copy has room for besides: it is mostly made to be
// changed, and moving all lines for a new one costs as much again.
const spareProps = 2

// Clone returns a copy that shares nothing with c that can be changed.
func (c *Component) Clone() *Component {
	props, params, values := c.size()
	k := cloner{make([]Property, 0, props+spareProps), make([]Param, 0, params), make([]string, 0, values), spareProps}
	return k.component(c)
}

// size counts what is in c.
func (c *Component) size() (props, params, values int) {
	props = len(c.Props)
	for i := range c.Props {
		params += len(c.Props[i].Params)
		for j := range c.Props[i].Params {
			values += len(c.Props[i].Params[j].Values)
		}
	}
	for _, child := range c.Children {
		p, q, v := child.size()
		props, params, values = props+p, params+q, values+v
	}
	return props, params, values
}

// A cloner has room for what it copies: three allocations, however many lines.
type cloner struct {
	props  []Property
	params []Param
	values []string
	spare  int // how many properties the first component may get
}

func (k *cloner) component(c *Component) *Component {
	n := *c
	from := len(k.props)
	for i := range c.Props {
		k.props = append(k.props, k.property(&c.Props[i]))
	}
	end := len(k.props) + k.spare
	n.Props = k.props[from:len(k.props):end]
	k.props, k.spare = k.props[:end], 0
	n.Children = nil
	if len(c.Children) > 0 {
		n.Children = make([]*Component, len(c.Children))
		for i, child := range c.Children {
			n.Children[i] = k.component(child)
		}
	}
	return &n
}

func (k *cloner) property(p *Property) Property {
	n := *p
	if len(p.Params) == 0 {
		return n
	}
	from := len(k.params)
	for _, q := range p.Params {
		at := len(k.values)
		if q.Values != nil {
			k.values = append(k.values, q.Values...)
			q.Values = k.values[at:len(k.values):len(k.values)]
		}
		k.params = append(k.params, q)
	}
	n.Params = k.params[from:len(k.params):len(k.params)]
	return n
}

// Line returns the line of the source where p began, from 1; 0 if it had none.
func (p *Property) Line() int { return int(p.line) }

// Clone returns a copy that shares nothing with p that can be changed.
func (p *Property) Clone() Property {
	var k cloner
	return k.property(p)
}

// Has reports whether p has a parameter of that name, in upper case.
func (p *Property) Has(name string) bool {
	for i := range p.Params {
		if p.Params[i].Name == name {
			return true
		}
	}
	return false
}

// Param returns the value of the first parameter of that name, in upper case,
// or "". Several values are joined by a comma: so a comma that a client did not
// quote does no harm.
func (p *Property) Param(name string) string {
	for i := range p.Params {
		if p.Params[i].Name == name {
			if len(p.Params[i].Values) == 1 {
				return p.Params[i].Values[0]
			}
			return strings.Join(p.Params[i].Values, ",")
		}
	}
	return ""
}

// ParamValues returns all values of all parameters of that name, in upper case:
// for MEMBER, DELEGATED-TO, DELEGATED-FROM. The result must not be changed.
func (p *Property) ParamValues(name string) []string {
	var all []string
	for i := range p.Params {
		if p.Params[i].Name == name {
			if all == nil {
				all = p.Params[i].Values[:len(p.Params[i].Values):len(p.Params[i].Values)]
				continue
			}
			all = append(all, p.Params[i].Values...)
		}
	}
	return all
}
