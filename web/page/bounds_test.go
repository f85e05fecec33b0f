package page

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"convene/auth"
)

// TestOnceIsBounded: a form is known again, and somebody who makes up numbers of forms fills
// no memory and makes nobody else's form unknown.
func TestOnceIsBounded(t *testing.T) {
	var o Once
	now := time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC)
	first := func(session, number string) bool {
		r := &Request{Request: &http.Request{Method: http.MethodPost, PostForm: url.Values{"once": {number}}}, Session: auth.Session{ID: session}, Time: now}
		r.Form = r.PostForm
		return o.First(r)
	}
	if !first("ann", "a") || first("ann", "a") || !first("bob", "a") {
		t.Error("a form is not told from one that was sent before")
	}
	for i := range 20_000 {
		if !first("eve", fmt.Sprint(i)) {
			t.Fatalf("form %d was never sent", i)
		}
	}
	kept := 0
	for _, list := range o.sent {
		kept += len(list)
	}
	if kept > onceOfSession+2 {
		t.Errorf("%d forms are kept of three sessions", kept)
	}
	if first("ann", "a") {
		t.Error("another session made a form unknown")
	}
	if first("eve", "19999") {
		t.Error("a form of theirs is unknown that was sent just now")
	}
	now = now.Add(onceLife + time.Second)
	for i := range manyOfSessions {
		first(fmt.Sprint("session", i), "a")
	}
	if o.sent["eve"] != nil || len(o.sent) > manyOfSessions {
		t.Errorf("%d sessions are kept", len(o.sent))
	}
}

// TestRatesAreBounded: keys that come once are dropped when their buckets are full again, and
// where they are not, each new key does not have all of them looked at.
func TestRatesAreBounded(t *testing.T) {
	r := &Rates{PerSecond: 0.1, Burst: 10}
	now := time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC)
	drops, before := 0, 0
	for i := range 4 * manyBuckets {
		r.Allow(fmt.Sprint("2001:db8:", i), now)
		if r.sweep != before {
			drops, before = drops+1, r.sweep
		}
	}
	if drops > 3 {
		t.Errorf("all buckets were looked at %d times for %d keys", drops, 4*manyBuckets)
	}
	now = now.Add(10 * time.Second) // one request each: full again
	for i := range 5 * manyBuckets {
		r.Allow(fmt.Sprint("2001:db8:1:", i), now)
	}
	if len(r.all) > 5*manyBuckets {
		t.Errorf("%d buckets are kept, those that are full again too", len(r.all))
	}
}

// TestNetwork: whoever has a network of IPv6 addresses is one stranger.
func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::9": "2001:db8:1:2::/64",
		"::ffff:192.0.2.7": "192.0.2.7", "fe80::1%eth0": "fe80::/64", "@": "@",
	} {
		if got := (&Request{Address: address}).Network(); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
