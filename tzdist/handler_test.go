package tzdist

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

const testPrefix = "/servlet/timezone"

// do asks a service mounted at testPrefix. headers are names and values.
func do(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, testPrefix+target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// get asks for target and reads the JSON of the answer into v, if v is not nil.
func get(t *testing.T, h http.Handler, target string, v any) *httptest.ResponseRecorder {
	t.Helper()
	w := do(h, "GET", target)
	if w.Code != http.StatusOK {
		t.Fatalf("GET %s: %d %s", target, w.Code, w.Body)
	}
	if v != nil {
		if err := json.Unmarshal(w.Body.Bytes(), v); err != nil {
			t.Fatalf("GET %s: %v", target, err)
		}
	}
	return w
}

func newTest() http.Handler { return New(Options{Prefix: testPrefix + "/"}) }

func TestProblems(t *testing.T) {
	h := newTest()
	const ny, both = "/zones/America%2FNew_York", "start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z"
	for _, tt := range []struct {
		target string
		status int
		code   string
	}{
		{"/foobar", 400, invalidAction},
		{"/capabilities/x", 400, invalidAction},
		{"/capabilities?x=1", 400, invalidAction},
		{"/leapseconds/x", 400, invalidAction},
		{"/zones?x=1", 400, invalidAction},
		{"/zones?%zz", 400, invalidAction},
		{"/zones?a;b", 400, invalidAction},
		{"/zones?changedsince=a&changedsince=b", 400, invalidChangedSince},
		{"/zones/America%2FNew_York/America%2FLos_Angeles", 400, invalidAction},
		{"/zones/America%2FPittsburgh", 404, tzidNotFound},
		{"/zones/america%2Fnew_york", 404, tzidNotFound},
		{"/zones/W.%20Europe%20Standard%20Time", 404, tzidNotFound},
		{"/zones/%2E%2E%2Fetc%2Fpasswd", 404, tzidNotFound},
		{ny + "?start=2008-01-01T00:00:00Z&start=2008-01-01T00:00:00Z", 400, invalidStart},
		{ny + "?start=2008-01-01T00:00:00%2B01:00", 400, invalidStart},
		{ny + "?start=2008-01-01T00:00:00.5Z", 400, invalidStart},
		{ny + "?start=", 400, invalidStart},
		{ny + "?end=2009", 400, invalidEnd},
		{ny + "?end=2008-01-01T00:00:00Z&start=2008-01-01T00:00:00Z", 400, invalidEnd},
		{ny + "?format=text/plain", 400, invalidFormat},
		{ny + "?pattern=x", 400, invalidAction},
		{"/observances", 400, invalidAction},
		{"/observances/America%2FNew_York/America%2FLos_Angeles", 400, invalidAction},
		{"/observances/America%2FPittsburgh?" + both, 404, tzidNotFound},
		{ny + "/x/observances?" + both, 400, invalidAction},
		{ny + "/observances", 400, invalidStart},
		{ny + "/observances?start=20070101", 400, invalidStart},
		{ny + "/observances?start=2008-01-01T00:00:00Z&start=2009-01-01T00:00:00Z", 400, invalidStart},
		{ny + "/observances?start=2008-01-01T00:00:00Z", 400, invalidEnd},
		{ny + "/observances?" + both + "&end=2009", 400, invalidEnd},
		{ny + "/observances?start=2009-01-01T00:00:00Z&end=2008-01-01T00:00:00Z", 400, invalidEnd},
		{ny + "/observances?start=2009-01-01T00:00:00Z&end=2009-01-01T00:00:00Z", 400, invalidEnd},
		{"/zones?pattern=America/New_York&pattern=America/Los_Angeles", 400, invalidPattern},
		{"/zones?pattern=", 400, invalidPattern},
		{"/zones?pattern=*", 400, invalidPattern},
		{"/zones?pattern=**", 400, invalidPattern},
		{"/zones?pattern=***", 400, invalidPattern},
		{"/zones?pattern=A*a", 400, invalidPattern},
		{`/zones?pattern=A\a`, 400, invalidPattern},
		{`/zones?pattern=Aa\`, 400, invalidPattern},
		{"/zones?pattern=" + strings.Repeat("a", mostPattern+1), 400, invalidPattern},
		{"/zones?changedsince=" + strings.Repeat("a", mostRequest), 414, invalidAction},
		{"/zones/" + strings.Repeat("a", mostRequest), 414, invalidAction},
		{"x/zones", 404, invalidAction},
		{"?query=true", 400, invalidAction},
		{"?action=foo", 400, invalidAction},
		{"?action=list&method=list", 400, invalidAction},
		{"?action=get", 400, invalidAction},
		{"?action=list&tzid=America/New_York", 400, invalidAction},
		{"?action=get&tzid=America/New_York&tzid=GB", 400, invalidAction},
		{"?action=get&tzid=America/Pittsburgh", 404, tzidNotFound},
	} {
		w := do(h, "GET", tt.target)
		var p struct {
			Type, Title string
			Status      int
			Code        string `json:"error-code"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%.80s: %v", tt.target, err)
		}
		if w.Code != tt.status || p.Status != tt.status || p.Code != tt.code || p.Type != "urn:ietf:params:tzdist:error:"+tt.code || p.Title == "" {
			t.Errorf("%.80s: %d %+v, want %d %s", tt.target, w.Code, p, tt.status, tt.code)
		}
		if got := w.Header().Get("Content-Type"); got != "application/problem+json; charset=utf-8" {
			t.Errorf("%.80s: Content-Type %q", tt.target, got)
		}
	}
}

func TestMethods(t *testing.T) {
	h := newTest()
	for _, method := range []string{"PUT", "POST", "DELETE", "PROPFIND"} {
		if w := do(h, method, ""); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allowed {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
	if w := do(h, "OPTIONS", "/zones"); w.Code != http.StatusNoContent || w.Header().Get("Allow") != allowed {
		t.Errorf("OPTIONS: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

// TestHead asks through a listener: HEAD is GET without its body.
func TestHead(t *testing.T) {
	srv := httptest.NewServer(newTest())
	defer srv.Close()
	for _, target := range []string{"", "/zones", "/zones/GB", "/zones/None"} {
		var headers [2]http.Header
		for i, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequest(method, srv.URL+testPrefix+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := srv.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || (method == "HEAD") != (len(body) == 0) {
				t.Errorf("%s %s: %d bytes, %v", method, target, len(body), err)
			}
			resp.Body.Close()
			resp.Header.Del("Date")
			headers[i] = resp.Header
		}
		if !maps.EqualFunc(headers[0], headers[1], slices.Equal) {
			t.Errorf("%s: HEAD has %v, GET %v", target, headers[1], headers[0])
		}
	}
}

func TestConditional(t *testing.T) {
	h := newTest()
	for _, target := range []string{
		"/capabilities", "/leapseconds", "/zones", "/zones?pattern=GB", "/zones/GB",
		"/zones/GB?start=2010-01-01T00:00:00Z", "/zones/GB/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z",
	} {
		etag := do(h, "GET", target).Header().Get("ETag")
		if len(etag) < 10 {
			t.Fatalf("%s: ETag %q", target, etag)
		}
		for header, status := range map[string]int{etag: 304, "*": 304, `"a", W/` + etag: 304, `"a"`: 200, strings.Trim(etag, `"`): 200} {
			w := do(h, "GET", target, "If-None-Match", header)
			if w.Code != status || w.Header().Get("ETag") != etag || (status == 304) != (w.Body.Len() == 0) {
				t.Errorf("%s: If-None-Match %s: %d, ETag %s", target, header, w.Code, w.Header().Get("ETag"))
			}
		}
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, path := range map[string]string{"": "/zones/GB", "/": "/zones/GB", "timezones": "/timezones/zones/GB", "/a/b/": "/a/b/zones/GB"} {
		w := httptest.NewRecorder()
		New(Options{Prefix: prefix}).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != http.StatusOK {
			t.Errorf("prefix %q: GET %s: %d", prefix, path, w.Code)
		}
	}
}

func TestConcurrent(t *testing.T) {
	h := newTest()
	bodies := make([]string, 4)
	var group sync.WaitGroup
	for i := range bodies {
		group.Go(func() { bodies[i] = do(h, "GET", "/zones").Body.String() })
	}
	group.Wait()
	if bodies = slices.Compact(bodies); len(bodies) != 1 || bodies[0] == "" {
		t.Error("lists differ")
	}
}
