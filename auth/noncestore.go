package auth

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"convene/internal/engine"
)

// Rows of tableNonce: key expiry (8, Unix s) epoch (4) number (8) GUID; value
// high (4) and the window of counts seen (32), all big-endian.
const (
	nonceKeyHead = 20
	nonceValue   = 36
)

func (n *nonces) rowKey(guid string, x nonce) []byte {
	b := make([]byte, 0, nonceKeyHead+len(guid))
	b = binary.BigEndian.AppendUint64(b, uint64(x.issued+int64(n.life.Seconds())))
	b = binary.BigEndian.AppendUint32(b, x.epoch)
	b = binary.BigEndian.AppendUint64(b, x.number)
	return append(b, guid...)
}

func (n *nonces) parseRow(k, v []byte) (guid string, u *nonceUse, err error) {
	if len(k) <= nonceKeyHead {
		return "", nil, errNonceRow
	}
	c, err := parseCounts(v)
	if err != nil {
		return "", nil, err
	}
	return string(k[nonceKeyHead:]), &nonceUse{counts: c, nonce: nonce{
		issued: int64(binary.BigEndian.Uint64(k)) - int64(n.life.Seconds()),
		epoch:  binary.BigEndian.Uint32(k[8:]),
		number: binary.BigEndian.Uint64(k[12:]),
	}}, nil
}

func (c counts) row() []byte {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, nonceValue), c.high)
	for _, w := range c.seen {
		b = binary.BigEndian.AppendUint64(b, w)
	}
	return b
}

func parseCounts(v []byte) (c counts, err error) {
	if len(v) != nonceValue {
		return c, errNonceRow
	}
	c.high = binary.BigEndian.Uint32(v)
	for i := range c.seen {
		c.seen[i] = binary.BigEndian.Uint64(v[4+8*i:])
	}
	return c, nil
}

// load takes over what the last Close saved, and removes it from the state: if
// this process crashes, its successor must not find counts that are too low.
func (n *nonces) load(ctx context.Context) error {
	type row struct {
		guid string
		use  *nonceUse
	}
	var rows []row
	err := n.st.engine.Update(ctx, func(w engine.Writer) error {
		rows = nil
		var keys [][]byte
		for k, v := range w.Scan(tableNonce, engine.Range{From: []byte{0}}) {
			keys = append(keys, bytes.Clone(k))
			guid, u, err := n.parseRow(k, v)
			if err != nil {
				continue // a row that cannot be read makes its nonce stale
			}
			rows = append(rows, row{guid, u})
		}
		return deleteAll(w, tableNonce, keys)
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if n.age(r.use.nonce) > n.life {
			continue
		}
		u := n.users[r.guid]
		if u == nil {
			u = &userNonces{}
			n.users[r.guid] = u
		}
		n.total += u.add(r.use, n.st.epoch)
	}
	return nil
}

func deleteAll(w engine.Writer, t engine.Table, keys [][]byte) error {
	for _, k := range keys {
		if err := w.Delete(t, k); err != nil {
			return err
		}
	}
	return nil
}

// close saves what is remembered. No nonce can be used afterwards.
func (n *nonces) close(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.shared || n.st.engine == nil {
		n.closed = true
		return nil
	}
	n.closed = true
	return n.st.engine.Update(ctx, func(w engine.Writer) error {
		for guid, u := range n.users {
			for _, x := range u.uses {
				if err := w.Put(tableNonce, n.rowKey(guid, x.nonce), x.counts.row()); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// useShared is use for several servers: the row is the truth.
func (n *nonces) useShared(ctx context.Context, guid string, x nonce, nc uint32) error {
	key := n.rowKey(guid, x)
	return n.st.engine.Update(ctx, func(w engine.Writer) error {
		c := counts{high: nc, seen: [4]uint64{1}}
		if v := w.Get(tableNonce, key); v != nil {
			var err error
			if c, err = parseCounts(v); err != nil || !c.add(nc) {
				return ErrStale
			}
		}
		return w.Put(tableNonce, key, c.row())
	})
}

// endShared is end for several servers: the rows stay, as used up.
func (n *nonces) endShared(ctx context.Context, guid string) error {
	used := counts{high: ^uint32(0)}
	for i := range used.seen {
		used.seen[i] = ^uint64(0)
	}
	return n.st.engine.Update(ctx, func(w engine.Writer) error {
		var keys [][]byte
		for k := range w.Scan(tableNonce, engine.Range{From: []byte{0}, KeysOnly: true}) {
			if len(k) > nonceKeyHead && (guid == "" || string(k[nonceKeyHead:]) == guid) {
				keys = append(keys, bytes.Clone(k))
			}
		}
		for _, k := range keys {
			if err := w.Put(tableNonce, k, used.row()); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweepShared removes expired rows, some thousand at a time.
func (n *nonces) sweepShared(ctx context.Context) error {
	const most = 5000
	end := binary.BigEndian.AppendUint64(nil, uint64(n.now().Add(-n.life).Unix()-1))
	return n.st.engine.Update(ctx, func(w engine.Writer) error {
		var keys [][]byte
		for k := range w.Scan(tableNonce, engine.Range{From: []byte{0}, To: end}) {
			if len(keys) == most {
				break
			}
			keys = append(keys, slices.Clone(k))
		}
		return deleteAll(w, tableNonce, keys)
	})
}
