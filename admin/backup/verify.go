package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// A Report is what Verify found; no problems is a proof.
type Report struct {
	Manifest *Manifest `json:"manifest"`
	Problems []string  `json:"problems"`
}

// Verify reads a backup, compares its checksums, opens each member in a folder
// below temp, as the server would, checks all that is in it and compares what it
// holds with the manifest. members are those of the set. Errors: ErrForeign,
// ErrNewer, ErrDamaged.
func Verify(ctx context.Context, r io.Reader, members []Member, temp string, progress Progress) (report Report, err error) {
	dir, err := os.MkdirTemp(temp, "convene-verify-")
	if err != nil {
		return Report{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	m, err := unpack(ctx, r, dir, func(string) bool { return true }, progress)
	if err != nil {
		return Report{}, err
	}
	problems, err := check(ctx, m, members, dir)
	return Report{m, problems}, err
}

// check checks the members of m that are in dir.
func check(ctx context.Context, m *Manifest, members []Member, dir string) (problems []string, err error) {
	problems = []string{}
	for _, e := range m.Members {
		member := find(members, e.Name)
		if member == nil {
			return problems, fmt.Errorf("%w: it has %s, which this program does not know", ErrNewer, e.Name)
		}
		path := filepath.Join(dir, e.Name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue // was not asked for
		}
		facts, found, err := member.Check(ctx, path)
		if err != nil {
			return problems, fmt.Errorf("%s: %w", e.Name, err)
		}
		found = append(found, differences(e.Facts, facts)...)
		for _, p := range found {
			problems = append(problems, e.Name+": "+p)
		}
	}
	return problems, nil
}

// differences compares the manifest's facts with those of the copy.
func differences(want, got Facts) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(want.Counts)) {
		if w, g := want.Counts[name], got.Counts[name]; w != g {
			out = append(out, fmt.Sprintf("the manifest says %d %s, there are %d", w, name, g))
		}
	}
	if want.Schema == got.Schema && want.Changes != got.Changes {
		out = append(out, fmt.Sprintf("the manifest says %d changes, there are %d", want.Changes, got.Changes))
	}
	return out
}

func find(members []Member, name string) Member {
	for _, m := range members {
		if m.Name() == name {
			return m
		}
	}
	return nil
}

// Extract puts one member of a backup into dir, after all of the backup was read, and
// checks it as Verify does. Errors: those of Verify; ErrNoDelegates, ErrPartial, it does
// not have the member.
func Extract(ctx context.Context, r io.Reader, dir, name string, members []Member, progress Progress) (*Manifest, error) {
	m, err := unpack(ctx, r, dir, func(n string) bool { return n == name }, progress)
	switch {
	case err != nil:
		return nil, err
	case m.Has(name):
	case name == DelegatesName:
		return nil, ErrNoDelegates
	default:
		return nil, fmt.Errorf("%w: %s", ErrPartial, m.Only)
	}
	problems, err := check(ctx, m, members, dir)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("%w: problems found: %d, the first: %s", ErrDamaged, len(problems), problems[0])
	}
	return m, err
}
