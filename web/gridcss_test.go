package web_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The policy forbids styles in pages: where an event is, classes say, and these are their
// rules. UPDATE=1 writes them anew.
func TestGridClasses(t *testing.T) {
	const name = "static/css/41-cal-grid.css"
	var b strings.Builder
	rules := func(class, property string, from, to, add int) {
		for n := from; n <= to; n++ {
			fmt.Fprintf(&b, ".%s%d{--%s:%d}", class, n, property, n+add)
		}
		b.WriteByte('\n')
	}
	b.WriteString("@layer parts {\n")
	rules("r", "r", 0, 127, 1) // rows of quarters of an hour; a clock can be put back by some hours
	rules("s", "s", 1, 128, 0)
	rules("l", "l", 0, 11, 0)
	rules("of", "of", 2, 12, 0)
	rules("w", "w", 2, 12, 0)
	rules("n", "days", 1, 20, 0)
	rules("rows", "rows", 96, 128, 0)
	rules("b", "bands", 0, 12, 0)
	b.WriteString("}\n")
	want := b.String()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what it should be (%v); UPDATE=1 writes it", name, err)
	}
}
