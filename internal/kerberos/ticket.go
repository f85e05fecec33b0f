package kerberos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/iana/patype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Errors of CredentialsOf. Compare with errors.Is.
var (
	ErrNoPrincipal = errors.New("the keytab has no key of the principal")
	ErrWeakKeys    = errors.New("the keytab has no AES key of the principal")
)

// ErrKeys is a reply of a KDC that the keytab's keys do not open.
var ErrKeys = errors.New("the KDC's reply does not open with the keytab's key")

// Credentials are the newest AES keys of a principal.
type Credentials struct {
	Name    string // without realm: "convene", "CALENDAR$", "HTTP/calendar.example.com"
	Realm   string
	Version int                           // of the newest
	keys    map[int32]types.EncryptionKey // by encryption type
	types   []string                      // of keys, the strongest first
}

// CredentialsOf takes a principal's keys from the content of a keytab. The principal is
// NAME or NAME@REALM, in any case, as Active Directory takes it; the keytab's spelling
// counts. Errors: ErrNoPrincipal, which lists those that are there; ErrWeakKeys; a
// malformed keytab.
func CredentialsOf(content []byte, principal string) (*Credentials, error) {
	k, err := ParseKeytab(content)
	if err != nil {
		return nil, err
	}
	name, realm, hasRealm := cutLast(principal, '@')
	c := &Credentials{keys: map[int32]types.EncryptionKey{}}
	versions := map[int32]uint32{}
	var others []string
	for _, e := range k.Entries {
		n := strings.Join(e.Principal.Components, "/")
		if !strings.EqualFold(n, name) || hasRealm && !strings.EqualFold(e.Principal.Realm, realm) {
			if full := n + "@" + e.Principal.Realm; !slices.Contains(others, full) {
				others = append(others, full)
			}
			continue
		}
		if c.Name == "" {
			c.Name, c.Realm = n, e.Principal.Realm
		}
		if version := max(e.KVNO, uint32(e.KVNO8)); n == c.Name && e.Principal.Realm == c.Realm && (c.keys[e.Key.KeyType].KeyValue == nil || version >= versions[e.Key.KeyType]) {
			c.keys[e.Key.KeyType], versions[e.Key.KeyType] = e.Key, version
			c.Version = max(c.Version, int(version))
		}
	}
	if c.Name == "" {
		return nil, fmt.Errorf("%w %s, but of %s", ErrNoPrincipal, principal, strings.Join(others, ", "))
	}
	for _, t := range enctypes {
		if _, ok := c.keys[t.number]; ok && strings.HasPrefix(t.name, "aes") {
			c.types = append(c.types, t.name)
		}
	}
	if len(c.types) == 0 {
		return nil, fmt.Errorf("%w %s", ErrWeakKeys, principal)
	}
	return c, nil
}

// cutLast splits at the last separator.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func (c *Credentials) principal() types.PrincipalName {
	return types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, c.Name)
}

// As returns the same keys under another name of their account: Active Directory issues
// tickets to accounts, not to the services that they have.
func (c *Credentials) As(name string) *Credentials {
	other := *c
	other.Name = name
	return &other
}

// A Ticket opens one service to one principal.
type Ticket struct {
	Service string // "ldap/dc1.example.com"
	Until   time.Time

	client types.PrincipalName
	realm  string // of client
	ticket messages.Ticket
	key    types.EncryptionKey // of the session
}

// Code returns the code of a KRB-ERROR (RFC 4120 §7.5.9) in an error.
func Code(err error) (code int32, ok bool) {
	e, ok := errors.AsType[messages.KRBError](err)
	return e.ErrorCode, ok
}

// Refused reports whether a KDC may have counted a request against the account: wrong
// keys, or an account that is not there, disabled, locked or whose password is over.
func Refused(err error) bool {
	code, _ := Code(err)
	switch code {
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_CLIENT_REVOKED, errorcode.KDC_ERR_KEY_EXPIRED, errorcode.KDC_ERR_PREAUTH_FAILED:
		return true
	}
	return errors.Is(err, ErrKeys)
}

