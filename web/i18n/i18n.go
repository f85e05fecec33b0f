package i18n

//go:generate go run gen/cldr.go

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"
)

//go:embed messages
var files embed.FS

// tags are the languages that there are, the first for who wants none of them.
var tags = [...]string{"en", "de", "fr", "es", "ja"}

// names are those that the languages have for themselves.
var names = map[string]string{"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語"}

// A Language has the texts of one language. It is not changed after Load.
type Language struct {
	Tag  string // BCP 47
	Name string // its own
	Dir  string // "ltr" or "rtl"

	messages map[string]message
	english  *Language // where a text is missing; nil for English
	plural   func(n int) string
	format   *format
}

// A message is a text for each plural category; one without categories has "other".
type message map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *message) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*m = message{"other": text}
		return nil
	}
	var forms map[string]string
	err := json.Unmarshal(b, &forms)
	*m = forms
	return err
}

// A Catalogue is all languages.
type Catalogue struct {
	all     map[string]*Language // by tag, with those for tests
	matcher language.Matcher
}

// Load reads the texts that are built in.
func Load() (*Catalogue, error) { return load(files) }

func load(fsys fs.FS) (*Catalogue, error) {
	c := &Catalogue{all: map[string]*Language{}}
	var known []language.Tag
	for _, tag := range tags {
		l := &Language{Tag: tag, Name: names[tag], Dir: "ltr", messages: map[string]message{}, plural: plurals[tag], format: formats[tag], english: c.all["en"]}
		found, err := fs.Glob(fsys, "messages/*/"+tag+".json")
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			if err := l.read(fsys, name); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		c.all[tag] = l
		known = append(known, language.MustParse(tag))
	}
	c.matcher = language.NewMatcher(known)
	for _, l := range []*Language{accented(c.all["en"]), mirrored(c.all["en"])} {
		c.all[l.Tag] = l
	}
	return c, nil
}

// read adds the texts of a file.
func (l *Language) read(fsys fs.FS, name string) error {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	var messages map[string]message
	if err := json.Unmarshal(text, &messages); err != nil {
		return err
	}
	area := path.Base(path.Dir(name)) + "."
	for key, m := range messages {
		if !strings.HasPrefix(key, area) {
			return fmt.Errorf("%q does not begin with %q", key, area)
		}
		l.messages[key] = m
	}
	return nil
}

// Languages returns those that people may choose, in the order in which they are shown.
func (c *Catalogue) Languages() []*Language {
	out := make([]*Language, len(tags))
	for i, tag := range tags {
		out[i] = c.all[tag]
	}
	return out
}

// Language returns the language of a tag, nil if there is none.
func (c *Catalogue) Language(tag string) *Language { return c.all[tag] }

// Choice is what says how somebody wants to read.
type Choice struct {
	Language string // tag of one that there is; "": as the browser says
	Accept   string // the Accept-Language field (RFC 9110 §12.5.4)
	Clock    string // "12" or "24"; "": as in the region
	Week     string // "monday", "saturday" or "sunday"; "": as in the region
}

// Locale returns the language that fits a choice, with its habits. It always finds one.
func (c *Catalogue) Locale(w Choice) *Locale {
	want, _, err := language.ParseAcceptLanguage(w.Accept)
	if err != nil || len(want) > 20 {
		want = nil
	}
	l := c.all[w.Language]
	region := language.Region{}
	if len(want) > 0 {
		region, _ = want[0].Region()
		if l == nil && slices.Contains([]string{accentedTag, mirroredTag}, want[0].String()) {
			l = c.all[want[0].String()]
		}
	}
	if l == nil {
		_, i, _ := c.matcher.Match(want...)
		l = c.all[tags[i]]
	} else if len(want) > 0 && !strings.HasPrefix(want[0].String(), l.Tag) {
		region, _ = language.MustParse(l.Tag).Region() // the browser speaks of another
	}
	return newLocale(l, region.String(), w)
}

// T returns the text of a key, in which {name} is replaced by the value behind the name
// among args: name, value, and so on. A key that there is not is returned as it is.
func (l *Language) T(key string, args ...any) string {
	return fill(l.message(key).text("other", key), args)
}

// N returns the text of a key for a number, which replaces {n}.
func (l *Language) N(key string, n int, args ...any) string {
	return fill(l.message(key).text(l.plural(n), key), append([]any{"n", n}, args...))
}

// Has reports whether there is a text of a key.
func (l *Language) Has(key string) bool { return l.message(key) != nil }

// Keys returns the keys of all texts, sorted.
func (l *Language) Keys() []string { return slices.Sorted(maps.Keys(l.messages)) }

func (l *Language) message(key string) message {
	if m, ok := l.messages[key]; ok || l.english == nil {
		return m
	}
	return l.english.messages[key]
}

func (m message) text(category, key string) string {
	if text, ok := m[category]; ok {
		return text
	}
	if text, ok := m["other"]; ok {
		return text
	}
	return key
}

func fill(text string, args []any) string {
	if len(args) < 2 || !strings.Contains(text, "{") {
		return text
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		pairs = append(pairs, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// plurals are the plural categories of whole numbers (CLDR, plurals.xml).
var plurals = map[string]func(int) string{
	"en": oneOther, "de": oneOther, "ja": func(int) string { return "other" },
	"es": func(n int) string { return millions(n, n == 1) },
	"fr": func(n int) string { return millions(n, n == 0 || n == 1) },
}

func oneOther(n int) string {
	if n == 1 {
		return "one"
	}
	return "other"
}

func millions(n int, one bool) string {
	switch {
	case one:
		return "one"
	case n != 0 && n%1_000_000 == 0:
		return "many"
	}
	return "other"
}

// A Locale is a language with the habits of a person or a region.
type Locale struct {
	*Language
	Hours12  bool         // the clock has twelve hours
	FirstDay time.Weekday // of the week
}

func newLocale(l *Language, region string, w Choice) *Locale {
	in := func(list string) bool { return strings.Contains(list, " "+region+" ") }
	o := &Locale{Language: l, Hours12: in(twelveHourRegions), FirstDay: time.Monday}
	switch {
	case w.Week == "sunday" || w.Week == "" && in(sundayRegions):
		o.FirstDay = time.Sunday
	case w.Week == "saturday" || w.Week == "" && in(saturdayRegions):
		o.FirstDay = time.Saturday
	}
	if w.Clock != "" {
		o.Hours12 = w.Clock == "12"
	}
	return o
}
