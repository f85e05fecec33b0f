package main

import (
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func main() {
	s := &spool{tries: map[string]int{}}
	listen := flag.String("listen", "127.0.0.1:0", "address")
	cert := flag.String("cert", "", "PEM file of the certificate")
	key := flag.String("key", "", "PEM file of its key")
	implicit := flag.Bool("implicit", false, "TLS from the first byte")
	flag.StringVar(&s.dir, "dir", ".", "folder for mails")
	flag.StringVar(&s.user, "user", "", "who has to sign in; empty: nobody")
	flag.StringVar(&s.password, "password", "", "their password")
	flag.StringVar(&s.trap.file, "trap", "", "file that says where to kill whom")
	flag.Parse()
	before, err := filepath.Glob(filepath.Join(s.dir, "*.eml"))
	if err != nil {
		log.Fatal(err)
	}
	s.count = len(before)
	server := smtp.NewServer(s)
	server.Domain = "localhost"
	l, err := net.Listen("tcp", *listen)
	if err == nil && *cert != "" {
		var pair tls.Certificate
		pair, err = tls.LoadX509KeyPair(*cert, *key)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}}
	}
	if err != nil {
		log.Fatal(err)
	}
	l = watchedListener{l, &s.trap}
	if *implicit {
		l = tls.NewListener(l, server.TLSConfig)
	}
	log.Fatal(server.Serve(l))
}

// A spool is a folder of mails.
type spool struct {
	dir, user, password string
	trap                trap

	mu    sync.Mutex
	count int
	tries map[string]int // of recipients
}

// NewSession implements smtp.Backend.
func (s *spool) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &session{spool: s, conn: c, signedIn: s.user == ""}, nil
}

// put keeps a mail.
func (s *spool) put(from, to string, r io.Reader) error {
	first := make([]byte, 100)
	n, err := io.ReadFull(r, first)
	if err != nil {
		return err
	}
	s.trap.at("body")
	rest, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	body := append(first[:n], rest...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := filepath.Join(s.dir, fmt.Sprintf("%06d.eml", s.count))
	text := fmt.Appendf(nil, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n\r\n%s", from, to, body)
	if err := os.WriteFile(name+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// tried counts the attempts for a recipient, with this one.
func (s *spool) tried(to string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries[to]++
	return s.tries[to]
}

type session struct {
	*spool
	conn     *smtp.Conn
	signedIn bool
	from, to string
}

func answer(code int, enhanced smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// AuthMechanisms implements smtp.AuthSession.
func (s *session) AuthMechanisms() []string {
	if s.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements smtp.AuthSession.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.user || password != s.password {
			return answer(535, smtp.EnhancedCode{5, 7, 8}, "wrong password")
		}
		s.signedIn = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if !s.signedIn {
		return answer(530, smtp.EnhancedCode{5, 7, 0}, "sign in first")
	}
	s.trap.at("mail")
	s.from = from
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.trap.at("rcpt")
	s.to = to
	var n int
	switch {
	case strings.HasPrefix(to, "unknown"):
		return answer(550, smtp.EnhancedCode{5, 1, 1}, "no such mailbox")
	case strings.HasPrefix(to, "refused"):
		return answer(554, smtp.EnhancedCode{5, 7, 1}, "not from you")
	case strings.HasPrefix(to, "away"):
		return answer(451, smtp.EnhancedCode{4, 3, 0}, "not now")
	case strings.HasPrefix(to, "later"):
		if _, err := fmt.Sscanf(to, "later%d", &n); err == nil && s.tried(to) <= n {
			return answer(451, smtp.EnhancedCode{4, 3, 0}, "not yet")
		}
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	if strings.HasPrefix(s.to, "spam") {
		_, err := io.Copy(io.Discard, r)
		return errors.Join(err, answer(554, smtp.EnhancedCode{5, 7, 1}, "looks like spam"))
	}
	if err := s.put(s.from, s.to, r); err != nil {
		return err
	}
	s.trap.at("taken")
	if c, ok := s.conn.Conn().(*watched); ok {
		c.taken = true
	}
	if strings.HasPrefix(s.to, "drop") && s.tried(s.to) == 1 {
		return s.conn.Conn().Close()
	}
	return nil
}

func (s *session) Reset() { s.from, s.to = "", "" }

func (s *session) Logout() error { return nil }
