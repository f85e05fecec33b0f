package main

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/directory"
)

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
				return a.print(cmd, s, func(w io.Writer) error { return a.table(w, statsRows(s)) })
			})
		},
	}
}

func statsRows(s admin.Stats) [][]string {
	var rows [][]string
	add := func(name string, count int64) { rows = append(rows, []string{name, strconv.FormatInt(count, 10)}) }
	add("bytes on disk", s.DiskBytes)
	add("bytes of objects", s.DataBytes)
	add("accounts", int64(s.Accounts))
	add("calendars", int64(s.Calendars))
	for _, t := range directory.Types() {
		add("calendars of "+t.String(), int64(s.CalendarsByType[t.String()]))
	}
	add("events", int64(s.Events))
	add("tasks", int64(s.Tasks))
	return rows
}
