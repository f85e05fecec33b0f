package policy

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"
)

// TextsOf are all texts of a language, by field and code.
func TextsOf(lang string) map[string]string {
	all := map[string]string{}
	v := reflect.ValueOf(wordsOf(lang)).Elem()
	for i := range v.NumField() {
		switch name, f := v.Type().Field(i).Name, v.Field(i); {
		case f.Kind() == reflect.String && name != "date" && name != "short": // which are formats
			all[name] = f.String()
		case f.Kind() == reflect.Map:
			for _, k := range f.MapKeys() {
				all[name+" "+k.String()] = f.MapIndex(k).String()
			}
		}
	}
	return all
}

// Each language has a text for all that another has one for, with the same fields.
func TestLanguagesAreWhole(t *testing.T) {
	fields := func(text string) []string {
		return slices.Sorted(slices.Values(regexp.MustCompile(`\{[a-z]+\}`).FindAllString(text, -1)))
	}
	english := TextsOf("en")
	for _, lang := range Languages() {
		all := TextsOf(lang)
		for key, text := range english {
			if other := all[key]; other == "" || !slices.Equal(fields(other), fields(text)) {
				t.Errorf("%s, %s: %q, and in English %q", lang, key, other, text)
			}
		}
		if got, want := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(english)); !slices.Equal(got, want) {
			t.Errorf("%s has %v, English %v", lang, got, want)
		}
		w := wordsOf(lang)
		if slices.Contains(w.days[:], "") || slices.Contains(w.months[:], "") {
			t.Errorf("%s: %v %v", lang, w.days, w.months)
		}
		if lang != "en" && w == wordsOf("en") {
			t.Errorf("%s is English", lang)
		}
	}
}
