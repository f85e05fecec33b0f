package convene

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/sacl"
	"convene/settings"
)

// Config is the server's configuration file. A field's value in DefaultConfig
// is its default; its doc tag is its documentation. There is no other.
type Config struct {
	Server    ServerConfig    `toml:"server" doc:"What the server listens on, and where it keeps its data."`
	TLS       TLSConfig       `toml:"tls" doc:"The certificate. It is read again when the files change and on SIGHUP. Without files the server makes a self-signed one, keeps it in the data folder and renews it: clients must then be told to trust it."`
	Log       LogConfig       `toml:"log" doc:"Logs. File names are relative to the data folder; \"-\" is the standard error, \"off\" none. SIGHUP opens the files anew, for logrotate."`
	Directory DirectoryConfig `toml:"directory" doc:"Where people, groups, rooms and resources come from."`
	Auth      auth.Config     `toml:"auth" doc:"How people sign in."`
	SACL      sacl.Config     `toml:"sacl" doc:"The service access list: who may use the service at all."`
	Access    AccessConfig    `toml:"access" doc:"Who stands above ownership. Entries are \"user:NAME\", \"group:NAME\" (nested groups count) or the GUID of a record."`
	Storage   StorageConfig   `toml:"storage" doc:"What may be stored, and for how long."`
	Calendars caldav.Limits   `toml:"calendars" doc:"Limits of single requests."`
	Limits    LimitsConfig    `toml:"limits" doc:"Limits of connections."`
}

// ServerConfig says where the server is found.
type ServerConfig struct {
	HostName  string   `toml:"host-name" doc:"Name by which clients reach the server: it is in the self-signed certificate, and Kerberos clients ask for tickets for HTTP/host-name. Empty: this machine's name."`
	HTTP      []string `toml:"http" doc:"Addresses for connections without TLS, each host:port, [IPv6 address]:port or :port for all addresses of both kinds. An empty list: none."`
	HTTPS     []string `toml:"https" doc:"The same for connections with TLS."`
	Data      string   `toml:"data" doc:"Folder for calendars, sign-in state, rules and logs. The server alone writes it."`
	AllowRoot bool     `toml:"allow-root" doc:"Run even as root. The server never needs it: ports below 1024 come through systemd's socket activation or CAP_NET_BIND_SERVICE."`
}

// TLSConfig is the server's certificate.
type TLSConfig struct {
	Certificate string `toml:"certificate" doc:"PEM file with the certificate and those of the authorities between it and the root."`
	Key         string `toml:"key" doc:"PEM file with its private key."`
	MinVersion  string `toml:"min-version" doc:"Oldest protocol version accepted: \"1.2\" or \"1.3\"."`
}

// LogConfig says what is logged, and where.
type LogConfig struct {
	Access string `toml:"access" doc:"Access log: a line for each request, in the Common Log Format with more fields."`
	Error  string `toml:"error" doc:"Error log."`
	Audit  string `toml:"audit" doc:"Audit log: changes of the access list, of device passwords and of quotas, and who made them."`
	Level  string `toml:"level" doc:"Least severe messages in the error log: \"debug\", \"info\", \"warn\" or \"error\"."`
}

// DirectoryConfig chooses a directory.
type DirectoryConfig struct {
	Kind  string               `toml:"kind" doc:"\"ldap\" or \"file\": which of the two tables below counts."`
	Cache CacheConfig          `toml:"cache" doc:"How long answers of the directory are remembered."`
	LDAP  directory.LDAPConfig `toml:"ldap" doc:"LDAP servers: OpenLDAP, Active Directory and others."`
	File  directory.FileConfig `toml:"file" doc:"A directory kept in files, for small sites."`
}

// CacheConfig is the directory cache's configuration.
type CacheConfig struct {
	Records  int           `toml:"records" doc:"Records kept in memory at most."`
	TTL      time.Duration `toml:"ttl" doc:"How long an answer is believed. A change in the directory shows here after that time at the latest."`
	Negative time.Duration `toml:"negative-ttl" doc:"How long the answer that there is no such record is believed."`
	Stale    time.Duration `toml:"stale" doc:"How long old answers go on being used while the directory cannot be reached. They are kept in the data folder over restarts."`
	Timeout  time.Duration `toml:"timeout" doc:"Longest wait for one answer; then clients are told to come back (503)."`
}

// AccessConfig names the principals with rights everywhere.
type AccessConfig struct {
	Administrators []string `toml:"administrators" doc:"Who may do everything with everybody's calendars."`
	Readers        []string `toml:"readers" doc:"Who may read everybody's calendars."`
}

// StorageConfig bounds what is stored.
type StorageConfig struct {
	Quota     Size          `toml:"quota" doc:"Calendar data that one person, room or resource may store. \"0\": without limit. Single quotas are set with \"convene admin quota\"."`
	SyncFor   time.Duration `toml:"sync-for" doc:"How long a client may stay away and still be told only what has changed. After that it reads everything again."`
	Snapshots Size          `toml:"snapshots" doc:"Memory for the listings and texts of calendars in use."`
}

