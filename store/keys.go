package store

import (
	"encoding/binary"

	"convene/internal/engine"
)

// The tables; doc.go describes their keys and values.
const (
	tableMeta       engine.Table = "meta"
	tableHomes      engine.Table = "homes"
	tableLookup     engine.Table = "lookup"
	tableObjects    engine.Table = "objects"
	tableIndex      engine.Table = "index"
	tableProperties engine.Table = "properties"
)

// Tables lists the tables of a store's file.
func Tables() []engine.Table {
	return []engine.Table{tableMeta, tableHomes, tableLookup, tableObjects, tableIndex, tableProperties}
}

// Key prefixes and the bytes that tell records of one table apart.
const (
	metaState = "state"

	homeRecord  = 0x00
	homeMember  = 0x01 // + name
	homeDeleted = 0x02 // + rev
	homeBadKey  = 0xff // of a key that is too short to be one

	lookupOwner      = 'g' // + GUID
	lookupCollection = 'c' // + collection
	lookupPurge      = 'p' // + collection

	indexEntry   = 'e' // + rev
	indexDeleted = 't' // + rev
	indexUID     = 'u' // + UID

	ofHome       = 'h' // + home
	ofCollection = 'c' // + collection
	ofObject     = 'o' // + collection, length of the name, name
)

func appendU32[T ~uint32](b []byte, n T) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func appendRev(b []byte, r Rev) []byte { return binary.BigEndian.AppendUint64(b, uint64(r)) }

func homeKey(h HomeID) []byte { return append(appendU32(make([]byte, 0, 5), h), homeRecord) }

func memberKey(h HomeID, name string) []byte {
	b := make([]byte, 0, 5+len(name))
	return append(append(appendU32(b, h), homeMember), name...)
}

func homeDeletedKey(h HomeID, r Rev) []byte {
	return appendRev(append(appendU32(make([]byte, 0, 13), h), homeDeleted), r)
}

func ownerKey(g GUID) []byte { return append([]byte{lookupOwner}, g...) }

func collectionKey(c CollectionID) []byte {
	return appendU32(append(make([]byte, 0, 5), lookupCollection), c)
}

func objectKey(c CollectionID, name string) []byte {
	return append(appendU32(make([]byte, 0, 4+len(name)), c), name...)
}

func indexKey(c CollectionID, kind byte, r Rev) []byte {
	return appendRev(append(appendU32(make([]byte, 0, 13), c), kind), r)
}

func uidKey(c CollectionID, uid string) []byte {
	b := make([]byte, 0, 5+len(uid))
	return append(append(appendU32(b, c), indexUID), uid...)
}

func purgeKey(c CollectionID) []byte { return appendU32(append(make([]byte, 0, 5), lookupPurge), c) }

// revOf returns the Rev at the end of a key.
func revOf(key []byte) Rev { return Rev(binary.BigEndian.Uint64(key[len(key)-8:])) }

// within is the range of the keys that begin with prefix.
func within(prefix []byte) engine.Range { return engine.Range{From: prefix, To: after(prefix)} }

// keysWithin is the same without the values.
func keysWithin(prefix []byte) engine.Range {
	return engine.Range{From: prefix, To: after(prefix), KeysOnly: true}
}

// after returns the smallest key greater than all that begin with prefix, nil
// if there is none.
func after(prefix []byte) []byte {
	b := append([]byte(nil), prefix...)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i]++; b[i] != 0 {
			return b[:i+1]
		}
	}
	return nil
}

// splitHomeKey takes a key of the homes table apart.
func splitHomeKey(k []byte) (id HomeID, kind byte, rest []byte) {
	if len(k) < 5 {
		return 0, homeBadKey, nil
	}
	return HomeID(binary.BigEndian.Uint32(k)), k[4], k[5:]
}
