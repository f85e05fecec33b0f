package testenv

import (
	"context"
	"encoding/binary"
	"net"
	"strings"
	"testing"
)

// Types of DNS records (RFC 1035 §3.2.2).
const (
	TypeA     = 1
	TypeCNAME = 5
	TypePTR   = 12
)

// A Record is one of DNS. Data is an IPv4 address or a name, by the type. The records of
// an alias come behind it.
type Record struct {
	Name string // without the last dot
	Type uint16
	Data string
}

// Resolver starts a DNS server that knows records and no others, and returns a resolver
// that asks it. It ends with the test.
func Resolver(t testing.TB, records ...Record) *net.Resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("DNS: %v", err)
	}
	t.Cleanup(func() { _ = c.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return // the test is over
			}
			if reply := answerDNS(b[:n], records); reply != nil {
				_, _ = c.WriteTo(reply, from) // who asks asks again
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", c.LocalAddr().String())
	}}
}

// answerDNS answers a message with one question (RFC 1035 §4.1).
func answerDNS(query []byte, records []Record) []byte {
	const header = 12
	var labels []string
	i := header
	for i < len(query) && query[i] != 0 {
		end := i + 1 + int(query[i])
		if end > len(query) {
			return nil
		}
		labels, i = append(labels, string(query[i+1:end])), end
	}
	end := i + 5 // the root, type, class
	if end > len(query) {
		return nil
	}
	name, kind := strings.Join(labels, "."), binary.BigEndian.Uint16(query[i+1:])
	out := append([]byte{query[0], query[1], 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, query[header:end]...)
	known := false
	for _, r := range records {
		if !strings.EqualFold(r.Name, name) {
			continue
		}
		known = true
		if r.Type != kind && r.Type != TypeCNAME {
			continue
		}
		data := net.ParseIP(r.Data).To4()
		if r.Type != TypeA {
			data = wireName(r.Data)
		}
		out[7]++
		out = append(append(out, wireName(name)...), 0, byte(r.Type), 0, 1, 0, 0, 0, 60)
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(data))), data...)
		if r.Type == TypeCNAME { // what follows is about that name
			name = r.Data
		}
	}
	if !known {
		out[3] |= 3 // there is no such name
	}
	return out
}

func wireName(name string) (b []byte) {
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	return append(b, 0)
}
