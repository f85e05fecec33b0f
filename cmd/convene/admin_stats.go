package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/directory"
)

type row struct {
	name  string
	count int64
}

func newStatsCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "stats",
		Short: "Count accounts, calendars, events and tasks, and the disk they use",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				s, err := admin.ReadStats(cmd.Context(), c)
				if err != nil {
					return err
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				rows := []row{
					{"bytes on disk", s.DiskBytes}, {"bytes of objects", s.DataBytes},
					{"accounts", int64(s.Accounts)}, {"calendars", int64(s.Calendars)},
				}
				for _, t := range directory.Types() {
					rows = append(rows, row{"calendars of " + t.String(), int64(s.CalendarsByType[t.String()])})
				}
				rows = append(rows, row{"events", int64(s.Events)}, row{"tasks", int64(s.Tasks)})
				for _, r := range rows {
					if _, err := fmt.Fprintf(w, "%s\t%d\n", r.name, r.count); err != nil {
						return err
					}
				}
				return w.Flush()
			})
		},
	}
}
