package directory

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"time"
)

// Config chooses a directory. It is the table directory of the configuration file.
type Config struct {
	Kind  string      `toml:"kind" doc:"\"ldap\" or \"file\": which of the two tables below counts."`
	Cache CacheConfig `toml:"cache" doc:"How long responses of the directory are remembered."`
	LDAP  LDAPConfig  `toml:"ldap" doc:"LDAP servers: OpenLDAP, Active Directory and others."`
	File  FileConfig  `toml:"file" doc:"A directory kept in files, for small sites."`
}

// The values of Config.Kind.
const (
	KindLDAP = "ldap"
	KindFile = "file"
)

// CacheConfig is the configuration of the cache. Zero fields have the defaults of
// CacheOptions.
type CacheConfig struct {
	Records  int           `toml:"records" doc:"Records kept in memory at most."`
	TTL      time.Duration `toml:"ttl" doc:"How long a response is believed. A change in the directory shows here after that time at the latest."`
	Negative time.Duration `toml:"negative-ttl" doc:"How long the response that there is no such record is believed."`
	Stale    time.Duration `toml:"stale" doc:"How long old responses go on being used while the directory cannot be reached. They are kept in the data folder over restarts."`
	Timeout  time.Duration `toml:"timeout" doc:"Longest wait for one response; then clients get 503 and come back later."`
}

// DefaultConfig is a directory on LDAP servers that are not named yet.
func DefaultConfig() Config {
	return Config{
		Kind: KindLDAP, LDAP: DefaultLDAPConfig(), File: DefaultFileConfig(),
		Cache: CacheConfig{
			Records: 200_000, TTL: 5 * time.Minute, Negative: 30 * time.Second, Stale: 24 * time.Hour, Timeout: 15 * time.Second,
		},
	}
}

// ClientOptions are what Open needs besides the configuration.
type ClientOptions struct {
	CacheFile string           // keeps the cache over restarts; "": it begins empty
	Log       *slog.Logger     // nil discards
	Now       func() time.Time // of the cache; nil is time.Now
}

// A Client is a configured directory with a cache in front. Make one with Open.
type Client struct {
	*Cache
	config Config
	source source
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// A source is a directory that holds connections or files.
type source interface {
	Directory
	Reload(context.Context) error
	Close() error
}

// Open opens the directory that c names. It works while LDAP servers are away.
// Errors: a *SettingError; a file that cannot be read.
func Open(c Config, o ClientOptions) (*Client, error) {
	var src source
	var name string
	var err error
	switch c.Kind {
	case KindFile:
		name = c.File.Source()
		src, err = OpenFile(c.File, Options{Log: o.Log})
	case KindLDAP:
		name = c.LDAP.Source()
		src, err = OpenLDAP(c.LDAP, Options{Log: o.Log})
	default:
		err = setting("kind", "%q: unknown; there are ldap and file", c.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	client := &Client{config: c, source: src, Cache: NewCache(src, CacheOptions{
		Size: c.Cache.Records, TTL: c.Cache.TTL, NegativeTTL: c.Cache.Negative, StaleFor: c.Cache.Stale, Timeout: c.Cache.Timeout,
		File: o.CacheFile, Source: name, Log: o.Log, Now: o.Now,
	})}
	ctx, cancel := context.WithCancel(context.Background())
	client.stop = cancel
	client.done.Go(func() { client.Run(ctx) })
	if l, ok := src.(*LDAP); ok && c.LDAP.TrackChanges {
		client.done.Go(func() { l.Track(ctx, 0, client.FlushChanges) })
	}
	return client, nil
}

// Serves reports whether c is the configuration that the client was opened with.
func (c *Client) Serves(config Config) bool { return reflect.DeepEqual(c.config, config) }

// Reload reads the files of the directory or of its certificate authorities again,
// and connects anew. What the cache holds is asked for again. On error all stays as it was.
func (c *Client) Reload(ctx context.Context) error {
	if err := c.source.Reload(ctx); err != nil {
		return err
	}
	c.Flush()
	return nil
}

// Health describes the LDAP servers, in the order configured; nothing if the directory is
// in files.
func (c *Client) Health() []HostStatus {
	if l, ok := c.source.(*LDAP); ok {
		return l.Health()
	}
	return nil
}

// Tracking says how changes of the directory are learnt; nothing if it is in files.
func (c *Client) Tracking() TrackStatus {
	if l, ok := c.source.(*LDAP); ok {
		return l.Tracking()
	}
	return TrackStatus{}
}

// Ping asks the directory for a sign of life, as LDAP.Ping does.
func (c *Client) Ping(ctx context.Context) error {
	if l, ok := c.source.(*LDAP); ok {
		return l.Ping(ctx)
	}
	return nil
}

// Close saves the cache and closes files and connections. Requests in progress fail
// with ErrUnavailable.
func (c *Client) Close() error {
	c.stop()
	c.done.Wait()
	return c.source.Close()
}
