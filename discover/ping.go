package discover

import (
	"encoding/binary"
	"errors"
	"strings"
)

// A Ping is what a domain controller says of itself to anybody: NETLOGON_SAM_LOGON_RESPONSE_EX
// ([MS-ADTS] §6.3.1.9).
type Ping struct {
	Forest     string // DNS name
	Domain     string // DNS name
	Host       string // the controller's DNS name
	NetBIOS    string // the domain's
	Site       string // the controller's
	ClientSite string // this machine's, by its address; "": no subnet has it
}

var errPing = errors.New("unusable answer of a domain controller")

// parsePing reads the structure: opcode, flags and a GUID, then names that are
// compressed as in DNS (RFC 1035 §4.1.4).
func parsePing(b []byte) (*Ping, error) {
	const opcode, fixed = 23, 24
	if len(b) < fixed || binary.LittleEndian.Uint16(b) != opcode {
		return nil, errPing
	}
	names := make([]string, 8)
	at := fixed
	for i := range names {
		var err error
		if names[i], at, err = readName(b, at); err != nil {
			return nil, err
		}
	}
	return &Ping{Forest: names[0], Domain: names[1], Host: names[2], NetBIOS: names[3], Site: names[6], ClientSite: names[7]}, nil
}

// readName reads one name and returns where the next one begins.
func readName(b []byte, at int) (name string, next int, err error) {
	var labels []string
	for jumps := 0; ; {
		if at >= len(b) {
			return "", 0, errPing
		}
		n := int(b[at])
		switch {
		case n == 0:
			if next == 0 {
				next = at + 1
			}
			return strings.Join(labels, "."), next, nil
		case n >= 0xc0:
			jumps++
			if at+1 >= len(b) || jumps > 10 {
				return "", 0, errPing
			}
			if next == 0 {
				next = at + 2
			}
			at = int(binary.BigEndian.Uint16(b[at:]) & 0x3fff)
		case n > 63 || at+1+n > len(b) || len(labels) > 127:
			return "", 0, errPing
		default:
			labels = append(labels, string(b[at+1:at+1+n]))
			at += 1 + n
		}
	}
}
