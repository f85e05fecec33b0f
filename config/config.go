package config

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/internal/proxied"
	"convene/internal/settings"
	"convene/rooms"
	"convene/sacl"
	"convene/web/page"
)

// Config is the server's configuration file. A field's value in Default
// is its default; its doc tag is its documentation. There is no other.
type Config struct {
	Server     Server           `toml:"server" doc:"What the server listens on, and where it keeps its data."`
	TLS        TLS              `toml:"tls" doc:"The certificate. It is read again when the files change and on SIGHUP. Without files the server makes a self-signed one, keeps it in the data folder and renews it: clients must then be told to trust it."`
	Log        Log              `toml:"log" doc:"Logs. File names are relative to the data folder; \"-\" is the standard error, \"off\" none. SIGHUP opens the files anew, for logrotate."`
	Directory  directory.Config `toml:"directory" doc:"Where people, groups, rooms and resources come from."`
	Auth       auth.Config      `toml:"auth" doc:"How people sign in."`
	Web        page.Config      `toml:"web" doc:"The browser pages: signing in, sessions."`
	SACL       sacl.Config      `toml:"sacl" doc:"The service access list: who may use the service at all."`
	Access     Access           `toml:"access" doc:"Who may do more than their own: administrators and readers. Entries are \"user:NAME\", \"group:NAME\" (nested groups count) or the GUID of a record."`
	Delegates  Delegation       `toml:"delegation" doc:"Delegates: who acts for whom, as the delegate database and the directory say."`
	Storage    Storage          `toml:"storage" doc:"The store as a whole: how large it may become, and for how long it remembers what has changed."`
	Quota      Quota            `toml:"quota" doc:"What one person, room or resource may store. The first of these counts that names a limit: what was set with \"convene quota set\", the largest that one of the owner's groups has in quota.groups, quota.types, and this table."`
	Rooms      rooms.Config     `toml:"rooms" doc:"How rooms and resources reply to invitations, and who may book them."`
	Scheduling Scheduling       `toml:"scheduling" doc:"Meetings: invitations, answers, and who is told of what."`
	Leavers    Leavers          `toml:"leavers" doc:"People who are not in the directory any more."`
	Mail       Mail             `toml:"mail" doc:"Mail to people who have no calendar here: invitations, and answers to those who invite from elsewhere."`
	Calendars  caldav.Limits    `toml:"calendars" doc:"Limits of single requests."`
	Limits     Limits           `toml:"limits" doc:"Limits of connections."`
}

// Server says where the server is found.
type Server struct {
	HostName  string   `toml:"host-name" doc:"Name by which clients reach the server: it is in the self-signed certificate, and Kerberos clients ask for tickets for HTTP/host-name. Empty: this machine's name."`
	PublicURL string   `toml:"public-url" doc:"Where clients find the server, if that is not where it listens: behind a proxy, https://calendar.example.com. The redirects of /.well-known/ and the addresses of what clients create are then given in full. Empty: they are paths, which hold wherever the client came from."`
	HTTP      []string `toml:"http" doc:"Addresses for connections without TLS, each host:port, [IPv6 address]:port or :port for all addresses of both kinds. An empty list: none."`
	HTTPS     []string `toml:"https" doc:"The same for connections with TLS."`

	TrustedProxies []string `toml:"trusted-proxies" doc:"Networks (192.0.2.0/28) and addresses of the proxies in front of the server. What they say of a client's address, of TLS and of the host name counts: for limits, logs, and where passwords may be sent. Nobody else's word does. A request that came through a proxy never counts as one of this machine. Empty: there are none."`
	ProxyHeader    string   `toml:"proxy-header" doc:"The header fields in which they say so: \"x-forwarded\" (X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host) or \"forwarded\" (RFC 7239). The other ones are not read: a proxy passes them on as clients write them. It has to set those of this kind itself."`
	ProxyProtocol  []string `toml:"proxy-protocol" doc:"Those of the addresses in http and https on which every connection begins with the PROXY protocol, version 1 or 2: for proxies that pass connections on. Others than trusted-proxies are not let in there."`

	RedirectHTTP bool `toml:"redirect-http" doc:"Send everybody who comes without TLS to the address with TLS: public-url, or host-name with the port of https. What would change something is refused instead, as it has crossed the network in the clear."`

	Data      string `toml:"data" doc:"Folder for calendars, sign-in state, rules and logs. The server alone writes it."`
	AllowRoot bool   `toml:"allow-root" doc:"Run even as root. The server never needs it: ports below 1024 come through systemd's socket activation or CAP_NET_BIND_SERVICE."`
}

