package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/internal/engine"
	"convene/internal/engine/enginetest"
)

// A repairable is a running server with three events in one calendar, whose file
// can be damaged.
type repairable struct {
	*running
	t        *testing.T
	calendar string // URL of the calendar
	engine   engine.Engine
	control  *admin.Client
}

// eventStart is when the events begin.
var eventStart = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

func newRepairable(t *testing.T) *repairable {
	t.Helper()
	c := smallConfig(t)
	r := &repairable{t: t}
	wrap := enginetest.Wrapper(t)
	r.running = serveOn(t, c, func(e engine.Engine) engine.Engine {
		if r.engine == nil {
			r.engine = e // of the calendars, which are opened first
		}
		if wrap != nil {
			return wrap(e)
		}
		return e
	})
	r.calendar = r.HTTP + annHome + "calendar/"
	for i := range 3 {
		event := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
			i, eventStart.Format("20060102T150405Z"))
		if a := do(t, client(), "PUT", fmt.Sprintf("%s%d.ics", r.calendar, i), "ann", event, "Content-Type: text/calendar"); a.StatusCode != 201 {
			t.Fatalf("PUT: %s", a.Status)
		}
	}
	var err error
	eventually(t, "control socket", func() bool {
		r.control, err = admin.Dial(t.Context(), c.Server.Data)
		return err == nil
	})
	t.Cleanup(func() {
		if err := r.control.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// damage changes the index entry of an object below the server, and makes its
// checksum right again: see package store.
func (r *repairable) damage(name string, change func(entry []byte) []byte) {
	r.t.Helper()
	err := r.engine.Update(r.t.Context(), func(w engine.Writer) error {
		for k, v := range w.Scan("index", engine.Range{}) {
			v = bytes.Clone(v[:len(v)-4])
			if bytes.HasSuffix(v, []byte(name)) {
				v = change(v)
				table := crc32.MakeTable(crc32.Castagnoli)
				sum := crc32.Update(crc32.Update('i'<<8|uint32(len("index")), table, k), table, v)
				return w.Put("index", k, binary.BigEndian.AppendUint32(v, sum))
			}
		}
		return fmt.Errorf("no entry of %s", name)
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *repairable) reindex() {
	r.t.Helper()
	report, err := admin.Reindex(r.t.Context(), r.control)
	if err != nil || report.Written != 1 || len(report.Failed) != 0 {
		r.t.Fatalf("reindex: %+v, %v", report, err)
	}
}

// asks are the ways to ask for all that is in a collection.
var asks = map[string]struct{ method, body string }{
	"listing": {"PROPFIND", `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`},
	"sync": {"REPORT", `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level>` +
		`<D:prop><D:getetag/></D:prop></D:sync-collection>`},
	"query": {"REPORT", `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/></D:prop>` +
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
		`<C:time-range start="20260101T000000Z" end="20260102T000000Z"/></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`},
}

// ask returns the status and how many objects are in the response.
func (r *repairable) ask(what, url string) (status, objects int) {
	r.t.Helper()
	a := do(r.t, client(), asks[what].method, url, "ann", asks[what].body, "Depth: 1")
	return a.StatusCode, strings.Count(a.Body, ".ics</D:href>")
}

// A damaged index entry makes no listing shorter, the first time or later, or
// clients would delete what they do not see. Other collections go on, and so does
// this one after a reindex.
func TestDamagedEntry(t *testing.T) {
	r := newRepairable(t)
	r.damage("1.ics", func(entry []byte) []byte { return entry[:1] })
	for range 3 {
		for what := range asks {
			if status, n := r.ask(what, r.calendar); status < 500 {
				t.Errorf("%s: %d with %d objects", what, status, n)
			}
		}
	}
	if status, _ := r.ask("listing", r.HTTP+annHome+"tasks/"); status != 207 {
		t.Errorf("another collection: %d", status)
	}
	if a := do(t, client(), "GET", r.calendar+"2.ics", "ann", ""); a.StatusCode != 200 {
		t.Errorf("another object: %s", a.Status)
	}
	r.reindex()
	for what := range asks {
		if status, n := r.ask(what, r.calendar); status != 207 || n != 3 {
			t.Errorf("%s after reindex: %d with %d objects", what, status, n)
		}
	}
}

// What a running server remembers of an index that was wrong ends with a reindex.
func TestReindexForgets(t *testing.T) {
	r := newRepairable(t)
	r.damage("1.ics", func(entry []byte) []byte {
		varint := func(at time.Time) []byte { return binary.AppendVarint(nil, at.Unix()) }
		return bytes.Replace(entry, varint(eventStart), varint(eventStart.AddDate(0, 1, 0)), 1)
	})
	if status, n := r.ask("query", r.calendar); status != 207 || n != 2 {
		t.Errorf("query of a wrong index: %d with %d objects", status, n)
	}
	r.reindex()
	if status, n := r.ask("query", r.calendar); status != 207 || n != 3 {
		t.Errorf("query after reindex: %d with %d objects", status, n)
	}
}
