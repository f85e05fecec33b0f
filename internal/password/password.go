package password

import (
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"runtime"
	"strconv"
	"strings"

	"github.com/GehirnInc/crypt"
	"github.com/GehirnInc/crypt/apr1_crypt"
	"github.com/GehirnInc/crypt/md5_crypt"
	"github.com/GehirnInc/crypt/sha256_crypt"
	"github.com/GehirnInc/crypt/sha512_crypt"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/semaphore"
)

var (
	// ErrMismatch says that the password is not the one that was hashed.
	ErrMismatch = errors.New("wrong password")
	// ErrHash says that a stored hash cannot be used: its form is unknown,
	// malformed, or costs more than a server should pay.
	ErrHash = errors.New("password hash")
)

// MaxLength is the length in bytes of the longest password that is verified:
// sha-crypt takes time quadratic in it.
const MaxLength = 1024

// Upper bounds of what a stored hash may make the server compute. A file that
// asks for more is a mistake, or an attempt to stop the server.
const (
	maxBcryptCost   = 15        // some three seconds
	maxCryptRounds  = 1_000_000 // sha-crypt
	maxPBKDF2Rounds = 5_000_000
	maxArgonMemory  = 256 << 10 // KiB
	maxArgonWork    = 1 << 20   // KiB times passes
	maxArgonThreads = 64
)

// Hashes verifies stored password hashes. The zero value refuses passwords
// that are stored in the clear.
type Hashes struct {
	// Cleartext also accepts {PLAIN}, {CLEARTEXT} and entries without any
	// scheme as the password itself.
	Cleartext bool
}

// Verify compares a password with its stored form. Known forms are bcrypt
// ($2a$, $2b$, $2y$), $apr1$, $1$, $5$, $6$, $argon2id$, $argon2i$,
// $pbkdf2-sha256$ and its kin, and the LDAP forms (RFC 2307) {MD5}, {SMD5},
// {SHA}, {SSHA}, {SHA256}, {SSHA256}, {SHA512}, {SSHA512}, {CRYPT}, {ARGON2},
// {BCRYPT}, {PBKDF2-SHA256} and kin.
//
// Errors: ErrMismatch; ErrHash when the stored form is none of these. An
// unknown form never matches, whatever the password.
func (h Hashes) Verify(stored, password string) error {
	if password == "" || len(password) > MaxLength {
		return ErrMismatch
	}
	switch {
	case strings.HasPrefix(stored, "{"):
		return h.verifyLDAP(stored, password)
	case strings.HasPrefix(stored, "$"):
		return verifyCrypt(stored, password)
	case h.Cleartext && stored != "":
		return equal([]byte(stored), []byte(password))
	}
	return fmt.Errorf("%w: no known scheme", ErrHash)
}

// NewLimit returns a semaphore of as many passwords as should be hashed at a time:
// one for each processor. Some forms take a tenth of a second and much memory.
func NewLimit() *semaphore.Weighted { return semaphore.NewWeighted(int64(runtime.GOMAXPROCS(0))) }

// verifyLDAP handles the forms that start with a name in braces.
func (h Hashes) verifyLDAP(stored, password string) error {
	name, rest, ok := strings.Cut(stored[1:], "}")
	if !ok {
		return fmt.Errorf("%w: no closing brace", ErrHash)
	}
	name = strings.ToUpper(name)
	switch name {
	case "CRYPT", "BCRYPT", "ARGON2":
		return verifyCrypt(rest, password)
	case "PLAIN", "CLEARTEXT":
		if !h.Cleartext {
			return fmt.Errorf("%w: passwords in the clear are not enabled", ErrHash)
		}
		return equal([]byte(rest), []byte(password))
	case "PBKDF2", "PBKDF2-SHA1", "PBKDF2-SHA256", "PBKDF2-SHA512":
		return verifyPBKDF2(strings.TrimPrefix(strings.ToLower(name), "pbkdf2"), rest, password)
	}
	newHash := ldapDigests[name]
	if newHash == nil {
		return fmt.Errorf("%w: unknown scheme in braces", ErrHash) // its name may be a password
	}
	raw, err := base64.StdEncoding.DecodeString(rest)
	size := newHash().Size()
	salted := strings.HasPrefix(name, "SS") || strings.HasPrefix(name, "SM")
	if err != nil || len(raw) < size || !salted && len(raw) != size {
		return fmt.Errorf("%w: malformed {%s}", ErrHash, name)
	}
	d := newHash()
	d.Write([]byte(password))
	d.Write(raw[size:]) // the salt
	return equal(d.Sum(nil), raw[:size])
}

// ldapDigests maps an RFC 2307 scheme to its function; SS.. and SM.. have a
// salt after the sum.
var ldapDigests = map[string]func() hash.Hash{
	"MD5": md5.New, "SMD5": md5.New,
	"SHA": sha1.New, "SSHA": sha1.New,
	"SHA256": sha256.New, "SSHA256": sha256.New,
	"SHA384": sha512.New384, "SSHA384": sha512.New384,
	"SHA512": sha512.New, "SSHA512": sha512.New,
}

