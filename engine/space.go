package engine

import "sync/atomic"

// Between commits the engine looks after the space that the file takes, on the
// disk and in memory.
//
// On the disk: a page that the file never had costs the file system, besides
// the page, a change of its own records, which fdatasync waits for too. So the
// engine writes zeros some way ahead of the pages in use, and bbolt's commits
// then overwrite what is allocated. Measured on ext4: a lone writer gains 5 %,
// eight writers 10 %.
//
// In memory: pages of the file that were read stay mapped, and with a large
// file the process would seem to use as much memory as the file is long. Beyond
// MaxMapped they are unmapped; the next use of one costs a minor fault.

const (
	// How often the mapped memory is looked at.
	viewsPerCheck   = 1024
	commitsPerCheck = 256

	// The least and the most bytes to write ahead.
	zeroMin = 256 << 10
	zeroMax = 4 << 20
)

// space is the state of that care. All but busy belongs to whoever leads the
// commits.
type space struct {
	zeroed int64 // the file is allocated to here
	busy   atomic.Bool
}

// zeroStep is how far to write ahead of used bytes: a file that is small stays
// small.
func zeroStep(used int64) int64 { return min(max(used/4, zeroMin), zeroMax) }

// checkSpace has the space looked after if need be. used is the length of the
// part of the file that is in use. It does not wait.
func (e *boltEngine) checkSpace(used int64) {
	if e.commit == nil || !e.space.busy.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer e.space.busy.Store(false)
		e.commit.alone(func() {
			e.zeroAhead()
			e.trim(used)
		})
	}()
}

// zeroAhead writes zeros behind what is in use. It has the lead, so nothing else
// writes.
func (e *boltEngine) zeroAhead() {
	tx, err := e.db.Begin(false)
	if err != nil {
		return
	}
	used := tx.Size()
	rollback(tx)
	step := zeroStep(used)
	if used+step/2 <= e.space.zeroed {
		return
	}
	from, to := max(used, e.space.zeroed), used+step
	e.space.zeroed = to
	if e.opt.MaxSize > 0 {
		to = min(to, e.opt.MaxSize)
	}
	if err := e.writeZeros(from, to); err != nil {
		return // nothing is lost but speed; the next commit meets the same error and reports it
	}
}

func (e *boltEngine) writeZeros(from, to int64) error {
	zeros := make([]byte, zeroMin)
	for ; from < to; from += zeroMin {
		if _, err := e.file.WriteAt(zeros[:min(zeroMin, to-from)], from); err != nil {
			return err
		}
	}
	return e.file.Sync()
}
