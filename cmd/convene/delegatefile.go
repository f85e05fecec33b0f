package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/delegation"
	"convene/internal/atomicfile"
)

// newDelegateFileCmds are the commands about the delegate database as a file.
func newDelegateFileCmds(a *app) []*cobra.Command {
	return []*cobra.Command{
		newDelegateHistoryCmd(a), newDelegateVerifyCmd(a), newDelegateBackupCmd(a), newDelegateRestoreCmd(a), newDelegateDiffCmd(a),
		newDelegateCureCmd(a, &cobra.Command{
			Use:   admin.CureAcceptRollback,
			Short: "Go on with an old file that is in the place of a newer one",
			Long: `Go on with the file that is there, although a newer one was in use. What was changed
after it is lost; delegates.log has the lines.`,
		}, admin.CureAcceptRollback, "yes"),
		newDelegateCureCmd(a, &cobra.Command{
			Use:   admin.CureAdopt,
			Short: "Make a file of another server, or of other calendars, this one's",
		}, admin.CureAdopt, "yes"),
		newDelegateCureCmd(a, &cobra.Command{
			Use:   admin.CureReset,
			Short: "Begin with an empty database: everybody loses their delegates",
			Long: `Begin with an empty database where the one that there was is lost and no copy is left.
Everybody loses their delegates, but for those whom the directory names. A file that is
there is kept beside the new one. A database that is in order is never reset.`,
		}, admin.CureReset, "i-know-what-is-lost"),
	}
}

