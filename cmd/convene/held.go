package main

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newHeldCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "held",
		Short: "Device passwords, published links and panels that are held since a restore",
		Long: `A backup does not know what was revoked after it was made. When it is restored, device
passwords, published links and panels that were not in service any more when it was, or
of which nobody knows that, are held: they open nothing until they are released.`,
	}
	cmd.AddCommand(newHeldListCmd(a),
		newHeldEndCmd(a, "release", "Put what is held into service again", "released", admin.ReleaseHeld),
		newHeldEndCmd(a, "drop", "End what is held for good", "dropped", admin.DropHeld))
	return cmd
}

func newHeldListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List what is held: what it is, whose, what they call it, since when they have it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.ListHeld(cmd.Context(), c)
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, heldRows(list)) })
			})
		},
	}
}

func heldRows(list []admin.Held) (rows [][]string) {
	for _, h := range list {
		owner := h.Name
		if owner == "" {
			owner = h.GUID
		}
		rows = append(rows, []string{h.Kind, owner, h.Label, "made " + h.Created.Format(time.RFC3339)})
	}
	return rows
}

func newHeldEndCmd(a *app, use, short, done string, end func(context.Context, admin.Conn, admin.HeldRequest) ([]admin.Held, error)) *cobra.Command {
	return a.changes(&cobra.Command{
		Use:       use + " [KIND]",
		Short:     short + "; of one kind (device, link, panel), or everything",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: admin.HeldKinds,
		RunE: func(cmd *cobra.Command, args []string) error {
			r := admin.HeldRequest{By: operator(), Reason: a.reason}
			if len(args) == 1 {
				r.Kind = args[0]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := end(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.printLine(cmd, list, "%d %s", len(list), done)
			})
		},
	})
}
