package kerberos

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/keytab"
)

// A ServiceKey is one key of a keytab, without the key.
type ServiceKey struct {
	Principal string // without realm: HTTP/calendar.example.com
	Realm     string
	Version   int    // kvno
	Type      string // as ParseEnctypes has it
	Allowed   bool   // it is one of DefaultEnctypes
}

// Keytab lists the keys of a keytab file.
func Keytab(file string) ([]ServiceKey, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	k, err := ParseKeytab(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	allowed, err := ParseEnctypes(DefaultEnctypes())
	if err != nil {
		return nil, err
	}
	var out []ServiceKey
	for _, e := range k.Entries {
		out = append(out, ServiceKey{strings.Join(e.Principal.Components, "/"), e.Principal.Realm,
			int(max(e.KVNO, uint32(e.KVNO8))), EnctypeName(e.Key.KeyType), slices.Contains(allowed, e.Key.KeyType)})
	}
	return out, nil
}

// ParseKeytab reads the content of a keytab, which has a key at least. The library
// indexes into malformed ones.
func ParseKeytab(b []byte) (k *keytab.Keytab, err error) {
	defer func() {
		if p := recover(); p != nil {
			k, err = nil, errors.New("malformed keytab")
		}
	}()
	k = keytab.New()
	if err := k.Unmarshal(b); err != nil {
		return nil, errors.New("malformed keytab") // its text may hold key material
	}
	if len(k.Entries) == 0 {
		return nil, errors.New("keytab without keys")
	}
	return k, nil
}
