package auth_test

import (
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	krbkeytab "github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/types"

	"convene/auth"
	"convene/directory"
	"convene/testenv"
)

// aliceSID is the account of the alice of Active Directory in these tests.
const aliceSID = "S-1-5-21-1004336348-1177238915-682003330-1105"

// logonInfo is the KERB_VALIDATION_INFO of an account with a name and two groups.
func logonInfo(t testing.TB, sid string) []byte {
	t.Helper()
	parts := strings.Split(sid, "-")
	number := func(s string) uint32 {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		return uint32(n)
	}
	b := make([]byte, 20+216)
	copy(b, "\x01\x10\x08\x00\xcc\xcc\xcc\xcc")
	set := func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	set(16, 0x20000)
	const body = 20
	set(body+48, 10<<16|10) // EffectiveName: five characters, and its pointer
	set(body+52, 0x20004)
	set(body+100, number(parts[len(parts)-1]))
	set(body+108, 2) // groups
	set(body+112, 0x20008)
	set(body+152, 0x2000c)
	word := func(v uint32) { b = binary.LittleEndian.AppendUint32(b, v) }
	word(5)
	word(0)
	word(5)
	b = append(b, "a\x00l\x00i\x00c\x00e\x00\x00\x00"...) // and what aligns the next
	word(2)
	for _, rid := range []uint32{513, 1200} {
		word(rid)
		word(7)
	}
	domain := parts[3 : len(parts)-1]
	word(uint32(len(domain)))
	b = append(b, 1, byte(len(domain)), 0, 0, 0, 0, 0, byte(number(parts[2])))
	for _, p := range domain {
		word(number(p))
	}
	return b
}

// pacBuffer is a buffer of a PAC.
type pacBuffer struct {
	kind uint32
	data []byte
}

// signedPAC is a PAC with the signatures that a domain controller makes.
func signedPAC(t testing.TB, keys []byte, buffers ...pacBuffer) []byte {
	t.Helper()
	kt := krbkeytab.New()
	if err := kt.Unmarshal(keys); err != nil {
		t.Fatal(err)
	}
	key := kt.Entries[0].Key
	etype, err := crypto.GetEtype(key.KeyType)
	if err != nil {
		t.Fatal(err)
	}
	signature := binary.LittleEndian.AppendUint32(nil, uint32(etype.GetHashID()))
	signature = append(signature, make([]byte, etype.GetHMACBitLength()/8)...)
	buffers = append(buffers, pacBuffer{6, signature}, pacBuffer{7, signature})
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(buffers)))
	b = append(b, 0, 0, 0, 0)
	var data []byte
	var server int
	for _, buf := range buffers {
		offset := 8 + 16*len(buffers) + len(data)
		if buf.kind == 6 {
			server = offset
		}
		b = binary.LittleEndian.AppendUint32(b, buf.kind)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(buf.data)))
		b = binary.LittleEndian.AppendUint64(b, uint64(offset))
		data = append(data, buf.data...)
		data = append(data, make([]byte, (8-len(data)%8)%8)...)
	}
	b = append(b, data...)
	sum, err := etype.GetChecksumHash(key.KeyValue, b, 17)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[server+4:], sum)
	return b
}

