package directory

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// LDAPConfig is the configuration of an LDAP directory. Only URLs and Base
// have no default; Preset is worth setting always. Numbers and times of zero are
// those of DefaultLDAPConfig.
type LDAPConfig struct {
	URLs         []string `toml:"urls" doc:"LDAP servers in order of preference: ldaps://host[:port], ldap://host[:port] or ldapi://path. When one fails the next takes over within two seconds. One that was away is asked last for as long as it was, from 15 seconds to 5 minutes: it may not know yet what has changed meanwhile."`
	StartTLS     bool     `toml:"starttls" doc:"Upgrade ldap:// connections to TLS before anything is sent. Required for ldap:// servers on other machines unless allow-plain is set."`
	AllowPlain   bool     `toml:"allow-plain" doc:"Send passwords over unencrypted connections to other machines. For networks protected in another way only."`
	CAFile       string   `toml:"ca-file" doc:"PEM file of the certificate authorities that sign the servers' certificates. Default: the system's."`
	Fingerprints []string `toml:"certificate-fingerprints" doc:"Certificates of the servers that are accepted, and no others, whatever names they carry and whoever signed them: \"sha256:\" and the SHA-256 of the certificate, or of its public key (SubjectPublicKeyInfo), in hexadecimal. For servers whose certificate no authority vouches for, or without a name, such as the one that Samba makes for itself. Instead of ca-file."`
	ServerName   string   `toml:"server-name" doc:"Name that the servers' certificates must carry. Default: the host in the URL."`

	BindDN           string `toml:"bind-dn" doc:"Account that searches the directory: a DN, for Active Directory also user@domain; or external, which is the process's own account on an ldapi socket; or the principal of bind-keytab. Default: anonymous."`
	BindPassword     string `toml:"bind-password" doc:"Its password. bind-password-file is safer."`
	BindPasswordFile string `toml:"bind-password-file" doc:"File whose first line is the password; read again for every new connection, so that it can be changed without a restart."`
	BindKeytab       string `toml:"bind-keytab" doc:"Keytab with AES keys of bind-dn, which is then a Kerberos principal (NAME@REALM). In place of a password: the server signs in with a ticket (SASL GSSAPI), over TLS with channel binding. The file is read again for every new connection, so that another program may renew it, as for group-managed accounts (gMSA). KDCs are those in /etc/krb5.conf, else the Active Directory servers themselves, else by DNS."`

	Preset         string            `toml:"preset" doc:"Kind of server, which sets the defaults of all record types: openldap (default), ad, freeipa, 389ds, opendirectory or lldap."`
	Base           []string          `toml:"base" doc:"Search bases of all record types that name none of their own. With freeipa, the suffix (dc=…) stands for cn=users,cn=accounts and cn=groups,cn=accounts below it, where no preserved users are."`
	KerberosRealms []string          `toml:"kerberos-realms" doc:"Realms whose principals NAME@REALM are the users with the short name NAME; those of other realms are nobody here. Several realms in which a name may belong to different people need kerberos-bases. Default for ad: for each user the domain that the user is in, by the DC= parts of the entry's name."`
	KerberosBases  map[string]string `toml:"kerberos-bases" doc:"Realm to base: principals of the realm are users below that base only, and users there have no other realm."`

	Users     RecordConfig `toml:"users" doc:"Where users are and which attributes they have."`
	Groups    RecordConfig `toml:"groups" doc:"The same for groups."`
	Locations RecordConfig `toml:"locations" doc:"The same for locations, which are rooms. An entry that is a location by its filter is no user."`
	Resources RecordConfig `toml:"resources" doc:"The same for resources, such as projectors and cars."`

	Nesting   string `toml:"nesting" doc:"How the groups of a record are found: walk (default; level by level, works everywhere), in-chain (Active Directory's LDAP_MATCHING_RULE_IN_CHAIN, one search), token-groups (Active Directory: security groups only, one read), or direct (nested groups are not followed)."`
	MaxDepth  int    `toml:"max-depth" doc:"Levels of nested groups followed."`
	MemberCap int    `toml:"member-cap" doc:"Most members that a group may have, nested ones included."`

	TrackChanges bool `toml:"track-changes" doc:"Follow what changes in the directory, on one connection: Active Directory is asked every two seconds, by uSNChanged; others tell it by syncrepl (RFC 4533) where they serve that, or are asked every two seconds by modifyTimestamp, which needs an index for equality there. Changes then count within five seconds. Without it they do after cache.ttl." json:"-"`

	DialTimeout   time.Duration `toml:"dial-timeout" doc:"Longest time for connecting to a server, TLS and bind included."`
	Timeout       time.Duration `toml:"timeout" doc:"Longest time for one question."`
	FailoverAfter time.Duration `toml:"failover-after" doc:"When a server has not responded for this long, the next is asked as well."`
	IdleTimeout   time.Duration `toml:"idle-timeout" doc:"Connections unused for this long are closed."`
	Connections   int           `toml:"connections" doc:"Most connections to each server for searches, and again as many for checking passwords."`
	PageSize      int           `toml:"page-size" doc:"Entries asked for at a time."`
	SearchCap     int           `toml:"search-cap" doc:"Most entries that one search may give."`
	SlowAfter     time.Duration `toml:"slow-after" doc:"Questions that take longer are logged as a warning."`
}

