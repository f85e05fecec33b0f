package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// An Overwriter is an engine whose files keep the bytes of what was deleted, or replaced,
// until their place is used again.
type Overwriter interface {
	// Overwrite returns when nothing is left in the files of what was deleted or replaced
	// before the call. Views and updates go on; it waits for views that began before it.
	// Errors: those of Update.
	Overwrite(ctx context.Context) error
}

// Overwrite does so if e is an Overwriter; others keep nothing.
func Overwrite(ctx context.Context, e Engine) error {
	if o, is := e.(Overwriter); is {
		return o.Overwrite(ctx)
	}
	return nil
}

const (
	// fillPages is how many pages of the file are overwritten in one transaction.
	fillPages = 2000
	// fillWait is how long views that still see what was deleted are given before it is
	// looked again whether they have ended.
	fillWait = 10 * time.Millisecond
)

// bucketFiller holds what pages are overwritten with. It is there while Overwrite runs, or
// was interrupted.
var bucketFiller = []byte("filler")

// Overwrite implements Overwriter. Pages that are free cannot be written by themselves:
// a view may read them still, and only bbolt knows. So the file is filled with zeros, until
// each page that was free has been used, and what filled it is removed.
func (e *boltEngine) Overwrite(ctx context.Context) error {
	if e.commit == nil {
		return ErrReadOnly
	}
	var left map[int]bool
	fill := func(tx *bbolt.Tx) error {
		if left == nil {
			left = freePages(tx)
		}
		return fillFree(tx, min(len(left), fillPages))
	}
	for left == nil || len(left) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		before := len(left)
		if err := e.commit.inFile(fill); err != nil {
			return err
		}
		err := e.db.View(func(tx *bbolt.Tx) error {
			now := freePages(tx)
			for id := range left {
				if !now[id] {
					delete(left, id)
				}
			}
			return nil
		})
		if err != nil {
			return boltError(err)
		}
		if len(left) > 0 && len(left) == before {
			select {
			case <-ctx.Done():
			case <-time.After(fillWait):
			}
		}
	}
	return e.commit.inFile(func(tx *bbolt.Tx) error { return noFiller(tx) })
}

// freePages are the numbers of the pages that hold nothing of the present.
func freePages(tx *bbolt.Tx) map[int]bool {
	free := map[int]bool{}
	for id, n := 2, int(tx.Size())/tx.DB().Info().PageSize; id < n; id++ {
		info, err := tx.Page(id)
		switch {
		case err != nil || info == nil:
			return free // behind what is in use
		case info.Type == "free":
			free[id] = true
		default:
			id += info.OverflowCount
		}
	}
	return free
}

// fillFree adds so many pages of zeros, each of which goes wherever one page is free.
func fillFree(tx *bbolt.Tx, pages int) error {
	b, err := tx.CreateBucketIfNotExists(bucketFiller)
	if err != nil {
		return err
	}
	b.FillPercent = 1
	const header, perKey, key = 16, 16, 8 // bytes of a leaf, and of a pair in it
	zeros := make([]byte, (tx.DB().Info().PageSize-header)/2-perKey-key)
	next, err := b.NextSequence()
	if err != nil {
		return err
	}
	next <<= 32 // behind what was added before
	for i := range uint64(2*pages + 8) {
		if err := b.Put(binary.BigEndian.AppendUint64(nil, next+i), zeros); err != nil {
			return err
		}
	}
	return nil
}

func noFiller(tx *bbolt.Tx) error {
	if err := tx.DeleteBucket(bucketFiller); !errors.Is(err, berrors.ErrBucketNotFound) {
		return err
	}
	return nil
}

// inFile has the file hold all there is, leaves nothing in the log, and runs fn in a
// transaction of the file.
func (c *committer) inFile(fn func(*bbolt.Tx) error) error {
	err := ErrClosed
	c.alone(func() {
		if c.broken != nil {
			err = c.broken
			return
		}
		if err = c.empty(); err != nil {
			return
		}
		if err = c.log.wipe(); err != nil {
			err = c.failed(err)
			return
		}
		c.engine.space.busy.Lock()
		defer c.engine.space.busy.Unlock()
		var id int
		if id, err = c.engine.inTransaction(c.log.seq, fn); err != nil {
			err = c.failed(err)
			return
		}
		c.engine.publish(func(v *version) { v.base = id })
	})
	return err
}

// wipe overwrites all that was written to the log. Nothing in it may be needed.
func (l *log) wipe() error {
	if err := l.open(); err != nil {
		return err
	}
	end, err := l.file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	zeros := make([]byte, logStep)
	for at := int64(logPage); at < end; at += logStep {
		if err := l.disk.writeAt(l.file, zeros[:min(logStep, end-at)], at); err != nil {
			return err
		}
	}
	l.restart()
	if !l.sync {
		return nil
	}
	if err := l.disk.datasync(l.file); err != nil {
		return &syncError{err}
	}
	return nil
}
