package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/delegation"
)

func newDelegateCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delegate",
		Short: "See and change who acts for whom, and look after the delegate database",
		Long: `A delegate reads or changes somebody's calendars as these themselves could: an assistant
for an executive, a team for a room. People set their own delegates in their calendar
program; here all of them are seen and changed. WHO is user:NAME, group:NAME, a GUID,
a login, or the short name of a location or resource.

Delegates whom the directory names for locations and resources are listed here and
changed there.`,
	}
	cmd.AddCommand(newDelegateListCmd(a), newDelegateAddCmd(a), newDelegateRemoveCmd(a), newDelegateStandInCmd(a), newDelegateLoadCmd(a),
		newDelegateExplainCmd(a), newDelegateCheckCmd(a))
	cmd.AddCommand(newDelegateFileCmds(a)...)
	return cmd
}

func newDelegateListCmd(a *app) *cobra.Command {
	var r admin.DelegatesRequest
	cmd := &cobra.Command{
		Use:   "list [WHO]",
		Short: "List the delegates of somebody, or of all",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				r.Who = args[0]
			} else if r.For {
				return usageError(errors.New("--for is about somebody: say who"))
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.ListDelegates(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, delegateRows(list)) })
			})
		},
	}
	cmd.Flags().BoolVar(&r.For, "for", false, "list for whom WHO is a delegate, also through groups")
	cmd.Flags().BoolVar(&r.Ended, "ended", false, "those that have ended as well")
	return cmd
}

// nameOr is the name of a principal, its GUID if nobody knows one.
func nameOr(name, guid string) string {
	if name != "" {
		return name
	}
	return guid
}

func delegateRows(list admin.Delegates) [][]string {
	rows := [][]string{{"DELEGATOR", "DELEGATE", "LEVEL", "STATE", "LIMITS", "FROM"}}
	for _, d := range list.Delegates {
		source := "set by " + nameOr(d.CreatedByName, d.CreatedBy)
		if d.Attribute != "" {
			source = "the directory: " + d.Attribute
		}
		if d.Through != "" {
			source += ", through " + d.Through
		}
		rows = append(rows, []string{nameOr(d.DelegatorName, d.Delegator), nameOr(d.DelegateName, d.Delegate), d.Level.String(), d.State, limitsText(d.Limits), source})
	}
	for _, x := range list.StandIns {
		limits := timesText(x.From, x.Until)
		if len(x.For) > 0 {
			limits = append(limits, fmt.Sprintf("for %d delegators", len(x.For)))
		}
		rows = append(rows, []string{"(stand-in " + fmt.Sprint(x.ID) + ") for " + nameOr(x.DelegateName, x.Delegate), nameOr(x.StandInName, x.StandIn.StandIn), "", x.State,
			strings.Join(limits, ", "), "set by " + x.CreatedBy})
	}
	return rows
}

func timesText(from, until time.Time) (parts []string) {
	if !from.IsZero() {
		parts = append(parts, "from "+from.Format(time.RFC3339))
	}
	if !until.IsZero() {
		parts = append(parts, "until "+until.Format(time.RFC3339))
	}
	return parts
}

// limitsText says what narrows or widens a delegation.
func limitsText(l delegation.Limits) string {
	parts := timesText(l.From, l.Until)
	if !l.Scope.All {
		parts = append(parts, fmt.Sprintf("%d calendars", len(l.Scope.Collections)))
	}
	for _, f := range []struct {
		is   bool
		text string
	}{
		{l.SeePrivate, "private events"}, {l.Manage, "changes the list"}, {l.Substitute, "names stand-ins"}, {l.NoSchedule, "no scheduling"},
		{l.Notify == delegation.NotifyMail, "told by mail"},
		{l.Note != "", fmt.Sprintf("note %q", l.Note)},
	} {
		if f.is {
			parts = append(parts, f.text)
		}
	}
	return strings.Join(parts, ", ")
}

// times are the flags that say from when and until when.
type times struct{ from, until string }

func (t *times) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.from, "from", "", "when it begins: a `TIME` such as 2026-07-01 or 2026-07-01T09:00:00+02:00")
	cmd.Flags().StringVar(&t.until, "until", "", "when it ends")
}

func (t *times) parse() (from, until time.Time, err error) {
	if from, err = parseWhen(t.from); err == nil {
		until, err = parseWhen(t.until)
	}
	return from, until, usageError(err)
}

// parseWhen reads a time, or a day as its first moment here.
func parseWhen(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.Local)
	if err != nil {
		return t, fmt.Errorf("%q is no time: write 2026-07-01 or 2026-07-01T09:00:00+02:00", s)
	}
	return t, nil
}

