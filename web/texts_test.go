package web_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convene/web/i18n"
)

// sources reads the templates and the Go files of the pages, but for tests.
func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || !slices.Contains([]string{".go", ".tmpl", ".js"}, filepath.Ext(name)) {
			return err
		}
		text, err := os.ReadFile(name)
		out[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each text that is named is there in each language, and each that is there is named
// somewhere.
func TestTexts(t *testing.T) {
	texts := i18n.Load()
	if err := texts.Check(); err != nil {
		t.Fatal(err)
	}
	areas, err := filepath.Glob("i18n/messages/*")
	if err != nil || len(areas) == 0 {
		t.Fatal(areas, err)
	}
	for i, a := range areas {
		areas[i] = filepath.Base(a)
	}
	name := regexp.MustCompile(`"((?:` + strings.Join(areas, "|") + `)\.[a-z0-9-]+)"`)
	used := map[string]string{}
	for file, text := range sources(t) {
		for _, m := range name.FindAllStringSubmatch(text, -1) {
			used[m[1]] = file
		}
	}
	en := texts.Language("en")
	for _, l := range texts.Languages() {
		keys := l.Keys()
		for key, file := range used {
			if !slices.Contains(keys, key) {
				t.Errorf("%s: no text for %q, which %s names", l.Tag, key, file)
			}
		}
		for _, key := range keys {
			if used[key] == "" {
				t.Errorf("%s: nothing names %q", l.Tag, key)
			}
			if want, got := values(en, key), values(l, key); !slices.Equal(want, got) {
				t.Errorf("%s: %q has the values %v, and in English %v", l.Tag, key, got, want)
			}
		}
	}
}

// values are what is filled into a text, sorted.
func values(l *i18n.Language, key string) []string {
	found := regexp.MustCompile(`\{[a-z]+\}`).FindAllString(l.N(key, 7, "n", "{n}")+l.T(key), -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// Nothing goes around the escaping of templates, nor around the policy: HTML is made in one
// file, whose tests compare it with templates.
func TestNothingIsTrusted(t *testing.T) {
	trusted := regexp.MustCompile(`template\.(HTML|HTMLAttr|JS|JSStr|CSS|URL|Srcset)\b|\bstyle=|\son[a-z]+=|javascript:|innerHTML|insertAdjacentHTML|document\.write|\beval\(`)
	files := sources(t)
	delete(files, "markup/markup.go")
	for file, text := range files {
		for n, line := range strings.Split(text, "\n") {
			if trusted.MatchString(line) && !strings.HasPrefix(strings.TrimSpace(line), "//") {
				t.Errorf("%s:%d: %s", file, n+1, strings.TrimSpace(line))
			}
		}
	}
}

// What browsers load stays small.
func TestSizes(t *testing.T) {
	js := 0
	err := filepath.WalkDir("static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".js" || strings.Contains(name, "vendor") {
			return err
		}
		text, err := os.ReadFile(name)
		js += len(text)
		if n := strings.Count(string(text), "\n"); n > 300 || !strings.HasPrefix(string(text), "// @ts-check\n") {
			t.Errorf("%s: %d lines, at most 300, and // @ts-check comes first", name, n)
		}
		return err
	})
	if err != nil || js > 40<<10 {
		t.Errorf("%d bytes of JavaScript, at most 40 KiB: %v", js, err)
	}
}
