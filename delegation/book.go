package delegation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"convene/internal/engine"
)

// The files of the database, in one folder.
const (
	fileName   = "delegates.db"
	stateName  = "delegates.state"
	logName    = "delegates.log"
	copiesName = "delegates.d"
)

// The tables of delegates.db; see the documentation of the package.
const (
	tableMeta    engine.Table = "meta"
	tableRecords engine.Table = "rec"
	tableJournal engine.Table = "journal"
)

var keyState = []byte("state")

func tables() []engine.Table { return []engine.Table{tableMeta, tableRecords, tableJournal} }

// Options says where a database is and what it belongs to. All fields but the last
// six are required.
type Options struct {
	Folder  string
	Store   string  // identity of the calendar store to which the database belongs
	Witness Witness // in the calendar store

	Clock     func() time.Time // nil: time.Now
	Random    io.Reader        // nil: crypto/rand
	Log       *slog.Logger     // nil: nobody is told
	KeepEnded time.Duration    // how long ended records stay listed; 0: 90 days
	Tell      func(State)      // of each new condition, by whoever finds it; it must not wait. nil: nobody

	// Gate is asked before each change of delegates; its error is that of the change.
	// What mends the file is not held up. nil: the gate is open.
	Gate func(context.Context) error
}

func (o *Options) setDefaults() {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Gate == nil {
		o.Gate = func(context.Context) error { return nil }
	}
	if o.KeepEnded == 0 {
		o.KeepEnded = 90 * 24 * time.Hour
	}
}

// A Book is the delegate database, open in this process alone. Its methods may be
// called from many goroutines: Read never waits, changes wait for each other.
type Book struct {
	opt  Options
	log  *slog.Logger
	live atomic.Pointer[live]

	mu     sync.Mutex    // held by whoever changes anything below, or the files
	engine engine.Engine // nil if the state is refused, or the file cannot be written
	file   os.FileInfo   // of the file that the engine has open
	state  fileState     // as the engine has it
	set    *Set          // of the changes; readers have copies
	behind bool          // delegates.state is older than the file
	copied copied        // when the last copy was made
}

// live is what readers see. set is nil if the state is refused.
type live struct {
	set   *Set
	state State
}

// Open opens the database of a folder, and makes it if there is none and was
// none. What is wrong with the file is no error: the Book is then in a state that
// refuses, which is told to the log. Errors: engine.ErrInUse, those of the witness,
// those of the system that say nothing about the file.
func Open(ctx context.Context, o Options) (*Book, error) {
	o.setDefaults()
	b := &Book{opt: o, log: o.Log}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.open(ctx); err != nil {
		return nil, fmt.Errorf("delegate database: %w", err)
	}
	return b, nil
}

func (b *Book) path(name string) string { return filepath.Join(b.opt.Folder, name) }

// Read returns what the database holds now. Errors: ErrRefused, as a *StateError.
func (b *Book) Read() (*Set, error) {
	l := b.live.Load()
	if l.set == nil {
		return nil, &StateError{l.state}
	}
	return l.set, nil
}

// State returns the state as last seen.
func (b *Book) State() State { return b.live.Load().state }

// Close releases the file. Readers go on with what they have.
func (b *Book) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.close()
}

func (b *Book) close() error {
	if b.engine == nil {
		return nil
	}
	err := b.engine.Close()
	b.engine = nil
	return err
}

// open finds out what there is, and takes it up if it can be trusted.
func (b *Book) open(ctx context.Context) error {
	w, err := b.expected(ctx)
	if err != nil {
		return err
	}
	created := false
	if _, err := os.Lstat(b.path(fileName)); errors.Is(err, fs.ErrNotExist) {
		if w.trace {
			b.refuse(ctx, found(Lost, "generation %d was in use", w.newest.Generation))
			return nil
		}
		if err := b.create(ctx); err != nil {
			return err
		}
		created = true
	}
	c, err := inspect(ctx, b.path(fileName), w.newest)
	f := &finding{}
	if err == nil {
		f = judge(c, w.newest, b.opt.Store)
	} else if !errors.As(err, &f) {
		return err
	}
	if f.condition == Good {
		switch {
		case created:
			f.condition = Created
		case c.state.Generation > w.stored.Generation+1:
			f = found(Ahead, "generation %d, calendars.db knows %d", c.state.Generation, w.stored.Generation)
		}
	}
	if !conditions[f.condition].served {
		b.refuse(ctx, f)
		return nil
	}
	return b.take(ctx, c, f, w.agree && w.newest == c.state.mark())
}

