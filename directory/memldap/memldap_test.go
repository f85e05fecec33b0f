package memldap_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"go.uber.org/goleak"

	"convene/directory/memldap"
	"convene/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const people = `dn: dc=x
objectClass: domain
dc: x

dn: uid=alice,dc=x
objectClass: person
uid: alice
userPassword: {SSHA}uMvRaxoOpvEX2cnFDvjCIWuOwSYBAgMEBQYHCA==

dn: uid=bob,dc=x
objectClass: person
uid: bob
userPassword: bobpw

dn: cn=all,dc=x
objectClass: groupOfNames
cn: all
member: uid=alice,dc=x
member: uid=bob,dc=x
member: uid=carol,dc=x
`

func serve(t testing.TB, text string, o memldap.Options) (*memldap.Server, string) {
	t.Helper()
	s, err := memldap.NewLDIF(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); err != nil {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func dial(t *testing.T, addr string) *ldap.Conn {
	t.Helper()
	c, err := ldap.DialURL("ldap://" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func search(filter string, limit int, attrs ...string) *ldap.SearchRequest {
	return ldap.NewSearchRequest("dc=x", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, limit, 0, false, filter, attrs, nil)
}

func TestServer(t *testing.T) {
	ca := testenv.NewCA(t)
	cert, key := ca.Issue()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, people, memldap.Options{TLS: &tls.Config{Certificates: []tls.Certificate{pair}}})
	c := dial(t, addr)
	if err := c.StartTLS(&tls.Config{RootCAs: ca.Pool, ServerName: "localhost"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Bind("UID=Bob, DC=x", "bobpw"); err != nil {
		t.Fatal(err)
	}
	if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != "dn:uid=bob,dc=x" {
		t.Error(who, err)
	}
	for _, bad := range [][2]string{{"uid=bob,dc=x", "x"}, {"uid=nobody,dc=x", "x"}, {"", "x"}} {
		if err := c.Bind(bad[0], bad[1]); !ldap.IsErrorWithCode(err, ldap.LDAPResultInvalidCredentials) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	res, err := c.Search(search("(uid=*)", 0))
	if err != nil || len(res.Entries) != 2 || len(res.Entries[0].Attributes) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	res, err = c.Search(search("(uid=alice)", 0, "entryUUID", "userPassword", "*"))
	if err != nil || len(res.Entries[0].GetAttributeValue("entryUUID")) != 36 || res.Entries[0].GetAttributeValue("userPassword") != "" {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := c.Search(search("(uid=*)", 1)); !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		t.Error(err)
	}
	if res, err := c.SearchWithPaging(search("(objectClass=*)", 0), 1); err != nil || len(res.Entries) != 4 {
		t.Errorf("%+v, %v", res, err)
	}
	if err := c.Del(ldap.NewDelRequest("uid=bob,dc=x", nil)); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnwillingToPerform) {
		t.Error(err)
	}
	crit := search("(uid=*)", 0)
	crit.Controls = []ldap.Control{ldap.NewControlString("1.2.3", true, "")}
	if _, err := c.Search(crit); !ldap.IsErrorWithCode(err, ldap.LDAPResultUnavailableCriticalExtension) {
		t.Error(err)
	}
	root := ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"namingContexts"}, nil)
	if res, err := c.Search(root); err != nil || res.Entries[0].GetAttributeValue("namingContexts") != "dc=x" {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestQuirks(t *testing.T) {
	s, addr := serve(t, people, memldap.Options{Quirks: memldap.Quirks{ActiveDirectory: true}})
	c := dial(t, addr)
	set := func(q memldap.Quirks) { s.SetQuirks(q) }
	set(memldap.Quirks{MaxPage: 2})
	if res, err := c.Search(search("(objectClass=*)", 0)); !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || len(res.Entries) != 2 {
		t.Errorf("%+v, %v", res, err)
	}
	if res, err := c.SearchWithPaging(search("(objectClass=*)", 0), 100); err != nil || len(res.Entries) != 4 {
		t.Errorf("%+v, %v", res, err)
	}
	set(memldap.Quirks{MaxValues: 2})
	res, err := c.Search(search("(cn=all)", 0, "member"))
	if err != nil || res.Entries[0].Attributes[0].Name != "member;range=0-1" {
		t.Errorf("%+v, %v", res, err)
	}
	res, err = c.Search(search("(cn=all)", 0, "member;range=2-*"))
	if err != nil || res.Entries[0].Attributes[0].Name != "member;range=2-*" || len(res.Entries[0].Attributes[0].Values) != 1 {
		t.Errorf("%+v, %v", res, err)
	}
	set(memldap.Quirks{Referral: "ldap://elsewhere/dc=y"})
	if res, err := c.Search(search("(uid=alice)", 0, "memberOf", "objectGUID")); err != nil || len(res.Referrals) != 1 ||
		res.Entries[0].GetAttributeValue("memberOf") != "cn=all,dc=x" || len(res.Entries[0].GetRawAttributeValue("objectGUID")) != 16 {
		t.Errorf("%+v, %v", res, err)
	}
	for _, code := range []uint16{ldap.LDAPResultBusy, ldap.LDAPResultUnavailable} {
		set(memldap.Quirks{Fail: code})
		if _, err := c.Search(search("(uid=alice)", 0)); !ldap.IsErrorWithCode(err, code) {
			t.Error(err)
		}
	}
	set(memldap.Quirks{StrongReq: true})
	if err := c.Bind("uid=bob,dc=x", "bobpw"); !ldap.IsErrorWithCode(err, ldap.LDAPResultStrongAuthRequired) {
		t.Error(err)
	}
	set(memldap.Quirks{Delay: 50 * time.Millisecond})
	start := time.Now()
	if _, err := c.Search(search("(uid=alice)", 0)); err != nil || time.Since(start) < 50*time.Millisecond {
		t.Error(err, time.Since(start))
	}
	set(memldap.Quirks{DropAfter: 1})
	if res, err := c.Search(search("(objectClass=*)", 0)); err == nil || len(res.Entries) > 1 {
		t.Errorf("%+v, %v", res, err)
	}
}

// hostile are packets that have broken LDAP servers.
var hostile = []string{
	"0\x84\x7f\xff\xff\xff", "0\x80\x02\x01\x01", "0\x00", "0\x03\x02\x01\x01", "\x30\x82\xff\xff", "GET / HTTP/1.0\r\n\r\n",
	"0\x05\x02\x01\x01B\x00", "0\x0c\x02\x01\x01`\x07\x02\x01\x03\x04\x00\x80\x00",
	"0\x07\x02\x01\x01c\x02\x04\x00", "0\x05\x02\x01\x01w\x00", "0\x06\x02\x01\x01`\x01\x00",
	"0\x0a\x02\x01\x01\x63\x05\x04\x00\x0a\x01\x02", "0\x08\x02\x01\x01\x60\x00\xa0\x01\x30",
}

