package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// SMTPOptions say how a mail server is reached.
type SMTPOptions struct {
	CA             *CA  // whose certificate it has; nil: no TLS
	Implicit       bool // TLS from the first byte; else STARTTLS
	User, Password string
}

// An SMTP is a running mail submission server: testenv/cmd/smtpd, where it says which
// addresses it refuses.
type SMTP struct {
	Address string // host:port
	Dir     string
	t       testing.TB
	program string
	args    []string
	proc    *Process
}

// A Mail is one that the server took.
type Mail struct {
	From, To string // of the envelope
	Text     string
}

// NewSMTP builds and starts a mail server, a process of its own.
func NewSMTP(t testing.TB, o SMTPOptions) *SMTP {
	t.Helper()
	s := &SMTP{t: t, Address: loopback(FreePort(t)), Dir: Dir(t)}
	s.args = []string{"-listen", s.Address, "-dir", s.Dir, "-trap", s.trap(), "-user", o.User, "-password", o.Password}
	if o.CA != nil {
		cert, key := o.CA.Issue("127.0.0.1", "localhost")
		s.args = append(s.args, "-cert", cert, "-key", key)
	}
	if o.Implicit {
		s.args = append(s.args, "-implicit")
	}
	s.program = filepath.Join(Dir(t), "smtpd")
	Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-o", s.program, "convene/testenv/cmd/smtpd")
	s.Start()
	return s
}

// Start starts the server again after Stop, at the same address.
func (s *SMTP) Start() {
	s.t.Helper()
	s.proc = Start(s.t, Command{Path: s.program, Args: s.args, Ready: []string{s.Address}})
}

// Stop ends the server. What it took stays.
func (s *SMTP) Stop() { s.proc.Stop() }

func (s *SMTP) trap() string { return filepath.Join(s.Dir, "trap") }

// SetTrap makes the server kill a process when it has come to a point, which its
// documentation names, for the nth time.
func (s *SMTP) SetTrap(point string, n, pid int) {
	s.t.Helper()
	if err := os.WriteFile(s.trap()+".new", fmt.Appendf(nil, "%s %d %d\n", point, n, pid), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.trap()+".new", s.trap()); err != nil {
		s.t.Fatal(err)
	}
}

// Mails are those that the server took, in order.
func (s *SMTP) Mails() []Mail {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.Dir, "*.eml"))
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(files)
	var list []Mail
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			s.t.Fatal(err)
		}
		envelope, text, _ := strings.Cut(string(b), "\r\n\r\n")
		from, to, _ := strings.Cut(envelope, "\r\n")
		list = append(list, Mail{From: strings.TrimPrefix(from, "MAIL FROM:"), To: strings.TrimPrefix(to, "RCPT TO:"), Text: text})
	}
	return list
}
