package auth

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/adtype"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"

	"convene/directory"
)

// The privilege attribute certificate ([MS-PAC]) is what the tickets of Active
// Directory say of the account besides its name. Only the account's SID is
// taken from it. gokrb5's reader is not used: it indexes by offsets that it does
// not check, lets the ticket decide how much memory it takes, and reads before
// it verifies.

// Types of PAC_INFO_BUFFER ([MS-PAC] §2.4).
const (
	pacLogonInfo       = 1
	pacServerSignature = 6
	pacKDCSignature    = 7
)

// maxPACBuffers is far more than there are types.
const maxPACBuffers = 64

// accepted is a token that was verified.
type accepted struct {
	name  kerberosName
	reply []byte                  // token for the response, if any
	data  types.AuthorizationData // of the ticket
	key   types.EncryptionKey     // the service's
}

// belongs checks that a ticket was issued to the account that a record is of. A
// record of Active Directory is known by its SID.
func (t *accepted) belongs(p *directory.Principal) error {
	if !p.ActiveDirectory {
		return nil
	}
	if p.SID == "" {
		return refused("objectSid of %q cannot be read, so whether %s is that account is not known; give the account of bind-dn the right to read it", p.DN, t.name)
	}
	sid, err := t.account()
	if err != nil {
		return fmt.Errorf("%w, from %s", err, t.name)
	}
	if sid != p.SID {
		return refused("ticket of %s was issued to account %s, and the name now belongs to %s", t.name, sid, p.SID)
	}
	return nil
}

// account returns the SID of the account that the ticket was issued to.
func (t *accepted) account() (string, error) {
	pac, err := findPAC(t.data)
	if err != nil {
		return "", err
	}
	if pac == nil {
		return "", refused("ticket has no PAC, which tickets for Active Directory need")
	}
	return accountSID(pac, t.key)
}

// findPAC returns the PAC in a ticket's authorization data, nil if there is
// none. Clients may have data of their own put into a ticket, so a second PAC is
// one too many.
func findPAC(data types.AuthorizationData) ([]byte, error) {
	var found []byte
	for _, outer := range data {
		if outer.ADType != adtype.ADIfRelevant {
			continue
		}
		var inner types.AuthorizationData
		if err := inner.Unmarshal(outer.ADData); err != nil {
			return nil, refused("malformed authorization data")
		}
		for _, e := range inner {
			if e.ADType != adtype.ADWin2KPAC {
				continue
			}
			if found != nil {
				return nil, refused("two PACs in one ticket")
			}
			found = e.ADData
		}
	}
	return found, nil
}

// accountSID verifies that the domain controller made a PAC for the holder of
// key, and returns the SID of the account in it.
func accountSID(pac []byte, key types.EncryptionKey) (string, error) {
	buffers, err := parsePAC(pac)
	if err != nil {
		return "", err
	}
	if err := verifyPAC(pac, buffers, key); err != nil {
		return "", err
	}
	logon, ok := buffers[pacLogonInfo]
	if !ok {
		return "", refused("PAC names no account")
	}
	return logonSID(pac[logon.start:logon.end])
}

// span is a buffer's place in a PAC.
type span struct{ start, end int }

