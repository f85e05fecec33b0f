package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/admin/backup"
	"convene/delegation"
	"convene/server"
)

// pointFlags say what of a backup is put back.
type pointFlags struct {
	principal   string
	calendar    string
	uid         string
	into        string
	delegations bool
	dryRun      bool
}

func (f *pointFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.principal, "principal", "", "put back what `WHO` had, while the server runs")
	cmd.Flags().StringVar(&f.calendar, "calendar", "", "of --principal, the calendar with this `NAME` alone, as in its URL or as people see it")
	cmd.Flags().StringVar(&f.uid, "uid", "", "of --principal, the event or task with this `UID` alone")
	cmd.Flags().StringVar(&f.into, "into", "", "put events and tasks into the calendar of this `NAME`, which is made")
	cmd.Flags().BoolVar(&f.delegations, "delegations", false, "put back who acts for --principal and for whom they act, and nothing else")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "with --principal: change nothing, and say what would be done")
}

func (f *pointFlags) check() error {
	switch {
	case f.principal == "" && *f != (pointFlags{}):
		return usageError(errors.New("--calendar, --uid, --into, --delegations and --dry-run need --principal"))
	case f.delegations && (f.calendar != "" || f.uid != "" || f.into != ""):
		return usageError(errors.New("--delegations stands alone"))
	}
	return nil
}

// pointResult is the value of restore --principal.
type pointResult struct {
	Of          time.Time               `json:"of"` // the time of the backup
	Principal   string                  `json:"principal"`
	DryRun      bool                    `json:"dryRun"`
	Counts      map[string]int          `json:"counts"`  // of objects, by result
	Objects     []admin.PutBackResult   `json:"objects"` // but those that are the same
	Delegations []delegation.Difference `json:"delegations"`
}

// restorePoint reads a backup here, and has the server put back what is wanted of it.
func (a *app) restorePoint(cmd *cobra.Command, f *restoreFlags, keys []backup.Identity) (err error) {
	ctx := cmd.Context()
	dir, err := os.MkdirTemp("", "convene-restore-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	name := "calendars.db"
	if f.point.delegations {
		name = backup.DelegatesName
	}
	show := f.progress.to(cmd.ErrOrStderr())
	var m *backup.Manifest
	err = f.backup(cmd, keys, func(r io.Reader) (err error) {
		m, err = backup.Extract(ctx, r, dir, name, server.BackupSet(), show.stage("read"))
		return err
	})
	show.end()
	if err != nil {
		return err
	}
	result := pointResult{Of: m.Time, DryRun: f.point.dryRun, Counts: map[string]int{}, Objects: []admin.PutBackResult{}, Delegations: []delegation.Difference{}}
	err = a.withAdmin(ctx, func(c admin.Conn) error {
		who, err := admin.Quota(ctx, c, f.point.principal)
		if err != nil {
			return err
		}
		result.Principal = who.Name
		if f.point.delegations {
			return result.delegations(ctx, c, filepath.Join(dir, name), who.GUID, a.reason)
		}
		wanted := server.Wanted{Owner: who.GUID, Calendar: f.point.calendar, UID: f.point.uid}
		return server.ReadKept(ctx, filepath.Join(dir, name), wanted, func(col admin.KeptCollection, objects []admin.KeptObject) error {
			p := admin.PutBack{
				Who: who.GUID, Collection: col, Objects: objects, Into: f.point.into, Replace: f.replace, DryRun: f.point.dryRun,
				Of: m.Time, By: operator(), Reason: a.reason,
			}
			done, err := admin.PutBackObjects(ctx, c, p)
			result.add(done)
			return err
		})
	})
	if err != nil {
		return err
	}
	if err := a.print(cmd, result, func(w io.Writer) error { return a.writePoint(w, &result) }); err != nil {
		return err
	}
	if n := result.left(); n > 0 {
		return failure{kind: kindPartly, error: fmt.Errorf("not put back: %d", n)}
	}
	return nil
}

// add takes in what became of objects.
func (r *pointResult) add(done []admin.PutBackResult) {
	for _, o := range done {
		r.Counts[o.Result]++
		if o.Result != "same" {
			r.Objects = append(r.Objects, o)
		}
	}
}

// left is how many objects were not put back.
func (r *pointResult) left() int {
	return r.Counts[admin.PutDiffers] + r.Counts[admin.PutConflict] + r.Counts[admin.PutRefused]
}

// delegations puts back who acts for somebody, and for whom they act.
func (r *pointResult) delegations(ctx context.Context, c admin.Conn, path, guid, reason string) error {
	copied, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	list, err := admin.RestoreDelegates(ctx, c, admin.DelegateRestore{Copy: copied, Who: guid, DryRun: r.DryRun, By: operator(), Reason: reason})
	r.Delegations = append(r.Delegations, list...)
	return err
}

func (a *app) writePoint(w io.Writer, r *pointResult) error {
	rows := [][]string{}
	for _, o := range r.Objects {
		rows = append(rows, []string{o.Result, o.Calendar + "/" + o.Name, o.Reason})
	}
	if err := a.table(w, rows); err != nil {
		return err
	}
	var counts []string
	for _, result := range []string{"created", "replaced", "same", admin.PutDiffers, admin.PutConflict, admin.PutRefused} {
		if n := r.Counts[result]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, result))
		}
	}
	if len(r.Delegations) > 0 {
		counts = append(counts, fmt.Sprintf("%d delegations", len(r.Delegations)))
	}
	if counts == nil {
		counts = []string{"nothing to do"}
	}
	tried := ""
	if r.DryRun {
		tried = " (dry run: nothing was changed)"
	}
	_, err := fmt.Fprintf(w, "%s, as of %s: %s%s\n", r.Principal, r.Of.Format(time.RFC3339), strings.Join(counts, ", "), tried)
	return err
}
