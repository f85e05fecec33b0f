package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin/backup"
	"convene/internal/engine"
	"convene/server"
)

// restoreFlags are the flags of restore.
type restoreFlags struct {
	from      string
	replace   bool
	delegates bool
	only      onlyFlag
	keys      identityFlags
	at        string
	until     time.Time // of at; zero without
	point     pointFlags
	progress  progressMode
}

func newRestoreCmd(a *app) *cobra.Command {
	var f restoreFlags
	cmd := &cobra.Command{
		Use:   "restore --from FILE|FOLDER|-",
		Short: "Put a backup, or what somebody had in it, back",
		Long: `Put a backup into the data folder, or with --principal what one person, group or room
had in it into their calendars.

Of a whole backup: the server must be stopped, and the folder have
no data yet; with --replace the data that is there is moved into a folder beside it,
named before-restore-TIME, and never removed.

All of the backup is read and checked first; then old and new files change places in
a moment. A restore that is interrupted has changed nothing, or is finished by the
next start of the server.

Clients that have seen later changes than the backup holds are told to read
everything again. Device passwords are those of the backup: revoke again what was
revoked since.

With --principal the server may run, and goes on. Nobody is invited or told. What is not
as in the backup any more stays as it is, unless --replace is given; rooms are booked
again if they have the time. --dry-run says what would be done. Exit status 7: something
was not put back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.restore(cmd, f) },
	}
	cmd.Flags().StringVar(&f.from, "from", "", "the backup: a `FILE`, - for the standard input, or a folder for the newest in there")
	cmd.Flags().StringVar(&f.at, "at", "", "of a folder, the newest backup that is not later than `TIME`, such as 2026-11-29T16:00:00Z")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "move the data that is there aside; with --principal: write over what has changed since")
	cmd.Flags().BoolVar(&f.delegates, "delegates", false, "restore "+backup.DelegatesName+" too; otherwise the one that is there stays")
	f.only.flag(cmd, "restore")
	f.point.flags(cmd)
	f.keys.flag(cmd)
	cmd.Flags().StringVar(&a.reason, "reason", "", "with --principal: why, as `text` for the audit log")
	f.progress.flag(cmd)
	cmd.MarkFlagsMutuallyExclusive("only", "delegates")
	return cmd
}

func (a *app) restore(cmd *cobra.Command, f restoreFlags) error {
	if f.from == "" {
		return usageError(errors.New("say what: --from FILE or --from -"))
	}
	if err := f.check(); err != nil {
		return err
	}
	keys, err := f.keys.read()
	if err != nil {
		return err
	}
	if f.from, err = f.file(cmd.Context(), keys); err != nil {
		return err
	}
	if f.point.principal != "" {
		return a.restorePoint(cmd, &f, keys)
	}
	c, err := a.load()
	if err != nil {
		return err
	}
	show := f.progress.to(cmd.ErrOrStderr())
	o := backup.RestoreOptions{Delegates: f.delegates, Only: f.only.name, Progress: show.stage("restore")}
	if f.replace {
		o.Existing = backup.SetAside
	}
	var done backup.Restored
	err = f.backup(cmd, keys, func(r io.Reader) (err error) {
		done, err = server.Restore(cmd.Context(), c, r, o, operator())
		return err
	})
	show.end()
	if err != nil {
		return err
	}
	return a.print(cmd, done, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "restored %s, as of %s on %s\n", strings.Join(done.Names, ", "), done.Manifest.Time.Format(time.RFC3339), done.Manifest.Host)
		if done.Aside != "" {
			_, err2 := fmt.Fprintf(w, "what was there before is in %s\n", done.Aside)
			err = errors.Join(err, err2)
		}
		return err
	})
}

// check refuses flags that do not go together.
func (f *restoreFlags) check() error {
	if err := f.point.check(); err != nil {
		return err
	}
	if f.point.principal != "" && (f.delegates || f.only.name != "") {
		return usageError(errors.New("--delegates and --only are for whole files; with --principal it is --delegations"))
	}
	return nil
}

// file is the backup that is meant.
func (f *restoreFlags) file(ctx context.Context, keys []backup.Identity) (string, error) {
	at := time.Now()
	if f.at != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, f.at); err != nil {
			return "", usageError(fmt.Errorf("--at %s: want a time such as 2026-11-29T16:00:00Z", f.at))
		}
	}
	info, err := os.Stat(f.from)
	if f.from != "-" && err != nil {
		return "", err
	}
	if f.from != "-" && info.IsDir() {
		if f.at != "" {
			f.until = at
		}
		return backup.At(ctx, f.from, keys, at)
	}
	if f.at != "" {
		return "", usageError(errors.New("--at is for a folder of backups"))
	}
	return f.from, nil
}

// backup gives fn the backup that is meant, with what followed it until the time that is.
func (f *restoreFlags) backup(cmd *cobra.Command, keys []backup.Identity, fn func(io.Reader) error) error {
	return withBackup(cmd, f.from, keys, func(r io.Reader) error {
		if file, is := r.(*backup.File); is {
			file.Until(f.until)
		}
		return fn(r)
	})
}

// recoverResult is the value of recover.
type recoverResult struct {
	Files []server.Recovered `json:"files"`
}

func newRecoverCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "recover",
		Short: "Bring files and their damaged logs together again, and say what is lost",
		Long: `Bring each file of a stopped server and its log together again when the server does
not start because the log is damaged. The file takes in the changes that continue it
without a gap; the log is kept under another name, and the numbers of the records
that are lost are told. A backup, if there is a late one, may have more.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			files, err := server.Recover(cmd.Context(), c, time.Now, operator())
			if err != nil {
				return err
			}
			if err := a.print(cmd, recoverResult{files}, func(w io.Writer) error { return writeRecovered(w, files) }); err != nil {
				return err
			}
			for _, f := range files {
				if len(f.Missing) > 0 {
					return failure{kind: kindPartly, error: fmt.Errorf("%s: records that are lost: %s", f.File, spans(f.Missing, f.Unused))}
				}
			}
			return nil
		},
	}
}

func writeRecovered(w io.Writer, files []server.Recovered) error {
	for _, f := range files {
		_, err := fmt.Fprintf(w, "%s: %d records taken in from the log, up to %d\n", f.File, f.Applied, f.Last)
		if len(f.Missing) > 0 {
			_, err2 := fmt.Fprintf(w, "  missing or damaged: %s\n  whole, but behind these: %s\n  the log is kept as %s\n", spans(f.Missing), spans(f.Unused), f.Aside)
			err = errors.Join(err, err2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func spans(lists ...[]engine.Span) string {
	var out []string
	for _, list := range lists {
		for _, s := range list {
			out = append(out, s.String())
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}
