package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newMailCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "mail", Short: "See and work on the mail that waits to be sent, and test sending"}
	cmd.AddCommand(newMailListCmd(a), newMailShowCmd(a),
		newMailChangeCmd(a, "retry", "Try mail again now", "to be tried", admin.RetryMail),
		newMailChangeCmd(a, "drop", "Remove mail that waits: it is not sent, and its sender is not told", "dropped", admin.DropMail),
		newMailTestCmd(a))
	return cmd
}

func newMailListCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the mail that waits to be sent, what is due first on top",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				l, err := admin.ListMail(cmd.Context(), c)
				if err != nil {
					return err
				}
				return a.print(cmd, l, func(w io.Writer) error { return a.mailTable(w, l) })
			})
		},
	}
}

func (a *app) mailTable(w io.Writer, l admin.MailList) error {
	if l.Oldest == nil {
		_, err := fmt.Fprintln(w, "no mail waits")
		return err
	}
	rows := [][]string{{"ID", "METHOD", "TO", "QUEUED", "NEXT", "TRIES", "LAST TRY"}}
	for _, m := range l.Letters {
		rows = append(rows, []string{m.ID, m.Method, m.To, stamp(m.Queued), stamp(m.Due), fmt.Sprint(m.Tries), m.Note})
	}
	if err := a.table(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%d wait, the oldest since %s\n", len(l.Letters), stamp(*l.Oldest))
	return err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func newMailShowCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Print what is known of one mail that waits: not what it says",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				l, err := admin.ListMail(cmd.Context(), c)
				if err != nil {
					return err
				}
				for _, m := range l.Letters {
					if m.ID == args[0] {
						return a.print(cmd, m, func(w io.Writer) error { return a.table(w, mailRows(m)) })
					}
				}
				return admin.NoLetter(args[0])
			})
		},
	}
}

func mailRows(m admin.Letter) [][]string {
	return [][]string{
		{"id", m.ID}, {"method", m.Method}, {"from", m.From}, {"to", m.To}, {"uid", m.UID},
		{"queued", stamp(m.Queued)}, {"next try", stamp(m.Due)}, {"tries", fmt.Sprint(m.Tries)}, {"last try", m.Note},
	}
}

// A mailVerb does something with mails.
type mailVerb func(context.Context, admin.Conn, admin.MailRequest) (admin.MailChange, error)

// newMailChangeCmd is a command about some mails or all.
func newMailChangeCmd(a *app, name, short, done string, do mailVerb) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   name + " ID… | --all",
		Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("name the mails, as mail list does, or --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				m, err := do(cmd.Context(), c, admin.MailRequest{IDs: args, All: all, By: operator(), Reason: a.reason})
				if err != nil {
					return err
				}
				return a.printLine(cmd, m, "%s: %s", done, strings.Join(m.IDs, " "))
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all mail that waits")
	return a.changes(cmd)
}

func newMailTestCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "test ADDRESS",
		Short: "Send a mail to an address now, and print what the submission server says",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				r := admin.MailRequest{Address: args[0], By: operator(), Reason: a.reason}
				if err := admin.TestMail(cmd.Context(), c, r); err != nil {
					return err
				}
				return a.printLine(cmd, r.Address, "the server has taken a mail to %s", r.Address)
			})
		},
	}
	return a.changes(cmd)
}
