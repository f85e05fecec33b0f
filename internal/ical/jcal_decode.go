package ical

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// DecodeJCal reads src as one vcalendar in jCal (RFC 7265). Dates in the basic
// format and periods in one string, which some clients send, are taken too.
//
// Errors: *SyntaxError with the line of src; one that wraps ErrLimit.
func DecodeJCal(src []byte, lim Limits) (*Component, error) {
	all, err := DecodeAllJCal(src, lim)
	if err != nil {
		return nil, err
	}
	if len(all) > 1 {
		return nil, &SyntaxError{1, "a second vcalendar"}
	}
	return all[0], nil
}

// DecodeAllJCal reads one vcalendar, or an array of them. Errors are those of
// DecodeJCal; lim is for all together.
func DecodeAllJCal(src []byte, lim Limits) ([]*Component, error) {
	lim = lim.withDefaults()
	if len(src) > lim.Bytes {
		return nil, overLimit(1, "bytes", lim.Bytes)
	}
	if !utf8.Valid(src) {
		return nil, &SyntaxError{1, "not UTF-8"}
	}
	j := jcalReader{src: src, lim: lim, dec: json.NewDecoder(bytes.NewReader(src))}
	j.dec.UseNumber()
	root, err := j.node(0)
	if err == nil {
		if _, end := j.dec.Token(); end != io.EOF {
			err = j.wrong("text after the end")
		}
	}
	if err != nil {
		return nil, j.located(err)
	}
	list := []jnode{root}
	if root.kind == '[' && len(root.items) > 0 && root.items[0].kind == '[' {
		list = root.items
	}
	var all []*Component
	for i := range list {
		c, err := j.component(&list[i], 1)
		if err != nil {
			return nil, err
		}
		if c.Name != "VCALENDAR" {
			return nil, &SyntaxError{list[i].line, clip(c.Name) + " outside a vcalendar"}
		}
		all = append(all, c)
	}
	return all, nil
}

// A jnode is a JSON value. Objects keep the order of their keys.
type jnode struct {
	kind  byte // one of [ { s (string) n (number) b (boolean) 0 (null)
	text  string
	keys  []string // of an object
	items []jnode  // of an array or object
	line  int
}

// A jcalReader turns JSON into a tree of nodes, and that into components.
type jcalReader struct {
	src  []byte
	lim  Limits
	dec  *json.Decoder
	line int // of the byte at seen
	seen int

	nNodes, nComponents, nProps, nValues int
}

// here returns the line that has been read to.
func (j *jcalReader) here() int {
	at := min(int(j.dec.InputOffset()), len(j.src))
	if at > j.seen {
		j.line += bytes.Count(j.src[j.seen:at], []byte{'\n'})
		j.seen = at
	}
	return j.line + 1
}

func (j *jcalReader) wrong(reason string) error { return &SyntaxError{j.here(), reason} }

// located turns an error of the JSON decoder into a SyntaxError.
func (j *jcalReader) located(err error) error {
	if _, ok := errors.AsType[*SyntaxError](err); ok || errors.Is(err, ErrLimit) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return j.wrong("not JSON: " + err.Error())
}

// node reads the next JSON value. Arrays and objects within each other are bound
// by what components, properties and values can nest to.
func (j *jcalReader) node(depth int) (jnode, error) {
	if depth > 2*j.lim.Depth+6 {
		return jnode{}, overLimit(j.here(), "arrays within each other", depth)
	}
	most := 8*j.lim.Properties + 4*j.lim.Components + 2*j.lim.ParamValues
	if j.nNodes++; j.nNodes > most {
		return jnode{}, overLimit(j.here(), "JSON values", most)
	}
	token, err := j.dec.Token()
	if err != nil {
		return jnode{}, err
	}
	n := jnode{line: j.here()}
	switch t := token.(type) {
	case string:
		n.kind, n.text = 's', t
	case json.Number:
		n.kind, n.text = 'n', t.String()
	case bool:
		n.kind, n.text = 'b', strings.ToUpper(fmt.Sprint(t))
	case json.Delim:
		n.kind = byte(t)
		for j.dec.More() {
			if t == '{' {
				key, err := j.dec.Token()
				if err != nil {
					return jnode{}, err
				}
				n.keys = append(n.keys, fmt.Sprint(key))
			}
			item, err := j.node(depth + 1)
			if err != nil {
				return jnode{}, err
			}
			n.items = append(n.items, item)
		}
		if _, err := j.dec.Token(); err != nil {
			return jnode{}, err
		}
	}
	return n, nil
}

