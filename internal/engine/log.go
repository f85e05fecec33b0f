package engine

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// The log is where an update becomes durable: one record for each batch,
// appended and synced once. What it holds is soon written to the bbolt file as
// well, many batches in one transaction, and then the space is used again.
//
// The file has a page that says what it is (logheader.go), then two halves. One is
// being written; the other is empty or on its way to the bbolt file, which notes the
// number of the last record it has. A record begins at a page, so that writing one
// never touches another:
//
//	magic u32, length of the payload u32, id u64, seq u64, CRC-32C u32
//	of all else, payload, zeros up to the next page
//
// id is that of the bbolt file, seq counts the batches of all time, those too that went
// to the file itself. Numbers are big-endian. A crash can tear the last record only, which nobody was told of.
const (
	logMagic  = 0x636e766c // "cnvl"
	logHeader = 28
	logPage   = 4096

	// logStep is by how much a half is made longer. Appending to what is
	// allocated costs the disk much less than appending to a file.
	logStep = 512 << 10
)

// ErrLog is the answer of OpenBolt when the log and the file do not fit
// together: records between what the file has and what the log has are missing, or
// the log is another file's. It is of the class ErrDamaged.
var ErrLog = fmt.Errorf("%w: the log does not continue the file", ErrDamaged)

var crcTable = crc32.MakeTable(crc32.Castagnoli)

// A log appends to a log file. It is used by whoever holds the lead.
type log struct {
	path     string
	id       uint64
	seq      uint64 // of the last record
	sync     bool
	disk     disk
	halfSize int64 // bytes
	torn     bool  // a record was found that was not written as a whole

	file      *os.File // nil before the first append
	half      int64    // the one being written
	off       int64    // where the next record goes in it
	allocated [2]int64
	buf       []byte
}

// fits reports whether a record with n bytes of payload has room in the half
// being written.
func (l *log) fits(n int) bool { return l.off+recordSize(n) <= l.halfSize }

// recordSize is how much of a half n bytes of payload take.
func recordSize(n int) int64 { return (int64(n) + logHeader + logPage - 1) &^ (logPage - 1) }

// turn goes on in the other half, which must hold nothing that is needed.
func (l *log) turn() { l.half, l.off = 1-l.half, 0 }

// restart begins the half anew. Nothing in it may be needed.
func (l *log) restart() { l.off = 0 }

// append writes a record, of chunks, and returns when it is on the disk. On
// error there is no record, unless the error is of the sync: then it is unknown
// whether there is.
func (l *log) append(chunks [][]byte) error {
	if err := l.open(); err != nil {
		return err
	}
	l.buf = append(l.buf[:0], make([]byte, logHeader)...)
	for _, c := range chunks {
		l.buf = append(l.buf, c...)
	}
	n := len(l.buf) - logHeader
	size := recordSize(n)
	l.buf = append(l.buf, make([]byte, size-int64(len(l.buf)))...)
	h := l.buf[:logHeader]
	binary.BigEndian.PutUint32(h, logMagic)
	binary.BigEndian.PutUint32(h[4:], uint32(n))
	binary.BigEndian.PutUint64(h[8:], l.id)
	binary.BigEndian.PutUint64(h[16:], l.seq+1)
	binary.BigEndian.PutUint32(h[24:], recordSum(l.buf, n))
	if end := l.off + size; end > l.allocated[l.half] {
		if err := l.allocate(min(max(end, l.allocated[l.half]+logStep), l.halfSize)); err != nil {
			return err
		}
	}
	if err := l.disk.writeAt(l.file, l.buf, l.at(l.off)); err != nil {
		return err
	}
	if l.sync {
		if err := l.disk.datasync(l.file); err != nil {
			return &syncError{err}
		}
	}
	l.seq++
	l.off += size
	if cap(l.buf) > logStep {
		l.buf = nil
	}
	return nil
}

// A syncError says that the disk did not confirm what was written.
type syncError struct{ err error }

func (e *syncError) Error() string { return "sync: " + e.err.Error() }
func (e *syncError) Unwrap() error { return e.err }

// recordSum is the checksum of the record in b with n bytes of payload.
func recordSum(b []byte, n int) uint32 {
	sum := crc32.Checksum(b[:24], crcTable)
	return crc32.Update(sum, crcTable, b[logHeader:logHeader+n])
}

// at is where off in the half being written is in the file.
func (l *log) at(off int64) int64 { return logPage + l.half*l.halfSize + off }

