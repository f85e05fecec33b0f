package auth

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"maps"
	"strings"
	"sync"
	"time"

	"convene/internal/engine"
)

const (
	// familiarFor is how long a network is remembered after the last use.
	familiarFor = 90 * 24 * time.Hour
	// familiarResolution is how exactly the last use is known.
	familiarResolution = 24 * time.Hour
	// maxFamiliar bounds what is noted between two flushes.
	maxFamiliar = 100_000
)

// networksOf remembers, over restarts, from which networks people have signed in, and
// with which names. What is stored is a keyed hash of both.
type networksOf struct {
	st  *state
	now func() time.Time

	mu     sync.Mutex
	noted  map[familiarKey]time.Time // since the last flush
	stored map[familiarKey]struct{}  // known not to need it
	swept  time.Time
}

// familiarKey is the keyed hash of a network and of who signed in from there: of a
// record, or of a name as it was typed.
type familiarKey [sha256.Size]byte

// What a familiarKey is about.
const (
	familiarRecord = 'r' // a GUID
	familiarName   = 'n' // what was typed
)

func newNetworksOf(st *state, now func() time.Time) *networksOf {
	return &networksOf{st: st, now: now, noted: map[familiarKey]time.Time{}, stored: map[familiarKey]struct{}{}}
}

// key is false for what is no address.
func (f *networksOf) key(kind byte, who, address string) (k familiarKey, ok bool) {
	p, ok := network(address)
	if !ok {
		return k, false
	}
	h := hmac.New(sha256.New, f.st.deviceKey)
	h.Write([]byte("network\x00"))
	h.Write([]byte{kind})
	io.WriteString(h, who)
	h.Write([]byte{0})
	io.WriteString(h, p.String())
	copy(k[:], h.Sum(nil))
	return k, true
}

// record reports whether a record has signed in from an address's network.
func (f *networksOf) record(ctx context.Context, guid, address string) bool {
	return f.has(ctx, familiarRecord, guid, address)
}

// name reports whether somebody has signed in from an address's network with a name.
func (f *networksOf) name(ctx context.Context, login, address string) bool {
	return f.has(ctx, familiarName, strings.ToLower(login), address)
}

// has answers no if the state cannot be read: the limits are then those of strangers.
func (f *networksOf) has(ctx context.Context, kind byte, who, address string) bool {
	k, ok := f.key(kind, who, address)
	if !ok {
		return false
	}
	f.mu.Lock()
	_, noted := f.noted[k]
	f.mu.Unlock()
	if noted || f.st.engine == nil {
		return noted
	}
	var at time.Time
	err := f.st.engine.View(ctx, func(r engine.Reader) error {
		at = familiarTime(r.Get(tableFamiliar, k[:]))
		return nil
	})
	return err == nil && f.now().Sub(at) < familiarFor
}

func familiarTime(v []byte) time.Time {
	if len(v) != 8 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(v)), 0)
}

// note remembers a success.
func (f *networksOf) note(guid, login, address string) {
	now := f.now()
	for _, one := range []struct {
		kind byte
		who  string
	}{{familiarRecord, guid}, {familiarName, strings.ToLower(login)}} {
		k, ok := f.key(one.kind, one.who, address)
		if !ok {
			return
		}
		f.mu.Lock()
		if _, ok := f.stored[k]; !ok && len(f.noted) < maxFamiliar {
			f.noted[k] = now
		}
		f.mu.Unlock()
	}
}

// flush stores what was noted, and once a day drops what is too old. Without a state
// what was noted goes on to be known.
func (f *networksOf) flush(ctx context.Context) error {
	if f.st.engine == nil {
		return nil
	}
	now := f.now()
	f.mu.Lock()
	noted := maps.Clone(f.noted)
	sweep := now.Sub(f.swept) >= familiarResolution
	if sweep {
		f.swept, f.stored = now, map[familiarKey]struct{}{} // uses are noted anew
	}
	f.mu.Unlock()
	if len(noted) == 0 && !sweep {
		return nil
	}
	if err := f.store(ctx, noted); err != nil {
		return err
	}
	f.mu.Lock()
	for k := range noted {
		delete(f.noted, k)
		if len(f.stored) < maxFamiliar {
			f.stored[k] = struct{}{}
		}
	}
	f.mu.Unlock()
	if !sweep {
		return nil
	}
	return f.sweep(ctx, now)
}

func (f *networksOf) store(ctx context.Context, noted map[familiarKey]time.Time) error {
	if len(noted) == 0 {
		return nil
	}
	return f.st.engine.Update(ctx, func(w engine.Writer) error {
		for k, at := range noted {
			if at.Sub(familiarTime(w.Get(tableFamiliar, k[:]))) < familiarResolution {
				continue
			}
			if err := w.Put(tableFamiliar, k[:], binary.BigEndian.AppendUint64(nil, uint64(at.Unix()))); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweep drops networks that were not used for long.
func (f *networksOf) sweep(ctx context.Context, now time.Time) error {
	var old [][]byte
	err := f.st.engine.View(ctx, func(r engine.Reader) error {
		old = nil
		for k, v := range r.Scan(tableFamiliar, engine.Range{}) {
			if now.Sub(familiarTime(v)) >= familiarFor {
				old = append(old, bytes.Clone(k))
			}
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return err
	}
	return f.st.engine.Update(ctx, func(w engine.Writer) error {
		for _, k := range old {
			if now.Sub(familiarTime(w.Get(tableFamiliar, k))) < familiarFor {
				continue // used meanwhile
			}
			if err := w.Delete(tableFamiliar, k); err != nil {
				return err
			}
		}
		return nil
	})
}
