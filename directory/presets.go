package directory

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"convene/directory/ldif"
)

// preset holds what is the same in all directories of one kind.
type preset struct {
	records map[Type]RecordConfig

	// dnAttr can be used in a filter to find entries by their names, many at a
	// time; "" if the server has no such attribute.
	dnAttr string

	// tails: the index of substrings is slapd's; see withTail.
	tails bool

	// within is where below a suffix the records of a type are.
	within map[Type]string

	// activeDirectory: binary GUIDs and SIDs, primary groups, and the reasons
	// for refused binds in the message.
	activeDirectory bool
}

// presets returns the presets by name.
func presets() map[string]preset {
	return map[string]preset{
		"openldap":      openLDAP(),
		"ad":            activeDirectory(),
		"freeipa":       freeIPA(),
		"389ds":         ds389(),
		"opendirectory": openDirectory(),
		"lldap":         lldap(),
	}
}

// PresetNames returns the values of LDAPConfig.Preset, sorted.
func PresetNames() []string { return slices.Sorted(maps.Keys(presets())) }

// person has the attributes of inetOrgPerson (RFC 2798).
func person(filter, guid string) RecordConfig {
	return RecordConfig{
		Filter: filter, GUID: guid,
		Name: []string{"uid"}, FullName: []string{"displayName", "cn"},
		GivenName: "givenName", Surname: "sn", Language: "preferredLanguage", Email: []string{"mail"},
	}
}

// place has the attributes of the classes room and device (RFC 4524), with
// those of a person where a schema allows them.
func place(filter, guid string) RecordConfig {
	return RecordConfig{
		Filter: filter, GUID: guid,
		Name: []string{"uid", "cn"}, FullName: []string{"displayName", "cn"}, Email: []string{"mail"},
		Building: "buildingName", Room: "roomNumber", Address: "street", Geo: "labeledURI", Owners: "owner",
	}
}

func openLDAP() preset {
	user := person("(objectClass=inetOrgPerson)", "entryUUID")
	// Of the overlay ppolicy, and of shadow(5).
	user.AccountExpires = []string{"pwdEndTime", "shadowExpire"}
	user.MustChange, user.LockedSince = []string{"pwdReset:TRUE"}, "pwdAccountLockedTime"
	return preset{dnAttr: "entryDN", tails: true, records: map[Type]RecordConfig{
		User: user,
		Group: {
			Filter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))",
			GUID:   "entryUUID", Name: []string{"cn", "uid"}, FullName: []string{"displayName", "cn"},
			Email: []string{"mail"}, Member: []string{"member", "uniqueMember"}, MemberName: []string{"memberUid"},
		},
		Location: place("(objectClass=room)", "entryUUID"),
		Resource: place("(objectClass=device)", "entryUUID"),
	}}
}

func activeDirectory() preset {
	account := func(filter string) RecordConfig {
		return RecordConfig{
			Filter: filter, GUID: "objectGUID",
			Name: []string{"sAMAccountName"}, Login: []string{"sAMAccountName", "userPrincipalName", "mail"},
			FullName: []string{"displayName", "cn"}, GivenName: "givenName", Surname: "sn",
			Email: []string{"mail", "proxyAddresses"}, MemberOf: "memberOf",
			LoginEnabled: []string{"!userAccountControl&2"},
		}
	}
	// Exchange knows a room by one of several attributes: what kind of mailbox it
	// has, here or with another Exchange, and what kind of resource it is. Its
	// account is disabled; it is a room all the same.
	room := func(kind string, details, display []string) RecordConfig {
		filter := "(employeeType=" + kind + ")(msExchResourceMetaData=ResourceType:" + kind + ")"
		for _, t := range details {
			filter += "(msExchRecipientTypeDetails=" + t + ")"
		}
		for _, t := range display {
			filter += "(msExchRecipientDisplayType=" + t + ")"
		}
		r := account("(&(objectClass=user)(!(objectClass=computer))(|" + filter + "))")
		r.Features = []string{"msExchResourceDisplay", "msExchResourceSearchProperties"}
		r.Capacity, r.Building, r.Room = "msExchResourceCapacity", "physicalDeliveryOfficeName", "roomNumber"
		r.Address, r.WriteDelegates = "streetAddress", "publicDelegates,msExchDelegateListLink"
		return r
	}
	group := account("(objectClass=group)")
	group.FullName, group.LoginEnabled = []string{"displayName", "cn"}, nil
	group.Member = []string{"member"}
	// userPrincipalName is no Kerberos name: a ticket for the account "svc" must
	// not become somebody who has svc@REALM as theirs.
	user := account("(&(objectClass=user)(!(objectClass=computer)))")
	// krbtgt, Guest, Administrators; and whom Exchange shows to nobody.
	user.Searchable = []string{"!isCriticalSystemObject:TRUE", "!msExchHideFromAddressLists:TRUE"}
	group.Searchable = user.Searchable
	user.Language = "preferredLanguage"
	user.Login = append(user.Login, "proxyAddresses")
	// Two of these the domain controller computes, since policies of the domain count:
	// UF_LOCKOUT, and when the password expires. Accounts whose password never expires, or
	// that sign in with a card, need not change it.
	user.AccountExpires, user.PasswordExpires = []string{"accountExpires"}, []string{"msDS-UserPasswordExpiryTimeComputed"}
	user.MustChange = []string{"pwdLastSet:0", "!userAccountControl&0x10000", "!userAccountControl&0x40000"}
	user.Locked, user.LogonHours = []string{"msDS-User-Account-Control-Computed&0x10"}, "logonHours"
	return preset{dnAttr: "distinguishedName", activeDirectory: true, records: map[Type]RecordConfig{
		User: user, Group: group,
		Location: room("Room", []string{"16", "8589934592"}, []string{"7", "-2147481850"}),
		Resource: room("Equipment", []string{"32", "17179869184"}, []string{"8", "-2147481594"}),
	}}
}

