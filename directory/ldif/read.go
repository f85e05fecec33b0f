package ldif

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is the length in bytes of the longest physical line read.
const maxLine = 16 << 20

// SyntaxError is a mistake in an LDIF file.
type SyntaxError struct {
	Line   int // of the logical line's start, from 1
	Reason string
}

// Error returns the line number and the reason.
func (e *SyntaxError) Error() string { return fmt.Sprintf("LDIF line %d: %s", e.Line, e.Reason) }

// Read reads all content records of an LDIF file. Records with changetype add
// are content; other changes are refused, and so are values by URL, because a
// file must not make the reader open others. Errors: *SyntaxError, or r's.
func Read(r io.Reader) ([]*Entry, error) {
	p := parser{in: bufio.NewScanner(r)}
	p.in.Buffer(make([]byte, 0, 64<<10), maxLine)
	var out []*Entry
	for {
		e, err := p.record()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return out, nil
		}
		out = append(out, e)
	}
}

// parser reads logical lines: comments dropped, continuations joined.
type parser struct {
	in   *bufio.Scanner
	line int    // of the physical line read last
	next string // line read ahead
	have bool   // next is valid
	err  error
}

// physical returns the next physical line.
func (p *parser) physical() (string, bool) {
	if p.have {
		p.have = false
		return p.next, true
	}
	if !p.in.Scan() {
		if err := p.in.Err(); errors.Is(err, bufio.ErrTooLong) {
			p.err = &SyntaxError{p.line + 1, "line too long"}
		} else {
			p.err = err
		}
		return "", false
	}
	p.line++
	s := strings.TrimSuffix(p.in.Text(), "\r")
	if p.line == 1 {
		s = strings.TrimPrefix(s, "\ufeff")
	}
	return s, true
}

// logical returns the next logical line and its number. ok is false at the
// end of the file.
func (p *parser) logical() (text string, line int, ok bool) {
	for {
		s, ok := p.physical()
		if !ok {
			return "", p.line, false
		}
		line := p.line
		var b strings.Builder
		b.WriteString(s)
		for {
			c, ok := p.physical()
			if !ok {
				break
			}
			if !strings.HasPrefix(c, " ") {
				p.next, p.have = c, true
				break
			}
			b.WriteString(c[1:])
		}
		if !strings.HasPrefix(s, "#") {
			return b.String(), line, p.err == nil
		}
	}
}

// record reads one record; nil at the end of the file.
func (p *parser) record() (*Entry, error) {
	var e *Entry
	for {
		text, line, ok := p.logical()
		if !ok {
			return e, p.err
		}
		if text == "" {
			if e != nil {
				return e, nil
			}
			continue
		}
		name, value, err := split(text, line)
		if err != nil {
			return nil, err
		}
		switch lower := strings.ToLower(name); {
		case e == nil && lower == "version":
		case e == nil && lower == "dn":
			e = NewEntry(value)
		case e == nil:
			return nil, &SyntaxError{line, "record does not begin with dn:"}
		case lower == "changetype" && !strings.EqualFold(value, "add"):
			return nil, &SyntaxError{line, "change records are not content"}
		case lower == "changetype", lower == "control":
		case lower == "dn":
			return nil, &SyntaxError{line, "second dn: in a record; an empty line is missing"}
		default:
			e.Add(name, value)
		}
	}
}

// split takes "name: value", "name:: base64" apart.
func split(text string, line int) (name, value string, err error) {
	name, value, ok := strings.Cut(text, ":")
	if !ok || name == "" {
		return "", "", &SyntaxError{line, "no attribute name"}
	}
	switch {
	case strings.HasPrefix(value, ":"):
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(value[1:]))
		if err != nil {
			return "", "", &SyntaxError{line, "bad base64"}
		}
		return name, string(b), nil
	case strings.HasPrefix(value, "<"):
		return "", "", &SyntaxError{line, "values by URL are not read"}
	}
	return name, strings.TrimLeft(value, " "), nil
}
