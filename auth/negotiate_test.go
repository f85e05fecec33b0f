package auth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	krbkeytab "github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"convene/auth"
	"convene/testenv"
)

// keytab holds the key that minted tickets are made with.
func keytab(t testing.TB) []byte {
	return testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "service password", 1, 18)
}

func keytabFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keytab")
	if err := os.WriteFile(path, keytab(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func negotiateField(token []byte) string {
	return "Negotiate " + base64.StdEncoding.EncodeToString(token)
}

// kerberosSite accepts tickets minted with keytab.
func kerberosSite(t testing.TB, change func(*auth.Options)) *site {
	return openSite(t, func(o *auth.Options) {
		o.Schemes = []string{"negotiate", "basic"}
		o.Negotiate.Keytab = keytabFile(t)
		if change != nil {
			change(o)
		}
	})
}

func TestNegotiateTokens(t *testing.T) {
	type ticket = testenv.TicketOptions
	for _, tt := range []struct {
		name   string
		ticket ticket
		status int
		reason string // substring of the logged reason
	}{
		{"plain", ticket{}, 200, ""},
		{"mutual", ticket{Flags: testenv.FlagMutual}, 200, ""},
		{"bare Kerberos", ticket{Bare: true}, 200, ""},
		{"with MIC", ticket{MIC: true}, 200, ""},
		{"wrong MIC", ticket{BadMIC: true}, 401, "mechListMIC"},
		{"second token of an exchange", ticket{Further: true}, 200, ""},
		{"second token, MIC over an unknown list", ticket{Further: true, MIC: true}, 401, "unknown list"},
		{"Microsoft's OID first", ticket{Mechs: [][]int{testenv.MechMSKerberos, testenv.MechKerberos, testenv.MechNTLM}}, 200, ""},
		{"NTLM first", ticket{Mechs: [][]int{testenv.MechNTLM, testenv.MechKerberos}}, 401, "goes on"},
		{"no optimistic token", ticket{NoToken: true}, 401, "goes on"},
		{"NTLM only", ticket{Mechs: [][]int{testenv.MechNTLM}}, 401, "no Kerberos mechanism"},
		{"empty list of mechanisms", ticket{Mechs: [][]int{}}, 401, "no list"},
		{"ticket ended 4 min ago", ticket{End: -4 * time.Minute}, 200, ""},
		{"ticket ended 6 min ago", ticket{End: -6 * time.Minute}, 401, "expired"},
		{"ticket from the future", ticket{Start: 6 * time.Minute}, 401, "not valid yet"},
		{"clock 4 min slow", ticket{Clock: -4 * time.Minute}, 200, ""},
		{"clock 4 min fast", ticket{Clock: 4 * time.Minute}, 200, ""},
		{"clock 6 min slow", ticket{Clock: -6 * time.Minute}, 401, "clock"},
		{"clock 6 min fast", ticket{Clock: 6 * time.Minute}, 401, "clock"},
		{"foreign realm", ticket{Realm: "OTHER.COM"}, 401, "realm"},
		{"foreign ticket that claims our realm", ticket{Realm: "OTHER.COM", Claim: "EXAMPLE.COM"}, 401, "different clients"},
		{"realm in lower case", ticket{Realm: "example.com"}, 401, "realm"},
		{"other service", ticket{Service: "host/localhost"}, 401, "service"},
		{"host in capitals", ticket{Service: "HTTP/LOCALHOST"}, 200, ""},
		{"nobody", ticket{Client: "nobody"}, 401, "no directory record"},
		{"may not sign in", ticket{Client: "carol"}, 403, "may not sign in"},
		{"two components", ticket{Client: "alice/admin"}, 401, "no directory record"},
		{"separator in a component", ticket{Client: "alice@EXAMPLE.COM"}, 401, "separator"},
		{"other address", ticket{Addresses: []string{"\xc0\x00\x02\x07"}}, 401, "addresses"},
		{"this address", ticket{Addresses: []string{"\xc0\x00\x02\x01"}}, 200, ""},
		{"own user, by way of another realm", ticket{Transited: "OTHER.COM"}, 401, "came through other realms"},
		{"own user, by a way that is called checked", ticket{Transited: "OTHER.COM", Checked: true}, 401, "came through other realms"},
		{"PAC of a domain controller", ticket{AuthData: pacFixture(t)}, 200, ""},
		{"PAC that cannot be read", ticket{AuthData: []byte{0x30, 0x0f, 0x30, 0x0d, 0xa0, 3, 2, 1, 1, 0xa1, 6, 4, 4, 1, 2, 3, 4}}, 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kerberosSite(t, nil)
			tt.ticket.Now = s.clock.now()
			keys := keytab(t)
			if tt.ticket.Service != "" {
				keys = renamed(t, keys, tt.ticket.Service)
			}
			m := testenv.Mint(t, keys, tt.ticket)
			status, c, out := s.try(negotiateField(m.Token))
			if status != tt.status {
				t.Fatalf("status %d, want %d: %v", status, tt.status, out.Err)
			}
			if tt.reason != "" && !strings.Contains(out.Err.Error(), tt.reason) {
				t.Errorf("reason %q, want %q in it", out.Err, tt.reason)
			}
			if status == 200 && (c.Principal.Name != "alice" || c.Scheme != "negotiate" || c.Login != "alice@EXAMPLE.COM") {
				t.Errorf("caller %+v", c)
			}
		})
	}
}

// renamed returns a keytab with the same key under another service's name.
func renamed(t testing.TB, keys []byte, service string) []byte {
	t.Helper()
	kt := krbkeytab.New()
	if err := kt.Unmarshal(keys); err != nil {
		t.Fatal(err)
	}
	kt.Entries[0].Principal.Components = strings.Split(service, "/")
	b, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pacFixture is the authorization data of a ticket that a Samba domain
// controller issued.
func pacFixture(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/pac.der")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNegotiateNTLM(t *testing.T) {
	s := kerberosSite(t, nil)
	ntlm := append([]byte("NTLMSSP\x00"), 1, 0, 0, 0, 0, 0, 0, 0)
	status, _, out := s.try(negotiateField(ntlm))
	if status != 401 || !strings.Contains(out.Body, "no Kerberos ticket") {
		t.Errorf("%d %q", status, out.Body)
	}
	if got := strings.Join(challenges(out), " "); got != "Negotiate Basic" {
		t.Errorf("challenges %q", got)
	}
}

// A client that prefers another mechanism is asked for Kerberos, and its list
// is protected by the MIC of its second token.
func TestNegotiateSecondLeg(t *testing.T) {
	mechs := [][]int{testenv.MechNTLM, testenv.MechKerberos}
	s := kerberosSite(t, nil)
	first := testenv.Mint(t, keytab(t), testenv.TicketOptions{Mechs: mechs})
	status, _, out := s.try(negotiateField(first.Token))
	if got := out.Header.Get("WWW-Authenticate"); status != 401 || got != "Negotiate oRQwEqADCgEBoQsGCSqGSIb3EgECAg==" {
		t.Fatalf("first leg: %d %q", status, got)
	}
	second := testenv.Mint(t, keytab(t), testenv.TicketOptions{Mechs: mechs, Further: true, MIC: true, Flags: testenv.FlagMutual})
	status, _, out = s.try(negotiateField(second.Token))
	if status != 200 {
		t.Fatalf("second leg: %d: %v", status, out.Err)
	}
	checkReply(t, second, out)
}

// checkReply verifies the server's last token as a client does.
func checkReply(t *testing.T, m testenv.Minted, out *auth.Outcome) {
	t.Helper()
	field := strings.TrimPrefix(out.Header.Get("WWW-Authenticate"), "Negotiate ")
	b, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		t.Fatal(err)
	}
	var st spnego.SPNEGOToken
	if err := st.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if st.NegTokenResp.State() != spnego.NegStateAcceptCompleted {
		t.Errorf("state %v", st.NegTokenResp.State())
	}
	var kt spnego.KRB5Token
	if err := kt.Unmarshal(st.NegTokenResp.ResponseToken); err != nil {
		t.Fatal(err)
	}
	plain, err := crypto.DecryptEncPart(kt.APRep.EncPart, m.Key, 12)
	if err != nil {
		t.Fatal(err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	if part.CTime.Unix() != m.Authenticator.CTime.Unix() || part.Cusec != m.Authenticator.Cusec {
		t.Error("AP-REP does not prove knowledge of the authenticator")
	}
	if len(st.NegTokenResp.MechListMIC) > 0 {
		var mic gssapi.MICToken
		if err := mic.Unmarshal(st.NegTokenResp.MechListMIC, true); err != nil {
			t.Fatal(err)
		}
		mic.Payload = m.Mechs
		if ok, err := mic.Verify(m.Key, 23); !ok {
			t.Errorf("mechListMIC: %v", err)
		}
	}
}

func TestNegotiateMutual(t *testing.T) {
	s := kerberosSite(t, nil)
	m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Flags: testenv.FlagMutual | testenv.FlagIntegrity, MIC: true})
	status, _, out := s.try(negotiateField(m.Token))
	if status != 200 || out.Header.Get("Persistent-Auth") != "false" {
		t.Fatalf("%d %v", status, out.Header)
	}
	checkReply(t, m, out)
	bare := testenv.Mint(t, keytab(t), testenv.TicketOptions{Bare: true, Flags: testenv.FlagMutual})
	_, _, out = s.try(negotiateField(bare.Token))
	b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(out.Header.Get("WWW-Authenticate"), "Negotiate "))
	var oid asn1.ObjectIdentifier
	rest, err2 := asn1.UnmarshalWithParams(b, &oid, "application,explicit,tag:0")
	if err != nil || err2 != nil || !oid.Equal(testenv.MechKerberos) || !bytes.HasPrefix(rest, []byte{2, 0}) {
		t.Errorf("answer to a bare token: % x", b)
	}
}

