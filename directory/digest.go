package directory

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"iter"
	"slices"
	"strings"
)

// The algorithms of HTTP Digest (RFC 7616 §3.3) as arguments and in settings.
const (
	DigestMD5    = "MD5"
	DigestSHA256 = "SHA-256"
)

// DigestAlgorithms lists them.
func DigestAlgorithms() []string { return []string{DigestMD5, DigestSHA256} }

// digestSum returns the algorithm's hash of b, nil for another algorithm.
func digestSum(algorithm string, b []byte) []byte {
	switch algorithm {
	case DigestMD5:
		sum := md5.Sum(b)
		return sum[:]
	case DigestSHA256:
		sum := sha256.Sum256(b)
		return sum[:]
	}
	return nil
}

// DigestSource is implemented by directories that may hold secrets from which
// the H(A1) of HTTP Digest can be had (RFC 7616 §3.4.2).
type DigestSource interface {
	// DigestSecrets returns what responses of a user are verified with.
	// ErrNotFound: there is no such user, he has none, or he may not sign in;
	// ErrAmbiguous: several records have the GUID; ErrUnavailable.
	DigestSecrets(ctx context.Context, guid string) (*DigestSecrets, error)

	// AsksServer reports whether DigestSecrets puts a question to a server,
	// whose result the caller should remember.
	AsksServer() bool

	// HasHA1 reports whether anybody has a secret, as far as is known without
	// asking a server: whether one is configured to be asked.
	HasHA1() bool

	// HA1ForAll reports whether everyone who has a secret has one for the
	// algorithm. Apache's htdigest makes hashes for MD5 alone.
	HA1ForAll(algorithm string) bool
}

// DigestSecrets is what Digest responses of one user are verified with: clear
// passwords and H(A1) values. It does not change, and shows nothing of itself in
// logs. The zero value and nil hold nothing.
type DigestSecrets struct {
	passwords []string
	ha1s      []digestHA1
}

// digestHA1 is one H(A1).
type digestHA1 struct {
	of        string // "login:realm", or the realm alone if it was stored without the login
	algorithm string
	sum       []byte
}

// maxSecrets is how many passwords and how many H(A1) of one user count; the
// rest is ignored.
const maxSecrets = 64

// Empty reports whether there is nothing to verify with.
func (s *DigestSecrets) Empty() bool { return s == nil || len(s.passwords)+len(s.ha1s) == 0 }

// String hides the secrets from the verbs of package fmt, and so from logs.
func (s DigestSecrets) String() string { return "(secrets)" }

// GoString is String, for %#v.
func (s DigestSecrets) GoString() string { return s.String() }

// HA1s returns every H(A1) that a response of the login, as the client wrote it,
// may have been made with, as raw bytes that must not be changed. Letter case
// counts: it is hashed.
func (s *DigestSecrets) HA1s(login, realm, algorithm string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if s.Empty() {
			return
		}
		of := login + ":" + realm
		for _, h := range s.ha1s {
			if h.algorithm == algorithm && (h.of == of || h.of == realm) && !yield(h.sum) {
				return
			}
		}
		for _, p := range s.passwords {
			if sum := digestSum(algorithm, []byte(of+":"+p)); sum != nil && !yield(sum) {
				return
			}
		}
	}
}

// has reports whether there is a secret for an algorithm.
func (s *DigestSecrets) has(algorithm string) bool {
	return s != nil && (len(s.passwords) > 0 || slices.ContainsFunc(s.ha1s, func(h digestHA1) bool { return h.algorithm == algorithm }))
}

// belongs reports whether a password is one of those that the H(A1) values were
// made of. name is the login where none was stored.
func (s *DigestSecrets) belongs(name, password string) bool {
	for _, h := range s.ha1s {
		of := h.of
		if strings.IndexByte(of, ':') < 0 {
			of = name + ":" + of
		}
		if subtle.ConstantTimeCompare(digestSum(h.algorithm, []byte(of+":"+password)), h.sum) == 1 {
			return true
		}
	}
	return false
}

// addPassword adds a clear password, any bytes. It reports false for one that
// cannot be used: see clearPassword.
func (s *DigestSecrets) addPassword(value string) bool {
	p, ok := clearPassword(value)
	if !ok || p == "" || len(p) > maxKey {
		return false
	}
	if len(s.passwords) < maxSecrets {
		s.passwords = append(s.passwords, p)
	}
	return true
}

// clearPassword returns the password in a value of userPassword: the value
// itself, or what follows {CLEARTEXT} (OpenLDAP) or {CLEAR} (389 Directory
// Server). With any other scheme in braces (RFC 2307 §5.3) it is a hash, and never
// a password.
func clearPassword(value string) (string, bool) {
	scheme, rest, ok := strings.Cut(value, "}")
	switch {
	case !ok || !strings.HasPrefix(scheme, "{"):
		return value, true
	case strings.EqualFold(scheme, "{cleartext"), strings.EqualFold(scheme, "{clear"):
		return rest, true
	}
	return "", false
}

// maxHA1 is the length in bytes of the longest H(A1) value: a login and a realm
// as long as they may be, and the digits.
const maxHA1 = 2*maxKey + 2 + 2*sha256.Size

// addHA1 adds a value as htdigest writes it, "login:realm:HA1", or as Squid's
// digest_ldap_auth reads it, "realm:HA1". HA1 is in hexadecimal; its length tells
// the algorithm. It reports false for a value of another form.
func (s *DigestSecrets) addHA1(value string) bool {
	value = strings.TrimRight(value, "\r\n\t ")
	i := strings.LastIndexByte(value, ':')
	if i <= 0 || len(value) > maxHA1 {
		return false
	}
	sum, err := hex.DecodeString(value[i+1:])
	if err != nil {
		return false
	}
	h := digestHA1{of: value[:i], sum: sum}
	switch len(sum) {
	case md5.Size:
		h.algorithm = DigestMD5
	case sha256.Size:
		h.algorithm = DigestSHA256
	default:
		return false
	}
	same := func(o digestHA1) bool { return o.of == h.of && o.algorithm == h.algorithm && bytes.Equal(o.sum, h.sum) }
	if len(s.ha1s) < maxSecrets && !slices.ContainsFunc(s.ha1s, same) {
		s.ha1s = append(s.ha1s, h)
	}
	return true
}
