package server

import (
	"convene/internal/header"
	"io"
	"net/http"
	"time"
)

// How much of a body that nobody wants is read all the same, in bytes and in time.
const (
	drainBytes = 64 << 20
	drainTime  = 30 * time.Second

	// drainedAnyway is the rest of a body that net/http reads by itself, in bytes, and
	// on HTTP/1 alone.
	drainedAnyway = 256 << 10
)

// drained reads what a handler has left of a long body, once its response is on its
// way. A client that sends all of its body before it reads the response would
// otherwise find the connection reset and no response. HTTP/2 has a way to say that
// no more is wanted (RFC 9113 §8.1), and net/http does so.
//
// A short body on HTTP/2 is read before the response ends: curl loses a response
// that overtakes its body, such as the redirection at /.well-known/caldav.
func drained(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		short := r.ContentLength >= 0 && r.ContentLength <= drainedAnyway
		if r.ContentLength == 0 || short != (r.ProtoMajor > 1) {
			next.ServeHTTP(w, r)
			return
		}
		body := &drainableBody{ReadCloser: r.Body}
		r.Body = body
		control := http.NewResponseController(w)
		if short {
			next.ServeHTTP(w, r)
			body.drain(r, control)
			return
		}
		// Otherwise net/http takes the connection for lost before it sends the header.
		if err := control.EnableFullDuplex(); err != nil {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
		if body.expected(r) && control.Flush() == nil {
			body.drain(r, control)
		}
	})
}

// A drainableBody knows whether it was read, and to its end.
type drainableBody struct {
	io.ReadCloser
	asked, ended bool
}

func (b *drainableBody) Read(p []byte) (int, error) {
	b.asked = true
	n, err := b.ReadCloser.Read(p)
	b.ended = b.ended || err != nil
	return n, err
}

// expected says whether there is more to come that the client means to send. One who
// asked before sending (100-continue) and got no 100 sends nothing, and net/http ends
// the connection.
func (b *drainableBody) expected(r *http.Request) bool {
	return !b.ended && (b.asked || header.Get(r.Header, "Expect") == "")
}

// drain reads what is left. What fails here fails for the client too, which nobody
// waits for any more.
func (b *drainableBody) drain(r *http.Request, control *http.ResponseController) {
	if b.expected(r) && control.SetReadDeadline(time.Now().Add(drainTime)) == nil {
		_, _ = io.CopyN(io.Discard, b, drainBytes)
	}
}