// RecordConfig says where the records of one type are and what their
// attributes mean. Empty fields have the preset's value; "-" means none.
// Attribute lists are in order of preference.
type RecordConfig struct {
	Base   []string `toml:"base" doc:"Search bases; there may be several."`
	Scope  string   `toml:"scope" doc:"sub (default) or one."`
	Filter string   `toml:"filter" doc:"LDAP filter that all records of this type match, and no others. \"-\": there are no such records."`

	GUID      string   `toml:"guid" doc:"Attribute with the identity, which must never be given to another record: entryUUID, objectGUID, apple-generateduid or one of your own."`
	Name      []string `toml:"name" doc:"Attributes with short names; the first value is the name in URLs, the others find the record too."`
	Login     []string `toml:"login" doc:"Attributes whose values a user may type to sign in. Default: those of name, and mail."`
	FullName  []string `toml:"full-name" doc:"Attributes with the name shown; the first that has a value counts."`
	GivenName string   `toml:"given-name" doc:"Attribute with the given name."`
	Surname   string   `toml:"surname" doc:"Attribute with the surname."`
	Language  string   `toml:"language" doc:"Attribute with the language in which they read mails and what rooms reply, such as preferredLanguage: fr, or fr-CA, en;q=0.8."`
	Email     []string `toml:"email" doc:"Attributes with mail addresses; proxyAddresses of Exchange is understood."`
	Kerberos  []string `toml:"kerberos" doc:"Attributes with Kerberos principal names, realm included."`

	CalendarEnabled []string `toml:"calendar-enabled" doc:"Conditions that must all hold for a record to have calendars: \"attr:value\", \"attr:value|value\", \"attr\" (has a value that is not false), \"attr&mask\" (all bits set), each negated by a leading \"!\". Example: calStatus:active. Default: all records."`
	LoginEnabled    []string `toml:"login-enabled" doc:"The same for signing in. Default for ad: !userAccountControl&2."`

	Searchable []string `toml:"searchable" doc:"The same for being found by those who look for somebody: who signs in, and who is written to by address, need not be. Default for users and groups of ad: !isCriticalSystemObject:TRUE and !msExchHideFromAddressLists:TRUE."`

	AccountExpires  []string      `toml:"account-expires" doc:"Users: attributes with when the account ends: a FILETIME of Windows, GeneralizedTime, days or seconds since 1970, or a date; 0 is never. The first of several counts. auth.accounts says what this and the next settings mean for each way to sign in."`
	PasswordExpires []string      `toml:"password-expires" doc:"Users: attributes with when the password expires, written likewise."`
	MustChange      []string      `toml:"must-change" doc:"Users: conditions, all of which hold if the password must be changed at the next log-on."`
	Locked          []string      `toml:"locked" doc:"Users: conditions, all of which hold if the account is locked after wrong passwords."`
	LockedUntil     string        `toml:"locked-until" doc:"Users: attribute with when the account is unlocked; a time of 1970: when somebody does it."`
	LockedSince     string        `toml:"locked-since" doc:"Users: attribute with when the account was locked."`
	LockedFor       time.Duration `toml:"locked-for" doc:"Users: how long it is locked from then on, as the directory's policy has it. 0: until the attribute is gone."`
	LogonHours      string        `toml:"logon-hours" doc:"Users: attribute with the hours in which the account may be used, as Active Directory's logonHours has them."`

	DigestHA1        string   `toml:"digest-ha1" json:"-" doc:"Users: attribute with secrets for Digest as htdigest writes them, \"login:realm:HA1\", or \"realm:HA1\". HA1 is in hexadecimal: 32 digits are MD5's, 64 are SHA-256's. There may be several; those of other realms than auth.realm do not count. The account of bind-dn must have the right to read it, and nobody else should."`
	DigestAlgorithms []string `toml:"digest-algorithms" json:"-" doc:"Users: algorithms for which everybody who has a value of digest-ha1 has one: \"MD5\", \"SHA-256\". No other is offered: clients use the first one that they know and never try the next, and so would not get in. Default: MD5, which is all that htdigest makes."`
	DigestPassword   string   `toml:"digest-password" json:"-" doc:"Users: attribute with passwords in the clear, for Digest: the value itself, or what follows {CLEARTEXT} or {CLEAR}. A value with another scheme in braces is a hash, with which Digest cannot be verified; it is never used. The same right is needed as for digest-ha1."`

	AutoSchedule       string            `toml:"auto-schedule" doc:"Attribute with the way in which a room or resource replies to invitations."`
	AutoScheduleValues map[string]string `toml:"auto-schedule-values" doc:"What its values mean: none, accept-always, decline-always, accept-if-free, decline-if-busy or automatic. Default: those words, and true for automatic, false for none."`
	AutoAcceptGroup    string            `toml:"auto-accept-group" doc:"Attribute naming the group whose invitations are accepted automatically."`
	Capacity           string            `toml:"capacity" doc:"Attribute with the number of seats; the first number in it counts."`
	Building           string            `toml:"building" doc:"Attribute with the building."`
	Floor              string            `toml:"floor" doc:"Attribute with the floor."`
	Room               string            `toml:"room" doc:"Attribute with the room's number."`
	Address            string            `toml:"address" doc:"Attribute with the street address."`
	Geo                string            `toml:"geo" doc:"Attribute with a geo: URI."`
	Features           []string          `toml:"features" doc:"Attributes listing what is there: projector, whiteboard; several values, or one with commas or semicolons."`
	RoomSettings       map[string]string `toml:"room-settings" doc:"Further settings of rooms and resources, as \"convene room show\" prints them, and the attribute that has each: { window = \"employeeNumber\", book = \"extensionAttribute7\" }. Values are written as there; several are a list."`
	Owners             string            `toml:"owners" doc:"Attribute naming the owners: DNs, GUIDs or mail addresses."`
	WriteDelegates     string            `toml:"write-delegates" doc:"Attribute naming those who may change the calendars; of several, separated by commas, the first that has a value counts."`
	ReadDelegates      string            `toml:"read-delegates" doc:"Attribute naming those who may read the calendars."`

	Member     []string `toml:"member" doc:"Groups: attributes with the DNs of members."`
	MemberName []string `toml:"member-name" doc:"Groups: attributes with the short names of members that are users, such as memberUid."`
	MemberGUID []string `toml:"member-guid" doc:"Groups: attributes with the GUIDs of members, such as apple-group-memberguid."`
	MemberOf   string   `toml:"member-of" doc:"Attribute with the DNs of the groups that a record is in, if the server maintains it without gaps. Default: only for ad and freeipa."`

	CalendarAccess string `toml:"calendar-access" doc:"Groups: attribute with what their members, nested ones included, may do with the group's calendars: read, or read-write. Default: no more than everybody."`

	Extra []string `toml:"extra" doc:"Further attributes to keep, for conditions of the service access list and for explain."`
}

