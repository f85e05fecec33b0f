package webdav

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// status returns what err answers, 0 for none.
func status(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("not a *webdav.Error: %v", err)
	}
	return e.Status
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func TestDepth(t *testing.T) {
	for _, tt := range []struct {
		in     []string
		want   Depth
		status int
	}{
		{nil, DepthInfinity, 0},
		{[]string{"Depth", "0"}, Depth0, 0},
		{[]string{"Depth", " 1 "}, Depth1, 0},
		{[]string{"Depth", "Infinity"}, DepthInfinity, 0},
		{[]string{"Depth", "2"}, 0, 400},
		{[]string{"Depth", ""}, 0, 400},
		{[]string{"Depth", "1,noroot"}, 0, 400},
	} {
		got, err := ParseDepth(header(tt.in...), DepthInfinity)
		if got != tt.want || status(t, err) != tt.status {
			t.Errorf("%q: got %v, %v", tt.in, got, err)
		}
	}
	if Depth0.String()+Depth1.String()+DepthInfinity.String() != "01infinity" {
		t.Error("String")
	}
}

func TestOverwrite(t *testing.T) {
	for in, want := range map[string]bool{"T": true, "F": false, "f": false} {
		got, err := ParseOverwrite(header("Overwrite", in))
		if got != want || err != nil {
			t.Errorf("%q: got %v, %v", in, got, err)
		}
	}
	if got, err := ParseOverwrite(nil); !got || err != nil {
		t.Errorf("absent: %v, %v", got, err)
	}
	if _, err := ParseOverwrite(header("Overwrite", "yes")); status(t, err) != 400 {
		t.Errorf("yes: %v", err)
	}
}

func TestDestination(t *testing.T) {
	for _, tt := range []struct {
		host, in, want string
		status         int
	}{
		{"cal.example.com", "/a/b%20c.ics", "/a/b c.ics", 0},
		{"cal.example.com", "http://cal.example.com/a/", "/a/", 0},
		{"cal.example.com:8443", "https://CAL.example.com:8443/a", "/a", 0},
		{"cal.example.com", "https://cal.example.com:443/a", "/a", 0},
		{"cal.example.com", "https://cal.example.com:8443/a", "", 502},
		{"cal.example.com", "http://other.example.com/a", "", 502},
		{"cal.example.com", "ftp://cal.example.com/a", "", 502},
		{"cal.example.com", "", "", 400},
		{"cal.example.com", "a/b", "", 400},
		{"cal.example.com", "http://%zz/", "", 400},
		{"cal.example.com", "/a%2Fb", "/a" + EscapedSlash + "b", 0},
		{"cal.example.com", "/a#b", "", 400},
		{"cal.example.com", "/a?b", "", 400},
	} {
		r := httptest.NewRequest("MOVE", "/", nil)
		r.Host = tt.host
		if tt.in != "" {
			r.Header.Set("Destination", tt.in)
		}
		got, err := ParseDestination(r)
		if got != tt.want || status(t, err) != tt.status {
			t.Errorf("%q: got %q, %v", tt.in, got, err)
		}
	}
}

func TestPrefer(t *testing.T) {
	for _, tt := range []struct {
		in      []string
		want    Prefer
		applied string
	}{
		{nil, Prefer{}, ""},
		{[]string{"Prefer", "return=minimal"}, Prefer{Return: ReturnMinimal}, "return=minimal"},
		{[]string{"Prefer", `Return="minimal"; foo="a,b", depth-noroot`}, Prefer{Return: ReturnMinimal, DepthNoroot: true}, "return=minimal, depth-noroot"},
		{[]string{"Prefer", "respond-async, wait=10", "Prefer", "return = representation"}, Prefer{Return: ReturnRepresentation}, "return=representation"},
		{[]string{"Prefer", "return=representation, return=minimal"}, Prefer{Return: ReturnRepresentation}, "return=representation"},
		{[]string{"Prefer", "return-minimal"}, Prefer{Return: ReturnMinimal}, "return=minimal"},
		{[]string{"Prefer", "return=both,,"}, Prefer{}, ""},
		{[]string{"Brief", "t"}, Prefer{Return: ReturnMinimal, Brief: true}, ""},
		{[]string{"Brief", "f"}, Prefer{}, ""},
		{[]string{"Brief", "T", "Prefer", "depth-noroot"}, Prefer{Return: ReturnMinimal, Brief: true, DepthNoroot: true}, "depth-noroot"},
	} {
		got := ParsePrefer(header(tt.in...))
		if got != tt.want || got.Applied() != tt.applied {
			t.Errorf("%q: got %+v applied %q", tt.in, got, got.Applied())
		}
	}
}

