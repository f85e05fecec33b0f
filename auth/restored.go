package auth

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"convene/internal/engine"
)

// CheckState reads the state in e, which nobody else has open, as far as it takes
// to know that this program can use it. It returns the version of its contents, 0
// for one that was never used. Errors: ErrNewer.
func CheckState(ctx context.Context, e engine.Engine) (version uint32, err error) {
	err = e.View(ctx, func(r engine.Reader) error {
		version = getUint32(r.Get(tableMeta, metaSchema))
		if version > schema {
			return fmt.Errorf("schema %d: %w", version, ErrNewer)
		}
		return nil
	})
	return version, err
}

// MarkRestored tells the state in e that it is an older copy of one that went on
// after the copy was made, until now at the latest. What was signed in the lost time
// is not accepted again: nonces get another key, and Kerberos tickets used until now
// are answered 503, as after a crash. All sessions of
// browsers end: which of them were ended since is not known. Device passwords are those of
// the copy; see DeviceSecrets.
func MarkRestored(ctx context.Context, e engine.Engine, random io.Reader, now time.Time) error {
	key := make([]byte, keySize)
	if _, err := io.ReadFull(random, key); err != nil {
		return fmt.Errorf("random key: %w", err)
	}
	return e.Update(ctx, func(w engine.Writer) error {
		if err := w.Put(tableMeta, metaNonceKey, key); err != nil {
			return err
		}
		if err := endSessions(w); err != nil {
			return err
		}
		return w.Put(tableMeta, metaReplay, binary.BigEndian.AppendUint64(nil, uint64(now.UnixNano())))
	})
}
