package engine

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"go.etcd.io/bbolt"
)

// The buckets of the file.
var (
	bucketData   = []byte("d") // table's number, key → value
	bucketHot    = []byte("h") // key → value of the hot table
	bucketTables = []byte("t") // table's name → its number, one byte
	bucketLog    = []byte("l") // what follows

	keyLogID  = []byte("id")  // u64, random: marks the records of this file
	keyLogSeq = []byte("seq") // u64: the last record that the file holds
	keySum    = []byte("sum") // u32: see sumOfRoot
)

// readTables learns the number of each table, and makes those that are missing.
func (e *boltEngine) readTables() error {
	missing := false
	err := e.db.View(func(tx *bbolt.Tx) error {
		if err := checkRoot(tx); err != nil {
			return err
		}
		b := tx.Bucket(bucketTables)
		missing = b == nil || tx.Bucket(bucketLog) == nil
		for _, t := range e.opt.Tables {
			missing = missing || len(b.Get([]byte(t))) != 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	if missing {
		if e.opt.ReadOnly {
			return fmt.Errorf("tables are missing: %w", ErrReadOnly)
		}
		if err := e.db.Update(e.makeTables); err != nil {
			return err
		}
	}
	return e.db.View(func(tx *bbolt.Tx) error {
		for _, t := range e.opt.Tables {
			n := tx.Bucket(bucketTables).Get([]byte(t))[0]
			e.tables = append(e.tables, numbered{t, n})
			if t == e.opt.Hot {
				e.hot = int(n)
			}
		}
		if e.opt.Proves != nil {
			e.proof = newProof(tx, e.opt.Proves)
		}
		return nil
	})
}

func (e *boltEngine) makeTables(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketData, bucketHot, bucketTables, bucketLog} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	b := tx.Bucket(bucketTables)
	used := byte(0)
	c := b.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		used = max(used, v[0])
	}
	for _, t := range e.opt.Tables {
		if len(b.Get([]byte(t))) == 1 {
			continue
		}
		used++
		if err := b.Put([]byte(t), []byte{used}); err != nil {
			return fmt.Errorf("table %q: %w", t, err)
		}
	}
	l := tx.Bucket(bucketLog)
	if l.Get(keyLogID) == nil {
		id := make([]byte, 8)
		rand.Read(id) // never fails (crypto/rand)
		if err := errors.Join(l.Put(keyLogID, id), l.Put(keyLogSeq, make([]byte, 8))); err != nil {
			return err
		}
	}
	return putSum(tx)
}

// logState returns what the file says of its log: the id that marks the records, and
// the number of the last one that the file holds. Errors: ErrDamaged.
func logState(tx *bbolt.Tx) (id, seq uint64, err error) {
	defer unreadable(&err)
	defer faults()()
	b := tx.Bucket(bucketLog)
	first, second := b.Get(keyLogID), b.Get(keyLogSeq)
	if len(first) != 8 || len(second) != 8 {
		return 0, 0, fmt.Errorf("%w: the file does not say what is in the log", ErrDamaged)
	}
	return binary.BigEndian.Uint64(first), binary.BigEndian.Uint64(second), nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOfRoot is a CRC-32C over what the file says of its tables and its log. What is
// wrong there has all else read under other names.
func sumOfRoot(tx *bbolt.Tx) []byte {
	h := crc32.New(castagnoli)
	for _, name := range [][]byte{bucketTables, bucketLog} {
		c := tx.Bucket(name).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			if !bytes.Equal(k, keySum) {
				fmt.Fprintf(h, "%d %d %s%s", len(k), len(v), k, v)
			}
		}
	}
	return h.Sum(nil)
}

func putSum(tx *bbolt.Tx) error { return tx.Bucket(bucketLog).Put(keySum, sumOfRoot(tx)) }

// checkRoot checks what the file says of itself. A file that was made before there was
// a sum has none until the first write. Errors: ErrDamaged.
func checkRoot(tx *bbolt.Tx) (err error) {
	defer unreadable(&err)
	defer faults()()
	buckets := 0
	c := tx.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if len(k) != 1 || !bytes.Contains([]byte("dhtl"), k) || tx.Bucket(k) == nil {
			return wrong("what is %q?", k)
		}
		buckets++
	}
	if buckets == 0 {
		return nil // a new file
	}
	if tx.Bucket(bucketData) == nil || tx.Bucket(bucketTables) == nil || tx.Bucket(bucketHot) == nil {
		return wrong("it has %d parts", buckets)
	}
	l := tx.Bucket(bucketLog)
	if l == nil {
		return nil // of a time without a log
	}
	sum := l.Get(keySum)
	if sum == nil && l.Stats().KeyN == 2 && l.Get(keyLogID) != nil && l.Get(keyLogSeq) != nil {
		return nil
	}
	if !bytes.Equal(sum, sumOfRoot(tx)) {
		return wrong("what the file says of its tables and its log")
	}
	return nil
}
