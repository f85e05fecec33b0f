package delegation

import (
	"context"
	"errors"
	"fmt"
)

// An Import is one delegation of a file to load. The principals are named as the
// file names them.
type Import struct {
	Where     string // in the file: a line or a record
	Delegator string
	Delegate  string
	Level     Level
	Limits    *Limits // nil: PlainLimits, or what there is already
}

// LoadOptions say how to load.
type LoadOptions struct {
	// Resolve finds the principal of a name; false: nobody has it. An error
	// ends the load.
	Resolve func(name string) (Principal, bool, error)

	Replace     bool // remove what delegators of the file have and the file has not
	SkipUnknown bool // leave out what names somebody unknown
	DryRun      bool // write nothing
}

// A LoadReport counts what a load did, or would do.
type LoadReport struct {
	Read      int      `json:"read"`
	Added     int      `json:"added"`
	Changed   int      `json:"changed"`
	Removed   int      `json:"removed"`
	Unchanged int      `json:"unchanged"`
	Unknown   []string `json:"unknown,omitempty"` // where, and which name
	Invalid   []string `json:"invalid,omitempty"` // where, and why
}

// Load makes all delegations of a list, in one transaction or not at all. Doing it
// again changes nothing. Errors: ErrUnknownPrincipal and ErrInvalid, with nothing
// written and a report that names the places; ErrDenied; those of the database.
func (b *Book) Load(ctx context.Context, a Author, list []Import, o LoadOptions) (LoadReport, error) {
	report := LoadReport{Read: len(list)}
	if err := a.operator(); err != nil {
		return report, err
	}
	l := &loader{report: &report, opt: o, names: map[string]Principal{}, given: map[string]map[string]bool{}}
	resolved, err := l.resolve(list)
	if err != nil {
		return report, err
	}
	load := func(c *changer) error {
		l.changer = c
		l.run(resolved)
		report.Added, report.Changed, report.Removed = len(c.out.Added), len(c.out.Changed), len(c.out.Removed)
		switch {
		case len(report.Unknown) > 0 && !o.SkipUnknown:
			return fmt.Errorf("%w: %d of them", ErrUnknownPrincipal, len(report.Unknown))
		case len(report.Invalid) > 0:
			return fmt.Errorf("%w: %d of them", ErrInvalid, len(report.Invalid))
		}
		return nil
	}
	if o.DryRun {
		err = b.preview(ctx, a, load)
		return report, err
	}
	_, err = b.change(ctx, a, load)
	return report, err
}

type loader struct {
	*changer
	report *LoadReport
	opt    LoadOptions
	names  map[string]Principal
	given  map[string]map[string]bool // delegators of the file, and their delegates
}

// A resolved is an import whose principals are known.
type resolved struct {
	Import
	delegator, delegate Principal
}

// resolve asks the directory for all names, before anything waits for it.
func (l *loader) resolve(list []Import) (out []resolved, err error) {
	for _, im := range list {
		r := resolved{Import: im}
		ok := true
		for _, of := range []struct {
			name string
			to   *Principal
		}{{im.Delegator, &r.delegator}, {im.Delegate, &r.delegate}} {
			p, known := l.names[of.name]
			if !known {
				var found bool
				if p, found, err = l.opt.Resolve(of.name); err != nil {
					return nil, fmt.Errorf("%s: %w", of.name, err)
				}
				if !found {
					p = Principal{}
				}
				l.names[of.name] = p
			}
			if p.GUID == "" {
				l.report.Unknown = append(l.report.Unknown, fmt.Sprintf("%s: %s", im.Where, of.name))
				ok = false
			}
			*of.to = p
		}
		if ok {
			out = append(out, r)
		}
	}
	return out, nil
}

func (l *loader) run(list []resolved) {
	for _, r := range list {
		of := l.given[r.delegator.GUID]
		if of == nil {
			of = map[string]bool{}
			l.given[r.delegator.GUID] = of
		}
		if of[r.delegate.GUID] {
			l.invalid(r.Where, errors.New("the delegation is there twice"))
			continue
		}
		of[r.delegate.GUID] = true
		steps := len(l.steps)
		if err := l.put(Target{Principal: r.delegator}, r.delegate, r.Level, l.limits(r)); err != nil {
			l.invalid(r.Where, err)
		} else if len(l.steps) == steps {
			l.report.Unchanged++
		}
	}
	if l.opt.Replace {
		l.removeOthers()
	}
}

func (l *loader) invalid(where string, err error) {
	l.report.Invalid = append(l.report.Invalid, fmt.Sprintf("%s: %v", where, err))
}

// limits returns those of the file, or what there is.
func (l *loader) limits(r resolved) Limits {
	if r.Limits != nil {
		return *r.Limits
	}
	if it := l.b.set.find(r.delegator.GUID, r.delegate.GUID); it != nil && !it.record.Ended(l.now) {
		return it.record.Limits
	}
	return PlainLimits(r.delegator.Kind)
}

func (l *loader) removeOthers() {
	for delegator, of := range l.given {
		for _, r := range l.b.set.Records(delegator) {
			if of[r.Delegate] {
				continue
			}
			if err := l.remove(Target{Principal: Principal{GUID: delegator}}, r.Delegate); err != nil {
				l.invalid(r.Delegate, err)
			}
		}
	}
}
