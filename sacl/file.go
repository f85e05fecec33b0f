package sacl

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"convene/audit"
	"convene/directory"
	"convene/internal/atomicfile"
	"convene/internal/engine"
	"convene/internal/filewatch"
)

// fileVersion is the version of sacl.json that this code reads and writes.
const fileVersion = 1

// document is the content of sacl.json.
type document struct {
	Version    int          `json:"version"`
	List       string       `json:"list,omitempty"` // see listNote
	Generation uint64       `json:"generation"`
	Rules      *[]savedRule `json:"rules"` // required
}

type savedRule struct {
	Service Service `json:"service"`
	Effect  Effect  `json:"effect"`
	Kind    string  `json:"kind"` // everyone, user, group or record
	GUID    string  `json:"guid,omitempty"`
	Name    string  `json:"name,omitempty"` // when the rule was made; for display
	Changed string  `json:"changed"`
	By      string  `json:"by"`
}

// A file is sacl.json as it was last read.
type file struct {
	path  string
	state engine.Engine     // nil: what was read is known in this process only
	note  *listNote         // of the list in force last; nil: there was none
	known filewatch.Version // none before the first reading, and if there is no file
	rules []*Rule
}

// read returns the rules, and whether the file has changed since they were
// last read. No file is no rules; but one that was there and has gone is an
// error, as is another list than the one in force last: ErrLost, ErrOther.
func (f *file) read() (rules []*Rule, changed bool, err error) {
	if f.path == "" {
		return nil, false, nil
	}
	seen, err := filewatch.Look(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		if f.note != nil {
			return nil, false, fmt.Errorf("%w: %w; %s", ErrLost, err, cures)
		}
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("access list: %w", err)
	}
	if seen.Same(f.known) {
		return f.rules, false, nil
	}
	next, rules, err := f.load()
	if err == nil {
		err = f.note.follows(next)
	}
	if err == nil {
		err = f.remember(next)
	}
	if err != nil {
		return nil, false, fmt.Errorf("access list %s: %w", f.path, err)
	}
	f.known, f.rules = seen, rules
	return rules, true, nil
}

// load reads the file, whatever is known of it.
func (f *file) load() (listNote, []*Rule, error) {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return listNote{}, nil, err
	}
	doc, rules, err := decode(text)
	if err != nil {
		return listNote{}, nil, err
	}
	return noteOf(doc, text), rules, nil
}

// remember makes n the list in force.
func (f *file) remember(n listNote) error {
	if f.note != nil && *f.note == n {
		return nil
	}
	if err := writeNote(f.state, n); err != nil {
		return err
	}
	f.note = &n
	return nil
}

func decode(text []byte) (*document, []*Rule, error) {
	var doc document
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrBadRule, err)
	}
	switch _, err := dec.Token(); {
	case err != io.EOF:
		return nil, nil, fmt.Errorf("%w: something follows the rules", ErrBadRule)
	case doc.Version > fileVersion:
		return nil, nil, fmt.Errorf("version %d: %w", doc.Version, ErrNewer)
	case doc.Version < 1:
		return nil, nil, fmt.Errorf("%w: no version", ErrBadRule)
	case doc.Rules == nil:
		return nil, nil, fmt.Errorf("%w: no rules; a list of none is \"rules\": []", ErrBadRule)
	}
	rules, err := doc.rules()
	return &doc, rules, err
}

// rules makes the rules ready for use.
func (d *document) rules() ([]*Rule, error) {
	var out []*Rule
	for i, s := range *d.Rules {
		if err := s.check(); err != nil {
			return nil, fmt.Errorf("rule %d: %w", i+1, err)
		}
		r := &Rule{Service: s.Service, Effect: s.Effect, Everyone: s.Kind == everyone, Origin: FromFile, Changed: s.Changed, By: s.By}
		if !r.Everyone {
			typ, _ := directory.ParseType(s.Kind) // of kindRecord the type is not known
			r.Who = directory.Ref{Type: typ, GUID: directory.CanonicalGUID(s.GUID), Name: s.Name}
		}
		r.prepare()
		out = append(out, r)
	}
	return out, nil
}

// The kinds of saved rules, besides everyone. A kindRecord is a GUID alone.
const (
	kindUser   = "user"
	kindGroup  = "group"
	kindRecord = "record"
)

