package store

import (
	"bytes"
	"encoding/binary"

	"convene/internal/engine"
)

// How much one transaction of a migration handles: so many records, as Options.Step
// says, or about so many bytes.
const migrateBytes = 1 << 20

// A sealer takes a file from format 1 or 2 to 3. It goes through the tables in the
// order of sealSteps, and through each in the order of its keys: below the cursor
// everything is new, from it on everything is old. A record that cannot be decoded
// goes over as it is, for Verify to find.
type sealer struct {
	s   *Store
	old engine.Writer // records without checksums
	tx  *Tx           // those with

	records, bytes int

	// The collection that was looked up last.
	id   CollectionID
	home HomeID // 0: there is no such collection
	kind Kind
}

type sealStep struct {
	table engine.Table
	to    []byte // the end of what is old
	one   func(m *sealer, k, v []byte) error
}

func sealSteps() []sealStep {
	return []sealStep{
		{tableObjects, nil, (*sealer).object},
		{tableIndex, nil, (*sealer).indexRecord},
		{tableProperties, []byte{ofHome}, (*sealer).property},
		{tableLookup, nil, (*sealer).lookup},
		{tableHomes, nil, (*sealer).homes},
	}
}

// sealSome takes the migration to format 3 on by one transaction.
func (s *Store) sealSome(w engine.Writer, st *state) error {
	m := &sealer{s: s, old: w, tx: s.newTx(w, w, 0)}
	m.tx.in.lenient = true
	if st.Epoch == 0 {
		if err := m.begin(st); err != nil {
			return err
		}
	}
	steps := sealSteps()
	for st.Step < uint64(len(steps)) {
		done, err := m.run(steps[st.Step], st)
		if err != nil || !done {
			return err
		}
		st.Step, st.Cursor = st.Step+1, nil
	}
	*st = state{Version: 3, Epoch: st.Epoch}
	return nil
}

// run goes on with one table, and reports whether that is done.
func (m *sealer) run(step sealStep, st *state) (done bool, err error) {
	var last []byte
	for k, v := range m.old.Scan(step.table, engine.Range{From: st.Cursor, To: step.to}) {
		if m.records >= m.s.opt.Step || m.bytes >= migrateBytes {
			if last != nil {
				st.Cursor = append(bytes.Clone(last), 0)
			}
			return false, nil
		}
		m.records++
		m.bytes += len(k) + len(v)
		last = k
		if err := step.one(m, k, v); err != nil {
			return false, err
		}
	}
	return true, nil
}

// begin notes what only the old state record knows.
func (m *sealer) begin(st *state) error {
	old, err := decodeLegacyState(m.old.Get(tableMeta, []byte(metaState)))
	if err != nil {
		return err
	}
	st.Version, st.Epoch = 2, m.s.epochAfter(0)
	if err := m.tx.w.Put(tableMeta, numberKey(numberHome), encodeNumber(uint32(old.home)+1)); err != nil {
		return err
	}
	return m.tx.w.Put(tableMeta, numberKey(numberCollection), encodeNumber(uint32(old.collection)+1))
}

// find looks up a collection in what is old.
func (m *sealer) find(id CollectionID) {
	if m.id == id {
		return
	}
	m.id, m.home, m.kind = id, 0, 0
	v := m.old.Get(tableLookup, collectionKey(id))
	if len(v) < 4 {
		return
	}
	home, name := HomeID(binary.BigEndian.Uint32(v)), string(v[4:])
	if c, _, err := decodeLegacyCollection(home, name, m.old.Get(tableHomes, memberKey(home, name))); err == nil && c.ID == id {
		m.home, m.kind = home, c.Kind
	}
}