// parsePAC finds the buffers of a PACTYPE ([MS-PAC] §2.3) by their type. Each
// type may be there once, and all of it lies behind the list.
func parsePAC(pac []byte) (map[uint32]span, error) {
	const header, entry = 8, 16
	if len(pac) < header {
		return nil, refused("PAC is cut off")
	}
	n := binary.LittleEndian.Uint32(pac)
	if n > maxPACBuffers || len(pac) < header+entry*int(n) {
		return nil, refused("PAC is cut off")
	}
	first := uint64(header + entry*n)
	out := make(map[uint32]span, n)
	for i := range int(n) {
		b := pac[header+entry*i:]
		kind, size, offset := binary.LittleEndian.Uint32(b), uint64(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint64(b[8:])
		if offset < first || offset > uint64(len(pac)) || size > uint64(len(pac))-offset {
			return nil, refused("PAC has a buffer outside of it")
		}
		if _, twice := out[kind]; twice {
			return nil, refused("PAC has two buffers of type %d", kind)
		}
		out[kind] = span{int(offset), int(offset + size)}
	}
	return out, nil
}

// verifyPAC checks the server's signature ([MS-PAC] §2.8.1): over the whole PAC
// with both signatures set to zero. The KDC's is for KDCs.
func verifyPAC(pac []byte, buffers map[uint32]span, key types.EncryptionKey) error {
	server, ok := buffers[pacServerSignature]
	kdc, too := buffers[pacKDCSignature]
	if !ok || !too {
		return refused("PAC is not signed")
	}
	etype, err := crypto.GetEtype(key.KeyType)
	if err != nil {
		return refused("PAC: encryption type %d is unknown", key.KeyType)
	}
	signed := append([]byte(nil), pac...)
	signature, err := takeSignature(signed[server.start:server.end], etype.GetHashID())
	if err != nil {
		return err
	}
	if len(signed[kdc.start:kdc.end]) < 4 {
		return refused("PAC has a signature that is cut off")
	}
	kind := int32(binary.LittleEndian.Uint32(signed[kdc.start:])) // the KDC's key may be of another type
	if _, err := takeSignature(signed[kdc.start:kdc.end], kind); err != nil {
		return err
	}
	if !etype.VerifyChecksum(key.KeyValue, signed, signature, keyusage.KERB_NON_KERB_CKSUM_SALT) {
		return refused("PAC has a wrong signature")
	}
	return nil
}

// takeSignature returns a copy of the signature in a PAC_SIGNATURE_DATA and sets
// it to zero. What may follow it, the identifier of a read-only controller, stays.
func takeSignature(b []byte, kind int32) ([]byte, error) {
	if len(b) < 4 || int32(binary.LittleEndian.Uint32(b)) != kind {
		return nil, refused("PAC has a signature of another type than the key")
	}
	etype, err := crypto.GetChksumEtype(kind)
	if err != nil {
		return nil, refused("PAC has a signature of unknown type %d", kind)
	}
	size := etype.GetHMACBitLength() / 8
	if len(b) < 4+size {
		return nil, refused("PAC has a signature that is cut off")
	}
	signature := append([]byte(nil), b[4:4+size]...)
	clear(b[4 : 4+size])
	return signature, nil
}

// logonSID returns the SID of the account in a KERB_VALIDATION_INFO ([MS-PAC]
// §2.5), which is in NDR with a type serialization header ([MS-RPCE] §2.2.6):
// its domain's SID with UserId appended.
func logonSID(b []byte) (string, error) {
	// Places of members in the fixed part; pointers are followed in their order
	// behind it.
	const (
		headers = 8 + 8 + 4 // common, private, and the pointer to the structure
		fixed   = 216
	)
	errShort := refused("PAC's account is cut off")
	if len(b) < headers+fixed {
		return "", errShort
	}
	if b[0] != 1 || b[1] != 0x10 || binary.LittleEndian.Uint32(b[16:]) == 0 {
		return "", refused("PAC's account is not in little-endian NDR")
	}
	b = b[headers:]
	word := func(at int) uint32 { return binary.LittleEndian.Uint32(b[at:]) }
	rid := word(100)
	if rid == 0 || word(152) == 0 {
		return "", refused("PAC names no account of a domain")
	}
	r := &ndrReader{rest: b[fixed:]}
	for at := 48; at < 96; at += 8 { // EffectiveName to HomeDirectoryDrive
		r.skipString(word(at + 4))
	}
	if word(112) != 0 { // GroupIds
		r.skip(8 * uint64(r.word()))
	}
	r.skipString(word(136 + 4)) // LogonServer
	r.skipString(word(144 + 4)) // LogonDomainName
	domain := r.sid()
	if r.short {
		return "", errShort
	}
	return fmt.Sprintf("%s-%d", domain, rid), nil
}

// ndrReader reads what pointers point to. After the end, short is set and all
// further values are zero.
type ndrReader struct {
	rest  []byte
	short bool
}

func (r *ndrReader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.rest)) {
		r.short = true
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *ndrReader) word() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// skip passes over n bytes and what aligns the next value.
func (r *ndrReader) skip(n uint64) { r.take((n + 3) &^ 3) }

// skipString passes over the characters of an RPC_UNICODE_STRING: greatest
// count, offset, count, and two bytes each.
func (r *ndrReader) skipString(pointer uint32) {
	if pointer == 0 {
		return
	}
	r.word()
	r.word()
	r.skip(2 * uint64(r.word()))
}

// sid reads a SID ([MS-DTYP] §2.4.2.3) behind the count of its sub-authorities,
// and writes it as S-1-….
func (r *ndrReader) sid() string {
	n := r.word()
	head := r.take(8)
	if head == nil || n != uint32(head[1]) || n > 15 {
		r.short = true
		return ""
	}
	authority := uint64(binary.BigEndian.Uint16(head[2:]))<<32 | uint64(binary.BigEndian.Uint32(head[4:]))
	var s strings.Builder
	fmt.Fprintf(&s, "S-%d-%d", head[0], authority)
	for range n {
		fmt.Fprintf(&s, "-%d", r.word())
	}
	return s.String()
}
