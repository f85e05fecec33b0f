package webdav

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPartial(t *testing.T) {
	const body = "0123456789"
	for _, tt := range []struct {
		method, header, since string
		status                int
		body, contentRange    string
	}{
		{"GET", "", "", 200, body, ""},
		{"GET", "bytes=0-3", "", 206, "0123", "bytes 0-3/10"},
		{"GET", "bytes=7-", "", 206, "789", "bytes 7-9/10"},
		{"GET", "bytes=7-99", "", 206, "789", "bytes 7-9/10"},
		{"GET", "bytes=-2", "", 206, "89", "bytes 8-9/10"},
		{"GET", "bytes=-99", "", 206, body, "bytes 0-9/10"},
		{"GET", "bytes=10-", "", 416, "", "bytes */10"},
		{"GET", "bytes=-0", "", 416, "", "bytes */10"},
		{"GET", "bytes=0-1,3-4", "", 200, body, ""},
		{"GET", "bytes=3-1", "", 200, body, ""},
		{"GET", "bytes=x-1", "", 200, body, ""},
		{"GET", "lines=0-1", "", 200, body, ""},
		{"HEAD", "bytes=0-1", "", 200, body, ""},
		{"GET", "bytes=0-1", `"a"`, 206, "01", "bytes 0-1/10"},
		{"GET", "bytes=0-1", `"b"`, 200, body, ""},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		if tt.header != "" {
			r.Header.Set("Range", tt.header)
		}
		if tt.since != "" {
			r.Header.Set("If-Range", tt.since)
		}
		got := Partial(r, &Response{Status: 200, Header: http.Header{"Etag": {`"a"`}}, Body: []byte(body)})
		if got.Status != tt.status || string(got.Body) != tt.body || got.Header.Get("Content-Range") != tt.contentRange {
			t.Errorf("%s %s %s: %d %q %q", tt.method, tt.header, tt.since, got.Status, got.Body, got.Header.Get("Content-Range"))
		}
	}
}
