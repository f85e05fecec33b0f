package convene_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tests that webtest/CHECKS.md names are there.
func TestChecksAreThere(t *testing.T) {
	list, err := os.ReadFile("webtest/CHECKS.md")
	if err != nil {
		t.Fatal(err)
	}
	place, named := regexp.MustCompile("`([a-z0-9/]+)` "), regexp.MustCompile(`\b(?:Test|Benchmark)\w+|"[^"]+"`)
	tests := 0
	for line := range strings.Lines(string(list)) {
		columns := strings.Split(line, "|")
		if len(columns) != 5 || !strings.HasPrefix(columns[1], " B") {
			continue
		}
		before := tests
		places := place.FindAllStringSubmatchIndex(columns[3], -1)
		for i, at := range places {
			rest := columns[3][at[1]:]
			if i+1 < len(places) {
				rest = columns[3][at[1]:places[i+1][0]]
			}
			where := columns[3][at[2]:at[3]]
			text := contents(t, "webtest/"+where+".test.mjs") + contents(t, where+"/*_test.go")
			for _, name := range named.FindAllString(rest, -1) {
				tests++
				if !strings.Contains(strings.ReplaceAll(text, `\'`, "'"), strings.Trim(name, `"`)) {
					t.Errorf("%s: there is no %s in %s", strings.TrimSpace(columns[1]), name, where)
				}
			}
		}
		if tests == before {
			t.Errorf("no test: %s", line)
		}
	}
	if tests < 60 {
		t.Errorf("%d tests are named", tests)
	}
}

// contents are those of the files that a pattern fits.
func contents(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(data)
	}
	return all.String()
}
