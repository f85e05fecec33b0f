package auth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"

	"convene/directory"
	"convene/internal/filewatch"
	"convene/internal/kerberos"
)

// maxToken is the largest token looked at, in bytes. A ticket with the PAC of
// somebody in a thousand groups has some 12 KB; Windows' own limit is 48,000.
const maxToken = 64 << 10

// Reasons for which tokens are refused that the server's administrator, and nobody else,
// can do something about. Compare with errors.Is; clients do not learn them, but for
// ErrNTLM.
var (
	ErrNTLM        = errors.New("NTLM instead of Kerberos: the client found no ticket for this host")
	ErrNoKey       = errors.New("keytab has no key")
	ErrWrongKey    = errors.New("ticket does not decrypt with the keytab's key")
	ErrTicketType  = errors.New("auth.negotiate.enctypes does not allow the ticket's encryption type")
	ErrClientClock = errors.New("the clocks of client and server differ")

	errTicket = errors.New("refused Kerberos token")
)

// refused returns an errTicket with its reason.
func refused(reason string, args ...any) error {
	return fmt.Errorf("%w: %w", errTicket, fmt.Errorf(reason, args...))
}

// negotiator accepts Kerberos tickets (RFC 4559, 4178, 4121).
//
// It uses gokrb5 for messages and cryptography, not for their verification:
// that accepts another realm's user of the same name, can be made to accept a
// token twice, panics on an empty list of mechanisms, and knows neither mutual
// authentication nor channel bindings. Nothing outside the files negotiate*.go
// knows gokrb5.
//
// Of authorization data, the PAC of an account of Active Directory must name the
// SID of the directory's record: a ticket lives for hours, and its name may have
// been given to somebody else since. Groups are the directory's. Tickets for other
// records need no PAC; those of MIT KDCs since 1.20 have one that names nobody.
type negotiator struct {
	a        *Authenticator
	keys     *filewatch.File[*serviceKeys]
	enctypes []int32 // of keys that tickets may be encrypted with
	mapping  []principalRule
	replays  *replayCache
	pending  pendingMechs
}

func newNegotiator(ctx context.Context, a *Authenticator, st *state) (*negotiator, error) {
	switch a.o.Negotiate.ChannelBinding {
	case BindingCheck, BindingRequire, BindingOff:
	default:
		return nil, fmt.Errorf("channel binding %q is unknown", a.o.Negotiate.ChannelBinding)
	}
	n := &negotiator{a: a}
	var err error
	if n.enctypes, err = kerberos.ParseEnctypes(a.o.Negotiate.Enctypes); err != nil {
		return nil, err
	}
	n.keys, err = filewatch.Open(a.o.Negotiate.Keytab, n.readKeytab, a.log, a.now)
	if err != nil {
		return nil, fmt.Errorf("keytab: %w", err)
	}
	if n.mapping, err = compileRules(a.o.Negotiate.Principals); err != nil {
		return nil, err
	}
	n.replays, err = newReplayCache(ctx, a, st)
	return n, err
}

// serviceKeys is a keytab and the realms in it.
type serviceKeys struct {
	*keytab.Keytab
	realms []string

	mu       sync.Mutex
	reported []int // versions of keys of which the log says that they are missing
}

// maxMissing bounds serviceKeys.reported: anybody can name versions.
const maxMissing = 4

// missing returns the newest version of a service's keys if a ticket's is newer,
// and false if that is known already or there is none of the service: a keytab that was
// exported before the account's password was changed locks everybody out.
func (k *serviceKeys) missing(realm string, sname []string, version int) (newest uint32, stale bool) {
	for _, e := range k.Entries {
		if e.Principal.Realm == realm && slices.EqualFunc(e.Principal.Components, sname, strings.EqualFold) {
			newest = max(newest, e.KVNO, uint32(e.KVNO8))
		}
	}
	if newest == 0 || version <= 0 || uint64(version) <= uint64(newest) {
		return newest, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.reported) == maxMissing || slices.Contains(k.reported, version) {
		return newest, false
	}
	k.reported = append(k.reported, version)
	return newest, true
}

