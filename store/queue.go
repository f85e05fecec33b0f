package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"convene/internal/engine"
)

// A QueueID names a row of the queue for all time: the home that it was queued in,
// and the home's Rev then. Rows of one home are in the order of their Revs.
type QueueID struct {
	Home HomeID
	Rev  Rev
}

// String returns both numbers, such as "3-17".
func (id QueueID) String() string { return fmt.Sprintf("%d-%d", id.Home, id.Rev) }

// ParseQueueID is the reverse of String.
func ParseQueueID(s string) (QueueID, error) {
	home, rev, _ := strings.Cut(s, "-")
	h, err := strconv.ParseUint(home, 10, 32)
	r, err2 := strconv.ParseUint(rev, 10, 64)
	if errors.Join(err, err2) != nil {
		return QueueID{}, fmt.Errorf("%q is not a number of the queue, such as 3-17", s)
	}
	return QueueID{HomeID(h), Rev(r)}, nil
}

// A Thread is what rows have in common that are to be sent in the order in which
// they were queued: a hash that the caller computes.
type Thread [32]byte

// A Queued is a row of the queue: something that is to be sent.
type Queued struct {
	ID      QueueID
	Due     time.Time // when it is to be tried next; whole seconds, as Queued
	Queued  time.Time
	Tries   int // that were begun
	Thread  Thread
	Note    string // what the last attempt met, in words
	Payload []byte // the caller's
}

// maxNote bounds Queued.Note, in bytes.
const maxNote = 500

func (q *Queued) key() []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 21), lookupQueue), uint64(max(q.Due.Unix(), 0)))
	return appendRev(appendU32(b, q.ID.Home), q.ID.Rev)
}

func (q *Queued) encode() []byte {
	b := append(make([]byte, 0, 64+len(q.Note)+len(q.Payload)), formatQueued)
	b = binary.AppendVarint(b, q.Queued.Unix())
	b = binary.AppendUvarint(b, uint64(q.Tries))
	b = append(b, q.Thread[:]...)
	b = appendString(b, q.Note)
	return append(b, q.Payload...)
}

func decodeQueued(k, v []byte) (*Queued, error) {
	if len(k) != 21 {
		return nil, fmt.Errorf("queue: key %x: %w", k, ErrCorrupt)
	}
	d := decoder{b: v}
	d.format(formatQueued)
	q := &Queued{
		ID:     QueueID{HomeID(binary.BigEndian.Uint32(k[9:])), revOf(k)},
		Due:    time.Unix(int64(binary.BigEndian.Uint64(k[1:])), 0).UTC(),
		Queued: time.Unix(d.varint(), 0).UTC(),
		Tries:  int(d.uvarint()),
	}
	copy(q.Thread[:], d.take(uint64(len(q.Thread))))
	q.Note = d.string()
	q.Payload = d.b
	return q, d.err("queue")
}

// Enqueue adds a row to the queue, as part of a change in a home. It sets ID and
// Queued. Errors: ErrNotFound if there is no such home; LimitError.
func (tx *Tx) Enqueue(home HomeID, q *Queued) error {
	if len(q.Payload) > MaxBody {
		return fmt.Errorf("queue: %w", &LimitError{LimitQueued, MaxBody})
	}
	h, err := tx.changingHome(home)
	if err != nil {
		return err
	}
	q.ID, q.Queued = QueueID{home, tx.nextRev(h)}, tx.second()
	return tx.w.Put(tableLookup, q.key(), q.encode())
}

