package auth

import (
	"sync/atomic"
	"time"
)

// A pause is a time in which something is not tried again.
type pause struct{ until atomic.Int64 } // Unix ns

func (p *pause) begin(now time.Time, d time.Duration) { p.until.Store(now.Add(d).UnixNano()) }

func (p *pause) active(now time.Time) bool { return now.UnixNano() < p.until.Load() }
