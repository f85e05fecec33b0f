package tzdist

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"convene/internal/ical"
)

// FuzzRequest holds every answer to what all have in common: a known status, a
// body of its type, a problem that is JSON.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][3]string{
		{"/zones", "pattern=*New%20York*", ""},
		{"/zones/America%2FNew_York", "start=2010-01-01T00:00:00Z&end=2020-01-01T00:00:00Z", "application/calendar+json"},
		{"/zones/US/Eastern/observances", "start=0001-01-01T00:00:00Z&end=9999-01-01T00:00:00Z", "*/*"},
		{"", "action=get&tzid=GB", "text/calendar;q=0.1"},
		{"/observances/GB/", "start=20070101", ""},
		{"/zones/..%2F..", "format=x;y", ","},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	h := newTest()
	f.Fuzz(func(t *testing.T, path, query, accept string) {
		unescaped, err := url.PathUnescape(path)
		if err != nil {
			return
		}
		r := &http.Request{
			Method: "GET", Header: http.Header{"Accept": {accept}},
			URL: &url.URL{Path: testPrefix + unescaped, RawPath: testPrefix + path, RawQuery: query},
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		body := w.Body.Bytes()
		media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		switch w.Code {
		case 200:
			if w.Header().Get("ETag") == "" {
				t.Error("no ETag")
			}
		case 400, 404, 406, 414:
			if media != "application/problem+json" {
				t.Errorf("problem as %s", media)
			}
		default:
			t.Errorf("status %d", w.Code)
		}
		if media == formatCalendar {
			if _, err := ical.Decode(body, ical.DefaultLimits); err != nil {
				t.Error(err)
			}
		} else if !json.Valid(body) {
			t.Errorf("not JSON: %.200s", body)
		}
	})
}

func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"*xyz", `\*Test\\Time\*Zone\*`, "a*", `*\`, "**"} {
		f.Add(seed, "America/New_York")
	}
	f.Fuzz(func(t *testing.T, s, name string) {
		p, err := parsePattern(s)
		if err != nil {
			return
		}
		folded := fold(name)
		if fold(folded) != folded {
			t.Errorf("fold of %q is not stable", name)
		}
		if p.match(folded) && !strings.Contains(folded, p.text) {
			t.Errorf("%q matches %q", s, name)
		}
	})
}
