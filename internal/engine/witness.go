package engine

import (
	"encoding/binary"
	"hash/crc32"
	"os"
)

// A Witness is an engine that sees when its file was put back from a copy, if
// BoltOptions.Mark is set.
type Witness interface {
	// Behind reports whether the file is older than it once was: what it said since
	// then is lost, and may have been told to others. It stays so, at later starts
	// too, until CaughtUp.
	Behind() bool

	// CaughtUp is for who has seen to it that nothing of the lost time is believed.
	CaughtUp()
}

// A mark says how far a file has come. It lies beside the file, so that it stays
// when the file is replaced by a copy. It is written after what it tells of is
// durable, so it is never ahead of a file that was not replaced; and it may be lost,
// as when the whole folder is replaced: then nothing is seen.
type mark struct {
	id  uint64 // of the log
	seq uint64 // the last record that the file holds
	tx  uint64 // its last transaction
}

func markPath(path string) string { return path + "-mark" }

const markSize = 28 // three u64 and a CRC-32C over them, big-endian

// readMark returns the mark beside the file at path, and a zero one if there is none
// that can be read.
func readMark(path string) (m mark) {
	b, err := os.ReadFile(markPath(path))
	if err != nil || len(b) != markSize || crc32.Checksum(b[:markSize-4], castagnoli) != binary.BigEndian.Uint32(b[markSize-4:]) {
		return mark{}
	}
	return mark{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])}
}

// write writes m in place: a torn one cannot be read.
func (m mark) write(path string) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, markSize), m.id)
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, m.seq), m.tx)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	f, err := os.OpenFile(markPath(path), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// behind reports whether a file that has come as far as now is older than m. Another
// file in its place is none of its copies.
func (now mark) behind(m mark) bool {
	return now.id == m.id && (now.seq < m.seq || now.seq == m.seq && now.tx < m.tx)
}

// note writes how far the file has come. That it cannot is not worth a failure: a
// mark only ever shows what else nobody would see.
func (e *boltEngine) note(seq uint64, tx int) {
	if !e.opt.Mark || e.older.Load() {
		return
	}
	if err := (mark{e.id, seq, uint64(tx)}).write(e.path); err != nil {
		e.opt.Log.Warn("how far the file has come could not be noted", "file", e.path, "err", err)
	}
}

// Behind implements Witness.
func (e *boltEngine) Behind() bool { return e.older.Load() }

// CaughtUp implements Witness.
func (e *boltEngine) CaughtUp() { e.older.Store(false) }
