package server_test

import (
	"net/http"
	"strings"
	"testing"
)

// asked sends a request under a host name, and follows nothing.
func asked(t *testing.T, method, url, host string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	r.SetBasicAuth("ann", "secret")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	a, err := client().Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
	return a
}

// Who comes without TLS is sent to the address with it, wherever the Host field says to
// be; what would change something is refused, and changes nothing.
func TestRedirectToTLS(t *testing.T) {
	for _, public := range []string{"", "https://cal.example.com"} {
		c := smallConfig(t)
		c.Server.RedirectHTTP, c.Server.PublicURL, c.Server.TrustedProxies = true, public, []string{"127.0.0.1"}
		s := serve(t, c)
		to := public
		if to == "" {
			to = "https://localhost" + s.HTTPS[strings.LastIndexByte(s.HTTPS, ':'):]
		}
		for _, path := range []string{"/", annHome + "calendar/?a=b", "/.well-known/caldav", "/my/", "/signin", "/timezones", "//evil.example/x"} {
			for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT"} {
				a := asked(t, method, s.HTTP+path, "evil.example", "X-Forwarded-Host: evil.example")
				if got := a.Header.Get("Location"); a.StatusCode != 308 || got != to+path {
					t.Errorf("%s %s: %s, Location %q", method, path, a.Status, got)
				}
			}
		}
		for _, method := range []string{"PUT", "POST", "DELETE", "MKCALENDAR", "MOVE", "PROPPATCH"} {
			if a := asked(t, method, s.HTTP+annHome+"calendar/", "localhost"); a.StatusCode != 403 || a.Header.Get("Location") != "" {
				t.Errorf("%s: %s, %v", method, a.Status, a.Header)
			}
		}
		for url, header := range map[string]string{s.HTTPS: "X: y", s.HTTP: "X-Forwarded-Proto: https"} {
			if a := asked(t, "PROPFIND", url+annHome+"calendar/", "localhost", header, "Depth: 0"); a.StatusCode != 207 {
				t.Errorf("with TLS, %s: %s", header, a.Status)
			}
		}
	}
}

// Whatever is answered over TLS says that it is to stay so: calendars too.
func TestHSTS(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	for _, path := range []string{"/", annHome, "/.well-known/caldav", "/my/", "/timezones"} {
		for host, want := range map[string]bool{"cal.example.com": true, "localhost": false, "127.0.0.1:8443": false} {
			if got := asked(t, "GET", s.HTTPS+path, host).Header.Get("Strict-Transport-Security"); (got == "max-age=31536000") != want {
				t.Errorf("%s as %s: %q", path, host, got)
			}
			if got := asked(t, "GET", s.HTTP+path, host).Header.Get("Strict-Transport-Security"); got != "" {
				t.Errorf("%s as %s, without TLS: %q", path, host, got)
			}
		}
	}
	c = smallConfig(t)
	c.Web.HSTS = 0
	if got := asked(t, "GET", serve(t, c).HTTPS+"/", "cal.example.com").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("set to 0: %q", got)
	}
}
