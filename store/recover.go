package store

import (
	"fmt"
	"time"

	"convene/internal/engine"
)

// Recover brings the store file at path and its damaged log together again, as
// engine.Recover does. If changes are lost, MarkRestored is to follow.
func Recover(path string, now time.Time) (engine.Recovery, error) {
	r, err := engine.Recover(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta}, now)
	if err != nil {
		err = fmt.Errorf("store: %w", err)
	}
	return r, err
}
