package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: testreport FILE")
		os.Exit(2)
	}
	f, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	defer f.Close()
	sum, err := report(f, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	fmt.Printf("%d tests passed, %d failed, %d skipped in %d packages\n", sum.passed, sum.failed, len(sum.skipped), sum.packages)
	for _, s := range sum.skipped {
		fmt.Println("SKIPPED", s)
	}
	if sum.failed > 0 || len(sum.skipped) > 0 && os.Getenv("CI") == "true" {
		os.Exit(1)
	}
}

// An event is one line of test2json's output (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output, with the package and its test variant
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// A summary counts tests, and failed packages that name no failed test.
type summary struct {
	passed, failed, packages int
	skipped                  []string // package, test and the reason given
}

// report reads events from r and writes packages and failures to w.
func report(r io.Reader, w io.Writer) (*summary, error) {
	sum := new(summary)
	output := map[string]*strings.Builder{} // package, NUL, test
	failedIn := map[string]bool{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(w, lines.Text()) // such as a message of the go command itself
			continue
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			if output[key] == nil {
				output[key] = new(strings.Builder)
			}
			output[key].WriteString(e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "fail", "skip":
			sum.count(e, text(output[key]), failedIn, w)
			delete(output, key)
		}
	}
	return sum, lines.Err()
}

func text(b *strings.Builder) string {
	if b == nil {
		return ""
	}
	return b.String()
}

// count takes in the end of a test or of a package (Test is empty).
func (s *summary) count(e event, output string, failedIn map[string]bool, w io.Writer) {
	if e.Test == "" {
		if e.Action == "skip" {
			return // a package without tests
		}
		s.packages++
		if e.Action == "fail" && !failedIn[e.Package] {
			s.failed++
			fmt.Fprint(w, output)
		}
		fmt.Fprintf(w, "%-5s %-40s %6.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "fail":
		s.failed++
		failedIn[e.Package] = true
		fmt.Fprint(w, output)
	case "skip":
		s.skipped = append(s.skipped, e.Package+" "+e.Test+": "+reason(output))
	}
}

// reason returns what a test said before it was skipped.
func reason(output string) string {
	var said []string
	for l := range strings.Lines(output) {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "=== ") || strings.HasPrefix(l, "--- SKIP") {
			continue
		}
		said = append(said, l)
	}
	return strings.Join(said, " ")
}
