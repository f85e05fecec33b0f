package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// BoltOptions sets how a bbolt file is opened. The zero value of each field but
// Tables is a sensible default.
type BoltOptions struct {
	// Tables are the tables of the file; missing ones are created.
	Tables []Table

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
}

// mapReserve is the address space reserved for the file: bbolt has to wait for
// all readers before it can enlarge its mapping, so the mapping is made large
// once. It costs no memory and no disk, only addresses.
const mapReserve = 64 << 30

type boltEngine struct {
	db     *bbolt.DB
	tables tableIndex
	names  [][]byte
	commit *committer
}

// OpenBolt opens the bbolt file at path, creating it if it does not exist.
func OpenBolt(path string, o BoltOptions) (Engine, error) {
	e := &boltEngine{tables: o.Tables}
	for _, t := range o.Tables {
		e.names = append(e.names, []byte(t))
	}
	timeout := o.LockTimeout
	if timeout == 0 {
		timeout = 2 * time.Second
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:         timeout,
		ReadOnly:        o.ReadOnly,
		NoSync:          o.NoSync,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: mapReserve,
		MaxSize:         int(o.MaxSize),
		NoStatistics:    true,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	e.db = db
	if err := e.makeTables(o.ReadOnly); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	if !o.ReadOnly {
		e.commit = newCommitter(e, o)
	}
	return e, nil
}

// makeTables sees to it that each table is there.
func (e *boltEngine) makeTables(readOnly bool) error {
	var missing [][]byte
	err := e.db.View(func(tx *bbolt.Tx) error {
		for _, name := range e.names {
			if tx.Bucket(name) == nil {
				missing = append(missing, name)
			}
		}
		return nil
	})
	if err != nil || len(missing) == 0 {
		return err
	}
	if readOnly {
		return fmt.Errorf("table %q: %w", missing[0], ErrReadOnly)
	}
	return e.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range missing {
			if _, err := tx.CreateBucket(name); err != nil {
				return fmt.Errorf("table %q: %w", name, err)
			}
		}
		return nil
	})
}

func (e *boltEngine) View(ctx context.Context, fn func(Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	tx, err := e.db.Begin(false)
	if err != nil {
		return boltError(err)
	}
	err = func() error {
		defer func() { err = errors.Join(err, tx.Rollback()) }()
		return fn(e.state(tx))
	}()
	return err
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
	return boltError(e.db.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(&contextWriter{ctx, w})
		return err
	}))
}

func (e *boltEngine) Size() (int64, error) {
	info, err := os.Stat(e.db.Path())
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

// state returns the tables as tx sees them.
func (e *boltEngine) state(tx *bbolt.Tx) *boltState {
	return &boltState{tables: e.tables, names: e.names, tx: tx, buckets: make([]*bbolt.Bucket, len(e.tables))}
}

// boltState is the source of an overlay, and the Reader of a view.
type boltState struct {
	tables  tableIndex
	names   [][]byte
	tx      *bbolt.Tx
	buckets []*bbolt.Bucket // opened at first use
}

func (s *boltState) bucket(table int) *bbolt.Bucket {
	b := s.buckets[table]
	if b == nil {
		b = s.tx.Bucket(s.names[table])
		s.buckets[table] = b
	}
	return b
}

func (s *boltState) get(table int, key []byte) []byte {
	return s.bucket(table).Get(key)
}

func (s *boltState) cursor(table int) cursor {
	return &boltCursor{s.bucket(table).Cursor()}
}

func (s *boltState) Get(t Table, key []byte) []byte { return s.get(s.tables.of(t), key) }

func (s *boltState) Scan(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := s.bucket(s.tables.of(t)).Cursor()
		for k, v := c.Seek(from); k != nil && below(k, to) && yield(k, v); k, v = c.Next() {
		}
	}
}

func (s *boltState) ScanDesc(t Table, from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		c := boltCursor{s.bucket(s.tables.of(t)).Cursor()}
		for k, v := c.seekBelow(to); k != nil && bytes.Compare(k, from) >= 0 && yield(k, v); k, v = c.prev() {
		}
	}
}

type boltCursor struct{ c *bbolt.Cursor }

func (c *boltCursor) seek(key []byte) (k, v []byte) { return c.c.Seek(key) }
func (c *boltCursor) next() (k, v []byte)           { return c.c.Next() }
func (c *boltCursor) prev() (k, v []byte)           { return c.c.Prev() }

func (c *boltCursor) seekBelow(key []byte) (k, v []byte) {
	if key == nil {
		return c.c.Last()
	}
	if k, _ := c.c.Seek(key); k == nil {
		return c.c.Last()
	}
	return c.c.Prev()
}

// contextWriter stops a long copy when its context is done.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w *contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
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
