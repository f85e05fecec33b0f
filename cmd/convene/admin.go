package main

import (
	"github.com/spf13/cobra"

	"convene/admin"
)

// newDataCmds are the commands that look after a server and its data.
func newDataCmds(a *app) []*cobra.Command {
	return []*cobra.Command{newVerifyCmd(a), newReindexCmd(a), newStatsCmd(a), newQuotaCmd(a), newReloadCmd(a), newBackupCmd(a), newRestoreCmd(a), newRecoverCmd(a)}
}

// newAdminCmd has the same commands below admin, some under their former names.
func newAdminCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "The commands for data: verify, reindex, stats, quota, reload, backup, restore and recover", Hidden: true}
	cmd.AddCommand(newVerifyCmd(a), newReindexCmd(a), newStatsCmd(a), newAdminQuotaCmd(a), newReloadCmd(a),
		newBackupCmd(a), newRestoreCmd(a), newRecoverCmd(a))
	return cmd
}

func newReloadCmd(a *app) *cobra.Command {
	return a.changes(&cobra.Command{
		Use:   "reload",
		Short: "Make the running server read its configuration again, and report the result",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				if err := admin.Reload(cmd.Context(), c, a.request()); err != nil {
					return err
				}
				return a.printLine(cmd, admin.None{}, "reloaded")
			})
		},
	})
}

// request is that of verbs that need to know no more than who calls them.
func (a *app) request() admin.Request { return admin.Request{By: operator(), Reason: a.reason} }
