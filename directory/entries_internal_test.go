package directory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// message encodes an entry as servers send it, with the library's encoder.
func message(id int64, e *ldap.Entry) []byte {
	seq := func() *ber.Packet {
		return ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	}
	text := func(s string) *ber.Packet {
		return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
	}
	msg := seq()
	msg.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	op.AppendChild(text(e.DN))
	list := seq()
	for _, a := range e.Attributes {
		one := seq()
		one.AppendChild(text(a.Name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range a.Values {
			set.AppendChild(text(v))
		}
		one.AppendChild(set)
		list.AppendChild(one)
	}
	op.AppendChild(list)
	msg.AppendChild(op)
	return msg.Bytes()
}

// done encodes the end of a search.
func done(id int64) []byte {
	msg := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	msg.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultDone, nil, "")
	op.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	op.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, "", ""))
	msg.AppendChild(op)
	return msg.Bytes()
}

// someEntry makes an entry of random size: values from none to some of 300 bytes.
func someEntry(r *rand.Rand, n int) *ldap.Entry {
	e := &ldap.Entry{DN: fmt.Sprintf("uid=p%d,dc=x", n)}
	for i := range r.IntN(6) {
		a := &ldap.EntryAttribute{Name: fmt.Sprintf("attribute%d", i), Values: []string{}}
		for range r.IntN(5) {
			a.Values = append(a.Values, strings.Repeat("v\x00ä", r.IntN(75)))
		}
		e.Attributes = append(e.Attributes, a)
	}
	return e
}

// wire is a connection on which r comes.
type wire struct {
	net.Conn
	r io.Reader
}

func (w wire) Read(p []byte) (int, error) { return w.r.Read(p) }

func plain(entries []*ldap.Entry) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, "%q", e.DN)
		for _, a := range e.Attributes {
			fmt.Fprintf(&b, " %s=%q", a.Name, a.Values)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestEntriesAreTakenOut: whatever pieces messages come in, entries are what was sent, and
// all else is handed on byte by byte as it came; entries that nobody collects as well.
func TestEntriesAreTakenOut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var sent []*ldap.Entry
	var stream, others, all []byte
	for i := range 300 {
		e := someEntry(r, i)
		if i == 150 { // a group of many
			many := &ldap.EntryAttribute{Name: "member"}
			for j := range 20_000 {
				many.Values = append(many.Values, fmt.Sprintf("uid=u%d,dc=x", j))
			}
			e.Attributes = append(e.Attributes, many)
		}
		sent = append(sent, e)
		m := message(int64(1+r.IntN(1<<20)), e)
		stream = append(stream, m...)
		if r.IntN(3) == 0 {
			d := done(int64(i))
			stream, others = append(stream, d...), append(others, d...)
		}
	}
	all = bytes.Clone(stream)
	for name, reader := range map[string]func() io.Reader{
		"whole":  func() io.Reader { return bytes.NewReader(stream) },
		"bytes":  func() io.Reader { return iotest.OneByteReader(bytes.NewReader(stream)) },
		"halves": func() io.Reader { return iotest.HalfReader(bytes.NewReader(stream)) },
	} {
		t.Run(name, func(t *testing.T) {
			c := newEntryReader(wire{r: reader()})
			list := c.collect()
			rest, err := io.ReadAll(c)
			if err != nil || list.err != nil {
				t.Fatal(err, list.err)
			}
			if !bytes.Equal(rest, others) {
				t.Errorf("%d bytes were handed on, not the %d of the other messages", len(rest), len(others))
			}
			if got, want := plain(list.entries), plain(sent); got != want {
				t.Errorf("entries are not those sent")
			}
			c = newEntryReader(wire{r: reader()})
			c.collect()
			c.release()
			if rest, err = io.ReadAll(c); err != nil || !bytes.Equal(rest, all) {
				t.Errorf("without a collector not all was handed on: %d of %d bytes, %v", len(rest), len(all), err)
			}
		})
	}
}

