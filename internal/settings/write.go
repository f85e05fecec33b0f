package settings

import (
	"encoding"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// width is the length of a line of documentation, in bytes.
const width = 78

// Write writes config, a struct or a pointer to one, as a commented TOML file
// that [Read] takes. Settings that are empty are commented out: they stand
// there to be seen. A table like one before it, with nothing set, refers to
// that one.
func Write(w io.Writer, config any) error {
	v := reflect.Indirect(reflect.ValueOf(config))
	p := &printer{seen: map[reflect.Type]string{}}
	p.table(v, "", false)
	_, err := w.Write(p.out)
	return err
}

type printer struct {
	out  []byte
	seen map[reflect.Type]string // tables that were written out, and under which name
}

func (p *printer) line(format string, args ...any) {
	p.out = fmt.Appendf(p.out, format+"\n", args...)
}

// table writes the single values of v, then its tables. A table under a
// commented one is commented too.
func (p *printer) table(v reflect.Value, at string, commented bool) {
	var tables []field
	for _, f := range list(v) {
		t := f.value.Type()
		if isTable(t) || isTables(t) || t.Kind() == reflect.Map {
			tables = append(tables, f)
			continue
		}
		p.setting(f, commented)
	}
	for _, f := range tables {
		p.heading(f, join(at, f.name), commented)
	}
}

func (p *printer) setting(f field, commented bool) {
	p.doc(f.doc)
	mark := ""
	if commented || f.value.IsZero() && !hasMeaningfulZero(f.value.Kind()) {
		mark = "#"
	}
	p.line("%s%s = %s", mark, f.name, format(f.value))
	p.line("")
}

// hasMeaningfulZero reports whether the zero of a kind is a value like others,
// as 0 and false are, and not the absence of one.
func hasMeaningfulZero(k reflect.Kind) bool {
	switch k {
	case reflect.String, reflect.Slice, reflect.Struct:
		return false
	}
	return true
}

// heading writes a table, a list of tables, or a map.
func (p *printer) heading(f field, key string, commented bool) {
	p.doc(f.doc)
	v, mark := f.value, ""
	if commented {
		mark = "#"
	}
	switch {
	case isTable(v.Type()):
		p.line("%s[%s]", mark, key)
		if first, ok := p.seen[v.Type()]; ok && v.IsZero() {
			p.line("# The settings are those of [%s].", first)
			p.line("")
			return
		}
		p.seen[v.Type()] = key
		p.line("")
		p.table(v, key, commented)
	case v.Kind() == reflect.Slice:
		if v.Len() == 0 {
			p.line("#[[%s]]", key)
			p.line("")
			p.table(reflect.New(v.Type().Elem()).Elem(), key, true)
		}
		for i := range v.Len() {
			p.line("%s[[%s]]", mark, key)
			p.line("")
			p.table(v.Index(i), key, commented)
		}
	default:
		p.mapping(v, key, mark)
	}
}

func (p *printer) mapping(v reflect.Value, key, mark string) {
	if v.Len() == 0 {
		mark = "#"
	}
	p.line("%s[%s]", mark, key)
	names := map[string]reflect.Value{}
	for it := v.MapRange(); it.Next(); {
		names[it.Key().String()] = it.Value()
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		p.line("%s%s = %s", mark, bareKey(name), format(names[name]))
	}
	p.line("")
}

// doc writes text as comment lines of at most width bytes. Line ends in the
// text stay; a line that starts with white space is not filled.
func (p *printer) doc(text string) {
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			p.line("%s", strings.TrimRight("# "+line, " \t"))
			continue
		}
		row := "#"
		for word := range strings.FieldsSeq(line) {
			if len(row)+1+len(word) > width && row != "#" {
				p.line("%s", row)
				row = "#"
			}
			row += " " + word
		}
		p.line("%s", row)
	}
}

func bareKey(name string) string {
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_') {
			return strconv.Quote(name)
		}
	}
	return name
}

// format returns v as a TOML value.
func format(v reflect.Value) string {
	if v.Type() == duration {
		return strconv.Quote(formatDuration(time.Duration(v.Int())))
	}
	if v.Type().Implements(marshaler) {
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			text = []byte(err.Error())
		}
		return strconv.Quote(string(text))
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = format(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		var items []string
		for it := v.MapRange(); it.Next(); {
			items = append(items, bareKey(it.Key().String())+" = "+format(it.Value()))
		}
		slices.Sort(items)
		return "{ " + strings.Join(items, ", ") + " }"
	}
	return fmt.Sprint(v.Interface())
}

// quote prefers TOML's literal form where the text has backslashes or quotes.
func quote(s string) string {
	if strings.ContainsAny(s, `\"`) && !strings.ContainsAny(s, "'\n\r\t") {
		return "'" + s + "'"
	}
	return strconv.Quote(s)
}

// formatDuration writes 5m0s as 5m, and 720h0m0s as 720h.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
