package caldav

import (
	"sync"

	"convene/webdav"
)

// buffers keeps the memory of large answers from one request to the next: what
// is megabytes long would otherwise be grown, cleared and collected each time.
type buffers struct{ pool sync.Pool }

// maxKept is the capacity of the largest buffer kept, in bytes.
const maxKept = 16 << 20

func (b *buffers) get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, 4096)
}

func (b *buffers) put(buf []byte) {
	if cap(buf) <= maxKept {
		b.pool.Put(&buf)
	}
}

// multistatus begins an answer in memory that is used again when it was sent.
func (h *Handler) multistatus() *webdav.Multistatus { return webdav.NewMultistatus(h.buffers.get()) }

// finished is the answer 207 with what ms has gathered.
func (h *Handler) finished(ms *webdav.Multistatus) *webdav.Response {
	resp := ms.Response()
	resp.Recycle = h.buffers.put
	return resp
}
