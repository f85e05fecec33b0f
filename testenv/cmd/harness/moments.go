package main

import (
	"maps"
	"strings"
)

// moments are all that a calendar has been from a moment on. Whatever copies it meanwhile
// must have it as it was at one of them, wholly.
type moments struct {
	bodies map[string]string // by name: what was acknowledged at the beginning
	sent   []change          // since then, in order; the first may have been under way
}

// mark begins anew with what the calendar is now.
func (r *replica) mark() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.since = &moments{bodies: make(map[string]string, len(r.objects))}
	for name, o := range r.objects {
		r.since.bodies[name] = lines(o.body)
	}
	if c := r.open; c != nil {
		r.since.sent = append(r.since.sent, change{c.name, lines(c.body)})
	}
}

// marked returns what the calendar has been since mark. Its client writes one change after
// the other, so each moment is the beginning with so many of what was sent.
func (r *replica) marked() moments {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.since
}

// has reports whether a calendar was like this at one of the moments.
func (m moments) has(bodies map[string]string) bool {
	now := maps.Clone(m.bodies)
	for _, c := range m.sent {
		if maps.Equal(now, bodies) {
			return true
		}
		if c.body == "" {
			delete(now, c.name)
		} else {
			now[c.name] = c.body
		}
	}
	return maps.Equal(now, bodies)
}

// lines is a body as far as XML can tell it, with line ends that are \n.
func lines(body string) string { return strings.ReplaceAll(body, "\r\n", "\n") }

// bodies returns what the calendar has, by name, as lines has it.
func (r *replica) bodies() (map[string]string, error) {
	m, err := r.multistatus("REPORT", "1", `<calendar-query xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">`+
		`<D:prop><D:getetag/><calendar-data/></D:prop><filter><comp-filter name="VCALENDAR"/></filter></calendar-query>`)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string, len(m.Responses))
	for _, x := range m.Responses {
		out[x.Href[strings.LastIndexByte(x.Href, '/')+1:]] = lines(x.Data)
	}
	return out, nil
}
