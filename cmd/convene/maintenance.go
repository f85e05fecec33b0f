package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newMaintenanceCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "maintenance",
		Short: "Make the server read-only for a while",
		Long: `While maintenance is on, calendars and delegates stay as they are: who writes is told to
try again (503, Retry-After), administrators too, who reads is served. Mail and what
rooms do by themselves waits. It stays on over a restart.`,
	}
	cmd.AddCommand(
		a.changes(newMaintenanceSwitchCmd(a, admin.MaintenanceOn, "Refuse changes; when this returns, none is under way any more")),
		a.changes(newMaintenanceSwitchCmd(a, admin.MaintenanceOff, "Take changes again")),
		newMaintenanceSwitchCmd(a, admin.MaintenanceStatus, "Say whether it is on, since when and why"),
	)
	return cmd
}

func newMaintenanceSwitchCmd(a *app, to, short string) *cobra.Command {
	return &cobra.Command{
		Use:   to,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				m, err := admin.SwitchMaintenance(cmd.Context(), c, admin.MaintenanceRequest{Switch: to, By: operator(), Reason: a.reason})
				if err != nil {
					return err
				}
				text := "off: changes are taken"
				if m.On {
					text = fmt.Sprintf("on since %s, by %s", m.Since.Format(time.RFC3339), m.By)
					if m.Reason != "" {
						text += ": " + m.Reason
					}
				}
				return a.printLine(cmd, m, "%s", visible(text))
			})
		},
	}
}
