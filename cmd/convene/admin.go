package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newAdminCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "Look after the data of a server, running or stopped"}
	cmd.AddCommand(newVerifyCmd(a), newReindexCmd(a), newStatsCmd(a), newAdminQuotaCmd(a), newReloadCmd(a))
	return cmd
}

func newReloadCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reload",
		Short: "Make the running server read its configuration again, and say what came of it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				if err := admin.Reload(cmd.Context(), c); err != nil {
					return err
				}
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "reloaded")
				return err
			})
		},
	}
}
