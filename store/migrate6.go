package store

import "convene/internal/engine"

// threadQueue takes a file from format 5 to 6, by one transaction: each row of the queue
// goes to where it is found by its number, its thread and its age. One that is damaged
// stays, for Verify to find.
func (s *Store) threadQueue(w engine.Writer, st *state) error {
	m := &sealer{s: s, old: w, tx: s.newTx(w, w, 0)}
	m.tx.in.lenient = true
	if st.Cursor == nil {
		st.Cursor = []byte{legacyQueue}
	}
	done, err := m.run(sealStep{table: tableLookup, to: after([]byte{legacyQueue}), one: (*sealer).queued}, st)
	if err == nil && done {
		*st = state{Version: 6, Epoch: st.Epoch}
	}
	return err
}

// queued moves one row of the queue.
func (m *sealer) queued(k, v []byte) error {
	value, ok := unseal(tableLookup, k, v)
	if !ok {
		return nil
	}
	q, err := decodeLegacyQueued(k, value)
	if err != nil {
		return nil
	}
	if err := m.tx.addQueued(q); err != nil {
		return err
	}
	return m.tx.w.Delete(tableLookup, k)
}
