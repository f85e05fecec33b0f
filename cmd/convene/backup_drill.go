package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/admin/backup"
	"convene/server"
)

// drillResult is the value of backup drill.
type drillResult struct {
	Bytes  int64   `json:"bytes"` // of the backup
	Backup float64 `json:"backupSeconds"`
	server.DrillReport
}

func newBackupDrillCmd(a *app) *cobra.Command {
	var from string
	var flags identityFlags
	var progress progressMode
	cmd := &cobra.Command{
		Use:   "drill",
		Short: "Prove that a backup can be restored: restore it elsewhere, serve it, and compare",
		Long: `Write a backup, restore it into a temporary folder, serve that on loopback, and compare
what each home lists there, with all ETags, with what the backup says; and homes that nobody
has changed meanwhile with the ones in use. --from takes a backup that there is.

The folder (TMPDIR says where) needs space for the backup and three times the data. Nothing
of the server that runs is changed. Exit status 10: something differs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			ctx := cmd.Context()
			keys, err := flags.read()
			if err != nil {
				return err
			}
			c, err := a.load()
			if err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "convene-drill-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			var result drillResult
			path := from
			var live []admin.HomeListing
			err = a.withAdmin(ctx, func(conn admin.Conn) error {
				if from == "" {
					path = filepath.Join(dir, "drill"+backup.Extension)
					if err := a.drillBackup(cmd, conn, path, progress.to(cmd.ErrOrStderr()), &result); err != nil {
						return err
					}
				}
				live, err = admin.ListHomes(ctx, conn)
				return err
			})
			if err != nil {
				return err
			}
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			result.Bytes = info.Size()
			if result.DrillReport, err = server.Drill(ctx, c, path, keys, live, dir); err != nil {
				return err
			}
			if err := a.print(cmd, result, result.write); err != nil {
				return err
			}
			if n := len(result.Differences); n > 0 {
				return failure{kind: kindProblems, error: fmt.Errorf("differences found: %d", n)}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "drill with this backup, a `FILE`, in place of a new one")
	flags.flag(cmd)
	progress.flag(cmd)
	return cmd
}

// drillBackup writes the backup that is drilled with.
func (a *app) drillBackup(cmd *cobra.Command, c admin.Conn, path string, show *progressView, result *drillResult) error {
	began := time.Now()
	text, err := a.configText(false)
	if err != nil {
		return err
	}
	request := admin.BackupRequest{Config: text, Version: version(), By: operator()}
	meter := &backup.Meter{Progress: show.stage("backup")}
	err = backup.WriteFile(path, nil, func(w io.Writer) error {
		meter.W = w
		return admin.WriteBackup(cmd.Context(), c, request, meter)
	}, nil)
	show.end()
	result.Backup = time.Since(began).Seconds()
	return err
}

func (r *drillResult) write(w io.Writer) error {
	for _, d := range r.Differences {
		if _, err := fmt.Fprintln(w, visible(d)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "backup of %s: %s in %.1f s\nrestored and checked in %.1f s\nserved and compared in %.1f s: %d homes (%d as in use), %d collections, %d objects\n",
		r.Manifest.Time.Format(time.RFC3339), short(r.Bytes), r.Backup, r.Restore, r.Compare, r.Homes, r.Unchanged, r.Collections, r.Objects)
	if len(r.Differences) == 0 {
		_, err2 := fmt.Fprintln(w, "no differences found")
		err = errors.Join(err, err2)
	}
	return err
}