// object puts what the index holds of an object beside its body, and its UID
// where it is found by home.
func (m *sealer) object(k, v []byte) error {
	if len(k) < 5 {
		return m.tx.w.Put(tableObjects, k, v)
	}
	id, name := CollectionID(binary.BigEndian.Uint32(k)), string(k[4:])
	e, body, ok := decodeLegacyObject(name, v)
	if !ok { // that of a deleted name is as it was
		return m.tx.w.Put(tableObjects, k, v)
	}
	m.find(id)
	var indexed Entry
	if indexed.decodeLegacy(e.Rev, m.old.Get(tableIndex, indexKey(id, indexEntry, e.Rev))) == nil {
		e.Index = indexed.Index
	} else {
		e.Index = m.index(body)
	}
	if m.home != 0 && hasUIDRecord(m.kind, e) {
		if err := m.tx.putUID(m.home, id, e); err != nil {
			return err
		}
	}
	return m.tx.w.putOwn(tableObjects, k, encodeObject(e, contents{body: body}))
}

// index is what queries need of a body whose index entry is damaged.
func (m *sealer) index(body []byte) Index {
	switch {
	case m.kind == KindCollection:
		return Index{}
	case m.s.opt.Indexer != nil:
		if ix, err := m.s.opt.Indexer(body); err == nil {
			return ix
		}
	}
	return Index{Flags: FlagInexact | FlagNoTime}
}

func (m *sealer) indexRecord(k, v []byte) error {
	if len(k) < 5 {
		return m.tx.w.Put(tableIndex, k, v)
	}
	switch k[4] {
	case legacyIndexUID:
		return m.tx.w.Delete(tableIndex, k)
	case indexEntry:
		var e Entry
		if len(k) == 13 && e.decodeLegacy(revOf(k), v) == nil {
			return m.tx.w.putOwn(tableIndex, k, e.encode())
		}
	}
	return m.tx.w.Put(tableIndex, k, v)
}

// property puts those of a home and of its collections together. Those of a
// collection that waits to be purged go at once.
func (m *sealer) property(k, v []byte) error {
	if len(k) < 5 || k[0] != legacyOfHome && k[0] != legacyOfCollection {
		return m.tx.w.Put(tableProperties, k, v)
	}
	number, to := binary.BigEndian.Uint32(k[1:]), []byte(nil)
	if k[0] == legacyOfHome {
		to = propertiesKey(HomeID(number), 0)
	} else if m.find(CollectionID(number)); m.home != 0 {
		to = propertiesKey(m.home, m.id)
	}
	if to != nil {
		if err := m.tx.w.Put(tableProperties, append(to, k[5:]...), v); err != nil {
			return err
		}
	}
	return m.tx.w.Delete(tableProperties, k)
}

func (m *sealer) lookup(k, v []byte) error {
	if k[0] == lookupPurge {
		v = encodePurge(0) // what would be found by its home is gone
	}
	return m.tx.w.Put(tableLookup, k, v)
}

func (m *sealer) homes(k, v []byte) error {
	switch id, kind, rest := splitHomeKey(k); kind {
	case homeRecord:
		h, format, err := decodeLegacyHome(id, v)
		if err != nil {
			break
		}
		if format < formatHome {
			m.count(h)
		}
		v = h.encode()
	case homeMember:
		c, format, err := decodeLegacyCollection(id, string(rest), bytes.Clone(v))
		if err != nil {
			break
		}
		if format < formatCollection {
			c.PropertyBytes = m.propertyBytes(c)
		}
		v = c.encode()
	}
	return m.tx.w.Put(tableHomes, k, v)
}

// count adds to what a home holds what format 1 did not count: properties, and how
// many of its collections, which are still old, count against the quota.
func (m *sealer) count(h *Home) {
	h.UsedBytes += m.tx.propertyBytes(propertiesKey(h.ID, 0))
	prefix := memberKey(h.ID, "")
	for k, v := range m.old.Scan(tableHomes, within(prefix)) {
		if c, _, err := decodeLegacyCollection(h.ID, string(k[len(prefix):]), v); err == nil {
			h.UsedBytes += m.propertyBytes(c)
			h.Counted += int(counted(c.Kind))
		}
	}
}

func (m *sealer) propertyBytes(c *Collection) int64 {
	return m.tx.propertyBytes(propertiesKey(c.Home, c.ID)) + m.tx.namedPropertyBytes(appendU32([]byte{ofObject}, c.ID))
}
