package auth

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"convene/internal/engine"
)

// The tables of auth.db. Every table but meta and the three of device
// passwords may be emptied while the server is stopped: clients then sign in
// again, which people notice in browsers alone.
const (
	tableMeta       engine.Table = "meta"        // name → value; see below
	tableDevice     engine.Table = "device"      // GUID 0 id → JSON of deviceRecord
	tableDeviceHash engine.Table = "device-hash" // keyed hash of the secret → GUID 0 id
	tableDeviceHA1  engine.Table = "device-ha1"  // GUID 0 algorithm login 0 id → HA1
	tableNonce      engine.Table = "nonce"       // expiry (8) epoch (4) number (8) GUID → nonceUse
	tableReplay     engine.Table = "replay"      // expiry (8) hash (16) → empty

	tableFamiliar engine.Table = "familiar" // keyed hash of somebody and a network → Unix s of the last use

	tableSession      engine.Table = "session"       // SHA-256 of the token → JSON of sessionRecord
	tableSessionOf    engine.Table = "session-of"    // GUID 0 id → SHA-256 of the token
	tableSessionEpoch engine.Table = "session-epoch" // GUID → uint32: how often all of theirs were ended
)

// Tables returns the tables with which the engine of Options.State is opened.
func Tables() []engine.Table {
	return []engine.Table{tableMeta, tableDevice, tableDeviceHash, tableDeviceHA1, tableNonce, tableReplay, tableFamiliar,
		tableSession, tableSessionOf, tableSessionEpoch}
}

// Names in tableMeta.
var (
	metaSchema    = []byte("schema")     // uint32
	metaEpoch     = []byte("epoch")      // uint32: how often the state was opened
	metaNonceKey  = []byte("nonce-key")  // 32 random bytes: signs nonces
	metaDeviceKey = []byte("device-key") // 32 random bytes: hashes device passwords
	metaReplay    = []byte("replay")     // int64 Unix ns: see replayCache
)

const (
	schema  = 1 // of the tables' contents
	keySize = 32
)

// ErrNewer says that the state was written by a later version.
var ErrNewer = errors.New("written by a newer version")

// state is the part of auth.db that every scheme needs. Without an engine the
// keys are of this process only.
type state struct {
	engine    engine.Engine // may be nil
	epoch     uint32        // distinguishes nonces issued since this start
	nonceKey  []byte
	deviceKey []byte
}

// openState reads the keys, making them the first time, and counts this start.
func openState(ctx context.Context, e engine.Engine, random io.Reader) (*state, error) {
	fresh := make([]byte, 2*keySize)
	if _, err := io.ReadFull(random, fresh); err != nil {
		return nil, fmt.Errorf("random keys: %w", err)
	}
	st := &state{engine: e, epoch: 1, nonceKey: fresh[:keySize], deviceKey: fresh[keySize:]}
	if e == nil {
		return st, nil
	}
	err := e.Update(ctx, func(w engine.Writer) error {
		if v := w.Get(tableMeta, metaSchema); v != nil && getUint32(v) > schema {
			return fmt.Errorf("schema %d: %w", getUint32(v), ErrNewer)
		}
		if err := w.Put(tableMeta, metaSchema, putUint32(schema)); err != nil {
			return err
		}
		var err1, err2 error
		st.nonceKey, err1 = keep(w, metaNonceKey, fresh[:keySize])
		st.deviceKey, err2 = keep(w, metaDeviceKey, fresh[keySize:])
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		st.epoch = getUint32(w.Get(tableMeta, metaEpoch)) + 1
		return w.Put(tableMeta, metaEpoch, putUint32(st.epoch))
	})
	if errors.Is(err, engine.ErrFull) {
		st.nonceKey = fresh[:keySize]
		return st, st.uncounted(ctx, err)
	}
	return st, err
}

// uncounted opens a state that cannot be written to for lack of space, because of
// full: reading goes on. This start is not counted, so its nonces must be signed with
// a key that no other start has. Device passwords need theirs.
func (st *state) uncounted(ctx context.Context, full error) error {
	return st.engine.View(ctx, func(r engine.Reader) error {
		key := r.Get(tableMeta, metaDeviceKey)
		if v := r.Get(tableMeta, metaSchema); v == nil || getUint32(v) > schema || len(key) != keySize {
			return full
		}
		st.deviceKey = append([]byte(nil), key...)
		st.epoch = getUint32(r.Get(tableMeta, metaEpoch)) + 1
		return nil
	})
}

// keep returns the key stored under name, or stores the given one.
func keep(w engine.Writer, name, fresh []byte) ([]byte, error) {
	if v := w.Get(tableMeta, name); len(v) == keySize {
		return append([]byte(nil), v...), nil
	}
	return fresh, w.Put(tableMeta, name, fresh)
}

// getUint32 reads a number, 0 if there is none.
func getUint32(v []byte) uint32 {
	if len(v) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}

func putUint32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// prefixEnd returns the first key after all that start with prefix, nil if
// there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
