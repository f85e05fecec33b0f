package auth_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/spnego"

	"convene/auth"
	"convene/testenv"
)

// listen serves a site's callers over HTTP and returns the URL of localhost.
func (s *site) listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: s.Require(func(w http.ResponseWriter, r *http.Request, c *auth.Caller) {
		fmt.Fprintf(w, "you are %s by %s\n", c.Principal.Name, c.Scheme)
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return fmt.Sprintf("http://localhost:%d/", l.Addr().(*net.TCPAddr).Port)
}

// pythonNegotiate asks for proof of the server's identity, as
// requests-kerberos does by default.
const pythonNegotiate = `
import sys
import requests
from requests_kerberos import HTTPKerberosAuth, REQUIRED
r = requests.get(sys.argv[1], auth=HTTPKerberosAuth(mutual_authentication=REQUIRED))
print(r.status_code, r.text)
`

// python returns Debian's interpreter, which must have a module.
func python(t *testing.T, module string) string {
	t.Helper()
	bin := testenv.Require(t, "kdc", "/usr/bin/python3")[0]
	if _, err := testenv.TryRun([]string{"PYTHONWARNINGS=ignore"}, "", bin, "-c", "import "+module); err != nil {
		testenv.Missing(t, "kdc", "python3 has no "+module)
	}
	return bin
}

func TestRealKDC(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{
		Principals: map[string]string{"alice": "alicepw", "stranger": "strangerpw"},
		Services:   []string{"HTTP/localhost"},
	})
	other := testenv.KDC(t, testenv.RealmOptions{Realm: "OTHER.COM", Principals: map[string]string{"bob": "bobpw"}})
	trusting := testenv.KDC(t, testenv.RealmOptions{Realm: "THIRD.COM", Services: []string{"HTTP/localhost"}, Trust: other})
	keys := realm.Keytab("HTTP/localhost")
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab, o.Now = []string{"negotiate", "basic"}, keys, time.Now
	})
	url := s.listen(t)
	env := realm.Kinit("alice")

	t.Run("curl", func(t *testing.T) {
		out := realm.Curl(env, url)
		if !strings.Contains(out, "you are alice by negotiate") || !strings.Contains(out, "Www-Authenticate: Negotiate oY") {
			t.Error(out)
		}
	})
	t.Run("curl, two requests on a connection", func(t *testing.T) {
		out := realm.Curl(env, url, url, url)
		if n := strings.Count(out, "you are alice"); n != 3 {
			t.Errorf("%d answers of 3:\n%s", n, out)
		}
		if n := strings.Count(out, " 401 "); n > 1 {
			t.Errorf("%d challenges on one connection, want at most 1", n)
		}
	})
	t.Run("requests-kerberos, mutual", func(t *testing.T) {
		out := testenv.Run(t, append(env, "PYTHONWARNINGS=ignore"), "", python(t, "requests_kerberos"), "-c", pythonNegotiate, url)
		if !strings.HasPrefix(out, "200 you are alice") {
			t.Error(out)
		}
	})
	t.Run("gokrb5", func(t *testing.T) {
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := spnego.SetSPNEGOHeader(realm.Login("alice"), r, "HTTP/localhost"); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
			t.Errorf("%d %v", resp.StatusCode, err)
		}
	})
	t.Run("no record", func(t *testing.T) {
		if out := realm.Curl(realm.Kinit("stranger"), url); !strings.Contains(out, " 401 ") || strings.Contains(out, " 200 ") {
			t.Error(out)
		}
	})
	t.Run("new keys", func(t *testing.T) {
		realm.Rotate(keys, "HTTP/localhost")
		later := time.Now().Add(2 * time.Second)
		if err := os.Chtimes(keys, later, later); err != nil {
			t.Fatal(err)
		}
		if err := s.Reload(); err != nil {
			t.Fatal(err)
		}
		for name, env := range map[string][]string{"old ticket": env, "new ticket": realm.Kinit("alice")} {
			if out := realm.Curl(env, url); !strings.Contains(out, "you are alice") {
				t.Errorf("%s: %s", name, out)
			}
		}
	})
	t.Run("clock of the KDC ahead", func(t *testing.T) {
		// MIT's clients follow the KDC's clock.
		fast := testenv.KDC(t, testenv.RealmOptions{
			Principals: map[string]string{"alice": "alicepw"}, Services: []string{"HTTP/localhost"}, Skew: 4 * time.Minute,
		})
		s := openSite(t, func(o *auth.Options) {
			o.Schemes, o.Negotiate.Keytab, o.Now, o.State = []string{"negotiate"}, fast.Keytab("HTTP/localhost"), time.Now, newState(t)
		})
		if out := fast.Curl(fast.Kinit("alice"), s.listen(t)); !strings.Contains(out, "you are alice") {
			t.Error(out)
		}
	})
	t.Run("trusted realm", func(t *testing.T) {
		keys := trusting.Keytab("HTTP/localhost")
		env := other.Kinit("bob")
		for _, realms := range [][]string{nil, {"THIRD.COM", "OTHER.COM"}} {
			s := openSite(t, func(o *auth.Options) {
				o.Schemes, o.Negotiate.Keytab, o.Negotiate.Realms, o.Now = []string{"negotiate"}, keys, realms, time.Now
				o.Negotiate.Principals = []auth.PrincipalRule{{By: "name", Realms: []string{"OTHER.COM"}}}
			})
			out := other.Curl(env, s.listen(t))
			if got := strings.Contains(out, "you are bob"); got != (realms != nil) {
				t.Errorf("realms %q: %s", realms, out)
			}
		}
	})
}

