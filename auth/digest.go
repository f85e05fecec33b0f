package auth

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"convene/directory"
	"convene/internal/filewatch"
)

// algorithm is a Digest algorithm (RFC 7616 §3.3). Its number is stored.
type algorithm uint8

const (
	algMD5 algorithm = iota
	algSHA256
)

// algorithms lists all that exist here.
var algorithms = [...]algorithm{algMD5, algSHA256}

var algorithmNames = [...]string{"MD5", "SHA-256"}

func (a algorithm) String() string { return algorithmNames[a] }

func (a algorithm) size() int { return [...]int{md5.Size, sha256.Size}[a] }

// hash returns the sum of the parts with colons between them.
func (a algorithm) hash(parts ...string) []byte {
	var buf [512]byte
	b := buf[:0]
	for i, p := range parts {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, p...)
	}
	if a == algSHA256 {
		sum := sha256.Sum256(b)
		return sum[:]
	}
	sum := md5.Sum(b)
	return sum[:]
}

// ha1 returns the secret that a Digest response is made with (§3.4.2).
func (a algorithm) ha1(login, realm, password string) []byte { return a.hash(login, realm, password) }

// parseAlgorithm reads a name; the default of the field is MD5.
func parseAlgorithm(s string) (algorithm, bool) {
	if s == "" {
		return algMD5, true
	}
	for _, a := range algorithms {
		if strings.EqualFold(s, a.String()) {
			return a, true
		}
	}
	return 0, false
}

// digester verifies Digest (RFC 7616, and RFC 2617 with qop). It needs HA1
// secrets: from htdigest files, device passwords, or the directory.
type digester struct {
	a          *Authenticator
	algorithms []algorithm
	files      []*filewatch.File[*htdigest]
	directory  directory.DigestSource // nil: it knows no secrets
	secrets    *secrets               // of the directory, if it is a server; else nil
	devices    *Devices               // nil: not for Digest
	nonces     *nonces
	opaque     string
	fields     []string // the challenges up to the nonce, one for each algorithm
}

func newDigester(ctx context.Context, a *Authenticator, st *state) (*digester, error) {
	d := &digester{a: a}
	if s, ok := directory.AsDigestSource(a.o.Directory); ok && s.HasHA1() {
		d.directory = s
		if s.AsksServer() {
			d.secrets = newSecrets(s, a.o.Basic, a.now)
		}
	}
	if a.o.Digest.DevicePasswords {
		d.devices = a.devices
	}
	for _, name := range a.o.Digest.Algorithms {
		alg, ok := parseAlgorithm(name)
		if !ok || name == "" || slices.Contains(d.algorithms, alg) {
			return nil, fmt.Errorf("algorithm %q is unknown or named twice", name)
		}
		d.algorithms = append(d.algorithms, alg)
		d.fields = append(d.fields, "Digest realm="+quote(a.o.Realm)+`, qop="auth", algorithm=`+alg.String()+`, nonce="`)
	}
	for _, f := range a.o.Digest.Files {
		w, err := filewatch.Open(f, htdigestFile(a.o.Realm), a.log, a.now)
		if err != nil {
			return nil, err
		}
		if len(w.Get().secrets) == 0 {
			a.log.Warn("htdigest file has no entry for this realm", "file", f, "realm", a.o.Realm)
		}
		d.files = append(d.files, w)
	}
	if !slices.ContainsFunc(d.algorithms, d.forAll) {
		a.log.Warn("no Digest algorithm is one that all secrets are for; each is offered, and some people will not get in", "algorithms", a.o.Digest.Algorithms)
	}
	h := hmac.New(sha256.New, st.nonceKey)
	io.WriteString(h, "opaque")
	d.opaque = hex.EncodeToString(h.Sum(nil)[:8])
	n, err := newNonces(ctx, a, st)
	d.nonces = n
	return d, err
}

// verifiable reports whether there is anything to verify responses with.
func (d *digester) verifiable() bool {
	return len(d.files) > 0 || d.devices != nil || d.directory != nil
}

// forAll reports whether everyone who has a secret has one for an algorithm.
func (d *digester) forAll(alg algorithm) bool {
	for _, f := range d.files {
		if !f.Get().forAll[alg] {
			return false
		}
	}
	return d.directory == nil || d.directory.HA1ForAll(alg.String())
}

