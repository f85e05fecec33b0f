package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/admin/backup"
	"convene/server"
)

// backupFlags are the flags of backup.
type backupFlags struct {
	to         string
	keep       string
	verify     bool
	secrets    bool
	delegates  bool
	only       onlyFlag
	since      string
	follow     string
	recipients recipientFlags
	keys       identityFlags
	progress   progressMode
}

// backupResult is the value of backup.
type backupResult struct {
	File     string           `json:"file"`  // "-": the standard output
	Bytes    int64            `json:"bytes"` // of the file
	Manifest *backup.Manifest `json:"manifest"`
	Verified bool             `json:"verified"`
	Removed  []string         `json:"removed"` // older backups
}

func newBackupCmd(a *app) *cobra.Command {
	var f backupFlags
	cmd := &cobra.Command{
		Use:   "backup --to FILE|FOLDER|- | --follow FOLDER",
		Short: "Write all that the server keeps into one file, while it runs",
		Long: `Write calendars, delegates, sign-in state and access list, as they are at this moment, into
one file, while the server runs and changes go on. If none runs, its files are read.

--to a folder writes convene-TIME.cvb there; --keep then removes older ones but the
newest of each of so many days, weeks and months. --to - is the standard output.

--since LAST writes what has changed since another backup, which the new one then needs
beside it. LAST is its file, or a folder for the newest in there; in one without any the
first is whole.

--follow writes a backup into a folder and then, until the command is stopped, each change
beside it, less than a second after it was made. When there are more changes than data, or
the server was restarted, it begins another backup.

--recipient has it encrypted, to be read with the key of one of the recipients alone.
Without that, the file holds device passwords: it is for nobody's eyes but the server's.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.follow != "" {
				return a.follow(cmd, f)
			}
			return a.backup(cmd, f)
		},
	}
	cmd.Flags().StringVar(&f.to, "to", "", "`FILE`, folder, or - for the standard output")
	cmd.Flags().StringVar(&f.keep, "keep", "", "in a folder: how many `DAYS,WEEKS,MONTHS` keep a backup, such as 7d,4w,12m")
	cmd.Flags().BoolVar(&f.verify, "verify", false, "read the backup again and check all that is in it, before it gets its name")
	cmd.Flags().BoolVar(&f.secrets, "secrets", false, "with the configuration file as it is, passwords included")
	cmd.Flags().BoolVar(&f.delegates, "delegates", true, "with "+backup.DelegatesName+", which says who acts for whom")
	f.only.flag(cmd, "write")
	cmd.Flags().StringVar(&f.since, "since", "", "write what has changed since `LAST`, a backup or a folder of them")
	cmd.Flags().StringVar(&f.follow, "follow", "", "go on writing what changes into `FOLDER`, until stopped")
	f.recipients.flags(cmd)
	f.keys.flag(cmd)
	f.progress.flag(cmd)
	for _, other := range []string{"to", "since", "only", "verify", "recipient", "recipients-file"} {
		cmd.MarkFlagsMutuallyExclusive("follow", other)
	}
	cmd.MarkFlagsMutuallyExclusive("only", "since")
	cmd.MarkFlagsMutuallyExclusive("only", "delegates")
	cmd.MarkFlagsMutuallyExclusive("only", "secrets")
	cmd.AddCommand(newBackupVerifyCmd(a), newBackupDrillCmd(a), newBackupLastCmd(a))
	return cmd
}

// An onlyFlag is the flag --only, which names one file of the set.
type onlyFlag struct{ name string }

func (f *onlyFlag) flag(cmd *cobra.Command, verb string) {
	cmd.Flags().Var(f, "only", verb+" one file alone: delegates, which is "+backup.DelegatesName)
}

// String implements pflag.Value.
func (f *onlyFlag) String() string { return f.name }

// Type implements pflag.Value.
func (f *onlyFlag) Type() string { return "WHAT" }

// Set implements pflag.Value.
func (f *onlyFlag) Set(s string) error {
	if s != "delegates" {
		return errors.New("want delegates")
	}
	f.name = backup.DelegatesName
	return nil
}

func (a *app) backup(cmd *cobra.Command, f backupFlags) error {
	keep, path, err := f.check(time.Now())
	if err != nil {
		return err
	}
	request, err := a.backupRequest(&f)
	if err != nil {
		return err
	}
	to, err := f.recipients.read()
	if err != nil {
		return err
	}
	keys, err := f.keys.read()
	if err != nil {
		return err
	}
	if f.verify && len(to) > 0 && len(keys) == 0 {
		return usageError(errors.New("--verify of an encrypted backup needs its key: --identity FILE"))
	}
	show := f.progress.to(cmd.ErrOrStderr())
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		result := backupResult{File: path, Verified: f.verify, Removed: []string{}}
		w, err := f.writer(cmd.Context(), c, request, path, &backup.Meter{Progress: show.stage("backup")}, keys)
		if err != nil {
			return err
		}
		if path == "-" {
			err := backup.Pack(binary(cmd.OutOrStdout()), to, w.fill)
			show.end()
			return err
		}
		err = backup.WriteFile(path, to, w.fill, f.checker(cmd.Context(), show, &result, keys))
		show.end()
		if err != nil {
			return err
		}
		if len(to) == 0 {
			w.index = nil // it can be read
		}
		if err := backup.SetIndex(path, w.index); err != nil {
			return err
		}
		result.Manifest = w.manifest
		done := admin.BackupDone{File: path, Bytes: result.Bytes, Of: w.manifest.Time, Verified: f.verify, Encrypted: len(to) > 0}
		if request.Only == "" {
			if err := admin.NoteBackup(cmd.Context(), c, done); err != nil {
				return err
			}
		}
		if f.keep != "" {
			if result.Removed, err = backup.Prune(cmd.Context(), filepath.Dir(path), keep); err != nil {
				return err
			}
		}
		return a.print(cmd, result, func(w io.Writer) error { return result.write(w) })
	})
}

func (a *app) backupRequest(f *backupFlags) (r admin.BackupRequest, err error) {
	r = admin.BackupRequest{Version: version(), By: operator(), WithoutDelegates: !f.delegates, Only: f.only.name}
	if r.Only == "" {
		r.Config, err = a.configText(f.secrets)
	}
	return r, err
}

// A backupWriter writes an archive, and keeps what it then is.
type backupWriter struct {
	fill func(io.Writer) error

	manifest *backup.Manifest
	index    *backup.Index
}

// writer returns what writes the archive: of all, or of what has changed.
func (f *backupFlags) writer(ctx context.Context, c admin.Conn, r admin.BackupRequest, path string, meter *backup.Meter, keys []backup.Identity) (*backupWriter, error) {
	whole := func(w io.Writer) error {
		meter.W = w
		return admin.WriteBackup(ctx, c, r, meter)
	}
	b := &backupWriter{}
	base, err := f.base(ctx, path, keys)
	if err != nil {
		return nil, err
	}
	if base != nil {
		b.fill = func(w io.Writer) (err error) {
			b.manifest, b.index, err = backup.WriteSince(ctx, w, base, whole, "")
			return err
		}
		return b, nil
	}
	b.fill = func(w io.Writer) error {
		indexer := backup.NewIndexer()
		if err := whole(io.MultiWriter(w, indexer)); err != nil {
			return errors.Join(err, indexer.Abandon())
		}
		b.manifest = meter.Manifest
		b.index, err = indexer.Index()
		return err
	}
	return b, nil
}

// base is what the backup that will be at path continues; nil: nothing.
func (f *backupFlags) base(ctx context.Context, to string, keys []backup.Identity) (*backup.Index, error) {
	if f.since == "" {
		return nil, nil
	}
	path := f.since
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if path, err = backup.At(ctx, path, keys, time.Now()); errors.Is(err, os.ErrNotExist) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	return backup.ReadBase(ctx, path, to, keys)
}

// check reads the flags, and returns the file that is to be written.
func (f *backupFlags) check(now time.Time) (keep backup.Keep, path string, err error) {
	if f.to == "" {
		return keep, "", usageError(errors.New("say where to: --to FILE, --to FOLDER or --to -"))
	}
	info, err := os.Stat(f.to)
	folder := err == nil && info.IsDir()
	if f.keep != "" {
		if keep, err = backup.ParseKeep(f.keep); err != nil {
			return keep, "", usageError(fmt.Errorf("--keep %w", err))
		}
		if !folder {
			return keep, "", usageError(fmt.Errorf("--keep is for a folder, and %s is none", f.to))
		}
	}
	if f.to == "-" && f.verify {
		return keep, "", usageError(errors.New("--verify needs a file to read again, and --to - is none"))
	}
	if f.since != "" && f.to == "-" {
		return keep, "", usageError(errors.New("--since needs --to FILE or FOLDER: what it continues is looked for beside it"))
	}
	if folder && f.only.name != "" {
		return keep, "", usageError(errors.New("--only needs --to FILE: in a folder it would be taken for a whole backup"))
	}
	if folder {
		return keep, filepath.Join(f.to, backup.FileName(now)), nil
	}
	return keep, f.to, nil
}

// checker returns what looks at the file before it gets its name.
func (f *backupFlags) checker(ctx context.Context, show *progressView, result *backupResult, keys []backup.Identity) func(*os.File) error {
	return func(file *os.File) error {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		result.Bytes = info.Size()
		if !f.verify {
			return nil
		}
		report, err := backup.Verify(ctx, backup.FileAt(file, result.File, keys), server.BackupSet(), "", show.stage("verify"))
		if err == nil && len(report.Problems) > 0 {
			err = fmt.Errorf("%w: %d problems in what was written, the first: %s", backup.ErrDamaged, len(report.Problems), report.Problems[0])
		}
		return err
	}
}

// configText is the configuration as it goes into a backup.
func (a *app) configText(secrets bool) ([]byte, error) {
	if secrets {
		return os.ReadFile(a.config)
	}
	c, err := a.load()
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = c.WriteWithoutSecrets(&text)
	return text.Bytes(), err
}

// binary is standard output without the care for terminals, which is for text.
func binary(w io.Writer) io.Writer {
	if t, ok := w.(terminal); ok {
		return t.w
	}
	return w
}

func (r *backupResult) write(w io.Writer) error {
	verified := ""
	if r.Verified {
		verified = ", verified"
	}
	_, err := fmt.Fprintf(w, "%s: %s%s\n", r.File, short(r.Bytes), verified)
	err = errors.Join(err, writeManifest(w, r.Manifest))
	for _, name := range r.Removed {
		_, err2 := fmt.Fprintf(w, "removed %s\n", name)
		err = errors.Join(err, err2)
	}
	return err
}

// writeManifest says what a backup has.
func writeManifest(w io.Writer, m *backup.Manifest) error {
	_, err := fmt.Fprintf(w, "of %s on %s, by convene %s\n", m.Time.Format(time.RFC3339), m.Host, m.Version)
	if m.Base != nil {
		_, err2 := fmt.Fprintf(w, "continues the backup of %s\n", m.Base.Time.Format(time.RFC3339))
		err = errors.Join(err, err2)
	}
	for _, e := range m.Members {
		changed := ""
		if e.Changed != nil {
			changed = ", changed " + short(*e.Changed)
		}
		_, err2 := fmt.Fprintf(w, "  %s: %s%s%s\n", e.Name, short(e.Size), changed, countsText(e.Counts))
		err = errors.Join(err, err2)
	}
	return err
}

func countsText(counts map[string]int64) string {
	text := ""
	for _, name := range []string{"homes", "collections", "objects", "delegations", "rules"} {
		if n, ok := counts[name]; ok {
			text += fmt.Sprintf(", %d %s", n, name)
		}
	}
	return text
}

func newBackupVerifyCmd(a *app) *cobra.Command {
	var progress progressMode
	var flags identityFlags
	cmd := &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Read a backup and check all that is in it, as if it were restored",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := flags.read()
			if err != nil {
				return err
			}
			show := progress.to(cmd.ErrOrStderr())
			var report backup.Report
			err = withBackup(cmd, args[0], keys, func(r io.Reader) (err error) {
				report, err = backup.Verify(cmd.Context(), r, server.BackupSet(), "", show.stage("verify"))
				return err
			})
			show.end()
			if errors.Is(err, backup.ErrDamaged) {
				kind := kindOf(err)
				kind.Status = admin.StatusProblems
				return failure{kind: kind, error: err}
			}
			if err != nil {
				return err
			}
			err = a.print(cmd, report, func(w io.Writer) error {
				if len(report.Problems) == 0 {
					_, err := fmt.Fprintln(w, "no problems found")
					return errors.Join(err, writeManifest(w, report.Manifest))
				}
				for _, p := range report.Problems {
					if _, err := fmt.Fprintln(w, p); err != nil {
						return err
					}
				}
				return nil
			})
			if n := len(report.Problems); err == nil && n > 0 {
				return failure{kind: kindProblems, error: fmt.Errorf("problems found: %d; use another backup", n)}
			}
			return err
		},
	}
	flags.flag(cmd)
	progress.flag(cmd)
	return cmd
}

// withBackup gives fn a backup, decrypted: a file, or the standard input for "-".
func withBackup(cmd *cobra.Command, name string, keys []backup.Identity, fn func(io.Reader) error) error {
	if name == "-" {
		r, err := backup.Decrypted(cmd.InOrStdin(), keys)
		if err != nil {
			return err
		}
		return fn(r)
	}
	f, err := backup.Open(name, keys)
	if err != nil {
		return err
	}
	return errors.Join(fn(f), f.Close())
}

// withInput gives fn a file, or the standard input for "-".
func withInput(cmd *cobra.Command, name string, fn func(io.Reader) error) error {
	if name == "-" {
		return fn(cmd.InOrStdin())
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(fn(f), f.Close())
}
