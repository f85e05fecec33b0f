package kerberos

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/chksumtype"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// An Initiator is the client's side of one GSS-API context (RFC 4121) and of the SASL
// mechanism GSSAPI in it (RFC 4752), without a security layer: TLS is there for that, and
// Active Directory refuses layers within TLS. The server proves that it has the service's
// key. Its methods are those of ldap.GSSAPIClient, in that order; an Initiator is used
// once.
type Initiator struct {
	ticket  *Ticket
	binding []byte // see BindingHash; nil: without TLS

	sent   types.Authenticator
	key    types.EncryptionKey // of messages: the server's subkey, or ours
	sealed byte                // flag of messages whose key is the server's subkey
}

// Initiator begins a context with the ticket's service. binding is of the server's
// certificate, as from BindingHash; nil: the connection is without TLS.
func (t *Ticket) Initiator(binding []byte) *Initiator {
	return &Initiator{ticket: t, binding: binding}
}

// ErrServer is a server that did not prove itself, or answered against the protocol.
var ErrServer = errors.New("the server's reply is not one of GSS-API")

// Kinds of tokens (RFC 4121 §4.1).
var (
	tokenRequest = []byte{1, 0}
	tokenReply   = []byte{2, 0}
	tokenError   = []byte{3, 0}
)

// InitSecContext makes the first token if there is none from the server, else it
// verifies the server's.
func (i *Initiator) InitSecContext(_ string, token []byte) (out []byte, more bool, err error) {
	defer func() { // the library indexes into malformed messages
		if p := recover(); p != nil {
			out, more, err = nil, false, ErrServer
		}
	}()
	if i.sent.AVNO == 0 {
		out, err = i.request()
		return out, true, err
	}
	return nil, false, i.verify(token)
}

// InitSecContextWithOptions is InitSecContext.
func (i *Initiator) InitSecContextWithOptions(target string, token []byte, _ []int) ([]byte, bool, error) {
	return i.InitSecContext(target, token)
}

// request makes a KRB_AP_REQ whose checksum has channel bindings and flags (RFC 4121
// §4.1.1).
func (i *Initiator) request() ([]byte, error) {
	t := i.ticket
	a, err := types.NewAuthenticator(t.realm, t.client)
	if err != nil {
		return nil, err
	}
	kind, err := crypto.GetEtype(t.key.KeyType)
	if err != nil {
		return nil, err
	}
	if err := a.GenerateSeqNumberAndSubKey(t.key.KeyType, kind.GetKeyByteSize()); err != nil {
		return nil, err
	}
	sum := make([]byte, 24)
	binary.LittleEndian.PutUint32(sum, 16)
	copy(sum[4:20], i.binding)
	binary.LittleEndian.PutUint32(sum[20:], gssapi.ContextFlagMutual|gssapi.ContextFlagInteg)
	a.Cksum = types.Checksum{CksumType: chksumtype.GSSAPI, Checksum: sum}
	req, err := messages.NewAPReq(t.ticket, t.key, a)
	if err != nil {
		return nil, err
	}
	types.SetFlag(&req.APOptions, flags.APOptionMutualRequired)
	b, err := req.Marshal()
	if err != nil {
		return nil, err
	}
	oid, err := asn1.Marshal(oidKRB5)
	if err != nil {
		return nil, err
	}
	i.sent, i.key = a, a.SubKey
	return asn1tools.AddASNAppTag(slices.Concat(oid, tokenRequest, b), 0), nil
}

var oidKRB5 = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}

