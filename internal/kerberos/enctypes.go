package kerberos

import (
	"fmt"
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

// DefaultEnctypes are the names of those with AES, the strongest first.
func DefaultEnctypes() (names []string) {
	for _, e := range enctypes {
		if strings.HasPrefix(e.name, "aes") {
			names = append(names, e.name)
		}
	}
	return names
}

// EnctypeName names a type in messages.
func EnctypeName(number int32) string {
	for _, e := range enctypes {
		if e.number == number {
			return e.name
		}
	}
	return fmt.Sprintf("encryption type %d", number)
}

// ParseEnctypes returns the numbers of the named types.
func ParseEnctypes(names []string) (numbers []int32, err error) {
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