// kind returns the kind under which a rule is saved.
func (r *Rule) kind() string {
	switch {
	case r.Everyone:
		return everyone
	case r.Who.Type == directory.User:
		return kindUser
	case r.Who.Type == directory.Group:
		return kindGroup
	}
	return kindRecord
}

func (s savedRule) check() error {
	if _, err := ParseService(string(s.Service)); err != nil {
		return err
	}
	if s.Effect != Allow && s.Effect != Deny {
		return fmt.Errorf("effect %q: %w", s.Effect, ErrBadRule)
	}
	switch s.Kind {
	case everyone:
		return nil
	case kindUser, kindGroup, kindRecord:
		if s.GUID != "" {
			return nil
		}
		return fmt.Errorf("%w: no GUID", ErrBadRule)
	}
	return fmt.Errorf("kind %q: %w", s.Kind, ErrBadRule)
}

// write replaces the file by a later generation of the list, durably and in one
// step, and then the note: a crash between them leaves a file that follows it.
func (f *file) write(rules []*Rule) error {
	saved := []savedRule{}
	for _, r := range rules {
		saved = append(saved, savedRule{r.Service, r.Effect, r.kind(), r.Who.GUID, r.Who.Name, r.Changed, r.By})
	}
	doc := document{Version: fileVersion, Generation: 1, Rules: &saved}
	if f.note != nil {
		doc.List, doc.Generation = f.note.List, f.note.Generation+1
	}
	if doc.List == "" {
		doc.List = rand.Text()
	}
	text, err := json.MarshalIndent(doc, "", "\t")
	if err != nil {
		return fmt.Errorf("access list: %w", err)
	}
	text = append(text, '\n')
	err = atomicfile.Write(f.path, 0o600, func(w io.Writer) error { _, err := w.Write(text); return err })
	if err == nil {
		err = f.remember(noteOf(&doc, text))
	}
	if err != nil {
		return fmt.Errorf("access list: %w", err)
	}
	f.known = filewatch.Version{}
	return nil
}

// A Change is the outcome of an operator's command.
type Change struct {
	Rule    Rule
	Changed bool // false: it was so already
}

// Set makes a durable rule that allows or denies who a service. A rule of the
// file for the same record and service is replaced; one of the configuration
// stays, and may decide (see Rules). by is who asks.
// Errors: ErrBadRule, those of looking who up in the directory, and
// audit.ErrNotRecorded. Denied may be who has left the directory: by GUID, or by the
// name that is remembered.
func (s *SACL) Set(ctx context.Context, svc Service, effect Effect, who string, by audit.By) (Change, error) {
	w, all, err := s.resolve(ctx, who)
	if effect == Deny && errors.Is(err, directory.ErrNotFound) {
		w, err = s.departed(who, err)
	}
	if err != nil {
		return Change{}, err
	}
	if svc == Admin && effect == Allow && all {
		return Change{}, fmt.Errorf("everyone an administrator: %w", ErrBadRule)
	}
	r := &Rule{
		Service: svc, Effect: effect, Everyone: all, Who: w,
		Origin: FromFile, Changed: s.now().UTC().Format(time.RFC3339), By: by.Actor.Name,
	}
	r.prepare()
	changed, err := s.change(ctx, act{"sacl.set", by, r}, func(rules []*Rule) []*Rule {
		if i := slices.IndexFunc(rules, r.same); i >= 0 {
			if rules[i].Effect == effect {
				return rules
			}
			return append(slices.Delete(slices.Clone(rules), i, i+1), r)
		}
		return append(slices.Clone(rules), r)
	})
	if err != nil {
		return Change{}, err
	}
	return Change{Rule: *r, Changed: changed}, nil
}

// Clear removes the durable rule for who and a service, if there is one.
// Rules of the configuration are not touched. Errors: as Set; a GUID need not
// be in the directory any more.
func (s *SACL) Clear(ctx context.Context, svc Service, who string, by audit.By) (Change, error) {
	w, all, err := s.resolve(ctx, who)
	if errors.Is(err, directory.ErrNotFound) {
		w, err = s.remembered(who, err)
	}
	if err != nil {
		return Change{}, err
	}
	r := &Rule{Service: svc, Everyone: all, Who: w}
	changed, err := s.change(ctx, act{"sacl.clear", by, r}, func(rules []*Rule) []*Rule {
		return slices.DeleteFunc(slices.Clone(rules), r.same)
	})
	if err != nil {
		return Change{}, err
	}
	return Change{Rule: *r, Changed: changed}, nil
}

