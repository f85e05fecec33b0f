package server

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"convene/audit"
	"convene/config"
	"convene/internal/logging"
)

// logs are the server's log files.
type logs struct {
	files  []*logging.File
	level  slog.LevelVar
	errors *slog.Logger
	access *logging.Log // nil: off
}

// openLogs opens the logs of a configuration.
func openLogs(c *config.Config, stderr io.Writer) (_ *logs, err error) {
	l := &logs{}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.close())
		}
	}()
	out, err := l.file(c, c.Log.Error, stderr)
	if err != nil {
		return nil, fmt.Errorf("error log: %w", err)
	}
	if err := l.setLevel(c); err != nil {
		return nil, err
	}
	l.errors = slog.New(slog.DiscardHandler)
	if out != nil {
		l.errors = slog.New(logging.NewTextHandler(out, &l.level))
	}
	if out, err = l.file(c, c.Log.Access, stderr); err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	if out != nil {
		l.access = logging.New(out, func(err error) { l.errors.Error("access log not written", "err", err) })
	}
	return l, nil
}

// openAudit opens the audit log of a configuration; nil if it is off. The caller
// holds the data folder's files, so nobody else writes it. trouble, which may be nil,
// is told when it cannot be written.
func openAudit(c *config.Config, log *slog.Logger, now func() time.Time, trouble func(error)) (*audit.Log, error) {
	files, ok := AuditFiles(c)
	if !ok {
		return nil, nil
	}
	return audit.Open(audit.Options{Files: files, MaxSize: int64(c.Log.AuditSize), Log: log, Now: now, Trouble: trouble})
}

// AuditFiles are where the audit log of a configuration is; false: it is off.
func AuditFiles(c *config.Config) (f audit.Files, ok bool) {
	if c.Log.Audit == "off" {
		return f, false
	}
	f = audit.Files{Path: c.Log.Audit, Witness: filepath.Join(c.Server.Data, "audit.head")}
	if !filepath.IsAbs(f.Path) {
		f.Path = filepath.Join(c.Server.Data, f.Path)
	}
	return f, true
}

// file opens the log called name; nil for "off".
func (l *logs) file(c *config.Config, name string, stderr io.Writer) (*logging.File, error) {
	switch name {
	case "off", "":
		return nil, nil
	case "-":
		return logging.NewStream(stderr), nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(c.Server.Data, name)
	}
	f, err := logging.OpenFile(name)
	if err != nil {
		return nil, err
	}
	l.files = append(l.files, f)
	return f, nil
}

// setLevel applies the error log's level.
func (l *logs) setLevel(c *config.Config) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log.Level)); err != nil {
		return fmt.Errorf("log level: %w", err)
	}
	l.level.Set(level)
	return nil
}

// reopen opens the files anew, after logrotate has renamed them.
func (l *logs) reopen() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Reopen())
	}
	return errors.Join(errs...)
}

// close writes what is pending and closes the files.
func (l *logs) close() error {
	var errs []error
	if l.access != nil {
		errs = append(errs, l.access.Close())
	}
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
