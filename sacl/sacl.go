package sacl

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
)

// Options is what Open needs.
type Options struct {
	Config    Config
	File      string        // path of sacl.json; "": rules of the configuration only
	State     engine.Engine // opened with Tables: remembers which list is in force; nil: this process only
	Directory directory.Directory
	Pins      *Pins            // nil: names in the configuration mean who has them
	Audit     *audit.Log       // has every change of a rule; nil: they are not recorded
	Now       func() time.Time // nil: time.Now
}

// SACL is an access list. It is safe for use by many goroutines.
type SACL struct {
	directory directory.Directory
	audit     *audit.Log
	now       func() time.Time
	file      *file
	pins      *Pins
	named     []*Rule // of the configuration, as written

	mu     sync.Mutex // held to change rules
	config []*Rule    // named, for the records that are remembered
	rules  atomic.Pointer[ruleset]
}

// A ruleset is the rules of each service, deny before allow.
type ruleset map[Service][]*Rule

// Open reads the rules. Errors: ErrBadRule, ErrNewer, ErrLost, ErrOther, and those
// of reading the file; then nothing is known of who is denied, and the server must
// not start.
func Open(o Options) (*SACL, error) {
	s, err := newSACL(o)
	if err != nil {
		return nil, err
	}
	if _, err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// newSACL makes a list that has read nothing yet.
func newSACL(o Options) (*SACL, error) {
	config, err := parse(&o.Config)
	if err != nil {
		return nil, err
	}
	s := &SACL{directory: o.Directory, audit: o.Audit, now: o.Now, named: config, pins: o.Pins, file: &file{path: o.File, state: o.State}}
	if s.now == nil {
		s.now = time.Now
	}
	s.usePins()
	if s.file.note, err = readNote(o.State); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the file if it has changed since it was read, and reports
// whether it had. On error the rules stay as they were.
func (s *SACL) Reload() (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules, changed, err := s.file.read()
	if err != nil {
		return false, err
	}
	if changed || s.rules.Load() == nil {
		s.use(rules)
	}
	return changed, nil
}

// use makes the rules of the configuration and those given the ones in force.
func (s *SACL) use(fromFile []*Rule) {
	all := ruleset{}
	for _, r := range slices.Concat(s.config, fromFile) {
		all[r.Service] = append(all[r.Service], r)
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b *Rule) int { return effectOrder(a.Effect) - effectOrder(b.Effect) })
	}
	s.rules.Store(&all)
}

func effectOrder(e Effect) int {
	if e == Deny {
		return 0
	}
	return 1
}

// Rules returns the rules in force: by service, deny before allow, those of
// the configuration first.
func (s *SACL) Rules() []Rule {
	var out []Rule
	for _, svc := range Services() {
		for _, r := range (*s.rules.Load())[svc] {
			out = append(out, *r)
		}
	}
	return out
}

// Unknown gives the rules of the configuration that name no record of the
// directory, each with the directory's error. It ends early if the directory is
// unavailable.
func (s *SACL) Unknown(ctx context.Context) iter.Seq2[*Rule, error] {
	return func(yield func(*Rule, error) bool) {
		for _, r := range s.named {
			if r.Everyone || s.pins.Of(r.Who) != "" || r.Who.GUID != "" {
				continue
			}
			_, err := r.Who.Find(ctx, s.directory)
			if errors.Is(err, directory.ErrUnavailable) || err != nil && !yield(r, err) {
				return
			}
		}
	}
}

// A Decision is the result to a request for a service.
type Decision struct {
	Allowed bool
	Rule    string // the rule that decided, or "directory record"
	Entry   string // DN of the directory entry that decided; "" if none did
	Reason  string // in words, for the log and for explain
}

// The Rule of decisions that no entry made.
const (
	noRules = "no rules"
	record  = "directory record"
)

// Check decides whether c may use svc, which is not All. The error is that of
// a directory that could not say who is meant by a rule: the response is then 503,
// and nobody is denied.
func (s *SACL) Check(ctx context.Context, svc Service, c *auth.Caller) (Decision, error) {
	return s.decide(ctx, svc, c, nil)
}

// A Step is one stage of a decision, as explain shows it.
type Step struct {
	Service Service // whose rules; "" for the directory record
	Passed  bool
	Rule    *Rule // the entry that matched; nil if none did
	Entry   string
	Reason  string
}

// decide is Check, and notes each stage in steps if that is not nil.
func (s *SACL) decide(ctx context.Context, svc Service, c *auth.Caller, steps *[]Step) (Decision, error) {
	rules := *s.rules.Load()
	var last Step
	for _, stage := range [2]Service{All, svc} {
		step, err := s.stage(ctx, stage, rules[stage], c)
		if err != nil {
			return Decision{}, fmt.Errorf("access list of %s: %w", stage, err)
		}
		note(steps, step)
		if !step.Passed {
			return step.decision(), nil
		}
		if step.Rule != nil || stage == svc && last.Rule == nil {
			last = step
		}
	}
	step := checkRecord(svc, c.Principal, s.now())
	note(steps, step)
	if !step.Passed {
		return step.decision(), nil
	}
	return last.decision(), nil
}

func note(steps *[]Step, s Step) {
	if steps != nil {
		*steps = append(*steps, s)
	}
}

