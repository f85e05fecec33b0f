package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// CheckFile checks the pages of the bbolt file at path before anybody maps it:
// that each is used once or free, is what it says it is, holds what it says within
// its bounds, and that keys ascend. Opening looks at much less (see checkBranches), so
// this is for who gets a file that may be damaged. Nobody may write to the file
// meanwhile. It reads everything, and nothing of the log beside the file. Errors:
// ErrDamaged, and those of reading the file.
func CheckFile(ctx context.Context, path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := checkPages(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// checkPages checks the pages of f as its newest transaction has them. If others
// may write to f, a transaction must be open that keeps them from using its pages
// again.
func checkPages(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return (&pageCheck{ctx: ctx, file: f, length: uint64(info.Size())}).check()
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

// A pageCheck follows the pages of one file.
type pageCheck struct {
	ctx    context.Context
	file   io.ReaderAt
	length uint64   // of file, in bytes
	size   uint64   // of a page
	high   uint64   // the first page that was never used
	used   []bool   // by page
	levels [][]byte // the page that is being looked at on each level of the tree
}

// wrong is what is found in a damaged file.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

func (c *pageCheck) check() error {
	meta, err := c.begin()
	if err != nil {
		return err
	}
	for id := range uint64(metaPages) {
		p, err := c.read(id, 1, 0)
		if err != nil {
			return err
		}
		if order.Uint64(p) != id || order.Uint16(p[8:]) != pageMeta || order.Uint16(p[10:]) != 0 || order.Uint32(p[12:]) != 0 {
			return wrong("page %d is no meta page", id)
		}
		if m := p[pageHeader : pageHeader+metaSum+8]; !validMeta(m) && flippedBit(m) {
			return wrong("a bit of meta page %d is wrong", id)
		}
		c.used[id] = true
	}
	if err := c.tree(order.Uint64(meta[16:]), nil, nil, 0); err != nil {
		return err
	}
	if err := c.free(order.Uint64(meta[32:])); err != nil {
		return err
	}
	for id, used := range c.used {
		if !used {
			return wrong("page %d is neither used nor free", id)
		}
	}
	return nil
}

// begin returns the meta page that counts, and learns from it how many pages there are.
func (c *pageCheck) begin() (meta []byte, err error) {
	if meta, err = c.meta(); err != nil {
		return nil, err
	}
	c.high = order.Uint64(meta[40:])
	if c.high < 4 || c.high > c.length/c.size {
		return nil, wrong("%d pages in a file of %d bytes", c.high, c.length)
	}
	c.used = make([]bool, c.high)
	return meta, nil
}

// meta returns the newest of the valid ones. One may be invalid: a power failure
// tears the one that was being written.
func (c *pageCheck) meta() (newest []byte, err error) {
	var txid uint64
	for _, size := range []uint64{4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10} {
		for id := range uint64(metaPages) {
			at := id*size + pageHeader
			if at+metaSum+8 > c.length {
				continue
			}
			m := make([]byte, metaSum+8)
			if _, err := c.file.ReadAt(m, int64(at)); err != nil {
				return nil, fmt.Errorf("meta page %d: %w", id, err)
			}
			if !validMeta(m) || uint64(order.Uint32(m[8:])) != size {
				continue
			}
			if t := order.Uint64(m[48:]); newest == nil || t > txid {
				newest, txid, c.size = m, t, size
			}
		}
	}
	if newest == nil {
		return nil, wrong("no valid meta page")
	}
	return newest, nil
}

func validMeta(m []byte) bool {
	return order.Uint32(m) == metaMagic && order.Uint32(m[4:]) == metaVersion && order.Uint64(m[metaSum:]) == sumOfMeta(m)
}

func sumOfMeta(m []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(m[:metaSum])
	return h.Sum64()
}

// flippedBit reports whether m, which is not valid, would be with another bit, which
// it then has: a power failure that tears what is being written does not do that.
func flippedBit(m []byte) bool {
	for i := range m {
		for bit := range 8 {
			if m[i] ^= 1 << bit; validMeta(m) {
				return true
			}
			m[i] ^= 1 << bit
		}
	}
	return false
}

// checkMetas refuses a file whose newest meta page has a wrong bit. bbolt would take
// the other one, and with it the file as it was before the last transaction.
func checkMetas(f io.ReaderAt, size int) error {
	var newest uint64
	var metas [metaPages][]byte
	for id := range metas {
		metas[id] = make([]byte, metaSum+8)
		if _, err := f.ReadAt(metas[id], int64(id*size+pageHeader)); err != nil {
			return fmt.Errorf("meta page %d: %w", id, err)
		}
		if validMeta(metas[id]) {
			newest = max(newest, order.Uint64(metas[id][48:]))
		}
	}
	for id, m := range metas {
		if !validMeta(m) && flippedBit(m) && order.Uint64(m[48:]) > newest {
			return wrong("a bit of meta page %d is wrong", id)
		}
	}
	return nil
}

// read returns n pages from id on. They are good until the next call for the
// same level.
func (c *pageCheck) read(id, n uint64, level int) ([]byte, error) {
	for len(c.levels) <= level {
		c.levels = append(c.levels, nil)
	}
	if uint64(cap(c.levels[level])) < n*c.size {
		c.levels[level] = make([]byte, n*c.size)
	}
	p := c.levels[level][:n*c.size]
	if _, err := c.file.ReadAt(p, int64(id*c.size)); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return p, nil
}

// page returns a page with its overflow and marks it as used.
func (c *pageCheck) page(id uint64, level int) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	p, overflow, err := c.head(id, level)
	if err != nil {
		return nil, err
	}
	for n := id; n <= id+overflow; n++ {
		if err := c.use(n); err != nil {
			return nil, err
		}
	}
	if overflow == 0 {
		return p, nil
	}
	return c.read(id, 1+overflow, level)
}

// head returns a page without its overflow, and how many pages that has.
func (c *pageCheck) head(id uint64, level int) (p []byte, overflow uint64, err error) {
	if id < metaPages || id >= c.high {
		return nil, 0, wrong("page %d of %d", id, c.high)
	}
	if p, err = c.read(id, 1, level); err != nil {
		return nil, 0, err
	}
	overflow = uint64(order.Uint32(p[12:]))
	if order.Uint64(p) != id || id+overflow >= c.high {
		return nil, 0, wrong("page %d says it is %d and %d more", id, order.Uint64(p), overflow)
	}
	return p, overflow, nil
}

// use marks a page as used.
func (c *pageCheck) use(id uint64) error {
	if id < metaPages || id >= c.high {
		return wrong("page %d of %d", id, c.high)
	}
	if c.used[id] {
		return wrong("page %d is used twice", id)
	}
	c.used[id] = true
	return nil
}

// tree checks a page and what is below it; its keys are from ≤ key < to.
func (c *pageCheck) tree(id uint64, from, to []byte, depth int) error {
	if depth > maxDepth {
		return wrong("page %d lies %d levels deep", id, depth)
	}
	p, err := c.page(id, depth)
	if err != nil {
		return err
	}
	if err := c.elements(p, from, to, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *pageCheck) elements(p, from, to []byte, depth int) error {
	flags, count := order.Uint16(p[8:]), uint64(order.Uint16(p[10:]))
	if flags != pageBranch && flags != pageLeaf || flags == pageBranch && count == 0 {
		return wrong("kind %#x with %d elements", flags, count)
	}
	if pageHeader+count*pageElement > uint64(len(p)) {
		return wrong("%d elements", count)
	}
	var last []byte
	end := pageHeader + count*pageElement // keys and values follow, without gaps
	for i := range count {
		at := uint64(pageHeader + i*pageElement)
		start, key, value, err := element(p, at, flags)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		if start != end {
			return wrong("element %d is at %d, not %d", i, start, end)
		}
		end += uint64(len(key) + len(value))
		if i == 0 && from != nil && !bytes.Equal(key, from) {
			return wrong("begins with another key than is said above it")
		}
		if i > 0 && bytes.Compare(last, key) >= 0 || bytes.Compare(key, from) < 0 || to != nil && bytes.Compare(key, to) >= 0 {
			return wrong("element %d is out of order", i)
		}
		last = key
		switch {
		case flags == pageBranch:
			next := to
			if i+1 < count {
				if _, next, _, err = element(p, at+pageElement, flags); err != nil {
					return fmt.Errorf("element %d: %w", i+1, err)
				}
			}
			err = c.tree(order.Uint64(p[at+8:]), key, next, depth+1)
		case order.Uint32(p[at:]) == bucketFlag:
			err = c.bucket(value, depth+1)
		case order.Uint32(p[at:]) != 0:
			err = wrong("element %d has flags %#x", i, order.Uint32(p[at:]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// element returns where the key of an element is, the key, and the value if it is of
// a leaf.
func element(p []byte, at uint64, flags uint16) (start uint64, key, value []byte, err error) {
	pos, ksize, vsize := uint64(order.Uint32(p[at:])), uint64(order.Uint32(p[at+4:])), uint64(0)
	if flags == pageLeaf {
		pos, ksize, vsize = ksize, uint64(order.Uint32(p[at+8:])), uint64(order.Uint32(p[at+12:]))
	}
	start = at + pos
	if pos < pageElement || ksize == 0 || start+ksize+vsize > uint64(len(p)) {
		return 0, nil, nil, wrong("%d and %d bytes at %d", ksize, vsize, pos)
	}
	return start, p[start : start+ksize], p[start+ksize : start+ksize+vsize], nil
}

func (c *pageCheck) bucket(value []byte, depth int) error {
	if len(value) < bucketSize {
		return wrong("bucket of %d bytes", len(value))
	}
	root := order.Uint64(value)
	if order.Uint64(value[8:]) != 0 { // nobody uses it
		return wrong("bucket with a sequence")
	}
	if root != 0 {
		return c.tree(root, nil, nil, depth)
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeader || depth > maxDepth || order.Uint16(inline[8:]) != pageLeaf || order.Uint64(inline) != 0 || order.Uint32(inline[12:]) != 0 {
		return wrong("bucket without a page")
	}
	return c.elements(inline, nil, nil, depth)
}

// free checks the list of free pages, and marks them.
func (c *pageCheck) free(id uint64) error {
	p, err := c.page(id, 0)
	if err != nil {
		return fmt.Errorf("free pages: %w", err)
	}
	count, at := uint64(order.Uint16(p[10:])), uint64(pageHeader)
	if count == 0xFFFF { // then it is the first number
		count, at = order.Uint64(p[at:]), at+8
	}
	if order.Uint16(p[8:]) != pageFree || count > (uint64(len(p))-at)/8 {
		return wrong("free pages: kind %#x with %d", order.Uint16(p[8:]), count)
	}
	for i := range count {
		n := order.Uint64(p[at+i*8:])
		if n < metaPages || n >= c.high || c.used[n] {
			return wrong("free page %d is used or not there", n)
		}
		c.used[n] = true
	}
	return nil
}
