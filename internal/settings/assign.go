package settings

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

var duration = reflect.TypeFor[time.Duration]()

// assign sets v to x, a value as the TOML parser gives it. It returns what is
// wrong and the cure, or two empty strings.
func assign(v reflect.Value, x any) (problem, cure string) {
	if s, ok := x.(string); ok && isText(v) {
		return assignText(v, s)
	}
	if isText(v) {
		return "want " + describe(v.Type()), "put it in quotes: " + example(v)
	}
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := x.(bool); ok {
			v.SetBool(b)
			return "", ""
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := x.(int64); ok {
			return setInt(v, n)
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n, ok := x.(int64); ok {
			return setUint(v, n)
		}
	case reflect.Float64:
		switch n := x.(type) {
		case float64:
			v.SetFloat(n)
			return "", ""
		case int64:
			v.SetFloat(float64(n))
			return "", ""
		}
	case reflect.Slice:
		if items, ok := x.([]any); ok {
			return assignSlice(v, items, assign)
		}
		return "want a list", "put it in brackets: " + example(v)
	case reflect.Map:
		if items, ok := x.(map[string]any); ok {
			return assignMap(v, items)
		}
	}
	return "want " + describe(v.Type()), "such as " + example(v)
}

// assignText sets v to what s says, as a quoted TOML value or an environment
// variable.
func assignText(v reflect.Value, s string) (problem, cure string) {
	bad := func(err error) (string, string) {
		return fmt.Sprintf("%q is not %s: %v", s, describe(v.Type()), err), "such as " + example(v)
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(s)); err != nil {
			return bad(err)
		}
		return "", ""
	}
	switch {
	case v.Type() == duration:
		d, err := time.ParseDuration(s)
		if err != nil {
			return fmt.Sprintf("%q is not a time", s), `write a number and its unit, such as "90s", "5m" or "1h30m"`
		}
		v.SetInt(int64(d))
		return "", ""
	case v.Kind() == reflect.String:
		v.SetString(s)
		return "", ""
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return fmt.Sprintf("%q is neither true nor false", s), ""
		}
		v.SetBool(b)
		return "", ""
	case v.Kind() == reflect.Slice && strings.HasPrefix(s, `["`):
		var list struct{ Items []any }
		if err := toml.Unmarshal([]byte("items = "+s), &list); err != nil {
			return fmt.Sprintf("%q is not a list", s), "such as " + example(v)
		}
		return assignSlice(v, list.Items, assign)
	case v.Kind() == reflect.Slice:
		var items []any
		for item := range strings.SplitSeq(s, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		return assignSlice(v, items, func(v reflect.Value, x any) (string, string) { return assignText(v, x.(string)) })
	case v.CanInt():
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a number", s), ""
		}
		return setInt(v, n)
	case v.CanUint():
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a number", s), ""
		}
		return setUint(v, n)
	case v.CanFloat():
		n, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return fmt.Sprintf("%q is not a number", s), ""
		}
		v.SetFloat(n)
		return "", ""
	}
	return "cannot be set like this", "write it into the file"
}

func setInt(v reflect.Value, n int64) (problem, cure string) {
	if v.OverflowInt(n) {
		return fmt.Sprintf("%d is too large", n), ""
	}
	v.SetInt(n)
	return "", ""
}

func setUint(v reflect.Value, n int64) (problem, cure string) {
	if n < 0 || v.OverflowUint(uint64(n)) {
		return fmt.Sprintf("%d is out of range", n), fmt.Sprintf("0 to %d", uint64(math.MaxUint64)>>(64-v.Type().Bits()))
	}
	v.SetUint(uint64(n))
	return "", ""
}

func assignSlice(v reflect.Value, items []any, one func(reflect.Value, any) (string, string)) (problem, cure string) {
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		if problem, cure := one(out.Index(i), item); problem != "" {
			return fmt.Sprintf("item %d: %s", i+1, problem), cure
		}
	}
	v.Set(out)
	return "", ""
}

// assignMap adds to the map v, so that defaults that are not mentioned stay.
func assignMap(v reflect.Value, items map[string]any) (problem, cure string) {
	out := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		out.SetMapIndex(it.Key(), it.Value())
	}
	for name, item := range items {
		value := reflect.New(v.Type().Elem()).Elem()
		if problem, cure := assign(value, item); problem != "" {
			return fmt.Sprintf("%s: %s", name, problem), cure
		}
		out.SetMapIndex(reflect.ValueOf(name).Convert(v.Type().Key()), value)
	}
	v.Set(out)
	return "", ""
}

// isText reports whether v is written in quotes.
func isText(v reflect.Value) bool {
	return v.Kind() == reflect.String || v.Type() == duration || v.Addr().Type().Implements(unmarshaler)
}

// describe says in words what a type takes.
func describe(t reflect.Type) string {
	switch {
	case t == duration:
		return "a time"
	case reflect.PointerTo(t).Implements(unmarshaler):
		return "a " + strings.ToLower(t.Name())
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	case reflect.Map:
		return "a table"
	}
	return "a number"
}

// example returns a value that v would take: the one it has, or a typical one.
func example(v reflect.Value) string {
	if !v.IsZero() && v.Kind() != reflect.Slice {
		return format(v)
	}
	switch {
	case v.Type() == duration:
		return `"30s"`
	case v.Kind() == reflect.String:
		return `"text"`
	case v.Kind() == reflect.Bool:
		return "true"
	case v.Kind() == reflect.Slice:
		return "[" + example(reflect.New(v.Type().Elem()).Elem()) + "]"
	case v.Kind() == reflect.Map:
		return "{ name = " + example(reflect.New(v.Type().Elem()).Elem()) + " }"
	}
	return format(v)
}
