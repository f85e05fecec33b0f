package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newDirectoryShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show a record as the server has it, or how the server stands with the directory",
		Long: `With a name: the record as the server has it. Without: the directory servers as the
running server sees them, and how it learns what changes in them.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				if len(args) == 0 {
					state, err := admin.StateOfDirectory(cmd.Context(), c)
					if err != nil {
						return err
					}
					return a.print(cmd, state, func(w io.Writer) error { return a.table(w, stateRows(state)) })
				}
				r, err := admin.ShowRecord(cmd.Context(), c, admin.RecordRequest{Who: args[0]})
				if err != nil {
					return err
				}
				return a.print(cmd, r, func(w io.Writer) error { return a.table(w, recordRows(r)) })
			})
		},
	}
}

func stateRows(s admin.DirectoryState) [][]string {
	var rows [][]string
	for _, h := range s.Servers {
		state := "up"
		if !h.Up {
			state = "away: " + h.Err
		}
		rows = append(rows, []string{"server", h.URL, state})
	}
	c := s.Changes
	switch {
	case !c.On:
		rows = append(rows, []string{"changes", "not followed", "they count after directory.cache.ttl"})
	case c.Err != "":
		rows = append(rows, []string{"changes", "not followed", c.Err})
	case c.Way != "":
		rows = append(rows, []string{"changes", "by " + c.Way, "of " + c.Host})
	}
	if c.NoSync != "" {
		rows = append(rows, []string{"no syncrepl", c.NoSync})
	}
	return append(rows, []string{"remembered", fmt.Sprintf("%d records", s.Cache.Principals)})
}

func recordRows(r admin.Record) [][]string {
	rows := [][]string{
		{"guid", r.GUID}, {"type", r.Type}, {"name", r.Name}, {"full name", r.Full}, {"mail", strings.Join(r.Emails, " ")}, {"dn", r.DN},
		{"has calendars", fmt.Sprint(r.Enabled)},
	}
	if r.Type == "users" {
		rows = append(rows, []string{"may sign in", fmt.Sprint(r.Login)})
	}
	for _, s := range r.State {
		rows = append(rows, []string{"account", s})
	}
	return rows
}

func newDirectorySearchCmd(a *app) *cobra.Command {
	limit := 0
	cmd := &cobra.Command{
		Use:   "search TEXT",
		Short: "Find records by a part of a name or an address",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				found, err := admin.SearchRecords(cmd.Context(), c, admin.SearchRequest{Text: args[0], Limit: limit})
				if err != nil {
					return err
				}
				return a.print(cmd, found, func(w io.Writer) error {
					var rows [][]string
					for _, r := range found.Records {
						rows = append(rows, []string{r.Type, r.Name, r.Full, strings.Join(r.Emails, " "), r.GUID})
					}
					if found.More {
						rows = append(rows, []string{"…", "there are more"})
					}
					return a.table(w, rows)
				})
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "most records shown")
	return cmd
}

func newDirectoryExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain NAME",
		Short: "Say why a record is as it is",
		Long: `Ask the directory anew about a record, and say of each field which attributes it
comes from, why it is enabled or not, which groups it is in and through which,
what finds it and who else has that, how old is what the server remembers and in
what that differs, and who its delegates are.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				x, err := admin.ExplainRecord(cmd.Context(), c, admin.RecordRequest{Who: args[0]})
				if err != nil {
					return err
				}
				return a.print(cmd, x, func(w io.Writer) error { return a.table(w, explainedRows(x)) })
			})
		},
	}
}

func explainedRows(x admin.RecordExplained) [][]string {
	rows := recordRows(x.Record)
	for _, f := range x.Fields {
		if len(f.Values) > 0 {
			rows = append(rows, []string{f.Setting, strings.Join(f.Values, " "), "from " + strings.Join(f.Attributes, ", ")})
		}
	}
	for _, c := range x.Conditions {
		word := "does not hold"
		if c.Holds {
			word = "holds"
		}
		if len(c.Values) > 0 {
			word += ", by " + strings.Join(c.Values, " ")
		}
		rows = append(rows, []string{c.Setting, c.Condition, word})
	}
	for _, g := range x.Groups {
		how := "directly"
		if len(g.Path) > 1 {
			how = "by " + strings.Join(g.Path, " > ")
		}
		rows = append(rows, []string{"group", g.Name, how})
	}
	for _, k := range x.Keys {
		row := []string{"found by " + k.Kind, k.Value}
		if len(k.Others) > 0 {
			row = append(row, "which also has "+strings.Join(k.Others, " and "))
		}
		rows = append(rows, row)
	}
	switch {
	case x.Remembered == "":
		rows = append(rows, []string{"remembered", "no"})
	case len(x.Differs) == 0:
		rows = append(rows, []string{"remembered", x.Remembered + " old", "as in the directory"})
	default:
		rows = append(rows, []string{"remembered", x.Remembered + " old", "the directory differs in " + strings.Join(x.Differs, ", ")})
	}
	for _, d := range x.Delegates {
		rows = append(rows, []string{"delegate", d.DelegateName, d.State})
	}
	if x.Room != nil {
		for _, s := range x.Room.Settings {
			if s.Source == "built-in" {
				continue // "convene room show" has them
			}
			rows = append(rows, []string{"room " + s.Name, s.Value, s.Source})
		}
	}
	return rows
}
