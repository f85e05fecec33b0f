package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// A database is a file of pages, which are written anew where something changed, and
// stay in their places. So what a backup adds to an earlier one is the blocks that are
// others: exact for all that is in the file, whatever it means, deleted things and
// indexes included.
const (
	blockSize = 4 << 10 // a page
	sumSize   = 16      // bytes of the SHA-256 of a block
)

func blockSum(block []byte) []byte {
	sum := sha256.Sum256(block)
	return sum[:sumSize]
}

// blocksOf is how many blocks a file has.
func blocksOf(size int64) int64 { return (size + blockSize - 1) / blockSize }

// A differ takes in a file in order, and writes the blocks to changed that are not as
// base says: the number of each, 32 bits big-endian, and the block, of which the last one
// of a file may be shorter.
type differ struct {
	base    []byte    // sums of the blocks of the former file
	changed io.Writer // nil: only the sums are wanted

	sums    []byte
	written int64
	block   []byte
}

func (d *differ) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		k := min(blockSize-len(d.block), len(p))
		d.block = append(d.block, p[:k]...)
		n, p = n+k, p[k:]
		if len(d.block) == blockSize {
			if err := d.end(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// end takes in the block that is complete, or the last one.
func (d *differ) end() error {
	if len(d.block) == 0 {
		return nil
	}
	i, sum := len(d.sums), blockSum(d.block)
	d.sums = append(d.sums, sum...)
	same := i+sumSize <= len(d.base) && bytes.Equal(d.base[i:i+sumSize], sum)
	if d.changed != nil && !same {
		head := binary.BigEndian.AppendUint32(nil, uint32(i/sumSize))
		for _, b := range [][]byte{head, d.block} {
			n, err := d.changed.Write(b)
			d.written += int64(n)
			if err != nil {
				return err
			}
		}
	}
	d.block = d.block[:0]
	return nil
}

// applyBlocks writes the blocks that r has into the file at path, which then has size
// bytes. Errors: ErrDamaged, those of reading and writing.
func applyBlocks(path string, size int64, r io.Reader) (err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Truncate(size); err != nil {
		return err
	}
	head, block := make([]byte, 4), make([]byte, blockSize)
	for {
		if _, err := io.ReadFull(r, head); err == io.EOF {
			return f.Sync()
		} else if err != nil {
			return err
		}
		i := int64(binary.BigEndian.Uint32(head))
		if i >= blocksOf(size) {
			return fmt.Errorf("%w: block %d of %d", ErrDamaged, i, blocksOf(size))
		}
		n := min(blockSize, size-i*blockSize)
		if _, err := io.ReadFull(r, block[:n]); err != nil {
			return err
		}
		if _, err := f.WriteAt(block[:n], i*blockSize); err != nil {
			return err
		}
	}
}

// compareBlocks proves that a file is what sums say.
func compareBlocks(path string, sums []byte) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	d := &differ{}
	if _, err := io.Copy(d, f); err != nil {
		return err
	}
	if err := d.end(); err != nil {
		return err
	}
	if !bytes.Equal(d.sums, sums) {
		return fmt.Errorf("%w: the backups of the chain do not make the file that was backed up", ErrDamaged)
	}
	return nil
}
