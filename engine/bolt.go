package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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
	// every update writes, less than 1 kB in all. It is kept in a page that
	// each commit has to write anyway. "": none.
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
	// update of a batch may pass MaxBatchBytes. 0: 256 updates, 8 MB.
	MaxBatch      int
	MaxBatchBytes int

	// MaxSize is the size in bytes that the file may grow to, then updates
	// fail with ErrFull. 0: the disk is the limit.
	MaxSize int64

	// MaxMapped is how many bytes of the file the process keeps mapped; what
	// is beyond stays in the system's page cache but is no longer counted as
	// this process's memory. 0: 64 MB, -1: no limit.
	MaxMapped int64
}

func (o *BoltOptions) setDefaults() {
	if o.LockTimeout == 0 {
		o.LockTimeout = 2 * time.Second
	}
	if o.MaxBatch <= 0 {
		o.MaxBatch = 256
	}
	if o.MaxBatchBytes <= 0 {
		o.MaxBatchBytes = 8 << 20
	}
	if o.MaxMapped == 0 {
		o.MaxMapped = 64 << 20
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
// pages of one tree and a commit has fewer pages to write.
type boltEngine struct {
	db     *bbolt.DB
	file   *os.File // the descriptor that db writes to
	opt    BoltOptions
	tables tableIndex
	prefix []byte // by table: what its keys begin with in the bucket
	hot    int    // the table in the bucket of its own, or -1

	commit *committer // nil if read-only
	space  space
	views  atomic.Uint64
}

// The buckets of the file.
var (
	bucketData   = []byte("d") // table's prefix + key → value
	bucketHot    = []byte("h") // key → value of the hot table
	bucketTables = []byte("t") // table's name → prefix, one byte
)

// OpenBolt opens the bbolt file at path, creating it if it does not exist.
func OpenBolt(path string, o BoltOptions) (Engine, error) {
	o.setDefaults()
	e := &boltEngine{opt: o, tables: o.Tables, hot: -1}
	for i, t := range o.Tables {
		if t == o.Hot {
			e.hot = i
		}
	}
	if err := e.open(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if o.NoSync {
		e.space.zeroed = math.MaxInt64 // there is no wait to shorten
	}
	if !o.ReadOnly {
		e.commit = newCommitter(e)
	}
	return e, nil
}

func (e *boltEngine) open(path string) (err error) {
	e.db, err = e.openFile(path, mapReserve)
	if errors.Is(err, syscall.ENOMEM) { // addresses are limited (ulimit -v)
		e.db, err = e.openFile(path, 0)
	}
	if err != nil {
		return err
	}
	if err := e.readTables(); err != nil {
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

// readTables learns the prefix of each table, and makes those that are missing.
func (e *boltEngine) readTables() error {
	missing := false
	e.prefix = make([]byte, len(e.tables))
	err := e.db.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketTables)
		for i, t := range e.tables {
			if b == nil {
				missing = true
			} else if v := b.Get([]byte(t)); len(v) == 1 {
				e.prefix[i] = v[0]
			} else {
				missing = true
			}
		}
		return nil
	})
	if err != nil || !missing {
		return err
	}
	if e.opt.ReadOnly {
		return fmt.Errorf("tables are missing: %w", ErrReadOnly)
	}
	return e.db.Update(e.makeTables)
}

func (e *boltEngine) makeTables(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketData, bucketHot, bucketTables} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	b := tx.Bucket(bucketTables)
	used := byte(0)
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		used = max(used, v[0])
	}
	for i, t := range e.tables {
		v := b.Get([]byte(t))
		if len(v) != 1 {
			used++
			v = []byte{used}
			if err := b.Put([]byte(t), v); err != nil {
				return fmt.Errorf("table %q: %w", t, err)
			}
		}
		e.prefix[i] = v[0]
	}
	return nil
}

func (e *boltEngine) View(ctx context.Context, fn func(Reader) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := e.db.Begin(false)
	if err != nil {
		return boltError(err)
	}
	defer func() {
		if rerr := tx.Rollback(); rerr != nil {
			err = errors.Join(err, rerr)
		}
	}()
	if e.views.Add(1)%viewsPerCheck == 0 {
		e.checkSpace(tx.Size())
	}
	return fn(e.state(tx))
}

func (e *boltEngine) Update(ctx context.Context, fn func(Writer) error) error {
	if e.commit == nil {
		return ErrReadOnly
	}
	return e.commit.do(ctx, fn)
}

func (e *boltEngine) Backup(ctx context.Context, w io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	out := &contextWriter{ctx: ctx, w: w}
	err := e.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(out)
		return err
	})
	if out.err != nil {
		return fmt.Errorf("backup: %w", out.err)
	}
	return boltError(err)
}

// Check implements Checker: every page is used once or free, keys are in order.
func (e *boltEngine) Check(ctx context.Context) (errs []error) {
	err := e.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() { // to its end, or its goroutine would stay
			if ctx.Err() == nil && len(errs) < maxCheckErrors {
				errs = append(errs, err)
			}
		}
		return nil
	})
	if err != nil {
		errs = append(errs, boltError(err))
	}
	return errs
}

// maxCheckErrors is how many findings Check keeps.
const maxCheckErrors = 100

func (e *boltEngine) Size() (int64, error) {
	info, err := e.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("size: %w", err)
	}
	return info.Size(), nil
}

func (e *boltEngine) Close() error {
	if e.commit != nil {
		if err := e.commit.close(); err != nil {
			return err
		}
	}
	return boltError(e.db.Close())
}

// contextWriter stops a long copy when its context is done, and keeps the error
// that bbolt makes text of.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
	err error
}

func (w *contextWriter) Write(p []byte) (n int, err error) {
	if err = w.ctx.Err(); err == nil {
		n, err = w.w.Write(p)
	}
	w.err = err
	return n, err
}

// boltError puts bbolt's errors into the engine's terms.
func boltError(err error) error {
	switch {
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, berrors.ErrDatabaseReadOnly):
		return ErrReadOnly
	}
	return err
}
