package delegation

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"
)

// format is the version of everything in the file; the first byte of each value.
const format = 1

// The kinds of what is in the table of records.
const (
	kindRecord  = 1
	kindStandIn = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errEncoding = errors.New("cannot be decoded")
	errChecksum = errors.New("the checksum is wrong")
	errNewer    = errors.New("written by a newer version")
)

// sumSize is the length of what seal appends.
const sumSize = 4 + 16

// seal appends the checksums of b: crc32c, which finds every short burst of wrong
// bits, and 16 bytes of SHA-256, which finds the rest.
func seal(b []byte) []byte {
	sum := sha256.Sum256(b)
	crc := crc32.Checksum(b, castagnoli)
	return append(binary.BigEndian.AppendUint32(b, crc), sum[:16]...)
}

// unseal returns what was sealed, without its format. Errors: errChecksum,
// errNewer, of what is sealed rightly.
func unseal(b []byte) ([]byte, error) {
	if len(b) < 1+sumSize {
		return nil, errChecksum
	}
	body := b[:len(b)-sumSize]
	if !bytes.Equal(seal(slices.Clone(body)), b) {
		return nil, errChecksum
	}
	if body[0] > format {
		return nil, errNewer
	}
	if body[0] != format {
		return nil, errEncoding
	}
	return body[1:], nil
}

// An encoder appends values: numbers as varints, texts and bytes behind their
// length, times as seconds or nanoseconds behind a byte that says if there is one.
type encoder struct{ b []byte }

func (e *encoder) byte(v byte)     { e.b = append(e.b, v) }
func (e *encoder) uint(v uint64)   { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) bytes(v []byte)  { e.uint(uint64(len(v))); e.b = append(e.b, v...) }
func (e *encoder) string(v string) { e.uint(uint64(len(v))); e.b = append(e.b, v...) }
func (e *encoder) time(t time.Time) {
	if t.IsZero() {
		e.byte(0)
		return
	}
	e.byte(1)
	e.b = binary.AppendVarint(e.b, t.Unix())
}

// A decoder is the reverse. After the first error every value is zero.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() { d.err, d.b = errEncoding, nil }

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes() []byte {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) string() string { return string(d.bytes()) }

func (d *decoder) time() time.Time {
	if d.byte() == 0 {
		return time.Time{}
	}
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return time.Time{}
	}
	d.b = d.b[n:]
	return time.Unix(v, 0).UTC()
}

// count reads the number of things that follow, each of a byte at least.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

// An item is what the table of records has under an id: one of the two is set.
type item struct {
	record  *Record
	standIn *StandIn
	raw     []byte // as stored; set by encode and decodeItem
}

func (it *item) id() uint64 {
	if it.record != nil {
		return it.record.ID
	}
	return it.standIn.ID
}

// encode sets and returns raw.
func (it *item) encode() []byte {
	e := &encoder{b: []byte{format}}
	if r := it.record; r != nil {
		encodeRecord(e, r)
	} else {
		encodeStandIn(e, it.standIn)
	}
	it.raw = seal(e.b)
	return it.raw
}

// The bits of a record's flags. Scope.All has one too.
const (
	flagNoSchedule = 1 << iota
	flagAll
	flagSeePrivate
	flagManage
	flagSubstitute
	flagApprove
)

func (l *Limits) flags() byte {
	bit := func(flag byte, set bool) byte {
		if set {
			return flag
		}
		return 0
	}
	return bit(flagNoSchedule, l.NoSchedule) | bit(flagAll, l.Scope.All) | bit(flagSeePrivate, l.SeePrivate) |
		bit(flagManage, l.Manage) | bit(flagSubstitute, l.Substitute) | bit(flagApprove, l.Approve)
}

func (l *Limits) setFlags(f byte) {
	l.NoSchedule, l.Scope.All, l.SeePrivate = f&flagNoSchedule != 0, f&flagAll != 0, f&flagSeePrivate != 0
	l.Manage, l.Substitute, l.Approve = f&flagManage != 0, f&flagSubstitute != 0, f&flagApprove != 0
}

func encodeRecord(e *encoder, r *Record) {
	e.byte(kindRecord)
	e.uint(r.ID)
	e.string(r.Delegator)
	e.string(r.Delegate)
	e.byte(byte(r.Kind))
	e.byte(byte(r.Level))
	e.byte(r.flags())
	e.uint(uint64(len(r.Scope.Collections)))
	for _, c := range r.Scope.Collections {
		e.uint(uint64(c))
	}
	e.byte(byte(r.Notify))
	e.time(r.From)
	e.time(r.Until)
	e.string(r.Note)
	e.string(r.CreatedBy)
	e.time(r.CreatedAt)
	e.string(r.Via)
}

