package directory

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"convene/directory/ldif"
)

// derivedNamespace is the UUID namespace of DerivedGUID.
var derivedNamespace = [16]byte{0x6b, 0x1f, 0x52, 0x0e, 0x9a, 0x57, 0x4c, 0x0d, 0x8e, 0x21, 0x3d, 0x5e, 0x77, 0x0b, 0xc4, 0x11}

// DerivedGUID makes a GUID for a record of a file that has none: a version 5
// UUID (RFC 9562 §5.5) of the realm, the type and the short name, letter case
// ignored.
//
// It is as stable as the name is: renaming the record makes it somebody else,
// and a name given to another person gives that person the calendars of the
// first. Files meant to last should carry GUIDs.
func DerivedGUID(realm string, t Type, name string) string {
	h := sha1.New()
	h.Write(derivedNamespace[:])
	h.Write([]byte(realm + "\x00" + t.String() + "\x00" + ldif.Fold(name)))
	var u [16]byte
	copy(u[:], h.Sum(nil))
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return formatUUID(u)
}

// formatUUID writes 16 bytes in network order.
func formatUUID(u [16]byte) string {
	x := strings.ToUpper(hex.EncodeToString(u[:]))
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}
