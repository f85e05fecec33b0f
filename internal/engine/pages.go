package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"os"
)

// The pages of a bbolt file, as far as it takes to know that following them ends
// and stays inside the file. bbolt itself trusts them: it would follow a circle for
// ever, and a page beyond the end would end the process.
//
// A page begins with its id u64, kind u16, number of elements u16, and by how many
// pages it is longer than one u32. An element of a branch is position u32, key
// length u32, page u64; of a leaf flags u32, position u32, key length u32, value
// length u32; positions count from the element. Numbers are the machine's own.
const (
	pageHeader  = 16
	pageElement = 16
	pageBranch  = 0x01
	pageLeaf    = 0x02
	pageMeta    = 0x04
	pageFree    = 0x10 // the list of free pages, each u64
	leafBucket  = 0x01 // flag of an element whose value is a bucket: its root u64, a counter u64
	boltMagic   = 0xED0CDAED

	minPage, maxPage = 1 << 10, 16 << 20

	noFreeList = math.MaxUint64 // the list is not kept in the file
)

// CheckFile reads a file that nobody has open, and says whether its pages can be
// followed at all. A file that passes can be opened and checked. Errors:
// ErrDamaged, ErrForeign.
func CheckFile(ctx context.Context, path string) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return checkPages(ctx, f)
}

// ErrForeign: the file is no bbolt file.
var ErrForeign = errors.New("engine: not a file of this program")

// pageWalk follows the pages of one file.
type pageWalk struct {
	ctx  context.Context
	file io.ReaderAt
	size int64  // of a page
	end  uint64 // the first page that is not of the file
	seen map[uint64]bool
	buf  []byte
}

// checkPages follows all pages of f from its newest root. If others may write to f,
// a transaction must be open that keeps them from using its pages again.
func checkPages(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w := &pageWalk{ctx: ctx, file: f, seen: map[uint64]bool{}}
	root, free, err := w.newest(info.Size())
	if err != nil {
		return err
	}
	if w.end > uint64(info.Size()/w.size) {
		return fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, info.Size(), w.end*uint64(w.size))
	}
	if err := w.freeList(free); err != nil {
		return err
	}
	return w.follow(root, 0)
}

// freeList checks that the list of free pages lies in its page.
func (w *pageWalk) freeList(id uint64) error {
	if id == noFreeList {
		return nil
	}
	if id < 2 || id >= w.end {
		return fmt.Errorf("%w: free pages are listed in page %d of %d", ErrDamaged, id, w.end)
	}
	w.seen[id] = true
	page, err := w.read(id)
	if err != nil {
		return err
	}
	count, list := uint64(binary.NativeEndian.Uint16(page[10:])), uint64(len(page)-pageHeader)/8
	if count == math.MaxUint16 { // it does not fit, and is the first entry
		count, list = binary.NativeEndian.Uint64(page[pageHeader:]), list-1
	}
	if binary.NativeEndian.Uint16(page[8:]) != pageFree || count > list {
		return fmt.Errorf("%w: page %d does not list free pages", ErrDamaged, id)
	}
	return nil
}

// newest finds the valid meta page with the highest transaction, and returns the
// page where its tree begins and the one that lists free pages.
func (w *pageWalk) newest(length int64) (root, free uint64, err error) {
	var id uint64
	found, bolt := false, false
	b := make([]byte, pageHeader+64)
	// The second one begins at the second page, whatever that is long.
	for at := int64(0); at < length; at = max(2*at, minPage) {
		if at > maxPage {
			break
		}
		if n, err := w.file.ReadAt(b, at); n < len(b) {
			if err == io.EOF {
				break
			}
			return 0, 0, err
		}
		m := b[pageHeader:]
		if binary.NativeEndian.Uint16(b[8:]) != pageMeta || binary.NativeEndian.Uint32(m) != boltMagic {
			continue
		}
		bolt = true
		sum := fnv.New64a()
		sum.Write(m[:56]) // never fails (hash.Hash)
		size := int64(binary.NativeEndian.Uint32(m[8:]))
		if binary.NativeEndian.Uint64(m[56:]) != sum.Sum64() || at != 0 && at != size || size < minPage || size > maxPage {
			continue
		}
		if tx := binary.NativeEndian.Uint64(m[48:]); !found || tx > id {
			id, found, w.size = tx, true, size
			root, free, w.end = binary.NativeEndian.Uint64(m[16:]), binary.NativeEndian.Uint64(m[32:]), binary.NativeEndian.Uint64(m[40:])
		}
	}
	switch {
	case found:
		return root, free, nil
	case bolt:
		return 0, 0, fmt.Errorf("%w: none of its roots is whole", ErrDamaged)
	}
	return 0, 0, ErrForeign
}

