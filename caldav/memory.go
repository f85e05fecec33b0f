package caldav

import (
	"context"
	"errors"
	"net/http"
	"time"

	"convene/internal/membudget"
	"convene/internal/webdav"
)

// errNoMemory refuses a request for which there is no memory now.
var errNoMemory = &webdav.Error{Status: http.StatusServiceUnavailable, RetryAfter: 5 * time.Second,
	Description: "the server is busy with other large requests; try again"}

const (
	// memoryWait is how long a request waits for memory before it is refused.
	memoryWait = 3 * time.Second

	// leastMemory is what every request takes: headers, buffers, a short response.
	leastMemory = 32 << 10

	// responseCopies is how often a response is in memory at most: what holds it
	// grows by being copied, and expanded objects are copied into it.
	responseCopies = 2
)

// A memory is what one request has reserved of the memory for all. From the body's
// first byte until the response was sent, what is kept for it is in there.
type memory struct {
	*membudget.Reservation
	largest  int64 // that it may become
	ahead    int64 // of it, reserved for what is made of the body
	response int   // bytes of the response that are reserved for

	delivered int64 // bytes of copies of a meeting that are reserved for
}

// newMemory reserves nothing yet.
func (h *Handler) newMemory() *memory {
	return &memory{Reservation: h.Memory.Reserve(), largest: h.Memory.Largest()}
}

// reserve takes n bytes more, and waits for them a little. It must not be called
// within a transaction. What is more than anyone can have becomes all that one can
// have: it goes alone. Errors: errNoMemory, and that of ctx.
func (m *memory) reserve(ctx context.Context, n int64) error {
	had := min(n, m.ahead)
	m.ahead -= had
	n -= had
	err := m.Acquire(ctx, min(n, m.largest-m.Size()), memoryWait)
	if errors.Is(err, membudget.ErrFull) {
		return errNoMemory
	}
	return err
}

// treeAhead is how much is reserved with a body for what is made of it, for each of
// its bytes: about what ordinary bodies need. Otherwise many bodies could take
// everything, each of them waiting for what its tree needs.
const treeAhead = 5

// reserveBody takes what a body of n bytes needs, and what is made of it. Errors are
// those of reserve.
func (m *memory) reserveBody(ctx context.Context, n int64) error {
	err := m.reserve(ctx, (1+treeAhead)*n)
	if err == nil {
		m.ahead += treeAhead * n
	}
	return err
}

// fits takes what a response of n bytes needs, at once or not at all: who holds a
// transaction does not wait. Errors: errNoMemory.
func (m *memory) fits(n int) error {
	if n <= m.response {
		return nil
	}
	more := responseCopies * int64(n-m.response)
	if m.Grow(more) != nil {
		return errNoMemory
	}
	m.response = n
	return nil
}

// delivers is fits for the copies and messages of a meeting that a transaction writes,
// bytes so far. What is more than anyone can have becomes all that one can have.
func (m *memory) delivers(bytes int64) error {
	if bytes <= m.delivered { // as when the transaction runs again
		return nil
	}
	if m.Grow(min(bytes-m.delivered, m.largest-m.Size())) != nil {
		return errNoMemory
	}
	m.delivered = bytes
	return nil
}
