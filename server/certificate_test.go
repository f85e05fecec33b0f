package server_test

import (
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
		{"ends within hours", "localhost", "", 20 * time.Hour, "the certificate ends on "},
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
