package imip

import (
	"reflect"
	"strings"
	"testing"
)

// TextsOf are all texts of a language, by field and key.
func TextsOf(lang string) map[string]string {
	all := map[string]string{}
	v := reflect.ValueOf(languages(lang)).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		switch f.Kind() {
		case reflect.String:
			all[name] = f.String()
		case reflect.Map:
			for _, k := range f.MapKeys() {
				all[name+" "+k.String()] = f.MapIndex(k).String()
			}
		}
	}
	return all
}

// Each language has a text for all that another has one for, with as many places for
// what is put in.
func TestLanguagesAreWhole(t *testing.T) {
	places := func(s string) int {
		return strings.Count(s, "%s") + strings.Count(s, "%d") + strings.Count(s, "{id}") + strings.Count(s, "{url}")
	}
	english := TextsOf("en")
	for _, lang := range Languages() {
		all := TextsOf(lang)
		for key, text := range english {
			other, ok := all[key]
			if !ok || other == "" || places(other) != places(text) {
				t.Errorf("%s, %s: %q, and in English %q", lang, key, other, text)
			}
		}
		if len(all) != len(english) {
			t.Errorf("%s has %d texts, English %d", lang, len(all), len(english))
		}
		w := languages(lang)
		for i, name := range w.months {
			if name == "" || i < 7 && w.days[i] == "" {
				t.Errorf("%s: a name of day or month %d is missing", lang, i)
			}
		}
	}
}

// Who reads a mail does so in the language that is known of them; else in that of their
// domain, of who writes to them, or of the service.
func TestLanguageOfALetter(t *testing.T) {
	o := &Options{Language: "nl", Languages: map[string]string{"fr": "fr", "ch": "it", "geneve.ch": "fr"}}
	for _, c := range []struct{ to, language, sender, want string }{
		{"a@example.com", "", "", "nl"},
		{"a@example.com", "", "de", "de"},
		{"a@example.com", "", "tlh", "nl"},
		{"a@example.com", "ja", "de", "ja"},
		{"a@example.fr", "", "de", "fr"},
		{"a@mail.geneve.ch", "", "de", "fr"},
		{"a@bern.ch", "", "de", "it"},
		{"a@example.fr", "es-MX, en;q=0.8", "de", "es"},
		{"a@example.fr", "EN_us", "de", "en"},
		{"a@example.com", ", de", "", "nl"},
	} {
		l := &Letter{To: Mailbox{Address: c.to}, Language: c.language, SenderLanguage: c.sender}
		if got := o.language(l).when; got != languages(c.want).when {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
