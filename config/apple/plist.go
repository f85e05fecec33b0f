package apple

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of a property list. Apple's own has 54 kB, some 600 values, seven deep.
const (
	maxBytes  = 4 << 20
	maxValues = 10_000
	maxDepth  = 32
)

// A Value is one value of a property list.
type Value struct {
	Kind string // dict, array, string, integer, real, bool, date or data
	Text string // of all but dict and array; of bool, true or false
	List []*Value
	Dict []Entry
	File string
	Line int // where it begins, from 1
}

// An Entry is a key of a dict with its value.
type Entry struct {
	Key   string
	Value *Value
}

// A SyntaxError says where a file is no property list, or too large a one.
type SyntaxError struct {
	File    string
	Line    int
	Problem string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem) }

// Parse reads an XML property list whose outermost value is a dict. Entities are not
// known, and a key may be there once. Errors: a SyntaxError.
func Parse(file string, text []byte) (*Value, error) {
	r := &reader{file: file, d: xml.NewDecoder(bytes.NewReader(text))}
	v, err := r.document(text)
	if err == nil {
		return v, nil
	}
	if s, ok := errors.AsType[*SyntaxError](err); ok {
		return nil, s
	}
	line, _ := r.d.InputPos()
	problem := err.Error()
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, problem = s.Line, s.Msg
	} else if errors.Is(err, io.EOF) {
		problem = "it ends before the property list does"
	}
	return nil, &SyntaxError{file, line, problem}
}

type reader struct {
	file   string
	d      *xml.Decoder
	values int
}

func (r *reader) fault(format string, args ...any) error {
	line, _ := r.d.InputPos()
	return &SyntaxError{r.file, line, fmt.Sprintf(format, args...)}
}

func (r *reader) document(text []byte) (*Value, error) {
	switch {
	case bytes.HasPrefix(text, []byte("bplist")):
		return nil, r.fault("it is a binary property list; write it as XML with plutil -convert xml1")
	case len(text) > maxBytes:
		return nil, r.fault("it has more than %d bytes", maxBytes)
	}
	root, err := r.element()
	switch {
	case err != nil:
		return nil, err
	case root == nil || root.Name.Local != "plist":
		return nil, r.fault("it is no property list: there is no element plist")
	}
	start, err := r.element()
	switch {
	case err != nil:
		return nil, err
	case start == nil || start.Name.Local != "dict":
		return nil, r.fault("the property list is no dict")
	}
	v, err := r.value(start, 1)
	if err != nil {
		return nil, err
	}
	for range 2 { // of plist and of the file
		more, err := r.element()
		switch {
		case errors.Is(err, io.EOF):
			return v, nil
		case err != nil:
			return nil, err
		case more != nil:
			return nil, r.fault("element %s behind the dict", more.Name.Local)
		}
	}
	return nil, r.fault("an element ends that did not begin")
}

// element returns the next element that begins; nil, if one ends before.
func (r *reader) element() (*xml.StartElement, error) {
	for {
		t, err := r.d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return &t, nil
		case xml.EndElement:
			return nil, nil
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				return nil, r.fault("text %.40q between elements", s)
			}
		case xml.Directive:
			if bytes.ContainsRune(t, '[') {
				return nil, r.fault("declarations of its own are not read")
			}
		}
	}
}

// text returns the text of the element that has begun.
func (r *reader) text() (string, error) {
	var b strings.Builder
	for {
		t, err := r.d.Token()
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return "", r.fault("element %s within text", t.Name.Local)
		case xml.EndElement:
			return b.String(), nil
		case xml.CharData:
			b.Write(t)
		}
	}
}

func (r *reader) value(start *xml.StartElement, depth int) (v *Value, err error) {
	line, _ := r.d.InputPos()
	v = &Value{Kind: start.Name.Local, File: r.file, Line: line}
	if r.values++; r.values > maxValues {
		return nil, r.fault("it has more than %d values", maxValues)
	}
	if depth > maxDepth {
		return nil, r.fault("its values are more than %d deep", maxDepth)
	}
	switch v.Kind {
	case "dict":
		return v, r.dict(v, depth)
	case "array":
		for {
			item, err := r.element()
			if err != nil || item == nil {
				return v, err
			}
			one, err := r.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			v.List = append(v.List, one)
		}
	case "true", "false":
		text, err := r.text()
		if err == nil && strings.TrimSpace(text) != "" {
			err = r.fault("element %s with text in it", v.Kind)
		}
		v.Kind, v.Text = "bool", v.Kind
		return v, err
	case "string":
		v.Text, err = r.text()
		return v, err
	case "integer", "real", "date", "data":
		v.Text, err = r.text()
		v.Text = strings.TrimSpace(v.Text)
		if _, bad := strconv.ParseInt(v.Text, 0, 64); err == nil && v.Kind == "integer" && bad != nil {
			err = r.fault("%.40q is no integer", v.Text)
		}
		if _, bad := strconv.ParseFloat(v.Text, 64); err == nil && v.Kind == "real" && bad != nil {
			err = r.fault("%.40q is no number", v.Text)
		}
		return v, err
	}
	return nil, r.fault("element %s is no value", v.Kind)
}

func (r *reader) dict(v *Value, depth int) error {
	seen := map[string]bool{}
	for {
		start, err := r.element()
		if err != nil || start == nil {
			return err
		}
		if start.Name.Local != "key" {
			return r.fault("element %s where a key should be", start.Name.Local)
		}
		key, err := r.text()
		if err != nil {
			return err
		}
		if key == "" || seen[key] {
			return r.fault("key %.80q is empty or there twice", key)
		}
		seen[key] = true
		start, err = r.element()
		if err != nil {
			return err
		}
		if start == nil {
			return r.fault("key %.80q has no value", key)
		}
		one, err := r.value(start, depth+1)
		if err != nil {
			return err
		}
		v.Dict = append(v.Dict, Entry{key, one})
	}
}

// Get returns the value below v at the keys of a path, or nil.
func (v *Value) Get(path ...string) *Value {
	for _, key := range path {
		if v == nil {
			return nil
		}
		var found *Value
		for _, e := range v.Dict {
			if e.Key == key {
				found = e.Value
			}
		}
		v = found
	}
	return v
}

// on reports whether v is there and true.
func (v *Value) on() bool { return v != nil && v.Kind == "bool" && v.Text == "true" }

// off reports whether v is there and says no: false, 0 or nothing.
func (v *Value) off() bool { return v != nil && v.empty() }

// empty reports whether v is not there, or says no.
func (v *Value) empty() bool {
	if v == nil {
		return true
	}
	switch v.Kind {
	case "dict":
		return len(v.Dict) == 0
	case "array":
		return len(v.List) == 0
	}
	return v.Text == "" || v.Text == "0" || v.Text == "false"
}

// text returns a string, "" if it is none.
func (v *Value) text() string {
	if v == nil || v.Kind != "string" {
		return ""
	}
	return strings.TrimSpace(v.Text)
}

// texts returns the strings of an array, or one string, without those that are empty.
func (v *Value) texts() (out []string) {
	if v == nil {
		return nil
	}
	if s := v.text(); s != "" {
		return []string{s}
	}
	for _, one := range v.List {
		if s := one.text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// merge puts what over says in the place of what v says, dict by dict.
func (v *Value) merge(over *Value) {
	for _, e := range over.Dict {
		at := v.Get(e.Key)
		switch {
		case at == nil:
			v.Dict = append(v.Dict, e)
		case at.Kind == "dict" && e.Value.Kind == "dict":
			at.merge(e.Value)
		default:
			*at = *e.Value
		}
	}
}
