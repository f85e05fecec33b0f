// Package audittest has an audit log for the tests of those who write to one.
package audittest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/audit"
)

// A Log is an audit log in a folder of its own.
type Log struct {
	*audit.Log
	audit.Files
	t testing.TB
}

// Open makes a log. When the test ends its chain must be whole.
func Open(t testing.TB) *Log {
	t.Helper()
	dir := t.TempDir()
	l := &Log{Files: audit.Files{Path: filepath.Join(dir, "audit.log"), Witness: filepath.Join(dir, "audit.head")}, t: t}
	var err error
	if l.Log, err = audit.Open(audit.Options{Files: l.Files, Now: time.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if r, err := audit.Verify(l.Files, 1); err != nil || len(r.Problems) > 0 {
			t.Errorf("audit log: %v, %v", r.Problems, err)
		}
	})
	return l
}

// Lines returns the lines that are in the log, in the order of their numbers.
func (l *Log) Lines() (lines []audit.Line) {
	l.t.Helper()
	err := audit.Read(l.Files, 1, func(one *audit.Line, _ []byte) error {
		lines = append(lines, *one)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return lines
}

// Acts has a text for each act, without those that are not over: "VERB ACTOR OBJECT
// BEFORE>AFTER OUTCOME", of the object its name.
func (l *Log) Acts() (acts []string) {
	l.t.Helper()
	for _, one := range l.Lines() {
		if one.Kind != audit.Intent {
			acts = append(acts, strings.Join([]string{one.Verb, one.Actor.Name, one.Object.Name, string(one.Before) + ">" + string(one.After), one.Outcome}, " "))
		}
	}
	return acts
}

// By is somebody called name at a command.
func By(name string) audit.By {
	return audit.By{Actor: audit.Who{Name: name}, Via: audit.Via{How: audit.Command}}
}