// component reads [name, [properties], [components]].
func (j *jcalReader) component(n *jnode, depth int) (*Component, error) {
	if j.nComponents++; j.nComponents > j.lim.Components {
		return nil, overLimit(n.line, "components", j.lim.Components)
	}
	if depth > j.lim.Depth {
		return nil, overLimit(n.line, "components within each other", j.lim.Depth)
	}
	if n.kind != '[' || len(n.items) < 2 || len(n.items) > 3 || n.items[0].kind != 's' || n.items[1].kind != '[' {
		return nil, &SyntaxError{n.line, "not a component: [name, [properties], [components]]"}
	}
	c := &Component{Name: strings.ToUpper(n.items[0].text)}
	if bad := checkName(c.Name); bad != "" {
		return nil, &SyntaxError{n.line, "component: " + bad}
	}
	props := n.items[1].items
	if j.nProps += len(props); j.nProps > j.lim.Properties {
		return nil, overLimit(n.line, "properties", j.lim.Properties)
	}
	c.Props = make([]Property, len(props))
	for i := range props {
		if bad := j.property(&c.Props[i], &props[i]); bad != nil {
			return nil, bad
		}
	}
	if len(n.items) < 3 {
		return c, nil
	}
	if n.items[2].kind != '[' {
		return nil, &SyntaxError{n.line, "the components of " + clip(c.Name) + " are not an array"}
	}
	for i := range n.items[2].items {
		child, err := j.component(&n.items[2].items[i], depth+1)
		if err != nil {
			return nil, err
		}
		c.Children = append(c.Children, child)
	}
	return c, nil
}

// property reads [name, {parameters}, type, value, …] into p.
func (j *jcalReader) property(p *Property, n *jnode) error {
	if n.kind != '[' || len(n.items) < 4 || n.items[0].kind != 's' || n.items[1].kind != '{' || n.items[2].kind != 's' {
		return &SyntaxError{n.line, "not a property: [name, {parameters}, type, value]"}
	}
	p.Name = strings.ToUpper(n.items[0].text)
	if bad := checkName(p.Name); bad != "" {
		return &SyntaxError{n.line, "property: " + bad}
	}
	if p.Name == "BEGIN" || p.Name == "END" {
		return &SyntaxError{n.line, "a property cannot be named " + p.Name}
	}
	kind := strings.ToLower(n.items[2].text)
	if kind != "unknown" && kind != defaultTypes[p.Name] {
		if bad := checkName(kind); bad != "" {
			return &SyntaxError{n.line, "type: " + bad}
		}
		p.Params = append(p.Params, Param{"VALUE", []string{strings.ToUpper(kind)}})
	}
	if err := j.params(p, &n.items[1]); err != nil {
		return err
	}
	values := make([]string, 0, len(n.items)-3)
	for i := range n.items[3:] {
		value, err := textOf(kind, &n.items[3+i], ";")
		if err != nil {
			return err
		}
		values = append(values, value)
	}
	p.Value = strings.Join(values, ",")
	if len(p.Value) > j.lim.LineBytes {
		return overLimit(n.line, "bytes in a line", j.lim.LineBytes)
	}
	return nil
}