func TestNegotiateReplay(t *testing.T) {
	s := kerberosSite(t, nil)
	field := negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{}).Token)
	first, _, _ := s.try(field)
	again, _, out := s.try(field)
	if first != 200 || again != 401 || !strings.Contains(out.Err.Error(), "used before") {
		t.Errorf("%d, then %d: %v", first, again, out.Err)
	}
}

// One token sent many times at once is accepted once.
func TestNegotiateReplayRace(t *testing.T) {
	s := kerberosSite(t, nil)
	for range 200 {
		field := negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{}).Token)
		var accepted atomic.Int32
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 8 {
			wg.Go(func() {
				<-start
				if status, _, _ := s.try(field); status == 200 {
					accepted.Add(1)
				}
			})
		}
		close(start)
		wg.Wait()
		if n := accepted.Load(); n != 1 {
			t.Fatalf("accepted %d times", n)
		}
	}
}

// A token is not accepted a second time after a restart: neither after a clean
// one nor after a crash, from a client whose clock is right, slow or fast.
func TestNegotiateReplayOverRestart(t *testing.T) {
	for _, end := range []string{"clean", "crash"} {
		t.Run(end, func(t *testing.T) {
			path, keys, at := filepath.Join(t.TempDir(), "auth.db"), keytabFile(t), newClock()
			start := func() (*site, func()) {
				e := openState(t, path)
				s := openSite(t, func(o *auth.Options) {
					o.Schemes, o.State, o.Now = []string{"negotiate"}, e, at.now
					o.Negotiate.Keytab = keys
				})
				return s, func() {
					if end == "clean" {
						if err := s.Close(context.Background()); err != nil {
							t.Fatal(err)
						}
					}
					if err := e.Close(); err != nil {
						t.Fatal(err)
					}
				}
			}
			s, stop := start()
			var fields []string
			for _, skew := range []time.Duration{0, -4 * time.Minute, 4 * time.Minute, 2 * time.Second} {
				m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: at.now(), Clock: skew})
				fields = append(fields, negotiateField(m.Token))
				if status, _, out := s.try(fields[len(fields)-1]); status != 200 {
					t.Fatal(out.Err)
				}
			}
			stop()
			s, stop = start()
			defer stop()
			for i, f := range fields {
				if status, _, _ := s.try(f); status == 200 {
					t.Errorf("token %d accepted again", i)
				}
			}
			fresh := func() (int, *auth.Outcome) {
				m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: at.now()})
				status, _, out := s.try(negotiateField(m.Token))
				return status, out
			}
			status, out := fresh()
			if end == "crash" {
				if status != 503 || out.Header.Get("Retry-After") == "" {
					t.Errorf("right after a crash: %d %v, want 503 and Retry-After", status, out.Header)
				}
				at.add(6 * time.Second)
				status, out = fresh()
			}
			if status != 200 {
				t.Errorf("new token: %d: %v", status, out.Err)
			}
		})
	}
}

