package auth

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// enctypes are the encryption types of Kerberos that keys of services may have, by
// their names (RFC 3962, RFC 8009, RFC 4757), the strongest first. Single DES and triple
// DES are not among them (RFC 6649, RFC 8429).
var enctypes = []struct {
	name   string
	number int32
}{
	{"aes256-cts-hmac-sha384-192", 20},
	{"aes128-cts-hmac-sha256-128", 19},
	{"aes256-cts-hmac-sha1-96", 18},
	{"aes128-cts-hmac-sha1-96", 17},
	{"rc4-hmac", 23},
}

// defaultEnctypes are those with AES.
func defaultEnctypes() (names []string) {
	for _, e := range enctypes {
		if strings.HasPrefix(e.name, "aes") {
			names = append(names, e.name)
		}
	}
	return names
}

// enctypeName names a type in messages.
func enctypeName(number int32) string {
	for _, e := range enctypes {
		if e.number == number {
			return e.name
		}
	}
	return fmt.Sprintf("encryption type %d", number)
}

// parseEnctypes returns the numbers of the named types.
func parseEnctypes(names []string) (numbers []int32, err error) {
	for _, name := range names {
		i := slices.IndexFunc(enctypes, func(e struct {
			name   string
			number int32
		}) bool {
			return e.name == name
		})
		if i < 0 {
			return nil, fmt.Errorf("encryption type %q is unknown", name)
		}
		numbers = append(numbers, enctypes[i].number)
	}
	if len(numbers) == 0 {
		return nil, fmt.Errorf("no encryption type is named")
	}
	return numbers, nil
}

// warnOfTypes logs once for each reading that a keytab has keys of other types than those
// allowed: KDCs go on encrypting with them as long as the account may use them.
func (k *serviceKeys) warnOfTypes(allowed []int32, file string, log *slog.Logger) {
	var others []string
	usable := false
	for _, e := range k.Entries {
		if slices.Contains(allowed, e.Key.KeyType) {
			usable = true
		} else if name := enctypeName(e.Key.KeyType); !slices.Contains(others, name) {
			others = append(others, name)
		}
	}
	const cure = "let the account use AES (Active Directory: msDS-SupportedEncryptionTypes 24), change its password, and export the keytab again"
	switch {
	case !usable:
		log.Warn("the keytab has no key of an encryption type in auth.negotiate.enctypes: nobody can sign in with a ticket", "keytab", file, "has", others, "cure", cure)
	case len(others) > 0:
		log.Warn("the keytab has keys of encryption types that auth.negotiate.enctypes does not allow; tickets for them are refused", "keytab", file, "has", others, "cure", cure)
	}
}
