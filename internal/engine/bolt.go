package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// BoltOptions sets how a bbolt file is opened. The zero value of each field but
// Tables is a sensible default.
type BoltOptions struct {
	// Tables are the tables of the file, at most 200; missing ones are created.
	Tables []Table

	// Hot is the one of Tables that holds a few small records which nearly
	// every update writes, less than 1 kB in all. It is kept apart, in the root
	// page. "": none.
	Hot Table

	// ReadOnly opens for reading, beside other readers but not beside a
	// writer. The file must exist and have all tables.
	ReadOnly bool

	// NoSync leaves out the waits for the disk. A crash of the machine may
	// then lose or damage the file: for tests and bulk loads into a new file.
	NoSync bool

	// LockTimeout is how long to wait for another process that has the file
	// open. 0: 2 s.
	LockTimeout time.Duration

	// MaxBatch and MaxBatchBytes bound what shares one commit. The last
	// update of a batch may pass MaxBatchBytes. 0: 256 updates, 1 MB.
	MaxBatch      int
	MaxBatchBytes int

	// MaxSize is the size in bytes that the file may grow to, then updates
	// fail with ErrFull. 0: the disk is the limit.
	MaxSize int64

	// MaxMapped is how many bytes of the file the process keeps mapped; what
	// is beyond stays in the system's page cache but is no longer counted as
	// this process's memory. 0: 64 MB, -1: no limit.
	MaxMapped int64

	// Log is told of what an operator should know, each thing once: what an
	// unclean end left in the log, that the file cannot take what is in the log,
	// that no more updates are taken. nil: nobody is.
	Log *slog.Logger

	// Trouble is told when changes are no longer taken as they should be: with
	// ErrFull or ErrUnavailable if each is refused that the disk does not take, with
	// ErrReadOnly if none is taken until the next start, and with nil when all is
	// well again. It must not call the engine. nil: nobody is told.
	Trouble func(err error)

	// Proves reports whether a pair is what once was put under its key, which a
	// checksum over both tells. It is asked about what the file has on both sides of
	// a place where nothing is found, and about what a Scan passes: a key of which a
	// bit has changed would otherwise be no key at all. It is called from many
	// goroutines. nil: every pair is believed.
	Proves func(t Table, key, value []byte) bool

	// Mark has it noted beside the file how far that has come; see Witness.
	Mark bool

	logHalf int64 // bytes of a half of the log; 0: 4 MB
	disk    disk  // nil: the system's
}

func (o *BoltOptions) setDefaults() {
	if o.LockTimeout == 0 {
		o.LockTimeout = 2 * time.Second
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 256
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = 1 << 20
	}
	if o.logHalf == 0 {
		o.logHalf = 4 << 20
	}
	if o.MaxMapped == 0 {
		o.MaxMapped = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	if o.disk == nil {
		o.disk = systemDisk{}
	}
}

const (
	// mapReserve is the address space reserved for the file: bbolt has to wait
	// for all readers, and lets new ones wait, before it can enlarge its
	// mapping, so the mapping is made large once. It costs addresses only, no
	// memory and no disk: 64 GB, or 256 MB where addresses have 32 bits.
	mapReserve = 256 << 20 << (^uint(0) >> 63 << 3)

	// fillPercent is how full a page is left when it is split. Fuller than
	// bbolt's half makes the file a few percent smaller, since many keys come
	// in ascending order; still fuller splits more when they do not.
	fillPercent = 0.8
)

// boltEngine keeps its tables in one bbolt bucket, so that they share the upper
// pages of one tree, and what was written last in the log beside the file.
type boltEngine struct {
	db     *bbolt.DB
	file   *os.File // the descriptor that db writes to
	path   string
	opt    BoltOptions
	tables tableIndex // a table's number is what its keys begin with in the bucket
	hot    int        // the number of the table in the bucket of its own, or -1
	proof  *proof     // nil: there is none
	id     uint64     // marks the records of the log
	older  atomic.Bool

	version   atomic.Pointer[version]
	versionMu sync.Mutex // held to change version

	commit *committer // nil if read-only
	space  space
}

// logPath is the log beside the file at path.
func logPath(path string) string { return path + "-log" }

// OpenBolt opens the bbolt file at path, creating it if it does not exist, and
// takes in what an unclean end left in the log beside it. Errors: ErrInUse,
// ErrDamaged, ErrLog, ErrNoFile.
func OpenBolt(path string, o BoltOptions) (_ Engine, err error) {
	o.setDefaults()
	if err := logAlone(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	e := &boltEngine{path: path, opt: o, hot: -1}
	defer e.unopenable(&err)
	defer faults()()
	if err := e.open(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	l, err := e.restore()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), e.db.Close())
	}
	if !o.ReadOnly {
		e.commit = newCommitter(e, l)
	}
	return e, nil
}