func TestHostile(t *testing.T) {
	_, addr := serve(t, people, memldap.Options{})
	for _, p := range hostile {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && errors.Is(err, errTimeout(err)) {
			t.Errorf("%q: %v", p, err)
		}
		_ = c.Close()
	}
	if _, err := dial(t, addr).Search(search("(uid=alice)", 0)); err != nil {
		t.Error("the server did not survive:", err)
	}
}

// errTimeout returns err if it is a timeout.
func errTimeout(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	return fmt.Errorf("no timeout")
}

// FuzzServer sends packets to a server. Whatever comes, it goes on.
func FuzzServer(f *testing.F) {
	s, err := memldap.NewLDIF(strings.NewReader(people), memldap.Options{Quirks: memldap.Quirks{MaxValues: 1, MaxPage: 2}})
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range hostile {
		f.Add([]byte(p))
	}
	f.Add([]byte("0%\x02\x01\x01c \x04\x04dc=x\n\x01\x02\n\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\xa3\x0c\x04\x03uid\x04\x05alice0\x00"))
	f.Add([]byte("0\x1c\x02\x01\x02`\x17\x02\x01\x03\x04\x0cuid=bob,dc=x\x80\x05bobpw\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		client, server := net.Pipe()
		l := &oneConn{c: make(chan net.Conn, 1)}
		l.c <- server
		close(l.c)
		go func() {
			_ = client.SetDeadline(time.Now().Add(2 * time.Second))
			_, _ = client.Write(b)
			time.Sleep(time.Millisecond)
			_ = client.Close()
		}()
		go func() { _, _ = io.Copy(io.Discard, client) }()
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct{ c chan net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.c; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l *oneConn) Close() error   { return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
