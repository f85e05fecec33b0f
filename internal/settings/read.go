package settings

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A Source is what a configuration is read from.
type Source struct {
	File string // for messages
	Text []byte // TOML

	Prefix  string   // of environment variables, such as "CONVENE_"
	Environ []string // as from os.Environ
	Ignore  []string // variables with Prefix that are none of the settings'

	// Renamed are names that settings no longer have, with those that they have
	// now, both dotted. The old ones are faults that say so.
	Renamed map[string]string
}

// Read sets the fields of config, a pointer to a struct, from src. Fields that
// src does not mention keep their values. The error, if any, is of type
// [Errors]; then config is partly set and not to be used.
func Read(config any, src Source) (*Places, error) {
	r := &reader{src: src, places: &Places{file: src.File, lines: map[string]int{}, env: map[string]string{}}}
	tree := map[string]any{}
	if err := toml.Unmarshal(src.Text, &tree); err != nil {
		return r.places, Errors{r.syntax(err)}
	}
	r.places.index(src.Text)
	r.table(reflect.ValueOf(config).Elem(), tree, "")
	r.environment(reflect.ValueOf(config).Elem())
	if len(r.faults) == 0 {
		return r.places, nil
	}
	slices.SortStableFunc(r.faults, func(a, b *Error) int { return a.Line - b.Line })
	return r.places, r.faults
}

// Places knows where each setting came from, for faults that are found later.
type Places struct {
	file  string
	lines map[string]int    // dotted key → line of the file
	env   map[string]string // dotted key → the variable that set it
}

// Fault returns an Error about the setting with the dotted name key. The line of
// one that is not in the file by itself is that of the table it belongs into.
func (p *Places) Fault(key, problem, cure string) *Error {
	if name, ok := p.env[key]; ok {
		return &Error{Key: name, Problem: problem, Cure: cure}
	}
	line := 0
	for at := key; line == 0 && at != ""; {
		line = p.lines[at]
		at = at[:max(strings.LastIndexByte(at, '.'), 0)]
	}
	return &Error{File: p.file, Line: line, Key: key, Problem: problem, Cure: cure}
}

// index notes the line of each key of text, which is known to be valid.
func (p *Places) index(text []byte) {
	var parser unstable.Parser
	parser.Reset(text)
	table := ""
	for parser.NextExpression() {
		e := parser.Expression()
		var names []string
		line := 0
		for it := e.Key(); it.Next(); {
			names = append(names, string(it.Node().Data))
			line = parser.Shape(it.Node().Raw).Start.Line
		}
		key := strings.Join(names, ".")
		if e.Kind == unstable.KeyValue {
			key = join(table, key)
		} else {
			table = key
		}
		if p.lines[key] == 0 {
			p.lines[key] = line
		}
	}
}

type reader struct {
	src    Source
	places *Places
	faults Errors
}

func (r *reader) fault(key, problem, cure string) {
	r.faults = append(r.faults, r.places.Fault(key, problem, cure))
}

// syntax turns an error of the TOML parser into one of ours.
func (r *reader) syntax(err error) *Error {
	e := &Error{File: r.src.File, Problem: strings.TrimPrefix(err.Error(), "toml: "), Cure: "see https://toml.io for how values are written"}
	if d, ok := errors.AsType[*toml.DecodeError](err); ok {
		e.Line, _ = d.Position()
		e.Key = strings.Join(d.Key(), ".")
	}
	return e
}

// table sets the fields of v from tree, whose dotted name is at.
func (r *reader) table(v reflect.Value, tree map[string]any, at string) {
	known := fields(v)
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key := join(at, name)
		if f, ok := known[name]; ok {
			r.value(f.value, tree[name], key)
			continue
		}
		r.unknown(key, name, known)
	}
}

// renamed is what is wrong with an old name.
const renamed = "this setting has another name now"

func (r *reader) unknown(key, name string, known map[string]field) {
	if now, ok := r.src.Renamed[key]; ok {
		r.fault(key, renamed, "write "+now)
		return
	}
	names := slices.Sorted(maps.Keys(known))
	cure := "the settings here are " + strings.Join(names, ", ")
	if n := nearest(name, names); n != "" {
		cure = fmt.Sprintf("did you mean %s?", n)
	}
	r.fault(key, "there is no such setting", cure)
}

// value sets v to x, and reports what does not fit.
func (r *reader) value(v reflect.Value, x any, key string) {
	switch {
	case isTable(v.Type()):
		t, ok := x.(map[string]any)
		if !ok {
			r.fault(key, "this is a table of settings, not one value", fmt.Sprintf("write [%s] on a line of its own and the settings below it", key))
			return
		}
		r.table(v, t, key)
	case v.Kind() == reflect.Slice && isTable(v.Type().Elem()):
		list, ok := x.([]any)
		if !ok {
			r.fault(key, "this is a list of tables", fmt.Sprintf("write [[%s]] on a line of its own for each", key))
			return
		}
		out := reflect.MakeSlice(v.Type(), len(list), len(list))
		for i, item := range list {
			r.value(out.Index(i), item, key)
		}
		v.Set(out)
	case v.Kind() == reflect.Map && isTable(v.Type().Elem()):
		r.named(v, x, key)
	default:
		if problem, cure := assign(v, x); problem != "" {
			r.fault(key, problem, cure)
		}
	}
}

// named sets the map v to x, a table of tables.
func (r *reader) named(v reflect.Value, x any, key string) {
	tables, ok := x.(map[string]any)
	if !ok {
		r.fault(key, "this is a table of tables", fmt.Sprintf("write [%s.NAME] on a line of its own for each", key))
		return
	}
	out := reflect.MakeMap(v.Type())
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		item := reflect.New(v.Type().Elem()).Elem()
		r.value(item, tables[name], join(key, name))
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), item)
	}
	v.Set(out)
}

// environment applies the variables of src to config.
func (r *reader) environment(config reflect.Value) {
	known := map[string]setting{}
	walk(config, "", func(s setting) { known[r.src.Prefix+variable(s.key)] = s })
	old := map[string]string{}
	for was, now := range r.src.Renamed {
		old[r.src.Prefix+variable(was)] = r.src.Prefix + variable(now)
	}
	for _, pair := range r.src.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, r.src.Prefix) || slices.Contains(r.src.Ignore, name) {
			continue
		}
		if s, ok := known[name]; ok {
			r.places.env[s.key] = name
			if problem, cure := assignText(s.value, value); problem != "" {
				r.fault(s.key, problem, cure)
			}
			continue
		}
		if now, ok := old[name]; ok {
			r.faults = append(r.faults, &Error{Key: name, Problem: renamed, Cure: "write " + now})
			continue
		}
		cure := ""
		if n := nearest(strings.ToLower(name), lower(known)); n != "" {
			cure = fmt.Sprintf("did you mean %s?", strings.ToUpper(n))
		}
		r.faults = append(r.faults, &Error{Key: name, Problem: "no setting has this name", Cure: cure})
	}
}

func lower(known map[string]setting) []string {
	var out []string
	for name := range known {
		out = append(out, strings.ToLower(name))
	}
	slices.Sort(out)
	return out
}

func variable(key string) string {
	return strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(key))
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}
