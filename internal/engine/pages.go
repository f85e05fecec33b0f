package engine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
)

// CheckFile checks the pages of the bbolt file at path before anybody maps it:
// that each is used once or free, is what it says it is, holds what it says within
// its bounds, and that keys ascend. bbolt trusts its file: it ends the process
// where a page leads back to itself. So this is for who must open a file that may
// be damaged. It reads everything, and nothing of the log beside the file. Errors:
// ErrDamaged, and those of reading the file.
func CheckFile(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	c := &pageCheck{data: data}
	if err := c.check(); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	return nil
}

// The format of bbolt's pages, in the byte order of the machine.
const (
	pageHeader  = 16
	pageElement = 16
	pageBranch  = 0x01
	pageLeaf    = 0x02
	pageMeta    = 0x04
	pageFree    = 0x10
	bucketFlag  = 0x01
	bucketSize  = 16 // root page u64, sequence u64; an inline page follows if the root is 0

	metaMagic   = 0xED0CDAED
	metaVersion = 2
	metaSum     = 56 // what the checksum covers
	maxDepth    = 32
)

var order = binary.NativeEndian

type pageCheck struct {
	data []byte
	size uint64 // of a page
	high uint64 // the first page that was never used
	used []bool
}

func (c *pageCheck) check() error {
	meta := c.meta()
	if meta == nil {
		return fmt.Errorf("no valid meta page")
	}
	c.high = order.Uint64(meta[40:])
	if c.high < 4 || c.high > uint64(len(c.data))/c.size {
		return fmt.Errorf("%d pages in a file of %d bytes", c.high, len(c.data))
	}
	for id := range uint64(2) {
		if p := c.data[id*c.size:]; order.Uint64(p) != id || order.Uint16(p[8:]) != pageMeta {
			return fmt.Errorf("page %d is no meta page", id)
		}
	}
	c.used = make([]bool, c.high)
	c.used[0], c.used[1] = true, true
	if err := c.tree(order.Uint64(meta[16:]), nil, nil, 0); err != nil {
		return err
	}
	if err := c.free(order.Uint64(meta[32:])); err != nil {
		return err
	}
	for id, used := range c.used {
		if !used {
			return fmt.Errorf("page %d is neither used nor free", id)
		}
	}
	return nil
}

// meta returns the newer of the valid ones, nil if there is none. One may be
// invalid: a power failure tears the one that was being written.
func (c *pageCheck) meta() (newest []byte) {
	var txid uint64
	for _, size := range []uint64{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		for id := range uint64(2) {
			at := id*size + pageHeader
			if at+metaSum+8 > uint64(len(c.data)) {
				continue
			}
			m := c.data[at : at+metaSum+8]
			h := fnv.New64a()
			_, _ = h.Write(m[:metaSum])
			if order.Uint32(m) != metaMagic || order.Uint32(m[4:]) != metaVersion ||
				uint64(order.Uint32(m[8:])) != size || order.Uint64(m[metaSum:]) != h.Sum64() {
				continue
			}
			if t := order.Uint64(m[48:]); newest == nil || t > txid {
				newest, txid, c.size = m, t, size
			}
		}
	}
	return newest
}

// page returns a page with its overflow and marks it as used.
func (c *pageCheck) page(id uint64) ([]byte, error) {
	if id < 2 || id >= c.high {
		return nil, fmt.Errorf("page %d of %d", id, c.high)
	}
	p := c.data[id*c.size:]
	overflow := uint64(order.Uint32(p[12:]))
	if order.Uint64(p) != id || id+overflow >= c.high {
		return nil, fmt.Errorf("page %d says it is %d and %d more", id, order.Uint64(p), overflow)
	}
	for n := id; n <= id+overflow; n++ {
		if c.used[n] {
			return nil, fmt.Errorf("page %d is used twice", n)
		}
		c.used[n] = true
	}
	return p[:(overflow+1)*c.size], nil
}

// tree checks a page and what is below it; its keys are from ≤ key < to.
func (c *pageCheck) tree(id uint64, from, to []byte, depth int) error {
	p, err := c.page(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return fmt.Errorf("page %d lies %d levels deep", id, depth)
	}
	if err := c.elements(p, from, to, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *pageCheck) elements(p, from, to []byte, depth int) error {
	flags, count := order.Uint16(p[8:]), uint64(order.Uint16(p[10:]))
	if flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
		return fmt.Errorf("kind %#x with %d elements", flags, count)
	}
	if pageHeader+count*pageElement > uint64(len(p)) {
		return fmt.Errorf("%d elements", count)
	}
	var last []byte
	for i := range count {
		at := uint64(pageHeader + i*pageElement)
		key, value, err := element(p, at, flags)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if i > 0 && bytes.Compare(last, key) >= 0 || bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 {
			return fmt.Errorf("element %d is out of order", i)
		}
		last = key
		switch {
		case flags == pageBranch:
			end := to
			if i+1 < count {
				if end, _, err = element(p, at+pageElement, flags); err != nil {
					return fmt.Errorf("element %d: %w", i+1, err)
				}
			}
			err = c.tree(order.Uint64(p[at+8:]), key, end, depth+1)
		case order.Uint32(p[at:]) == bucketFlag:
			err = c.bucket(value, depth+1)
		case order.Uint32(p[at:]) != 0:
			err = fmt.Errorf("element %d has flags %#x", i, order.Uint32(p[at:]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// element returns the key of an element, and the value if it is of a leaf.
func element(p []byte, at uint64, flags uint16) (key, value []byte, err error) {
	pos, ksize, vsize := uint64(order.Uint32(p[at:])), uint64(order.Uint32(p[at+4:])), uint64(0)
	if flags == pageLeaf {
		pos, ksize, vsize = ksize, uint64(order.Uint32(p[at+8:])), uint64(order.Uint32(p[at+12:]))
	}
	start := at + pos
	if pos < pageElement || ksize == 0 || start+ksize+vsize > uint64(len(p)) {
		return nil, nil, fmt.Errorf("%d and %d bytes at %d", ksize, vsize, pos)
	}
	return p[start : start+ksize], p[start+ksize : start+ksize+vsize], nil
}

func (c *pageCheck) bucket(value []byte, depth int) error {
	if len(value) < bucketSize {
		return fmt.Errorf("bucket of %d bytes", len(value))
	}
	root := order.Uint64(value)
	if root != 0 {
		return c.tree(root, nil, nil, depth)
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeader || depth > maxDepth || order.Uint16(inline[8:]) != pageLeaf {
		return fmt.Errorf("bucket without a page")
	}
	return c.elements(inline, nil, nil, depth)
}

// free checks the list of free pages, and marks them.
func (c *pageCheck) free(id uint64) error {
	p, err := c.page(id)
	if err != nil {
		return fmt.Errorf("free pages: %w", err)
	}
	count, at := uint64(order.Uint16(p[10:])), uint64(pageHeader)
	if count == 0xFFFF { // then it is the first number
		count, at = order.Uint64(p[at:]), at+8
	}
	if order.Uint16(p[8:]) != pageFree || count > (uint64(len(p))-at)/8 {
		return fmt.Errorf("free pages: kind %#x with %d", order.Uint16(p[8:]), count)
	}
	for i := range count {
		n := order.Uint64(p[at+i*8:])
		if n < 2 || n >= c.high || c.used[n] {
			return fmt.Errorf("free page %d is used or not there", n)
		}
		c.used[n] = true
	}
	return nil
}