func TestETags(t *testing.T) {
	for _, tt := range []struct {
		in           []string
		tag          ETag
		strong, weak bool
		status       int
	}{
		{[]string{`"1"`}, `"1"`, true, true, 0},
		{[]string{`"1"`}, `"2"`, false, false, 0},
		{[]string{`"1"`}, "", false, false, 0},
		{[]string{`*`}, `"2"`, true, true, 0},
		{[]string{`*`}, "", false, false, 0},
		{[]string{`"1", "2,3" ,W/"4"`}, `"2,3"`, true, true, 0},
		{[]string{`"1", W/"4"`}, `"4"`, false, true, 0},
		{[]string{`"4"`}, `W/"4"`, false, true, 0},
		{[]string{`W/"4"`}, `W/"4"`, false, true, 0},
		{[]string{`"1"`, `"2"`}, `"2"`, true, true, 0},
		{[]string{`1`}, `"1"`, true, true, 0},
		{[]string{``}, "", false, false, 400},
		{[]string{`*, "1"`}, "", false, false, 400},
		{[]string{`"1`}, "", false, false, 400},
		{[]string{`W/1`}, "", false, false, 400},
		{[]string{`"a"b"`}, "", false, false, 400},
	} {
		e, err := ParseETags(http.Header{"If-Match": tt.in}, "If-Match")
		if status(t, err) != tt.status || e.MatchStrong(tt.tag) != tt.strong || e.MatchWeak(tt.tag) != tt.weak {
			t.Errorf("%q with %s: got %+v, %v", tt.in, tt.tag, e, err)
		}
	}
	if e, err := ParseETags(nil, "If-Match"); e.Present() || err != nil {
		t.Errorf("absent: %v, %v", e, err)
	}
}

