package caldav_test

import (
	"net/http/httptest"
	"testing"

	"convene/caldav"
)

func TestWellKnown(t *testing.T) {
	for _, tt := range []struct {
		name, method, url, root string
		status                  int
		location                string
	}{
		{"a path", "GET", "http://cal.example.com:8008/.well-known/caldav", "/", 301, "/"},
		{"a path, with a slash", "PROPFIND", "http://[::1]:8008/.well-known/caldav/", "/", 301, "/"},
		{"a URL", "PROPFIND", "http://elsewhere.example/.well-known/caldav", "https://cal.example.com:8443/", 301, "https://cal.example.com:8443/"},
		{"the folder", "PROPFIND", "http://cal.example.com/.well-known/", "/", 207, ""},
		{"the folder, for what it has not", "DELETE", "http://cal.example.com/.well-known/", "/", 405, ""},
		{"the folder, to write there", "PUT", "http://cal.example.com/.well-known/", "/", 405, ""},
		{"another service", "GET", "http://cal.example.com/.well-known/carddav", "/", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			caldav.WellKnown(tt.root).ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, nil))
			if w.Code != tt.status || w.Header().Get("Location") != tt.location {
				t.Errorf("%d %q, want %d %q", w.Code, w.Header().Get("Location"), tt.status, tt.location)
			}
			if tt.status == 301 && w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("Cache-Control %q", w.Header().Get("Cache-Control"))
			}
		})
	}
}
