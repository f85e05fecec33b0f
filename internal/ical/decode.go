package ical

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Decode reads src as one VCALENDAR with all that is in it. The package
// documentation says what is tolerated. src is copied; the strings of the result
// share that one copy.
//
// Errors: *SyntaxError with the line; one that wraps ErrLimit.
func Decode(src []byte, lim Limits) (*Component, error) {
	all, err := decode(src, lim)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		return nil, &SyntaxError{all[1].Line(), "a second VCALENDAR"}
	}
	return all[0], nil
}

// DecodeAll reads a stream of one or more VCALENDARs (RFC 5545 §3.4). Errors are
// those of Decode; lim is for all together.
func DecodeAll(src []byte, lim Limits) ([]*Component, error) { return decode(src, lim) }

func decode(src []byte, lim Limits) ([]*Component, error) {
	d := decoder{lim: lim.withDefaults()}
	if len(src) > d.lim.Bytes {
		return nil, overLimit(1, "bytes", d.lim.Bytes)
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	lines := bytes.Count(src, []byte{'\n'})
	if lines == 0 && bytes.IndexByte(src, '\r') >= 0 {
		src = bytes.ReplaceAll(src, []byte{'\r'}, []byte{'\n'}) // line ends of old Macs
		lines = bytes.Count(src, []byte{'\n'})
	}
	d.src = string(src)
	d.valid = utf8.ValidString(d.src)
	d.props = make([]Property, 0, min(lines+1, d.lim.Properties))
	for {
		more, err := d.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if err := d.content(); err != nil {
			return nil, err
		}
	}
	if n := len(d.open); n > 0 {
		c := d.open[n-1].c
		return nil, &SyntaxError{d.line, fmt.Sprintf("BEGIN:%s of line %d has no END", clip(c.Name), c.line)}
	}
	if len(d.roots) == 0 {
		return nil, &SyntaxError{1, "no VCALENDAR"}
	}
	return d.roots, nil
}

// A decoder reads logical lines into one slab of properties. A component's
// properties are a piece of the slab, unless some stand behind a child.
type decoder struct {
	lim    Limits
	src    string
	valid  bool // src is UTF-8 as a whole, and so is each line
	at     int  // the next byte of src
	line   int  // the number of the physical line before at
	roots  []*Component
	open   []frame
	stack  [8]frame // room for open
	props  []Property
	params []Param // chunk that is being filled
	values []string

	nComponents, nProps, nValues int

	// The logical line that next found.
	buf    []byte // for unfold
	text   string // unfolded
	folded string // as it was written, if it was folded
	start  int    // its line number
}

// A frame is a component whose END has not been read.
type frame struct {
	c    *Component
	from int // c.Props are d.props[from:to], while they are in one piece
	to   int
}

// next finds the next logical line that is not empty.
func (d *decoder) next() (bool, error) {
	for d.at < len(d.src) {
		from := d.at
		d.line++
		d.start = d.line
		end := d.lineEnd()
		if end == from {
			continue // an empty line
		}
		d.text, d.folded = d.src[from:end], ""
		if d.at < len(d.src) && d.continues() {
			d.unfold(from, end)
		}
		if len(d.text) > d.lim.LineBytes {
			return false, overLimit(d.start, "bytes in a line", d.lim.LineBytes)
		}
		if strings.Trim(d.text, " \t") == "" {
			continue
		}
		if err := d.checkText(); err != nil {
			return false, err
		}
		if len(d.open) == 0 && (d.text[0] == ' ' || d.text[0] == '\t') {
			d.text = strings.TrimLeft(d.text, " \t") // blanks before the first line
		}
		return true, nil
	}
	return false, nil
}

// lineEnd moves d.at behind the physical line there, and returns where the text
// of that line ends: before its LF and any CRs.
func (d *decoder) lineEnd() int {
	end := len(d.src)
	if i := strings.IndexByte(d.src[d.at:], '\n'); i >= 0 {
		end = d.at + i
	}
	from := d.at
	d.at = min(end+1, len(d.src))
	for end > from && d.src[end-1] == '\r' {
		end--
	}
	return end
}

// continues reports whether the line before d.at goes on: behind it, after empty
// lines at most, is a line that begins with a blank (RFC 5545 §3.1). If so it
// moves d.at there.
func (d *decoder) continues() bool {
	lines := 0
	for i := d.at; i < len(d.src); i++ {
		switch d.src[i] {
		case ' ', '\t':
			d.at = i
			d.line += lines
			return true
		case '\r':
		case '\n':
			lines++
		default:
			return false
		}
	}
	return false
}

// unfold joins to the physical line src[from:end] the continuation lines behind
// it, of which the first begins at d.at.
func (d *decoder) unfold(from, end int) {
	d.buf = append(d.buf[:0], d.src[from:end]...)
	for {
		d.line++
		start := d.at
		end = d.lineEnd()
		d.buf = append(d.buf, d.src[start+1:end]...)
		if d.at == len(d.src) || !d.continues() {
			break
		}
	}
	d.text, d.folded = string(d.buf), d.src[from:end]
}

// checkText refuses what must not be in a line: control characters but TAB
// (RFC 5545 §3.1, CONTROL), and what is not UTF-8 (§3.1.4).
func (d *decoder) checkText() error {
	if at := controlAt(d.text); at >= 0 {
		return &SyntaxError{d.start, fmt.Sprintf("control character 0x%02X", d.text[at])}
	}
	if !d.valid && !utf8.ValidString(d.text) {
		return &SyntaxError{d.start, "not UTF-8"}
	}
	return nil
}

// content reads the logical line as a property, or as the begin or end of a
// component.
func (d *decoder) content() error {
	name, at, err := scanName(d.text)
	if err != "" {
		return &SyntaxError{d.start, err}
	}
	if len(d.open) == 0 && name != "BEGIN" {
		if len(d.roots) == 0 {
			return &SyntaxError{d.start, "no BEGIN:VCALENDAR at the start"}
		}
		return &SyntaxError{d.start, "text after END:VCALENDAR"}
	}
	var params []Param
	if d.text[at] == ';' {
		if params, at, err = d.readParams(at); err != "" {
			if err == limitReason {
				return overLimit(d.start, "parameter values", d.lim.ParamValues)
			}
			return &SyntaxError{d.start, err}
		}
	}
	value := d.text[at+1:]
	switch name {
	case "BEGIN":
		return d.begin(strings.ToUpper(strings.Trim(value, " \t")))
	case "END":
		return d.end(strings.ToUpper(strings.Trim(value, " \t")))
	}
	return d.add(Property{Name: name, Params: params, Value: value, src: d.text, folded: d.folded, line: int32(d.start)})
}

// add appends p to the component that is open.
func (d *decoder) add(p Property) error {
	if d.nProps++; d.nProps > d.lim.Properties {
		return overLimit(d.start, "properties", d.lim.Properties)
	}
	f := &d.open[len(d.open)-1]
	if f.c.Props == nil && f.to == len(d.props) {
		d.props = append(d.props, p)
		f.to++
		return nil
	}
	if f.c.Props == nil { // behind a child: its properties follow in the slab
		f.c.Props = append(make([]Property, 0, 2*(f.to-f.from)+4), d.props[f.from:f.to]...)
	}
	f.c.Props = append(f.c.Props, p)
	return nil
}

func (d *decoder) begin(name string) error {
	if d.nComponents++; d.nComponents > d.lim.Components {
		return overLimit(d.start, "components", d.lim.Components)
	}
	if len(d.open) == d.lim.Depth {
		return overLimit(d.start, "components within each other", d.lim.Depth)
	}
	if bad := checkName(name); bad != "" {
		return &SyntaxError{d.start, "BEGIN of a component: " + bad}
	}
	if len(d.open) == 0 && name != "VCALENDAR" {
		return &SyntaxError{d.start, fmt.Sprintf("BEGIN:%s outside a VCALENDAR", clip(name))}
	}
	c := &Component{Name: name, begin: d.written(), line: int32(d.start)}
	if n := len(d.open); n > 0 {
		parent := d.open[n-1].c
		parent.Children = append(parent.Children, c)
	} else {
		d.roots = append(d.roots, c)
		d.open = d.stack[:0]
	}
	d.open = append(d.open, frame{c, len(d.props), len(d.props)})
	return nil
}

func (d *decoder) end(name string) error {
	f := d.open[len(d.open)-1]
	if f.c.Name != name {
		return &SyntaxError{d.start, fmt.Sprintf("END:%s, but BEGIN:%s of line %d is open", clip(name), clip(f.c.Name), f.c.line)}
	}
	f.c.end = d.written()
	if f.c.Props == nil {
		f.c.Props = d.props[f.from:f.to:f.to]
	}
	d.open = d.open[:len(d.open)-1]
	return nil
}

// written returns the logical line with its folds.
func (d *decoder) written() string {
	if d.folded != "" {
		return d.folded
	}
	return d.text
}