// TLS is the server's certificate.
type TLS struct {
	Certificate string `toml:"certificate" doc:"PEM file with the certificate and those of the authorities between it and the root."`
	Key         string `toml:"key" doc:"PEM file with its private key."`
	MinVersion  string `toml:"min-version" doc:"Oldest protocol version accepted: \"1.2\" or \"1.3\"."`

	ClientCAFile string `toml:"client-ca-file" doc:"PEM file with the authorities whose client certificates let people in, as auth.certificates says. Name one that issues certificates to people and for this alone; whoever it vouches for is let in without a password. A client need not have one, but one of any other authority ends the connection. Certificates count on connections that come straight to this server, never through a proxy. Empty: clients are not asked for certificates."`

	ACME ACME `toml:"acme" doc:"Certificates from an authority that proves by itself whose name it is (RFC 8555), in place of tls.certificate. It asks this server over TLS at port 443 (tls-alpn-01) and, if that fails, without TLS at port 80 (http-01): one of server.https or server.http has to be reached there. Renewal is by itself, when a third of the time is left."`
}

// ACME says from which ACME server certificates are.
type ACME struct {
	Directory   string   `toml:"directory" doc:"Address of the ACME server's directory, such as \"https://acme-v02.api.letsencrypt.org/directory\". Empty: none is asked."`
	AcceptTerms bool     `toml:"accept-terms" doc:"That you accept the authority's terms of service; without, no certificate is to be had."`
	Email       string   `toml:"email" doc:"Address to which the authority may write, such as before a certificate ends. It may be empty."`
	Names       []string `toml:"names" doc:"Names to get a certificate for, each its own; no other name is ever asked for. Empty: server.host-name and that of server.public-url."`
	CAFile      string   `toml:"ca-file" doc:"PEM file with the authorities that vouch for the ACME server itself, for one inside the company. Empty: those of the machine."`
	EABKeyID    string   `toml:"eab-key-id" doc:"Number of the key by which the authority knows its customer (external account binding, RFC 8555 §7.3.4), where it wants one."`
	EABKeyFile  string   `toml:"eab-key-file" doc:"File with that key, in base64url as it was handed out."`
}

// Log says what is logged, and where.
type Log struct {
	Access string `toml:"access" doc:"Access log: a line for each request, in the Common Log Format with more fields."`
	Error  string `toml:"error" doc:"Error log."`
	Audit  string `toml:"audit" doc:"Audit log: what operators change, what administrators and readers do with the calendars of others, and who they are. What cannot be recorded there is refused. A file, or \"off\"."`

	AuditSize settings.Size `toml:"audit-file-size" doc:"Size from which on the audit log goes on in a new file; the former ones are kept. 0 is without limit."`

	AuditPrivate bool `toml:"audit-private" doc:"Record each private or confidential event that an administrator or reader reads by its address, once in an hour. Otherwise it is only recorded, as of all events, that the calendar was read."`

	Level string `toml:"level" doc:"Least severe messages in the error log: \"debug\", \"info\", \"warn\" or \"error\"."`
}

// Access names the principals with rights everywhere.
type Access struct {
	Administrators []string `toml:"administrators" doc:"Who may do everything with everybody's calendars."`
	Readers        []string `toml:"readers" doc:"Who may read everybody's calendars."`
	Anonymous      string   `toml:"anonymous" doc:"How far somebody may look around without signing in: \"none\", \"root\" (/ and /principals/), or \"hierarchy\" (/calendars/ and the collections of homes as well). Nobody's principal, home or calendar is ever listed or shown."`
	Sudoers        []string `toml:"sudoers" doc:"Who may act as any user but administrators: they sign in as themselves and name the user in the header X-Authorize-As. Each act is in the audit log."`
}

// Storage bounds the store.
type Storage struct {
	MaxSize      settings.Size `toml:"max-size" doc:"What everybody together may store, counted as for quotas; the file takes about twice as much. \"0\": without limit. When it is reached, what would store more is refused (507); reading and deleting go on."`
	Reserve      settings.Size `toml:"reserve" doc:"Space of the disk to be left free, for what deleting and the log need, and for the rest of the machine: below it, what would store more is refused in the same way. \"0\": none."`
	SyncFor      time.Duration `toml:"sync-for" doc:"How long a client may stay away and still be told only what has changed. After that it reads everything again."`
	BackupWithin time.Duration `toml:"backup-within" doc:"How old the last complete backup may be; when it is older, or there was none, health says so. \"0s\": any age will do."`
	Snapshots    settings.Size `toml:"snapshots" doc:"Memory for the listings and texts of calendars in use."`
}