func TestNegotiateKeytabReload(t *testing.T) {
	file := keytabFile(t)
	s := openSite(t, func(o *auth.Options) { o.Schemes, o.Negotiate.Keytab = []string{"negotiate"}, file })
	newer := testenv.MintKeytab(t, "HTTP/localhost", "EXAMPLE.COM", "new password", 2, 18)
	try := func(keys []byte) int {
		status, _, _ := s.try(negotiateField(testenv.Mint(t, keys, testenv.TicketOptions{Now: s.clock.now()}).Token))
		return status
	}
	if status := try(newer); status != 401 {
		t.Errorf("key that is not there yet: %d", status)
	}
	if err := os.WriteFile(file, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	s.clock.add(2 * time.Second)
	if status := try(newer); status != 200 {
		t.Errorf("new key: %d", status)
	}
	if status := try(keytab(t)); status != 401 {
		t.Errorf("old key: %d", status)
	}
	if err := os.WriteFile(file, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.clock.add(2 * time.Second)
	if status := try(newer); status != 200 {
		t.Errorf("with a broken file: %d", status)
	}
}

func TestNegotiateChannelBinding(t *testing.T) {
	cert := certificate(t)
	sum := sha256.Sum256(cert.Raw)
	right := bindingHash("tls-server-end-point:" + string(sum[:]))
	wrong := bindingHash("tls-server-end-point:other")
	for _, tt := range []struct {
		mode    string
		binding []byte
		status  int
	}{
		{"check", right, 200}, {"check", wrong, 401}, {"check", nil, 200},
		{"require", right, 200}, {"require", wrong, 401}, {"require", nil, 401},
		{"off", right, 200}, {"off", wrong, 200}, {"off", nil, 200},
	} {
		s := kerberosSite(t, func(o *auth.Options) {
			o.Negotiate.ChannelBinding = tt.mode
			o.Certificate = func(*http.Request) *x509.Certificate { return cert }
		})
		m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Binding: tt.binding})
		if status, _, out := s.try(negotiateField(m.Token)); status != tt.status {
			t.Errorf("%s with % x: %d, want %d: %v", tt.mode, tt.binding, status, tt.status, out.Err)
		}
	}
}

