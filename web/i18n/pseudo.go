package i18n

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// The languages for tests.
const (
	accentedTag = "en-XA"
	mirroredTag = "ar-XB"
)

// accented makes en-XA: a text that is not translated shows, and so does a place where a
// longer one does not fit.
func accented(en *Language) *Language {
	return pseudo(en, accentedTag, "ltr", func(text string) string {
		out := accents.Replace(text)
		return "[" + out + strings.Repeat("~", (utf8.RuneCountInString(text)*2+4)/5) + "]"
	})
}

// mirrored makes ar-XB: each text runs from right to left.
func mirrored(en *Language) *Language {
	return pseudo(en, mirroredTag, "rtl", func(text string) string { return "\u202e" + text + "\u202c" })
}

func pseudo(en *Language, tag, dir string, change func(string) string) *Language {
	l := *en
	l.Tag, l.Name, l.Dir = tag, tag, dir
	l.texts = sync.OnceValues(func() (map[string]string, error) {
		texts, err := en.texts()
		changed := make(map[string]string, len(texts))
		for key, text := range texts {
			changed[key] = outside(text, change)
		}
		return changed, err
	})
	return &l
}

// outside applies change to what is outside of {name}.
func outside(text string, change func(string) string) string {
	var b strings.Builder
	for text != "" {
		open := strings.IndexByte(text, '{')
		end := strings.IndexByte(text, '}')
		if open < 0 || end < open {
			b.WriteString(change(text))
			break
		}
		if open > 0 {
			b.WriteString(change(text[:open]))
		}
		b.WriteString(text[open : end+1])
		text = text[end+1:]
	}
	return b.String()
}

var accents = strings.NewReplacer(
	"a", "á", "c", "ç", "d", "ð", "e", "é", "g", "ĝ", "h", "ĥ", "i", "í", "j", "ĵ", "k", "ķ", "l", "ļ", "n", "ñ", "o", "ö", "r", "ŕ", "s", "š",
	"t", "ţ", "u", "û", "w", "ŵ", "y", "ý", "z", "ž", "A", "Å", "C", "Ç", "E", "É", "I", "Î", "N", "Ñ", "O", "Ö", "S", "Š", "U", "Û", "Y", "Ý",
)