// Limits bounds connections, and what all requests take together.
type Limits struct {
	Memory      settings.Size `toml:"memory" doc:"Memory that requests take together: their bodies, what is made of them, and their responses. A request for which there is none left waits a little and is then told to come back (503). The whole program takes up to twice as much more than without any requests."`
	Requests    int           `toml:"max-requests-per-caller" doc:"Requests of one person at the same time, over all connections; more wait a little and are then refused (429)."`
	Streams     int           `toml:"max-concurrent-streams" doc:"Requests at the same time on one HTTP/2 connection (SETTINGS_MAX_CONCURRENT_STREAMS)."`
	Connections int           `toml:"max-connections" doc:"Connections at the same time. When there are more, the one is closed that was idle for the longest time, of those on which nobody has signed in; without such, new ones wait."`
	PerAddress  int           `toml:"max-connections-per-address" doc:"Connections at the same time from one IPv4 address or IPv6 /64; more are closed. 0: a quarter of max-connections. Connections from this machine are not counted. Raise it where a proxy on another machine is in front."`
	Header      settings.Size `toml:"max-header-size" doc:"Size of a request's header. Kerberos tickets of people in many groups are long."`
	Body        settings.Size `toml:"max-body-size" doc:"Size of a request's body, whatever it is for."`
	HeaderTime  time.Duration `toml:"header-timeout" doc:"Time for a client to send a request's header."`
	ReadTime    time.Duration `toml:"read-timeout" doc:"Time for a client to send a whole request."`
	WriteTime   time.Duration `toml:"write-timeout" doc:"Time from the request's header to the end of the response."`
	IdleTime    time.Duration `toml:"idle-timeout" doc:"How long a connection stays open without a request."`
	DrainTime   time.Duration `toml:"drain-timeout" doc:"How long requests may go on after the server was told to stop."`
}

// Default is the configuration of a server that nobody configured.
func Default() Config {
	return Config{
		Server:     Server{HTTP: []string{":8008"}, HTTPS: []string{":8443"}, ProxyHeader: proxied.XForwarded, Data: "/var/lib/convene"},
		TLS:        TLS{MinVersion: "1.2"},
		Access:     Access{Anonymous: "none"},
		Log:        Log{Access: "access.log", Error: "-", Audit: "audit.log", AuditSize: 64 << 20, AuditPrivate: true, Level: "info"},
		Directory:  directory.DefaultConfig(),
		Auth:       auth.DefaultConfig(),
		Web:        page.DefaultConfig(),
		Delegates:  Delegation{KeepEnded: 90 * 24 * time.Hour, Tell: true, OnDamage: onDamageRefuse, DelegateView: caldav.DefaultDelegateView()},
		Storage:    Storage{Reserve: 256 << 20, SyncFor: 30 * 24 * time.Hour, Snapshots: 64 * settings.MB},
		Quota:      Quota{QuotaLimits: QuotaLimits{Bytes: 100 << 20, Collections: 50, ObjectSize: 10 << 20, Attendees: 1000}},
		Scheduling: defaultScheduling(),
		Rooms:      rooms.DefaultConfig(),
		Mail:       defaultMail(),
		Calendars:  caldav.DefaultLimits(),
		Limits: Limits{
			Memory: caldav.DefaultMemory, Requests: 16, Streams: 100,
			Connections: 10_000, Header: 128 * settings.KB, Body: 16 << 20, HeaderTime: 10 * time.Second, ReadTime: 2 * time.Minute,
			WriteTime: 5 * time.Minute, IdleTime: 3 * time.Minute, DrainTime: 20 * time.Second,
		},
	}
}

// Example is the configuration in convene.example.toml: the defaults,
// and invented values for what every site has to set.
func Example() Config {
	c := Default()
	c.Server.HostName = "calendar.example.com"
	l := &c.Directory.LDAP
	l.URLs = []string{"ldaps://ldap1.example.com", "ldaps://ldap2.example.com"}
	l.BindDN = "cn=convene,ou=services,dc=example,dc=com"
	l.BindPasswordFile = "/etc/convene/ldap-password"
	l.Preset = "openldap"
	l.Base = []string{"dc=example,dc=com"}
	c.Access.Administrators = []string{"group:calendar-admins"}
	return c
}

