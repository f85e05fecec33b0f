package engine

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// The first page of a log, big-endian, and zeros up to its end:
//
//	magic u32, version u32, size of a half in bytes u64, id of the bbolt file u64,
//	CRC-32C u32 of all else
//
// Logs without it, from before there was one, begin with a record or with zeros.
const (
	headerMagic  = 0x636e7648 // "cnvH"
	headerLength = 28
	logVersion   = 1
)

// header returns the first page.
func (l *log) header() []byte {
	b := make([]byte, logPage)
	binary.BigEndian.PutUint32(b, headerMagic)
	binary.BigEndian.PutUint32(b[4:], logVersion)
	binary.BigEndian.PutUint64(b[8:], uint64(l.halfSize))
	binary.BigEndian.PutUint64(b[16:], l.id)
	binary.BigEndian.PutUint32(b[24:], crc32.Checksum(b[:24], crcTable))
	return b
}

// errHeader is of a log that may well hold what is needed; Recover looks for it.
var errHeader = fmt.Errorf("its first page is damaged: %w", ErrLog)

// checkOwner refuses b, the content of a log file, if it belongs to another file or
// was written in a way that is not known here: what it holds may be needed, and
// would be written over. Errors: ErrLog.
func (l *log) checkOwner(b []byte) error {
	if len(b) < headerLength || binary.BigEndian.Uint32(b) != headerMagic {
		return l.checkRecords(b)
	}
	version, id := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint64(b[16:])
	switch {
	case binary.BigEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], crcTable):
		return errHeader
	case version != logVersion:
		return fmt.Errorf("it has version %d, this program writes version %d: %w", version, logVersion, ErrLog)
	case id != l.id:
		return l.ofOther(id)
	}
	return nil
}

// checkRecords refuses a log without a header if all records in it are of other files.
func (l *log) checkRecords(b []byte) error {
	var other uint64
	found := false
	for ; len(b) >= logHeader; b = b[min(logPage, len(b)):] {
		id := binary.BigEndian.Uint64(b[8:])
		if _, ok := parseRecord(b, id); !ok {
			continue
		}
		if id == l.id {
			return nil
		}
		other, found = id, true
	}
	if found {
		return l.ofOther(other)
	}
	return nil
}

func (l *log) ofOther(id uint64) error {
	return fmt.Errorf("it belongs to the file with the number %016x, this one has %016x: %w; put the file back that it belongs to, or move the log away", id, l.id, ErrLog)
}
