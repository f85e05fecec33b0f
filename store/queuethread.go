package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"time"

	"convene/internal/engine"
)

// A queueThread is what leads to the rows of a thread.
type queueThread struct {
	due  time.Time // when it is to be looked at
	rows []QueueID // in the order in which they were queued
}

func (id QueueID) compare(other QueueID) int {
	return cmp.Or(cmp.Compare(id.Home, other.Home), cmp.Compare(id.Rev, other.Rev))
}

func threadKey(t Thread) []byte { return append([]byte{lookupThread}, t[:]...) }

// threadDueKey is that of the record by which a thread is found when it is due.
func threadDueKey(due time.Time, t Thread) []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 41), lookupThreadDue), uint64(max(due.Unix(), 0)))
	return append(b, t[:]...)
}

func (q *queueThread) encode() []byte {
	b := binary.AppendVarint(append(make([]byte, 0, 16+12*len(q.rows)), formatThread), q.due.Unix())
	for _, id := range q.rows {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(id.Home)), uint64(id.Rev))
	}
	return b
}

func decodeThread(v []byte) (*queueThread, error) {
	d := decoder{b: v}
	d.format(formatThread)
	q := &queueThread{due: time.Unix(d.varint(), 0).UTC()}
	for len(d.b) > 0 {
		q.rows = append(q.rows, QueueID{HomeID(d.uvarint()), Rev(d.uvarint())})
	}
	if len(q.rows) == 0 {
		d.fail()
	}
	return q, d.err("thread")
}

// thread returns what leads to the rows of a thread, nil if it has none.
func (tx *Tx) thread(t Thread) (*queueThread, error) {
	v := tx.r.Get(tableLookup, threadKey(t))
	if v == nil {
		return nil, nil
	}
	return decodeThread(v)
}

// setThread writes a thread in place of what it was; nil, or without rows: it is none.
func (tx *Tx) setThread(t Thread, was, now *queueThread) error {
	if was != nil && (now == nil || !was.due.Equal(now.due)) {
		if err := tx.w.Delete(tableLookup, threadDueKey(was.due, t)); err != nil {
			return err
		}
	}
	if now == nil {
		return tx.w.Delete(tableLookup, threadKey(t))
	}
	if err := tx.w.Put(tableLookup, threadDueKey(now.due, t), []byte{formatThread}); err != nil {
		return err
	}
	return tx.w.putOwn(tableLookup, threadKey(t), now.encode())
}

// joinThread adds a row to its thread, which is then due as soon as the row is.
func (tx *Tx) joinThread(q *Queued) error {
	was, err := tx.thread(q.Thread)
	if err != nil {
		return err
	}
	now := &queueThread{due: q.Due, rows: []QueueID{q.ID}}
	if was != nil {
		now.rows = append(now.rows, was.rows...)
		slices.SortFunc(now.rows, QueueID.compare)
		if was.due.Before(now.due) {
			now.due = was.due
		}
	}
	return tx.setThread(q.Thread, was, now)
}

// wake makes a thread due when the first of its rows is, of which one may be gone.
func (tx *Tx) wake(t Thread, gone *QueueID) error {
	was, err := tx.thread(t)
	if err != nil || was == nil {
		return err
	}
	var now *queueThread
	for _, id := range was.rows {
		if gone != nil && id == *gone {
			continue
		}
		q, err := tx.QueuedRow(id)
		if err != nil {
			return err
		}
		if now == nil {
			now = &queueThread{due: q.Due}
		}
		now.rows = append(now.rows, id)
		if q.Due.Before(now.due) {
			now.due = q.Due
		}
	}
	return tx.setThread(t, was, now)
}

// NextDue returns when the first thread is due; ok is false if the queue is empty.
func (tx *Tx) NextDue() (due time.Time, ok bool) { return tx.firstTime(lookupThreadDue, 41) }

// DueThreads walks over the threads that are due at a moment, those first that have been
// for longest.
func (tx *Tx) DueThreads(at time.Time) iter.Seq[Thread] {
	until := binary.BigEndian.AppendUint64([]byte{lookupThreadDue}, uint64(max(at.Unix(), 0))+1)
	return func(yield func(Thread) bool) {
		for k := range tx.r.Scan(tableLookup, engine.Range{From: []byte{lookupThreadDue}, To: until, KeysOnly: true}) {
			var t Thread
			if copy(t[:], k[min(len(k), 9):]) == len(t) && !yield(t) {
				return
			}
		}
	}
}

// ThreadRows returns the rows of a thread, for good, in the order in which they were
// queued.
func (tx *Tx) ThreadRows(t Thread) ([]*Queued, error) {
	has, err := tx.thread(t)
	if err != nil || has == nil {
		return nil, err
	}
	list := make([]*Queued, 0, len(has.rows))
	for _, id := range has.rows {
		q, err := tx.QueuedRow(id)
		if err != nil {
			return nil, fmt.Errorf("thread %x: %w", t, err)
		}
		list = append(list, q)
	}
	return list, nil
}

// PutOff has a thread be due at a moment, until something changes in it: if last is
// still the last of its rows. What was queued since is to be looked at first.
func (tx *Tx) PutOff(t Thread, last QueueID, until time.Time) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	was, err := tx.thread(t)
	if err != nil || was == nil || was.rows[len(was.rows)-1] != last {
		return err
	}
	return tx.setThread(t, was, &queueThread{due: until.UTC().Truncate(time.Second), rows: was.rows})
}