// readKeytab reads the keytab, and says what is wrong with its keys.
func (n *negotiator) readKeytab(b []byte) (*serviceKeys, error) {
	k, err := serviceKeysOf(b)
	if err == nil {
		k.warnOfTypes(n.enctypes, n.a.o.Negotiate.Keytab, n.a.log)
	}
	return k, err
}

// serviceKeysOf reads a keytab.
func serviceKeysOf(b []byte) (*serviceKeys, error) {
	k, err := kerberos.ParseKeytab(b)
	if err != nil {
		return nil, err
	}
	out := &serviceKeys{Keytab: k}
	for _, e := range k.Entries {
		if !slices.Contains(out.realms, e.Principal.Realm) {
			out.realms = append(out.realms, e.Principal.Realm)
		}
	}
	return out, nil
}

// kerberosName is a verified client.
type kerberosName struct {
	components []string
	realm      string
}

// verify checks a Negotiate token and finds its directory record.
func (n *negotiator) verify(r *http.Request, credentials string) (identity, error) {
	if base64.StdEncoding.DecodedLen(len(credentials)) > maxToken+2 {
		return identity{}, fmt.Errorf("%w: token longer than %d bytes", ErrMalformed, maxToken)
	}
	token, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil || len(token) == 0 {
		return identity{}, fmt.Errorf("%w: token is not base 64", ErrMalformed)
	}
	ch := channel{remote: r.RemoteAddr}
	if n.a.o.Negotiate.ChannelBinding != BindingOff {
		if cert := n.a.o.Certificate(r); cert != nil {
			ch.binding = kerberos.BindingHash(kerberos.ServerEndPoint(cert))
		}
	}
	t, err := n.accept(r.Context(), token, ch)
	if err != nil {
		return identity{}, err
	}
	p, err := n.record(r.Context(), t.name)
	if err == nil {
		err = t.belongs(p)
	}
	if err != nil {
		return identity{}, err
	}
	c, err := n.a.caller(r.Context(), p, Caller{Scheme: SchemeNegotiate, Login: t.name.String()}, false)
	if err != nil {
		return identity{}, err
	}
	// Clients that take Negotiate for a property of the connection, as with
	// NTLM, learn that it is one of the request.
	h := http.Header{"Persistent-Auth": {"false"}}
	if len(t.reply) > 0 {
		h.Set("Www-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(t.reply))
	}
	return identity{caller: c, header: h}, nil
}

// channel is what is known of the connection that carried a token.
type channel struct {
	remote  string // IP:port
	binding []byte // expected channel bindings, nil if unknown
}

// accept verifies one token.
func (n *negotiator) accept(ctx context.Context, token []byte, ch channel) (out *accepted, err error) {
	defer func() { // the library's parsers index into hostile input
		if p := recover(); p != nil {
			out, err = nil, refused("malformed token")
		}
	}()
	t, err := parseToken(token, func() []byte { return n.pending.take(ch.remote, n.a.now()) })
	if err != nil {
		var more *continueError
		if errors.As(err, &more) {
			n.pending.put(ch.remote, t.mechs, n.a.now())
		}
		return nil, err
	}
	now := n.a.now()
	req := &t.request
	key, err := n.openTicket(req, now, ch)
	if err != nil {
		return nil, err
	}
	part := &req.Ticket.DecryptedEncPart
	out = &accepted{name: kerberosName{components: part.CName.NameString, realm: part.CRealm}, data: part.AuthorizationData, key: key}
	if err := out.name.check(n.realms()); err != nil {
		return nil, err
	}
	mutual, err := n.checkChannel(req, ch)
	if err != nil {
		return nil, fmt.Errorf("%w, from %s", err, out.name)
	}
	ctime := req.Authenticator.CTime.Add(time.Duration(req.Authenticator.Cusec) * time.Microsecond)
	if err := n.replays.add(ctx, req.EncryptedAuthenticator.Cipher, ctime, now); err != nil {
		return nil, fmt.Errorf("%w, from %s", err, out.name)
	}
	out.reply, err = t.reply(mutual)
	return out, err
}

// openTicket decrypts ticket and authenticator and checks that they belong
// together and to now (RFC 4120 §3.2.3). It returns the service's key.
func (n *negotiator) openTicket(req *messages.APReq, now time.Time, ch channel) (types.EncryptionKey, error) {
	key, err := n.decryptTicket(req)
	if err != nil {
		return key, err
	}
	if err := n.checkTicket(&req.Ticket, now); err != nil {
		return key, err
	}
	tk := &req.Ticket.DecryptedEncPart
	if err := req.DecryptAuthenticator(tk.Key); err != nil {
		return key, refused("authenticator does not decrypt")
	}
	au := &req.Authenticator
	ctime := au.CTime.Add(time.Duration(au.Cusec) * time.Microsecond)
	switch {
	case au.CRealm != tk.CRealm || !slices.Equal(au.CName.NameString, tk.CName.NameString):
		return key, refused("authenticator and ticket name different clients")
	case ctime.Sub(now).Abs() > n.a.o.Negotiate.Skew:
		return key, refused("%w: the client's is %v off", ErrClientClock, ctime.Sub(now).Round(time.Second))
	}
	return key, checkAddress(tk.CAddr, ch.remote)
}

// decryptTicket opens a ticket for this service with the keytab's key.
func (n *negotiator) decryptTicket(req *messages.APReq) (types.EncryptionKey, error) {
	sname := req.Ticket.SName.NameString
	if len(sname) < 2 || !slices.ContainsFunc(n.a.o.Negotiate.Services, func(s string) bool { return strings.EqualFold(s, sname[0]) }) {
		return types.EncryptionKey{}, refused("ticket is for service %.80q", strings.Join(sname, "/"))
	}
	if etype := req.Ticket.EncPart.EType; !slices.Contains(n.enctypes, etype) {
		return types.EncryptionKey{}, refused("%w, %s: let the service's account use AES and export its keytab again",
			ErrTicketType, kerberos.EnctypeName(etype))
	}
	keys := n.keys.Get()
	key, ok := keys.find(req.Ticket.Realm, sname, req.Ticket.EncPart.KVNO, req.Ticket.EncPart.EType)
	if !ok {
		if newest, stale := keys.missing(req.Ticket.Realm, sname, req.Ticket.EncPart.KVNO); stale {
			n.a.log.Warn(fmt.Sprintf("the KDC issues key version %d, the keytab has %d: export it again", req.Ticket.EncPart.KVNO, newest),
				"keytab", n.a.o.Negotiate.Keytab, "service", strings.Join(sname, "/")+"@"+req.Ticket.Realm)
		}
		return key, refused("%w for %.80q, version %d, encryption type %d",
			ErrNoKey, strings.Join(sname, "/")+"@"+req.Ticket.Realm, req.Ticket.EncPart.KVNO, req.Ticket.EncPart.EType)
	}
	if err := req.Ticket.Decrypt(key); err != nil {
		return key, refused("%w", ErrWrongKey)
	}
	return key, nil
}

// checkTicket checks that a ticket is valid now and came by a trusted way.
func (n *negotiator) checkTicket(t *messages.Ticket, now time.Time) error {
	skew := n.a.o.Negotiate.Skew
	tk := &t.DecryptedEncPart
	start := tk.StartTime
	if start.IsZero() { // optional: the time of the first sign-in then
		start = tk.AuthTime
	}
	switch {
	case types.IsFlagSet(&tk.Flags, flags.Invalid) || start.Sub(now) > skew:
		return refused("ticket is not valid yet")
	case now.Sub(tk.EndTime) > skew:
		return refused("ticket has expired")
	}
	return n.checkTransited(tk, t.Realm)
}

// checkTransited refuses tickets that came through realms which nobody vouches
// for (RFC 4120 §2.7): each realm on the way could have named any client it
// likes. Unless the service's KDC has checked the way, as its flag says, those
// realms must be trusted here. A user of the service's own realm has no way.
func (n *negotiator) checkTransited(tk *messages.EncTicketPart, realm string) error {
	way := tk.Transited.Contents
	switch {
	case len(way) == 0:
		return nil
	case tk.CRealm == realm:
		return refused("ticket of a user of %.80q came through other realms", realm)
	case types.IsFlagSet(&tk.Flags, flags.TransitedPolicyChecked):
		return nil
	}
	for r := range strings.SplitSeq(string(way), ",") {
		if !slices.Contains(n.realms(), r) {
			return refused("ticket came through realm %.80q, which is not trusted here and which its KDC has not checked", r)
		}
	}
	return nil
}

// checkAddress enforces the addresses a ticket is limited to, if any.
func checkAddress(allowed types.HostAddresses, remote string) error {
	if len(allowed) == 0 {
		return nil
	}
	from, err := types.GetHostAddress(remote)
	if err != nil || !types.HostAddressesContains(allowed, from) {
		return refused("ticket is limited to other addresses")
	}
	return nil
}

// find returns the key of a service; the case of host names
// does not matter. Version 0 is the newest.
func (k *serviceKeys) find(realm string, sname []string, kvno int, etype int32) (key types.EncryptionKey, ok bool) {
	var newest uint32
	for _, e := range k.Entries {
		if e.Key.KeyType != etype || e.Principal.Realm != realm || !slices.EqualFunc(e.Principal.Components, sname, strings.EqualFold) {
			continue
		}
		version := max(e.KVNO, uint32(e.KVNO8))
		if kvno != 0 && version != uint32(kvno) || ok && version < newest {
			continue
		}
		key, newest, ok = e.Key, version, true
	}
	return key, ok
}

// realms returns the realms whose users may sign in.
func (n *negotiator) realms() []string {
	if len(n.a.o.Negotiate.Realms) > 0 {
		return n.a.o.Negotiate.Realms
	}
	return n.keys.Get().realms
}

// checkChannel checks the channel bindings in the authenticator's checksum
// (RFC 4121 §4.1.1) and reports whether the client wants the server to prove
// itself too.
func (n *negotiator) checkChannel(req *messages.APReq, ch channel) (mutual bool, err error) {
	mutual = types.IsFlagSet(&req.APOptions, flags.APOptionMutualRequired)
	bound := false
	if ck := req.Authenticator.Cksum; ck.CksumType == 0x8003 && len(ck.Checksum) >= 24 {
		mutual = mutual || binary.LittleEndian.Uint32(ck.Checksum[20:24])&gssapi.ContextFlagMutual != 0
		sent := ck.Checksum[4:20]
		if ch.binding != nil && !bytes.Equal(sent, make([]byte, 16)) {
			if !bytes.Equal(sent, ch.binding) {
				return false, refused("channel bindings are of another TLS connection")
			}
			bound = true
		}
	}
	if n.a.o.Negotiate.ChannelBinding == BindingRequire && !bound {
		return false, refused("no channel bindings")
	}
	return mutual, nil
}

// apReply makes the KRB_AP_REP that proves possession of the service's key.
func apReply(req *messages.APReq, seq int64) ([]byte, error) {
	p, err := asn1.Marshal(encAPRepPart{CTime: req.Authenticator.CTime, Cusec: req.Authenticator.Cusec, Seq: seq})
	if err != nil {
		return nil, err
	}
	enc, err := crypto.GetEncryptedData(appTag(27, p), req.Ticket.DecryptedEncPart.Key, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, err
	}
	b, err := asn1.Marshal(apRep{PVNO: 5, MsgType: 15, EncPart: enc})
	if err != nil {
		return nil, err
	}
	return appTag(15, b), nil
}

// sequenceNumber returns a random first sequence number of 30 bits.
func sequenceNumber() int64 {
	var b [4]byte
	rand.Read(b[:]) // never fails, by its documentation
	return int64(binary.BigEndian.Uint32(b[:]) & 0x3fffffff)
}

// record finds the directory record of a client by the rules.
func (n *negotiator) record(ctx context.Context, name kerberosName) (*directory.Principal, error) {
	own := n.keys.Get().realms
	why := errNoRecord
	for _, rule := range n.mapping {
		key, ok := rule.key(name, own)
		if !ok {
			continue
		}
		p, err := n.a.o.Directory.Lookup(ctx, key)
		if errors.Is(err, directory.ErrNotFound) {
			continue
		}
		if errors.Is(err, directory.ErrAmbiguous) {
			return nil, fmt.Errorf("record of %s: %w: %w", name, errNoRecord, err)
		}
		if err != nil {
			return nil, fmt.Errorf("record of %s: %w", name, err)
		}
		if why = name.mayBe(p, key); why == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("record of %s: %w", name, why)
}