// FileConfig is the configuration of a directory kept in files.
type FileConfig struct {
	Format     string   `toml:"format" doc:"ldif, accounts (Apple's accounts.xml), htpasswd or htdigest. Default: by the name of the file."`
	File       string   `toml:"file" doc:"The file with the records, or the users."`
	GroupFile  string   `toml:"group-file" doc:"htpasswd and htdigest: file with lines \"group: user user …\". Default: a file named groups beside it, if there is one."`
	Extra      []string `toml:"extra-files" doc:"accounts: further files of the same format, such as resources.xml and augments.xml."`
	Realm      string   `toml:"realm" doc:"Realm that the records belong to. Identities of records without a GUID are derived from it, so it must stay the same. Default: the one in the file, else \"convene\"."`
	MailDomain string   `toml:"mail-domain" doc:"htpasswd and htdigest: users have the mail address NAME@mail-domain. Default: none."`

	KerberosRealms []string          `toml:"kerberos-realms" doc:"Realms whose principals NAME@REALM are the users with the short name NAME; those of other realms are nobody here."`
	KerberosBases  map[string]string `toml:"kerberos-bases" doc:"ldif: as for LDAP."`

	Preset    string       `toml:"preset" doc:"ldif: as for LDAP. Default openldap."`
	Base      []string     `toml:"base" doc:"ldif: as for LDAP. Default: the whole file."`
	Users     RecordConfig `toml:"users" doc:"ldif: as for LDAP."`
	Groups    RecordConfig `toml:"groups" doc:"ldif: as for LDAP."`
	Locations RecordConfig `toml:"locations" doc:"ldif: as for LDAP."`
	Resources RecordConfig `toml:"resources" doc:"ldif: as for LDAP."`

	SearchCap  int           `toml:"search-cap" doc:"Most records that one search may give."`
	CheckEvery time.Duration `toml:"check-every" doc:"How often the files are looked at for changes."`
}

