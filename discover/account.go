package discover

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"

	"convene/directory"
	"convene/directory/ldif"
	"convene/internal/kerberos"
)

// A Holder is an account that has a service's name in Active Directory.
type Holder struct {
	DN       string
	Name     string // sAMAccountName
	Version  int    // of its key
	Enctypes int    // msDS-SupportedEncryptionTypes; 0: not set, which is RC4 with older controllers
}

// aes is both AES types in msDS-SupportedEncryptionTypes ([MS-KILE] §2.2.7).
const aes = 0x18

var holderAttrs = []string{"sAMAccountName", "msDS-KeyVersionNumber", "msDS-SupportedEncryptionTypes"}

// Holders returns the accounts that have a service principal name. Of several, a KDC
// takes none.
func Holders(p *directory.Probe, base, service string) ([]Holder, error) {
	list, _, err := p.Search(base, ldif.Sub, "(servicePrincipalName="+directory.Escape(service)+")", holderAttrs, 10)
	if err != nil {
		return nil, err
	}
	var out []Holder
	for _, e := range list {
		out = append(out, Holder{e.DN, e.Value("sAMAccountName"), number(e, "msDS-KeyVersionNumber"), number(e, "msDS-SupportedEncryptionTypes")})
	}
	return out, nil
}

// An Account is the server's own in Active Directory: it looks people up, and has the
// keys of the service.
type Account struct {
	Holder
	Password string
	Keytab   []byte
}

// ErrNoRight is an account that may not make others.
var ErrNoRight = errors.New("the account that signed in may not make accounts")

// ErrHeld is a service name that another account has.
var ErrHeld = errors.New("another account has the service's name")

// accountName is the name of the server's account: "convene-calendar" for
// calendar.example.com. Active Directory allows twenty characters.
func accountName(host string) string {
	first, _, _ := strings.Cut(strings.ToLower(host), ".")
	name := "convene-" + first
	return name[:min(len(name), 20)]
}

// MakeAccount makes the server's account for host, with the rights of whoever p is bound
// as, and its keytab; one that is there already gets a new password. Errors: ErrNoRight,
// ErrHeld, and those of LDAP and of the KDC.
func MakeAccount(ctx context.Context, p *directory.Probe, base, host string, kdc kerberos.KDC) (*Account, error) {
	service, name := "HTTP/"+host, accountName(host)
	holders, err := Holders(p, base, service)
	if err != nil {
		return nil, err
	}
	for _, h := range holders {
		if !strings.EqualFold(h.Name, name) {
			return nil, fmt.Errorf("%w: %s is %q's", ErrHeld, service, h.DN)
		}
	}
	a := &Account{Password: rand.Text() + "-a1"}
	old, _, err := p.Search(base, ldif.Sub, "(&(objectClass=user)(sAMAccountName="+directory.Escape(name)+"))", holderAttrs, 1)
	if err != nil {
		return nil, err
	}
	attrs := map[string][]string{
		"unicodePwd": {unicodePassword(a.Password)}, "servicePrincipalName": {service},
		"userPrincipalName": {name + "@" + DomainOf(base)}, "msDS-SupportedEncryptionTypes": {fmt.Sprint(aes)},
	}
	dn := "CN=" + name + ",CN=Users," + base
	if len(old) > 0 {
		dn = old[0].DN
		err = p.Replace(dn, attrs)
	} else {
		attrs["objectClass"], attrs["sAMAccountName"] = []string{"user"}, []string{name}
		attrs["description"] = []string{"Calendar server on " + host}
		attrs["userAccountControl"] = []string{"66048"} // a usual account whose password does not expire
		err = p.Add(dn, attrs)
	}
	const insufficient = 50
	if code, _, ok := directory.ResultCode(err); ok && code == insufficient {
		return nil, fmt.Errorf("%w: %w", ErrNoRight, err)
	}
	if err != nil {
		return nil, err
	}
	made, _, err := p.Search(dn, ldif.Base, "(objectClass=*)", holderAttrs, 1)
	if err != nil || len(made) == 0 {
		return nil, fmt.Errorf("the new account %q cannot be read: %w", dn, err)
	}
	a.Holder = Holder{made[0].DN, name, number(made[0], "msDS-KeyVersionNumber"), aes}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a.Keytab, err = kdc.NewKeytab(name, a.Password, service, a.Version)
	return a, err
}

// unicodePassword writes a password as Active Directory takes it ([MS-ADTS]
// §3.1.1.3.1.5).
func unicodePassword(password string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(`"` + password + `"`)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// KeytabCommands are what makes a keytab, for who has the rights.
func KeytabCommands(k Kind, realm, host, file string) []string {
	service := "HTTP/" + host
	if k.Preset != "ad" {
		return []string{"kadmin -q 'addprinc -randkey " + service + "'", "kadmin -q 'ktadd -k " + file + " " + service + "'"}
	}
	domain := strings.ToLower(realm)
	name := accountName(host)
	if k.Samba {
		return []string{
			"samba-tool user create " + name + " --random-password",
			"samba-tool user setexpiry " + name + " --noexpiry",
			"samba-tool spn add " + service + " " + name,
			"net ads enctypes set " + name + " 24",
			"samba-tool user setpassword " + name + " --random-password    # keys are made of it, AES ones now too",
			"samba-tool domain exportkeytab " + file + " --principal=" + service,
		}
	}
	return []string{
		"adcli join -D " + domain + " -U Administrator --host-fqdn=" + host + " --computer-name=" + strings.ToUpper(strings.TrimPrefix(name, "convene-")) + " --service-name=HTTP --host-keytab=" + file,
		"or on a domain controller:",
		"New-ADUser " + name + " -SamAccountName " + name + " -KerberosEncryptionType AES128,AES256 -PasswordNeverExpires $true -Enabled $true -AccountPassword (Read-Host -AsSecureString)",
		"setspn -S " + service + " " + name,
		"ktpass -princ " + service + "@" + realm + " -mapuser " + name + " -crypto AES256-SHA1 -ptype KRB5_NT_PRINCIPAL -pass * -out " + file,
	}
}
