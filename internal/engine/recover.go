package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
)

// A Recovery says what Recover did.
type Recovery struct {
	// Applied is how many records of the log the file has taken in, those that
	// it had already not counted; Last is the number of the last record that
	// it has now.
	Applied int    `json:"applied"`
	Last    uint64 `json:"last"`

	// Missing are the numbers of records that are not there or cannot be read,
	// up to the last one that the log shows to have existed; Unused are those of
	// records that are whole, but came after one that is missing. Both are lost
	// to the file.
	Missing []Span `json:"missing"`
	Unused  []Span `json:"unused"`

	// Aside is where the log is now, "" if it was removed because the file has
	// all that was in it.
	Aside string `json:"aside,omitempty"`
}

// A Span is some numbers in a row.
type Span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// String returns "7" or "7 to 9".
func (s Span) String() string {
	if s.First == s.Last {
		return strconv.FormatUint(s.First, 10)
	}
	return fmt.Sprintf("%d to %d", s.First, s.Last)
}

// addTo adds n, which is greater than all before, to spans.
func addTo(spans []Span, n uint64) []Span {
	if i := len(spans) - 1; i >= 0 && spans[i].Last+1 == n {
		spans[i].Last = n
		return spans
	}
	return append(spans, Span{n, n})
}

// Recover brings a file and its damaged log together again: the file takes in the
// records that continue it without a gap, and the log is renamed, so that what
// could not be used is kept. A log without damage is taken in like at opening.
// Nobody may have the file open. Errors: ErrInUse, ErrNoFile, ErrDamaged, ErrLog if
// the log belongs to another file.
func Recover(path string, o BoltOptions, now time.Time) (r Recovery, err error) {
	aside := fmt.Sprintf("%s-damaged-%s", logPath(path), now.UTC().Format("20060102T150405Z"))
	if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is there already", aside)
	}
	e, l, found, err := openForRecovery(path, o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, e.db.Close()) }()
	r, writes := l.usable(found)
	if r.Applied > 0 {
		if _, err := e.write(r.Last, writes); err != nil {
			return r, fmt.Errorf("recover %s: %w", path, boltError(err))
		}
	}
	if len(r.Missing) == 0 {
		return r, errors.Join(l.close(true), syncFolder(path))
	}
	r.Aside = aside
	return r, errors.Join(os.Rename(l.path, aside), syncFolder(path))
}

// openForRecovery opens the file, without its log, and reads the records.
func openForRecovery(path string, o BoltOptions) (e *boltEngine, l log, found []record, err error) {
	o.setDefaults()
	o.ReadOnly = false
	err = logAlone(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err != nil {
		return nil, l, nil, fmt.Errorf("recover %s: %w", path, err)
	}
	e = &boltEngine{path: path, opt: o, hot: -1}
	defer e.unopenable(&err)
	defer faults()()
	if err := e.open(path); err != nil {
		return nil, l, nil, fmt.Errorf("recover %s: %w", path, err)
	}
	l = log{path: logPath(path), sync: !o.NoSync, halfSize: o.logHalf, disk: o.disk}
	err = e.db.View(func(tx *bbolt.Tx) (err error) {
		l.id, l.seq, err = logState(tx)
		return err
	})
	if err == nil {
		found, err = l.seen()
	}
	if err != nil {
		return nil, l, nil, errors.Join(fmt.Errorf("recover %s: %w", path, err), e.db.Close())
	}
	return e, l, found, nil
}

// seen returns the records after l.seq that the log shows to have existed, in order,
// wherever they lie in it. Those that are damaged have no payload. Errors: ErrLog if
// it is the log of another file.
func (l *log) seen() (found []record, err error) {
	b, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = l.checkOwner(b)
	if errors.Is(err, errHeader) {
		err = l.checkRecords(b)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.path, err)
	}
	for len(b) > 0 {
		step := int64(logPage)
		if r, ok := parseRecord(b, l.id); ok && r.seq > l.seq {
			found = append(found, r)
			step = recordSize(len(r.payload))
		} else if seq, ok := l.headerSeq(b); ok {
			found = append(found, record{seq: seq})
		}
		b = b[min(step, int64(len(b))):]
	}
	slices.SortFunc(found, func(a, b record) int { return cmp.Compare(a.seq, b.seq) })
	return found, nil
}

// maxAhead is more records than a log can have beyond its file. A number further
// ahead was not written as one.
const maxAhead = 1 << 20

// headerSeq returns the number of the record that b begins with, if the beginning
// of its header is whole.
func (l *log) headerSeq(b []byte) (uint64, bool) {
	if len(b) < logHeader || binary.BigEndian.Uint32(b) != logMagic || binary.BigEndian.Uint64(b[8:]) != l.id {
		return 0, false
	}
	seq := binary.BigEndian.Uint64(b[16:])
	return seq, seq > l.seq && seq-l.seq < maxAhead
}

// usable sorts the records out, and returns the writes of those that continue the
// file.
func (l *log) usable(found []record) (Recovery, *writes) {
	r := Recovery{Last: l.seq, Missing: []Span{}, Unused: []Span{}}
	all := newWrites()
	want := l.seq + 1
	for _, f := range found {
		for ; want < f.seq; want++ {
			r.Missing = addTo(r.Missing, want)
		}
		switch {
		case f.seq < want: // once more
			continue
		case f.payload == nil || !readable(f.payload):
			r.Missing = addTo(r.Missing, f.seq)
		case len(r.Missing) > 0:
			r.Unused = addTo(r.Unused, f.seq)
		default:
			// Cannot fail: it was read as a whole before.
			_ = addChunks(all, f.payload)
			r.Applied++
			r.Last = f.seq
		}
		want = f.seq + 1
	}
	return r, all
}

// readable reports whether the payload of a record can be read to its end.
func readable(payload []byte) bool { return addChunks(newWrites(), payload) == nil }
