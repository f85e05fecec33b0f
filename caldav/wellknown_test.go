package caldav_test

import (
	"net/http/httptest"
	"testing"

	"convene/caldav"
)

func TestWellKnown(t *testing.T) {
	for _, tt := range []struct {
		name, method, url, port string
		status                  int
		location                string
	}{
		{"plain, no TLS to go to", "GET", "http://cal.example.com:8008/.well-known/caldav", "", 301, "/"},
		{"plain, to TLS", "PROPFIND", "http://cal.example.com:8008/.well-known/caldav", "8443", 301, "https://cal.example.com:8443/"},
		{"plain, IPv6", "GET", "http://[::1]:8008/.well-known/caldav/", "8443", 301, "https://[::1]:8443/"},
		{"to the usual port", "GET", "http://cal.example.com/.well-known/caldav", "443", 301, "https://cal.example.com/"},
		{"TLS", "PROPFIND", "https://cal.example.com:8443/.well-known/caldav", "8443", 301, "https://cal.example.com:8443/"},
		{"the folder", "PROPFIND", "http://cal.example.com/.well-known/", "", 207, ""},
		{"another service", "GET", "http://cal.example.com/.well-known/carddav", "", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			caldav.WellKnown(tt.port).ServeHTTP(w, httptest.NewRequest(tt.method, tt.url, nil))
			if w.Code != tt.status || w.Header().Get("Location") != tt.location {
				t.Errorf("%d %q, want %d %q", w.Code, w.Header().Get("Location"), tt.status, tt.location)
			}
		})
	}
}
