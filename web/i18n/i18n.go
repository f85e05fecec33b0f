package i18n

//go:generate go run gen/cldr.go

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

//go:embed messages
var files embed.FS

// tags are the languages that there are, the first for who wants none of them.
var tags = [...]string{"en", "de", "fr", "es", "ja"}

// names are those that the languages have for themselves.
var names = map[string]string{"en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "ja": "日本語"}

// A Language has the texts of one language.
type Language struct {
	Tag  string // BCP 47
	Name string // its own
	Dir  string // "ltr" or "rtl"

	// texts are read when the first of them is asked for: of each key, and of key#category
	// where a plural category has a text of its own.
	texts   func() (map[string]string, error)
	english *Language // where a text is missing; nil for English
	plural  func(n int) string
	format  *format
}

// A message is a text for each plural category; one without categories has "other".
type message map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *message) UnmarshalJSON(b []byte) error {
	var text string
	if json.Unmarshal(b, &text) == nil {
		*m = message{other: text}
		return nil
	}
	var forms map[string]string
	err := json.Unmarshal(b, &forms)
	*m = forms
	return err
}

// A Catalogue is all languages. It is safe for use by many goroutines.
type Catalogue struct {
	all     map[string]*Language // by tag, with those for tests
	matcher language.Matcher
}

// Load returns the languages that are built in. Their texts are read when they are needed.
func Load() *Catalogue { return load(files) }

func load(fsys fs.FS) *Catalogue {
	c := &Catalogue{all: map[string]*Language{}}
	var known []language.Tag
	for _, tag := range tags {
		c.all[tag] = &Language{
			Tag: tag, Name: names[tag], Dir: "ltr", plural: plurals[tag], format: formats[tag], english: c.all["en"],
			texts: sync.OnceValues(func() (map[string]string, error) { return read(fsys, tag) }),
		}
		known = append(known, language.MustParse(tag))
	}
	c.matcher = language.NewMatcher(known)
	for _, l := range []*Language{accented(c.all["en"]), mirrored(c.all["en"])} {
		c.all[l.Tag] = l
	}
	return c
}

// Check reads the texts of all languages, and returns what is wrong with them. They are part
// of the program: tests ask, so that nothing is wrong where somebody reads them.
func (c *Catalogue) Check() error {
	var errs []error
	for _, tag := range slices.Sorted(maps.Keys(c.all)) {
		_, err := c.all[tag].texts()
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// read reads the texts of a language.
func read(fsys fs.FS, tag string) (map[string]string, error) {
	found, err := fs.Glob(fsys, "messages/*/"+tag+".json")
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, name := range found {
		if err := readFile(texts, fsys, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return texts, nil
}

// readFile adds the texts of a file.
func readFile(texts map[string]string, fsys fs.FS, name string) error {
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
		if _, ok := m[other]; !ok {
			return fmt.Errorf("%q has no text for %q", key, other)
		}
		for category, text := range m {
			texts[form(key, category)] = text
		}
	}
	return nil
}

// other is the plural category that each language has, and each text.
const other = "other"

// form is where the text of a key for a plural category is.
func form(key, category string) string {
	if category == other {
		return key
	}
	return key + "#" + category
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
func (l *Language) T(key string, args ...any) string { return fill(l.text(key, other), args) }

// N returns the text of a key for a number, which replaces {n}.
func (l *Language) N(key string, n int, args ...any) string {
	return fill(l.text(key, l.plural(n)), append([]any{"n", n}, args...))
}

// Keys returns the keys of all texts, sorted.
func (l *Language) Keys() []string {
	texts, _ := l.texts() // Check says what is wrong
	keys := slices.Sorted(maps.Keys(texts))
	return slices.DeleteFunc(keys, func(key string) bool { return strings.Contains(key, "#") })
}

func (l *Language) text(key, category string) string {
	for ; l != nil; l = l.english {
		texts, _ := l.texts() // Check says what is wrong
		if text, ok := texts[form(key, category)]; ok {
			return text
		}
		if text, ok := texts[key]; ok {
			return text
		}
	}
	return key
}

// fill replaces each {name} in text by the value behind that name among args; one that is not
// among them stays. Values come as they are.
func fill(text string, args []any) string {
	if len(args) < 2 || !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, after, open := strings.Cut(text, "{")
		b.WriteString(before)
		if !open {
			return b.String()
		}
		name, rest, closed := strings.Cut(after, "}")
		if value, ok := among(args, name); ok && closed {
			b.WriteString(value)
			text = rest
		} else {
			b.WriteByte('{')
			text = after
		}
	}
}

// among returns the value behind a name.
func among(args []any, name string) (string, bool) {
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == name {
			return fmt.Sprint(args[i+1]), true
		}
	}
	return "", false
}

// plurals are the plural categories of whole numbers (CLDR, plurals.xml).
var plurals = map[string]func(int) string{
	"en": oneOther, "de": oneOther, "ja": func(int) string { return other },
	"es": func(n int) string { return millions(n, n == 1) },
	"fr": func(n int) string { return millions(n, n == 0 || n == 1) },
}

func oneOther(n int) string {
	if n == 1 {
		return "one"
	}
	return other
}

func millions(n int, one bool) string {
	switch {
	case one:
		return "one"
	case n != 0 && n%1_000_000 == 0:
		return "many"
	}
	return other
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
