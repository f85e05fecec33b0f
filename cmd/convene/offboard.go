package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

// offboardFlags say what becomes of what somebody has.
type offboardFlags struct {
	apply    bool
	export   string
	confirm  string
	progress progressMode
}

func newOffboardCmd(a *app) *cobra.Command {
	var r admin.OffboardRequest
	var f offboardFlags
	cmd := &cobra.Command{
		Use:   "offboard USER",
		Short: "End what binds somebody who leaves: meetings, rooms, delegations, ways in",
		Long: `Without --apply it prints what would be done, and changes nothing. With it, in this
order: sessions, device passwords and published links end; meetings to come that they
organize are cancelled, or handed over to --to; those of others they decline; rooms are
free again; delegations end in both directions. Everybody who is invited is told as of any
change. What is over stays as it was.

USER may have left the directory: name the GUID if nothing else finds them. A run that was
interrupted goes on where it was when it is started again.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Who, r.By, r.Reason = args[0], operator(), a.reason
			switch {
			case r.Erase && f.confirm != r.Who:
				return usageError(fmt.Errorf("--erase cannot be undone: repeat who it is, --confirm %s", r.Who))
			case !f.apply && f.export != "":
				return usageError(errors.New("--export goes with --apply"))
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				plan, err := admin.PlanOffboarding(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				if !f.apply {
					return a.print(cmd, plan, func(w io.Writer) error { return a.planText(w, &plan, r.To) })
				}
				return a.offboard(cmd, c, &r, &f, &plan)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&r.To, "to", "", "`WHO` takes over the meetings that they organize")
	fl.BoolVar(&f.apply, "apply", false, "do it")
	fl.StringVar(&f.export, "export", "", "first write their calendars into `FILE`, a zip archive of .ics files")
	fl.BoolVar(&r.Erase, "erase", false, "in the end remove all that they have stored, and overwrite it")
	fl.StringVar(&f.confirm, "confirm", "", "`USER` again, for --erase")
	f.progress.flag(cmd)
	return a.changes(cmd)
}

func (a *app) offboard(cmd *cobra.Command, c admin.Conn, r *admin.OffboardRequest, f *offboardFlags, plan *admin.OffboardPlan) error {
	if f.export != "" {
		again := plan.Record != nil && plan.Record.Finished.IsZero()
		if err := exportHome(cmd, c, r, f.export, again); err != nil {
			return fmt.Errorf("export: %w", err)
		}
	}
	show := f.progress.to(cmd.ErrOrStderr())
	stage, tell := "", func(int64, int64) {}
	record, err := admin.Offboard(cmd.Context(), c, *r, func(p admin.OffboardProgress) {
		if p.Stage != stage {
			stage, tell = p.Stage, show.counting(p.Stage, "items")
		}
		tell(int64(p.Done), int64(p.Total))
	})
	show.end()
	if err != nil {
		return err
	}
	err = a.print(cmd, record, func(w io.Writer) error { return a.table(w, offboardRows(record)) })
	if err == nil && len(record.Refused) > 0 {
		err = failure{kind: kindPartly, error: fmt.Errorf("meetings that stay: %d", len(record.Refused))}
	}
	return err
}

// exportHome writes the archive under another name first, so that the file is whole if it
// is there. What a run wrote that was interrupted is kept: by now there is less.
func exportHome(cmd *cobra.Command, c admin.Conn, r *admin.OffboardRequest, path string, again bool) (err error) {
	switch _, err := os.Lstat(path); {
	case err == nil && again:
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	out, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(out.Name()))
		}
	}()
	err = admin.ExportHome(cmd.Context(), c, *r, out)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(out.Name(), path)
}

func (a *app) planText(w io.Writer, p *admin.OffboardPlan, to string) error {
	own := "cancelled"
	if p.To != "" {
		own = "handed over to " + to
	}
	state := p.State
	if !p.GoneSince.IsZero() {
		state += " since " + p.GoneSince.Format(time.DateOnly)
	}
	rows := [][]string{
		{"who", nameOr(p.Name, p.GUID), state},
		{"meetings they organize", strconv.Itoa(p.Organizes), own},
		{"places of others in these", strconv.Itoa(p.Attendees), strconv.Itoa(p.External) + " are told by mail"},
		{"meetings they attend", strconv.Itoa(p.Attends), "declined"},
		{"bookings of rooms", strconv.Itoa(p.Rooms), map[bool]string{true: "free again", false: "kept with the meetings"}[p.To == ""]},
		{"their delegates", strconv.Itoa(p.Delegates), "ended"},
		{"delegate for others", strconv.Itoa(p.Delegators), "ended"},
		{"stand-ins", strconv.Itoa(p.StandIns), "ended"},
		{"published links", strconv.Itoa(p.Links), "revoked"},
		{"device passwords", strconv.Itoa(p.Devices), "revoked"},
		{"stored", fmt.Sprintf("%d objects", p.Objects), short(p.Bytes)},
	}
	if r := p.Record; r != nil && r.Finished.IsZero() {
		rows = append(rows, []string{"begun", r.Begun.Format(time.RFC3339), "goes on with " + r.Stage})
	} else if r != nil {
		rows = append(rows, []string{"done before", r.Finished.Format(time.RFC3339), ""})
	}
	return a.table(w, rows)
}

func offboardRows(r *admin.OffboardRecord) [][]string {
	rows := [][]string{}
	for _, deed := range slices.Sorted(maps.Keys(r.Deeds)) {
		rows = append(rows, []string{"meetings " + deed, strconv.Itoa(r.Deeds[deed])})
	}
	for _, n := range []struct {
		what string
		n    int
	}{
		{"other bookings of rooms given back", r.Rooms}, {"delegations ended", r.Delegations}, {"sessions ended", r.Sessions},
		{"device passwords revoked", r.Devices}, {"published links revoked", r.Links},
	} {
		rows = append(rows, []string{n.what, strconv.Itoa(n.n)})
	}
	if r.Erase {
		rows = append(rows, []string{"data", "erased"})
	}
	for _, why := range r.Refused {
		rows = append(rows, []string{"stays", why})
	}
	return rows
}
