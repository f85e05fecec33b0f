package server

import (
	"context"
	"sync"
	"time"
)

// callers counts the requests in progress of each caller. The zero callers has none.
type callers struct {
	mu     sync.Mutex
	active map[string]*callerSlots // by GUID
}

// callerSlots are one caller's requests.
type callerSlots struct {
	slots chan struct{} // one in it for each request in progress
	users int           // in progress or waiting
}

// callerWait is how long a request waits for others of its caller to end.
const callerWait = 5 * time.Second

// enter counts a request of a caller in, if need be after a wait for one of most that
// are in progress to end. It reports false if none did. leave counts it out.
func (c *callers) enter(ctx context.Context, guid string, most int) (leave func(), ok bool) {
	one := c.of(guid, most)
	leave = func() { <-one.slots; c.leave(guid, one) }
	select {
	case one.slots <- struct{}{}:
		return leave, true
	default:
	}
	timer := time.NewTimer(callerWait)
	defer timer.Stop()
	select {
	case one.slots <- struct{}{}:
		return leave, true
	case <-timer.C:
	case <-ctx.Done():
	}
	c.leave(guid, one)
	return nil, false
}

// of returns the slots of a caller: those that are in use, though their number be
// another, or new ones.
func (c *callers) of(guid string, most int) *callerSlots {
	c.mu.Lock()
	defer c.mu.Unlock()
	one := c.active[guid]
	if one == nil {
		if c.active == nil {
			c.active = map[string]*callerSlots{}
		}
		one = &callerSlots{slots: make(chan struct{}, most)}
		c.active[guid] = one
	}
	one.users++
	return one
}

func (c *callers) leave(guid string, one *callerSlots) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(c.active, guid)
	}
}
