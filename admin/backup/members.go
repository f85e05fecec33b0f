package backup

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"convene/auth"
	"convene/delegation"
	"convene/internal/engine"
	"convene/internal/held"
	"convene/panels"
	"convene/prefs"
	"convene/publish"
	"convene/rooms"
	"convene/sacl"
	"convene/store"
)

const calendarsName = "calendars.db"

// Calendars is the member calendars.db.
type Calendars struct {
	Store   *store.Store  // nil where only copies are looked at
	Options store.Options // with which a copy is opened; needs the Indexer
}

// Name implements Member.
func (Calendars) Name() string { return calendarsName }

// Snapshot implements Member.
func (m Calendars) Snapshot(ctx context.Context) (Snapshot, error) {
	s, err := m.Store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return calendarsSnapshot{s}, nil
}

// Follow implements followed.
func (m Calendars) Follow() (*engine.Feed, error) { return m.Store.Follow() }

type calendarsSnapshot struct{ *store.Snapshot }

func (s calendarsSnapshot) Facts() Facts { return storeFacts(s.Snapshot.Facts) }

func storeFacts(f store.Facts) Facts {
	id := ""
	if f.ID != 0 {
		id = fmt.Sprintf("%016x", f.ID)
	}
	return Facts{ID: id, Schema: f.Schema, Changes: f.Changes, Counts: map[string]int64{
		"homes": int64(f.Homes), "collections": int64(f.Collections), "objects": int64(f.Objects), "bytes": f.Bytes,
	}}
}

// Check implements Member.
func (m Calendars) Check(ctx context.Context, path string) (f Facts, problems []string, err error) {
	s, err := m.open(ctx, path)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	facts, err := s.Facts(ctx)
	if errors.Is(err, store.ErrCorrupt) {
		return f, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
		return f, nil, err
	}
	found, err := s.Verify(ctx)
	for _, p := range found {
		problems = append(problems, p.String())
	}
	return storeFacts(facts), problems, err
}