func TestConditions(t *testing.T) {
	modified := time.Date(2026, 3, 1, 12, 0, 0, 999, time.UTC)
	const same, before, after = "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 11:59:59 GMT", "Sun, 01 Mar 2026 12:00:01 GMT"
	for _, tt := range []struct {
		method string
		tag    ETag
		in     []string
		want   int
	}{
		{"PUT", `"1"`, nil, 0},
		{"PUT", `"1"`, []string{"If-Match", `"1"`}, 0},
		{"PUT", `"1"`, []string{"If-Match", `"2"`}, 412},
		{"PUT", "", []string{"If-Match", `*`}, 412},
		{"PUT", "", []string{"If-None-Match", `*`}, 0},
		{"PUT", `"1"`, []string{"If-None-Match", `*`}, 412},
		{"PUT", `"1"`, []string{"If-None-Match", `"1"`}, 412},
		{"GET", `"1"`, []string{"If-None-Match", `W/"1"`}, 304},
		{"HEAD", `"1"`, []string{"If-None-Match", `"0", "1"`}, 304},
		{"GET", `"1"`, []string{"If-None-Match", `"2"`, "If-Modified-Since", same}, 0},
		{"GET", `"1"`, []string{"If-Modified-Since", same}, 304},
		{"GET", `"1"`, []string{"If-Modified-Since", before}, 0},
		{"GET", `"1"`, []string{"If-Modified-Since", "yesterday"}, 0},
		{"PUT", `"1"`, []string{"If-Modified-Since", same}, 0},
		{"PUT", `"1"`, []string{"If-Unmodified-Since", same}, 0},
		{"PUT", `"1"`, []string{"If-Unmodified-Since", after}, 0},
		{"PUT", `"1"`, []string{"If-Unmodified-Since", before}, 412},
		{"PUT", "", []string{"If-Unmodified-Since", after}, 412},
		{"PUT", `"1"`, []string{"If-Match", `"1"`, "If-Unmodified-Since", before}, 0},
	} {
		c, err := ParseConditions(header(tt.in...), "")
		if err != nil {
			t.Fatalf("%q: %v", tt.in, err)
		}
		m := modified
		if tt.tag == "" {
			m = time.Time{}
		}
		if got := c.Check(tt.method, tt.tag, m); got != tt.want {
			t.Errorf("%s %s %q: got %d, want %d", tt.method, tt.tag, tt.in, got, tt.want)
		}
	}
	for _, name := range []string{"If-Match", "If-None-Match", "If"} {
		if _, err := ParseConditions(header(name, `"`), ""); status(t, err) != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCleanPath(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		status   int
	}{
		{"/", "/", 0},
		{"/a/b.ics", "/a/b.ics", 0},
		{"/a%20b/%C3%A9", "/a b/é", 0},
		{"/a+b", "/a+b", 0},
		{"/%2541", "/%41", 0}, // once
		{"//a//b//", "/a/b/", 0},
		{"/a/./b/../c", "/a/c", 0},
		{"/a/b/..", "/a/", 0},
		{"/a/%2e%2e/b", "/b", 0},
		{"/../../a", "/a", 0},
		{"/..", "/", 0},
		{"/.well-known/caldav", "/.well-known/caldav", 0},
		{"/a/.b/..c", "/a/.b/..c", 0},
		{"", "", 400},
		{"a", "", 400},
		{"/a%2fb", "/a" + EscapedSlash + "b", 0},
		{"/a/..%2F../b", "/a/.." + EscapedSlash + "../b", 0},
		{"/a%252Fb", "/a%2Fb", 0},
		{"/a%F4%8F%BF%BDb", "", 400},
		{"/a" + EscapedSlash, "", 400},
		{"/a%", "", 400},
		{"/a%zz", "", 400},
		{"/%00", "", 400},
		{"/a%0Ab", "", 400},
		{"/\x7f", "", 400},
		{"/%ff", "", 400},
	} {
		got, err := CleanPath(tt.in)
		if got != tt.want || status(t, err) != tt.status {
			t.Errorf("%q: got %q, %v", tt.in, got, err)
		}
	}
}

func TestParseHref(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		status   int
	}{
		{"/a/b%40c.ics", "/a/b@c.ics", 0},
		{" \n/a/b.ics\n ", "/a/b.ics", 0},
		{"http://cal.example.com/a%20b", "/a b", 0},
		{"https://cal.example.com:443/a", "/a", 0},
		{"https://cal.example.com", "/", 0},
		{"//calendars//a", "/calendars/a", 0},
		{"http://other/a", "", 400},
		{"mailto:a@b", "", 400},
		{"a/b", "", 400},
		{"", "", 400},
		{"/a?b", "", 400},
		{"http://cal.example.com/a#b", "", 400},
		{"http://[/a", "", 400},
	} {
		got, err := ParseHref(tt.in, "cal.example.com")
		if got != tt.want || status(t, err) != tt.status {
			t.Errorf("%q: got %q, %v", tt.in, got, err)
		}
	}
}

func TestEscapePath(t *testing.T) {
	for in, want := range map[string]string{
		"/a/b.ics":                  "/a/b.ics",
		"/a" + EscapedSlash + "b/c": "/a%2Fb/c",
		"/A z/é&?#%[]":              "/A%20z/%C3%A9&%3F%23%25%5B%5D",
		"/-._~!$&'()*+,;=:@09":      "/-._~!$&'()*+,;=:@09",
		"/\"<>\\^`{|}":              "/%22%3C%3E%5C%5E%60%7B%7C%7D",
		"":                          "",
	} {
		got := EscapePath(in)
		if got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
		if in != "" {
			if back, err := CleanPath(got); back != in || err != nil {
				t.Errorf("%q: back as %q, %v", in, back, err)
			}
		}
	}
}