// same reports whether r and o are about the same record and service.
func (r *Rule) same(o *Rule) bool {
	return r.Service == o.Service && r.Everyone == o.Everyone && r.Who.GUID == o.Who.GUID
}

var errNoFile = errors.New("access list: no data folder to keep rules in")

// change applies fn to the rules of the file, under a lock that other
// processes respect, and reports whether it made a difference. If so, it is a.
func (s *SACL) change(ctx context.Context, a act, fn func([]*Rule) []*Rule) (bool, error) {
	if s.file.path == "" {
		return false, errNoFile
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := lockFile(s.file.path + ".lock")
	if err != nil {
		return false, fmt.Errorf("access list: %w", err)
	}
	defer unlock()
	rules, _, err := s.file.read()
	if err != nil {
		return false, err
	}
	next := fn(rules)
	changed := !slices.Equal(rules, next)
	if changed {
		err := s.audit.Do(ctx, a.between(rules, next), func() (after any, err error) {
			if err := s.file.write(next); err != nil {
				return nil, err
			}
			next, _, err = s.file.read()
			return stateOf(next, a.rule), err
		})
		if err != nil {
			return false, err
		}
	}
	s.use(next)
	return changed, nil
}

// lockFile waits for the lock that path stands for. The lock ends with the
// process, if unlock is never called.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	// Closing gives the lock back; nothing was written that could be lost.
	return func() { _ = f.Close() }, nil
}

// resolve finds whom an operator names: "everyone", which sets all, a GUID,
// user:NAME, group:NAME, or a bare NAME that only one of the two has.
func (s *SACL) resolve(ctx context.Context, entry string) (who directory.Ref, all bool, err error) {
	who, all, err = parseEntry(entry)
	if all {
		return who, true, nil
	}
	find := who.Find
	if err != nil {
		find = func(ctx context.Context, d directory.Directory) (*directory.Principal, error) {
			return bareName(ctx, d, entry)
		}
	}
	p, err := find(ctx, s.directory)
	if err != nil {
		return directory.Ref{}, false, err
	}
	return directory.RefTo(p), false, nil
}

// bareName finds the user or the group called name.
func bareName(ctx context.Context, d directory.Directory, name string) (*directory.Principal, error) {
	var found []*directory.Principal
	for _, t := range []directory.Type{directory.User, directory.Group} {
		p, err := directory.Ref{Type: t, Name: name}.Find(ctx, d)
		switch {
		case errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("user or group %q: %w", name, directory.ErrNotFound)
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("%q is a user and a group: %w; write user:%s or group:%s", name, directory.ErrAmbiguous, name, name)
}

// remembered finds who among the rules of the file, for records that have left
// the directory; notFound is returned if there is none.
func (s *SACL) remembered(who string, notFound error) (directory.Ref, error) {
	for _, r := range s.Rules() {
		if r.Origin == FromFile && !r.Everyone && (r.Entry() == who || r.Who.Name == who || r.Who.GUID == directory.CanonicalGUID(who)) {
			return r.Who, nil
		}
	}
	return directory.Ref{}, notFound
}

// departed finds who among the records that the directory had, as far as is remembered.
// A GUID needs no record: nobody else ever gets it.
func (s *SACL) departed(who string, notFound error) (directory.Ref, error) {
	if d, ok := s.directory.(interface {
		Former(who string) (*directory.Principal, error)
	}); ok {
		p, err := d.Former(who)
		if err == nil {
			return directory.RefTo(p), nil
		}
		if !errors.Is(err, directory.ErrNotFound) {
			return directory.Ref{}, err
		}
	}
	if ref, err := directory.ParseRef(who); err == nil && ref.GUID != "" {
		return ref, nil
	}
	return s.remembered(who, notFound)
}

// CheckFile reads the file at path as a list of rules, whatever list was in force
// before, and returns how many it has. Errors: ErrBadRule, ErrNewer.
func CheckFile(path string) (rules int, err error) {
	f := file{path: path}
	_, list, err := f.load()
	return len(list), err
}
