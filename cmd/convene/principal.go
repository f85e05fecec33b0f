package main

import (
	"github.com/spf13/cobra"

	"convene/sacl"
)

func newPrincipalCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "principal", Short: "What is known of a person, group, room or resource"}
	service := string(sacl.Calendar)
	why := newSACLExplainCmd(a, &service)
	why.Use = "why WHO"
	why.Flags().StringVarP(&service, "service", "s", service, "calendar, web or admin")
	cmd.AddCommand(why)
	return cmd
}
