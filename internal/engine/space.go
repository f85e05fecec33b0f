package engine

import (
	"sync"
	"sync/atomic"
)

// Pages of the file that were read stay mapped, and with a large file the
// process would seem to use as much memory as the file is long. Beyond MaxMapped
// they are unmapped; the next use of one costs a minor fault.

// viewsPerCheck is how often the mapped memory is looked at.
const viewsPerCheck = 1024

// space is the state of that care.
type space struct {
	views  atomic.Uint64
	busy   sync.Mutex // held while it is looked after
	others int64      // bytes of files that were mapped after the last time; under busy
}

// checkSpace has the mapped memory looked after if need be. It does not wait.
func (e *boltEngine) checkSpace() {
	if !e.space.busy.TryLock() {
		return
	}
	go func() {
		defer e.space.busy.Unlock()
		tx, err := e.db.Begin(false)
		if err != nil {
			return // closed
		}
		defer rollback(tx)
		e.trim(tx.Size())
	}()
}