// challenge appends one field for each algorithm that works for all, all with the
// same nonce: clients take the first that they know and stay with it when it is
// refused, and those that merge the fields of a response still get a whole
// challenge. If none works for all, it is every configured one.
func (d *digester) challenge(fields []string, stale bool) []string {
	rest := d.nonces.issue() + `", opaque="` + d.opaque + `", charset=UTF-8`
	if stale {
		rest += ", stale=true"
	}
	n := len(fields)
	for i, f := range d.fields {
		if d.forAll(d.algorithms[i]) {
			fields = append(fields, f+rest)
		}
	}
	if len(fields) > n {
		return fields
	}
	for _, f := range d.fields {
		fields = append(fields, f+rest)
	}
	return fields
}

// verify checks Digest credentials.
//
// The response is verified before the nonce, so that stale=true is said only
// to who knows the password (RFC 7616 §3.3), and only they take memory.
//
// A name that nobody has goes the way of those that somebody has, and ends as a wrong
// password does.
func (d *digester) verify(r *http.Request, credentials string) (identity, error) {
	c, err := d.parse(r, credentials)
	if err != nil {
		return identity{}, err
	}
	ctx, address := r.Context(), d.a.o.Address(r)
	if err := d.a.throttle.allowAddress(address); err != nil && !d.a.familiar.name(ctx, c.username, address) {
		return identity{}, loginError(c.username, err)
	}
	p, nobody := d.a.o.Directory.Lookup(ctx, directory.Key{By: directory.Login, Type: directory.User, Value: c.username})
	if nobody != nil && !nobodys(nobody) {
		return identity{}, loginError(c.username, nobody)
	}
	account := d.a.accountOf(p, c.username)
	x, ours := d.nonces.parse(c.nonce)
	t := &attempt{
		digestCredentials: c, d: d, account: account, address: address, ha2: hex.EncodeToString(c.algorithm.hash(r.Method, c.uri)),
		standing: d.standing(ctx, account, x, ours, address),
	}
	device, err := t.match(ctx)
	if err == nil && p == nil {
		err = ErrMismatch // a file knows a name that no record has
	}
	if errors.Is(err, ErrMismatch) {
		t.fail()
		if p != nil {
			d.a.throttle.learn(c.username, p)
		}
	}
	if err != nil {
		return identity{}, loginError(c.username, also(err, nobody))
	}
	if !ours {
		return identity{}, ErrStale
	}
	if err := d.nonces.use(ctx, p.GUID, x, c.count); err != nil {
		return identity{}, err
	}
	caller, err := d.a.caller(ctx, p, Caller{Scheme: SchemeDigest, Login: c.username, Device: device}, false)
	if err != nil {
		return identity{}, err
	}
	if t.standing != proven {
		d.a.throttle.learn(c.username, p)
		d.a.familiar.note(p.GUID, c.username, address)
	}
	return identity{caller: caller, header: d.info(c, x, t.ha1)}, nil
}

// standing is what speaks for a response. A session that is going on is not disturbed by
// somebody else's guesses.
func (d *digester) standing(ctx context.Context, account string, x nonce, ours bool, address string) standing {
	switch {
	case ours && d.nonces.live(ctx, account, x):
		return proven
	case d.a.familiar.record(ctx, account, address):
		return familiar
	}
	return unproven
}

// info returns Authentication-Info (RFC 7616 §3.5): proof that the server
// knows the secret too, and from half of a nonce's life on the next one.
func (d *digester) info(c *digestCredentials, x nonce, ha1 string) http.Header {
	ha2 := hex.EncodeToString(c.algorithm.hash("", c.uri))
	proof := hex.EncodeToString(c.algorithm.hash(ha1, c.nonce, c.nc, c.cnonce, "auth", ha2))
	v := `qop=auth, rspauth="` + proof + `", cnonce=` + quote(c.cnonce) + `, nc=` + c.nc
	if d.nonces.age(x) > d.nonces.life/2 {
		v = `nextnonce="` + d.nonces.issue() + `", ` + v
	}
	return http.Header{"Authentication-Info": {v}}
}
