package caldav_test

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// After a restore from a copy nothing that was given out before is valid: tokens
// get DAV:valid-sync-token (RFC 6578 §3.2), tags match nothing, and the ctag is
// another decimal number. So are those of a file of an older format.
func TestAnotherEpoch(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	e.must(201, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"))
	first := func(pattern, text string) string {
		t.Helper()
		m := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no %s in %s", pattern, text)
		}
		return m[1]
	}
	ctag := func(path string) uint64 {
		t.Helper()
		got := e.must(207, "ann", "PROPFIND", path, ask("CS:getctag"), "Depth: 0").Body
		n, err := strconv.ParseUint(first(`getctag>(\d+)<`, got), 10, 64)
		if err != nil || n > 1<<53 {
			t.Errorf("a ctag of %d, %v: not a number that every client can hold", n, err)
		}
		return n
	}
	token := func(path string) string {
		t.Helper()
		return first(`sync-token>([^<]*)<`, e.must(207, "ann", "REPORT", path, syncBody("", 0), "Depth: 0").Body)
	}
	tag := e.must(200, "ann", "GET", cal+"1.ics", "").Header.Get("ETag")
	tokens := map[string][]string{cal: {token(cal)}, home: {token(home)}}
	for path := range tokens {
		before := ctag(path)
		e.must(204, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"))
		if after := ctag(path); after <= before || after > before+10 {
			t.Errorf("%s: the ctag went from %d to %d", path, before, after)
		}
		e.must(207, "ann", "REPORT", path, syncBody(tokens[path][0], 0), "Depth: 0")
	}
	tokens[cal] = append(tokens[cal], "data:,c1-1", token(cal)) // the first as in former formats
	tag = e.must(200, "ann", "GET", cal+"1.ics", "").Header.Get("ETag")
	old := ctag(cal)
	if err := e.store.MarkRestored(context.Background()); err != nil {
		t.Fatal(err)
	}
	for path, list := range tokens {
		for _, token := range list {
			if got := e.must(403, "ann", "REPORT", path, syncBody(token, 0), "Depth: 0"); !strings.Contains(got.Body, "valid-sync-token") {
				t.Errorf("%s with the token %s: %s", path, token, got.Body)
			}
		}
	}
	e.must(412, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"), "If-Match: "+tag)
	e.must(200, "ann", "GET", cal+"1.ics", "", "If-None-Match: "+tag)
	if ctag(cal) == old {
		t.Error("the ctag of before the restore")
	}
	e.must(207, "ann", "REPORT", cal, syncBody(token(cal), 0), "Depth: 0")
}
