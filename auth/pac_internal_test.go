package auth

import (
	"os"
	"strconv"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/pac"
	"github.com/jcmturner/gokrb5/v8/types"
)

// controllersPAC is the PAC of a ticket that a Samba domain controller issued.
func controllersPAC(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/pac.der")
	if err != nil {
		t.Fatal(err)
	}
	var data types.AuthorizationData
	if err := data.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	found, err := findPAC(data)
	if err != nil || found == nil {
		t.Fatal(found, err)
	}
	return found
}

// The account read from a real PAC is the one that the library finds there.
func TestLogonSID(t *testing.T) {
	b := controllersPAC(t)
	buffers, err := parsePAC(b)
	if err != nil {
		t.Fatal(err)
	}
	at := buffers[pacLogonInfo]
	got, err := logonSID(b[at.start:at.end])
	var info pac.KerbValidationInfo
	if lib := info.Unmarshal(b[at.start:at.end]); err != nil || lib != nil {
		t.Fatal(err, lib)
	}
	if want := info.LogonDomainID.String() + "-" + strconv.FormatUint(uint64(info.UserID), 10); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// FuzzPAC: whatever a client has put into a ticket, nothing indexes outside of
// it, and nobody makes a signature without the key.
func FuzzPAC(f *testing.F) {
	b := controllersPAC(f)
	f.Add(b)
	f.Add(b[:100])
	etype, err := crypto.GetEtype(18)
	if err != nil {
		f.Fatal(err)
	}
	key := types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, etype.GetKeyByteSize())}
	f.Fuzz(func(t *testing.T, b []byte) {
		if sid, err := accountSID(b, key); err == nil {
			t.Errorf("%s", sid)
		}
		buffers, err := parsePAC(b)
		if err != nil {
			return
		}
		for _, at := range buffers {
			if sid, err := logonSID(b[at.start:at.end]); err == nil && len(sid) < len("S-1-0-1") {
				t.Errorf("%q", sid)
			}
		}
	})
}