// verify reads the server's KRB_AP_REP (RFC 4120 §3.2.5).
func (i *Initiator) verify(token []byte) error {
	var oid asn1.ObjectIdentifier
	b, err := asn1.UnmarshalWithParams(token, &oid, "application,explicit,tag:0")
	switch {
	case err != nil || !oid.Equal(oidKRB5) || len(b) < 2:
		return ErrServer
	case bytes.Equal(b[:2], tokenError):
		var refusal messages.KRBError
		if err := refusal.Unmarshal(b[2:]); err != nil {
			return ErrServer
		}
		return refusal
	case !bytes.Equal(b[:2], tokenReply):
		return ErrServer
	}
	var rep messages.APRep
	if err := rep.Unmarshal(b[2:]); err != nil {
		return fmt.Errorf("%w: KRB_AP_REP", ErrServer)
	}
	opened, err := crypto.DecryptEncPart(rep.EncPart, i.ticket.key, keyusage.AP_REP_ENCPART)
	if err != nil {
		return fmt.Errorf("%w: KRB_AP_REP", ErrServer)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(opened); err != nil || part.CTime.Unix() != i.sent.CTime.Unix() || part.Cusec != i.sent.Cusec {
		return fmt.Errorf("%w: KRB_AP_REP to another request", ErrServer)
	}
	if len(part.Subkey.KeyValue) > 0 {
		i.key, i.sealed = part.Subkey, gssapi.MICTokenFlagAcceptorSubkey
	}
	return nil
}

// Security layers (RFC 4752 §3.3).
const noLayer = 1

// ErrLayer is a server that wants a security layer.
var ErrLayer = errors.New("the server demands a security layer of SASL")

// NegotiateSaslAuth reads which security layers the server offers and chooses none.
func (i *Initiator) NegotiateSaslAuth(token []byte, authzid string) (out []byte, err error) {
	defer func() { // as above
		if p := recover(); p != nil {
			out, err = nil, ErrServer
		}
	}()
	offered, err := i.unwrap(token)
	switch {
	case err != nil:
		return nil, err
	case len(offered) != 4:
		return nil, fmt.Errorf("%w: %d bytes about security layers", ErrServer, len(offered))
	case offered[0]&noLayer == 0:
		return nil, ErrLayer
	}
	return i.wrap(append([]byte{noLayer, 0, 0, 0}, authzid...))
}

// DeleteSecContext forgets the keys.
func (i *Initiator) DeleteSecContext() error {
	i.key, i.sent = types.EncryptionKey{}, types.Authenticator{}
	return nil
}

// wrap makes a message that has integrity and no secrecy (RFC 4121 §4.2.6.2).
func (i *Initiator) wrap(payload []byte) ([]byte, error) {
	kind, err := crypto.GetEtype(i.key.KeyType)
	if err != nil {
		return nil, err
	}
	t := gssapi.WrapToken{Flags: i.sealed, EC: uint16(kind.GetHMACBitLength() / 8), SndSeqNum: uint64(i.sent.SeqNumber), Payload: payload}
	if err := t.SetCheckSum(i.key, keyusage.GSSAPI_INITIATOR_SEAL); err != nil {
		return nil, err
	}
	return t.Marshal()
}

// unwrap verifies such a message of the server. The library does not know rotation.
func (i *Initiator) unwrap(b []byte) ([]byte, error) {
	if len(b) < gssapi.HdrLen || b[0] != 5 || b[1] != 4 || b[3] != gssapi.FillerByte || b[2]&^gssapi.MICTokenFlagAcceptorSubkey != gssapi.MICTokenFlagSentByAcceptor {
		return nil, fmt.Errorf("%w: message", ErrServer)
	}
	t := gssapi.WrapToken{Flags: b[2], EC: binary.BigEndian.Uint16(b[4:]), RRC: binary.BigEndian.Uint16(b[6:]), SndSeqNum: binary.BigEndian.Uint64(b[8:])}
	body := b[gssapi.HdrLen:]
	if int(t.EC) > len(body) || len(body) == 0 {
		return nil, fmt.Errorf("%w: message", ErrServer)
	}
	rotated := int(t.RRC) % len(body)
	body = slices.Concat(body[rotated:], body[:rotated])
	t.Payload, t.CheckSum = body[:len(body)-int(t.EC)], body[len(body)-int(t.EC):]
	if ok, err := t.Verify(i.key, keyusage.GSSAPI_ACCEPTOR_SEAL); err != nil || !ok {
		return nil, fmt.Errorf("%w: message with a wrong checksum", ErrServer)
	}
	return t.Payload, nil
}
