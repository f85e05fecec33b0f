package sacl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"convene/audit"
)

// A Beginning says with what a list begins anew.
type Beginning uint8

// The beginnings: no rules, or those that the file has, whatever list it is of.
const (
	Empty Beginning = iota
	FromTheFile
)

// Reset begins the list of o anew, where Open refuses the one that is there:
// ErrLost, ErrOther. What the file held is kept beside it. by is who asks. It returns
// the number of rules.
func Reset(ctx context.Context, o Options, with Beginning, by audit.By) (int, error) {
	s, err := newSACL(o)
	if err != nil {
		return 0, err
	}
	return s.Reset(ctx, with, by)
}

// Reset is the function Reset for a list in use.
func (s *SACL) Reset(ctx context.Context, with Beginning, by audit.By) (int, error) {
	if s.file.path == "" {
		return 0, errNoFile
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := lockFile(s.file.path + ".lock")
	if err != nil {
		return 0, fmt.Errorf("access list: %w", err)
	}
	defer unlock()
	var rules []*Rule
	if with == FromTheFile {
		n, found, err := s.file.load()
		if err != nil {
			return 0, fmt.Errorf("access list %s: %w", s.file.path, err)
		}
		if before := s.file.note; before != nil {
			n.List, n.Generation = before.List, max(before.Generation, n.Generation)
		}
		s.file.note, rules = &n, found
	}
	reset := audit.Act{By: by, Verb: "sacl.reset", Object: audit.Object{Type: "rules", Path: s.file.path}, After: statesOf(rules)}
	if list := s.rules.Load(); list != nil { // else the one in force is lost
		reset.Before = statesOf(fromFile(s.Rules()))
	}
	err = s.audit.Do(ctx, reset, func() (after any, err error) {
		if err := s.file.setAside(s.now()); err != nil {
			return nil, fmt.Errorf("access list: %w", err)
		}
		if err := s.file.write(rules); err != nil {
			return nil, err
		}
		rules, _, err = s.file.read()
		return statesOf(rules), err
	})
	if err != nil {
		return 0, err
	}
	s.use(rules)
	return len(rules), nil
}

// setAside keeps a copy of the file, if there is one, under a name with the time.
func (f *file) setAside(now time.Time) error {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(f.path+".before-"+now.UTC().Format("20060102T150405Z"), text, 0o600)
}
