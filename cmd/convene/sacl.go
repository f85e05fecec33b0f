package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/sacl"
	"convene/server"
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
		newSACLResetCmd(a),
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
	return a.changes(&cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				done, err := admin.ChangeSACL(cmd.Context(), c, admin.SACLChange{
					Service: sacl.Service(*service), Effect: effect, Who: args[0], By: operator(), Reason: a.reason,
				})
				if err != nil {
					return err
				}
				return a.print(cmd, done, func(w io.Writer) error { return a.writeChange(w, *service, effect, done) })
			})
		},
	})
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

// saclReset is the JSON form of what reset has done.
type saclReset struct {
	Rules int `json:"rules"`
}

func newSACLResetCmd(a *app) *cobra.Command {
	var yes, fromFile bool
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Begin anew after the list was lost, or put back from a backup",
		Long: `The server refuses to start without the list that was in force last, because
it would not know who is denied. Put sacl.json back from a backup and use
--from-file to make its rules the ones in force. Without --from-file there are
no rules but those of the configuration afterwards, so that everyone may use the
calendar whom those do not deny. The file that was there is kept beside the new one, and the
audit log says who did this.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return errors.New("this drops rules about who is denied; repeat the command with --yes")
			}
			with := sacl.Empty
			if fromFile {
				with = sacl.FromTheFile
			}
			n, err := a.resetSACL(cmd.Context(), with)
			if err != nil {
				return err
			}
			return a.print(cmd, saclReset{n}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "the access list begins anew with %d rules of its own\n", n)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&fromFile, "from-file", false, "with the rules in sacl.json, whatever list they are of")
	return a.changes(cmd)
}

// resetSACL asks the running server, or does it to the files of one that is
// stopped.
func (a *app) resetSACL(ctx context.Context, with sacl.Beginning) (n int, err error) {
	config, err := a.load()
	if err != nil {
		return 0, err
	}
	request := admin.SACLReset{With: with, By: operator(), Reason: a.reason}
	client, err := admin.Dial(ctx, config.Server.Data)
	if errors.Is(err, admin.ErrNotRunning) {
		return server.ResetSACL(ctx, config, request)
	}
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	return admin.ResetSACL(ctx, client, request)
}
