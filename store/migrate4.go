package store

import (
	"bytes"
	"encoding/binary"

	"convene/internal/engine"
)

// accessName is in every object whose index entry format 3 did not have whole: it kept
// no Access.
var accessName = []byte("X-CALENDARSERVER-ACCESS")

// indexAccess takes a file from format 3 to 4, by one transaction: of each object that
// may have an Access the index is made anew. Where that cannot be done nothing is
// changed, for Verify to find.
func (s *Store) indexAccess(w engine.Writer, st *state) error {
	m := &sealer{s: s, old: w, tx: s.newTx(w, w, 0)}
	m.tx.in.lenient = true
	done, err := m.run(sealStep{table: tableObjects, one: (*sealer).access}, st)
	if err == nil && done {
		*st = state{Version: 4, Epoch: st.Epoch}
	}
	return err
}

// access makes the index entry of one object anew, and with it the object's record.
func (m *sealer) access(k, v []byte) error {
	value, ok := unseal(tableObjects, k, v)
	if !ok || len(k) < 5 || !bytes.Contains(bytes.ToUpper(value), accessName) || m.s.opt.Indexer == nil {
		return nil
	}
	var e Entry
	has, _, err := decodeObject(string(k[4:]), value, &e)
	if err != nil || e.Component == 0 { // damaged, deleted, or a file
		return nil
	}
	index, err := m.s.opt.Indexer(has.body)
	if err != nil || index.UID != e.UID {
		return nil
	}
	e.Index = index
	if err := m.tx.w.putOwn(tableObjects, k, encodeObject(&e, has)); err != nil {
		return err
	}
	id := CollectionID(binary.BigEndian.Uint32(k))
	return m.tx.w.putOwn(tableIndex, indexKey(id, indexEntry, e.Rev), e.encode())
}
