package testenv

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Mechanisms for TicketOptions.Mechs.
var (
	MechKerberos   = []int{1, 2, 840, 113554, 1, 2, 2}
	MechMSKerberos = []int{1, 2, 840, 48018, 1, 2, 2}
	MechNTLM       = []int{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
)

// The flags of TicketOptions.Flags (RFC 4121 §4.1.1.1).
const (
	FlagMutual    uint32 = 2
	FlagIntegrity uint32 = 32
)

// TicketOptions describes a token that Mint makes. The zero value of each
// field is what an ordinary client would send.
type TicketOptions struct {
	Client    string        // "" is alice
	Realm     string        // the client's; "" is the keytab's
	Claim     string        // realm in the authenticator; "" is Realm
	Service   string        // "" is HTTP/localhost
	Etype     int32         // 0 is 18, AES-256 with SHA-1
	Now       time.Time     // zero is the time of the call
	Start     time.Duration // of the ticket's life, from Now; 0 is two hours ago
	End       time.Duration // 0 is in an hour
	Clock     time.Duration // by how much the client's clock is ahead
	Flags     uint32
	Binding   []byte   // hash of channel bindings, 16 bytes
	Bare      bool     // Kerberos without SPNEGO
	Further   bool     // as SPNEGO's second token
	MIC       bool     // with a mechListMIC
	BadMIC    bool     // with one that is wrong
	NoToken   bool     // SPNEGO's first token without one of a mechanism
	Mechs     [][]int  // nil is MechKerberos
	AuthData  []byte   // DER of AuthorizationData in the ticket, such as a PAC
	Addresses []string // IPv4 addresses the ticket is limited to, as 4 bytes each
	Transited string   // realms that the ticket came through, with commas between them
	Checked   bool     // the KDC says that it has checked them
}

// MintKeytab makes a keytab file's bytes with one service, its key derived
// from the password.
func MintKeytab(t testing.TB, service, realm, password string, version uint8, etype int32) []byte {
	t.Helper()
	kt := keytab.New()
	if err := kt.AddEntry(service, realm, password, time.Now(), version, etype); err != nil {
		t.Fatal(err)
	}
	b, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Minted is a token and what its client would need to check the answer.
type Minted struct {
	Token         []byte
	Authenticator types.Authenticator
	Key           types.EncryptionKey // session key
	Mechs         []byte              // DER of the list of mechanisms
}

// Mint makes the token that a client with a ticket would send, from the
// service's keys, without a KDC. It takes a tenth of a millisecond.
func Mint(t testing.TB, keys []byte, o TicketOptions) Minted {
	t.Helper()
	kt := keytab.New()
	if err := kt.Unmarshal(keys); err != nil {
		t.Fatalf("keytab: %v", err)
	}
	m, err := o.mint(kt)
	if err != nil {
		t.Fatalf("mint: %v", err)
	}
	return m
}

func (o TicketOptions) mint(kt *keytab.Keytab) (m Minted, err error) {
	home := kt.Entries[0].Principal.Realm
	o.complete(home)
	tkt, key, err := o.ticket(kt, home)
	if err != nil {
		return m, err
	}
	m.Key = key
	if m.Authenticator, err = o.authenticator(); err != nil {
		return m, err
	}
	ap, err := messages.NewAPReq(tkt, key, m.Authenticator)
	if err != nil {
		return m, err
	}
	if o.Flags&FlagMutual != 0 {
		types.SetFlag(&ap.APOptions, flags.APOptionMutualRequired)
	}
	b, err := ap.Marshal()
	if err != nil {
		return m, err
	}
	oid, err := asn1.Marshal(asn1.ObjectIdentifier(MechKerberos))
	if err != nil {
		return m, err
	}
	token := asn1tools.AddASNAppTag(append(append(oid, 1, 0), b...), 0)
	if o.Bare {
		m.Token = token
		return m, nil
	}
	return m, o.spnego(&m, token)
}

// complete fills in defaults.
func (o *TicketOptions) complete(home string) {
	def := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	def(&o.Client, "alice")
	def(&o.Realm, home)
	def(&o.Claim, o.Realm)
	def(&o.Service, "HTTP/localhost")
	if o.Etype == 0 {
		o.Etype = 18
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Start == 0 {
		o.Start = -2 * time.Hour
	}
	if o.End == 0 {
		o.End = time.Hour
	}
	if o.Mechs == nil {
		o.Mechs = [][]int{MechKerberos}
	}
}

// ticket makes a ticket; one with a client realm other than the service's is
// like one got across realms.
func (o TicketOptions) ticket(kt *keytab.Keytab, home string) (messages.Ticket, types.EncryptionKey, error) {
	now := o.Now.UTC().Truncate(time.Second)
	cname := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, o.Client)
	sname := types.NewPrincipalName(nametype.KRB_NT_SRV_INST, o.Service)
	start := now.Add(o.Start)
	set := types.NewKrbFlags()
	if o.Checked {
		types.SetFlag(&set, flags.TransitedPolicyChecked)
	}
	tkt, key, err := messages.NewTicket(cname, o.Realm, sname, home, set, kt, o.Etype, 0, start, start, now.Add(o.End), now.Add(24*time.Hour))
	if err != nil || o.AuthData == nil && o.Addresses == nil && o.Transited == "" {
		return tkt, key, err
	}
	if err := tkt.DecryptEncPart(kt, nil); err != nil {
		return tkt, key, err
	}
	part := tkt.DecryptedEncPart
	if o.Transited != "" {
		part.Transited = messages.TransitedEncoding{TRType: 1, Contents: []byte(o.Transited)}
	}
	if o.AuthData != nil {
		if err := part.AuthorizationData.Unmarshal(o.AuthData); err != nil {
			return tkt, key, err
		}
	}
	for _, a := range o.Addresses {
		part.CAddr = append(part.CAddr, types.HostAddress{AddrType: 2, Address: []byte(a)})
	}
	b, err := asn1.Marshal(part)
	if err != nil {
		return tkt, key, err
	}
	serviceKey, version, err := kt.GetEncryptionKey(sname, home, 0, o.Etype)
	if err != nil {
		return tkt, key, err
	}
	tkt.EncPart, err = crypto.GetEncryptedData(asn1tools.AddASNAppTag(b, 3), serviceKey, keyusage.KDC_REP_TICKET, version)
	return tkt, key, err
}

func (o TicketOptions) authenticator() (types.Authenticator, error) {
	cname := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, o.Client)
	au, err := types.NewAuthenticator(o.Claim, cname)
	if err != nil {
		return au, err
	}
	at := o.Now.UTC().Add(o.Clock)
	au.CTime, au.Cusec = at.Truncate(time.Second), at.Nanosecond()/1000
	sum := make([]byte, 24)
	sum[0] = 16
	copy(sum[4:20], o.Binding)
	binary.LittleEndian.PutUint32(sum[20:], o.Flags)
	au.Cksum = types.Checksum{CksumType: 0x8003, Checksum: sum}
	return au, nil
}

// spnego puts a Kerberos token into SPNEGO.
func (o TicketOptions) spnego(m *Minted, token []byte) (err error) {
	mechs := make([]asn1.ObjectIdentifier, len(o.Mechs))
	for i, oid := range o.Mechs {
		mechs[i] = oid
	}
	if m.Mechs, err = asn1.Marshal(mechs); err != nil {
		return err
	}
	var mic []byte
	if o.MIC || o.BadMIC {
		signed := m.Mechs
		if o.BadMIC {
			signed = append([]byte{0}, signed...)
		}
		mt, err := gssapi.NewInitiatorMICToken(signed, m.Key)
		if err != nil {
			return err
		}
		if mic, err = mt.Marshal(); err != nil {
			return err
		}
	}
	if o.Further {
		resp := spnego.NegTokenResp{NegState: asn1.Enumerated(spnego.NegStateAcceptIncomplete), ResponseToken: token, MechListMIC: mic}
		m.Token, err = resp.Marshal()
		return err
	}
	init := spnego.NegTokenInit{MechTypes: mechs, MechTokenBytes: token, MechListMIC: mic}
	if o.NoToken {
		init.MechTokenBytes = nil
	}
	st := spnego.SPNEGOToken{Init: true, NegTokenInit: init}
	m.Token, err = st.Marshal()
	return err
}
