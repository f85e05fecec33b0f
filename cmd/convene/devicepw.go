package main

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newDevicepwCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "devicepw",
		Short: "Device passwords: secrets for phones and for Digest",
		Long: `A device password opens the calendar and nothing else. It is made by the
server, shown once, and can be revoked by itself. Digest sign-in beside a
directory that only checks passwords needs them.`,
	}
	cmd.AddCommand(newDevicepwAddCmd(a), newDevicepwListCmd(a), newDevicepwRevokeCmd(a))
	return cmd
}

func newDevicepwAddCmd(a *app) *cobra.Command {
	return a.changes(&cobra.Command{
		Use:   "add USER [LABEL]",
		Short: "Make a device password and print it",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := admin.DeviceRequest{Who: args[0], Label: "device", By: operator(), Reason: a.reason}
			if len(args) == 2 {
				r.Label = args[1]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				d, err := admin.AddDevice(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.printLine(cmd, d, "%s\n\nfor %s, as %s. It is not shown again; revoke it with: convene devicepw revoke %s %s",
					d.Secret, d.Label, strings.Join(d.Logins, " or "), r.Who, d.ID)
			})
		},
	})
}

func newDevicepwListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list USER",
		Short: "List a person's device passwords, without the secrets",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.Devices(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, deviceRows(list)) })
			})
		},
	}
}

func deviceRows(list []admin.Device) (rows [][]string) {
	for _, d := range list {
		used := "never used"
		if !d.LastUsed.IsZero() {
			used = "used " + d.LastUsed.Format(time.RFC3339)
		}
		rows = append(rows, []string{d.ID, d.Label, "made " + d.Created.Format(time.RFC3339), used})
	}
	return rows
}

func newDevicepwRevokeCmd(a *app) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "revoke USER [ID]",
		Short: "Revoke a device password, or with --all every one of a person",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all != (len(args) == 1) {
				return usageError(errors.New("name the ID of a device password, or --all"))
			}
			r := admin.DeviceRequest{Who: args[0], By: operator(), Reason: a.reason}
			if !all {
				r.ID = args[1]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				n, err := admin.RevokeDevices(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.printLine(cmd, n, "%d revoked", n.Revoked)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "every device password of the person")
	return a.changes(cmd)
}
