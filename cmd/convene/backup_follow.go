package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/admin/backup"
)

const (
	// followLeast is how many bytes of changes there may be beside any backup before
	// another one is begun; beside a larger one there may be as many as it has.
	followLeast = 64 << 20

	// followNoted is how often it is noted that the backup is up to date.
	followNoted = time.Minute

	// followWait is the time before the first new attempt after a failure; it doubles up
	// to followWaitMost.
	followWait     = time.Second
	followWaitMost = time.Minute
)

// follow writes a backup into a folder and then what changes, until the command is stopped.
// Before the first backup is complete every failure ends it; later ones are told, and it
// begins anew.
func (a *app) follow(cmd *cobra.Command, f backupFlags) error {
	var keep backup.Keep
	if info, err := os.Stat(f.follow); err != nil {
		return err
	} else if !info.IsDir() {
		return usageError(fmt.Errorf("--follow is for a folder, and %s is none", f.follow))
	}
	if f.keep != "" {
		var err error
		if keep, err = backup.ParseKeep(f.keep); err != nil {
			return usageError(fmt.Errorf("--keep %w", err))
		}
	}
	ctx := cmd.Context()
	wait, begun := followWait, false
	for {
		s := &follower{app: a, cmd: cmd, flags: f, keep: keep}
		err := s.run(ctx)
		begun = begun || s.log != nil
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errFollowed):
			continue
		case !begun:
			return err
		case s.log != nil:
			wait = followWait
		}
		if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "convene: %v; another backup is begun in %s\n", err, wait); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, followWaitMost)
	}
}

// errFollowed: there are enough changes beside a backup.
var errFollowed = errors.New("another backup is to be begun")

// A follower writes one backup and what changes after it.
type follower struct {
	app   *app
	cmd   *cobra.Command
	flags backupFlags
	keep  backup.Keep

	conn     *admin.Client
	path     string
	manifest *backup.Manifest
	log      *backup.Log // nil before the backup is complete
	size     int64       // of the backup
	noted    time.Time
}

func (s *follower) run(ctx context.Context) (err error) {
	config, err := s.app.load()
	if err != nil {
		return err
	}
	request, err := s.app.backupRequest(&s.flags)
	if err != nil {
		return err
	}
	if s.conn, err = admin.Dial(ctx, config.Server.Data); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.conn.Close()) }()
	streaming, stop := context.WithCancel(ctx)
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(admin.FollowBackup(streaming, s.conn, request, w)) // always nil
	}()
	defer func() {
		stop()
		r.CloseWithError(err) // always nil
		<-done
		if s.log != nil {
			err = errors.Join(err, s.log.Close())
		}
	}()
	s.path = filepath.Join(s.flags.follow, backup.FileName(time.Now()))
	return backup.FollowReader(r, func(archive io.Reader) error { return s.begin(ctx, archive) },
		func(encoded []byte, at time.Time, changed bool) error { return s.tick(ctx, encoded, at, changed) })
}

// begin writes the backup.
func (s *follower) begin(ctx context.Context, archive io.Reader) error {
	show := s.flags.progress.to(s.cmd.ErrOrStderr())
	meter := &backup.Meter{Progress: show.stage("backup")}
	err := backup.WriteFile(s.path, nil, func(w io.Writer) error {
		meter.W = w
		_, err := io.Copy(meter, archive)
		return err
	}, func(f *os.File) error {
		info, err := f.Stat()
		if err == nil {
			s.size = info.Size()
		}
		return err
	})
	show.end()
	if err != nil {
		return err
	}
	if s.manifest = meter.Manifest; s.manifest == nil {
		return backup.ErrDamaged
	}
	if s.log, err = backup.CreateLog(s.path, s.manifest); err != nil {
		return err
	}
	if err := s.note(ctx, s.manifest.Time); err != nil {
		return err
	}
	result := backupResult{File: s.path, Bytes: s.size, Manifest: s.manifest, Removed: []string{}}
	if s.keep != (backup.Keep{}) {
		if result.Removed, err = backup.Prune(ctx, s.flags.follow, s.keep); err != nil {
			return err
		}
	}
	return s.app.print(s.cmd, result, func(w io.Writer) error { return result.write(w) })
}

// tick keeps what has changed until a moment.
func (s *follower) tick(ctx context.Context, encoded []byte, at time.Time, changed bool) error {
	if changed {
		if err := s.log.Append(encoded); err != nil {
			return err
		}
		if s.log.Size() > max(followLeast, s.manifest.Bytes()) {
			return errFollowed
		}
	}
	if at.Sub(s.noted) < followNoted {
		return nil
	}
	return s.note(ctx, at)
}

// note has the server know that there is a backup of a moment.
func (s *follower) note(ctx context.Context, of time.Time) error {
	s.noted = of
	return admin.NoteBackup(ctx, s.conn, admin.BackupDone{File: s.path, Bytes: s.size + s.log.Size(), Of: of.UTC().Truncate(time.Second)})
}
