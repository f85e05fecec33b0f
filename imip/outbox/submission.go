package outbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"convene/imip"
)

// The ways to protect a connection.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	Plain    = "none" // to this machine alone
)

// A Submission is the server that mail is given to.
type Submission struct {
	Address      string // host:port
	Security     string // StartTLS, TLS or Plain
	User         string // "": without signing in
	PasswordFile string
	Name         string      // of this machine, for EHLO; "": localhost
	TLS          *tls.Config // nil: the system's authorities
	Timeout      time.Duration
}

// A session is a connection that mails can be sent over.
type session struct {
	client *smtp.Client
	stop   func() bool
}

// errConnection wraps what went wrong before there was a mail to speak of: it says
// nothing about any one mail.
type errConnection struct{ error }

func (e errConnection) Unwrap() error { return e.error }

// dial opens a session. ctx cuts it off, whatever is going on.
func (s *Submission) dial(ctx context.Context) (*session, error) {
	conn, err := (&net.Dialer{Timeout: s.Timeout}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, errConnection{err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // it is broken off
	client, err := s.greet(conn)
	if err != nil {
		stop()
		return nil, errConnection{errors.Join(err, closeQuietly(conn))}
	}
	return &session{client, stop}, nil
}

// closeQuietly closes what is of no more use, whose end has no news.
func closeQuietly(c io.Closer) error {
	_ = c.Close()
	return nil
}

// greet makes a client of a connection: protected, and signed in.
func (s *Submission) greet(conn net.Conn) (client *smtp.Client, err error) {
	if err := conn.SetDeadline(time.Now().Add(s.Timeout)); err != nil { // until the client sets its own
		return nil, err
	}
	host, _, _ := net.SplitHostPort(s.Address) // it has been dialled; without a name TLS would fail
	config := s.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	config.ServerName = host
	switch s.Security {
	case TLS:
		client = smtp.NewClient(tls.Client(conn, config))
	case StartTLS:
		if client, err = smtp.NewClientStartTLS(conn, config); err != nil {
			return nil, err
		}
	default:
		client = smtp.NewClient(conn)
	}
	client.CommandTimeout, client.SubmissionTimeout = s.Timeout, s.Timeout
	if s.Name != "" && s.Security != StartTLS { // there it was said before
		if err := client.Hello(s.Name); err != nil {
			return nil, err
		}
	}
	if s.User == "" {
		return client, nil
	}
	password, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return nil, err
	}
	return client, client.Auth(sasl.NewPlainClient("", s.User, strings.TrimRight(string(password), "\r\n")))
}

// send sends one mail.
func (c *session) send(m *imip.Mail) error {
	if err := c.client.Mail(m.From, &smtp.MailOptions{Size: int64(len(m.Body))}); err != nil {
		return fmt.Errorf("MAIL FROM:<%s>: %w", m.From, err)
	}
	if err := c.client.Rcpt(m.To, nil); err != nil {
		return fmt.Errorf("RCPT TO:<%s>: %w", m.To, recipientError{err})
	}
	w, err := c.client.Data()
	if err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	if _, err = io.Copy(w, bytes.NewReader(m.Body)); err != nil {
		return errors.Join(fmt.Errorf("DATA: %w", err), closeQuietly(c.client))
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("DATA: %w", err)
	}
	return nil
}

// again makes the session ready for the next mail, and reports whether it is.
func (c *session) again() bool { return c.client.Reset() == nil }

// close ends the session. What was sent is sent, whatever comes of this.
func (c *session) close() {
	if c.client.Quit() != nil {
		_ = closeQuietly(c.client)
	}
	c.stop()
}

// recipientError is the server's answer about a recipient.
type recipientError struct{ error }

func (e recipientError) Unwrap() error { return e.error }

// The SCHEDULE-STATUS of what is not delivered (RFC 6638 §3.2.9).
const (
	statusUndelivered = "5.1" // given up
	statusRefused     = "5.2" // the server will not
	statusNobody      = "3.7" // there is no such mailbox
)

// noMailbox are the codes that say that a recipient does not exist (RFC 3463 §3.2, RFC
// 7505 §5).
var noMailbox = []smtp.EnhancedCode{{5, 1, 1}, {5, 1, 2}, {5, 1, 3}, {5, 1, 6}, {5, 1, 10}}

// signInFirst are the codes by which a server refuses whoever has not signed in as it wants
// (RFC 4954 §6). They say nothing of the mail, at whatever command they come.
var signInFirst = []int{530, 534, 535, 538}

// finalStatus is the status of an error that another attempt would meet as well; "" of
// one that may pass: a 4xx, a connection that failed, or a user that is not set up.
func finalStatus(err error) string {
	var connection errConnection
	var answer *smtp.SMTPError
	if errors.As(err, &connection) || !errors.As(err, &answer) || answer.Code < 500 || slices.Contains(signInFirst, answer.Code) {
		return ""
	}
	var recipient recipientError
	unknown := slices.Contains(noMailbox, answer.EnhancedCode) ||
		answer.EnhancedCode == smtp.EnhancedCodeNotSet && (answer.Code == 550 || answer.Code == 551 || answer.Code == 553)
	if errors.As(err, &recipient) && unknown {
		return statusNobody
	}
	return statusRefused
}
