package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"convene/internal/logging"
	"convene/sacl"
	"convene/web/page"
)

const (
	// quietHeader is what scripts send where they look by themselves what is new.
	quietHeader = "Convene-Refresh"

	// beat is how often something is sent, and looked whether the reader still may be told.
	// Proxies end what is silent for a minute.
	beat = 20 * time.Second
	// beatLimit is how long it may take the reader to receive something.
	beatLimit = 30 * time.Second
	// liveLife is after how long the page has to ask again.
	liveLife = 15 * time.Minute
	// together is how long changes are gathered before a page is told of them.
	together = 100 * time.Millisecond
)

// changes tells a page of changes as they happen, by server-sent events (HTML Living Standard
// §9.2): an event "state" with the name of the state of the caller's calendars, at first and
// whenever that changes or another day begins for them; see page.Request.LiveState. It says neither
// what has changed nor whose it is: the page asks for itself anew. An event "end" means that the
// page is told no more: it has no session any more, or another page of the same person took its
// place. The request ends without one when it has lasted for long, or the server stops or has a
// new configuration: then the browser asks again.
func (h *Handler) changes(w http.ResponseWriter, r *page.Request) {
	f, err := h.live.begin(r.GUID(), r.Site.Config.LivePages, r.Site.Config.LivePerPerson)
	if err != nil {
		h.fail(w, r, &page.Error{Status: http.StatusServiceUnavailable, Retry: time.Minute, Err: err})
		return
	}
	defer h.live.leave(f)
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no") // nginx would gather it
	s := &stream{w: w, control: http.NewResponseController(w)}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	// After a restart not all pages come at once.
	if s.send(fmt.Sprintf("retry: %d\n\n", 2000+rand.IntN(4000))) != nil {
		return
	}
	if err := h.follow(r, f, s); err != nil {
		h.parts.Log.Warn("a page is told of changes no more", "id", logging.For(w).ID, "user", r.Caller.Login, "err", err)
	}
}

// A stream is a response that goes on for longer than others may.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

// send sends some text now.
func (s *stream) send(text string) error {
	until := time.Now().Add(beatLimit) // of the machine's clock: it is for the network
	if err := s.control.SetWriteDeadline(until); err != nil {
		return err
	}
	// The body has been read; what comes next is the next request.
	if err := s.control.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}

// endEvent is the last that a page is told.
const endEvent = "event: end\ndata:\n\n"

// follow tells of states until something ends it. That the reader has gone is no error.
func (h *Handler) follow(r *page.Request, f *follower, s *stream) error {
	ctx := r.Context()
	life, tick := time.NewTimer(liveLife), time.NewTicker(beat)
	defer life.Stop()
	defer tick.Stop()
	var changed <-chan struct{}
	var watched []string
	told, stop := "", func() {}
	defer func() { stop() }()
	for {
		state, owners, err := r.Site.Calendars.AgendaState(ctx, r.Caller)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case changed == nil || !slices.Equal(owners, watched):
			stop()
			changed, stop = r.Site.Calendars.Watch(owners)
			watched = owners
			continue // what was read before may be old
		}
		state = r.LiveState(state, h.parts.Now()) // a day of the reader ends while nothing changes
		text := ": \n\n"
		if state != told {
			text = "event: state\ndata: " + state + "\n\n"
		}
		if told = state; s.send(text) != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.end:
			return nil
		case <-life.C:
			return nil
		case <-f.stop:
			_ = s.send(endEvent)
			return nil
		case <-changed:
			pause(ctx, together)
		case <-f.ask:
		case <-tick.C:
		}
		may, err := h.stillMay(s.w, r)
		if err != nil {
			return err
		}
		if !may {
			_ = s.send(endEvent)
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// stillMay reports whether the session of a request that lasts still opens the pages, and
// looks up anew whose it is.
func (h *Handler) stillMay(w http.ResponseWriter, r *page.Request) (bool, error) {
	before := r.Caller
	r.Caller = nil
	if err := h.resume(w, r); err != nil {
		r.Caller = before
		return false, err
	}
	if r.Caller == nil {
		r.Caller = before
		return false, nil
	}
	d, err := r.Site.SACL.Check(r.Context(), sacl.Web, r.Caller)
	return err == nil && d.Allowed, err
}
