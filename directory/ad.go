package directory

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// What is special about Active Directory and Samba ([MS-ADTS]).

// binaryGUID reports whether an attribute holds GUIDs as 16 bytes.
func binaryGUID(attr string) bool {
	return strings.EqualFold(attr, "objectGUID") || strings.EqualFold(attr, "mS-DS-ConsistencyGuid")
}

// textGUID writes 16 bytes of an objectGUID, whose first three groups are
// little-endian ([MS-DTYP] §2.3.4), as text; "" if they are not 16.
func textGUID(b string) string {
	if len(b) != 16 {
		return ""
	}
	var u [16]byte
	copy(u[:], b)
	swapGUID(&u)
	return textUUID(u)
}

// bytesGUID is the reverse of textGUID; "" if s is no UUID.
func bytesGUID(s string) string {
	if !isUUID(s) {
		return ""
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil {
		return ""
	}
	u := [16]byte(b)
	swapGUID(&u)
	return string(u[:])
}

// swapGUID changes the byte order of the first three groups.
func swapGUID(u *[16]byte) {
	u[0], u[1], u[2], u[3] = u[3], u[2], u[1], u[0]
	u[4], u[5] = u[5], u[4]
	u[6], u[7] = u[7], u[6]
}

// textSID writes a binary SID as S-1-…; "" if it is malformed.
func textSID(b string) string {
	if len(b) < 8 || len(b) != 8+4*int(b[1]) {
		return ""
	}
	var s strings.Builder
	authority := uint64(0)
	for _, c := range []byte(b[2:8]) {
		authority = authority<<8 | uint64(c)
	}
	fmt.Fprintf(&s, "S-%d-%d", b[0], authority)
	for i := 8; i < len(b); i += 4 {
		fmt.Fprintf(&s, "-%d", binary.LittleEndian.Uint32([]byte(b[i:i+4])))
	}
	return s.String()
}

// primaryGroupSID returns the SID of a user's primary group, which memberOf
// leaves out: the user's own with the last number replaced.
func primaryGroupSID(objectSID, primaryGroupID string) string {
	rid, err := strconv.ParseUint(primaryGroupID, 10, 32)
	if err != nil || textSID(objectSID) == "" || len(objectSID) < 12 {
		return ""
	}
	sid := []byte(objectSID)
	binary.LittleEndian.PutUint32(sid[len(sid)-4:], uint32(rid))
	return string(sid)
}

// lastRID returns the last number of a SID in decimal, or "".
func lastRID(objectSID string) string {
	if textSID(objectSID) == "" || len(objectSID) < 12 {
		return ""
	}
	return strconv.FormatUint(uint64(binary.LittleEndian.Uint32([]byte(objectSID[len(objectSID)-4:]))), 10)
}

var subCode = regexp.MustCompile(`\bdata ([0-9a-fA-F]{1,8})\b`)

// objectSID is the attribute with the SID of an account or a group. It holds
// bytes.
const objectSID = "objectSid"

// domainRealm returns the Kerberos realm of the domain that a name is in, or "":
// CN=x,DC=ad,DC=example,DC=com is in AD.EXAMPLE.COM. Only the end of the name
// counts: the rest is for users to choose.
func domainRealm(dn string) string {
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return ""
	}
	var labels []string
	for _, rdn := range slices.Backward(parsed.RDNs) {
		if len(rdn.Attributes) != 1 || !strings.EqualFold(rdn.Attributes[0].Type, "dc") {
			break
		}
		labels = append(labels, strings.ToUpper(rdn.Attributes[0].Value))
	}
	slices.Reverse(labels)
	return strings.Join(labels, ".")
}

// bindReason returns the typed error for the sub-code in the message of a
// refused bind ("…, data 533, v…"), or nil.
func bindReason(message string) error {
	m := subCode.FindStringSubmatch(message)
	if m == nil {
		return nil
	}
	switch strings.ToLower(m[1]) {
	case "530", "531": // not at this hour, not from this workstation
		return ErrAccountRestricted
	case "532", "773": // expired, must be changed
		return ErrPasswordExpired
	case "533":
		return ErrAccountDisabled
	case "701":
		return ErrAccountExpired
	case "775":
		return ErrAccountLocked
	}
	return nil
}
