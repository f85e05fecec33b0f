package memldap

import (
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

var (
	errUnbind   = errors.New("unbind")
	errProtocol = errors.New("protocol error")
	errDropped  = errors.New("dropped by a quirk")
)

const (
	oidStartTLS = "1.3.6.1.4.1.1466.20037"
	oidWhoAmI   = "1.3.6.1.4.1.4203.1.11.3"
)

// handle carries out one request. An error ends the connection.
func (x *session) handle(msg *ber.Packet) error {
	if len(msg.Children) < 2 {
		return errProtocol
	}
	id, ok := msg.Children[0].Value.(int64)
	if !ok || id < 0 {
		return errProtocol
	}
	op := msg.Children[1]
	if op.ClassType != ber.ClassApplication {
		return errProtocol
	}
	q := x.quirks.Load()
	if q.Delay > 0 {
		time.Sleep(q.Delay)
	}
	switch op.Tag {
	case ldap.ApplicationBindRequest:
		code, text := x.bind(op, q)
		return x.result(id, ldap.ApplicationBindResponse, code, text)
	case ldap.ApplicationSearchRequest:
		return x.search(id, op, controls(msg), q)
	case ldap.ApplicationExtendedRequest:
		return x.extended(id, op)
	case ldap.ApplicationUnbindRequest:
		return errUnbind
	case ldap.ApplicationAbandonRequest:
		return nil // requests are served one by one: it comes too late
	case ldap.ApplicationCompareRequest, ldap.ApplicationModifyRequest, ldap.ApplicationAddRequest,
		ldap.ApplicationDelRequest, ldap.ApplicationModifyDNRequest:
		return x.result(id, responseTag(op.Tag), ldap.LDAPResultUnwillingToPerform, "this server is read-only")
	}
	return errProtocol
}

// text returns the bytes of a primitive packet.
func text(p *ber.Packet) string {
	if p.Data == nil {
		return ""
	}
	return p.Data.String()
}

// bind checks a simple bind.
func (x *session) bind(op *ber.Packet, q *Quirks) (uint16, string) {
	x.binds.Add(1)
	x.who = ""
	if len(op.Children) != 3 || op.Children[2].ClassType != ber.ClassContext {
		return ldap.LDAPResultProtocolError, ""
	}
	if op.Children[2].Tag != 0 {
		return ldap.LDAPResultAuthMethodNotSupported, "simple binds only"
	}
	dn, password := text(op.Children[1]), text(op.Children[2])
	switch {
	case q.FailBind != 0:
		return q.FailBind, q.BindMessage
	case dn == "" && password == "":
		return ldap.LDAPResultSuccess, ""
	case q.StrongReq && !x.secure:
		return ldap.LDAPResultStrongAuthRequired, "BindSimple: Transport encryption required."
	case password == "":
		return ldap.LDAPResultUnwillingToPerform, "unauthenticated bind (DN with no password) disallowed"
	}
	e := x.byDN[ldif.FoldDN(dn)]
	if e == nil {
		e = x.byPrincipalName(dn)
	}
	if e == nil {
		return ldap.LDAPResultInvalidCredentials, ""
	}
	for _, stored := range e.Values("userPassword") {
		if samePassword(stored, password) {
			x.who = e.DN
			return ldap.LDAPResultSuccess, ""
		}
	}
	return ldap.LDAPResultInvalidCredentials, ""
}

// byPrincipalName finds an account by user@domain, as Active Directory does.
func (x *session) byPrincipalName(name string) *ldif.Entry {
	if !strings.Contains(name, "@") {
		return nil
	}
	for _, e := range x.entries {
		if strings.EqualFold(e.Value("userPrincipalName"), name) {
			return e
		}
	}
	return nil
}

// samePassword compares a password with a stored one: {SHA}, {SSHA} or clear.
func samePassword(stored, password string) bool {
	scheme, data, ok := strings.Cut(stored, "}")
	if ok && (strings.EqualFold(scheme, "{SSHA") || strings.EqualFold(scheme, "{SHA")) {
		b, err := base64.StdEncoding.DecodeString(data)
		if err != nil || len(b) < sha1.Size {
			return false
		}
		sum := sha1.Sum(append([]byte(password), b[sha1.Size:]...))
		return subtle.ConstantTimeCompare(sum[:], b[:sha1.Size]) == 1
	}
	return subtle.ConstantTimeCompare([]byte(stored), []byte(password)) == 1
}

// extended carries out StartTLS and who am I.
func (x *session) extended(id int64, op *ber.Packet) error {
	if len(op.Children) == 0 {
		return errProtocol
	}
	switch text(op.Children[0]) {
	case oidStartTLS:
		if x.tls == nil || x.secure || x.r.Buffered() > 0 { // nothing may be sent ahead of TLS
			return x.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultOperationsError, "no TLS")
		}
		if err := x.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, ""); err != nil {
			return err
		}
		if err := x.w.Flush(); err != nil {
			return err
		}
		if err := x.upgrade(x.tls); err != nil {
			return err
		}
		x.buffer()
		return nil
	case oidWhoAmI:
		who := x.who
		if who != "" {
			who = "dn:" + who
		}
		return x.send(result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultSuccess, "",
			ber.NewString(ber.ClassContext, ber.TypePrimitive, 11, who, "")))
	}
	return x.result(id, ldap.ApplicationExtendedResponse, ldap.LDAPResultProtocolError, "unknown operation")
}

// control is one control of a request.
type control struct {
	oid      string
	critical bool
	value    []byte
}

// controls returns the controls of a message; malformed ones are left out.
func controls(msg *ber.Packet) []control {
	if len(msg.Children) < 3 {
		return nil
	}
	var out []control
	for _, k := range msg.Children[2].Children {
		if len(k.Children) == 0 || len(k.Children) > 3 {
			continue
		}
		c := control{oid: text(k.Children[0])}
		for _, f := range k.Children[1:] {
			switch v := f.Value.(type) {
			case bool:
				c.critical = v
			default:
				c.value = []byte(text(f))
			}
		}
		out = append(out, c)
	}
	return out
}
