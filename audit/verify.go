package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// A Problem is a place where the chain is broken.
type Problem struct {
	File   string `json:"file"`           // its name; "" if it is about none
	Line   int    `json:"line,omitempty"` // in the file, from 1
	Seq    uint64 `json:"seq,omitempty"`  // number that the line has, or should have
	Detail string `json:"detail"`
}

// String says the problem in one line.
func (p Problem) String() string {
	switch {
	case p.File == "":
		return p.Detail
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.File, p.Detail)
	}
	return fmt.Sprintf("%s:%d: line %d of the chain: %s", p.File, p.Line, p.Seq, p.Detail)
}

// A Report is what Verify has found; no problems is a proof.
type Report struct {
	Files    int       `json:"files"`
	Lines    uint64    `json:"lines"`
	First    uint64    `json:"first"` // number of the first line; 0: there are none
	Head     Head      `json:"head"`
	Problems []Problem `json:"problems"`
}

// mostProblems is how many problems a Report lists.
const mostProblems = 100

// attempts is how often Verify looks at a log that somebody writes and rotates
// meanwhile, before it believes that something is wrong.
const attempts = 3

// Verify checks the chain from number from on (1: all of it) over all files, and
// that it ends where the witness says. It may run beside the process that writes
// the log. Errors: those of reading the files.
func Verify(f Files, from uint64) (r Report, err error) {
	for range attempts {
		r, err = verify(f, max(from, 1))
		if err == nil && len(r.Problems) == 0 {
			return r, nil
		}
	}
	return r, err
}

// A verifier follows a chain.
type verifier struct {
	Report
	from    uint64
	before  Head // of the witness, before the files were read
	matched bool // there was a line as before says
	lost    bool // the line before cannot be told: the next one is believed
}

func verify(f Files, from uint64) (Report, error) {
	v := &verifier{from: from, Report: Report{Problems: []Problem{}}}
	var err error
	if v.before, err = readWitness(f.Witness); err != nil {
		v.problem(Problem{File: filepath.Base(f.Witness), Detail: "it cannot be read: " + err.Error()})
	}
	unread := err != nil
	list, err := f.list()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return v.Report, fmt.Errorf("audit log: %w", err)
	}
	for i, one := range list {
		if i+1 < len(list) && one.first != 0 && list[i+1].first <= from {
			continue // all of it is before
		}
		if err := v.file(one.path); err != nil {
			return v.Report, fmt.Errorf("audit log: %w", err)
		}
	}
	if !unread {
		err = v.end(f)
	}
	return v.Report, err
}

func (v *verifier) problem(p Problem) {
	if len(v.Problems) < mostProblems {
		v.Problems = append(v.Problems, p)
	}
}

func (v *verifier) file(path string) error {
	v.Files++
	n := 0
	name := filepath.Base(path)
	err := readFile(path, func(r raw) error {
		n++
		l, err := r.line()
		if err != nil {
			v.problem(Problem{File: name, Line: n, Seq: v.Head.Seq + 1, Detail: err.Error()})
			v.Head.Seq++
			v.lost = true
			return nil
		}
		v.line(l, Problem{File: name, Line: n, Seq: l.Seq})
		return nil
	})
	if unreadable(path, err) {
		v.problem(Problem{File: name, Detail: "it is damaged: " + err.Error()})
		v.lost = true
		return nil
	}
	return err
}

// line checks that a line follows the one before.
func (v *verifier) line(l *Line, at Problem) {
	if l.Seq < v.from {
		v.Head = Head{l.Seq, l.Hash}
		return
	}
	v.Lines++
	if v.First == 0 {
		v.First = l.Seq
	}
	switch {
	case v.Head.Seq == 0 && v.from > 1 && l.Seq == v.from: // what was before is not looked at
	case l.Seq > v.Head.Seq+1:
		at.Detail = fmt.Sprintf("lines %d to %d are missing before it", max(v.Head.Seq+1, v.from), l.Seq-1)
		v.problem(at)
	case l.Seq <= v.Head.Seq:
		at.Detail = fmt.Sprintf("it stands behind line %d", v.Head.Seq)
		v.problem(at)
	case l.Prev != v.Head.Hash && !v.lost:
		at.Detail = "it does not follow the line before: that one was replaced"
		v.problem(at)
	}
	v.lost = false
	v.Head = Head{l.Seq, l.Hash}
	v.matched = v.matched || v.Head == v.before
}

// end compares the end of the chain with the witness.
func (v *verifier) end(f Files) error {
	after, err := readWitness(f.Witness)
	if err != nil {
		return err
	}
	switch {
	case v.before.Seq > v.Head.Seq && v.before.Seq >= v.from:
		v.problem(Problem{Detail: fmt.Sprintf("lines %d to %d are missing at the end: the log ended with line %d", v.Head.Seq+1, v.before.Seq, v.before.Seq)})
	case v.before.Seq >= v.from && !v.matched:
		v.problem(Problem{Seq: v.before.Seq, Detail: fmt.Sprintf("line %d is not the one that was written", v.before.Seq)})
	case v.Head.Seq > after.Seq+1:
		v.problem(Problem{Detail: fmt.Sprintf("lines %d to %d were not written by the server: the log ended with line %d", after.Seq+1, v.Head.Seq, after.Seq)})
	}
	return nil
}