func (e *boltEngine) open(path string) (err error) {
	e.db, err = e.openFile(path, mapReserve)
	if errors.Is(err, syscall.ENOMEM) { // addresses are limited (ulimit -v)
		e.db, err = e.openFile(path, 0)
	}
	if err != nil {
		return boltError(err)
	}
	if err = e.confirm(); err == nil {
		err = e.checkLength()
	}
	if err == nil {
		err = checkMetas(e.file, e.db.Info().PageSize)
	}
	if err == nil {
		err = checkBranches(e.file)
	}
	if err == nil {
		err = e.readTables()
	}
	if err != nil {
		return errors.Join(err, e.db.Close())
	}
	return nil
}

func (e *boltEngine) openFile(path string, reserve int) (*bbolt.DB, error) {
	return bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         e.opt.LockTimeout,
		ReadOnly:        e.opt.ReadOnly,
		NoSync:          e.opt.NoSync,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: reserve,
		MaxSize:         int(e.opt.MaxSize),
		NoStatistics:    true,
		OpenFile: func(path string, flag int, mode os.FileMode) (f *os.File, err error) {
			e.file, err = os.OpenFile(path, flag, mode)
			return e.file, err
		},
	})
}

// restore makes the first version, of the file and what is in the log, and
// returns the log to go on with. Unless read-only, the file then holds it all; if it
// cannot take it, what is in the log is frozen.
func (e *boltEngine) restore() (log, error) {
	l := log{path: logPath(e.path), sync: !e.opt.NoSync, halfSize: e.opt.logHalf, disk: e.opt.disk}
	v := &version{active: newWrites()}
	err := e.db.View(func(tx *bbolt.Tx) (err error) {
		v.base = tx.ID()
		l.id, l.seq, err = logState(tx)
		return err
	})
	if err != nil {
		return l, err
	}
	records, err := l.read()
	if err != nil {
		return l, err
	}
	for _, r := range records {
		if err := addChunks(v.active, r); err != nil {
			return l, err
		}
	}
	e.id = l.id
	l.seq += uint64(len(records))
	come := mark{l.id, l.seq, uint64(v.base)}
	if len(records) > 0 {
		come.tx = math.MaxUint64 // the log continues the file: nothing is lost before it
	}
	e.older.Store(e.opt.Mark && come.behind(readMark(e.path)))
	if len(records) > 0 || l.torn {
		e.opt.Log.Warn("the last run did not end cleanly: its log was read", "file", e.path, "records", len(records), "torn record dropped", l.torn)
	}
	if len(records) > 0 && !e.opt.ReadOnly {
		if err := e.takeIn(v, l.seq); err != nil {
			return l, fmt.Errorf("what is in the log: %w", err)
		}
	}
	e.version.Store(v)
	return l, nil
}

// takeIn writes what v has above the file to the file, which then holds the log up to
// seq. On a disk that is full it stays above: the log is left as it is, and reading
// goes on.
func (e *boltEngine) takeIn(v *version, seq uint64) error {
	id, err := e.write(seq, v.active)
	switch {
	case err == nil:
		v.base = id
	case isFull(err):
		e.opt.Log.Error(notTaken, "file", e.path, "err", err)
		v.frozen = v.active
	default:
		return err
	}
	v.active = newWrites()
	return nil
}

func (e *boltEngine) View(ctx context.Context, fn func(Reader) error) error {
	v, tx, err := e.begin(ctx)
	if err != nil {
		return err
	}
	defer rollback(tx)
	if e.space.views.Add(1)%viewsPerCheck == 0 {
		e.checkSpace()
	}
	state := e.unopened(tx)
	state.believe(ctx)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // as faults, for less
	return Run(func() error {
		defer state.damaged()
		state.open()
		return fn(&reader{e.tables, v.source(state)})
	})
}

func (e *boltEngine) Update(ctx context.Context, fn func(Writer) error) error {
	if e.commit == nil {
		return ErrReadOnly
	}
	return e.commit.do(ctx, fn)
}

func (e *boltEngine) Size() (int64, error) {
	info, err := e.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("size: %w", err)
	}
	n := info.Size()
	if info, err = os.Stat(logPath(e.path)); err == nil {
		n += info.Size()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("size: %w", err)
	}
	return n, nil
}

func (e *boltEngine) Close() error {
	var err error
	if e.commit != nil {
		if err = e.commit.close(); errors.Is(err, ErrClosed) {
			return err
		}
	}
	return errors.Join(err, boltError(e.db.Close()))
}

// boltError puts bbolt's errors into the engine's terms.
func boltError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, berrors.ErrDatabaseReadOnly):
		return ErrReadOnly
	case errors.Is(err, berrors.ErrTimeout):
		return ErrInUse
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return errors.Join(ErrDamaged, err)
	}
	return err
}
