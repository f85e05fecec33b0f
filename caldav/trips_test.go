package caldav_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"

	"convene/internal/engine"
)

// A counting engine counts what it is asked for in transactions: each read, each
// range and each write is one.
type counting struct {
	engine.Engine
	calls atomic.Int64
}

func (c *counting) View(ctx context.Context, fn func(engine.Reader) error) error {
	return c.Engine.View(ctx, func(r engine.Reader) error { return fn(countingReader{r, c}) })
}

func (c *counting) Update(ctx context.Context, fn func(engine.Writer) error) error {
	return c.Engine.Update(ctx, func(w engine.Writer) error { return fn(countingWriter{w, countingReader{w, c}}) })
}

type countingReader struct {
	engine.Reader
	c *counting
}

func (r countingReader) Get(t engine.Table, key []byte) []byte {
	r.c.calls.Add(1)
	return r.Reader.Get(t, key)
}

func (r countingReader) GetMany(t engine.Table, keys [][]byte) [][]byte {
	r.c.calls.Add(1)
	return r.Reader.GetMany(t, keys)
}

func (r countingReader) Scan(t engine.Table, in engine.Range) iter.Seq2[[]byte, []byte] {
	r.c.calls.Add(1)
	return r.Reader.Scan(t, in)
}

type countingWriter struct {
	engine.Writer
	r countingReader
}

func (w countingWriter) Get(t engine.Table, key []byte) []byte { return w.r.Get(t, key) }

func (w countingWriter) GetMany(t engine.Table, keys [][]byte) [][]byte { return w.r.GetMany(t, keys) }

func (w countingWriter) Scan(t engine.Table, in engine.Range) iter.Seq2[[]byte, []byte] {
	return w.r.Scan(t, in)
}

func (w countingWriter) Put(t engine.Table, key, value []byte) error {
	w.r.c.calls.Add(1)
	return w.Writer.Put(t, key, value)
}

func (w countingWriter) Delete(t engine.Table, key []byte) error {
	w.r.c.calls.Add(1)
	return w.Writer.Delete(t, key)
}

// TestEngineCalls counts what requests ask of the engine, in a home of 3 calendars
// and in one of 40: it is the same, and no more than is noted here. Caches are as
// the write before each request left them.
func TestEngineCalls(t *testing.T) {
	const home = "/calendars/users/ann/"
	cal := home + "c1/"
	multiget := `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>` +
		`<D:href>` + cal + `a.ics</D:href><D:href>` + cal + `b.ics</D:href></C:calendar-multiget>`
	requests := []struct {
		name, method, path, body string
		status                   int
		most                     int64
	}{
		{"PUT of a new object", "PUT", cal + "new.ics", event("new", "20260504T120000Z"), 201, 17},
		{"PUT over an object", "PUT", cal + "a.ics", event("a", "20260505T120000Z"), 204, 12},
		{"PUT with a UID of another calendar", "PUT", cal + "x.ics", event("elsewhere", "20260504T120000Z"), 403, 14},
		{"GET", "GET", cal + "a.ics", "", 200, 4},
		{"DELETE", "DELETE", cal + "b.ics", "", 204, 15},
		{"PROPFIND of an object", "PROPFIND", cal + "a.ics", ask("D:getetag"), 207, 6},
		{"multiget", "REPORT", cal, multiget, 207, 8},
	}
	var counts [2]map[string]int64
	for i, calendars := range []int{3, 40} {
		var count *counting
		e := newEnvOn(t, func(below engine.Engine) engine.Engine {
			count = &counting{Engine: below}
			return count
		})
		for n := range calendars {
			e.must(201, "ann", "MKCALENDAR", fmt.Sprintf("%sc%d/", home, n), "")
		}
		e.must(201, "ann", "PUT", cal+"a.ics", event("a", "20260504T120000Z"))
		e.must(201, "ann", "PUT", cal+"b.ics", event("b", "20260504T120000Z"))
		e.must(201, "ann", "PUT", home+"c2/elsewhere.ics", event("elsewhere", "20260504T120000Z"))
		counts[i] = map[string]int64{}
		for _, r := range requests {
			e.must(204, "ann", "PUT", cal+"a.ics", event("a", "20260504T120000Z")) // the same for all
			before := count.calls.Load()
			got := e.must(r.status, "ann", r.method, r.path, r.body, "Depth: 0")
			if r.method == "REPORT" && !strings.Contains(got.Body, "UID:a") {
				t.Errorf("%s: %s", r.name, got.Body)
			}
			counts[i][r.name] = count.calls.Load() - before
		}
	}
	for _, r := range requests {
		few, many := counts[0][r.name], counts[1][r.name]
		if few != many || many > r.most {
			t.Errorf("%s: %d calls with 3 calendars, %d with 40, at most %d", r.name, few, many, r.most)
		}
	}
}
