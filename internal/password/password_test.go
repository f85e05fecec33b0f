package password_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"convene/internal/password"
)

// hashVectors were made by other programs: crypt(3) of glibc, Apache's and
// OpenSSL's passwd, OpenLDAP's slappasswd, Python's hashlib, and the test
// vectors of the Argon2 reference implementation.
var hashVectors = []struct{ stored, password string }{
	{"$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!"},
	{"$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA", "Hello world!"},
	{"$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.", "Hello world!"},
	{"$6$saltstring$PkXHWm5phY/nuG6Nj7ZfLmEl02xs8W48iMlBxPZcW575N10F57lsVC7uyCPCKKHZIDyOCSIWJhjp9uA3L43ub0", "pässwörd€"},
	{"{CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1", "Hello world!"},
	{"$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1", "Hello world!"},
	{"$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0", "secret"},
	{"$2b$04$abcdefghijklmnopqrstuuyeG8laUfZvsCmc.AE6qIDYSPGM2efmK", "Hello world!"},
	{"$2y$04$abcdefghijklmnopqrstuuyeG8laUfZvsCmc.AE6qIDYSPGM2efmK", "Hello world!"},
	{"{BCRYPT}$2a$04$abcdefghijklmnopqrstuuyeG8laUfZvsCmc.AE6qIDYSPGM2efmK", "Hello world!"},
	{"{MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==", "secret"},
	{"{SMD5}yeWhvSFtvhMX4jDO9I847gECAwQFBgcI", "secret"},
	{"{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
	{"{sha}5en6G6MezRroT3XKqkdPOmY/BfQ=", "secret"},
	{"{SSHA}lHFzXul4wnzRItssVcTnvXWRjNgBAgMEBQYHCA==", "secret"},
	{"{SSHA}njcKb8MdUmsW9VGG3M+r+2lSclJV/nzW", "secret"},
	{"{SHA256}K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=", "secret"},
	{"{SSHA256}A7N1lAy5bBb4T6qH9e85zAvHBmzNPhRFbZ105DjjWDIBAgMEBQYHCA==", "secret"},
	{"{SSHA512}KO8EsMPQTwZrxxbOkDAOOXEeVCc2grMQg1pnZwZhC1bBQLby8zCmFn7qTZRvoTd+yQdROQQNYHWpTUST4zjTdQECAwQFBgcI", "secret"},
	{"$pbkdf2$1000$AQIDBAUGBwg$S.39is84nhR54V2ZoK96UB9VMuM", "secret"},
	{"$pbkdf2-sha256$1000$AQIDBAUGBwg$2b9Pi51qnKc/szES6.0pCkxt.QF6I63QNf6hodg7Xbg", "secret"},
	{"{PBKDF2-SHA256}1000$AQIDBAUGBwg$2b9Pi51qnKc/szES6.0pCkxt.QF6I63QNf6hodg7Xbg", "secret"},
	{"{PBKDF2-SHA512}1000$AQIDBAUGBwg$2PnaI2O2xA3sNHYSWqNJJDSXGlxp6j3q16dEapAxTWsaWopG08SQK2aZiNB6BpWdfod7vIij0b.R7yERJZQvsg", "secret"},
	{"{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$25bb7YHdbY49YqCDHP7Bwg$3m6L7/02039d/bNIZZRD6t1XDQv58LZgqhCcla7g9aw", "secret"},
	{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
	{"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
}

func TestHashVectors(t *testing.T) {
	for _, v := range hashVectors {
		var h password.Hashes
		if err := h.Verify(v.stored, v.password); err != nil {
			t.Errorf("%s: %v", v.stored, err)
		}
		if err := h.Verify(v.stored, v.password+"x"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("%s with a wrong password: %v", v.stored, err)
		}
	}
	made, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil || (password.Hashes{}).Verify(string(made), "x") != nil {
		t.Errorf("bcrypt: %v", err)
	}
}

// What is not understood never matches, least of all the text itself.
func TestHashUnknown(t *testing.T) {
	for _, stored := range []string{
		"", "plain", "{PLAIN}plain", "{CLEARTEXT}x", "{WHATEVER}x", "{SHA", "{SHA}", "{SHA}!!", "{SHA}AAAA", "{SSHA}AAAA",
		"$", "$$", "$9$x$y", "$argon2d$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=16$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=999999999,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1,keyid=x$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$", "$argon2id$",
		"$2b$31$abcdefghijklmnopqrstuuyeG8laUfZvsCmc.AE6qIDYSPGM2efmK", "$2b$04$short", "$2b$",
		"$6$rounds=999999999$salt$sum", "$6$rounds=x$salt$sum", "$6$salt", "$6$salt$", "$5$", "$1$", "$apr1$", "$apr1$a$b$c$d",
		"$pbkdf2-sha256$99999999$AQIDBAUGBwg$2b9Pi51qnKc/szES6.0pCkxt.QF6I63QNf6hodg7Xbg", "$pbkdf2-sha256$1$$", "{PBKDF2}", "{CRYPT}plain", "{CRYPT}{CRYPT}x",
		"rl0wFOaM/8Dzs", // DES
	} {
		for _, clear := range []string{stored, strings.TrimPrefix(stored, "{PLAIN}"), "x"} {
			err := (password.Hashes{}).Verify(stored, clear)
			if err == nil {
				t.Errorf("%q accepts %q", stored, clear)
			}
			if clear != "" && !errors.Is(err, password.ErrHash) {
				t.Errorf("%q: %v, want ErrHash", stored, err)
			}
		}
	}
}

func TestHashCleartext(t *testing.T) {
	h := password.Hashes{Cleartext: true}
	for _, stored := range []string{"plain", "{PLAIN}plain", "{cleartext}plain"} {
		if err := h.Verify(stored, "plain"); err != nil {
			t.Errorf("%q: %v", stored, err)
		}
		if err := h.Verify(stored, "other"); !errors.Is(err, password.ErrMismatch) {
			t.Errorf("%q with a wrong password: %v", stored, err)
		}
	}
	for _, stored := range []string{"$9$x$y", "{WHATEVER}x"} {
		if err := h.Verify(stored, stored); !errors.Is(err, password.ErrHash) {
			t.Errorf("%q: %v", stored, err)
		}
	}
	if h.Verify("plain", strings.Repeat("x", 2000)) == nil || h.Verify("", "") == nil {
		t.Error("empty or huge password accepted")
	}
}

// FuzzHash feeds stored hashes. A text never matches itself, and an error is
// always one of the two that are documented.
func FuzzHash(f *testing.F) {
	for _, v := range hashVectors {
		if !strings.Contains(v.stored, "m=65536") && !strings.Contains(v.stored, "rounds=") {
			f.Add(v.stored, v.password)
		}
	}
	f.Add("{PLAIN}x", "x")
	f.Fuzz(func(t *testing.T, stored, clear string) {
		var h password.Hashes
		for _, p := range []string{clear, stored} {
			err := h.Verify(stored, p)
			if err == nil && p == stored {
				t.Errorf("%q matches itself", stored)
			}
			if err != nil && !errors.Is(err, password.ErrHash) && !errors.Is(err, password.ErrMismatch) {
				t.Errorf("%q: %v", stored, err)
			}
		}
	})
}