func decodeRecord(d *decoder) *Record {
	r := &Record{ID: d.uint(), Delegator: d.string(), Delegate: d.string(), Kind: Kind(d.byte()), Level: Level(d.byte())}
	r.setFlags(d.byte())
	for range d.count() {
		c := d.uint()
		if c > 1<<32-1 {
			d.fail()
		}
		r.Scope.Collections = append(r.Scope.Collections, uint32(c))
	}
	r.Notify, r.From, r.Until = Notify(d.byte()), d.time(), d.time()
	r.Note, r.CreatedBy, r.CreatedAt, r.Via = d.string(), d.string(), d.time(), d.string()
	return r
}

func encodeStandIn(e *encoder, s *StandIn) {
	e.byte(kindStandIn)
	e.uint(s.ID)
	e.string(s.Delegate)
	e.string(s.StandIn)
	e.time(s.From)
	e.time(s.Until)
	e.uint(uint64(len(s.For)))
	for _, guid := range s.For {
		e.string(guid)
	}
	admin := byte(0)
	if s.Administrator {
		admin = 1
	}
	e.byte(admin)
	e.string(s.Note)
	e.string(s.CreatedBy)
	e.time(s.CreatedAt)
	e.string(s.Via)
}

func decodeStandIn(d *decoder) *StandIn {
	s := &StandIn{ID: d.uint(), Delegate: d.string(), StandIn: d.string(), From: d.time(), Until: d.time()}
	for range d.count() {
		s.For = append(s.For, d.string())
	}
	s.Administrator = d.byte() != 0
	s.Note, s.CreatedBy, s.CreatedAt, s.Via = d.string(), d.string(), d.time(), d.string()
	return s
}

// decodeItem is the reverse of item.encode. There is one encoding of each item:
// another is refused. Errors: errChecksum, errNewer, errEncoding.
func decodeItem(raw []byte) (*item, error) {
	body, err := unseal(raw)
	if err != nil {
		return nil, err
	}
	d := &decoder{b: body}
	it := &item{}
	switch d.byte() {
	case kindRecord:
		it.record = decodeRecord(d)
	case kindStandIn:
		it.standIn = decodeStandIn(d)
	default:
		return nil, errEncoding
	}
	if d.err != nil || len(d.b) > 0 || !bytes.Equal(it.encode(), raw) {
		return nil, errEncoding
	}
	return it, nil
}

// A hash is a SHA-256.
type hash [sha256.Size]byte

func (h hash) String() string { return fmt.Sprintf("%x", h[:]) }

// xor adds the hash of a record to a sum, or takes it away: the sum does not
// depend on the order.
func (h *hash) xor(raw []byte) {
	for i, b := range sha256.Sum256(raw) {
		h[i] ^= b
	}
}

// A fileID is of one file from its creation on.
type fileID [16]byte

// fileState is the record of the whole file.
type fileState struct {
	File       fileID
	Bound      string // which calendar store the file belongs to
	Generation uint64 // one more with each commit
	LastID     uint64 // of records
	Entries    uint64 // in the journal
	Head       hash   // of the last entry
	Records    uint64
	Sum        hash // of the records
}

func (s *fileState) mark() Mark { return Mark{File: s.File, Generation: s.Generation, Head: s.Head} }

func (s *fileState) encode() []byte {
	e := &encoder{b: []byte{format}}
	e.b = append(e.b, s.File[:]...)
	e.string(s.Bound)
	e.uint(s.Generation)
	e.uint(s.LastID)
	e.uint(s.Entries)
	e.b = append(e.b, s.Head[:]...)
	e.uint(s.Records)
	e.b = append(e.b, s.Sum[:]...)
	return seal(e.b)
}

// array fills v with the next bytes.
func (d *decoder) array(v []byte) {
	if len(d.b) < len(v) {
		d.fail()
		return
	}
	d.b = d.b[copy(v, d.b):]
}

func decodeState(raw []byte) (*fileState, error) {
	body, err := unseal(raw)
	if err != nil {
		return nil, err
	}
	d, s := &decoder{b: body}, &fileState{}
	d.array(s.File[:])
	s.Bound, s.Generation, s.LastID, s.Entries = d.string(), d.uint(), d.uint(), d.uint()
	d.array(s.Head[:])
	s.Records = d.uint()
	d.array(s.Sum[:])
	if d.err != nil || len(d.b) > 0 {
		return nil, errEncoding
	}
	return s, nil
}
