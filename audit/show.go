package audit

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Unknown is what Acts says came of an act whose second line is missing: it is
// being done, or the process ended while it was.
const Unknown = "unknown"

// Acts returns the acts that a query chooses, one line for each, in order: that of
// the outcome or event, or for want of an outcome that of the intent.
func Acts(f Files, q Query) ([]Line, error) {
	open := map[uint64]Line{}
	lines := []Line{}
	err := Read(f, 1, func(l *Line, _ []byte) error {
		delete(open, l.Of)
		switch {
		case !q.Match(l):
		case l.Kind == Intent:
			open[l.Seq] = *l
		default:
			lines = append(lines, *l)
		}
		return nil
	})
	for _, l := range open {
		l.Outcome = Unknown
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b Line) int { return int(a.Seq) - int(b.Seq) })
	return lines, err
}

// A Format is one of an export.
type Format string

// The formats of an export.
const (
	JSON Format = "json"
	CSV  Format = "csv"
)

// An exporter writes lines for another program.
type exporter interface {
	line(l *Line, text []byte) error
	end(Head, string) error
}

// Export writes the lines that a query chooses, intents too, and behind them the end
// of the chain and the SHA-256 of what was exported: of the lines as they are in the
// log, each with its newline. Errors: those of reading and of w.
func Export(w io.Writer, f Files, q Query, format Format) error {
	var out exporter
	switch format {
	case JSON:
		out = &jsonExport{w: w}
	case CSV:
		c := csv.NewWriter(w)
		if err := c.Write(strings.Fields(csvColumns)); err != nil {
			return err
		}
		out = csvExport{c}
	default:
		return fmt.Errorf("no such format: %q", format)
	}
	sum := sha256.New()
	var head Head
	err := Read(f, 1, func(l *Line, text []byte) error {
		head = Head{l.Seq, l.Hash}
		if !q.Match(l) {
			return nil
		}
		sum.Write(append(text, '\n')) // never fails
		return out.line(l, text)
	})
	if err != nil {
		return err
	}
	return out.end(head, hex.EncodeToString(sum.Sum(nil)))
}

type jsonExport struct {
	w     io.Writer
	count int
}

func (e *jsonExport) line(_ *Line, text []byte) error {
	before := "{\"lines\":[\n"
	if e.count > 0 {
		before = ",\n"
	}
	e.count++
	_, err := io.WriteString(e.w, before+string(text))
	return err
}

func (e *jsonExport) end(h Head, sum string) error {
	if e.count == 0 {
		if _, err := io.WriteString(e.w, `{"lines":[`); err != nil {
			return err
		}
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.w, "\n],\n\"head\":%s,\n\"sha256\":%q}\n", text, sum)
	return err
}

const csvColumns = `seq time kind of actor_guid actor_name as_guid as_name via uid says request remote verb
	object_type object_guid object_name object_path before after outcome error reason prev hash`

type csvExport struct{ w *csv.Writer }

func (e csvExport) line(l *Line, _ []byte) error {
	as, uid, of := Who{}, "", ""
	if l.As != nil {
		as = *l.As
	}
	if l.Via.UID != nil {
		uid = fmt.Sprint(*l.Via.UID)
	}
	if l.Of != 0 {
		of = strconv.FormatUint(l.Of, 10)
	}
	row := []string{
		strconv.FormatUint(l.Seq, 10), l.Time.Format(time.RFC3339Nano), string(l.Kind), of, l.Actor.GUID, l.Actor.Name, as.GUID, as.Name,
		l.Via.How, uid, l.Via.Says, l.Via.Request, l.Via.Remote, l.Verb, l.Object.Type, l.Object.GUID, l.Object.Name, l.Object.Path,
		string(l.Before), string(l.After), l.Outcome, l.Error, l.Reason, l.Prev, l.Hash,
	}
	for i, cell := range row {
		// A spreadsheet takes such cells for formulas.
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			row[i] = "'" + cell
		}
	}
	return e.w.Write(row)
}

// end writes a row of kind "head".
func (e csvExport) end(h Head, sum string) error {
	row := make([]string, len(strings.Fields(csvColumns)))
	row[0], row[2], row[19], row[len(row)-1] = strconv.FormatUint(h.Seq, 10), "head", `{"sha256":"`+sum+`"}`, h.Hash
	if err := e.w.Write(row); err != nil {
		return err
	}
	e.w.Flush()
	return e.w.Error()
}
