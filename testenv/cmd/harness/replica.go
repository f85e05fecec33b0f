package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// A replica keeps about keepObjects objects, by some of names names: those of objects that
// are gone are given out again, and the data do not grow with time.
const (
	keepObjects = 150
	names       = 4 * keepObjects
)

// A replica is a client that writes to one calendar and knows what must be in
// it.
type replica struct {
	user   string
	url    string // of the calendar, with a final slash
	random *rand.Rand
	client *http.Client
	pause  func() // called before each change; may be nil

	mu    sync.Mutex // held by write where it changes what follows, and by who looks meanwhile
	since *moments   // nil before mark

	objects map[string]object // acknowledged
	touched map[string]bool   // written since the last comparison
	open    *change           // sent and not answered
	refused error             // the answer that ended writing, if there was one
	done    int               // acknowledged since the last comparison

	token  string            // of the last sync
	synced map[string]string // name → ETag, as sync told
}

// An object is what an acknowledged write has left.
type object struct{ body, etag string }

// A change was sent: the body is new, or empty for a deletion.
type change struct{ name, body string }

func newReplica(port int, user string, random *rand.Rand) *replica {
	return &replica{
		user: user, url: fmt.Sprintf("http://127.0.0.1:%d/calendars/users/%s/calendar/", port, user), random: random,
		client:  &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}},
		objects: map[string]object{}, touched: map[string]bool{}, synced: map[string]string{},
	}
}

// write changes the calendar until stop, or until the server is gone.
func (r *replica) write(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if r.pause != nil {
			r.pause()
		}
		c := r.next()
		r.begin(c)
		etag, err := r.send(c)
		if err != nil {
			r.client.CloseIdleConnections()
			if errors.Is(err, errRefused) {
				r.refused = err
			}
			return // what became of it compare will see
		}
		r.end(c, etag)
	}
}

// begin notes a change that is about to be sent.
func (r *replica) begin(c change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = &c
	r.touched[c.name] = true
	if r.since != nil {
		r.since.sent = append(r.since.sent, change{c.name, lines(c.body)})
	}
}

// end notes that a change was acknowledged.
func (r *replica) end(c change, etag string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = nil
	r.done++
	if c.body == "" {
		delete(r.objects, c.name)
	} else {
		r.objects[c.name] = object{c.body, etag}
	}
}

// next picks what to do: a new object, a new body for one, or its deletion.
func (r *replica) next() change {
	there := slices.Sorted(maps.Keys(r.objects))
	kind := r.random.IntN(10)
	switch {
	case len(there) == 0 || len(there) < keepObjects && kind < 5:
		name := r.unused()
		return change{name, r.body(name)}
	case kind < 8:
		name := there[r.random.IntN(len(there))]
		return change{name, r.body(name)}
	}
	return change{there[r.random.IntN(len(there))], ""}
}

// unused draws a name that no object has.
func (r *replica) unused() string {
	for {
		name := fmt.Sprintf("%06d.ics", r.random.IntN(names))
		if _, ok := r.objects[name]; !ok {
			return name
		}
	}
}

// body is an event, at times a series, of some length.
func (r *replica) body(name string) string {
	start := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(r.random.IntN(400*24)) * time.Hour)
	rule := ""
	if r.random.IntN(5) == 0 {
		rule = "RRULE:FREQ=WEEKLY;COUNT=10\r\n"
	}
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//convene//crash//EN\r\nBEGIN:VEVENT\r\nUID:" + strings.TrimSuffix(name, ".ics") + "@" + r.user +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:" + start.Format("20060102T150405Z") + "\r\nDURATION:PT1H\r\n" + rule +
		fmt.Sprintf("SUMMARY:%d\r\n", r.random.Uint64()) + strings.Repeat("COMMENT:again\r\n", r.random.IntN(200)) + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

// errRefused is an answer that no correct server gives here.
var errRefused = errors.New("refused")

// send makes the change and returns the new ETag. The error means that it is
// not known whether it was made.
func (r *replica) send(c change) (etag string, err error) {
	old, exists := r.objects[c.name]
	method, header := http.MethodPut, map[string]string{"Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"}
	if exists {
		delete(header, "If-None-Match")
		header["If-Match"] = old.etag
	}
	if c.body == "" {
		method = http.MethodDelete
	}
	resp, text, err := r.do(method, c.name, c.body, header)
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s %s %w: %s\n%s", method, c.name, errRefused, resp.Status, text)
	}
	etag = resp.Header.Get("ETag")
	if etag == "" && c.body != "" {
		return "", fmt.Errorf("%s %s %w: no ETag", method, c.name, errRefused)
	}
	return etag, nil
}

