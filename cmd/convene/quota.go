package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/internal/settings"
)

func newQuotaCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "quota", Short: "See and set what people, rooms and resources may store"}
	cmd.AddCommand(newQuotaShowCmd(a), newQuotaSetCmd(a), newQuotaListCmd(a))
	return cmd
}

func newQuotaShowCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show WHO",
		Short: "Print what a person, room or resource stores and may store",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				u, err := admin.Quota(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				return a.printLine(cmd, u, "%s", usageText(u))
			})
		},
	}
	return cmd
}

func newQuotaSetCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set WHO VALUE",
		Short: "Set what a person, room or resource may store: a size such as 500MB, \"none\" for no limit, or \"default\"",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := parseQuota(args[1])
			if err != nil {
				return usageError(err)
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				u, err := admin.SetQuota(cmd.Context(), c, admin.QuotaRequest{Who: args[0], Limit: limit, By: operator(), Reason: a.reason})
				if err != nil {
					return err
				}
				return a.printLine(cmd, u, "%s", usageText(u))
			})
		},
	}
	return a.changes(cmd)
}

func newQuotaListCmd(a *app) *cobra.Command {
	var over int64
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what everybody stores, who has used most of their quota first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				l, err := admin.ListQuotas(cmd.Context(), c, admin.QuotaListRequest{Percent: over})
				if err != nil {
					return err
				}
				return a.print(cmd, l.Usages, func(w io.Writer) error { return a.table(w, usageRows(l.Usages)) })
			})
		},
	}
	cmd.Flags().Int64Var(&over, "over", 0, "only who has used at least this `percentage` of their quota; alone it means 100")
	cmd.Flags().Lookup("over").NoOptDefVal = "100"
	return cmd
}

// newAdminQuotaCmd is the former name of quota show and, with --set, quota set.
func newAdminQuotaCmd(a *app) *cobra.Command {
	var set string
	cmd := &cobra.Command{
		Use:   "quota WHO",
		Short: "The same as quota show; with --set, as quota set",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			same := newQuotaShowCmd(a)
			if set != "" {
				same, args = newQuotaSetCmd(a), append(args, set)
			}
			same.SetContext(cmd.Context())
			same.SetOut(cmd.OutOrStdout())
			return same.RunE(same, args)
		},
	}
	cmd.Flags().StringVar(&set, "set", "", "`size` such as 500MB; \"default\", or \"none\" for no limit")
	return cmd
}

func parseQuota(s string) (int64, error) {
	switch s {
	case "default":
		return 0, nil
	case "none":
		return -1, nil
	}
	n, err := settings.ParseSize(s)
	if err == nil && n == 0 {
		err = fmt.Errorf("nothing could be stored")
	}
	if err != nil {
		return 0, fmt.Errorf("quota %q: %w", s, err)
	}
	return int64(n), nil
}

func usageText(u admin.Usage) string {
	limit := "no limit"
	if u.Limit >= 0 {
		limit = fmt.Sprintf("limit %s", settings.Size(u.Limit))
		if !u.Own {
			limit += " (" + u.Source + ")"
		}
	}
	if !u.Home {
		return fmt.Sprintf("%s: nothing stored yet, %s", u.Name, limit)
	}
	return fmt.Sprintf("%s: %d bytes in %d objects, %s", u.Name, u.Used, u.Objects, limit)
}

// usageRows are the rows of the table of quota list.
func usageRows(list []admin.Usage) [][]string {
	rows := [][]string{{"USED", "BYTES", "LIMIT", "FROM", "OBJECTS", "WHO"}}
	for _, u := range list {
		percent, limit := "-", "none"
		if u.Limit >= 0 {
			percent, limit = fmt.Sprintf("%d%%", u.Percent), settings.Size(u.Limit).String()
		}
		rows = append(rows, []string{percent, fmt.Sprint(u.Used), limit, u.Source, fmt.Sprint(u.Objects), u.Name})
	}
	return rows
}