func newDelegateLoadCmd(a *app) *cobra.Command {
	var r admin.DelegateLoad
	cmd := &cobra.Command{
		Use:   "load FILE|-",
		Short: "Load delegations from a file, all of them or none",
		Long: `Load delegations from a file: CSV (DELEGATOR,DELEGATE,read|write, and with a first line of
names of columns also from, until, private, manage, substitute, schedule and note), the
JSON of "convene delegate list --json" or its array, Apple's proxies.xml, or what
"sqlite3 FILE .dump" makes of Apple's database of proxies. Loading it again changes
nothing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			err = withInput(cmd, args[0], func(in io.Reader) (err error) {
				r.Text, err = io.ReadAll(in)
				return err
			})
			if err != nil {
				return err
			}
			if r.Format == "" {
				r.Format = formatOf(r.Text)
			}
			if r.Format == admin.FormatJSON {
				r.Text = listIn(r.Text)
			}
			r.By, r.Reason = operator(), a.reason
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				report, err := admin.LoadDelegates(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				would := ""
				if r.DryRun {
					would = "nothing was changed; it would be: "
				}
				return a.printLine(cmd, report, "%sread %d, added %d, changed %d, removed %d, unchanged %d, unknown %d", would,
					report.Read, report.Added, report.Changed, report.Removed, report.Unchanged, len(report.Unknown))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.Format, "format", "", "csv, json, proxies.xml or proxydb; otherwise it is seen from the text")
	f.BoolVar(&r.Replace, "replace", false, "remove what the delegators in the file have besides")
	f.BoolVar(&r.SkipUnknown, "skip-unknown", false, "leave out who is not in the directory")
	f.BoolVar(&r.DryRun, "dry-run", false, "only say what would be done")
	return a.changes(cmd)
}

// formatOf sees from a text in which format it is.
func formatOf(text []byte) string {
	head := bytes.TrimLeft(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("<")):
		return admin.FormatProxies
	case bytes.HasPrefix(head, []byte("[")), bytes.HasPrefix(head, []byte("{")):
		return admin.FormatJSON
	case bytes.HasPrefix(head, []byte("PRAGMA")), bytes.HasPrefix(head, []byte("BEGIN")), bytes.HasPrefix(head, []byte("CREATE")), bytes.HasPrefix(head, []byte("INSERT")):
		return admin.FormatProxyDB
	}
	return admin.FormatCSV
}

// listIn is the array of records in what "delegate list --json" has printed, or the text
// itself if it is something else.
func listIn(text []byte) []byte {
	var list admin.Delegates
	if json.Unmarshal(text, &list) != nil {
		return text
	}
	var records []delegation.Record
	for _, d := range list.Delegates {
		records = append(records, d.Record)
	}
	var out bytes.Buffer
	if delegation.WriteJSON(&out, records) != nil {
		return text
	}
	return out.Bytes()
}

func newDelegateHistoryCmd(a *app) *cobra.Command {
	var since string
	cmd := &cobra.Command{
		Use:   "history [WHO]",
		Short: "Print the journal of the delegate database, after its chain was proven",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var r admin.DelegateHistoryRequest
			if len(args) > 0 {
				r.Who = args[0]
			}
			if r.Since, err = parseWhen(since); err != nil {
				return usageError(err)
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.DelegateHistory(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, historyRows(list)) })
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "only what was done from this `TIME` on")
	return cmd
}

func historyRows(list []admin.DelegateEvent) [][]string {
	rows := [][]string{{"TIME", "VERB", "DELEGATOR", "DELEGATE", "NOW", "BY", "VIA"}}
	for _, ev := range list {
		delegator, delegate, now := "", "", ev.Note
		for _, r := range []*delegation.Record{ev.Before, ev.After} {
			if r != nil {
				delegator, delegate = nameOr(ev.DelegatorName, r.Delegator), nameOr(ev.DelegateName, r.Delegate)
			}
		}
		if r := ev.After; r != nil {
			now = strings.TrimSuffix(r.Level.String()+", "+limitsText(r.Limits), ", ")
		}
		for _, x := range []*delegation.StandIn{ev.StandInBefore, ev.StandInAfter} {
			if x != nil {
				delegator, delegate, now = "(stand-in for) "+x.Delegate, x.StandIn, strings.Join(timesText(x.From, x.Until), ", ")
			}
		}
		by := nameOr(ev.ActorName, ev.Actor)
		if ev.Sudo != "" {
			by += " (" + ev.Sudo + ")"
		}
		rows = append(rows, []string{ev.Time.UTC().Format(time.RFC3339), ev.Verb, delegator, delegate, now, by, ev.Via})
	}
	return rows
}

func newDelegateVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Read the whole delegate database and its journal, and say in which state it is",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				s, err := admin.VerifyDelegates(cmd.Context(), c)
				if err != nil {
					return err
				}
				if err := a.print(cmd, s, func(w io.Writer) error { return writeDelegateState(w, s) }); err != nil {
					return err
				}
				if s.Cure != "" && s.Condition != delegation.Ahead {
					return failure{kind: kindProblems, error: fmt.Errorf("the delegate database is %s", s.State)}
				}
				return nil
			})
		},
	}
}

func writeDelegateState(w io.Writer, s admin.DelegateState) error {
	_, err := fmt.Fprintf(w, "%s: %d records, generation %d\n", visible(s.State.String()), s.Records, s.Mark.Generation)
	if s.Cure != "" {
		_, err2 := fmt.Fprintf(w, "cure: %s\n", s.Cure)
		err = errors.Join(err, err2)
	}
	for _, c := range s.Copies {
		_, err2 := fmt.Fprintf(w, "copy of %s: %s\n", c.Time.UTC().Format(time.RFC3339), visible(c.Path))
		err = errors.Join(err, err2)
	}
	return err
}

// delegateFile is the value of delegate backup.
type delegateFile struct {
	File string `json:"file"`
}

func newDelegateBackupCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a verified copy of the delegate database to a new file",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := os.Lstat(args[0]); err == nil {
				return fmt.Errorf("%s: %w", args[0], fs.ErrExist)
			}
			err := a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				return atomicfile.Write(args[0], 0o600, func(w io.Writer) error { return admin.BackUpDelegates(cmd.Context(), c, w) })
			})
			if err != nil {
				return err
			}
			return a.printLine(cmd, delegateFile{args[0]}, "%s", args[0])
		},
	}
}

// readCopy reads a copy of the delegate database, and the sum beside it if there is
// one.
func (a *app) readCopy(path string) (r admin.DelegateRestore, err error) {
	if r.Copy, err = os.ReadFile(path); err != nil {
		return r, err
	}
	r.By, r.Reason = operator(), a.reason
	if r.Sum, err = os.ReadFile(path + ".sha256"); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}

func newDelegateRestoreCmd(a *app) *cobra.Command {
	var who string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Put a copy in the place of the delegate database, while the server runs",
		Long: `Put a copy in the place of the delegate database, in whatever state that is: one of
delegates.d in the data folder, or one that "convene delegate backup" wrote. It is
checked first, and the file that is there is kept as delegates.db.before-TIME.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.restoreDelegates(cmd, args[0], who, dryRun) },
	}
	cmd.Flags().StringVar(&who, "principal", "", "restore what is of `WHO` alone, as delegator or delegate")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only say what would change")
	return a.changes(cmd)
}

