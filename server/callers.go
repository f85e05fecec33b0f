package server

import (
	"context"
	"slices"
	"sync"
	"time"
)

// callers counts the requests in progress of each caller. The zero callers has none.
type callers struct {
	mu       sync.Mutex
	progress map[string]int       // requests in progress by GUID of their caller
	waiting  map[string][]*queued // those that wait, the first come first
}

// A queued request waits until fewer than most of its caller are in progress.
type queued struct {
	most  int
	ready chan struct{} // closed when it is counted in
}

// callerWait is how long a request waits for others of its caller to end.
const callerWait = 5 * time.Second

// enter counts a request of a caller in, if need be after a wait for one of most that
// are in progress to end. It reports false if none did. leave counts it out.
func (c *callers) enter(ctx context.Context, guid string, most int) bool {
	c.mu.Lock()
	if c.progress == nil {
		c.progress, c.waiting = map[string]int{}, map[string][]*queued{}
	}
	if c.progress[guid] < most && len(c.waiting[guid]) == 0 {
		c.progress[guid]++
		c.mu.Unlock()
		return true
	}
	q := &queued{most, make(chan struct{})}
	c.waiting[guid] = append(c.waiting[guid], q)
	c.mu.Unlock()

	timer := time.NewTimer(callerWait)
	defer timer.Stop()
	select {
	case <-q.ready:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return !c.forget(guid, q) // or it was counted in at the same moment
}

// leave counts a request out, and those in that waited for it.
func (c *callers) leave(guid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress[guid]--
	list := c.waiting[guid]
	for len(list) > 0 && c.progress[guid] < list[0].most {
		c.progress[guid]++
		close(list[0].ready)
		list = list[1:]
	}
	c.keep(guid, list)
}

// forget takes a request out of those that wait. It reports false if it waits no
// longer.
func (c *callers) forget(guid string, q *queued) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.waiting[guid]
	i := slices.Index(list, q)
	if i < 0 {
		return false
	}
	c.keep(guid, slices.Delete(list, i, i+1))
	return true
}

// keep sets who waits, and drops what is about nobody. The caller holds c.mu.
func (c *callers) keep(guid string, list []*queued) {
	if len(list) > 0 {
		c.waiting[guid] = list
		return
	}
	delete(c.waiting, guid)
	if c.progress[guid] == 0 {
		delete(c.progress, guid)
	}
}
