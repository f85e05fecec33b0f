package main

import (
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newACLCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "acl",
		Short: "Show access control lists, and explain what somebody may do and why",
		Long: `Everything in a calendar home has an access control list: what the configuration,
its owner and their delegates have come first, then what was set on it, then what
it inherits. URL is that of a resource, or its path: /calendars/users/ann/calendar/.`,
	}
	print := func(cmd *cobra.Command, e admin.ACLExplanation) error {
		return a.print(cmd, e, func(w io.Writer) error {
			_, err := io.WriteString(w, e.Text)
			return err
		})
	}
	var r admin.ACLRequest
	explain := &cobra.Command{
		Use:   "explain USER URL",
		Short: "Explain which privileges somebody has on a resource, and by which entry",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Who, r.URL = args[0], args[1]
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				e, err := admin.ExplainACL(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return print(cmd, e)
			})
		},
	}
	explain.Flags().StringVar(&r.Method, "method", "", "say as well how a request with this `METHOD` would fare")
	explain.Flags().StringVar(&r.By, "by", "", "say as well whether this `USER` may act as them")
	cmd.AddCommand(explain, &cobra.Command{
		Use:   "show URL",
		Short: "Print the list of a resource, in the order in which it is read",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				e, err := admin.ShowACL(cmd.Context(), c, args[0])
				if err != nil {
					return err
				}
				return print(cmd, e)
			})
		},
	})
	return cmd
}