// Queue walks over all rows, those that are due first. The payloads are good as long
// as the transaction.
func (tx *Tx) Queue() iter.Seq2[*Queued, error] {
	return func(yield func(*Queued, error) bool) {
		for k, v := range tx.r.Scan(tableLookup, within([]byte{lookupQueue})) {
			q, err := decodeQueued(k, v)
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}

// QueuedRow returns a row as it is now, for good. Errors: as Dequeue.
func (tx *Tx) QueuedRow(q *Queued) (*Queued, error) {
	v := tx.r.Get(tableLookup, q.key())
	if v == nil {
		return nil, fmt.Errorf("queue: %s: %w", q.ID, ErrNotFound)
	}
	now, err := decodeQueued(q.key(), v)
	if err == nil {
		now.Payload = bytes.Clone(now.Payload)
	}
	return now, err
}

// NextDue returns when the first row is due; ok is false if the queue is empty.
func (tx *Tx) NextDue() (due time.Time, ok bool) {
	next := keysWithin([]byte{lookupQueue})
	next.Limit = 1
	for k := range tx.r.Scan(tableLookup, next) {
		if len(k) == 21 {
			return time.Unix(int64(binary.BigEndian.Uint64(k[1:])), 0), true
		}
	}
	return time.Time{}, false
}

// Requeue writes a row anew as set changes it, which may be all but ID and Queued.
// q is the row as it was read. Errors: ErrNotFound if it is not so any more.
func (tx *Tx) Requeue(q *Queued, set func(*Queued)) error {
	if err := tx.Dequeue(q); err != nil {
		return err
	}
	set(q)
	if len(q.Note) > maxNote {
		q.Note = strings.ToValidUTF8(q.Note[:maxNote], "")
	}
	return tx.w.Put(tableLookup, q.key(), q.encode())
}

// Dequeue removes a row that was read before. Errors: ErrNotFound if it is not there
// any more, or is due at another time.
func (tx *Tx) Dequeue(q *Queued) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	if tx.r.Get(tableLookup, q.key()) == nil {
		return fmt.Errorf("queue: %s: %w", q.ID, ErrNotFound)
	}
	return tx.w.Delete(tableLookup, q.key())
}

// A Mark remembers what was sent in a thread.
type Mark struct {
	First string // the caller's name of the first
	Last  time.Time
	Keys  []MarkedKey // of the last ones, oldest first
}

// A MarkedKey is the caller's hash of something that was sent, and when.
type MarkedKey struct {
	Sum [16]byte
	At  time.Time
}

// maxMarked is how many keys a mark keeps, markAge for how long a thread is
// remembered in which nothing is sent.
const (
	maxMarked = 32
	markAge   = 90 * 24 * time.Hour
)

// Has reports whether something was sent, at since or later.
func (m *Mark) Has(sum [16]byte, since time.Time) bool {
	for _, k := range m.Keys {
		if k.Sum == sum && !k.At.Before(since) {
			return true
		}
	}
	return false
}

func markKey(t Thread) []byte { return append([]byte{lookupSent}, t[:]...) }

func (m *Mark) encode() []byte {
	b := append(make([]byte, 0, 64+24*len(m.Keys)), formatMark)
	b = appendString(binary.AppendVarint(b, m.Last.Unix()), m.First)
	for _, k := range m.Keys {
		b = binary.AppendVarint(append(b, k.Sum[:]...), k.At.Unix())
	}
	return b
}

func decodeMark(v []byte) (*Mark, error) {
	d := decoder{b: v}
	d.format(formatMark)
	m := &Mark{Last: time.Unix(d.varint(), 0).UTC(), First: d.string()}
	for len(d.b) > 0 {
		var k MarkedKey
		copy(k.Sum[:], d.take(uint64(len(k.Sum))))
		k.At = time.Unix(d.varint(), 0).UTC()
		m.Keys = append(m.Keys, k)
	}
	return m, d.err("mark")
}

// Marked returns what was sent in a thread; nil: nothing, as far as is remembered.
func (tx *Tx) Marked(t Thread) (*Mark, error) {
	v := tx.r.Get(tableLookup, markKey(t))
	if v == nil {
		return nil, nil
	}
	return decodeMark(v)
}

// MarkSent notes that something was sent in a thread. name is its own; that of the
// first one is kept.
func (tx *Tx) MarkSent(t Thread, name string, sum [16]byte) error {
	m, err := tx.Marked(t)
	if err != nil {
		return err
	}
	if m == nil {
		m = &Mark{First: name}
	}
	m.Last = tx.second()
	m.Keys = append(m.Keys, MarkedKey{sum, m.Last})
	if len(m.Keys) > maxMarked {
		m.Keys = m.Keys[len(m.Keys)-maxMarked:]
	}
	return tx.w.Put(tableLookup, markKey(t), m.encode())
}

// SentOn returns how much was queued in a home on the day of a time, in UTC.
func (tx *Tx) SentOn(home HomeID, day time.Time) (int, error) {
	v := tx.r.Get(tableLookup, tallyKey(home))
	if v == nil {
		return 0, nil
	}
	at, n, err := decodeTally(v)
	if err != nil || at != dayOf(day) {
		return 0, err
	}
	return n, nil
}

// CountSent adds to what was queued in a home today.
func (tx *Tx) CountSent(home HomeID, n int) error {
	before, err := tx.SentOn(home, tx.Now())
	if err != nil {
		return err
	}
	b := binary.AppendUvarint([]byte{formatTally}, dayOf(tx.Now()))
	return tx.w.Put(tableLookup, tallyKey(home), binary.AppendUvarint(b, uint64(before+n)))
}

func tallyKey(h HomeID) []byte { return appendU32([]byte{lookupTally}, h) }

// dayOf numbers the days in UTC.
func dayOf(t time.Time) uint64 { return uint64(max(t.Unix(), 0) / 86400) }

func decodeTally(v []byte) (day uint64, n int, err error) {
	d := decoder{b: v}
	d.format(formatTally)
	day, n = d.uvarint(), int(d.uvarint())
	return day, n, d.err("tally")
}

// queueRecord decodes a record of the queue and what belongs to it; ok is false if
// it is another's.
func queueRecord(k, v []byte) (ok bool, err error) {
	switch {
	case k[0] == lookupQueue:
		_, err = decodeQueued(k, v)
	case k[0] == lookupSent && len(k) == 33:
		_, err = decodeMark(v)
	case k[0] == lookupTally && len(k) == 5:
		_, _, err = decodeTally(v)
	default:
		return false, nil
	}
	return true, err
}

// forgetSent forgets the threads in which nothing was sent for long, a step at a
// time.
func (s *Store) forgetSent(ctx context.Context, r *MaintainReport) error {
	from := []byte{lookupSent}
	for from != nil {
		n := 0
		var next []byte
		err := s.Update(ctx, func(tx *Tx) (err error) {
			n, next, err = tx.forgetSome(from)
			return err
		})
		if err != nil {
			return err
		}
		r.Expired += n
		from = next
	}
	return nil
}

// forgetSome forgets what is old of some threads, and returns where to go on; nil:
// that was all.
func (tx *Tx) forgetSome(from []byte) (n int, next []byte, err error) {
	before, seen := tx.Now().Add(-markAge), 0
	for k, v := range tx.r.Scan(tableLookup, engine.Range{From: from, To: []byte{lookupSent + 1}}) {
		if seen++; seen > tx.s.opt.Step {
			return n, bytes.Clone(k), nil
		}
		m, err := decodeMark(v)
		if err != nil {
			return n, nil, err
		}
		if m.Last.Before(before) {
			n++
			if err := tx.w.Delete(tableLookup, bytes.Clone(k)); err != nil {
				return n, nil, err
			}
		}
	}
	return n, nil, nil
}
