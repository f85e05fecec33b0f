package demo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"convene/testenv"
)

// A step is a block of code in a document: lines for a shell, and behind an empty line
// what they print, shortened.
type step struct {
	line     int // of the document
	commands string
	answer   []string
}

// steps are the blocks of a text, which are indented by four spaces.
func steps(text string) []step {
	var all []step
	var code, answered bool
	for i, line := range strings.Split(text, "\n") {
		rest, indented := strings.CutPrefix(line, "    ")
		switch {
		case line == "":
			answered = code
		case !indented:
			code = false
		case !code:
			all = append(all, step{line: i + 1, commands: rest + "\n"})
			code, answered = true, false
		case answered:
			last := &all[len(all)-1]
			last.answer = append(last.answer, rest)
		default:
			all[len(all)-1].commands += rest + "\n"
		}
	}
	return all
}

// lacks returns the first shown line that is not in what was printed, behind the one
// before it; "" if there is none. Where … stands there may be anything, and white space is
// not compared, since commands write tables to terminals only.
func lacks(printed string, shown []string) string {
	lines := strings.Split(strings.ReplaceAll(printed, "\r\n", "\n"), "\n")
	for _, want := range shown {
		parts := strings.Split(spaces(want), "…")
		for i, part := range parts {
			parts[i] = regexp.QuoteMeta(part)
		}
		pattern := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
		at := slices.IndexFunc(lines, func(line string) bool { return pattern.MatchString(spaces(line)) })
		if at < 0 {
			return want
		}
		lines = lines[at+1:]
	}
	return ""
}

func spaces(line string) string { return strings.Join(strings.Fields(line), " ") }

// section is a part of a document, from a heading to the next text that ends it, behind as
// many empty lines as are before it, so that lines keep their numbers.
func section(t *testing.T, file, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", file))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), from)
	part, _, ended := strings.Cut(rest, to)
	if !found || !ended {
		t.Fatalf("%s: no %q, or no %q behind it", file, from, to)
	}
	return strings.Repeat("\n", strings.Count(before, "\n")) + part
}

// A tour is a demonstration on which the steps of a document are taken.
type tour struct {
	dir     string // in place of /tmp
	program string // in place of build/convene
	http    string // in place of http://localhost:8008
}

func newTour(t *testing.T, program string) *tour {
	t.Helper()
	testenv.Require(t, "curl", "curl")
	dir := testenv.Dir(t)
	guide := start(t, filepath.Join(dir, "convene-demo"))
	return &tour{dir: dir, program: program, http: regexp.MustCompile(`http://localhost:\d+`).FindString(guide)}
}

// take takes a step in the order of the document: it ends without an error, and prints
// what is shown. Where nothing is shown no response may be one of refusal.
func (at *tour) take(t *testing.T, s step) {
	t.Helper()
	commands := strings.NewReplacer("/tmp/", at.dir+"/", "build/convene", at.program, "http://localhost:8008", at.http).Replace(s.commands)
	if len(s.answer) == 0 {
		commands = strings.ReplaceAll(commands, "curl ", "curl -f ")
	}
	printed, err := testenv.TryRun([]string{"LC_ALL=C.UTF-8"}, "", "/bin/sh", "-euc", commands)
	if err != nil {
		t.Fatal(err)
	}
	if line := lacks(printed, s.answer); line != "" {
		t.Fatalf("this is not printed, or too early: %q\n%s\n%s", line, commands, printed)
	}
}

func (at *tour) takeAll(t *testing.T, file string, all []step) {
	for _, s := range all {
		ok := t.Run(fmt.Sprintf("%s:%d", file, s.line), func(t *testing.T) {
			if strings.Contains(s.commands, "vdirsyncer") {
				testenv.Require(t, "vdirsyncer", "vdirsyncer")
			}
			at.take(t, s)
		})
		if !ok {
			return // the next ones build on it
		}
	}
}

// What the README shows is what it is like.
func TestReadme(t *testing.T) {
	all := steps(section(t, "README.md", "\n## Five minutes\n", "\nFor your own directory"))
	begin := "make convene\nbuild/convene demo --data /tmp/convene-demo\n"
	if len(all) < 5 || all[0].commands != begin || len(all[0].answer) > 0 {
		t.Fatalf("it does not begin with\n%s\n%+v", begin, all)
	}
	newTour(t, build(t)).takeAll(t, "README.md", all[1:])
}

// So is what assistants are told.
func TestAssistants(t *testing.T) {
	newTour(t, "").takeAll(t, "assistants.md", steps(section(t, "docs/assistants.md", "\n## Naming an assistant\n", "\n## When it does not work\n")))
}

// A wrong line is found.
func TestLacks(t *testing.T) {
	const printed = "HTTP/1.1 201 Created\r\nETag: \"1-2\"\r\nDate: now\r\n\r\na\tb  c\n<x>one</x><y>two</y>\n"
	for _, tt := range []struct {
		shown string
		want  string
	}{
		{"HTTP/1.1 201 Created", ""},
		{"HTTP/1.1 201 Created|Date: now", ""},
		{"Date: now|HTTP/1.1 201 Created", "HTTP/1.1 201 Created"},
		{"HTTP/1.1 201", "HTTP/1.1 201"},
		{"HTTP/1.1 204 No Content", "HTTP/1.1 204 No Content"},
		{`ETag: "…"|…|a b c`, ""},
		{"a   b c", ""},
		{"…<y>two</y>", ""},
		{"…one…two…", ""},
		{"…two…one…", "…two…one…"},
		{"<y>two</y>", "<y>two</y>"},
		{"ETag: .1-2.", "ETag: .1-2."},
	} {
		if got := lacks(printed, strings.Split(tt.shown, "|")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.shown, got, tt.want)
		}
	}
}
