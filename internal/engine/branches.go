package engine

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// checkBranches refuses a file in which a page is reached twice, or is free and reached.
// bbolt follows pages by calling itself: where one leads back to a page above it, it
// does so until its stack is full, which ends the process and can be no error.
//
// Only what bbolt follows is read, which is the branch pages: one of some dozens to
// hundreds of pages. Of the leaf pages it is enough that each is reached once and is
// not free: a branch page in the place of one would be reached elsewhere too.
func checkBranches(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	c := &pageCheck{ctx: context.Background(), file: f, length: uint64(info.Size())}
	meta, err := c.begin()
	if err != nil {
		return err
	}
	var roots []uint64
	err = c.follow(order.Uint64(meta[16:]), func(leaf []byte) (err error) {
		roots, err = appendRoots(roots, leaf)
		return err
	})
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := c.follow(root, nil); err != nil {
			return err
		}
	}
	return c.free(order.Uint64(meta[32:]))
}

// appendRoots appends the pages at which the buckets of a leaf page begin, but for
// those that are within it.
func appendRoots(roots []uint64, leaf []byte) ([]uint64, error) {
	for i := range uint64(order.Uint16(leaf[10:])) {
		at := pageHeader + i*pageElement
		if at+pageElement > uint64(len(leaf)) {
			return nil, wrong("page %d has no element %d", order.Uint64(leaf), i)
		}
		_, key, value, err := element(leaf, at, pageLeaf)
		if err != nil {
			return nil, fmt.Errorf("page %d: element %d: %w", order.Uint64(leaf), i, err)
		}
		if order.Uint32(leaf[at:]) != bucketFlag || len(value) < bucketSize {
			return nil, wrong("what is %q?", key)
		}
		if root := order.Uint64(value); root != 0 {
			roots = append(roots, root)
		}
	}
	return roots, nil
}

// follow marks the pages of a tree as used. It reads the branch pages, level by level
// in the order of the file, and hands on the leaf pages; without leaf it does not read
// those.
func (c *pageCheck) follow(root uint64, leaf func(p []byte) error) error {
	height, err := c.height(root)
	if err != nil {
		return err
	}
	if height == 0 && leaf == nil {
		return c.use(root)
	}
	for level, depth := []uint64{root}, 1; len(level) > 0; depth++ {
		if depth > maxDepth {
			return wrong("page %d lies %d levels deep", level[0], depth)
		}
		slices.Sort(level)
		var below []uint64
		for _, id := range level {
			p, err := c.page(id, 0)
			switch {
			case err != nil:
				return err
			case order.Uint16(p[8:]) != pageLeaf:
				below, err = c.appendChildren(below, p, depth == height && leaf == nil)
			case leaf != nil:
				err = leaf(p)
			}
			if err != nil {
				return err
			}
		}
		level = below
	}
	return nil
}

// height returns how many branch pages are above the leaf pages of a tree, by its first.
func (c *pageCheck) height(id uint64) (int, error) {
	for n := range maxDepth {
		p, _, err := c.head(id, 0)
		if err != nil {
			return 0, err
		}
		if order.Uint16(p[8:]) == pageLeaf {
			return n, nil
		}
		id = order.Uint64(p[pageHeader+8:])
	}
	return 0, wrong("page %d lies %d levels deep", id, maxDepth)
}

// appendChildren appends the pages that a branch page leads to; if they are leaves, it
// marks them as used instead.
func (c *pageCheck) appendChildren(below []uint64, p []byte, leaves bool) ([]uint64, error) {
	count := uint64(order.Uint16(p[10:]))
	if pageHeader+count*pageElement > uint64(len(p)) {
		return nil, wrong("page %d has %d elements", order.Uint64(p), count)
	}
	for i := range count {
		child := order.Uint64(p[pageHeader+i*pageElement+8:])
		if !leaves {
			below = append(below, child)
		} else if err := c.use(child); err != nil {
			return nil, fmt.Errorf("page %d: %w", order.Uint64(p), err)
		}
	}
	return below, nil
}
