package auth

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Mechanisms (RFC 4178 §4.1, RFC 4121 §1; the second is Windows 2000's slip,
// which every Windows still puts first).
var (
	oidSPNEGO = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	oidKRB5   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidMSKRB5 = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
)

func isKerberos(oid asn1.ObjectIdentifier) bool { return oid.Equal(oidKRB5) || oid.Equal(oidMSKRB5) }

// Values of negTokenResp.State.
const (
	stateCompleted  = 0
	stateIncomplete = 1
)

// negTokenInit is the client's first token (RFC 4178 §4.2.1).
type negTokenInit struct {
	MechTypes asn1.RawValue
	ReqFlags  asn1.BitString `asn1:"explicit,optional,tag:1"`
	Token     []byte         `asn1:"explicit,optional,omitempty,tag:2"`
	MIC       []byte         `asn1:"explicit,optional,omitempty,tag:3"`
}

// negTokenResp is every further token (§4.2.2).
type negTokenResp struct {
	State asn1.Enumerated       `asn1:"explicit,optional,tag:0,default:3"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,omitempty,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,omitempty,tag:3"`
}

// negAnswer is the server's negTokenResp. It is another type because the
// encoder must write the state even if it is 0.
type negAnswer struct {
	State asn1.Enumerated       `asn1:"explicit,tag:0"`
	Mech  asn1.ObjectIdentifier `asn1:"explicit,optional,tag:1"`
	Token []byte                `asn1:"explicit,optional,omitempty,tag:2"`
	MIC   []byte                `asn1:"explicit,optional,omitempty,tag:3"`
}

// apRep is KRB_AP_REP (RFC 4120 §5.5.2).
type apRep struct {
	PVNO    int                 `asn1:"explicit,tag:0"`
	MsgType int                 `asn1:"explicit,tag:1"`
	EncPart types.EncryptedData `asn1:"explicit,tag:2"`
}

// encAPRepPart is its encrypted part.
type encAPRepPart struct {
	CTime  time.Time           `asn1:"generalized,explicit,tag:0"`
	Cusec  int                 `asn1:"explicit,tag:1"`
	Subkey types.EncryptionKey `asn1:"optional,explicit,tag:2"`
	Seq    int64               `asn1:"optional,explicit,tag:3"`
}

func appTag(tag int, b []byte) []byte { return asn1tools.AddASNAppTag(b, tag) }

// gssToken is a client's token taken apart.
type gssToken struct {
	spnego  bool                  // it came in SPNEGO, not bare
	mech    asn1.ObjectIdentifier // the one that is used
	mechs   []byte                // DER of the list offered; nil if unknown
	mic     []byte                // over mechs
	request messages.APReq
}

// parseToken reads a token: SPNEGO's first or a further one, or a bare
// Kerberos token. pending returns the list of mechanisms that the client
// offered before, if it is known. Errors: ErrNTLM, errTicket, continueError; with the
// last the list offered is set.
func parseToken(b []byte, pending func() []byte) (*gssToken, error) {
	t := &gssToken{mech: oidKRB5}
	if isNTLM(b) {
		return t, ErrNTLM
	}
	if len(b) > 0 && b[0] == 0xa1 { // negTokenResp stands alone
		t.spnego, t.mechs = true, pending()
		var resp negTokenResp
		if err := unmarshalTagged(b, 1, &resp); err != nil {
			return t, refused("malformed NegTokenResp")
		}
		t.mic = resp.MIC
		return t, t.kerberos(resp.Token)
	}
	var oid asn1.ObjectIdentifier
	rest, err := asn1.UnmarshalWithParams(b, &oid, "application,explicit,tag:0")
	if err != nil {
		return t, refused("not a GSS token")
	}
	if !oid.Equal(oidSPNEGO) {
		return t, t.kerberos(b)
	}
	t.spnego = true
	return t, t.first(rest)
}

// first reads a negTokenInit.
func (t *gssToken) first(b []byte) error {
	var init negTokenInit
	if err := unmarshalTagged(b, 0, &init); err != nil {
		return refused("malformed NegTokenInit")
	}
	var mechs []asn1.ObjectIdentifier
	m := init.MechTypes
	if m.Class != asn1.ClassContextSpecific || m.Tag != 0 || !m.IsCompound {
		return refused("malformed NegTokenInit")
	}
	if rest, err := asn1.Unmarshal(m.Bytes, &mechs); err != nil || len(rest) > 0 || len(mechs) == 0 {
		return refused("no list of mechanisms")
	}
	t.mechs, t.mic = m.Bytes, init.MIC
	if isNTLM(init.Token) {
		return ErrNTLM
	}
	for i, oid := range mechs {
		if !isKerberos(oid) {
			continue
		}
		t.mech = oid
		if i > 0 && !isKerberos(mechs[0]) || len(init.Token) == 0 {
			// The token, if there is one, is the first mechanism's. Ask for
			// Kerberos'.
			return t.goOn()
		}
		return t.kerberos(init.Token)
	}
	return refused("client offers no Kerberos mechanism")
}

// goOn asks the client for a token of t.mech.
func (t *gssToken) goOn() error {
	b, err := asn1.Marshal(negAnswer{State: stateIncomplete, Mech: t.mech})
	if err != nil {
		return err
	}
	return &continueError{token: base64.StdEncoding.EncodeToString(contextTag(1, b))}
}

// kerberos reads a Kerberos token: OID, token id 01 00, KRB_AP_REQ (RFC 4121
// §4.1).
func (t *gssToken) kerberos(b []byte) error {
	if isNTLM(b) {
		return ErrNTLM
	}
	var oid asn1.ObjectIdentifier
	rest, err := asn1.UnmarshalWithParams(b, &oid, "application,explicit,tag:0")
	if err != nil || !isKerberos(oid) || len(rest) < 2 || rest[0] != 1 || rest[1] != 0 {
		return refused("not a Kerberos request")
	}
	if err := t.request.Unmarshal(rest[2:]); err != nil {
		return refused("malformed KRB_AP_REQ")
	}
	return nil
}

// reply makes the token of the response to a verified request.
func (t *gssToken) reply(mutual bool) ([]byte, error) {
	var inner []byte
	seq := sequenceNumber()
	if mutual {
		rep, err := apReply(&t.request, seq)
		if err != nil {
			return nil, refused("KRB_AP_REP: %w", err)
		}
		oid, err := asn1.Marshal(oidKRB5)
		if err != nil {
			return nil, err
		}
		inner = appTag(0, append(append(oid, 2, 0), rep...))
	}
	if !t.spnego {
		return inner, nil
	}
	out := negAnswer{State: stateCompleted, Mech: t.mech, Token: inner}
	if len(t.mic) > 0 {
		mic, err := t.exchangeMIC(seq)
		if err != nil {
			return nil, err
		}
		out.MIC = mic
	}
	b, err := asn1.Marshal(out)
	return contextTag(1, b), err
}

// exchangeMIC verifies the client's mechListMIC (RFC 4178 §5) and makes ours.
func (t *gssToken) exchangeMIC(seq int64) ([]byte, error) {
	if t.mechs == nil {
		return nil, refused("mechListMIC over an unknown list")
	}
	key := t.request.Authenticator.SubKey
	if len(key.KeyValue) == 0 {
		key = t.request.Ticket.DecryptedEncPart.Key
	}
	var in gssapi.MICToken
	if err := in.Unmarshal(t.mic, false); err != nil {
		return nil, refused("malformed mechListMIC")
	}
	in.Payload = t.mechs
	if ok, err := in.Verify(key, keyusage.GSSAPI_INITIATOR_SIGN); err != nil || !ok {
		return nil, refused("mechListMIC does not verify")
	}
	out := gssapi.MICToken{Flags: gssapi.MICTokenFlagSentByAcceptor, SndSeqNum: uint64(seq), Payload: t.mechs}
	if err := out.SetChecksum(key, keyusage.GSSAPI_ACCEPTOR_SIGN); err != nil {
		return nil, refused("mechListMIC: %w", err)
	}
	return out.Marshal()
}

func isNTLM(b []byte) bool { return bytes.HasPrefix(b, []byte("NTLMSSP\x00")) }

// unmarshalTagged reads one value with a context tag around it.
func unmarshalTagged(b []byte, tag int, v any) error {
	var raw asn1.RawValue
	rest, err := asn1.Unmarshal(b, &raw)
	if err != nil {
		return err
	}
	if len(rest) > 0 || raw.Class != asn1.ClassContextSpecific || raw.Tag != tag {
		return asn1.StructuralError{Msg: "unexpected tag"}
	}
	_, err = asn1.Unmarshal(raw.Bytes, v)
	return err
}

// contextTag wraps b in a constructed context tag below 31.
func contextTag(tag int, b []byte) []byte {
	out := []byte{0xa0 | byte(tag)}
	switch n := len(b); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, b...)
}
