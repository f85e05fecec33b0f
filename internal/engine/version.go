package engine

import (
	"context"
	"time"

	"go.etcd.io/bbolt"
)

// A version is one committed state of a bbolt engine: the file, and over it
// what so far is only in the log. A published version never changes.
type version struct {
	active *writes // in the half of the log that is being written
	frozen *writes // in the other half, on its way to the file; nil: nothing is

	base   int  // the transaction of the file that lies below
	moving bool // the file's next transaction, if it is there, adds what is above and nothing else
}

// over reports whether v lies over the file as transaction id left it.
func (v *version) over(id int) bool { return id == v.base || v.moving && id == v.base+1 }

// publish makes what change does to a copy of the version the current one.
func (e *boltEngine) publish(change func(v *version)) {
	e.versionMu.Lock()
	defer e.versionMu.Unlock()
	v := *e.version.Load()
	change(&v)
	e.version.Store(&v)
}

// begin returns the current version and a transaction that reads the file below
// it. Between the commit of a transaction and the version that lies over it
// there is a moment without a fitting pair; it passes. Errors: ErrClosed,
// that of ctx.
func (e *boltEngine) begin(ctx context.Context) (*version, *bbolt.Tx, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		v := e.version.Load()
		tx, err := e.db.Begin(false)
		if err != nil {
			return nil, nil, boltError(err)
		}
		if v.over(tx.ID()) && e.version.Load() == v {
			return v, tx, nil
		}
		id := tx.ID()
		rollback(tx)
		if id < v.base {
			return nil, nil, wrong("the file is that of transaction %d, not %d", id, v.base)
		}
		if e.version.Load() == v {
			time.Sleep(versionWait)
		}
	}
}

// versionWait is short beside what writing to the disk takes.
const versionWait = 50 * time.Microsecond

// source is what v and the file below it hold.
func (v *version) source(file *boltState) source { return over(v.active, over(v.frozen, file)) }