func newDelegateAddCmd(a *app) *cobra.Command {
	var r admin.DelegateChange
	var read, write bool
	var private, notify string
	var when times
	cmd := &cobra.Command{
		Use:   "add DELEGATOR DELEGATE --read|--write",
		Short: "Make somebody a delegate, with exactly these limits",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.Delegator, r.Delegate, r.By, r.Reason = args[0], args[1], operator(), a.reason
			switch {
			case read == write:
				return usageError(errors.New("say what the delegate may do: --read or --write"))
			case write:
				r.Level = delegation.LevelWrite
			default:
				r.Level = delegation.LevelRead
			}
			if r.Limits.From, r.Limits.Until, err = when.parse(); err != nil {
				return err
			}
			switch private {
			case "see":
				r.Limits.SeePrivate = true
			case "hide":
			default:
				return usageError(fmt.Errorf("--private %s: write see or hide", private))
			}
			if notify != "" {
				r.Notify = new(delegation.Notify)
				if err := r.Notify.UnmarshalText([]byte(notify)); err != nil {
					return usageError(fmt.Errorf("--notify %s: write none, inbox or mail", notify))
				}
			}
			return a.changeDelegates(cmd, func(c admin.Conn) (admin.DelegatesChanged, error) { return admin.AddDelegate(cmd.Context(), c, r) })
		},
	}
	f := cmd.Flags()
	f.BoolVar(&read, "read", false, "they may read")
	f.BoolVar(&write, "write", false, "they may read and change, invite and reply")
	when.flags(cmd)
	f.StringSliceVar(&r.Calendars, "scope", nil, "only these `CALENDARS`, by their names in the URL, separated by commas")
	f.StringVar(&private, "private", "hide", "private and confidential events: see or hide")
	f.StringVar(&notify, "notify", "", "whether they are told: none, inbox or mail; mail tells them that they were appointed, changed or removed")
	f.BoolVar(&r.Limits.Manage, "manage", false, "they may change the delegator's list of delegates")
	f.BoolVar(&r.Limits.Substitute, "substitute", false, "they may name a stand-in")
	f.BoolVar(&r.Limits.NoSchedule, "no-schedule", false, "they may change events without attendees alone")
	f.StringVar(&r.Limits.Note, "note", "", "a `TEXT` to remember why")
	return a.changes(cmd)
}

// changeDelegates does a change and prints what it did.
func (a *app) changeDelegates(cmd *cobra.Command, change func(admin.Conn) (admin.DelegatesChanged, error)) error {
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		done, err := change(c)
		if err != nil {
			return err
		}
		return a.print(cmd, done, func(w io.Writer) error { return writeDelegatesChanged(w, done) })
	})
}

func writeDelegatesChanged(w io.Writer, done admin.DelegatesChanged) (err error) {
	line := func(format string, args ...any) {
		_, err2 := fmt.Fprintln(w, visible(fmt.Sprintf(format, args...)))
		err = errors.Join(err, err2)
	}
	for _, part := range []struct {
		what string
		list []admin.Delegate
	}{{"added", done.Added}, {"changed", done.Changed}, {"removed", done.Removed}} {
		for _, d := range part.list {
			text := fmt.Sprintf("%s: %s for %s, %s", part.what, nameOr(d.DelegateName, d.Delegate), nameOr(d.DelegatorName, d.Delegator), d.Level)
			if limits := limitsText(d.Limits); limits != "" {
				text += ", " + limits
			}
			line("%s", text)
		}
	}
	for _, x := range done.StandIns {
		line("stand-in %d: %s for %s, %s", x.ID, nameOr(x.StandInName, x.StandIn.StandIn), nameOr(x.DelegateName, x.Delegate), strings.Join(timesText(x.From, x.Until), ", "))
	}
	if len(done.Added)+len(done.Changed)+len(done.Removed)+len(done.StandIns) == 0 {
		line("unchanged: it was so already")
	}
	return err
}

func newDelegateRemoveCmd(a *app) *cobra.Command {
	var standIn uint64
	cmd := &cobra.Command{
		Use:   "remove DELEGATOR DELEGATE",
		Short: "End a delegation, or with --stand-in a stand-in",
		Args:  cobra.RangeArgs(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case standIn != 0 && len(args) == 0:
				r := admin.StandInChange{Remove: standIn, By: operator(), Reason: a.reason}
				return a.changeDelegates(cmd, func(c admin.Conn) (admin.DelegatesChanged, error) { return admin.ChangeStandIn(cmd.Context(), c, r) })
			case standIn != 0 || len(args) != 2:
				return usageError(errors.New("name the delegator and the delegate, or a stand-in by its number"))
			}
			r := admin.DelegateChange{Delegator: args[0], Delegate: args[1], By: operator(), Reason: a.reason}
			return a.changeDelegates(cmd, func(c admin.Conn) (admin.DelegatesChanged, error) { return admin.RemoveDelegate(cmd.Context(), c, r) })
		},
	}
	cmd.Flags().Uint64Var(&standIn, "stand-in", 0, "the `NUMBER` of the stand-in to end, as list has it")
	return a.changes(cmd)
}

