package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// print writes a command's value: as one JSON document with --json, or as text
// does.
func (a *app) print(cmd *cobra.Command, value any, text func(io.Writer) error) error {
	if a.json {
		return writeJSON(cmd.OutOrStdout(), value)
	}
	return text(cmd.OutOrStdout())
}

// printLine is print with one line of text.
func (a *app) printLine(cmd *cobra.Command, value any, format string, args ...any) error {
	return a.print(cmd, value, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, format+"\n", args...)
		return err
	})
}

// table writes rows for people in aligned columns, and for programs with tabs
// between the cells.
func (a *app) table(w io.Writer, rows [][]string) error {
	var out strings.Builder
	to, flush := io.Writer(&out), func() error { return nil }
	if a.aligned {
		columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		to, flush = columns, columns.Flush
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = cell(c)
		}
		if _, err := fmt.Fprintln(to, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	if err := flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// cell is what others wrote, without the characters that divide a table.
func cell(s string) string {
	return strings.NewReplacer("\t", `\t`, "\n", `\n`).Replace(visible(s))
}

// isTerminal reports whether a person looks at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// writeJSON writes one document, in which characters that could command a
// terminal are escaped.
func writeJSON(w io.Writer, value any) error {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return err
	}
	_, err := w.Write(escapeJSON(text.Bytes()))
	return err
}

// escapeJSON escapes what is not printable. Outside ASCII that only occurs in
// strings, and encoding/json has escaped the control characters of ASCII but DEL.
func escapeJSON(text []byte) []byte {
	var out []byte
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case c == '\n' || strconv.IsPrint(c):
			out = append(out, text[:n]...)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
		text = text[n:]
	}
	return out
}
