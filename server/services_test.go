package server_test

import (
	"net/http"
	"strings"
	"testing"

	"convene/config"
)

// RFC 6764 §5: who asks where the service is stays on the listener that was asked,
// if anybody can sign in there. Else the way leads to the one with TLS; or to the
// public URL, if there is one. What the Host header says leads nowhere.
func TestWhereTheServiceIs(t *testing.T) {
	for _, tt := range []struct {
		name           string
		change         func(*config.Config)
		plain, secure  string // Location; TLS stands for the address with TLS
		zones, created string // Location of /.well-known/timezone, and before the path of what was created
	}{
		{"passwords everywhere", func(*config.Config) {}, "/", "/", "/timezones", ""},
		{"passwords over TLS alone", func(c *config.Config) { c.Auth.BasicOverPlain = false }, "TLS/", "/", "/timezones", ""},
		{"digest", func(c *config.Config) { c.Auth.Schemes, c.Auth.BasicOverPlain = []string{"digest", "basic"}, false }, "/", "/", "/timezones", ""},
		{"behind a proxy", func(c *config.Config) { c.Server.PublicURL = "https://cal.example.com" },
			"https://cal.example.com/", "https://cal.example.com/", "https://cal.example.com/timezones", "https://cal.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := smallConfig(t)
			tt.change(&c)
			s := serve(t, c)
			secure := "https://localhost" + s.HTTPS[strings.LastIndexByte(s.HTTPS, ':'):]
			check := func(what, got, want string) {
				t.Helper()
				if want := strings.Replace(want, "TLS", secure, 1); got != want {
					t.Errorf("%s: Location %q, want %q", what, got, want)
				}
			}
			for _, method := range []string{"GET", "PROPFIND"} {
				for url, want := range map[string]string{s.HTTP: tt.plain, s.HTTPS: tt.secure} {
					for _, host := range []string{"", "elsewhere.example", "elsewhere.example:1"} {
						check(method+" from "+host, redirect(t, method, url+"/.well-known/caldav", host, http.StatusMovedPermanently).Get("Location"), want)
						check("zones", redirect(t, method, url+"/.well-known/timezone", host, http.StatusMovedPermanently).Get("Location"), tt.zones)
						redirect(t, method, url+"/.well-known/carddav", host, http.StatusNotFound)
					}
				}
			}
			const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
			created := do(t, client(), "POST", s.HTTPS+annHome+"calendar/;add-member", "ann", event, "Content-Type: text/calendar")
			if got := created.Header.Get("Location"); created.StatusCode != 201 || !strings.HasPrefix(got, tt.created+annHome+"calendar/") {
				t.Errorf("POST = %s, Location %q", created.Status, got)
			}
		})
	}
}

// redirect asks under a host name of the client's choice, and does not follow.
func redirect(t *testing.T, method, url, host string, status int) http.Header {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	a, err := client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
	if a.StatusCode != status {
		t.Errorf("%s %s as %q = %s, want %d", method, url, host, a.Status, status)
	}
	return a.Header
}
