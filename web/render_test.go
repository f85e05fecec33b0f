package web

import (
	"errors"
	"html/template"
	"io"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"testing"

	"convene/web/page"
)

// Templates are parsed, and their escaping is made, when a page is shown: what is wrong in one
// has to be found before.
func TestTemplates(t *testing.T) {
	set, err := openPages()
	if err != nil {
		t.Fatal(err)
	}
	pages := 0
	err = fs.WalkDir(templates, "tmpl", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || file == "tmpl/shell.tmpl" || path.Dir(file) == "tmpl/parts" {
			return err
		}
		name := strings.TrimSuffix(strings.TrimPrefix(file, "tmpl/"), ".tmpl")
		pages++
		for _, part := range []string{"shell", name, "shell-end"} {
			// Without anything to show execution fails, but only after escaping.
			if bad := (*template.Error)(nil); errors.As(set.ExecuteTemplate(io.Discard, part, nil), &bad) {
				t.Errorf("%s: %v", file, bad)
			}
		}
		if text, err := templates.ReadFile(file); err != nil || strings.Contains(string(text), "{{define") {
			t.Errorf("%s: what pages define is seen by all of them, and belongs into parts (%v)", file, err)
		}
		return nil
	})
	if err != nil || pages == 0 {
		t.Fatal(pages, err)
	}
}

// A server whose pages nobody opens has neither their templates nor their texts in memory.
func TestIdleHandlerIsSmall(t *testing.T) {
	alive := func() int64 {
		runtime.GC()
		runtime.GC() // what pools had
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := alive()
	h, err := New(page.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	if n := alive() - before; n > 1<<20 {
		t.Errorf("a handler of pages keeps %d bytes, at most 1 MiB", n)
	}
	runtime.KeepAlive(h)
}
