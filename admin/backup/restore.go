package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// Existing says what to do with the data that is there.
type Existing int

const (
	// Refuse: ErrOccupied.
	Refuse Existing = iota
	// SetAside: move it into a folder with the date.
	SetAside
)

// RestoreOptions says how to restore.
type RestoreOptions struct {
	Data     string   // the data folder; it exists
	Members  []Member // of the set
	Existing Existing
	// Delegates has delegates.db restored too. Otherwise the one that is there
	// stays.
	Delegates bool
	// Only is the name of the one member that is restored; all else stays. "": all are.
	Only     string
	Now      func() time.Time // nil: time.Now
	Progress Progress         // may be nil

	step func(name string) error // for tests: called before each step that changes the data folder
}

func (o *RestoreOptions) at(step string) error {
	if o.step == nil {
		return nil
	}
	return o.step(step)
}

// Restored says what Restore did.
type Restored struct {
	Manifest *Manifest `json:"manifest"`
	Names    []string  `json:"names"` // of the files that were put in place
	Aside    string    `json:"aside"` // where the old files are; "" if there were none
}

// workName is the folder in the data folder where a restore prepares the files.
const workName = "restoring"

// Restore puts a backup into the data folder of a server that does not run. Nothing
// there changes before the whole backup was read, checked and marked as restored;
// then old and new files change places by renames, which the next start finishes if
// this process cannot. Errors: ErrOccupied, ErrInUse, ErrNoDelegates, ErrPartial, and those of
// Verify; a member that Verify would find problems in is ErrDamaged.
func Restore(ctx context.Context, r io.Reader, o RestoreOptions) (done Restored, err error) {
	w, err := startWork(o.Data)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, w.end()) }()
	if err := o.vacant(); err != nil {
		return done, err
	}
	release, err := o.hold()
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, release()) }()
	m, err := o.prepare(ctx, r, w.dir)
	if err != nil {
		return done, err
	}
	j, err := o.plan(m)
	if err != nil {
		return done, err
	}
	if err := ctx.Err(); err != nil {
		return done, err
	}
	if err := errors.Join(syncFolder(w.dir), o.at("journal")); err != nil {
		return done, err
	}
	if err := j.write(w.dir); err != nil {
		return done, err
	}
	if err := w.exchange(j, o.at); err != nil {
		return done, fmt.Errorf("files are changing places; the next start, or restore, goes on with it: %w", err)
	}
	done = Restored{Manifest: m, Names: j.In}
	if len(j.Aside) > 0 {
		done.Aside = filepath.Join(o.Data, j.Folder)
	}
	return done, nil
}

// wanted reports whether a member belongs into the data folder.
func (o *RestoreOptions) wanted(name string) bool {
	if o.Only != "" {
		return name == o.Only
	}
	return name != ConfigName && (name != DelegatesName || o.Delegates)
}

// files are the files in the data folder that a restore replaces: the members, and
// the logs beside them.
func (o *RestoreOptions) files() (names []string) {
	for _, m := range o.Members {
		if o.wanted(m.Name()) {
			names = append(names, m.Name(), m.Name()+"-log")
		}
	}
	return names
}

// present are those of files that are there.
func (o *RestoreOptions) present() (names []string, err error) {
	for _, name := range o.files() {
		if _, err := os.Lstat(filepath.Join(o.Data, name)); err == nil {
			names = append(names, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return names, nil
}

// vacant refuses a folder with data that was not to be replaced.
func (o *RestoreOptions) vacant() error {
	names, err := o.present()
	if err != nil {
		return err
	}
	if len(names) > 0 && o.Existing == Refuse {
		return fmt.Errorf("%s: %w: %s", o.Data, ErrOccupied, names[0])
	}
	return nil
}

// hold takes the locks of the databases that are there, so that no server can open
// them. It returns what gives them back. Errors: ErrInUse.
func (o *RestoreOptions) hold() (release func() error, err error) {
	var held []*os.File
	release = func() error {
		var errs []error
		for _, f := range held {
			errs = append(errs, f.Close())
		}
		return errors.Join(errs...)
	}
	names, err := o.present()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if filepath.Ext(name) != ".db" {
			continue
		}
		f, err := os.OpenFile(filepath.Join(o.Data, name), os.O_RDWR, 0)
		if err != nil {
			return nil, errors.Join(err, release())
		}
		held = append(held, f)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("%s: %w: stop the server", o.Data, ErrInUse)
		}
		if err != nil {
			return nil, errors.Join(err, release())
		}
	}
	return release, nil
}

// prepare unpacks, checks and marks the members in dir.
func (o *RestoreOptions) prepare(ctx context.Context, r io.Reader, dir string) (*Manifest, error) {
	m, err := unpack(ctx, r, dir, o.wanted, o.Progress)
	if err != nil {
		return nil, err
	}
	switch {
	case m.Only != "" && m.Only != o.Only:
		return nil, fmt.Errorf("%w: %s", ErrPartial, m.Only)
	case (o.Delegates || o.Only == DelegatesName) && !m.Has(DelegatesName):
		return nil, ErrNoDelegates
	}
	problems, err := check(ctx, m, o.Members, dir)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w: problems found: %d, the first: %s", ErrDamaged, len(problems), problems[0])
	}
	for _, e := range m.Members {
		if !o.wanted(e.Name) {
			continue
		}
		if err := find(o.Members, e.Name).Restored(ctx, filepath.Join(dir, e.Name)); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return m, nil
}

// plan says what changes places.
func (o *RestoreOptions) plan(m *Manifest) (*journal, error) {
	old, err := o.present()
	if err != nil {
		return nil, err
	}
	if len(old) > 0 && o.Existing == Refuse {
		return nil, fmt.Errorf("%s: %w: %s", o.Data, ErrOccupied, old[0])
	}
	now := time.Now
	if o.Now != nil {
		now = o.Now
	}
	folder, err := unusedName(o.Data, "before-restore-"+now().UTC().Format(stamp))
	if err != nil {
		return nil, err
	}
	// The notes of how far the old files had come go with them. The new ones were told that
	// they are copies, and are to start as what they are.
	for _, name := range o.files() {
		name += "-mark"
		if _, err := os.Lstat(filepath.Join(o.Data, name)); err == nil {
			old = append(old, name)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	j := &journal{Folder: folder, Aside: old, In: []string{}}
	for _, e := range m.Members {
		if o.wanted(e.Name) {
			j.In = append(j.In, e.Name)
		}
	}
	slices.Sort(j.In)
	return j, nil
}

// unusedName returns name, with a number if there is such a file in a folder: two
// restores may fall into one second.
func unusedName(folder, name string) (string, error) {
	for n, try := 2, name; ; n++ {
		if _, err := os.Lstat(filepath.Join(folder, try)); errors.Is(err, fs.ErrNotExist) {
			return try, nil
		} else if err != nil {
			return "", err
		}
		try = fmt.Sprintf("%s-%d", name, n)
	}
}

// stamp is a time in the name of a file.
const stamp = "20060102T150405Z"