// DefaultLDAPConfig holds the numbers and times of a directory that nobody
// configured.
func DefaultLDAPConfig() LDAPConfig {
	return LDAPConfig{
		TrackChanges: true,
		MaxDepth:     30, MemberCap: 50_000, Connections: 8, PageSize: 500, SearchCap: defaultSearchCap,
		DialTimeout: 3 * time.Second, Timeout: 10 * time.Second, FailoverAfter: time.Second, IdleTimeout: 2 * time.Minute, SlowAfter: 2 * time.Second,
	}
}

// DefaultFileConfig is DefaultLDAPConfig for files.
func DefaultFileConfig() FileConfig {
	return FileConfig{SearchCap: defaultSearchCap, CheckEvery: 5 * time.Second}
}

// complete sets what is zero to its default.
func (c *LDAPConfig) complete() {
	d := DefaultLDAPConfig()
	numbers, defaults := c.numbers(), d.numbers()
	for i, n := range numbers {
		*n.value = cmp.Or(*n.value, *defaults[i].value)
	}
	times, standard := c.times(), d.times()
	for i, t := range times {
		*t.value = cmp.Or(*t.value, *standard[i].value)
	}
}

// named is a setting with its name.
type named[T any] struct {
	name  string
	value *T
}

func (c *LDAPConfig) numbers() []named[int] {
	return []named[int]{
		{"max-depth", &c.MaxDepth}, {"member-cap", &c.MemberCap}, {"connections", &c.Connections},
		{"page-size", &c.PageSize}, {"search-cap", &c.SearchCap},
	}
}

func (c *LDAPConfig) times() []named[time.Duration] {
	return []named[time.Duration]{
		{"dial-timeout", &c.DialTimeout}, {"timeout", &c.Timeout}, {"failover-after", &c.FailoverAfter},
		{"idle-timeout", &c.IdleTimeout}, {"slow-after", &c.SlowAfter},
	}
}

// negative returns the first setting that is below zero.
func negative[T int | time.Duration](list []named[T]) error {
	for _, n := range list {
		if *n.value < 0 {
			return setting(n.name, "%v is below zero", *n.value)
		}
	}
	return nil
}

// A SettingError is a setting that cannot be used.
type SettingError struct {
	Setting string // its name below the directory's table, such as "users.filter"
	Err     error
}

