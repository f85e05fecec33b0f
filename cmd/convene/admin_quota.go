package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/internal/settings"
)

func newQuotaCmd(a *app) *cobra.Command {
	var set string
	cmd := &cobra.Command{
		Use:   "quota WHO",
		Short: "Print what a person, room or resource stores and may store; --set changes it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := parseQuota(set)
			if err != nil {
				return usageError(err)
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				var u admin.Usage
				if set == "" {
					u, err = admin.Quota(cmd.Context(), c, args[0])
				} else {
					u, err = admin.SetQuota(cmd.Context(), c, admin.QuotaRequest{Who: args[0], Limit: limit, By: operator()})
				}
				if err != nil {
					return err
				}
				return a.printLine(cmd, u, "%s", usageText(u))
			})
		},
	}
	cmd.Flags().StringVar(&set, "set", "", "`size` such as 500MB; \"default\", or \"none\" for no limit")
	return cmd
}

func parseQuota(s string) (int64, error) {
	switch s {
	case "", "default":
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
			limit += " (default)"
		}
	}
	if !u.Home {
		return fmt.Sprintf("%s: nothing stored yet, %s", u.Name, limit)
	}
	return fmt.Sprintf("%s: %d bytes in %d objects, %s", u.Name, u.Used, u.Objects, limit)
}
