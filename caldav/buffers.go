package caldav

import (
	"runtime"
	"sync"
	"sync/atomic"

	"convene/internal/webdav"
)

// buffers keeps the memory of responses from one request to the next: what is
// megabytes long would otherwise be grown, cleared and collected each time.
type buffers struct {
	pool  sync.Pool    // of *sheet
	large atomic.Int64 // bytes of the buffers above smallBuffer that were put into pool and still exist
}

// A sheet is what a response is written on.
type sheet struct {
	webdav.Multistatus
	buf     []byte
	counted int // capacity of the buffer as large has it, 0 if it has not
}

// No request reserves what is kept, and there may be as many buffers as there were
// requests at once: of large ones only some are kept.
const (
	smallBuffer = 1 << 20  // capacity up to which each is kept, in bytes
	maxBuffer   = 16 << 20 // capacity above which none is, in bytes
	maxLarge    = 32 << 20 // sum of those between, in bytes
)

// multistatus begins a response in memory that is used again when it was sent.
func (h *Handler) multistatus() *webdav.Multistatus {
	s, ok := h.buffers.pool.Get().(*sheet)
	if !ok {
		s = &sheet{buf: make([]byte, 0, 4096)}
		s.Recycle = func(body []byte) {
			if h.buffers.keep(s, body) {
				s.buf = body[:0]
				h.buffers.pool.Put(s)
			}
		}
	}
	s.Begin(s.buf)
	return &s.Multistatus
}

// keep reports whether body, which s was written into, may be kept for another response.
func (b *buffers) keep(s *sheet, body []byte) bool {
	n := cap(body)
	if n <= smallBuffer || n == s.counted { // a buffer that had to grow has another capacity
		return true
	}
	if n > maxBuffer {
		return false
	}
	if b.large.Add(int64(n)) > maxLarge {
		b.large.Add(-int64(n))
		return false
	}
	// The pool lets go of what nobody asks for, and does not say when.
	runtime.AddCleanup(&body[:1][0], func(n int) { b.large.Add(-int64(n)) }, n)
	s.counted = n
	return true
}
