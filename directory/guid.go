package directory

import (
	"strings"

	"github.com/google/uuid"

	"convene/directory/ldif"
)

// derivedNamespace is the UUID namespace of DerivedGUID.
var derivedNamespace = uuid.UUID{0x6b, 0x1f, 0x52, 0x0e, 0x9a, 0x57, 0x4c, 0x0d, 0x8e, 0x21, 0x3d, 0x5e, 0x77, 0x0b, 0xc4, 0x11}

// DerivedGUID makes a GUID for a record of a file that has none: a version 5
// UUID (RFC 9562 §5.5) of the realm, the type and the short name, letter case
// ignored.
//
// It is as stable as the name is: renaming the record makes it somebody else,
// and a name given to another person gives that person the calendars of the
// first. Files meant to last should carry GUIDs.
func DerivedGUID(realm string, t Type, name string) string {
	return textUUID(uuid.NewSHA1(derivedNamespace, []byte(realm+"\x00"+t.String()+"\x00"+ldif.Fold(name))))
}

// textUUID writes a UUID as GUIDs are written: in upper case.
func textUUID(u uuid.UUID) string { return strings.ToUpper(u.String()) }
