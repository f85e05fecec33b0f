package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"convene/audit"
	"convene/server"
)

func newAuditCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "The audit log: what was done by whom",
		Long: `The audit log has what operators change, and what administrators and readers do
with the calendars of others. Its lines are a chain, so that none can be changed
or taken away without a trace. These commands read its files, whether the server
runs or not.`,
	}
	cmd.AddCommand(newAuditShowCmd(a), newAuditVerifyCmd(a), newAuditExportCmd(a))
	return cmd
}

// errAuditOff says that there is no audit log.
var errAuditOff = errors.New("log.audit is off")

// auditFiles are where the audit log of the configuration is.
func (a *app) auditFiles() (f audit.Files, err error) {
	config, err := a.load()
	if err != nil {
		return f, err
	}
	f, ok := server.AuditFiles(&config)
	if !ok {
		return f, errAuditOff
	}
	return f, nil
}

// queryFlags are the flags that choose lines.
type queryFlags struct {
	since, until string
	query        audit.Query
}

func (f *queryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.since, "since", "", "from this `time` on: 2026-11-21, 2026-11-21T10:04:05Z, or 90m ago")
	cmd.Flags().StringVar(&f.until, "until", "", "before this `time`")
	cmd.Flags().StringVar(&f.query.Actor, "actor", "", "done by `who`: a name or GUID")
	cmd.Flags().StringVar(&f.query.Object, "object", "", "done to `what`: a name, GUID or path")
	cmd.Flags().StringVar(&f.query.Verb, "verb", "", "such as sacl.set, or sacl for all of these")
}

// read sets the times of the query.
func (f *queryFlags) read(now time.Time) (err error) {
	if f.query.Since, err = parseTime(f.since, now); err == nil {
		f.query.Until, err = parseTime(f.until, now)
	}
	return err
}

// parseTime reads a date, a time, or how long ago it is; "" is the zero time.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return t, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, usageError(fmt.Errorf("time %q: write 2026-11-21, 2026-11-21T10:04:05Z, or how long ago: 90m", text))
}

func newAuditShowCmd(a *app) *cobra.Command {
	var flags queryFlags
	var follow bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "List what was done, one line for each act",
		Long: `List what was done, one line for each act. The outcome "unknown" is that of an act
that is being done, or whose end nobody has recorded. With -f the command goes on
and prints what is done from then on; with --json, too, it is a line for each act
then, and not one document.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.read(time.Now()); err != nil {
				return err
			}
			files, err := a.auditFiles()
			if err != nil {
				return err
			}
			if follow {
				return a.followAudit(cmd, files, flags.query)
			}
			lines, err := audit.Acts(files, flags.query)
			if err != nil {
				return err
			}
			return a.print(cmd, lines, func(w io.Writer) error { return a.table(w, auditRows(lines)) })
		},
	}
	flags.add(cmd)
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what is done from now on")
	return cmd
}

// followEvery is how often show -f looks for new lines.
const followEvery = 500 * time.Millisecond

// followAudit prints the acts there are, and then those that come, until the
// command is interrupted.
func (a *app) followAudit(cmd *cobra.Command, files audit.Files, q audit.Query) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	next := uint64(1)
	for {
		err := audit.Read(files, next, func(l *audit.Line, text []byte) error {
			next = l.Seq + 1
			if l.Kind == audit.Intent || !q.Match(l) {
				return nil
			}
			if a.json {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
				return err
			}
			return a.table(cmd.OutOrStdout(), auditRows([]audit.Line{*l}))
		})
		if err != nil {
			return err
		}
		select {
		case <-cmd.Context().Done():
			if errors.Is(cmd.Context().Err(), context.Canceled) {
				return nil
			}
			return cmd.Context().Err()
		case <-tick.C:
		}
	}
}

func auditRows(lines []audit.Line) (rows [][]string) {
	for _, l := range lines {
		who := l.Actor.Name
		if who == "" {
			who = l.Actor.GUID
		}
		if l.As != nil {
			who += " as " + l.As.Name
		} else if l.Via.Says != "" {
			who += " (" + l.Via.Says + ")"
		}
		what := l.Object.Name
		if l.Object.Path != "" {
			what += " " + l.Object.Path
		}
		change := ""
		if l.Before != nil || l.After != nil {
			change = string(l.Before) + " > " + string(l.After)
		}
		outcome := l.Outcome
		if l.Error != "" {
			outcome += ": " + l.Error
		}
		rows = append(rows, []string{l.Time.Format(time.RFC3339), who, l.Via.How, l.Verb, what, outcome, change, l.Reason})
	}
	return rows
}

func newAuditVerifyCmd(a *app) *cobra.Command {
	var from uint64
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no line of the audit log was changed, removed or added",
		Long: `Check the chain of the audit log over all its files, those that were rotated and
compressed too, and that it ends where the server left it. The exit status is 10
if it is broken. Files that were moved to an archive are missing; --from says
with which line the rest begins.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, err := a.auditFiles()
			if err != nil {
				return err
			}
			r, err := audit.Verify(files, from)
			if err != nil {
				return err
			}
			if n := len(r.Problems); n > 0 {
				if err := a.print(cmd, r, func(w io.Writer) error { return writeAuditProblems(w, r.Problems) }); err != nil {
					return err
				}
				kind := kindProblems
				kind.Cure = "keep the files as they are, and compare them with the copy on another machine"
				return failure{kind: kind, error: fmt.Errorf("the audit log is broken: %d problems", n)}
			}
			return a.printLine(cmd, r, "%d lines in %d files: the chain is whole; it ends with line %d, hash %s", r.Lines, r.Files, r.Head.Seq, r.Head.Hash)
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 1, "check from this `line` of the chain on")
	return cmd
}

func writeAuditProblems(w io.Writer, list []audit.Problem) error {
	for _, p := range list {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}

func newAuditExportCmd(a *app) *cobra.Command {
	var flags queryFlags
	format := string(audit.JSON)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write lines of the audit log for another program, with the hash of the chain",
		Long: `Write the lines of the audit log that the flags choose, as JSON or CSV. Behind them
stand the last line's number and hash, and the SHA-256 of what was exported.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != string(audit.JSON) && format != string(audit.CSV) {
				return usageError(fmt.Errorf("format %q: there are json and csv", format))
			}
			if err := flags.read(time.Now()); err != nil {
				return err
			}
			files, err := a.auditFiles()
			if err != nil {
				return err
			}
			return audit.Export(cmd.OutOrStdout(), files, flags.query, audit.Format(format))
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&format, "format", format, "json or csv")
	return cmd
}
