package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"convene/admin"
	"convene/admin/backup"
	"convene/audit"
	"convene/calendar"
	"convene/config"
	"convene/delegation"
	"convene/internal/engine"
	"convene/internal/logging"
	"convene/store"
)

// members are the files of a backup of what is open.
func members(c *config.Config, s *store.Store, delegates *delegation.Book, state engine.Engine) []backup.Member {
	return []backup.Member{
		backup.Calendars{Store: s},
		backup.Delegates{Book: delegates},
		backup.State{Engine: state},
		backup.Rules{Path: filepath.Join(c.Server.Data, "sacl.json")},
	}
}

// BackupSet are the files that a backup may have, for looking at copies.
func BackupSet() []backup.Member { return backupSet("") }

// backupSet is BackupSet for restoring to a data folder.
func backupSet(dataDir string) []backup.Member {
	return []backup.Member{
		backup.Calendars{Options: store.Options{Indexer: calendar.Index}},
		backup.Delegates{Data: dataDir},
		backup.State{Data: dataDir},
		backup.Rules{},
		backup.Text{FileName: backup.ConfigName},
	}
}

// resumeRestore finishes or undoes a restore that was interrupted. It is called
// before anything in the data folder is opened.
func resumeRestore(dataDir string, log *slog.Logger) error {
	outcome, err := backup.Resume(dataDir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if outcome != backup.Nothing {
		log.Warn("a restore was interrupted", "outcome", string(outcome), "data", dataDir)
	}
	return nil
}

// Restore puts a backup into the data folder of a configuration, whose server must
// not be running, and says so in the audit log. Errors: as backup.Restore, ErrInUse.
func Restore(ctx context.Context, c config.Config, r io.Reader, o backup.RestoreOptions, by string) (done backup.Restored, err error) {
	if err := checkOwner(c.Server.Data); err != nil {
		return done, fmt.Errorf("data folder: %w", err)
	}
	if err := notRunning(ctx, c.Server.Data); err != nil {
		return done, err
	}
	o.Data, o.Members = c.Server.Data, backupSet(c.Server.Data)
	done, err = backup.Restore(ctx, r, o)
	if err != nil {
		return done, err
	}
	log, err := offlineAudit(&c)
	if err != nil {
		return done, err
	}
	err = log.Record(audit.Act{By: admin.Self().By(by, ""), Verb: "server.restore", Object: audit.Object{Type: "server"}, After: restored{
		Of: done.Manifest.Time, From: done.Manifest.Host, Aside: done.Aside,
	}}, nil)
	return done, errors.Join(err, log.Close())
}

// restored is what was restored, in the audit log.
type restored struct {
	Of    time.Time `json:"of"`    // when the backup was made
	From  string    `json:"from"`  // the host that it was made on
	Aside string    `json:"aside"` // where the former files are
}

// offlineAudit opens the audit log of a stopped server.
func offlineAudit(c *config.Config) (*audit.Log, error) {
	return openAudit(c, slog.New(logging.NewTextHandler(os.Stderr, slog.LevelWarn)), time.Now, nil)
}

// notRunning refuses if a server runs with a data folder.
func notRunning(ctx context.Context, dataDir string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if running, err := admin.Dial(ctx, dataDir); err == nil {
		return errors.Join(fmt.Errorf("%s: %w", dataDir, ErrInUse), running.Close())
	}
	return nil
}

// Recovered says what Recover did, by the name of each file.
type Recovered struct {
	File string `json:"file"`
	engine.Recovery
}

// Recover brings the files of a data folder and their logs together, whose server
// must not be running: see engine.Recover. Calendars that have lost changes are
// marked, so that clients read again what they had of them.
func Recover(ctx context.Context, c config.Config, now func() time.Time, by string) (done []Recovered, err error) {
	if err := checkOwner(c.Server.Data); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := notRunning(ctx, c.Server.Data); err != nil {
		return nil, err
	}
	if _, err := backup.Resume(c.Server.Data); err != nil {
		return nil, err
	}
	log, err := offlineAudit(&c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for _, member := range BackupSet() {
		path := filepath.Join(c.Server.Data, member.Name())
		var r engine.Recovery
		switch member.(type) {
		case backup.Calendars:
			r, err = store.Recover(path, now())
		case backup.State:
			r, err = engine.Recover(path, engine.BoltOptions{Tables: backup.StateTables()}, now())
		default:
			continue // has no log
		}
		if err != nil {
			return done, err
		}
		if len(r.Missing) > 0 {
			act := audit.Act{By: admin.Self().By(by, ""), Verb: "server.recover", Object: audit.Object{Type: "server", Path: member.Name()}, After: r}
			if err := log.Record(act, nil); err != nil {
				return done, err
			}
			if err := member.Restored(ctx, path); err != nil {
				return done, err
			}
		}
		done = append(done, Recovered{member.Name(), r})
	}
	return done, nil
}