// Error returns the name and what is wrong.
func (e *SettingError) Error() string { return e.Setting + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// setting makes a SettingError.
func setting(name, problem string, args ...any) error {
	return &SettingError{name, fmt.Errorf(problem, args...)}
}

// inTable puts the name of a table before that of the setting at fault.
func inTable(table string, err error) error {
	if s, ok := errors.AsType[*SettingError](err); ok {
		return &SettingError{table + "." + s.Setting, s.Err}
	}
	return &SettingError{table, err}
}

// Check finds what is wrong with c without asking a server or opening a file. That
// there is no password is not looked at: it may be known to the server's process
// only, and not to a command that reads the same configuration. The error is a
// *SettingError.
func (c *LDAPConfig) Check() error {
	if err := cmp.Or(negative(c.numbers()), negative(c.times())); err != nil {
		return err
	}
	m, err := c.mapping()
	if err != nil {
		return err
	}
	switch c.Nesting {
	case "", nestWalk, nestDirect:
	case nestInChain, nestTokenGroups:
		if !m.activeDirectory {
			return setting("nesting", "%q: only Active Directory can", c.Nesting)
		}
	default:
		return setting("nesting", "%q: unknown; there are walk, in-chain, token-groups and direct", c.Nesting)
	}
	if len(c.URLs) == 0 {
		return setting("urls", "none")
	}
	if len(c.Fingerprints) > 0 && c.CAFile != "" {
		return setting("certificate-fingerprints", "ca-file is set too; one of them says whom to trust")
	}
	targets, err := c.targets(nil)
	if err != nil || c.BindKeytab == "" {
		return err
	}
	return c.checkKeytab(targets)
}

func (c *LDAPConfig) mapping() (*mapping, error) {
	return newMapping(c.Preset, c.Base, realms{list: c.KerberosRealms, bases: c.KerberosBases}, map[Type]RecordConfig{
		User: c.Users, Group: c.Groups, Location: c.Locations, Resource: c.Resources,
	})
}

func (c *LDAPConfig) targets(roots *x509.CertPool) (out []*target, err error) {
	pinned, err := parsePins(c.Fingerprints)
	if err != nil {
		return nil, err
	}
	for _, u := range c.URLs {
		t, err := parseTarget(c, roots, u)
		if err != nil {
			return nil, &SettingError{"urls", err}
		}
		if len(pinned) > 0 && t.tls != nil {
			pinned.require(t.tls)
		}
		out = append(out, t)
	}
	return out, nil
}

// Check finds what is wrong with c without opening a file. The error is a
// *SettingError.
func (c *FileConfig) Check() error {
	if c.File == "" {
		return setting("file", "none is named")
	}
	if c.SearchCap < 0 || c.CheckEvery < 0 {
		return setting("search-cap", "it or check-every is below zero")
	}
	switch c.format() {
	case formatLDIF:
		_, err := c.mapping()
		return err
	case formatAccounts, formatHtpasswd, formatHtdigest:
		return nil
	}
	return setting("format", "%q: unknown; there are ldif, accounts, htpasswd and htdigest", c.Format)
}

// format is the one configured, or what the file's name says.
func (c *FileConfig) format() string { return cmp.Or(c.Format, guessFormat(c.File)) }

// mapping is that of an LDIF file.
func (c *FileConfig) mapping() (*mapping, error) {
	base := c.Base
	if len(base) == 0 {
		base = []string{""}
	}
	return newMapping(c.Preset, base, realms{list: c.KerberosRealms, bases: c.KerberosBases}, map[Type]RecordConfig{
		User: c.Users, Group: c.Groups, Location: c.Locations, Resource: c.Resources,
	})
}

// none is what switches off a preset's value.
const none = "-"

// external is the BindDN for SASL EXTERNAL (RFC 4422 appendix A).
const external = "external"

// secret returns what proves the service account: the password, or the content of the
// keytab.
func (c *LDAPConfig) secret() ([]byte, error) {
	if c.BindKeytab != "" {
		b, err := os.ReadFile(c.BindKeytab)
		if err != nil {
			return nil, fmt.Errorf("bind-keytab: %w", err)
		}
		return b, nil
	}
	if c.BindPasswordFile == "" {
		return []byte(c.BindPassword), nil
	}
	b, err := os.ReadFile(c.BindPasswordFile)
	if err != nil {
		return nil, fmt.Errorf("bind-password-file: %w", err)
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}
