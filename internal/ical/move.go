package ical

// Moved returns a copy of p to stand in another component: where it stood in its
// source means nothing there.
func (p *Property) Moved() Property {
	n := p.Clone()
	n.line = 0
	return n
}

// Moved returns a copy of c to stand in another component, behind all that stands
// there.
func (c *Component) Moved() *Component {
	n := c.Clone()
	n.line = 0
	return n
}

// SetAll makes props those of that name in c. They take the places of those there
// were, as far as there are enough; further ones come at the end.
func (c *Component) SetAll(name string, props []*Property) {
	kept := c.Props[:0]
	for i := range c.Props {
		p := c.Props[i]
		switch {
		case p.Name != name:
		case len(props) == 0:
			continue
		default:
			line := p.line
			p = props[0].Clone()
			p.line, props = line, props[1:]
		}
		kept = append(kept, p)
	}
	clear(c.Props[len(kept):])
	c.Props = kept
	for _, p := range props {
		c.Props = append(c.Props, p.Moved())
	}
}
