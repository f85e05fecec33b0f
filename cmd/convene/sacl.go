package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/sacl"
)

func newSACLCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sacl",
		Short: "Show and change the service access list",
		Long: `The service access list says who may use the service at all; the directory
record must be enabled as well. Rules set here are kept in the data folder and
count beside those of the configuration. WHO is everyone, user:NAME, group:NAME,
a GUID, or a NAME that only one of the two has.`,
	}
	var service string
	cmd.PersistentFlags().StringVarP(&service, "service", "s", string(sacl.Calendar), "all, calendar, web or admin")
	cmd.AddCommand(
		newSACLShowCmd(a),
		newSACLChangeCmd(a, &service, "allow WHO", "Allow a person or group; only those allowed may use the service from then on", sacl.Allow),
		newSACLChangeCmd(a, &service, "deny WHO", "Deny a person or group the service", sacl.Deny),
		newSACLChangeCmd(a, &service, "clear WHO", "Remove the rule that allow or deny made", ""),
		newSACLExplainCmd(a, &service),
	)
	return cmd
}

func newSACLShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "List the rules in force",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				rules, err := admin.ShowSACL(cmd.Context(), c)
				if err != nil {
					return err
				}
				return a.print(cmd, rules, func(w io.Writer) error { return a.table(w, ruleRows(rules)) })
			})
		},
	}
}

// ruleRows has a row for each rule, and one for each service without rules.
func ruleRows(rules []admin.SACLRule) (rows [][]string) {
	for _, r := range rules {
		made := ""
		if r.By != "" {
			made = fmt.Sprintf("%s by %s", r.Changed, r.By)
		}
		rows = append(rows, []string{string(r.Service), string(r.Effect), r.Who, string(r.Origin), made})
	}
	for _, s := range sacl.Services() {
		if countRules(rules, s) == 0 {
			open := "everyone"
			if s == sacl.Admin {
				open = "nobody"
			}
			rows = append(rows, []string{string(s), "no rules", open})
		}
	}
	return rows
}

func countRules(rules []admin.SACLRule, s sacl.Service) (n int) {
	for _, r := range rules {
		if r.Service == s {
			n++
		}
	}
	return n
}

func newSACLChangeCmd(a *app, service *string, use, short string, effect sacl.Effect) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				done, err := admin.ChangeSACL(cmd.Context(), c, admin.SACLChange{
					Service: sacl.Service(*service), Effect: effect, Who: args[0], By: operator(),
				})
				if err != nil {
					return err
				}
				return a.print(cmd, done, func(w io.Writer) error { return a.writeChange(w, *service, effect, done) })
			})
		},
	}
}

func (a *app) writeChange(w io.Writer, service string, effect sacl.Effect, done admin.SACLChanged) error {
	outcome := "set"
	switch {
	case !done.Changed:
		outcome = "unchanged"
	case effect == "":
		outcome = "cleared"
	}
	if _, err := fmt.Fprintf(w, "%s for %s: %s. The rules for %s are now:\n", service, done.Who, outcome, service); err != nil {
		return err
	}
	if len(done.Rules) == 0 {
		_, err := fmt.Fprintln(w, "none")
		return err
	}
	var rows [][]string
	for _, r := range done.Rules {
		rows = append(rows, []string{"  " + string(r.Effect), r.Who, string(r.Origin)})
	}
	return a.table(w, rows)
}

func newSACLExplainCmd(a *app, service *string) *cobra.Command {
	return &cobra.Command{
		Use:   "explain USER",
		Short: "Explain whether somebody may use the service, by which rule and which directory entry",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				e, err := admin.ExplainSACL(cmd.Context(), c, sacl.Service(*service), args[0])
				if err != nil {
					return err
				}
				return a.print(cmd, e, func(w io.Writer) error {
					_, err := io.WriteString(w, e.Text)
					return err
				})
			})
		},
	}
}