func newDelegateDiffCmd(a *app) *cobra.Command {
	var who string
	cmd := &cobra.Command{
		Use:   "diff FILE",
		Short: "Say what would change if a copy were restored",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return a.restoreDelegates(cmd, args[0], who, true) },
	}
	cmd.Flags().StringVar(&who, "principal", "", "what is of `WHO` alone")
	return cmd
}

func (a *app) restoreDelegates(cmd *cobra.Command, path, who string, dryRun bool) error {
	r, err := a.readCopy(path)
	if err != nil {
		return err
	}
	r.Who, r.DryRun = who, dryRun
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		list, err := admin.RestoreDelegates(cmd.Context(), c, r)
		if err != nil {
			return err
		}
		return a.print(cmd, list, func(w io.Writer) error {
			rows := differenceRows(list)
			done := fmt.Sprintf("restored from %s; what changed: %d", filepath.Base(path), len(list))
			if dryRun {
				done = fmt.Sprintf("what would change: %d", len(list))
			}
			if _, err := fmt.Fprintln(w, visible(done)); err != nil {
				return err
			}
			return a.table(w, rows)
		})
	})
}

func differenceRows(list []delegation.Difference) (rows [][]string) {
	for _, d := range list {
		what, was, now := "", "none", "none"
		for _, r := range []*delegation.Record{d.Before, d.After} {
			if r != nil {
				what = fmt.Sprintf("%s for %s", r.Delegate, r.Delegator)
			}
		}
		for _, x := range []*delegation.StandIn{d.StandInBefore, d.StandInAfter} {
			if x != nil {
				what = fmt.Sprintf("%s stands in for %s", x.StandIn, x.Delegate)
			}
		}
		show := func(r *delegation.Record, x *delegation.StandIn, to *string) {
			switch {
			case r != nil:
				*to = strings.TrimSuffix(r.Level.String()+", "+limitsText(r.Limits), ", ")
			case x != nil:
				*to = strings.Join(timesText(x.From, x.Until), ", ")
			}
		}
		show(d.Before, d.StandInBefore, &was)
		show(d.After, d.StandInAfter, &now)
		rows = append(rows, []string{what, was, "→", now})
	}
	return rows
}

// newDelegateCureCmd makes the command of a cure, which is done only with a flag that
// says so.
func newDelegateCureCmd(a *app, cmd *cobra.Command, cure, flag string) *cobra.Command {
	var sure bool
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if !sure {
			return usageError(fmt.Errorf("this cannot be undone; repeat the command with --%s", flag))
		}
		return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
			s, err := admin.CureDelegates(cmd.Context(), c, admin.DelegateCure{Cure: cure, By: operator(), Reason: a.reason})
			if err != nil {
				return err
			}
			return a.print(cmd, s, func(w io.Writer) error { return writeDelegateState(w, s) })
		})
	}
	cmd.Flags().BoolVar(&sure, flag, false, "do it")
	return a.changes(cmd)
}
