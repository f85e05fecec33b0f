package server

import (
	"context"
	"errors"
	"reflect"

	"github.com/coreos/go-systemd/v22/daemon"

	"convene/audit"
	"convene/config"
)

// Reload reads the configuration, the certificate, the keytab and the password
// files again, and opens the logs anew, as on SIGHUP. No request is lost or
// refused for it: each goes on with what it began with, and new ones wait for
// the moment in which the two are exchanged. On error nothing has changed,
// except that logs, certificate and files may have been read anew.
func (s *Server) Reload(ctx context.Context) error {
	return s.reloadBy(ctx, audit.By{Via: audit.Via{How: audit.Signal}})
}

// reloadBy is Reload for somebody.
func (s *Server) reloadBy(ctx context.Context, by audit.By) error {
	s.reload.Lock()
	defer s.reload.Unlock()
	s.notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
	defer s.notify(daemon.SdNotifyReady)
	// The logs come first: their files may have been renamed to make place.
	err := errors.Join(s.logs.reopen(), s.audit.Reopen())
	if err == nil {
		act := audit.Act{By: by, Verb: "server.reload", Object: audit.Object{Type: "server"}}
		err = s.audit.Do(ctx, act, func() (any, error) { return nil, s.reloadAll(ctx) })
	}
	if err != nil {
		s.log.Error("not reloaded", "err", err)
		return err
	}
	s.log.Info("reloaded")
	s.lookAgain()
	return nil
}

func (s *Server) reloadAll(ctx context.Context) error {
	old := s.current.Load()
	c := old.config
	if s.reread != nil {
		var err error
		if c, err = s.reread(); err != nil {
			return err
		}
	}
	for _, key := range needsRestart(&old.config, &c) {
		s.log.Warn("a changed setting counts after a restart only", "setting", key)
	}
	keepRestart(&old.config, &c)
	if len(c.Server.HTTPS) > 0 {
		if err := s.certs.use(&c); err != nil {
			return err
		}
	}
	if err := rereadFiles(ctx, old, &c); err != nil {
		return err
	}
	added, err := s.net.open(&c.Server)
	if err != nil {
		return err
	}
	next, err := s.openGeneration(ctx, c, old)
	if err == nil {
		if err = s.exchange(ctx, next, old); err != nil {
			err = errors.Join(err, next.discard(old))
		}
	}
	if err != nil {
		for _, l := range added {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	s.retire(old, next)
	s.pins.Keep(pinned(&c))
	s.limits.quota.Store(next.quota.Load())
	s.limits.maxBody.Store(int64(c.Limits.Body))
	return errors.Join(s.logs.setLevel(&c), s.net.use(&c, added))
}

// rereadFiles reads the files anew of those parts of old that go on under c: the
// others are opened, and so read, for the next generation.
func rereadFiles(ctx context.Context, old *generation, c *config.Config) error {
	if !old.directory.Serves(c.Directory) {
		return nil
	}
	if err := old.directory.Reload(ctx); err != nil {
		return err
	}
	if reflect.DeepEqual(c.Auth, old.config.Auth) {
		return old.signIn.Reload()
	}
	return nil
}

// retire lets old go when its last request is done.
func (s *Server) retire(old, next *generation) {
	old.retire = func() {
		if err := old.discard(next); err != nil {
			s.log.Warn("former directory", "err", err)
		}
	}
	old.leave()
	s.pages.EndLive() // requests that may last for long; they are made again, and meet next
}

// restartOnly are the settings that cannot change while the server runs.
var restartOnly = []struct {
	key string
	of  func(*config.Config) any // a pointer to the setting
}{
	{"server.data", func(c *config.Config) any { return &c.Server.Data }},
	{"log.access", func(c *config.Config) any { return &c.Log.Access }},
	{"log.error", func(c *config.Config) any { return &c.Log.Error }},
	{"log.audit", func(c *config.Config) any { return &c.Log.Audit }},
	{"log.audit-file-size", func(c *config.Config) any { return &c.Log.AuditSize }},
	{"tls.acme", func(c *config.Config) any { return &c.TLS.ACME }},
	{"tls.client-ca-file", func(c *config.Config) any { return &c.TLS.ClientCAFile }},
	{"tls.min-version", func(c *config.Config) any { return &c.TLS.MinVersion }},
	{"delegation.keep-ended", func(c *config.Config) any { return &c.Delegates.KeepEnded }},
	{"storage.sync-for", func(c *config.Config) any { return &c.Storage.SyncFor }},
	{"storage.snapshots", func(c *config.Config) any { return &c.Storage.Snapshots }},
	{"limits.max-connections", func(c *config.Config) any { return &c.Limits.Connections }},
	{"limits.max-connections-per-address", func(c *config.Config) any { return &c.Limits.PerAddress }},
	{"limits.max-header-size", func(c *config.Config) any { return &c.Limits.Header }},
	{"limits.header-timeout", func(c *config.Config) any { return &c.Limits.HeaderTime }},
	{"limits.read-timeout", func(c *config.Config) any { return &c.Limits.ReadTime }},
	{"limits.write-timeout", func(c *config.Config) any { return &c.Limits.WriteTime }},
	{"limits.memory", func(c *config.Config) any { return &c.Limits.Memory }},
	{"limits.max-concurrent-streams", func(c *config.Config) any { return &c.Limits.Streams }},
	{"limits.idle-timeout", func(c *config.Config) any { return &c.Limits.IdleTime }},
}

func needsRestart(old, next *config.Config) (keys []string) {
	for _, r := range restartOnly {
		if !reflect.DeepEqual(r.of(old), r.of(next)) {
			keys = append(keys, r.key)
		}
	}
	return keys
}

// keepRestart gives next the values of old that cannot change.
func keepRestart(old, next *config.Config) {
	for _, r := range restartOnly {
		reflect.ValueOf(r.of(next)).Elem().Set(reflect.ValueOf(r.of(old)).Elem())
	}
}
