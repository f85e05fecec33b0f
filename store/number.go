package store

import (
	"encoding/binary"
	"sync"

	"convene/internal/engine"
)

// What is numbered over the whole store.
const (
	numberHome       = "home"
	numberCollection = "collection"
)

// numberBlock is how many numbers are taken from the file at a time: so many homes
// or collections are made before two of them write one record.
const numberBlock = 64

// A block is a range of numbers that nobody else gives out: next ≤ n < end.
type block struct{ next, end uint32 }

// A numberPool keeps what is left of the blocks that this process took. What it
// has at the end of the process is never used: numbers are unique, not dense.
type numberPool struct {
	mu   sync.Mutex
	left map[string][]block
}

func (p *numberPool) take(name string) (n uint32, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.left[name]
	if len(list) == 0 {
		return 0, false
	}
	n = list[0].next
	if list[0].next++; list[0].next == list[0].end {
		list = list[1:]
	}
	p.left[name] = list
	return n, true
}

// give adds what a transaction that was committed left of the blocks it took.
func (p *numberPool) give(rest map[string]block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, b := range rest {
		if b.next < b.end {
			if p.left == nil {
				p.left = map[string][]block{}
			}
			p.left[name] = append(p.left[name], b)
		}
	}
}

// forget drops all blocks: they may be of numbers that are in use.
func (p *numberPool) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = nil
}

// number returns a number that was never given out before.
func (tx *Tx) number(name string) (uint32, error) {
	if tx.w == nil {
		return 0, engine.ErrReadOnly
	}
	if b := tx.blocks[name]; b.next < b.end {
		tx.blocks[name] = block{b.next + 1, b.end}
		return b.next, nil
	}
	if n, ok := tx.s.numbers.take(name); ok {
		return n, nil
	}
	next, err := tx.nextNumber(name)
	if err != nil {
		return 0, err
	}
	if tx.blocks == nil {
		tx.blocks = map[string]block{}
	}
	tx.blocks[name] = block{next + 1, next + numberBlock}
	return next, tx.w.Put(tableMeta, numberKey(name), encodeNumber(next+numberBlock))
}

// nextNumber returns the first number that no block was taken of.
func (tx *Tx) nextNumber(name string) (uint32, error) {
	v := tx.r.Get(tableMeta, numberKey(name))
	if v == nil {
		return 1, nil
	}
	return decodeNumber(v)
}

func numberKey(name string) []byte { return append([]byte{metaNumber}, name...) }

func encodeNumber(next uint32) []byte {
	return binary.AppendUvarint([]byte{formatNumber}, uint64(next))
}

func decodeNumber(v []byte) (uint32, error) {
	d := decoder{b: v}
	d.format(formatNumber)
	next := d.uvarint()
	if next == 0 || next != uint64(uint32(next)) {
		d.fail()
	}
	return uint32(next), d.err("numbers")
}