func bindingHash(app string) []byte {
	b := make([]byte, 20)
	binary.LittleEndian.PutUint32(b[16:], uint32(len(app)))
	sum := md5.Sum(append(b, app...))
	return sum[:]
}

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNegotiatePrincipalRules(t *testing.T) {
	type rule = auth.PrincipalRule
	for _, tt := range []struct {
		name   string
		rules  []rule
		realms []string
		ticket testenv.TicketOptions
		want   string // name of the record, "" for none
	}{
		{"attribute", []rule{{By: "kerberos"}}, nil, testenv.TicketOptions{}, "alice"},
		{"short name", []rule{{By: "name"}}, nil, testenv.TicketOptions{}, "alice"},
		{"short name, trusted realm, not for it", []rule{{By: "name"}}, []string{"EXAMPLE.COM", "OTHER.COM"}, testenv.TicketOptions{Realm: "OTHER.COM"}, ""},
		{"short name, trusted realm", []rule{{By: "name", Realms: []string{"OTHER.COM"}}}, []string{"OTHER.COM"}, testenv.TicketOptions{Realm: "OTHER.COM"}, "alice"},
		{"every realm that may", []rule{{By: "name", Realms: []string{"*"}}}, []string{"OTHER.COM"}, testenv.TicketOptions{}, ""},
		{"mail", []rule{{By: "mail"}}, nil, testenv.TicketOptions{}, "alice"},
		{"mail template", []rule{{By: "mail", Value: "${name}@example.com", Realms: []string{"*"}}}, []string{"CORP.LOCAL"}, testenv.TicketOptions{Realm: "CORP.LOCAL"}, "alice"},
		{"login", []rule{{By: "login"}}, nil, testenv.TicketOptions{}, "alice"},
		{"guid", []rule{{By: "guid", Value: "${name}-GUID"}}, nil, testenv.TicketOptions{Client: "ALICE"}, "alice"},
		{"expression", []rule{{By: "name", Match: `(\w+)/calendar@.*`, Value: "$1"}}, nil, testenv.TicketOptions{Client: "alice/calendar"}, "alice"},
		{"named group", []rule{{By: "name", Match: `(?P<user>\w+)-x@EXAMPLE\.COM`, Value: "${user}"}}, nil, testenv.TicketOptions{Client: "alice-x"}, "alice"},
		{"expression is anchored", []rule{{By: "name", Match: `alice`, Value: "alice"}}, nil, testenv.TicketOptions{}, ""},
		{"next rule", []rule{{By: "kerberos", Value: "nobody@NOWHERE"}, {By: "name"}}, nil, testenv.TicketOptions{}, "alice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kerberosSite(t, func(o *auth.Options) {
				o.Negotiate.Principals, o.Negotiate.Realms = tt.rules, tt.realms
			})
			status, c, out := s.try(negotiateField(testenv.Mint(t, keytab(t), tt.ticket).Token))
			got := ""
			if status == 200 {
				got = c.Principal.Name
			}
			if got != tt.want {
				t.Errorf("record %q, want %q: %v", got, tt.want, out.Err)
			}
		})
	}
}