func newDelegateStandInCmd(a *app) *cobra.Command {
	var r admin.StandInChange
	var when times
	cmd := &cobra.Command{
		Use:   "standin DELEGATE STANDIN --until TIME",
		Short: "Let somebody act in the place of a delegate for some time",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			r.Delegate, r.StandIn, r.By, r.Reason = args[0], args[1], operator(), a.reason
			if r.From, r.Until, err = when.parse(); err != nil {
				return err
			}
			if r.Until.IsZero() {
				return usageError(errors.New("a stand-in has an end: --until TIME"))
			}
			return a.changeDelegates(cmd, func(c admin.Conn) (admin.DelegatesChanged, error) { return admin.ChangeStandIn(cmd.Context(), c, r) })
		},
	}
	when.flags(cmd)
	cmd.Flags().StringSliceVar(&r.For, "for", nil, "only for these `DELEGATORS`, separated by commas")
	cmd.Flags().StringVar(&r.Note, "note", "", "a `TEXT` to remember why")
	return a.changes(cmd)
}

func newDelegateExplainCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "explain ACTOR DELEGATOR [URL]",
		Short: "Explain what somebody may do for another, and with a calendar: every record, and why it counts or not",
		Args:  cobra.RangeArgs(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			q := admin.DelegateQuestion{Actor: args[0], Delegator: args[1]}
			if len(args) == 3 {
				q.URL = args[2]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				e, err := admin.ExplainDelegate(cmd.Context(), c, q)
				if err != nil {
					return err
				}
				return a.print(cmd, e, func(w io.Writer) error { return writeExplanation(w, e) })
			})
		},
	}
}

func writeExplanation(w io.Writer, e admin.DelegateExplanation) error {
	may := "may do nothing"
	if e.Grant.Level != delegation.LevelNone {
		may = "may " + e.Grant.Level.String()
	}
	for _, f := range []struct {
		is   bool
		text string
	}{
		{e.Grant.Schedule, ", schedule"}, {e.Grant.SeePrivate, ", see private events"}, {e.Grant.Manage, ", change the list of delegates"},
		{e.Grant.Approve, ", answer requests"}, {e.Grant.Substitute, ", name a stand-in"},
	} {
		if f.is {
			may += f.text
		}
	}
	where := ""
	if e.Calendar != "" {
		where = " in the calendar " + e.Calendar
	}
	_, err := fmt.Fprintf(w, "%s %s for %s%s as a delegate\n", visible(e.Actor), may, visible(e.Delegator), visible(where))
	for _, r := range e.Reasons {
		counts := "does not count: "
		if r.Counts {
			counts = "counts: "
		}
		what := "the stand-in"
		if d := r.Delegate; d != nil {
			what = fmt.Sprintf("%s, %s", nameOr(d.DelegateName, d.Delegate), d.Level)
			if d.Attribute != "" {
				what += ", by the directory's " + d.Attribute
			}
			if limits := limitsText(d.Limits); limits != "" {
				what += ", " + limits
			}
		}
		_, err2 := fmt.Fprintf(w, "  %s: %s%s\n", visible(what), counts, r.Why)
		err = errors.Join(err, err2)
	}
	return err
}

func newDelegateCheckCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Look for delegations of who is not there any more, and for names in the directory that lead to nobody",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				found, err := admin.CheckDelegates(cmd.Context(), c)
				if err != nil {
					return err
				}
				if err := a.print(cmd, found, func(w io.Writer) error { return a.table(w, remarkRows(found)) }); err != nil {
					return err
				}
				if n := len(found.Remarks) + len(found.Strays); n > 0 {
					return failure{kind: kindProblems, error: fmt.Errorf("remarks: %d", n)}
				}
				return nil
			})
		},
	}
}

func remarkRows(found admin.DelegateRemarks) (rows [][]string) {
	for _, r := range found.Remarks {
		what := ""
		if r.Record != nil {
			what = fmt.Sprintf("%s for %s", r.Record.Delegate, r.Record.Delegator)
		} else if r.StandIn != nil {
			what = fmt.Sprintf("stand-in %d, %s for %s", r.StandIn.ID, r.StandIn.StandIn, r.StandIn.Delegate)
		}
		rows = append(rows, []string{what, r.Problem})
	}
	for _, s := range found.Strays {
		rows = append(rows, []string{fmt.Sprintf("%s of %s in the directory: %s", s.Attribute, s.Delegator, s.Value), "leads to nobody who can be a delegate"})
	}
	if rows == nil {
		rows = [][]string{{"nothing found"}}
	}
	return rows
}
