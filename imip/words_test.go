package imip

import (
	"reflect"
	"strings"
	"testing"
)

// Each language has a text for all that another has one for, with as many places for
// what is put in.
func TestLanguagesAreWhole(t *testing.T) {
	all := map[string]map[string]string{} // by language, then by field and key
	for _, lang := range Languages() {
		all[lang] = map[string]string{}
		v := reflect.ValueOf(languages(lang)).Elem()
		for i := range v.NumField() {
			name, f := v.Type().Field(i).Name, v.Field(i)
			switch f.Kind() {
			case reflect.String:
				all[lang][name] = f.String()
			case reflect.Map:
				for _, k := range f.MapKeys() {
					all[lang][name+" "+k.String()] = f.MapIndex(k).String()
				}
			case reflect.Array:
				if f.Index(0).String() == "" || name == "months" && f.Index(11).String() == "" {
					t.Errorf("%s: %s", lang, name)
				}
			}
		}
	}
	places := func(s string) int { return strings.Count(s, "%s") + strings.Count(s, "%d") + strings.Count(s, "{id}") }
	for _, lang := range Languages() {
		for key, text := range all["en"] {
			other, ok := all[lang][key]
			if !ok || other == "" || places(other) != places(text) {
				t.Errorf("%s, %s: %q, and in English %q", lang, key, other, text)
			}
		}
		if len(all[lang]) != len(all["en"]) {
			t.Errorf("%s has %d texts, English %d", lang, len(all[lang]), len(all["en"]))
		}
	}
}
