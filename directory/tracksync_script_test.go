package directory_test

import (
	"net"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"convene/directory"
	"convene/testenv"
)

// player answers searches with the control of RFC 4533 as told, which real servers do at
// times of their own.
type player struct {
	mu      sync.Mutex
	refresh bool     // a cookie is answered with e-syncRefreshRequired (RFC 4533 §2.5)
	silent  bool     // nothing is answered
	cookies []string // asked with; "" is none
	open    []func() // each ends a search that persists, with e-syncRefreshRequired
}

func message(id int64, op *ber.Packet) []byte {
	p := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	return p.Bytes()
}

func octet(class ber.Class, tag ber.Tag, value string) *ber.Packet {
	return ber.NewString(class, ber.TypePrimitive, tag, value, "")
}

// outcome is an LDAPResult.
func outcome(tag ber.Tag, code int64) *ber.Packet {
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, tag, nil, "")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
	p.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, ""))
	p.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, ""))
	return p
}

// syncRoot is a root DSE that offers the control.
func syncRoot() *ber.Packet {
	attr := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	attr.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, "supportedControl"))
	values := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	values.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, ldap.ControlTypeSyncRequest))
	attr.AppendChild(values)
	attrs := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	attrs.AppendChild(attr)
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	p.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, ""))
	p.AppendChild(attrs)
	return p
}

// refreshed is the Sync Info Message that ends the refresh stage (refreshPresent).
func refreshed(cookie string) *ber.Packet {
	info := ber.Encode(ber.ClassContext, ber.TypeConstructed, 2, nil, "")
	info.AppendChild(octet(ber.ClassUniversal, ber.TagOctetString, cookie))
	p := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationIntermediateResponse, nil, "")
	p.AppendChild(octet(ber.ClassContext, 0, ldap.ControlTypeSyncInfo))
	p.AppendChild(octet(ber.ClassContext, 1, string(info.Bytes())))
	return p
}

// syncCookie returns the cookie of a request with the control.
func syncCookie(request *ber.Packet) (cookie string, ok bool) {
	if len(request.Children) < 3 {
		return "", false
	}
	for _, c := range request.Children[2].Children {
		if c.Children[0].Value != ldap.ControlTypeSyncRequest {
			continue
		}
		value := ber.DecodePacket(c.Children[2].Data.Bytes())
		for _, v := range value.Children {
			if v.Tag == ber.TagOctetString {
				cookie = v.Data.String()
			}
		}
		return cookie, true
	}
	return "", false
}

func (s *player) serve(c net.Conn) {
	var mu sync.Mutex
	send := func(id int64, op *ber.Packet) {
		mu.Lock()
		defer mu.Unlock()
		_, _ = c.Write(message(id, op)) // who has gone reads nothing
	}
	for {
		request, err := ber.ReadPacket(c)
		if err != nil || len(request.Children) < 2 {
			return
		}
		id, _ := request.Children[0].Value.(int64)
		op := request.Children[1]
		cookie, syncs := syncCookie(request)
		switch {
		case op.Tag == ldap.ApplicationBindRequest:
			send(id, outcome(ldap.ApplicationBindResponse, 0))
		case op.Tag != ldap.ApplicationSearchRequest:
		case !syncs:
			if len(op.Children[0].Data.Bytes()) == 0 {
				send(id, syncRoot())
			}
			send(id, outcome(ldap.ApplicationSearchResultDone, 0))
		default:
			s.mu.Lock()
			s.cookies = append(s.cookies, cookie)
			switch {
			case s.silent:
			case s.refresh && cookie != "":
				send(id, outcome(ldap.ApplicationSearchResultDone, ldap.LDAPResultSyncRefreshRequired))
			default:
				send(id, refreshed("after "+cookie))
				s.open = append(s.open, func() { send(id, outcome(ldap.ApplicationSearchResultDone, ldap.LDAPResultSyncRefreshRequired)) })
			}
			s.mu.Unlock()
		}
	}
}

func (s *player) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.cookies...)
}

// TestTrackSyncRefreshRequired has a server that wants to be asked for everything again,
// of a cookie and while it tells changes: everything is told each time.
func TestTrackSyncRefreshRequired(t *testing.T) {
	s := &player{refresh: true}
	r := newWire(t, "ldap://"+testenv.Listen(t, s.serve))
	d := open(t, directory.LDAPConfig{URLs: []string{r.url}, Base: []string{base}})
	got := listenTo(t, d, "syncrepl")
	r.cut(r.target())
	eventually(t, 10*time.Second, "everything, after a lost connection", got.whole)
	if cookies := s.asked(); len(cookies) != 3 || cookies[1] != "after " || cookies[2] != "" {
		t.Errorf("asked with %q", cookies)
	}
	got.clear()
	s.mu.Lock()
	s.open[len(s.open)-1]()
	s.mu.Unlock()
	eventually(t, 10*time.Second, "everything, after the end of a search", got.whole)
	eventually(t, 10*time.Second, "another search", func() bool { return len(s.asked()) == 4 })
	if cookies := s.asked(); cookies[3] != "" {
		t.Errorf("asked with %q", cookies)
	}
}

// TestTrackSyncSilent has a server that says nothing to the control: it is asked in the
// other way.
func TestTrackSyncSilent(t *testing.T) {
	s := &player{silent: true}
	d := open(t, directory.LDAPConfig{URLs: []string{"ldap://" + testenv.Listen(t, s.serve)}, Base: []string{base}, Timeout: 200 * time.Millisecond})
	r := &told{guids: map[string]bool{}}
	track(t, d, 20*time.Millisecond, r.tell)
	eventually(t, 10*time.Second, "the other way", func() bool { return d.Tracking().Way == "modifyTimestamp" && d.Tracking().Err == "" })
	if why := d.Tracking().NoSync; why == "" || !r.whole() {
		t.Errorf("%q, told everything: %v", why, r.whole())
	}
}
