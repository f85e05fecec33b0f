package settings

import (
	"encoding"
	"reflect"
	"strings"
)

// A field is one field of a struct, with what its tags say.
type field struct {
	name  string
	doc   string
	value reflect.Value
}

// list returns the settings of the struct v in their order. Fields without a
// toml tag are none; those of embedded structs count as the outer struct's.
func list(v reflect.Value) []field {
	var out []field
	for i := range v.NumField() {
		t := v.Type().Field(i)
		name, _, _ := strings.Cut(t.Tag.Get("toml"), ",")
		switch {
		case t.Anonymous && name == "" && t.Type.Kind() == reflect.Struct:
			out = append(out, list(v.Field(i))...)
		case name == "" || name == "-" || !t.IsExported():
		default:
			out = append(out, field{name, t.Tag.Get("doc"), v.Field(i)})
		}
	}
	return out
}

func fields(v reflect.Value) map[string]field {
	out := map[string]field{}
	for _, f := range list(v) {
		out[f.name] = f
	}
	return out
}

// A setting is a field that holds one value, with its dotted name.
type setting struct {
	field
	key string
}

// walk calls fn for every setting below v that is not in a list of tables or a
// map.
func walk(v reflect.Value, at string, fn func(setting)) {
	for _, f := range list(v) {
		key := join(at, f.name)
		switch {
		case isTable(f.value.Type()):
			walk(f.value, key, fn)
		case f.value.Kind() == reflect.Map, f.value.Kind() == reflect.Slice && isTable(f.value.Type().Elem()):
		default:
			fn(setting{f, key})
		}
	}
}

var (
	unmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	marshaler   = reflect.TypeFor[encoding.TextMarshaler]()
)

// isTable reports whether a type is written as a table: a struct that has no
// text form.
func isTable(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshaler)
}

// isTables reports whether a map's values or a slice's elements are tables.
func isTables(t reflect.Type) bool {
	return (t.Kind() == reflect.Slice || t.Kind() == reflect.Map) && isTable(t.Elem())
}