// open opens a copy, after a look at its pages.
func (m Calendars) open(ctx context.Context, path string) (*store.Store, error) {
	if err := checkFile(ctx, path); err != nil {
		return nil, err
	}
	s, err := store.Open(path, m.Options)
	switch {
	case errors.Is(err, store.ErrNewer):
		return nil, fmt.Errorf("%w: %w", ErrNewer, err)
	case errors.Is(err, store.ErrDamaged), errors.Is(err, store.ErrForeign), errors.Is(err, store.ErrCorrupt):
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return s, err
}

// checkFile looks at the pages of a file before it is opened.
func checkFile(ctx context.Context, path string) error {
	err := engine.CheckFile(ctx, path)
	if errors.Is(err, engine.ErrDamaged) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Restored implements Member: no ETag of the lost time is given out for something
// else, and sync tokens of that time are refused.
func (m Calendars) Restored(ctx context.Context, path string) error {
	s, err := m.open(ctx, path)
	if err != nil {
		return err
	}
	return errors.Join(s.MarkRestored(ctx), s.Close())
}

const stateName = "auth.db"

// State is the member auth.db: device passwords, what sign-in remembers, and which
// list of rules is in force. It is kept before Rules: rules may be later than the
// state says, not earlier.
type State struct {
	Engine engine.Engine    // nil where only copies are looked at
	Data   string           // the data folder that a copy is restored to; "" where none is
	Now    func() time.Time // nil: time.Now
}

// Name implements Member.
func (State) Name() string { return stateName }

// Snapshot implements Member.
func (m State) Snapshot(ctx context.Context) (Snapshot, error) {
	e, ok := m.Engine.(engine.Snapshotter)
	if !ok {
		return nil, errors.New("sign-in state: not kept in a file")
	}
	s, err := e.Snapshot(ctx)
	if err != nil {
		return nil, fmt.Errorf("sign-in state: %w", err)
	}
	return stateSnapshot{s}, nil
}

// Follow implements followed.
func (m State) Follow() (*engine.Feed, error) {
	e, ok := m.Engine.(engine.Follower)
	if !ok {
		return nil, errors.New("sign-in state: not kept in a file")
	}
	return e.Follow()
}

type stateSnapshot struct{ *engine.Snapshot }

func (s stateSnapshot) Facts() Facts { return Facts{ID: fmt.Sprintf("%016x", s.ID)} }

// Check implements Member.
func (m State) Check(ctx context.Context, path string) (f Facts, problems []string, err error) {
	e, err := m.open(ctx, path)
	if err != nil {
		return f, nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	version, err := auth.CheckState(ctx, e)
	if errors.Is(err, auth.ErrNewer) {
		err = fmt.Errorf("%w: %w", ErrNewer, err)
	}
	if c, ok := e.(engine.Checker); ok && err == nil {
		for _, found := range c.Check(ctx) {
			problems = append(problems, "file: "+found.Error())
		}
	}
	return Facts{Schema: uint64(version)}, problems, err
}

// StateTables are the tables of auth.db: those of sign-in, what package sacl notes, and
// what was set of rooms, how people want pages, and what opens something without a log-in.
func StateTables() []engine.Table {
	return slices.Concat(auth.Tables(), held.Tables(), sacl.Tables(), rooms.Tables(), prefs.Tables(), panels.Tables(), publish.Tables())
}

func (m State) open(ctx context.Context, path string) (engine.Engine, error) {
	if err := checkFile(ctx, path); err != nil {
		return nil, err
	}
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: StateTables()})
	if errors.Is(err, engine.ErrDamaged) {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return e, err
}

// Restored implements Member: what opens something stays in service if it does so now, in
// the state that the copy takes the place of, and is held otherwise.
func (m State) Restored(ctx context.Context, path string) (err error) {
	e, err := m.open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	former, end, err := m.former(ctx, path+".former")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	return MarkStateRestored(ctx, e, former, now())
}

// former opens a copy of the state in the data folder, with what its log has besides, in a
// folder that end removes: the file itself stays as it is, and locked. nil: there is none,
// or it cannot be read, and nobody knows what it had.
func (m State) former(ctx context.Context, folder string) (e engine.Engine, end func() error, err error) {
	end = func() error { return nil }
	if m.Data == "" {
		return nil, end, nil
	}
	path := filepath.Join(folder, stateName)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, nil, err
	}
	end = func() error { return os.RemoveAll(folder) }
	for _, suffix := range []string{"", "-log"} {
		err := copyFile(filepath.Join(m.Data, stateName)+suffix, path+suffix)
		if errors.Is(err, fs.ErrNotExist) && suffix == "" {
			return nil, end, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, errors.Join(err, end())
		}
	}
	e, err = m.open(ctx, path)
	if err != nil {
		return nil, end, ctx.Err() // damaged, or of a later version
	}
	return e, func() error { return errors.Join(e.Close(), os.RemoveAll(folder)) }, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// MarkStateRestored tells the state in e, tables StateTables, that it is an older copy of
// one that went on after the copy was made, until now at the latest. former is the one that
// it takes the place of, nil if nobody has it. Device passwords, published links and panels
// that former does not have may have been revoked since: they are held.
func MarkStateRestored(ctx context.Context, e, former engine.Engine, now time.Time) error {
	if err := auth.MarkRestored(ctx, e, rand.Reader, now); err != nil {
		return err
	}
	all, err := secrets(ctx, e)
	if err != nil {
		return err
	}
	var known []held.Secret
	if former != nil {
		// What cannot be read vouches for nothing.
		known, _ = secrets(ctx, former)
	}
	_, err = held.Hold(ctx, e, all, known)
	return errors.Join(err, ctx.Err())
}

// secrets are all that a state has.
func secrets(ctx context.Context, e engine.Engine) (all []held.Secret, err error) {
	err = e.View(ctx, func(r engine.Reader) error {
		all = nil
		for _, of := range []func(engine.Reader) ([]held.Secret, error){auth.DeviceSecrets, publish.Secrets, panels.Secrets} {
			list, err := of(r)
			if err != nil {
				return err
			}
			all = append(all, list...)
		}
		return nil
	})
	return all, err
}

// Rules is the member sacl.json, which is always replaced in one step.
type Rules struct {
	Path string // "" where only copies are looked at
}

// Name implements Member.
func (Rules) Name() string { return "sacl.json" }

// Snapshot implements Member.
func (m Rules) Snapshot(context.Context) (Snapshot, error) {
	text, err := os.ReadFile(m.Path)
	if err != nil {
		return nil, err
	}
	return content(text), nil
}

// Version implements versioned.
func (m Rules) Version() (string, error) {
	text, err := os.ReadFile(m.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return fileVersion(text), err
}

// Check implements Member.
func (Rules) Check(_ context.Context, path string) (Facts, []string, error) {
	n, err := sacl.CheckFile(path)
	switch {
	case errors.Is(err, sacl.ErrNewer):
		return Facts{}, nil, fmt.Errorf("%w: %w", ErrNewer, err)
	case errors.Is(err, sacl.ErrBadRule):
		return Facts{}, []string{err.Error()}, nil
	}
	return Facts{Counts: map[string]int64{"rules": int64(n)}}, nil, err
}

// Restored implements Member.
func (Rules) Restored(context.Context, string) error { return nil }

// Delegates is the member delegates.db: who acts for whom. It is kept after Calendars,
// whose note of it is then never newer.
type Delegates struct {
	Book *delegation.Book // nil where only copies are looked at
	Data string           // the data folder that a copy is restored to; "" where none is
	Now  func() time.Time // nil: time.Now
}

// Name implements Member.
func (Delegates) Name() string { return DelegatesName }

// Snapshot implements Member. A database that is refused is not kept: a copy of it
// would be as wrong, and the calendars should be backed up nevertheless.
func (m Delegates) Snapshot(ctx context.Context) (_ Snapshot, err error) {
	dir, err := os.MkdirTemp("", "convene-backup-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, DelegatesName)
	if err := m.Book.Backup(ctx, path); errors.Is(err, delegation.ErrRefused) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	} else if err != nil {
		return nil, err
	}
	s, err := delegation.Inspect(ctx, path)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	return delegatesSnapshot{content(b), delegateFacts(s)}, err
}

// Version implements versioned.
func (m Delegates) Version() (string, error) {
	s := m.Book.State()
	return fmt.Sprint(s.Condition, " ", s.Mark.File, " ", s.Mark.Generation), nil
}

type delegatesSnapshot struct {
	content
	facts Facts
}

func (s delegatesSnapshot) Facts() Facts { return s.facts }

func delegateFacts(s delegation.State) Facts {
	return Facts{ID: s.Mark.File.String(), Changes: s.Mark.Generation, Counts: map[string]int64{"delegations": int64(s.Records)}}
}

// Check implements Member.
func (m Delegates) Check(ctx context.Context, path string) (Facts, []string, error) {
	s, err := delegation.Inspect(ctx, path)
	switch {
	case s.Condition == delegation.Newer:
		return Facts{}, nil, fmt.Errorf("%w: %w", ErrNewer, err)
	case errors.Is(err, delegation.ErrCopy):
		return Facts{}, nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return delegateFacts(s), nil, err
}

// Restored implements Member: the copy continues what is in the data folder now.
func (m Delegates) Restored(ctx context.Context, path string) error {
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	return delegation.MarkRestored(ctx, path, m.Data, now())
}

// Text is a member that is known as a whole: the configuration. It is for whoever
// sets the server up again, and is not put into the data folder.
type Text struct {
	FileName string
	Content  []byte
}

// ConfigName is the name of the configuration in a backup.
const ConfigName = "convene.toml"

// Name implements Member.
func (m Text) Name() string { return m.FileName }

// Snapshot implements Member.
func (m Text) Snapshot(context.Context) (Snapshot, error) { return content(m.Content), nil }

// Check implements Member. Any text will do.
func (m Text) Check(_ context.Context, path string) (Facts, []string, error) {
	_, err := os.Stat(path)
	return Facts{}, nil, err
}

// Restored implements Member.
func (m Text) Restored(context.Context, string) error { return nil }

// content is the snapshot of something small.
type content []byte

func (content) Facts() Facts  { return Facts{} }
func (t content) Size() int64 { return int64(len(t)) }
func (content) Close() error  { return nil }
func (t content) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, bytes.NewReader(t))
}