// params reads the parameters of p.
func (j *jcalReader) params(p *Property, n *jnode) error {
	for i, key := range n.keys {
		name := strings.ToUpper(key)
		if bad := checkName(name); bad != "" {
			return &SyntaxError{n.line, "parameter: " + bad}
		}
		if name == "VALUE" {
			continue // the type says it (RFC 7265 §3.5.1)
		}
		items := n.items[i : i+1]
		if items[0].kind == '[' {
			items = items[0].items
		}
		q := Param{Name: name}
		for k := range items {
			if j.nValues++; j.nValues > j.lim.ParamValues {
				return overLimit(n.line, "parameter values", j.lim.ParamValues)
			}
			item := &items[k]
			if item.kind == '[' || item.kind == '{' || item.kind == 0 {
				return &SyntaxError{n.line, "parameter " + clip(key) + " is not a string"}
			}
			if hasControl(item.text) {
				return &SyntaxError{n.line, "control character in parameter " + clip(key)}
			}
			q.Values = append(q.Values, strings.ReplaceAll(item.text, "\r", ""))
		}
		p.Params = append(p.Params, q)
	}
	return nil
}

// textOf returns the iCalendar text of one value of a jCal type. sep is between
// the parts of an array: ";", and "," for arrays in it.
func textOf(kind string, n *jnode, sep string) (string, error) {
	switch n.kind {
	case '[':
		if sep == "" {
			return "", &SyntaxError{n.line, "a value with arrays in arrays of arrays"}
		}
		inner := ","
		if sep == "," {
			inner = ""
		}
		if kind == "period" {
			kind, sep, inner = "date-time", "/", ""
		}
		parts := make([]string, len(n.items))
		for i := range n.items {
			var err error
			if parts[i], err = textOf(kind, &n.items[i], inner); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, sep), nil
	case '{':
		if kind != "recur" {
			return "", &SyntaxError{n.line, "an object as a value of type " + clip(kind)}
		}
		return textRule(n)
	case 's':
		return textOfString(kind, n)
	case 0:
		return "", &SyntaxError{n.line, "null as a value"}
	}
	return n.text, nil // a number or boolean
}

// hasControl reports whether s has control characters other than TAB, CR and LF.
func hasControl(s string) bool {
	for {
		i := controlAt(s)
		if i < 0 {
			return false
		}
		if s[i] != '\n' && s[i] != '\r' {
			return true
		}
		s = s[i+1:]
	}
}

func textOfString(kind string, n *jnode) (string, error) {
	if hasControl(n.text) {
		return "", &SyntaxError{n.line, "control character in a value"}
	}
	switch kind {
	case "text":
		return EscapeText(n.text), nil
	case "unknown":
		return string(appendValue(nil, n.text)), nil
	}
	if controlAt(n.text) >= 0 {
		return "", &SyntaxError{n.line, "line end in a value of type " + clip(kind)}
	}
	switch kind {
	case "date", "date-time":
		return textDate(n.text), nil
	case "time":
		return textTime(n.text), nil
	case "utc-offset":
		return textOffset(n.text), nil
	case "period":
		if start, end, ok := strings.Cut(n.text, "/"); ok {
			return textDate(start) + "/" + textDate(end), nil
		}
	}
	return n.text, nil
}

// textRule returns the RECUR of an object (RFC 7265 §3.6.10).
func textRule(n *jnode) (string, error) {
	var b strings.Builder
	for i, key := range n.keys {
		name := strings.ToUpper(key)
		if bad := checkName(name); bad != "" {
			return "", &SyntaxError{n.line, "rule part: " + bad}
		}
		items := n.items[i : i+1]
		if items[0].kind == '[' {
			items = items[0].items
		}
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name)
		for k := range items {
			value := items[k].text
			if items[k].kind == '[' || items[k].kind == '{' || controlAt(value) >= 0 || strings.ContainsAny(value, ";,") {
				return "", &SyntaxError{n.line, "rule part " + clip(key) + " is not a string or number"}
			}
			if name == "UNTIL" {
				value = textDate(value)
			}
			if k == 0 {
				b.WriteByte('=')
			} else {
				b.WriteByte(',')
			}
			b.WriteString(value)
		}
	}
	return b.String(), nil
}
