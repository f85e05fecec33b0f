package backup

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"time"
)

// A tick is what changed since the one before, of all members together. It is written as
//
//	magic u32, length of what follows u32, CRC-32C of that u32, number u64 (from 1 on),
//	Unix time in ms i64, and for each part: length of the name u8, name, number of the
//	commit u64 (0: it is a whole file), length u32, content
//
// with numbers big-endian.
type tick struct {
	number uint64
	time   time.Time
	parts  []part
}

// A part is one commit of a member, or all of a small one.
type part struct {
	name    string
	seq     uint64
	content []byte
}

const (
	tickMagic  = 0x63767431 // "cvt1"
	tickHeader = 12
	maxTick    = 1 << 30 // bytes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (t *tick) encode() []byte {
	b := make([]byte, tickHeader)
	b = binary.BigEndian.AppendUint64(b, t.number)
	b = binary.BigEndian.AppendUint64(b, uint64(t.time.UnixMilli()))
	for _, p := range t.parts {
		b = append(append(b, byte(len(p.name))), p.name...)
		b = binary.BigEndian.AppendUint64(b, p.seq)
		b = binary.BigEndian.AppendUint32(b, uint32(len(p.content)))
		b = append(b, p.content...)
	}
	binary.BigEndian.PutUint32(b, tickMagic)
	binary.BigEndian.PutUint32(b[4:], uint32(len(b)-tickHeader))
	binary.BigEndian.PutUint32(b[8:], crc32.Checksum(b[tickHeader:], castagnoli))
	return b
}

// readTick reads a tick. Errors: io.EOF, there is none; io.ErrUnexpectedEOF, ErrDamaged; those of
// reading.
func readTick(r io.Reader) (encoded []byte, t *tick, err error) {
	encoded = make([]byte, tickHeader)
	if _, err := io.ReadFull(r, encoded); err != nil {
		return nil, nil, err
	}
	n := binary.BigEndian.Uint32(encoded[4:])
	if binary.BigEndian.Uint32(encoded) != tickMagic || n > maxTick {
		return nil, nil, errTick
	}
	// By steps: a length that is wrong must not take memory for what is not there.
	for have := uint32(0); have < n; {
		step := min(n-have, 1<<20)
		encoded = append(encoded, make([]byte, step)...)
		if _, err := io.ReadFull(r, encoded[tickHeader+have:]); err != nil {
			return nil, nil, cut(err)
		}
		have += step
	}
	t, err = decodeTick(encoded)
	return encoded, t, err
}

var errTick = fmt.Errorf("%w: what was changed is not as it was written", ErrDamaged)

// decodeTick reads what encode wrote. Errors: ErrDamaged.
func decodeTick(b []byte) (*tick, error) {
	payload := b[tickHeader:]
	if crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(b[8:]) || len(payload) < 16 {
		return nil, errTick
	}
	t := &tick{number: binary.BigEndian.Uint64(payload), time: time.UnixMilli(int64(binary.BigEndian.Uint64(payload[8:])))}
	for b := payload[16:]; len(b) > 0; {
		n := int(b[0])
		if len(b) < 1+n+12 || !plain(string(b[1:1+n])) {
			return nil, errTick
		}
		p := part{name: string(b[1 : 1+n]), seq: binary.BigEndian.Uint64(b[1+n:])}
		size := int64(binary.BigEndian.Uint32(b[1+n+8:]))
		if b = b[1+n+12:]; size > int64(len(b)) {
			return nil, errTick
		}
		p.content, b = b[:size:size], b[size:]
		t.parts = append(t.parts, p)
	}
	return t, nil
}