// maxDepth is far more levels than a tree has.
const maxDepth = 64

// follow checks the page with this id and all below it.
func (w *pageWalk) follow(id uint64, depth int) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if id < 2 || id >= w.end || w.seen[id] || depth > maxDepth {
		return fmt.Errorf("%w: page %d of %d is met a second time or cannot be", ErrDamaged, id, w.end)
	}
	w.seen[id] = true
	page, err := w.read(id)
	if err != nil {
		return err
	}
	below, err := children(page)
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	for _, c := range below {
		if err := w.follow(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// read returns the page with this id. It is good until the next call.
func (w *pageWalk) read(id uint64) ([]byte, error) {
	var header [pageHeader]byte
	at := int64(id) * w.size
	if _, err := w.file.ReadAt(header[:], at); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	more := uint64(binary.NativeEndian.Uint32(header[12:]))
	if binary.NativeEndian.Uint64(header[:]) != id || id+more >= w.end {
		return nil, fmt.Errorf("%w: page %d is another one, or longer than the file", ErrDamaged, id)
	}
	for n := uint64(1); n <= more; n++ {
		if w.seen[id+n] {
			return nil, fmt.Errorf("%w: page %d is used twice", ErrDamaged, id+n)
		}
		w.seen[id+n] = true
	}
	n := int(w.size) * int(1+more)
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	if _, err := w.file.ReadAt(w.buf, at); err != nil {
		return nil, fmt.Errorf("page %d: %w", id, err)
	}
	return w.buf, nil
}

// children returns the pages that a page leads to. Errors: ErrDamaged if an element
// lies outside the page.
func children(page []byte) (below []uint64, err error) {
	kind, count := binary.NativeEndian.Uint16(page[8:]), int(binary.NativeEndian.Uint16(page[10:]))
	if kind != pageBranch && kind != pageLeaf || kind == pageBranch && count == 0 || pageHeader+count*pageElement > len(page) {
		return nil, fmt.Errorf("%w: its kind is %#x, with %d elements", ErrDamaged, kind, count)
	}
	for i := range count {
		at := pageHeader + i*pageElement
		e := page[at:]
		number := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(e[at:])) }
		if kind == pageBranch {
			if uint64(at)+number(0)+number(4) > uint64(len(page)) {
				return nil, fmt.Errorf("%w: element %d", ErrDamaged, i)
			}
			below = append(below, binary.NativeEndian.Uint64(e[8:]))
			continue
		}
		value := uint64(at) + number(4) + number(8)
		if value+number(12) > uint64(len(page)) {
			return nil, fmt.Errorf("%w: element %d", ErrDamaged, i)
		}
		if number(0)&leafBucket == 0 {
			continue
		}
		roots, err := bucketRoot(page[value : value+number(12)])
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		below = append(below, roots...)
	}
	return below, nil
}

// bucketRoot returns the page where a bucket begins, given the value of its
// element; or, if it is so small that it lies in the value, what it leads to.
func bucketRoot(value []byte) ([]uint64, error) {
	if len(value) < 16 {
		return nil, fmt.Errorf("%w: a bucket of %d bytes", ErrDamaged, len(value))
	}
	if root := binary.NativeEndian.Uint64(value); root != 0 {
		return []uint64{root}, nil
	}
	inline := value[16:]
	if len(inline) < pageHeader || binary.NativeEndian.Uint16(inline[8:]) != pageLeaf {
		return nil, fmt.Errorf("%w: a bucket without a page", ErrDamaged)
	}
	return children(inline)
}
