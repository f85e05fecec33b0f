package config

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"convene/imip"
)

// Mail says how people are told of meetings who have no calendar here.
type Mail struct {
	Server    string `toml:"server" doc:"Mail submission server (RFC 6409) as host:port, such as smtp.example.com:587. Empty: no mail is sent, and organizers see in their events that guests from elsewhere were not reached."`
	Security  string `toml:"security" doc:"How the connection to it is protected: \"starttls\", \"tls\" from the first byte (port 465), or \"none\", to a server on this machine alone."`
	Authority string `toml:"authority" doc:"PEM file with the authorities that may have signed its certificate. Empty: those of the system."`
	User      string `toml:"user" doc:"Name to sign in with (AUTH PLAIN). Empty: without signing in."`
	Password  string `toml:"password-file" doc:"File with the password of that user. It is read for each connection."`

	From    string   `toml:"from" doc:"Mail address of the service itself: the sender of mail for organizers whose address is not in mail.domains. Its domain is in the Message-IDs of all."`
	Name    string   `toml:"name" doc:"Name that goes with that address."`
	Domains []string `toml:"domains" doc:"Mail domains that the submission server sends for: organizers with such an address are the senders of their invitations themselves. Empty: those of scheduling.mail-domains."`

	Language  string            `toml:"language" doc:"Language of mails to those of whom neither the directory nor languages says another: \"en\", \"de\", \"es\", \"fr\", \"it\", \"ja\" or \"nl\". It is that of what rooms reply, too, where nobody asks for another."`
	Languages map[string]string `toml:"languages" doc:"Language for recipients in some mail domains, and those below: such as \"de\" = \"de\" for all addresses that end in .de."`

	Delay       time.Duration `toml:"delay" doc:"How long a mail waits: what is changed meanwhile is sent once."`
	GiveUp      time.Duration `toml:"give-up" doc:"How long a mail is tried that the server does not take for now. Then the organizer finds a note in the inbox."`
	Timeout     time.Duration `toml:"timeout" doc:"How long one step of sending may take."`
	Connections int           `toml:"max-connections" doc:"Connections to the submission server at the same time."`
	PerMinute   int           `toml:"max-per-minute" doc:"Mails that go out for one sender in a minute; more wait. 0: without limit."`
	PerDay      int           `toml:"max-per-day" doc:"Mails of one sender in a day (UTC); beyond that guests from elsewhere are not invited, and the organizer sees it in the event. 0: without limit."`
}

func defaultMail() Mail {
	return Mail{
		Security: "starttls", Name: "Calendar", Language: "en", Delay: 5 * time.Second, GiveUp: 72 * time.Hour, Timeout: time.Minute,
		Connections: 4, PerMinute: 60, PerDay: 2000,
	}
}

// Enabled reports whether mail is sent.
func (m *Mail) Enabled() bool { return m.Server != "" }

// Authorities are those of mail.authority; nil: the system's.
func (m *Mail) Authorities() (*x509.CertPool, error) {
	if m.Authority == "" {
		return nil, nil
	}
	text, err := os.ReadFile(m.Authority)
	if err != nil {
		return nil, fmt.Errorf("mail.authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("mail.authority: %s has no certificate", m.Authority)
	}
	return pool, nil
}

// MailDomains are those that the submission server sends for.
func (c *Config) MailDomains() []string {
	if len(c.Mail.Domains) > 0 {
		return c.Mail.Domains
	}
	return c.Scheduling.Domains
}

func (k *checker) mail(c *Config) {
	m := &c.Mail
	k.oneOf("mail.security", m.Security, "starttls", "tls", "none")
	k.oneOf("mail.language", m.Language, imip.Languages()...)
	for _, domain := range slices.Sorted(maps.Keys(m.Languages)) {
		k.oneOf("mail.languages", m.Languages[domain], imip.Languages()...)
	}
	k.above(map[string]time.Duration{"mail.delay": m.Delay, "mail.give-up": m.GiveUp, "mail.timeout": m.Timeout})
	if m.Connections < 1 {
		k.fault("mail.max-connections", "at least one connection is needed", "")
	}
	k.notNegative("mail.max-per-minute", m.PerMinute)
	k.notNegative("mail.max-per-day", m.PerDay)
	if m.Enabled() {
		k.mailServer(m)
	}
}

func (k *checker) notNegative(key string, n int) {
	if n < 0 {
		k.fault(key, fmt.Sprintf("%d is below zero", n), "0: without limit")
	}
}

// mailServer finds what is missing of a submission server.
func (k *checker) mailServer(m *Mail) {
	host, _, _ := net.SplitHostPort(m.Server) // what it cannot split, checkAddress refuses
	if err := checkAddress(m.Server); err != nil || host == "" {
		k.fault("mail.server", fmt.Sprintf("%q is not the address of a server", m.Server), `write "smtp.example.com:587"`)
	}
	if m.Security == "none" && !isLoopback(host) {
		k.fault("mail.security", "mail and password would be readable on the way", `"none" is for a server on this machine alone: localhost, 127.0.0.1 or ::1`)
	}
	if _, err := imip.NewMailbox("", m.From); err != nil {
		k.fault("mail.from", fmt.Sprintf("%q is not a mail address", m.From), `such as "calendar@example.com"`)
	}
	if (m.User == "") != (m.Password == "") {
		k.fault("mail.user", "user and password go together", "set mail.user and mail.password-file, or neither")
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
