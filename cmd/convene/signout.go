package main

import (
	"errors"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newSignoutCmd(a *app) *cobra.Command {
	var all, devices bool
	cmd := &cobra.Command{
		Use:   "signout WHO | --all",
		Short: "End somebody's sessions, and ask the directory anew about them",
		Long: `The sessions of a person's browsers end, passwords that were verified are
verified again, and what is remembered of the directory's record is asked for
again: who has been disabled or deleted there is out at once. Device passwords
stay unless --devices is given, and tickets are good for as long as the
directory lets the account act. WHO may have left the directory.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all != (len(args) == 0) || all && devices {
				return usageError(errors.New("name a person, or --all without --devices"))
			}
			r := admin.SignOutRequest{All: all, Devices: devices, By: operator(), Reason: a.reason}
			if !all {
				r.Who = args[0]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				out, err := admin.SignOut(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.printLine(cmd, out, "signed out; %d sessions ended, %d device passwords revoked", out.Sessions, out.Devices)
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "everybody")
	cmd.Flags().BoolVar(&devices, "devices", false, "revoke the person's device passwords, too")
	return a.changes(cmd)
}