// authData puts PACs into a ticket's authorization data.
func authData(t testing.TB, pacs ...[]byte) []byte {
	t.Helper()
	var inner types.AuthorizationData
	for _, p := range pacs {
		inner = append(inner, types.AuthorizationDataEntry{ADType: 128, ADData: p})
	}
	b, err := asn1.Marshal(inner)
	if err == nil {
		b, err = asn1.Marshal(types.AuthorizationData{{ADType: 1, ADData: b}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// newDomain is a directory with the alice of Active Directory.
func newDomain(t testing.TB, change func(*directory.Principal)) directory.Directory {
	t.Helper()
	p := directory.Principal{
		GUID: "ALICE-GUID", Type: directory.User, Name: "alice", DN: "CN=alice,DC=example,DC=com",
		Kerberos: []string{"alice@EXAMPLE.COM"}, Realms: []string{"EXAMPLE.COM"},
		ActiveDirectory: true, SID: aliceSID, LoginEnabled: true, CalendarEnabled: true,
	}
	if change != nil {
		change(&p)
	}
	s, err := directory.NewStatic([]directory.Record{{Principal: p}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A ticket of Active Directory is good for the account that it was issued to, not
// for whoever has the account's name now.
func TestTicketOfAccount(t *testing.T) {
	keys := keytab(t)
	account := func(sid string) pacBuffer { return pacBuffer{1, logonInfo(t, sid)} }
	good := signedPAC(t, keys, account(aliceSID))
	spoilt := func(change func([]byte)) []byte {
		b := append([]byte(nil), good...)
		change(b)
		return b
	}
	for _, tt := range []struct {
		name   string
		data   []byte
		client string
		record func(*directory.Principal)
		status int
		reason string
	}{
		{name: "its own", data: authData(t, good), status: 200},
		{name: "its own, another letter case", data: authData(t, good), client: "ALICE", status: 200},
		{name: "among other data", data: authData(t, signedPAC(t, keys, pacBuffer{10, []byte("client")}, account(aliceSID), pacBuffer{18, []byte{1}})), status: 200},
		{name: "former account of the name", data: authData(t, signedPAC(t, keys, account("S-1-5-21-1004336348-1177238915-682003330-1104"))), status: 401, reason: "now belongs to"},
		{name: "same number in another domain", data: authData(t, signedPAC(t, keys, account("S-1-5-21-1004336348-1177238915-682003331-1105"))), status: 401, reason: "now belongs to"},
		{name: "no PAC", status: 401, reason: "has no PAC"},
		{name: "no account in it", data: authData(t, signedPAC(t, keys)), status: 401, reason: "names no account"},
		{name: "two PACs", data: authData(t, good, good), status: 401, reason: "two PACs"},
		{name: "two accounts", data: authData(t, signedPAC(t, keys, account(aliceSID), account(aliceSID))), status: 401, reason: "two buffers"},
		{name: "changed", data: authData(t, spoilt(func(b []byte) { b[len(b)/2] ^= 1 })), status: 401, reason: "PAC"},
		{name: "changed KDC signature's filling", data: authData(t, spoilt(func(b []byte) { b[len(b)-2] ^= 1 })), status: 200},
		{name: "signed by another", data: authData(t, signedPAC(t, testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "guess", 1, 18), account(aliceSID))), status: 401, reason: "wrong signature"},
		{name: "signed with another kind of key", data: authData(t, signedPAC(t, testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "service password", 1, 17), account(aliceSID))), status: 401, reason: "another type"},
		{name: "cut off", data: authData(t, good[:len(good)/2]), status: 401, reason: "outside"},
		{name: "cut off in the list", data: authData(t, good[:20]), status: 401, reason: "cut off"},
		{name: "account cut off", data: authData(t, signedPAC(t, keys, pacBuffer{1, logonInfo(t, aliceSID)[:250]})), status: 401, reason: "account is cut off"},
		{name: "a domain controller's, for another service", data: pacFixture(t), status: 401, reason: "PAC"},
		{name: "authorization data that is none", data: []byte{0x30, 0x0f, 0x30, 0x0d, 0xa0, 3, 2, 1, 1, 0xa1, 6, 4, 4, 1, 2, 3, 4}, status: 401, reason: "malformed"},
		{name: "SID cannot be read", data: authData(t, good), record: func(p *directory.Principal) { p.SID = "" }, status: 401, reason: "objectSid"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kerberosSite(t, func(o *auth.Options) { o.Directory = newDomain(t, tt.record) })
			m := testenv.Mint(t, keys, testenv.TicketOptions{Now: s.clock.now(), AuthData: tt.data, Client: tt.client})
			status, _, out := s.try(negotiateField(m.Token))
			if status != tt.status || tt.reason != "" && !strings.Contains(out.Err.Error(), tt.reason) {
				t.Errorf("%d %v, want %d %q", status, out.Err, tt.status, tt.reason)
			}
			if status == http.StatusUnauthorized && out.Body != "The Kerberos ticket was not accepted.\n" {
				t.Errorf("the client learns %q", out.Body)
			}
		})
	}
}

// A name counts in the realms of its record only, and outside of Active Directory
// as it is spelt.
func TestTicketOfRealm(t *testing.T) {
	record := func(change func(*directory.Principal)) directory.Directory {
		p := directory.Principal{GUID: "ALICE-GUID", Type: directory.User, Name: "alice", Emails: []string{"alice@example.com"}, LoginEnabled: true, CalendarEnabled: true}
		if change != nil {
			change(&p)
		}
		s, err := directory.NewStatic([]directory.Record{{Principal: p}})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	ours := func(p *directory.Principal) { p.Realms = []string{"EXAMPLE.COM"} }
	own := func(p *directory.Principal) {
		p.Realms, p.Kerberos = []string{"EXAMPLE.COM"}, []string{"alice@OTHER.COM"}
	}
	for _, tt := range []struct {
		name, client, realm, by string
		record                  func(*directory.Principal)
		status                  int
	}{
		{"directory knows no realms", "alice", "OTHER.COM", "name", nil, 200},
		{"its realm", "alice", "EXAMPLE.COM", "name", ours, 200},
		{"another's alice", "alice", "OTHER.COM", "name", ours, 401},
		{"another's alice, by mail", "alice", "OTHER.COM", "mail", ours, 401},
		{"another's alice, by login", "alice", "OTHER.COM", "login", ours, 401},
		{"another realm's name that the record has", "alice", "OTHER.COM", "kerberos", own, 200},
		{"no realm", "alice", "EXAMPLE.COM", "name", func(p *directory.Principal) { p.Realms = []string{"-"} }, 401},
		{"capitals", "Alice", "EXAMPLE.COM", "name", ours, 401},
		{"capitals, by login", "Alice", "EXAMPLE.COM", "login", ours, 401},
		{"capitals, by mail", "Alice", "EXAMPLE.COM", "mail", ours, 401},
		{"mail as it is", "alice", "EXAMPLE.COM", "mail", ours, 200},
		{"capitals, by Kerberos name", "Alice", "OTHER.COM", "kerberos", own, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kerberosSite(t, func(o *auth.Options) {
				o.Directory, o.Negotiate.Realms = record(tt.record), []string{"EXAMPLE.COM", "OTHER.COM"}
				rule := auth.PrincipalRule{Realms: []string{"*"}, By: tt.by}
				if tt.by == "mail" {
					rule.Value = "${name}@example.com"
				}
				o.Negotiate.Principals = []auth.PrincipalRule{rule}
			})
			m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now(), Client: tt.client, Realm: tt.realm})
			if status, _, out := s.try(negotiateField(m.Token)); status != tt.status {
				t.Errorf("%d %v, want %d", status, out.Err, tt.status)
			} else if status == 401 && errors.Is(out.Err, directory.ErrAmbiguous) {
				t.Error(out.Err)
			}
		})
	}
}
