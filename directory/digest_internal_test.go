package directory

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

const (
	md5Digits    = "00112233445566778899AABBCCDDEEFF"
	sha256Digits = md5Digits + "00112233445566778899aabbccddeeff"
)

func TestHA1Values(t *testing.T) {
	for _, tt := range []struct {
		value, login, realm, algorithm string
		usable, found                  bool
	}{
		{"ann:Calendar:" + md5Digits, "ann", "Calendar", DigestMD5, true, true},
		{"ann:Calendar:" + md5Digits + "\n", "ann", "Calendar", DigestMD5, true, true},
		{"ann:Calendar:" + sha256Digits, "ann", "Calendar", DigestSHA256, true, true},
		{"Calendar:" + md5Digits, "ann", "Calendar", DigestMD5, true, true},
		{"Calendar:" + md5Digits, "whoever", "Calendar", DigestMD5, true, true},
		{"a:n:n:Calendar:" + md5Digits, "a:n:n", "Calendar", DigestMD5, true, true},
		{"ann:Kalender für alle:" + md5Digits, "ann", "Kalender für alle", DigestMD5, true, true},
		{"ann:Calendar:" + md5Digits, "ann", "Calendar", DigestSHA256, true, false},
		{"ann:Calendar:" + sha256Digits, "ann", "Calendar", DigestMD5, true, false},
		{"ann:Calendar:" + md5Digits, "Ann", "Calendar", DigestMD5, true, false},
		{"ann:Calendar:" + md5Digits, "bob", "Calendar", DigestMD5, true, false},
		{"ann:Calendar:" + md5Digits, "ann", "calendar", DigestMD5, true, false},
		{"ann:Calendar:" + md5Digits, "ann", "ann:Calendar", DigestMD5, true, true}, // no realm has a colon
		{"ann:other:" + md5Digits, "ann", "Calendar", DigestMD5, true, false},
		{"other:" + md5Digits, "ann", "Calendar", DigestMD5, true, false},
		{"ann:Calendar:" + md5Digits, "ann", "Calendar", "MD5-sess", true, false},
		{md5Digits, "ann", "Calendar", DigestMD5, false, false},
		{":" + md5Digits, "ann", "", DigestMD5, false, false},
		{"ann:Calendar:" + md5Digits[1:], "ann", "Calendar", DigestMD5, false, false},
		{"ann:Calendar:" + md5Digits + "00", "ann", "Calendar", DigestMD5, false, false},
		{"ann:Calendar:" + strings.Repeat("xy", 16), "ann", "Calendar", DigestMD5, false, false},
		{"ann:Calendar:", "ann", "Calendar", DigestMD5, false, false},
		{"", "ann", "Calendar", DigestMD5, false, false},
		{strings.Repeat("a", maxHA1) + ":Calendar:" + md5Digits, strings.Repeat("a", maxHA1), "Calendar", DigestMD5, false, false},
	} {
		var s DigestSecrets
		if got := s.addHA1(tt.value); got != tt.usable || s.Empty() == tt.usable {
			t.Errorf("%q: usable %v, want %v", tt.value, got, tt.usable)
		}
		var got [][]byte
		for h := range s.HA1s(tt.login, tt.realm, tt.algorithm) {
			got = append(got, h)
		}
		if (len(got) == 1) != tt.found || len(got) == 1 && !strings.HasPrefix(sha256Digits, strings.ToUpper(hex.EncodeToString(got[0][:16]))) {
			t.Errorf("%q of %q in %q for %s: %x, want %v", tt.value, tt.login, tt.realm, tt.algorithm, got, tt.found)
		}
	}
}

func TestPasswordValues(t *testing.T) {
	for _, tt := range []struct{ value, password string }{
		{"secret", "secret"},
		{"{CLEARTEXT}secret", "secret"},
		{"{clear}secret", "secret"},
		{"{CLEAR}{SSHA}secret", "{SSHA}secret"},
		{" spaces \n", " spaces \n"},
		{"zero\x00and\xff\xfe", "zero\x00and\xff\xfe"},
		{"{no scheme", "{no scheme"},
		{"a{SSHA}b", "a{SSHA}b"},
		{"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", ""},
		{"{CRYPT}$6$x$y", ""},
		{"{ARGON2}$argon2id$", ""},
		{"{SASL}ann@EXAMPLE.COM", ""},
		{"{}x", ""},
		{"{CLEARTEXT}", ""},
		{"", ""},
		{strings.Repeat("x", maxKey+1), ""},
	} {
		var s DigestSecrets
		if got := s.addPassword(tt.value); got != (tt.password != "") || s.Empty() == got {
			t.Errorf("%q: usable %v", tt.value, got)
		}
		want := md5.Sum([]byte("ann:R:" + tt.password))
		for h := range s.HA1s("ann", "R", DigestMD5) {
			if !bytes.Equal(h, want[:]) {
				t.Errorf("%q: %x, want %x", tt.value, h, want)
			}
		}
	}
}

// What a user has at most counts, and nothing shows when it is printed.
func TestSecretsBounded(t *testing.T) {
	var s DigestSecrets
	for i := range 3 * maxSecrets {
		s.addPassword(fmt.Sprint("hunter", i))
		s.addHA1(fmt.Sprintf("ann:R:%032x", i))
		s.addHA1(fmt.Sprintf("ann:R:%032x", 0))
	}
	if len(s.passwords) != maxSecrets || len(s.ha1s) != maxSecrets {
		t.Errorf("%d passwords, %d hashes", len(s.passwords), len(s.ha1s))
	}
	for _, text := range []string{fmt.Sprint(s), fmt.Sprint(&s), fmt.Sprintf("%+v %#v", s, &s), fmt.Sprintf("%v", struct{ S *DigestSecrets }{&s})} {
		if strings.Contains(text, "hunter") || strings.Contains(text, "0000") {
			t.Errorf("shown: %s", text)
		}
	}
}

// FuzzDigestValue feeds values of both attributes. What begins with a scheme that
// is not one for clear text gives no secret, and what is taken is of the form that
// the documentation says.
func FuzzDigestValue(f *testing.F) {
	for _, v := range []string{"ann:R:" + md5Digits, "R:" + sha256Digits, "{CLEAR}x", "{SSHA}x", "x", "", "::", "{}", "ann:R:" + md5Digits + "\r\n"} {
		f.Add(v, "ann", "R")
	}
	f.Fuzz(func(t *testing.T, value, login, realm string) {
		var p, h DigestSecrets
		p.addPassword(value)
		scheme, _, ok := strings.Cut(value, "}")
		if hashed := ok && strings.HasPrefix(value, "{") && !strings.EqualFold(scheme, "{clear") && !strings.EqualFold(scheme, "{cleartext"); hashed && !p.Empty() {
			t.Errorf("%q is taken for a password", value)
		}
		if !h.addHA1(value) {
			return
		}
		for _, algorithm := range DigestAlgorithms() {
			for sum := range h.HA1s(login, realm, algorithm) {
				of, digits := login+":"+realm, hex.EncodeToString(sum)
				if trimmed := strings.TrimRight(value, "\r\n\t "); !strings.EqualFold(trimmed, of+":"+digits) && !strings.EqualFold(trimmed, realm+":"+digits) {
					t.Errorf("%q gives %s for %q in %q", value, digits, login, realm)
				}
			}
		}
	})
}