// open makes the file, once, and sees that its name lasts, and the one of the bbolt
// file beside it. Nothing in the file may be needed.
func (l *log) open() (err error) {
	if l.file != nil {
		return nil
	}
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if l.sync {
		err = syncFolder(l.path)
	}
	if err == nil {
		err = l.disk.writeAt(f, l.header(), 0)
	}
	if err == nil && l.sync {
		err = l.disk.sync(f)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file = f
	return nil
}

// allocate makes the half n bytes long, with zeros where nothing was.
func (l *log) allocate(n int64) error {
	from := l.allocated[l.half]
	if err := l.disk.writeAt(l.file, make([]byte, n-from), l.at(from)); err != nil {
		return err
	}
	l.allocated[l.half] = n
	return nil
}

// close closes the file, and removes it if nothing in it is needed.
func (l *log) close(remove bool) error {
	var err error
	if l.file != nil {
		err = l.file.Close()
	}
	if !remove {
		return err
	}
	rerr := os.Remove(l.path)
	if errors.Is(rerr, fs.ErrNotExist) {
		rerr = nil
	}
	return errors.Join(err, rerr)
}

// read returns the payloads of the records after l.seq, in order; none if there is
// no file. They are found wherever they are, so that a log with halves of another
// size, or without a header, is read as well. Errors: ErrLog.
func (l *log) read() ([][]byte, error) {
	b, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := l.checkOwner(b); err != nil {
		return nil, fmt.Errorf("%s: %w", l.path, err)
	}
	return l.inOrder(l.records(b))
}

// inOrder returns the payloads of records after l.seq. Errors: ErrLog.
func (l *log) inOrder(found []record) (payloads [][]byte, err error) {
	slices.SortFunc(found, func(a, b record) int { return cmp.Compare(a.seq, b.seq) })
	for seq, r := range found {
		if want := l.seq + 1 + uint64(seq); r.seq != want {
			return nil, fmt.Errorf("%s: record %d is missing, %d is there: %w; put both back from one backup, or remove the log to go on without what it holds",
				l.path, want, r.seq, ErrLog)
		}
		payloads = append(payloads, r.payload)
	}
	return payloads, nil
}

type record struct {
	seq     uint64
	payload []byte
}

// records returns the records in b that are later than l.seq. A page
// that begins none is passed over: if it is not of a last record that was torn,
// a record will be found to be missing.
func (l *log) records(b []byte) (found []record) {
	for len(b) > 0 {
		step := int64(logPage)
		r, ok := parseRecord(b, l.id)
		if ok && r.seq > l.seq {
			found = append(found, r)
			step = recordSize(len(r.payload))
		}
		l.torn = l.torn || !ok && l.begins(b)
		b = b[min(step, int64(len(b))):]
	}
	return found
}

// begins reports whether b begins like a record that the file does not hold.
func (l *log) begins(b []byte) bool {
	return len(b) >= logHeader && binary.BigEndian.Uint32(b) == logMagic &&
		binary.BigEndian.Uint64(b[8:]) == l.id && binary.BigEndian.Uint64(b[16:]) > l.seq
}

// parseRecord returns the record of the file with this id that b begins with.
func parseRecord(b []byte, id uint64) (r record, ok bool) {
	if len(b) < logHeader || binary.BigEndian.Uint32(b) != logMagic || binary.BigEndian.Uint64(b[8:]) != id {
		return record{}, false
	}
	n := int64(binary.BigEndian.Uint32(b[4:]))
	if n > int64(len(b))-logHeader || binary.BigEndian.Uint32(b[24:]) != recordSum(b, int(n)) {
		return record{}, false
	}
	return record{binary.BigEndian.Uint64(b[16:]), b[logHeader : logHeader+n : logHeader+n]}, true
}

// A chunk is what one update wrote, as a part of a record: for each write the
// lengths of key and value as uvarints, the table's number, key and value. The
// length of a value is one more than it has bytes, that of a deletion 0.

// chunk returns o's writes as a chunk.
func (o *overlay) chunk() []byte {
	b := make([]byte, 0, o.bytes+o.layer.writes.Len()*2*binary.MaxVarintLen32)
	o.layer.writes.Scan(func(w write) bool {
		b = binary.AppendUvarint(b, uint64(len(w.key)-1))
		if w.deleted {
			b = binary.AppendUvarint(b, 0)
		} else {
			b = binary.AppendUvarint(b, uint64(len(w.value))+1)
		}
		b = append(append(b, w.key...), w.value...)
		return true
	})
	return b
}

// errChunk says that a chunk makes no sense although its checksum is right.
var errChunk = fmt.Errorf("%w: a record of the log cannot be read", ErrDamaged)

// addChunks adds the writes of chunks, one behind the other, to w. Keys and
// values of w are then parts of b, which must not change any more.
func addChunks(w *writes, b []byte) error {
	for len(b) > 0 {
		k, n := binary.Uvarint(b)
		if n <= 0 || k > uint64(len(b)) {
			return errChunk
		}
		v, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return errChunk
		}
		b = b[n+m:]
		end := 1 + int(k)
		if len(b) < end || v > uint64(len(b)-end)+1 {
			return errChunk
		}
		x := write{key: b[:end:end], deleted: v == 0}
		if v > 0 {
			last := end + int(v-1)
			x.value = b[end:last:last]
			end = last
		}
		w.Set(x)
		b = b[end:]
	}
	return nil
}

// syncFolder makes the names in the folder of path last.
func syncFolder(path string) error {
	f, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
