package kerberos

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/config"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

// A KDC is where a realm's key distribution centre is asked: host:port, by TCP.
type KDC struct {
	Realm   string
	Address string
}

// krb5 is a Kerberos configuration with this one KDC, for keys of some types.
func (k KDC) krb5(enctypes []string) (*config.Config, error) {
	return config.NewFromString(fmt.Sprintf(`[libdefaults]
  default_realm = %[1]s
  dns_lookup_kdc = false
  noaddresses = true
  udp_preference_limit = 1
  default_tkt_enctypes = %[3]s
  default_tgs_enctypes = %[3]s
[realms]
  %[1]s = {
    kdc = %[2]s
  }
`, k.Realm, k.Address, strings.Join(enctypes, " ")))
}

// passwordEnctypes are those for which every KDC makes keys of passwords.
func passwordEnctypes() []string {
	return []string{"aes256-cts-hmac-sha1-96", "aes128-cts-hmac-sha1-96"}
}

// maxKDCReply bounds what a KDC may answer, in bytes.
const maxKDCReply = 1 << 20

// Clock asks the KDC for its time and returns how far it is ahead of ours. Nobody's
// password is involved: it is asked for the ticket of somebody who does not exist, and
// says when it refuses that (RFC 4120 §5.9.1).
func (k KDC) Clock(ctx context.Context, now func() time.Time) (time.Duration, error) {
	conf, err := k.krb5(passwordEnctypes())
	if err != nil {
		return 0, err
	}
	req, err := messages.NewASReqForTGT(k.Realm, conf, types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, "nobody-"+strings.ToLower(rand.Text())))
	if err != nil {
		return 0, err
	}
	b, err := req.Marshal()
	if err != nil {
		return 0, err
	}
	reply, err := k.exchange(ctx, b)
	if err != nil {
		return 0, fmt.Errorf("KDC %s: %w", k.Address, err)
	}
	var refusal messages.KRBError
	if err := refusal.Unmarshal(reply); err != nil {
		return 0, fmt.Errorf("KDC %s: what answers there is no KDC", k.Address)
	}
	const wrongRealm = 68
	if refusal.ErrorCode == wrongRealm {
		return 0, fmt.Errorf("KDC %s: it is not one of realm %s", k.Address, k.Realm)
	}
	return refusal.STime.Add(time.Duration(refusal.Susec) * time.Microsecond).Sub(now()), nil
}

// exchange sends one request by TCP (RFC 4120 §7.2.2).
func (k KDC) exchange(ctx context.Context, request []byte) ([]byte, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", k.Address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxKDCReply {
		return nil, errors.New("what answers there is no KDC")
	}
	reply := make([]byte, n)
	_, err = io.ReadFull(c, reply)
	return reply, err
}

// client returns a client of the KDC.
func (k KDC) client(name, password string) (*client.Client, error) {
	conf, err := k.krb5(passwordEnctypes())
	if err != nil {
		return nil, err
	}
	return client.NewWithPassword(name, k.Realm, password, conf, client.DisablePAFXFAST(true)), nil
}

// ErrPassword is a password that the KDC does not take.
var ErrPassword = errors.New("the KDC refuses the password")

// Token signs a user in and returns what a browser would send to the service
// ("HTTP/calendar.example.com"): the value of an Authorization header field. Error:
// ErrPassword; others name the step and what the KDC says.
func (k KDC) Token(name, password, service string) (string, error) {
	cl, err := k.client(name, password)
	if err != nil {
		return "", err
	}
	defer cl.Destroy()
	if err := cl.Login(); err != nil {
		if strings.Contains(err.Error(), "KDC_ERR_PREAUTH_FAILED") {
			return "", fmt.Errorf("%w of %s@%s", ErrPassword, name, k.Realm)
		}
		return "", fmt.Errorf("ticket-granting ticket of %s@%s: %w", name, k.Realm, err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	if err := spnego.SetSPNEGOHeader(cl, r, service); err != nil {
		return "", fmt.Errorf("ticket for %s: %w", service, err)
	}
	return r.Header.Get("Authorization"), nil
}

// NewKeytab makes a keytab with the AES keys of an account of Active Directory, whose
// password it knows, under the account's own name and its service's. It signs in with
// the keys before it returns them, so that what it returns works. version is the
// account's msDS-KeyVersionNumber.
func (k KDC) NewKeytab(account, password, service string, version int) ([]byte, error) {
	kt := keytab.New()
	now := time.Now()
	for _, e := range []int32{etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA1_96} {
		if err := kt.AddEntry(account, k.Realm, password, now, uint8(version), e); err != nil {
			return nil, fmt.Errorf("keytab: %w", err)
		}
	}
	for i := range kt.Entries {
		kt.Entries[i].KVNO = uint32(version) // the format has eight bits, and 32 that follow
	}
	conf, err := k.krb5(passwordEnctypes())
	if err != nil {
		return nil, err
	}
	cl := client.NewWithKeytab(account, k.Realm, kt, conf, client.DisablePAFXFAST(true))
	defer cl.Destroy()
	if err := cl.Login(); err != nil {
		return nil, fmt.Errorf("the keys of the new account do not open its ticket: %w", err)
	}
	for _, e := range slices.Clone(kt.Entries) {
		e.Principal.Components = strings.Split(service, "/")
		e.Principal.NumComponents = int16(len(e.Principal.Components))
		e.Principal.NameType = nametype.KRB_NT_SRV_HST
		kt.Entries = append(kt.Entries, e)
	}
	var out bytes.Buffer
	if _, err := kt.Write(&out); err != nil {
		return nil, fmt.Errorf("keytab: %w", err)
	}
	return out.Bytes(), nil
}

// FindKDCs returns the KDCs of a realm, at least one: as krb5.conf has them (KRB5_CONFIG,
// else /etc/krb5.conf), else those named, else by the realm's SRV records (RFC 4120
// §7.2.3.2). Error: ErrNoKDC.
func FindKDCs(ctx context.Context, r *net.Resolver, realm string, named ...KDC) ([]KDC, error) {
	file := cmp.Or(os.Getenv("KRB5_CONFIG"), "/etc/krb5.conf")
	var out []KDC
	if conf, err := config.Load(file); err == nil {
		for _, known := range conf.Realms {
			if known.Realm != realm {
				continue
			}
			for _, address := range known.KDC {
				out = append(out, KDC{realm, address})
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	if len(named) > 0 {
		return named, nil
	}
	if _, list, err := r.LookupSRV(ctx, "kerberos", "tcp", realm); err == nil {
		for _, s := range list {
			out = append(out, KDC{realm, net.JoinHostPort(strings.TrimSuffix(s.Target, "."), strconv.Itoa(int(s.Port)))})
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w of realm %s, in %s or in DNS", ErrNoKDC, realm, file)
	}
	return out, nil
}

// ErrNoKDC is a realm whose KDCs nobody knows.
var ErrNoKDC = errors.New("there is no KDC")