// Ticket gets a ticket for a service of the KDC's realm ("ldap/dc1.example.com"), by two
// exchanges (RFC 4120 §3.1, §3.3). Errors: those of the network; a KRB-ERROR, see Code;
// ErrKeys.
func (k KDC) Ticket(ctx context.Context, c *Credentials, service string) (t *Ticket, err error) {
	defer func() { // the library indexes into malformed messages
		if p := recover(); p != nil {
			t, err = nil, fmt.Errorf("KDC %s: malformed reply", k.Address)
		}
	}()
	granting, err := k.granting(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("ticket-granting ticket of %s@%s: %w", c.Name, c.Realm, err)
	}
	conf, err := k.krb5(DefaultEnctypes())
	if err != nil {
		return nil, err
	}
	req, err := messages.NewTGSReq(c.principal(), k.Realm, conf, granting.ticket, granting.key, types.NewPrincipalName(nametype.KRB_NT_SRV_HST, service), false)
	if err != nil {
		return nil, err
	}
	b, err := req.Marshal()
	if err != nil {
		return nil, err
	}
	reply, err := k.ask(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("ticket for %s: %w", service, err)
	}
	var rep messages.TGSRep
	if err := rep.Unmarshal(reply); err != nil {
		return nil, fmt.Errorf("ticket for %s: KDC %s: %w", service, k.Address, err)
	}
	if err := rep.DecryptEncPart(granting.key); err != nil {
		return nil, fmt.Errorf("ticket for %s: KDC %s: %w", service, k.Address, err)
	}
	part := rep.DecryptedEncPart
	if part.Nonce != req.ReqBody.Nonce {
		return nil, fmt.Errorf("ticket for %s: KDC %s: the reply is to another question", service, k.Address)
	}
	if name := rep.Ticket.SName.NameString; len(name) > 0 && strings.EqualFold(name[0], "krbtgt") {
		return nil, fmt.Errorf("ticket for %s: its realm is %s, not %s", service, name[len(name)-1], k.Realm)
	}
	return &Ticket{service, part.EndTime, c.principal(), k.Realm, rep.Ticket, part.Key}, nil
}

// granting gets a ticket-granting ticket, with a timestamp made with the principal's key
// if the KDC wants that (RFC 4120 §5.2.7.2).
func (k KDC) granting(ctx context.Context, c *Credentials) (*Ticket, error) {
	conf, err := k.krb5(c.types)
	if err != nil {
		return nil, err
	}
	req, err := messages.NewASReqForTGT(k.Realm, conf, c.principal())
	if err != nil {
		return nil, err
	}
	b, err := req.Marshal()
	if err != nil {
		return nil, err
	}
	reply, err := k.ask(ctx, b)
	if refusal, ok := errors.AsType[messages.KRBError](err); ok && refusal.ErrorCode == errorcode.KDC_ERR_PREAUTH_REQUIRED {
		if err := c.prove(&req, refusal.EData); err != nil {
			return nil, err
		}
		if b, err = req.Marshal(); err != nil {
			return nil, err
		}
		reply, err = k.ask(ctx, b)
		if err != nil {
			return nil, err
		}
	} else if err != nil {
		return nil, err
	}
	var rep messages.ASRep
	if err := rep.Unmarshal(reply); err != nil {
		return nil, fmt.Errorf("KDC %s: %w", k.Address, err)
	}
	key, ok := c.keys[rep.EncPart.EType]
	if !ok {
		return nil, fmt.Errorf("%w: it is %s", ErrKeys, EnctypeName(rep.EncPart.EType))
	}
	opened, err := crypto.DecryptEncPart(rep.EncPart, key, keyusage.AS_REP_ENCPART)
	if err != nil {
		return nil, ErrKeys
	}
	var part messages.EncKDCRepPart
	if err := part.Unmarshal(opened); err != nil || part.Nonce != req.ReqBody.Nonce {
		return nil, fmt.Errorf("KDC %s: the reply is to another question", k.Address)
	}
	return &Ticket{ticket: rep.Ticket, key: part.Key}, nil
}

// prove adds an encrypted timestamp to a request, with the key that the KDC asks for.
func (c *Credentials) prove(req *messages.ASReq, hints []byte) error {
	var chosen types.EncryptionKey
	var pas types.PADataSequence
	if pas.Unmarshal(hints) == nil { // without hints the strongest will do
		for _, pa := range pas {
			if pa.PADataType != patype.PA_ETYPE_INFO2 {
				continue
			}
			info, err := pa.GetETypeInfo2()
			if err != nil {
				return fmt.Errorf("encryption types of the KDC: %w", err)
			}
			for _, i := range info {
				if key, ok := c.keys[i.EType]; ok && chosen.KeyValue == nil {
					chosen = key
				}
			}
		}
	}
	if chosen.KeyValue == nil {
		numbers, err := ParseEnctypes(c.types[:1])
		if err != nil {
			return err
		}
		chosen = c.keys[numbers[0]]
	}
	now, err := types.GetPAEncTSEncAsnMarshalled()
	if err != nil {
		return err
	}
	sealed, err := crypto.GetEncryptedData(now, chosen, keyusage.AS_REQ_PA_ENC_TIMESTAMP, 0)
	if err != nil {
		return err
	}
	b, err := sealed.Marshal()
	if err != nil {
		return err
	}
	req.PAData = append(req.PAData, types.PAData{PADataType: patype.PA_ENC_TIMESTAMP, PADataValue: b})
	return nil
}

// ask sends a request. A refusal is the error.
func (k KDC) ask(ctx context.Context, request []byte) ([]byte, error) {
	reply, err := k.exchange(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("KDC %s: %w", k.Address, err)
	}
	var refusal messages.KRBError
	if err := refusal.Unmarshal(reply); err == nil {
		return nil, fmt.Errorf("KDC %s: %w", k.Address, refusal)
	}
	return reply, nil
}