// verifyCrypt handles the forms of crypt(3) and of the PHC string format.
func verifyCrypt(stored, password string) error {
	id, rest, ok := strings.Cut(strings.TrimPrefix(stored, "$"), "$")
	if !ok || !strings.HasPrefix(stored, "$") {
		return fmt.Errorf("%w: no known scheme", ErrHash)
	}
	switch id {
	case "2a", "2b", "2y":
		return verifyBcrypt(stored, password)
	case "apr1":
		return verifySalted(apr1_crypt.New(), stored, password)
	case "1":
		return verifySalted(md5_crypt.New(), stored, password)
	case "5":
		return verifySalted(sha256_crypt.New(), stored, password)
	case "6":
		return verifySalted(sha512_crypt.New(), stored, password)
	case "argon2id", "argon2i":
		return verifyArgon2(id, rest, password)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		return verifyPBKDF2(strings.TrimPrefix(id, "pbkdf2"), rest, password)
	}
	return fmt.Errorf("%w: unknown scheme", ErrHash) // its name may be a password
}

func verifyBcrypt(stored, password string) error {
	cost, err := bcrypt.Cost([]byte(stored))
	if err != nil {
		return fmt.Errorf("%w: bcrypt: %w", ErrHash, err)
	}
	if cost > maxBcryptCost {
		return fmt.Errorf("%w: bcrypt cost %d", ErrHash, cost)
	}
	err = bcrypt.CompareHashAndPassword([]byte(stored), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return ErrMismatch
	}
	if err != nil {
		return fmt.Errorf("%w: bcrypt: %w", ErrHash, err)
	}
	return nil
}

// verifySalted handles $apr1$, $1$, $5$ and $6$.
func verifySalted(c crypt.Crypter, stored, password string) error {
	parts := strings.Split(stored, "$") // "", id, [rounds=n,] salt, sum
	if len(parts) == 5 {
		n, err := strconv.Atoi(strings.TrimPrefix(parts[2], "rounds="))
		if err != nil || n < 1 || n > maxCryptRounds || parts[1] != "5" && parts[1] != "6" {
			return fmt.Errorf("%w: rounds of $%s$", ErrHash, parts[1])
		}
	}
	if len(parts) < 4 || len(parts) > 5 || parts[len(parts)-1] == "" {
		return fmt.Errorf("%w: malformed $%s$", ErrHash, parts[1])
	}
	err := c.Verify(stored, []byte(password))
	if errors.Is(err, crypt.ErrKeyMismatch) {
		return ErrMismatch
	}
	if err != nil {
		return fmt.Errorf("%w: $%s$: %w", ErrHash, parts[1], err)
	}
	return nil
}

// verifyArgon2 handles a PHC string after its id: v=19$m=..,t=..,p=..$salt$sum.
func verifyArgon2(id, rest, password string) error {
	bad := fmt.Errorf("%w: malformed or too costly %s", ErrHash, id)
	parts := strings.Split(rest, "$")
	if len(parts) != 4 || parts[0] != "v=19" {
		return bad
	}
	var memory, time, threads uint64
	for p := range strings.SplitSeq(parts[1], ",") {
		k, v, _ := strings.Cut(p, "=")
		n, err := strconv.ParseUint(v, 10, 32)
		if err != nil {
			return bad
		}
		switch k {
		case "m":
			memory = n
		case "t":
			time = n
		case "p":
			threads = n
		default: // keyid and data change the result and are not supported
			return bad
		}
	}
	if memory < 8 || memory > maxArgonMemory || time < 1 || memory*time > maxArgonWork || threads < 1 || threads > maxArgonThreads {
		return bad
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[2])
	sum, err2 := base64.RawStdEncoding.DecodeString(parts[3])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(sum) < 16 || len(sum) > 128 {
		return bad
	}
	derive := argon2.IDKey
	if id == "argon2i" {
		derive = argon2.Key
	}
	return equal(derive([]byte(password), salt, uint32(time), uint32(memory), uint8(threads), uint32(len(sum))), sum)
}

// verifyPBKDF2 handles rounds$salt$sum in passlib's and OpenLDAP's base 64,
// which writes "." for "+" and no padding. kind is "", "-sha1", "-sha256" or
// "-sha512".
func verifyPBKDF2(kind, rest, password string) error {
	bad := fmt.Errorf("%w: malformed or too costly pbkdf2", ErrHash)
	parts := strings.Split(rest, "$")
	if len(parts) != 3 {
		return bad
	}
	rounds, err := strconv.Atoi(parts[0])
	if err != nil || rounds < 1 || rounds > maxPBKDF2Rounds {
		return bad
	}
	salt, err1 := decodeAB64(parts[1])
	sum, err2 := decodeAB64(parts[2])
	if err1 != nil || err2 != nil || len(salt) == 0 || len(sum) < 16 || len(sum) > 128 {
		return bad
	}
	newHash := map[string]func() hash.Hash{"": sha1.New, "-sha1": sha1.New, "-sha256": sha256.New, "-sha512": sha512.New}[kind]
	key, err := pbkdf2.Key(newHash, password, salt, rounds, len(sum))
	if err != nil {
		return fmt.Errorf("%w: pbkdf2: %w", ErrHash, err)
	}
	return equal(key, sum)
}

func decodeAB64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.ReplaceAll(strings.TrimRight(s, "="), ".", "+"))
}

// equal compares two secrets in time that depends on their lengths only.
func equal(a, b []byte) error {
	if subtle.ConstantTimeCompare(a, b) != 1 {
		return ErrMismatch
	}
	return nil
}