func freeIPA() preset {
	user := person("(objectClass=person)", "ipaUniqueID")
	user.Kerberos, user.MemberOf = []string{"krbPrincipalName"}, "memberOf"
	user.LoginEnabled = []string{"!nsAccountLock:TRUE"}
	user.AccountExpires, user.PasswordExpires = []string{"krbPrincipalExpiration"}, []string{"krbPasswordExpiration"}
	// Elsewhere below the suffix are users that are preserved and may be hired again,
	// and copies of all for old clients.
	within := map[Type]string{User: "cn=users,cn=accounts", Group: "cn=groups,cn=accounts"}
	return preset{dnAttr: "entrydn", within: within, records: map[Type]RecordConfig{
		User: user,
		Group: {
			Filter: "(objectClass=ipaUserGroup)", GUID: "ipaUniqueID", Name: []string{"cn"},
			FullName: []string{"displayName", "cn"}, Email: []string{"mail"}, Member: []string{"member"}, MemberOf: "memberOf",
		},
		Location: place("(objectClass=room)", "ipaUniqueID"),
		Resource: place("(&(objectClass=device)(!(objectClass=ipaHost)))", "ipaUniqueID"),
	}}
}

func ds389() preset {
	p := openLDAP()
	p.dnAttr, p.tails = "entrydn", false
	for t, r := range p.records {
		r.GUID = "nsUniqueId"
		if t == User {
			r.LoginEnabled = []string{"!nsAccountLock:true"}
			r.LockedSince, r.MustChange, r.AccountExpires = "", nil, []string{"shadowExpire"}
			r.LockedUntil, r.PasswordExpires = "accountUnlockTime", []string{"passwordExpirationTime"}
		}
		p.records[t] = r
	}
	return p
}

func openDirectory() preset {
	group := RecordConfig{
		Filter: "(objectClass=apple-group)", GUID: "apple-generateduid", Name: []string{"cn"},
		FullName: []string{"apple-group-realname", "cn"}, Email: []string{"mail"},
		MemberName: []string{"memberUid"}, MemberGUID: []string{"apple-group-memberguid", "apple-group-nestedgroup"},
	}
	user := person("(objectClass=apple-user)", "apple-generateduid")
	user.FullName, user.Kerberos = []string{"cn"}, []string{"draft-krbPrincipalName"}
	thing := func(filter string) RecordConfig {
		r := place(filter, "apple-generateduid")
		r.Name, r.FullName, r.Capacity = []string{"cn"}, []string{"apple-realname", "displayName", "cn"}, "apple-resource-capacity"
		return r
	}
	return preset{dnAttr: "entryDN", tails: true, records: map[Type]RecordConfig{
		User: user, Group: group,
		Location: thing("(&(objectClass=apple-resource)(apple-resource-type=ConferenceRoom))"),
		Resource: thing("(&(objectClass=apple-resource)(!(apple-resource-type=ConferenceRoom)))"),
	}}
}

func lldap() preset {
	return preset{records: map[Type]RecordConfig{
		User: person("(objectClass=inetOrgPerson)", "entryUUID"),
		Group: {
			Filter: "(objectClass=groupOfUniqueNames)", GUID: "entryUUID", Name: []string{"cn"},
			FullName: []string{"cn"}, Member: []string{"member"},
		},
	}}
}

// below returns the search bases of a type for those of the directory: a base that is a
// suffix stands for where the preset has the type.
func (p *preset) below(t Type, bases []string) []string {
	within, ok := p.within[t]
	if !ok {
		return bases
	}
	var out []string
	for _, b := range bases {
		if strings.HasPrefix(ldif.FoldDN(b), "dc=") {
			b = within + "," + b
		}
		out = append(out, b)
	}
	return out
}

// override returns the preset's record with all fields set in c replaced. A
// field that is "-" becomes empty.
func (c RecordConfig) override(base RecordConfig) RecordConfig {
	out, from := reflect.ValueOf(&base).Elem(), reflect.ValueOf(c)
	for i := range from.NumField() {
		f := from.Field(i)
		if f.IsZero() {
			continue
		}
		switch v := f.Interface().(type) {
		case string:
			if v == none {
				f = reflect.Zero(f.Type())
			}
		case []string:
			if len(v) == 1 && v[0] == none {
				f = reflect.Zero(f.Type())
			}
		}
		out.Field(i).Set(f)
	}
	return base
}

// presetNamed returns a preset; "" is openldap.
func presetNamed(name string) (preset, error) {
	if name == "" {
		name = "openldap"
	}
	p, ok := presets()[strings.ToLower(name)]
	if !ok {
		return preset{}, setting("preset", "%q: unknown; there are %s", name, strings.Join(PresetNames(), ", "))
	}
	return p, nil
}
