package server_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/server"
	"convene/testenv"
)

// A certificate that clients refuse, or soon will, is warned of at the start and in what
// health says, and no longer when there is a better one.
func TestCertificateWarnings(t *testing.T) {
	ca := testenv.NewCA(t)
	for _, tt := range []struct {
		name, host, public string
		later              time.Duration
		want               string
	}{
		{"self-signed", "calendar.example.com", "", 0, ""},
		{"ends within a day", "localhost", "", 0, "the certificate ends on "},
		{"another name", "calendar.example.com", "", 0, "the certificate is not for calendar.example.com"},
		{"long over", "localhost", "", 100 * 365 * 24 * time.Hour, "the certificate ended on "},
	} {
		c := smallConfig(t)
		c.Server.HostName, c.Server.PublicURL = tt.host, tt.public
		if tt.want != "" {
			c.TLS.Certificate, c.TLS.Key = ca.Issue("localhost")
		}
		var log lockedBuffer
		s, err := server.Open(server.Options{Config: c, Stderr: &log, Now: func() time.Time { return time.Now().Add(tt.later) }})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		const warning = "clients refuse the certificate"
		if got := log.String(); strings.Contains(got, warning) != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s:\n%s", tt.name, got)
		}
	}
}

func TestReadableFolderAndPassword(t *testing.T) {
	c := smallConfig(t)
	c.Mail.Password = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "mail-password"), "hidden")
	for _, mode := range []os.FileMode{0o600, 0o644} {
		if err := os.Chmod(c.Mail.Password, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.Server.Data, mode|0o100|mode&4>>2); err != nil {
			t.Fatal(err)
		}
		var log lockedBuffer
		s, err := server.Open(server.Options{Config: c, Stderr: &log})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, name := range []string{c.Server.Data, c.Mail.Password} {
			if strings.Contains(log.String(), `cure="chmod o= `+name+`"`) != (mode == 0o644) {
				t.Errorf("%o, %s:\n%s", mode, name, &log)
			}
		}
		if strings.Contains(log.String(), "hidden") {
			t.Error("the password is in the log")
		}
	}
}

// What a proxy took for the rest of a body is no request, whichever of Content-Length and
// Transfer-Encoding it went by.
func TestSmuggledRequest(t *testing.T) {
	c := smallConfig(t)
	c.Server.TrustedProxies = []string{"127.0.0.1"}
	s := serve(t, c)
	const second = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "PUT /first HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n%s", 5+len(second), second); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	a, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Body.Close(); err != nil {
		t.Error(err)
	}
	if !a.Close {
		t.Errorf("the connection goes on after %s, %v", a.Status, a.Header)
	}
	if a, err := http.ReadResponse(r, nil); err == nil {
		t.Errorf("an answer to what was smuggled: %s", a.Status)
	}
	accessLog(t, &c, `"PUT /first `)
	if text, err := os.ReadFile(filepath.Join(c.Server.Data, "access.log")); err != nil || strings.Contains(string(text), "/smuggled") {
		t.Errorf("%v\n%s", err, text)
	}
}
