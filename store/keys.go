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
	tableUIDs       engine.Table = "uids"
	tableBodies     engine.Table = "bodies"
)

// Tables lists the tables of a store's file.
func Tables() []engine.Table {
	return []engine.Table{tableMeta, tableHomes, tableLookup, tableObjects, tableIndex, tableProperties, tableUIDs, tableBodies}
}

// Key prefixes and the bytes that tell records of one table apart.
const (
	metaState  = "state"
	metaNumber = 'n' // + name of what is numbered
	metaNote   = 'w' // + name of what is noted

	homeRecord  = 0x00
	homeMember  = 0x01 // + name
	homeDeleted = 0x02 // + rev
	homeLedger  = 0x04 // + what package rooms says
	homeBadKey  = 0xff // of a key that is too short to be one

	lookupOwner      = 'g' // + GUID
	lookupCollection = 'c' // + collection
	lookupPurge      = 'p' // + collection
	lookupSent       = 's' // + thread
	lookupTally      = 'u' // + home
	lookupMatter     = 'r' // + home, kind, key
	lookupDue        = 't' // + due, home, kind, key
	lookupThread     = 'v' // + thread
	lookupWaiting    = 'w' // + home, rev
	lookupThreadDue  = 'x' // + due, thread
	lookupAge        = 'y' // + when it was queued, home, rev

	indexEntry   = 'e' // + rev
	indexDeleted = 't' // + rev

	ofHome   = 'p' // + home, collection or 0 for the home itself
	ofObject = 'o' // + collection, length of the name, name
	ofACL    = 'a' // + collection, name of an object or nothing
	ofUser   = 'u' // + collection, length of the GUID, GUID
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

// uidPrefix is where the objects with a UID begin, over all calendars of a home.
func uidPrefix(h HomeID, uid string) []byte {
	b := appendU32(make([]byte, 0, 10+len(uid)), h)
	return append(binary.BigEndian.AppendUint16(b, uint16(len(uid))), uid...)
}

func uidKey(h HomeID, uid string, c CollectionID) []byte { return appendU32(uidPrefix(h, uid), c) }

// splitUIDKey takes a key of the UID table apart.
func splitUIDKey(k []byte) (h HomeID, uid string, c CollectionID, ok bool) {
	if len(k) < 10 || len(k) != 10+int(binary.BigEndian.Uint16(k[4:])) {
		return 0, "", 0, false
	}
	end := len(k) - 4
	return HomeID(binary.BigEndian.Uint32(k)), string(k[6:end]), CollectionID(binary.BigEndian.Uint32(k[end:])), true
}

func propertiesKey(h HomeID, c CollectionID) []byte {
	return appendPropertiesKey(make([]byte, 0, 9), h, c)
}

func appendPropertiesKey(b []byte, h HomeID, c CollectionID) []byte {
	return appendU32(appendU32(append(b, ofHome), h), c)
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
