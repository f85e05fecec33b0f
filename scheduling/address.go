package scheduling

import (
	"net/url"
	"strings"
)

// canonicalScheme begins the canonical address of a record of the directory.
const canonicalScheme = "urn:x-uid:"

// CanonicalAddress returns the address that stored data has for a record.
func CanonicalAddress(guid string) string { return canonicalScheme + guid }

// GUIDOf returns the GUID of a canonical address; "" if it is none.
func GUIDOf(address string) string {
	guid, ok := strings.CutPrefix(address, canonicalScheme)
	if !ok {
		return ""
	}
	return guid
}

// Normalize returns a calendar user address in the form in which Parties has it:
// the scheme, what follows mailto: and a GUID in lower case, percent escapes
// decoded, without blanks around it and the final slash of a path.
func Normalize(address string) string {
	address = strings.TrimSpace(address)
	if plain, err := url.PathUnescape(address); err == nil {
		address = plain
	}
	scheme, rest, ok := strings.Cut(address, ":")
	if !ok || strings.Contains(scheme, "/") {
		return strings.TrimRight(address, "/")
	}
	switch scheme = strings.ToLower(scheme); scheme {
	case "mailto":
		rest = strings.ToLower(rest)
	case "urn":
		space, id, _ := strings.Cut(rest, ":")
		if isUUID(id) {
			id = strings.ToLower(id)
		}
		rest = joined(rest, strings.ToLower(space), id)
	case "http", "https":
		rest = strings.TrimRight(rest, "/")
	}
	return joined(address, scheme, rest)
}

// joined is head and tail with a colon between: s, if that is what it says.
func joined(s, head, tail string) string {
	if before, after, ok := strings.Cut(s, ":"); ok && before == head && after == tail {
		return s
	}
	return head + ":" + tail
}

// isUUID reports whether a GUID is a UUID, in which case does not matter
// (RFC 9562 §4).
func isUUID(guid string) bool {
	if len(guid) != 36 {
		return false
	}
	for i := range len(guid) {
		hyphen := i == 8 || i == 13 || i == 18 || i == 23
		if hyphen != (guid[i] == '-') || !hyphen && !strings.ContainsRune("0123456789abcdefABCDEF", rune(guid[i])) {
			return false
		}
	}
	return true
}
