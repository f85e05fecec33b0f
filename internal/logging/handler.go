package logging

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A Handler serves requests and writes a line for each.
type Handler struct {
	next http.Handler
	log  *Log // nil: requests get their id, but no line is written
	now  func() time.Time
	zone *time.Location

	prefix string
	count  atomic.Uint64
	stamp  atomic.Pointer[stamp]
	pool   sync.Pool
}

// A stamp is the date in brackets for one second.
type stamp struct {
	second int64
	text   string
}

// NewHandler returns a handler that passes requests to next and writes their
// lines to log, which may be nil to write none. Dates are in zone, times taken
// from now.
func NewHandler(next http.Handler, log *Log, now func() time.Time, zone *time.Location) *Handler {
	var seed [3]byte
	// Never fails: since Go 1.24 the runtime stops the program instead.
	rand.Read(seed[:])
	return &Handler{
		next: next, log: log, now: now, zone: zone,
		prefix: hex.EncodeToString(seed[:]) + "-",
		pool:   sync.Pool{New: func() any { return new(scratch) }},
	}
}

// scratch is what one request needs and the next one can use again.
type scratch struct {
	rec  recorder
	body countedBody
	line []byte
}

// ServeHTTP implements [http.Handler]. The line is written even if next
// panics, as net/http then ends the connection.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := h.pool.Get().(*scratch)
	e := &s.rec.entry
	*e = Entry{ID: h.id(), start: h.now()}
	s.rec.ResponseWriter = w
	s.body = countedBody{ReadCloser: r.Body, entry: e}
	r = r.WithContext(&named{r.Context(), e.ID})
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &s.body
	}
	finished := false
	defer func() {
		if !finished && e.status == 0 {
			e.status = http.StatusInternalServerError
		}
		h.finish(s, r, finished)
	}()
	h.next.ServeHTTP(&s.rec, r)
	finished = true
}

// A named context has the id of a request, in one allocation: there is one for each.
type named struct {
	context.Context
	id string
}

// idKey is the key of a request's id in its context.
type idKey struct{}

// Value implements context.Context.
func (c *named) Value(key any) any {
	if key == (idKey{}) {
		return c.id
	}
	return c.Context.Value(key)
}

// ID returns the id of the request that ctx belongs to, as its line in the access log has
// it; "" outside of a [Handler]. It is for those who do not have what [For] needs.
func ID(ctx context.Context) string {
	id, _ := ctx.Value(idKey{}).(string)
	return id
}

// finish writes the line. The scratch goes back to the pool unless the
// handler panicked: then something may still hold on to it.
func (h *Handler) finish(s *scratch, r *http.Request, reuse bool) {
	if h.log != nil {
		end := h.now()
		s.line = appendLine(s.line[:0], &s.rec.entry, r, h.date(end), end.Sub(s.rec.entry.start))
		h.log.add(s.line)
	}
	if reuse {
		s.rec.ResponseWriter = nil
		s.body = countedBody{}
		h.pool.Put(s)
	}
}

func (h *Handler) id() string {
	var b [32]byte
	return string(strconv.AppendUint(append(b[:0], h.prefix...), h.count.Add(1), 36))
}

// date returns t as the Common Log Format has it, made once a second.
func (h *Handler) date(t time.Time) string {
	second := t.Unix()
	if s := h.stamp.Load(); s != nil && s.second == second {
		return s.text
	}
	s := &stamp{second, t.In(h.zone).Format("[02/Jan/2006:15:04:05 -0700]")}
	h.stamp.Store(s)
	return s.text
}

// A recorder notes status and size of a response as it passes.
type recorder struct {
	http.ResponseWriter
	entry Entry
}

func (w *recorder) WriteHeader(status int) {
	if w.entry.status == 0 && status >= 200 { // 1xx are not the response
		w.entry.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.entry.status == 0 {
		w.entry.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.entry.out += int64(n)
	return n, err
}

// Flush implements [http.Flusher] for handlers that ask for it directly.
func (w *recorder) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A countedBody counts the bytes of the request's body that are read.
type countedBody struct {
	io.ReadCloser
	entry *Entry
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.entry.in += int64(n)
	return n, err
}
