package schedulingtest

import (
	"fmt"
	"strings"
)

// A Script is a conversation: what is there, what somebody does, and what must
// be so afterwards.
//
//	=== an attendee accepts
//	# RFC 6638 §3.2.2.3
//	given
//	    O puts event with A B
//	    clear
//	when
//	    A edits
//	        own PARTSTAT=ACCEPTED
//	then
//	    O has ATTENDEE;PARTSTAT=ACCEPTED:A
//	    B inbox nothing
//
// A step is a line that is indented once, with the lines below it that are
// indented further. Sections may come again: when, then, when, then.
type Script struct {
	Name  string
	Steps []Step
}

// A Step is one line of a script.
type Step struct {
	Line  int // in the file, from 1
	Check bool
	Words []string
	Body  []string
}

// String returns the line as it is to be read.
func (s *Step) String() string { return fmt.Sprintf("line %d: %s", s.Line, strings.Join(s.Words, " ")) }

// ParseScripts reads a file of scripts, each below a line "=== what it shows".
func ParseScripts(file, text string) ([]*Script, error) {
	var all []*Script
	section := ""
	for i, line := range strings.Split(text, "\n") {
		if title, ok := strings.CutPrefix(line, "=== "); ok {
			all = append(all, &Script{Name: title})
			section = ""
			continue
		}
		if len(all) == 0 {
			if line != "" && line[0] != '#' {
				return nil, fmt.Errorf("%s:%d: a line before the first ===", file, i+1)
			}
			continue
		}
		s := all[len(all)-1]
		trimmed := strings.TrimSpace(line)
		depth := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case depth == 0:
			if trimmed != "given" && trimmed != "when" && trimmed != "then" {
				return nil, fmt.Errorf("%s:%d: %q is not given, when or then", file, i+1, trimmed)
			}
			section = trimmed
		case section == "":
			return nil, fmt.Errorf("%s:%d: a step before given, when or then", file, i+1)
		case depth > 4:
			if len(s.Steps) == 0 {
				return nil, fmt.Errorf("%s:%d: a body without a step", file, i+1)
			}
			last := &s.Steps[len(s.Steps)-1]
			last.Body = append(last.Body, trimmed)
		default:
			s.Steps = append(s.Steps, Step{Line: i + 1, Check: section == "then", Words: strings.Fields(trimmed)})
		}
	}
	return all, nil
}
