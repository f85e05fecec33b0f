package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"convene/config/apple"
	"convene/internal/atomicfile"
	"convene/internal/settings"
)

func newImportConfigCmd(a *app) *cobra.Command {
	dryRun := false
	cmd := &cobra.Command{
		Use:   "import-config FILE",
		Short: "Make a configuration of that of Apple's Calendar Server",
		Long: `Make a configuration of FILE, the caldavd.plist of Apple's Calendar Server, and say
of every key in it what it became, or why it was left out. Files that it names are
looked for beside it, then where it says: accounts.xml, resources.xml, augments.xml,
proxies.xml, sudoers.plist, and plists that it includes. A configuration that is there
is changed, and its other settings stay. Passwords go to files of their own beside it.
Nothing is written that "convene config check" would find mistakes in.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := appleSource(args[0], a.config)
			if err != nil {
				return err
			}
			r, err := apple.Import(src)
			if syntax, ok := errors.AsType[*apple.SyntaxError](err); ok {
				return usageError(syntax)
			}
			if r == nil {
				return err
			}
			if shown := a.print(cmd, r, func(w io.Writer) error { return a.showImport(w, r) }); shown != nil {
				return shown
			}
			if _, ok := errors.AsType[settings.Errors](err); ok {
				return failure{kind: kindProblems, error: fmt.Errorf("nothing was written, as the configuration would lack something:\n%w", err)}
			}
			if err != nil || dryRun {
				return err
			}
			return writeImported(src.Output, r)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&a.config, "output", "o", a.config, "configuration `file` to write")
	f.BoolVar(&dryRun, "dry-run", false, "write nothing")
	return cmd
}

// maxImported is the size of the files that are read, in bytes.
const maxImported = 64 << 20

// appleSource reads a plist, and the configuration that will be changed.
func appleSource(file, output string) (src apple.Source, err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return src, err
	}
	src = apple.Source{File: filepath.Base(file), Output: output}
	if src.Text, err = readImported(file); err != nil {
		return src, err
	}
	before, err := os.ReadFile(output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return src, err
	}
	src.Before = string(before)
	src.Open = func(named string) (string, []byte, error) {
		beside := filepath.Join(filepath.Dir(file), filepath.Base(named))
		text, err := readNamed(beside)
		if !errors.Is(err, fs.ErrNotExist) {
			return beside, text, err
		}
		text, err = readNamed(named)
		return named, text, err
	}
	return src, nil
}

// readNamed reads a file that the plist names: it may be another's, and name a pipe or a
// device that gives nothing, or without end.
func readNamed(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	return readImported(path)
}

func readImported(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxImported+1))
	if err == nil && len(text) > maxImported {
		err = fmt.Errorf("%s: larger than %d bytes", path, maxImported)
	}
	return text, err
}

// writeImported writes passwords before what names them. A configuration that is there keeps
// its mode and its owner, who gets the passwords too: the server could not read them else.
func writeImported(output string, r *apple.Result) error {
	mode, owner := fs.FileMode(0o640), func(string) error { return nil }
	info, err := os.Stat(output)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		mode = info.Mode().Perm()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			owner = func(path string) error { return os.Chown(path, int(st.Uid), int(st.Gid)) }
		}
	}
	for _, path := range slices.Sorted(maps.Keys(r.Secrets)) {
		if err := writeText(path, 0o600, r.Secrets[path]); err != nil {
			return err
		}
		if err := owner(path); err != nil {
			return err
		}
	}
	if err := writeText(output, mode, r.TOML); err != nil {
		return err
	}
	return owner(output)
}

func writeText(path string, mode fs.FileMode, text string) error {
	return atomicfile.Write(path, mode, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
}

func (a *app) showImport(out io.Writer, r *apple.Result) error {
	var rows [][]string
	for _, it := range r.Items {
		what := "left out"
		if it.Setting != "" {
			what = it.Setting + " = " + it.Value
		}
		rows = append(rows, []string{fmt.Sprintf("%s:%d", filepath.Base(it.File), it.Line), it.Key, what, it.Note})
	}
	if err := a.table(out, rows); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if len(r.Next) > 0 {
		fmt.Fprint(w, "\nLeft to do:\n")
	}
	for _, next := range r.Next {
		fmt.Fprintf(w, "    %s\n", visible(next))
	}
	return w.Flush()
}