// LimitsConfig bounds connections.
type LimitsConfig struct {
	Connections int           `toml:"connections" doc:"Connections at the same time; more wait until one is closed."`
	Header      Size          `toml:"header" doc:"Size of a request's header. Kerberos tickets of people in many groups are long."`
	Body        Size          `toml:"body" doc:"Size of a request's body, whatever it is for."`
	HeaderTime  time.Duration `toml:"header-time" doc:"Time for a client to send a request's header."`
	ReadTime    time.Duration `toml:"read-time" doc:"Time for a client to send a whole request."`
	WriteTime   time.Duration `toml:"write-time" doc:"Time from the request's header to the end of the answer."`
	IdleTime    time.Duration `toml:"idle-time" doc:"How long a connection stays open without a request."`
	DrainTime   time.Duration `toml:"drain-time" doc:"How long requests may go on after the server was told to stop."`
}

// DefaultConfig is the configuration of a server that nobody configured.
func DefaultConfig() Config {
	return Config{
		Server: ServerConfig{HTTP: []string{":8008"}, HTTPS: []string{":8443"}, Data: "/var/lib/convene"},
		TLS:    TLSConfig{MinVersion: "1.2"},
		Log:    LogConfig{Access: "access.log", Error: "-", Audit: "audit.log", Level: "info"},
		Directory: DirectoryConfig{
			Kind: "ldap", LDAP: directory.DefaultLDAPConfig(), File: directory.DefaultFileConfig(),
			Cache: CacheConfig{
				Records: 200_000, TTL: 5 * time.Minute, Negative: 30 * time.Second, Stale: 24 * time.Hour, Timeout: 15 * time.Second,
			},
		},
		Auth:      auth.DefaultConfig(),
		Storage:   StorageConfig{Quota: 100 << 20, SyncFor: 30 * 24 * time.Hour, Snapshots: 64 * MB},
		Calendars: caldav.DefaultLimits(),
		Limits: LimitsConfig{
			Connections: 10_000, Header: 128 * KB, Body: 16 * MB, HeaderTime: 10 * time.Second, ReadTime: 2 * time.Minute,
			WriteTime: 5 * time.Minute, IdleTime: 3 * time.Minute, DrainTime: 20 * time.Second,
		},
	}
}

// ExampleConfig is the configuration in convene.example.toml: the defaults,
// and invented values for what every site has to set.
func ExampleConfig() Config {
	c := DefaultConfig()
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

// WriteExample writes ExampleConfig as a commented file; "convene config
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
	return settings.Write(w, ExampleConfig())
}

// envPrefix starts the names of environment variables that are settings.
const envPrefix = "CONVENE_"

// envOther are variables with that prefix that are for others: the tests.
var envOther = []string{"CONVENE_REQUIRE"}

// LoadConfig reads the file at path, applies the environment, as os.Environ
// gives it, and checks the result. All faults are reported at once, as
// settings.Errors.
func LoadConfig(path string, environ []string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("configuration: %w", err)
	}
	return ParseConfig(path, text, environ)
}

// ParseConfig is LoadConfig for a file whose text is known.
func ParseConfig(path string, text []byte, environ []string) (Config, error) {
	c := DefaultConfig()
	places, err := settings.Read(&c, settings.Source{File: path, Text: text, Prefix: envPrefix, Environ: environ, Ignore: envOther})
	if err != nil {
		return Config{}, err
	}
	if faults := c.check(places); len(faults) > 0 {
		return Config{}, faults
	}
	c.Server.Data = filepath.Clean(c.Server.Data)
	return c, nil
}

// Size is a number of bytes, written "64KB", "100MB", "1GiB" or plainly.
type Size int64

// Sizes.
const (
	KB Size = 1000
	MB Size = 1000 * KB
	GB Size = 1000 * MB
)

var units = []struct {
	name  string
	bytes Size
}{
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"GB", GB}, {"MB", MB}, {"KB", KB}, {"kB", KB}, {"B", 1},
}

// ParseSize reads a size.
func ParseSize(text string) (Size, error) {
	number, unit := strings.TrimSpace(text), Size(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/int64(unit) {
		return 0, fmt.Errorf("want a number and KB, MB, GB, KiB, MiB or GiB")
	}
	return Size(n) * unit, nil
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	n, err := ParseSize(string(text))
	if err == nil {
		*s = n
	}
	return err
}

// MarshalText writes the size with the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is what MarshalText writes.
func (s Size) String() string {
	best := strconv.FormatInt(int64(s), 10)
	for _, u := range units {
		if s != 0 && s%u.bytes == 0 && u.bytes > 1 {
			if t := strconv.FormatInt(int64(s/u.bytes), 10) + u.name; len(t) < len(best) {
				best = t
			}
		}
	}
	return best
}
