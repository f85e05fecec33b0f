package header_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"convene/internal/header"
)

func TestGet(t *testing.T) {
	h := http.Header{}
	h.Add("if-match", `"a"`)
	h.Add("If-Match", `"b"`)
	for name, want := range map[string]string{"If-Match": `"a"`, "If-None-Match": ""} {
		if got := header.Get(h, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestNames: all names in the program's calls are in canonical form. Another would never be
// found.
func TestNames(t *testing.T) {
	root, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	call, found := regexp.MustCompile(`header\.Get\([^()"]+, "([^"]+)"\)`), 0
	err = filepath.WalkDir(filepath.Dir(strings.TrimSpace(string(root))), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range call.FindAllStringSubmatch(string(text), -1) {
			found++
			if canonical := http.CanonicalHeaderKey(m[1]); canonical != m[1] {
				t.Errorf("%s: %s, which is %s", path, m[1], canonical)
			}
		}
		return err
	})
	if err != nil || found == 0 {
		t.Fatal(found, err)
	}
}
