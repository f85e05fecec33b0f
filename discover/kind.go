package discover

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"convene/directory"
	"convene/directory/ldif"
)

// A Kind is what sort of directory a server has.
type Kind struct {
	Preset  string `json:"preset"`  // as in directory.LDAPConfig; "": unknown
	Product string `json:"product"` // for people: "Samba 4.17.12-Debian", "389-Directory/2.3.1"
	Samba   bool   `json:"samba"`   // Active Directory by Samba
}

// ErrLDS is Active Directory Lightweight Directory Services: it has neither accounts
// nor Kerberos, so that the preset ad does not fit.
var ErrLDS = errors.New("this is AD LDS (ADAM), not a domain: it has no sAMAccountName, no objectSid of accounts and no Kerberos; write a configuration with preset openldap and your own attributes, or join the domain itself")

// Capabilities of Active Directory ([MS-ADTS] §3.1.1.3.4.3).
const (
	capabilityAD  = "1.2.840.113556.1.4.800"
	capabilityLDS = "1.2.840.113556.1.4.1851"
)

// KindOf tells by the root DSE, and for OpenLDAP by the schema: never by trying a
// control, which some servers answer with success whatever it means. Error: ErrLDS, or
// that of reading.
func KindOf(p *directory.Probe, root *ldif.Entry) (Kind, error) {
	vendor, version := root.Value("vendorName"), root.Value("vendorVersion")
	k := Kind{Product: strings.TrimSpace(vendor + " " + version)}
	capabilities := root.Values("supportedCapabilities")
	switch {
	case slices.Contains(capabilities, capabilityLDS):
		return k, ErrLDS
	case slices.Contains(capabilities, capabilityAD):
		k.Preset, k.Samba = "ad", strings.Contains(vendor, "Samba")
		if vendor == "" {
			k.Product = "Active Directory"
		}
	case strings.Contains(vendor, "389 Project"):
		k.Preset, k.Product = "389ds", version
		base := suffix(root)
		list, _, err := p.Search("cn=accounts,"+base, ldif.Base, "(objectClass=*)", []string{"1.1"}, 1)
		if code, _, ok := directory.ResultCode(err); err != nil && (!ok || code != noSuchObject) {
			return k, err
		}
		if len(list) > 0 || slices.ContainsFunc(root.Values("info"), func(s string) bool { return strings.HasPrefix(s, "IPA V2") }) {
			k.Preset, k.Product = "freeipa", "FreeIPA on "+version
		}
	case strings.EqualFold(vendor, "LLDAP"):
		k.Preset = "lldap"
	case slices.Contains(root.Values("objectClass"), "OpenLDAProotDSE"):
		k.Preset, k.Product = "openldap", "OpenLDAP"
		apple, err := hasClass(p, root, "apple-user")
		if err != nil {
			return k, err
		}
		if apple {
			k.Preset, k.Product = "opendirectory", "Open Directory"
		}
	}
	return k, nil
}

const noSuchObject = 32

// hasClass reports whether the schema has an object class (RFC 4512 §4.2).
func hasClass(p *directory.Probe, root *ldif.Entry, class string) (bool, error) {
	at := root.Value("subschemaSubentry")
	if at == "" {
		return false, nil
	}
	list, _, err := p.Search(at, ldif.Base, "(objectClass=subschema)", []string{"objectClasses"}, 1)
	if err != nil {
		if _, _, ok := directory.ResultCode(err); ok { // not for us to read
			return false, nil
		}
		return false, err
	}
	for _, e := range list {
		for _, c := range e.Values("objectClasses") {
			if strings.Contains(c, "'"+class+"'") {
				return true, nil
			}
		}
	}
	return false, nil
}

// suffix is the naming context to search below: Active Directory's own, or the first
// that holds people and not the server's configuration.
func suffix(root *ldif.Entry) string {
	if base := root.Value("defaultNamingContext"); base != "" {
		return base
	}
	for _, c := range root.Values("namingContexts") {
		if f := strings.ToLower(c); c != "" && !strings.HasPrefix(f, "cn=") && f != "o=netscaperoot" {
			return c
		}
	}
	return ""
}

// DomainOf is the DNS name in a base: its DC= parts (RFC 2247); "" if it has none.
func DomainOf(base string) string {
	var labels []string
	for rdn := range strings.SplitSeq(base, ",") {
		name, value, ok := strings.Cut(rdn, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "dc") {
			labels = append(labels, strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return strings.Join(labels, ".")
}

// BindName completes a name as administrators type it: with Active Directory a bare
// account name is no name to bind with.
func (k Kind) BindName(name, base string) string {
	if k.Preset != "ad" || name == "" || strings.ContainsAny(name, `@=\`) {
		return name
	}
	return fmt.Sprintf("%s@%s", name, DomainOf(base))
}
