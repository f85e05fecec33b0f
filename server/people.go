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
		guid := ""
		who, err := directory.ParseRef(s)
		if err == nil {
			guid, err = who.Resolve(ctx, p.cache)
		}
		switch {
		case err == nil:
			out = append(out, guid)
		case errors.Is(err, directory.ErrUnavailable):
			complete = false
		default:
			log.Warn("nobody has the rights of an entry", "setting", setting, "entry", s, "err", err)
		}
	}
	slices.Sort(out)
	return slices.Compact(out), complete
}

// checkNames warns of entries of the access list that are about nobody, such as a
// misspelt one that was to turn people away. It says nothing while the directory is
// away.
func checkNames(ctx context.Context, list *sacl.SACL, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	for r, err := range list.Unknown(ctx) {
		log.Warn("an entry of the access list is about nobody", "setting", fmt.Sprintf("sacl.%s.%s", r.Service, r.Effect), "entry", r.Entry(), "err", err)
	}
}
