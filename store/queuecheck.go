package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
)

// errUnled says that a record of the queue does not lead where it should.
var errUnled = errors.New("leads to another, or nothing leads to it")

// queueRecord checks a record of the queue or of what belongs to it; ok is false if it
// is another's. Errors: ErrCorrupt, it is damaged; errUnled. What is damaged elsewhere is
// told of there.
func (tx *Tx) queueRecord(k, v []byte) (ok bool, err error) {
	switch {
	case k[0] == lookupWaiting:
		err = tx.checkWaiting(k, v)
	case k[0] == lookupThread && len(k) == 33:
		err = tx.checkThread(Thread(k[1:]), v)
	case k[0] == lookupThreadDue && len(k) == 41 && bytes.Equal(v, []byte{formatThread}):
		err = tx.checkThreadDue(k)
	case k[0] == lookupAge && len(k) == 21 && bytes.Equal(v, []byte{formatAge}):
		err = tx.checkAge(k)
	case k[0] == lookupSent && len(k) == 33:
		_, err = decodeMark(v)
	case k[0] == lookupTally && len(k) == 5:
		_, _, err = decodeTally(v)
	default:
		return false, nil
	}
	return true, err
}

// checkWaiting wants a row to be found by its age and its thread.
func (tx *Tx) checkWaiting(k, v []byte) error {
	q, err := decodeQueued(k, v)
	if err != nil {
		return err
	}
	if tx.r.Get(tableLookup, q.ageKey()) == nil {
		return fmt.Errorf("its age: %w", errUnled)
	}
	t, err := tx.thread(q.Thread)
	if err == nil && (t == nil || !slices.Contains(t.rows, q.ID)) {
		return fmt.Errorf("its thread: %w", errUnled)
	}
	return skipCorrupt(err)
}

// checkThread wants a thread to be found when it is due, and its rows to be there.
func (tx *Tx) checkThread(t Thread, v []byte) error {
	has, err := decodeThread(v)
	if err != nil {
		return err
	}
	if tx.r.Get(tableLookup, threadDueKey(has.due, t)) == nil {
		return fmt.Errorf("when it is due: %w", errUnled)
	}
	if !slices.IsSortedFunc(has.rows, QueueID.compare) {
		return fmt.Errorf("its order: %w", errUnled)
	}
	for _, id := range has.rows {
		if !tx.inThread(t, id) {
			return fmt.Errorf("letter %s: %w", id, errUnled)
		}
	}
	return nil
}

// inThread reports whether a row is there that is of a thread, or may be: nobody can
// say of one that is damaged.
func (tx *Tx) inThread(t Thread, id QueueID) bool {
	q, err := tx.QueuedRow(id)
	return errors.Is(err, ErrCorrupt) || err == nil && q.Thread == t
}

// checkThreadDue wants a thread to be due when the record says.
func (tx *Tx) checkThreadDue(k []byte) error {
	thread := Thread(k[9:])
	t, err := tx.thread(thread)
	if err == nil && (t == nil || !bytes.Equal(threadDueKey(t.due, thread), k)) {
		return errUnled
	}
	return skipCorrupt(err)
}

// checkAge wants a row to be as old as the record says.
func (tx *Tx) checkAge(k []byte) error {
	id, err := idIn(k, 21)
	if err != nil {
		return err
	}
	q, err := tx.QueuedRow(id)
	if errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(q.ageKey(), k) {
		return errUnled
	}
	return skipCorrupt(err)
}

// queue makes what leads to the rows of the queue lead there. When a thread is due is
// nowhere else: where that is lost, it is due when the first of its rows is.
func (r *reindexer) queue(ctx context.Context) error {
	for _, kind := range []byte{lookupThreadDue, lookupThread, lookupThreadDue, lookupAge, lookupWaiting} { // the last: what leads elsewhere is gone then
		b := &queueBatch{r: r}
		err := r.walk(ctx, b, tableLookup, []byte{kind}, after([]byte{kind}), func(tx *Tx, k, v []byte) error {
			if ok, err := tx.queueRecord(k, v); !ok || err != nil {
				b.keys = append(b.keys, bytes.Clone(k))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// A queueBatch gathers keys of the queue where something is wrong; each step mends it.
type queueBatch struct {
	r    *reindexer
	keys [][]byte
}

// mark implements walker.
func (b *queueBatch) mark() (reset func()) { return func() { b.keys = b.keys[:0] } }

// step implements walker.
func (b *queueBatch) step(ctx context.Context) error {
	if len(b.keys) == 0 {
		return nil
	}
	var written, removed int
	err := b.r.update(ctx, func(tx *Tx) error {
		written, removed = 0, 0
		for _, k := range b.keys {
			v := tx.r.Get(tableLookup, k)
			if ok, err := tx.queueRecord(k, v); v == nil || ok && err == nil {
				continue // meanwhile
			}
			w, err := tx.mendQueue(k, v)
			if err != nil {
				return err
			}
			if w {
				written++
			} else {
				removed++
			}
		}
		return nil
	})
	b.r.Written += written
	b.r.Removed += removed
	b.keys = b.keys[:0]
	return err
}

// mendQueue mends what is wrong about one record: it writes what leads to a row, or
// removes what leads nowhere. A row that is damaged stays for Verify to find.
func (tx *Tx) mendQueue(k, v []byte) (written bool, err error) {
	switch k[0] {
	case lookupWaiting:
		q, err := decodeQueued(k, v)
		if err != nil {
			return false, nil
		}
		if err := tx.w.Put(tableLookup, q.ageKey(), []byte{formatAge}); err != nil {
			return false, err
		}
		return true, tx.rejoinThread(q)
	case lookupThread:
		return tx.mendThread(k, v)
	}
	return false, tx.w.Delete(tableLookup, k)
}

// rejoinThread adds a row to its thread if it is not there.
func (tx *Tx) rejoinThread(q *Queued) error {
	t, err := tx.thread(q.Thread)
	if err == nil && t != nil && slices.Contains(t.rows, q.ID) {
		return nil
	}
	return tx.joinThread(q)
}

// mendThread leaves what is a thread's to it; if that is nothing, it is removed.
func (tx *Tx) mendThread(k, v []byte) (written bool, err error) {
	was, err := decodeThread(v)
	if err != nil || len(k) != 33 {
		return false, tx.w.Delete(tableLookup, k)
	}
	now := &queueThread{due: was.due}
	for _, id := range was.rows {
		if tx.inThread(Thread(k[1:]), id) && !slices.Contains(now.rows, id) {
			now.rows = append(now.rows, id)
		}
	}
	if len(now.rows) == 0 {
		return false, tx.setThread(Thread(k[1:]), was, nil)
	}
	slices.SortFunc(now.rows, QueueID.compare)
	return true, tx.setThread(Thread(k[1:]), was, now)
}
