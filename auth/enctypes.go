package auth

import (
	"log/slog"
	"slices"

	"convene/internal/kerberos"
)

// warnOfTypes logs once for each reading that a keytab has keys of other types than those
// allowed: KDCs go on encrypting with them as long as the account may use them.
func (k *serviceKeys) warnOfTypes(allowed []int32, file string, log *slog.Logger) {
	var others []string
	usable := false
	for _, e := range k.Entries {
		if slices.Contains(allowed, e.Key.KeyType) {
			usable = true
		} else if name := kerberos.EnctypeName(e.Key.KeyType); !slices.Contains(others, name) {
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
