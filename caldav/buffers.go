package caldav

import (
	"sync"

	"convene/internal/webdav"
)

// buffers keeps the memory of responses from one request to the next: what is
// megabytes long would otherwise be grown, cleared and collected each time.
type buffers struct{ pool sync.Pool } // of *sheet

// A sheet is what a response is written on.
type sheet struct {
	webdav.Multistatus
	buf []byte
}

// maxKept is the capacity of the largest buffer kept, in bytes. What is kept is not
// reserved by any request, and there may be as many as there were requests at once.
const maxKept = 1 << 20

// multistatus begins a response in memory that is used again when it was sent.
func (h *Handler) multistatus() *webdav.Multistatus {
	s, ok := h.buffers.pool.Get().(*sheet)
	if !ok {
		s = &sheet{buf: make([]byte, 0, 4096)}
		s.Recycle = func(body []byte) {
			if cap(body) <= maxKept {
				s.buf = body[:0]
				h.buffers.pool.Put(s)
			}
		}
	}
	s.Begin(s.buf)
	return &s.Multistatus
}