// curl's other schemes, against all three offered.
func TestCurlPasswords(t *testing.T) {
	bin := testenv.Require(t, "kdc", "curl")[0]
	s := openSite(t, func(o *auth.Options) {
		o.Schemes, o.Negotiate.Keytab = []string{"negotiate", "digest", "basic"}, keytabFile(t)
	})
	url := s.listen(t)
	for scheme, args := range map[string][]string{
		"basic":             {"--basic"},
		"digest":            {"--digest"},
		"digest, restarted": {"--digest", url},
	} {
		want := 1 + len(args) - 1
		args = append(args, "-sS", "-i", "--max-time", "30", "-u", "alice:alice's password", url)
		out := testenv.Run(t, nil, "", bin, args...)
		if n := strings.Count(out, "you are alice by "+strings.Split(scheme, ",")[0]); n != want {
			t.Errorf("%s: %s", scheme, out)
		}
	}
	out := testenv.Run(t, nil, "", bin, "-sS", "-i", "--digest", "--max-time", "30", "-u", "alice:wrong", url)
	if !strings.Contains(out, " 401 ") || strings.Contains(out, " 200 ") {
		t.Errorf("wrong password: %s", out)
	}
}

// requests' Digest, which merges the fields of the challenges into one.
func TestPythonDigest(t *testing.T) {
	bin := python(t, "requests")
	s := openSite(t, func(o *auth.Options) { o.Schemes = []string{"digest", "basic"} })
	const script = `
import sys
import requests
from requests.auth import HTTPDigestAuth
x = requests.Session()
x.auth = HTTPDigestAuth("alice", "alice's password")
for i in range(3):
    r = x.get(sys.argv[1])
    print(r.status_code, r.text)
`
	out := testenv.Run(t, []string{"PYTHONWARNINGS=ignore"}, "", bin, "-c", script, s.listen(t))
	if strings.Count(out, "200 you are alice by digest") != 3 {
		t.Error(out)
	}
}

// A browser without a ticket that falls back to NTLM learns why it is refused,
// and may go on with another scheme.
func TestNTLMFallsBack(t *testing.T) {
	bin := testenv.Require(t, "kdc", "curl")[0]
	s := kerberosSite(t, nil)
	url := s.listen(t)
	token := base64.StdEncoding.EncodeToString(append([]byte("NTLMSSP\x00"), make([]byte, 24)...))
	out := testenv.Run(t, nil, "", bin, "-sS", "-i", "--max-time", "30", "-H", "Authorization: Negotiate "+token, url)
	for _, want := range []string{" 401 ", "Www-Authenticate: Negotiate", "Www-Authenticate: Basic", "no Kerberos ticket"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %s", want, out)
		}
	}
}
