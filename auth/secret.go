package auth

import (
	"fmt"
	"io"
	"strings"
)

// secretAlphabet is Crockford's base 32 in lower case: no i, l, o, u, which are
// mistaken for other characters.
const secretAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

const (
	secretLength = 20 // characters, the last of which is a check
	secretGroup  = 5  // characters between hyphens
)

// newSecret makes a device password: 4 groups of 5 characters with hyphens
// between them, 95 random bits and a check character.
func newSecret(random io.Reader) (string, error) {
	b := make([]byte, secretLength-1)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("random secret: %w", err)
	}
	for i := range b {
		b[i] = secretAlphabet[b[i]%32] // 256 is a multiple of 32: no bias
	}
	return grouped(string(append(b, checkCharacter(b)))), nil
}

// resemblance says how much a password looks like a device password.
type resemblance uint8

const (
	otherPassword resemblance = iota
	likeSecret                // could be one typed carelessly, or any password
	surelySecret              // exactly as device passwords are shown
)

// normalizeSecret returns the form of a device password that was shown when it
// was made. Typed by hand it may lack the hyphens, have spaces or capitals, and
// o, i or l for the digits they resemble.
func normalizeSecret(s string) (string, resemblance) {
	if len(s) < secretLength || len(s) > 2*secretLength {
		return "", otherPassword
	}
	b := make([]byte, 0, secretLength)
	for _, c := range []byte(strings.ToLower(s)) {
		switch c {
		case '-', ' ':
			continue
		case 'o':
			c = '0'
		case 'i', 'l':
			c = '1'
		}
		if strings.IndexByte(secretAlphabet, c) < 0 || len(b) == secretLength {
			return "", otherPassword
		}
		b = append(b, c)
	}
	if len(b) != secretLength || checkCharacter(b[:secretLength-1]) != b[secretLength-1] {
		return "", otherPassword
	}
	out := grouped(string(b))
	if out == s {
		return out, surelySecret
	}
	return out, likeSecret
}

// checkCharacter is the sum of the characters' values, each times an odd
// weight, so that any single wrong character shows.
func checkCharacter(b []byte) byte {
	sum, weight := 0, 1
	for _, c := range b {
		sum += strings.IndexByte(secretAlphabet, c) * weight
		weight = weight * 3 % 32
	}
	return secretAlphabet[sum%32]
}

func grouped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i += secretGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(s[i:min(i+secretGroup, len(s))])
	}
	return b.String()
}
