package sacl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// A Beginning says with what a list begins anew.
type Beginning uint8

// The beginnings: no rules, or those that the file has, whatever list it is of.
const (
	Empty Beginning = iota
	FromTheFile
)

// Reset begins the list of o anew, where Open refuses the one that is there:
// ErrLost, ErrOther. What the file held is kept beside it. by is who asks, for the
// audit log. It returns the number of rules.
func Reset(o Options, with Beginning, by string) (int, error) {
	s, err := newSACL(o)
	if err != nil {
		return 0, err
	}
	return s.Reset(with, by)
}

// Reset is the function Reset for a list in use.
func (s *SACL) Reset(with Beginning, by string) (int, error) {
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
	if err := s.file.setAside(s.now()); err != nil {
		return 0, fmt.Errorf("access list: %w", err)
	}
	if err := s.file.write(rules); err != nil {
		return 0, err
	}
	if rules, _, err = s.file.read(); err != nil {
		return 0, err
	}
	s.use(rules)
	s.audit.Warn("sacl: list reset", "rules", len(rules), "by", by)
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