// TestMalformedEntries: an entry that is not one is an error, and what follows is read on.
func TestMalformedEntries(t *testing.T) {
	good := message(7, &ldap.Entry{DN: "uid=p,dc=x", Attributes: []*ldap.EntryAttribute{{Name: "cn", Values: []string{"p"}}}})
	change := func(at int, to byte) []byte {
		b := bytes.Clone(good)
		b[at] = to
		return b
	}
	for name, msg := range map[string][]byte{
		"the name's length is beyond the end": change(8, 0x7f),
		"the name is no string":               change(7, 0x05),
		"the attributes are no sequence":      change(19, 0x31),
		"a value is no string":                change(len(good)-3, 0x02),
		"an indefinite length":                change(6, 0x80),
	} {
		t.Run(name, func(t *testing.T) {
			c := newEntryReader(wire{r: bytes.NewReader(append(bytes.Clone(msg), good...))})
			list := c.collect()
			rest, err := io.ReadAll(c)
			if err != nil || len(rest) != 0 || !errors.Is(list.err, errEntry) || len(list.entries) != 1 {
				t.Errorf("%d bytes are left, %v; %d entries, %v", len(rest), err, len(list.entries), list.err)
			}
		})
	}
	for name, stream := range map[string][]byte{
		"no LDAP at all":                 []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"a message of indefinite length": append([]byte{tagSequence, 0x80}, good...),
		"a length of five bytes":         append([]byte{tagSequence, 0x85, 0, 0, 0, 0, 9}, good...),
		"a length above the limit":       append([]byte{tagSequence, 0x84, 0x7f, 0xff, 0xff, 0xff}, good...),
		"a length that is negative":      append([]byte{tagSequence, 0x84, 0xff, 0xff, 0xff, 0xff}, good...),
	} {
		t.Run(name, func(t *testing.T) {
			c := newEntryReader(wire{r: bytes.NewReader(stream)})
			list := c.collect()
			if rest, err := io.ReadAll(c); err != nil || !bytes.Equal(rest, stream) || len(list.entries) != 0 {
				t.Errorf("the library does not get what came: %q, %v", rest, err)
			}
		})
	}
	t.Run("it ends early", func(t *testing.T) {
		c := newEntryReader(wire{r: bytes.NewReader(good[:len(good)-1])})
		list := c.collect()
		if _, err := io.ReadAll(c); list.err == nil || len(list.entries) != 0 {
			t.Errorf("an entry that did not come as a whole counts: %v, %v", err, list.err)
		}
	})
}

// FuzzEntry: what is read as an entry is the same for the LDAP library, unless that
// stumbles over what is behind it (RFC 4511 §4 has that ignored).
func FuzzEntry(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 20 {
		f.Add(message(int64(i), someEntry(r, i)))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		list := newEntryReader(wire{r: bytes.NewReader(msg)}).collect()
		if list.add(msg) != nil {
			return
		}
		packet, err := ber.DecodePacketErr(msg)
		if err != nil {
			return
		}
		op := packet.Children[1]
		got := list.entries[0]
		want := &ldap.Entry{DN: op.Children[0].Data.String()}
		for _, a := range op.Children[1].Children {
			values := []string{}
			for _, v := range a.Children[1].Children {
				values = append(values, v.Data.String())
			}
			want.Attributes = append(want.Attributes, &ldap.EntryAttribute{Name: a.Children[0].Data.String(), Values: values})
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("it is %s, and for the library %s", plain([]*ldap.Entry{got}), plain([]*ldap.Entry{want}))
		}
	})
}

func BenchmarkEntries(b *testing.B) {
	var stream []byte
	for i := range 1000 {
		stream = append(stream, message(5, &ldap.Entry{DN: fmt.Sprintf("uid=u%06d,ou=people,dc=example,dc=com", i), Attributes: []*ldap.EntryAttribute{
			{Name: "objectClass", Values: []string{"inetOrgPerson", "organizationalPerson", "person", "top"}},
			{Name: "entryUUID", Values: []string{"4f6b7f5e-0000-4000-8000-000000000000"}},
			{Name: "mail", Values: []string{"somebody@example.com"}},
		}})...)
	}
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			c := newEntryReader(wire{r: bytes.NewReader(stream)})
			list := c.collect()
			if _, err := io.ReadAll(c); err != nil || len(list.entries) != 1000 {
				b.Fatal(err, len(list.entries))
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			r := bytes.NewReader(stream)
			for range 1000 {
				if _, err := ber.ReadPacket(r); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