// WriteExample writes Example as a commented file; "convene config
// example" prints it and a test compares it with the copy in the repository.
func WriteExample(w io.Writer) error {
	const head = `# Configuration of a convene server, with every setting there is. What you
# leave out has the value shown here, except for the names of example.com, which
# are invented. Check your file with "convene config check FILE".
#
# Each setting can be overridden by an environment variable: CONVENE_, then the
# table and the name in capitals, with underscores between the words, such as
# CONVENE_DIRECTORY_LDAP_BIND_PASSWORD. Lists are separated by commas; those of
# distinguished names are written as here: ["dc=example,dc=com"].
#
# Times are written with their unit: "90s", "5m", "1h30m". Sizes too: "100MB"
# is a hundred million bytes, "100MiB" a little more.

`
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	return settings.Write(w, Example())
}

// WriteWithoutSecrets writes c as a commented file, for keeping beside a backup: with
// every setting in force, wherever it came from, and none that is a secret.
func (c Config) WriteWithoutSecrets(w io.Writer) error {
	const head = "# The settings in force when this was written. Passwords are left out.\n\n"
	if _, err := io.WriteString(w, head); err != nil {
		return err
	}
	c.Directory.LDAP.BindPassword = ""
	return settings.Write(w, c)
}

// envPrefix starts the names of environment variables that are settings.
const envPrefix = "CONVENE_"

// envOther are variables with that prefix that are for others: the tests.
var envOther = []string{"CONVENE_REQUIRE", "CONVENE_TEST_ENGINE", "CONVENE_CRASHES"}

// renamed are the settings that had other names before 1.0.
var renamed = map[string]string{
	"storage.quota":              "quota.bytes",
	"calendars.object-size":      "quota.max-resource-size",
	"calendars.request-size":     "calendars.max-request-size",
	"calendars.answer-size":      "calendars.max-response-size",
	"calendars.all-answers-size": "limits.memory",
	"calendars.instances":        "calendars.max-instances",
	"calendars.results":          "calendars.max-results",
	"calendars.attendees":        "quota.max-attendees-per-instance",
	"calendars.collections":      "quota.max-collections",
	"calendars.resources":        "quota.max-resources",
	"calendars.search-results":   "calendars.max-search-results",
	"limits.connections":         "limits.max-connections",
	"limits.header":              "limits.max-header-size",
	"limits.body":                "limits.max-body-size",
	"limits.header-time":         "limits.header-timeout",
	"limits.read-time":           "limits.read-timeout",
	"limits.write-time":          "limits.write-timeout",
	"limits.idle-time":           "limits.idle-timeout",
	"limits.drain-time":          "limits.drain-timeout",
}

// Load reads the file at path, applies the environment, as os.Environ
// gives it, and checks the result. All faults are reported at once, as
// settings.Errors.
func Load(path string, environ []string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text, environ)
}

// LoadPlaces is Load, and says besides where each setting came from.
func LoadPlaces(path string, environ []string) (Config, *settings.Places, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, nil, fmt.Errorf("configuration: %w", err)
	}
	return parse(path, text, environ)
}

// Parse is Load for a file whose text is known.
func Parse(path string, text []byte, environ []string) (Config, error) {
	c, _, err := parse(path, text, environ)
	return c, err
}

func parse(path string, text []byte, environ []string) (Config, *settings.Places, error) {
	c := Default()
	places, err := settings.Read(&c, settings.Source{File: path, Text: text, Prefix: envPrefix, Environ: environ, Ignore: envOther, Renamed: renamed})
	if err != nil {
		return Config{}, nil, err
	}
	if faults := c.check(places); len(faults) > 0 {
		return Config{}, nil, faults
	}
	c.Server.Data = filepath.Clean(c.Server.Data)
	c.Server.PublicURL = strings.TrimSuffix(c.Server.PublicURL, "/")
	return c, places, nil
}

// CertificateNames are the names that certificates of ACME are for, each once: those
// configured, or the host name and that of the public URL.
func (c *Config) CertificateNames() []string {
	names := c.TLS.ACME.Names
	if len(names) == 0 {
		names = []string{c.HostName()}
		if u, err := url.Parse(c.Server.PublicURL); err == nil && u.Hostname() != "" {
			names = append(names, u.Hostname())
		}
	}
	var out []string
	for _, n := range names {
		if n = strings.ToLower(strings.TrimSuffix(n, ".")); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// HostName is the name that clients use: the configured one, or the machine's.
func (c *Config) HostName() string {
	if c.Server.HostName != "" {
		return c.Server.HostName
	}
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}
