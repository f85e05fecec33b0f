package directory

import (
	"strings"
	"testing"
	"time"

	"convene/directory/ldif"
)

func TestParseMoment(t *testing.T) {
	for text, want := range map[string]string{
		"0": "", "-1": "", "9223372036854775807": "", "9223372036854775800": "",
		"133500000000000000":        "2024-01-17T21:20:00Z",
		"19700":                     "2023-12-09T00:00:00Z",
		"1700000000":                "2023-11-14T22:13:20Z",
		"20240229120000Z":           "2024-02-29T12:00:00Z",
		"202402291200Z":             "2024-02-29T12:00:00Z",
		"2024022912Z":               "2024-02-29T12:00:00Z",
		"20240229120000.123456Z":    "2024-02-29T12:00:00Z",
		"2024022912.5Z":             "2024-02-29T12:30:00Z",
		"20240229120000+0130":       "2024-02-29T10:30:00Z",
		"20240229120000-05":         "2024-02-29T17:00:00Z",
		"2024-02-29":                "2024-02-29T00:00:00Z",
		"2024-02-29T12:00:00+01:00": "2024-02-29T11:00:00Z",
		"19700101000000Z":           "1970-01-01T00:00:00Z",
		"tomorrow":                  "error", "20240230000000Z": "error", "20240229120000+9999": "error", "20240229120000": "2611355-09-24T04:00:00Z",
		"2024022912.x5Z": "error", "Z": "error", "": "error",
	} {
		at, err := parseMoment(text)
		got := ""
		switch {
		case err != nil:
			got = "error"
		case !at.IsZero():
			got = at.Format(time.RFC3339)
		}
		if text == "20240229120000" { // a number of seconds, whatever it was meant to be; no limit is made of it by mistake
			if err != nil || at.Before(time.Now()) {
				t.Errorf("%q: %v %v", text, at, err)
			}
			continue
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What the attributes of each kind of server say of an account.
func TestAccountOfPreset(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) // a Wednesday
	hours := make([]byte, 21)
	hours[3*3+1] = 1 << 4 // Wednesday's thirteenth hour
	for _, tt := range []struct {
		preset, attr, value string
		want                string // closed, locked, stale, hours or nothing
	}{
		{"ad", "accountExpires", "0", ""},
		{"ad", "accountExpires", "9223372036854775807", ""},
		{"ad", "accountExpires", "133500000000000000", "closed"},
		{"ad", "accountExpires", "200000000000000000", ""},
		{"ad", "userAccountControl", "514", "closed"},
		{"ad", "pwdLastSet", "0", "stale"},
		{"ad", "pwdLastSet", "133500000000000000", ""},
		{"ad", "msDS-UserPasswordExpiryTimeComputed", "133500000000000000", "stale"},
		{"ad", "msDS-UserPasswordExpiryTimeComputed", "9223372036854775807", ""},
		{"ad", "msDS-User-Account-Control-Computed", "16", "locked"},
		{"ad", "msDS-User-Account-Control-Computed", "8388608", ""},
		{"ad", "logonHours", string(hours), ""},
		{"ad", "logonHours", strings.Repeat("\x00", 21), "hours"},
		{"freeipa", "krbPrincipalExpiration", "20260304115959Z", "closed"},
		{"freeipa", "krbPrincipalExpiration", "20260304120001Z", ""},
		{"freeipa", "krbPasswordExpiration", "20260304115959Z", "stale"},
		{"freeipa", "nsAccountLock", "TRUE", "closed"},
		{"openldap", "pwdAccountLockedTime", "000001010000Z", "closed"},
		{"openldap", "pwdAccountLockedTime", "20260304115959Z", "locked"},
		{"openldap", "pwdReset", "TRUE", "stale"},
		{"openldap", "pwdReset", "FALSE", ""},
		{"openldap", "pwdEndTime", "20260304115959Z", "closed"},
		{"openldap", "shadowExpire", "20000", "closed"},
		{"openldap", "shadowExpire", "30000", ""},
		{"openldap", "shadowExpire", "-1", ""},
		{"openldap", "shadowExpire", "soon", "closed"},
		{"389ds", "nsAccountLock", "true", "closed"},
		{"389ds", "passwordExpirationTime", "19700101000000Z", "stale"},
		{"389ds", "passwordExpirationTime", "20380119031407Z", ""},
		{"389ds", "accountUnlockTime", "20260304120001Z", "locked"},
		{"389ds", "accountUnlockTime", "20260304115959Z", ""},
		{"389ds", "accountUnlockTime", "19700101000000Z", "locked"},
	} {
		m, err := newMapping(tt.preset, []string{"dc=example"}, realms{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := ldif.NewEntry("uid=a,dc=example")
		e.Add(m.spec(User).GUID, strings.Repeat("x", 16))
		e.Add(tt.attr, tt.value)
		p, err := m.principal(e, m.spec(User))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		switch {
		case p.Closed(now) != nil:
			got = "closed"
		case p.Account.Locked(now):
			got = "locked"
		case p.Account.Stale(now):
			got = "stale"
		case !p.Account.Open(now):
			got = "hours"
		}
		if got != tt.want {
			t.Errorf("%s, %s: %q is %q, want %q", tt.preset, tt.attr, tt.value, got, tt.want)
		}
	}
	for _, exempt := range []string{"66048", "262656"} { // the password never expires; signs in with a card
		m, err := newMapping("ad", []string{"dc=example"}, realms{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e := ldif.NewEntry("cn=a,dc=example")
		e.Add("objectGUID", strings.Repeat("x", 16))
		e.Add("pwdLastSet", "0")
		e.Add("userAccountControl", exempt)
		if p, err := m.principal(e, m.spec(User)); err != nil || p.Account.Stale(now) {
			t.Errorf("%s: %+v %v", exempt, p, err)
		}
	}
}