func TestNegotiateOutage(t *testing.T) {
	s := kerberosSite(t, nil)
	s.people.down.Store(true)
	status, _, out := s.try(negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{}).Token))
	if status != 503 || out.Header.Get("Retry-After") != "7" {
		t.Errorf("%d %v: %v", status, out.Header, out.Err)
	}
}

func TestNegotiateGarbage(t *testing.T) {
	s := kerberosSite(t, nil)
	for _, field := range []string{"Negotiate", "Negotiate !!", "Negotiate AAAA", "Negotiate " + strings.Repeat("A", 100_000), "negotiate YAY="} {
		if status, _, _ := s.try(field); status != 401 {
			t.Errorf("%.30s: %d", field, status)
		}
	}
}

// A state that cannot be written any more keeps nobody out.
func TestNegotiateStateFails(t *testing.T) {
	e := newState(t)
	s := kerberosSite(t, func(o *auth.Options) { o.State = e })
	try := func() (string, int) {
		field := negotiateField(testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now()}).Token)
		status, _, _ := s.try(field)
		return field, status
	}
	try()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	s.clock.add(time.Minute)
	field, status := try()
	if again, _, _ := s.try(field); status != 200 || again != 401 {
		t.Errorf("without the state: %d, then %d", status, again)
	}
	if !strings.Contains(s.log.String(), "state cannot be written") {
		t.Error("not logged")
	}
}

// A ticket got across realms is as good as the realms on its way.
func TestNegotiateTransited(t *testing.T) {
	for _, tt := range []struct {
		name   string
		way    string
		know   bool // the KDC has checked the way
		status int
	}{
		{"direct", "", false, 200},
		{"checked by the KDC", "MIDDLE.COM,FAR.COM", true, 200},
		{"trusted here", "MIDDLE.COM", false, 200},
		{"one of two trusted", "MIDDLE.COM,FAR.COM", false, 401},
		{"compressed", "COM,MIDDLE.", false, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := kerberosSite(t, func(o *auth.Options) {
				o.Negotiate.Realms = []string{"EXAMPLE.COM", "OTHER.COM", "MIDDLE.COM"}
				o.Negotiate.Principals = []auth.PrincipalRule{{Realms: []string{"*"}, By: "name"}}
			})
			m := testenv.Mint(t, keytab(t), testenv.TicketOptions{Now: s.clock.now(), Realm: "OTHER.COM", Transited: tt.way, Checked: tt.know})
			if status, _, out := s.try(negotiateField(m.Token)); status != tt.status {
				t.Errorf("status %d, want %d: %v", status, tt.status, out.Err)
			}
		})
	}
}
