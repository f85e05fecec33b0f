package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"convene/acl"
	"convene/config"
	"convene/directory"
	"convene/sacl"
)

// people is the directory of a configuration with the cache in front of it.
type people struct {
	config config.Directory
	source source
	cache  *directory.Cache
	stop   context.CancelFunc
	done   sync.WaitGroup
}

// A source is a directory that holds connections or files.
type source interface {
	directory.Directory
	Reload(context.Context) error
	Close() error
}

// openPeople opens the directory that c names. It works while the directory's
// servers are away. dataDir keeps the cache over restarts.
func openPeople(c config.Directory, dataDir string, log *slog.Logger, now func() time.Time) (*people, error) {
	p := &people{config: c}
	var err error
	var name string
	switch c.Kind {
	case "file":
		name = c.File.Source()
		p.source, err = directory.OpenFile(c.File, directory.Options{Log: log})
	default:
		name = c.LDAP.Source()
		p.source, err = directory.OpenLDAP(c.LDAP, directory.Options{Log: log})
	}
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	p.cache = directory.NewCache(p.source, directory.CacheOptions{
		Size: c.Cache.Records, TTL: c.Cache.TTL, NegativeTTL: c.Cache.Negative, StaleFor: c.Cache.Stale, Timeout: c.Cache.Timeout,
		File: filepath.Join(dataDir, "directory.cache"), Source: name, Log: log, Now: now,
	})
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.done.Go(func() { p.cache.Run(ctx) })
	return p, nil
}

// serves reports whether p is what a configuration asks for.
func (p *people) serves(c config.Directory) bool { return reflect.DeepEqual(p.config, c) }

func (p *people) close() error {
	p.stop()
	p.done.Wait()
	return p.source.Close()
}

// resolve finds the records that the entries of c name. Those that the
// directory does not know are left out with a warning; the policy is incomplete
// if it could not be asked about some.
func (p *people) resolve(ctx context.Context, c config.Access, log *slog.Logger) acl.Policy {
	administrators, all := p.guids(ctx, "access.administrators", c.Administrators, log)
	readers, too := p.guids(ctx, "access.readers", c.Readers, log)
	return acl.Policy{Administrators: administrators, Readers: readers, Incomplete: !all || !too}
}

func (p *people) guids(ctx context.Context, setting string, entries []string, log *slog.Logger) (out []string, complete bool) {
	complete = true
	for _, s := range entries {
		who, err := sacl.ParseWho(s)
		if err == nil && who.GUID == "" {
			who.GUID, err = p.named(ctx, who)
		}
		switch {
		case err == nil:
			out = append(out, who.GUID)
		case errors.Is(err, directory.ErrUnavailable):
			complete = false
		default:
			log.Warn("nobody has the rights of an entry", "setting", setting, "entry", s, "err", err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), complete
}

// named returns the GUID of a user or group named by its short name.
func (p *people) named(ctx context.Context, who sacl.Who) (string, error) {
	typ := directory.User
	if who.Kind == sacl.Group {
		typ = directory.Group
	}
	r, err := p.cache.Lookup(ctx, directory.Key{By: directory.Name, Type: typ, Value: who.Name})
	if err != nil {
		return "", err
	}
	return r.GUID, nil
}

// checkNames warns of entries of the access list that are about nobody, such as a
// misspelt one that was to turn people away. It says nothing while the directory is
// away.
func (p *people) checkNames(ctx context.Context, c *sacl.Config, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	for key, entries := range c.Lists() {
		for _, s := range entries {
			who, err := sacl.ParseWho(s)
			if err != nil || who.Kind == sacl.Everyone || who.GUID != "" {
				continue
			}
			switch _, err := p.named(ctx, who); {
			case errors.Is(err, directory.ErrUnavailable):
				return
			case err != nil:
				log.Warn("an entry of the access list is about nobody", "setting", "sacl."+key, "entry", s, "err", err)
			}
		}
	}
}