func (r *replica) do(method, name, body string, header map[string]string) (*http.Response, string, error) {
	req, err := http.NewRequest(method, r.url+name, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.SetBasicAuth(r.user, r.user)
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), errors.Join(err, resp.Body.Close())
}

// compare checks that the calendar holds what was acknowledged, and takes over
// what became of the change that was not answered. It returns how many changes
// were acknowledged since the last time, and how many were open.
func (r *replica) compare() (acknowledged, open int, err error) {
	if r.refused != nil {
		return 0, 0, r.refused
	}
	if r.open != nil {
		open = 1
		if err := r.settle(*r.open); err != nil {
			return 0, 0, err
		}
		r.open = nil
	}
	listed, err := r.list()
	if err != nil {
		return 0, 0, err
	}
	for name, o := range r.objects {
		if listed[name] != o.etag {
			return 0, 0, fmt.Errorf("acknowledged write lost: %s has ETag %q, want %q", name, listed[name], o.etag)
		}
	}
	for name := range listed {
		if _, ok := r.objects[name]; !ok {
			return 0, 0, fmt.Errorf("acknowledged deletion lost, or never written: %s", name)
		}
	}
	for name := range r.touched {
		if o, ok := r.objects[name]; ok {
			resp, text, err := r.do(http.MethodGet, name, "", nil)
			if err != nil || text != o.body || resp.Header.Get("ETag") != o.etag {
				return 0, 0, fmt.Errorf("%s is not what was written: %v\n%s", name, err, text)
			}
		}
	}
	clear(r.touched)
	if err := r.sync(listed); err != nil {
		return 0, 0, err
	}
	acknowledged, r.done = r.done, 0
	return acknowledged, open, nil
}

// settle finds out whether an open change was made: wholly or not at all.
func (r *replica) settle(c change) error {
	resp, text, err := r.do(http.MethodGet, c.name, "", nil)
	if err != nil {
		return err
	}
	old, existed := r.objects[c.name]
	switch {
	case resp.StatusCode == http.StatusNotFound && (!existed || c.body == ""):
		delete(r.objects, c.name)
	case resp.StatusCode == http.StatusOK && existed && text == old.body && resp.Header.Get("ETag") == old.etag:
	case resp.StatusCode == http.StatusOK && c.body != "" && text == c.body:
		r.objects[c.name] = object{c.body, resp.Header.Get("ETag")}
	default:
		return fmt.Errorf("half a change to %s: %s\n%s", c.name, resp.Status, text)
	}
	return nil
}

// multistatus is what is read of a 207.
type multistatus struct {
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
		ETag   string `xml:"DAV: propstat>prop>getetag"`
		Data   string `xml:"propstat>prop>calendar-data"`
	} `xml:"DAV: response"`
	Token string `xml:"DAV: sync-token"`
}

// etags returns the members of the calendar that m has, "" for one that is gone.
func (m *multistatus) etags() map[string]string {
	out := map[string]string{}
	for _, x := range m.Responses {
		if name := x.Href[strings.LastIndexByte(x.Href, '/')+1:]; name != "" {
			out[name] = x.ETag
		}
	}
	return out
}

func (r *replica) multistatus(method, depth, body string) (*multistatus, error) {
	resp, text, err := r.do(method, "", body, map[string]string{"Depth": depth, "Content-Type": "application/xml; charset=utf-8"})
	if err != nil {
		return nil, err
	}
	m := new(multistatus)
	if resp.StatusCode != http.StatusMultiStatus {
		return nil, fmt.Errorf("%s: %s\n%s", method, resp.Status, text)
	}
	return m, xml.Unmarshal([]byte(text), m)
}

// list returns the calendar's members with their ETags.
func (r *replica) list() (map[string]string, error) {
	m, err := r.multistatus("PROPFIND", "1", `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`)
	if err != nil {
		return nil, err
	}
	return m.etags(), nil
}

// sync asks what has changed since the last sync, before the kill, and checks
// that it leads to what is listed.
func (r *replica) sync(listed map[string]string) error {
	m, err := r.multistatus("REPORT", "0", fmt.Sprintf(
		`<sync-collection xmlns="DAV:"><sync-token>%s</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`, r.token))
	if err != nil {
		return err
	}
	for name, etag := range m.etags() {
		if etag == "" {
			delete(r.synced, name)
		} else {
			r.synced[name] = etag
		}
	}
	r.token = m.Token
	if !maps.Equal(r.synced, listed) {
		return fmt.Errorf("sync has %d members, the calendar %d, or other ones", len(r.synced), len(listed))
	}
	return nil
}