// refuse makes a state in which nothing stored counts.
func (b *Book) refuse(ctx context.Context, f *finding) {
	b.set, b.state = nil, fileState{}
	b.publish(ctx, State{Condition: f.condition, Detail: f.detail})
}

// publish shows readers what there is now, and tells the log if the condition is
// another one.
func (b *Book) publish(ctx context.Context, s State) {
	l := &live{state: s}
	if b.set != nil {
		l.set = b.set.copy()
		l.state.Records, l.state.Mark = b.set.Len(), b.state.mark()
	}
	before := b.live.Swap(l)
	if before != nil && before.state.Condition == s.Condition {
		return
	}
	if b.opt.Tell != nil {
		b.opt.Tell(l.state)
	}
	level := slog.LevelError
	switch s.Condition {
	case Good, Created:
		level = slog.LevelInfo
	case Ahead:
		level = slog.LevelWarn
	}
	b.log.Log(ctx, level, "delegates: "+s.String(), "cure", s.Cure(), "generation", l.state.Mark.Generation, "records", l.state.Records)
}

// take opens a good file for writing. told: both witnesses know it as it is.
func (b *Book) take(ctx context.Context, c *content, f *finding, told bool) error {
	b.set, b.state = c.set, c.state
	e, err := engine.OpenBolt(b.path(fileName), engine.BoltOptions{Tables: tables(), Hot: tableMeta, Log: b.log})
	if isUnwritable(err) {
		b.publish(ctx, State{Condition: Unwritable, Detail: err.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	b.engine = e
	info, err := os.Stat(b.path(fileName))
	if err == nil {
		err = e.View(ctx, b.unchanged)
	}
	if err != nil {
		return errors.Join(err, b.close())
	}
	b.file = info
	if told {
		b.publish(ctx, State{Condition: f.condition, Detail: f.detail})
		return nil
	}
	if err := b.testify(ctx, b.state.mark()); err != nil {
		f = found(failure(err), "%v", err)
	}
	b.publish(ctx, State{Condition: f.condition, Detail: f.detail})
	return nil
}

var errChanged = errors.New("another process wrote to the file")

// unchanged checks that the engine holds the state that is known.
func (b *Book) unchanged(r engine.Reader) error {
	if string(r.Get(tableMeta, keyState)) != string(b.state.encode()) {
		return errChanged
	}
	return nil
}

func isUnwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, engine.ErrReadOnly)
}

func isFull(err error) bool {
	return errors.Is(err, engine.ErrFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// failure is the condition that a failed write leads to.
func failure(err error) Condition {
	if isFull(err) {
		return Full
	}
	return Unwritable
}

// create makes an empty file. It has its name when it is complete.
func (b *Book) create(ctx context.Context) error {
	return b.makeFile(ctx, b.path(fileName), fileState{}, b.about(Author{}, verbCreated, Mark{}, ""))
}

// makeFile makes a file without records at path, whose only entry is first.
func (b *Book) makeFile(ctx context.Context, path string, st fileState, first entry) error {
	temp := path + ".new"
	if err := removeFile(temp); err != nil {
		return err
	}
	e, err := engine.OpenBolt(temp, engine.BoltOptions{Tables: tables(), Hot: tableMeta})
	if err != nil {
		return err
	}
	if _, err := io.ReadFull(b.opt.Random, st.File[:]); err != nil {
		return errors.Join(err, e.Close())
	}
	st.Bound = b.opt.Store
	err = e.Update(ctx, func(w engine.Writer) error {
		next, p := st, &plan{}
		next.Generation++
		p.add(&next, first)
		return p.write(w, &next)
	})
	if err := errors.Join(err, e.Close()); err != nil {
		return errors.Join(err, removeFile(temp))
	}
	return rename(temp, path)
}

// removeFile removes a database file and its log, if they are there.
func removeFile(path string) error {
	for _, p := range []string{path, path + "-log"} {
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// rename gives a complete file its name, durably.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