func (s Step) decision() Decision {
	d := Decision{Allowed: s.Passed, Rule: noRules, Entry: s.Entry, Reason: s.Reason}
	switch {
	case s.Rule != nil:
		d.Rule = s.Rule.text
	case s.Service == "":
		d.Rule = record
	case !s.Passed:
		d.Rule = string(s.Service) + ": not listed"
	}
	return d
}

// stage applies the rules of one service: entries for the person first, then
// those for groups, then those for everyone; at each level deny before allow.
func (s *SACL) stage(ctx context.Context, svc Service, rules []*Rule, c *auth.Caller) (Step, error) {
	step := Step{Service: svc}
	if len(rules) == 0 {
		step.Passed = svc != Admin
		step.Reason = "there are no rules: everyone"
		if svc == Admin {
			step.Reason = "there are no rules: nobody administers"
		}
		return step, nil
	}
	for _, r := range rules {
		if r.names(c.Principal) {
			step.Rule, step.Passed, step.Entry = r, r.Effect == Allow, c.Principal.DN
			step.Reason = "the rule names the person"
			return step, nil
		}
	}
	listed := false
	// The first rule that the directory could not be asked about: what comes after
	// it may decide if it would have decided the same.
	var unknown *Rule
	var unavailable error
	for _, r := range rules {
		listed = listed || r.Effect == Allow
		entry, in, err := s.holds(ctx, r, c)
		switch {
		case err != nil && unknown == nil:
			unknown, unavailable = r, err
		case in && (unknown == nil || unknown.Effect == r.Effect):
			step.Rule, step.Passed, step.Entry = r, r.Effect == Allow, entry
			step.Reason = "the person is in the group that the rule names"
			return step, nil
		}
	}
	if unknown != nil {
		return step, unavailable
	}
	for _, r := range rules {
		if r.Everyone {
			step.Rule, step.Passed = r, r.Effect == Allow
			step.Reason = "the rule is for everyone"
			return step, nil
		}
	}
	step.Passed = !listed
	step.Reason = "no rule denies the person"
	if listed {
		step.Reason = "only those listed may, and the person is not"
	}
	return step, nil
}

// names reports whether r names the record p itself.
func (r *Rule) names(p *directory.Principal) bool {
	switch {
	case r.Everyone:
		return false
	case r.Who.GUID != "":
		return r.Who.GUID == p.GUID
	case r.Who.Type != directory.User || p.Type != directory.User || r.key.Value == "":
		return false
	}
	return r.hasName(p)
}

func (r *Rule) hasName(p *directory.Principal) bool {
	return sameName(r.key, p.Name) || slices.ContainsFunc(p.Aliases, func(n string) bool { return sameName(r.key, n) })
}

func sameName(key directory.Key, name string) bool {
	k, err := directory.Key{By: key.By, Type: key.Type, Value: name}.Canonical()
	return err == nil && k == key
}

// holds reports whether r is for a group that the caller is in. entry is the
// group's DN, where the directory was asked for it.
func (s *SACL) holds(ctx context.Context, r *Rule, c *auth.Caller) (entry string, in bool, err error) {
	switch {
	case r.Everyone, r.Who.Type == directory.User:
		return "", false, nil
	case r.Who.GUID != "":
		_, in = slices.BinarySearch(c.Groups, r.Who.GUID)
		return "", in, nil
	case len(c.Groups) == 0 || r.key.Value == "":
		return "", false, nil
	}
	g, err := s.directory.Lookup(ctx, r.key)
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return "", false, nil // a group that does not exist has no members
	case errors.Is(err, directory.ErrAmbiguous) && r.Effect == Allow:
		return "", false, nil // else whoever can make a group could give it the name
	case errors.Is(err, directory.ErrAmbiguous):
		return s.holdsAny(ctx, r, c)
	case err != nil:
		return "", false, fmt.Errorf("rule %q: %w", r.text, err)
	}
	_, in = slices.BinarySearch(c.Groups, g.GUID)
	return g.DN, in, nil
}

// holdsAny is holds for a rule that denies, with a name that several groups have:
// it is for the members of all of them.
func (s *SACL) holdsAny(ctx context.Context, r *Rule, c *auth.Caller) (entry string, in bool, err error) {
	for _, guid := range c.Groups {
		g, err := s.directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
		switch {
		case errors.Is(err, directory.ErrNotFound):
		case err != nil:
			return "", false, fmt.Errorf("rule %q: %w", r.text, err)
		case r.hasName(g):
			return g.DN, true, nil
		}
	}
	return "", false, nil
}

// checkRecord says whether the directory record permits svc.
func checkRecord(svc Service, p *directory.Principal, now time.Time) Step {
	step := Step{Entry: p.DN, Passed: true, Reason: "the directory record is enabled"}
	switch {
	case errors.Is(p.Closed(now), directory.ErrAccountExpired):
		step.Passed, step.Reason = false, "the account has expired"
	case p.Closed(now) != nil:
		step.Passed, step.Reason = false, "the directory record may not sign in"
	case svc != Admin && !p.CalendarEnabled:
		step.Passed, step.Reason = false, "the directory record is not enabled for calendars"
	}
	return step
}
