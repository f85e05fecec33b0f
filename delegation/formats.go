package delegation

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxRepeat bounds what one record of proxies.xml may stand for.
const maxRepeat = 100_000

func badFile(where, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, where, fmt.Sprintf(format, args...))
}

// ReadJSON reads what WriteJSON writes. delegator and delegate may also be names;
// who made the record and when is not taken over. Errors: ErrInvalid.
func ReadJSON(r io.Reader) (list []Import, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var records []Record
	if err := d.Decode(&records); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, badFile("end", "more than one list")
	}
	for i, rec := range records {
		if rec.Attribute != "" {
			continue // of the directory, and not of the database
		}
		list = append(list, Import{fmt.Sprintf("record %d", i+1), rec.Delegator, rec.Delegate, rec.Level, &rec.Limits})
	}
	return list, nil
}

// WriteJSON writes records as a list that ReadJSON reads.
func WriteJSON(w io.Writer, records []Record) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	if records == nil {
		records = []Record{}
	}
	return e.Encode(records)
}

// columns of a CSV file, all but the first three optional, in any order.
var columns = []string{"delegator", "delegate", "level", "from", "until", "private", "manage", "substitute", "schedule", "note"}

// ReadCSV reads lines of delegator, delegate and level: read or write. A first line
// with names of columns may add from and until (RFC 3339, or a day, UTC), private,
// manage, substitute, schedule (yes or no) and note; the limits of who has one of
// these are those of the line. Errors: ErrInvalid.
func ReadCSV(r io.Reader) (list []Import, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = -1
	c.TrimLeadingSpace = true
	c.Comment = '#'
	names := columns[:3]
	for first := true; ; first = false {
		fields, err := c.Read()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		line, _ := c.FieldPos(0)
		where := fmt.Sprintf("line %d", line)
		if first {
			fields[0] = strings.TrimPrefix(fields[0], "\ufeff") // as spreadsheets begin
			if slices.Contains(fields, "delegator") {
				if names, err = header(fields); err != nil {
					return nil, badFile(where, "%v", err)
				}
				continue
			}
		}
		if len(fields) != len(names) {
			return nil, badFile(where, "%d fields, %d expected", len(fields), len(names))
		}
		im, err := csvLine(names, fields)
		if err != nil {
			return nil, badFile(where, "%v", err)
		}
		im.Where = where
		list = append(list, im)
	}
}

func header(fields []string) ([]string, error) {
	for i, f := range fields {
		if !slices.Contains(columns, f) || slices.Contains(fields[:i], f) {
			return nil, fmt.Errorf("column %q", f)
		}
	}
	for _, f := range columns[:3] {
		if !slices.Contains(fields, f) {
			return nil, fmt.Errorf("no column %q", f)
		}
	}
	return slices.Clone(fields), nil
}

func csvLine(names, fields []string) (im Import, err error) {
	limits := PlainLimits(User)
	for i, f := range fields {
		switch f = strings.TrimSpace(f); names[i] {
		case "delegator":
			im.Delegator = f
		case "delegate":
			im.Delegate = f
		case "level":
			err = im.Level.UnmarshalText([]byte(f))
		case "from":
			limits.From, err = readTime(f)
		case "until":
			limits.Until, err = readTime(f)
		case "private":
			limits.SeePrivate, err = readBool(f, false)
		case "manage":
			limits.Manage, err = readBool(f, false)
		case "substitute":
			limits.Substitute, err = readBool(f, false)
		case "schedule":
			var schedule bool
			schedule, err = readBool(f, true)
			limits.NoSchedule = !schedule
		case "note":
			limits.Note = f
		}
		if err != nil {
			return im, fmt.Errorf("%s: %w", names[i], err)
		}
	}
	if im.Delegator == "" || im.Delegate == "" {
		return im, errors.New("a name is empty")
	}
	if len(names) > 3 {
		im.Limits = &limits
	}
	return im, nil
}

func readTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

func readBool(s string, otherwise bool) (bool, error) {
	switch strings.ToLower(s) {
	case "":
		return otherwise, nil
	case "yes", "true", "1":
		return true, nil
	case "no", "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", s)
}

// xmlProxies is Apple's proxies.xml. The names without "write" and "read-only" are
// those of older files.
type xmlProxies struct {
	XMLName xml.Name `xml:"proxies"`
	Records []struct {
		Repeat string     `xml:"repeat,attr"`
		GUID   []string   `xml:"guid"`
		Write  []xmlNames `xml:"write-proxies"`
		Older  []xmlNames `xml:"proxies"`
		Read   []xmlNames `xml:"read-proxies"`
		Only   []xmlNames `xml:"read-only-proxies"`
	} `xml:"record"`
}

type xmlNames struct {
	Members []string `xml:"member"`
}

// ReadProxiesXML reads Apple's proxies.xml: records of a guid with write-proxies
// and read-proxies. A record with repeat="N" stands for N, in whose names %d or
// %02d is the number from 1. Errors: ErrInvalid.
func ReadProxiesXML(r io.Reader) (list []Import, err error) {
	var doc xmlProxies
	d := xml.NewDecoder(r)
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	for i, rec := range doc.Records {
		where := fmt.Sprintf("record %d", i+1)
		repeat := 1
		if rec.Repeat != "" {
			if repeat, err = strconv.Atoi(rec.Repeat); err != nil || repeat < 1 {
				return nil, badFile(where, "repeat %q", rec.Repeat)
			}
		}
		if len(rec.GUID) != 1 || strings.TrimSpace(rec.GUID[0]) == "" {
			return nil, badFile(where, "%d guids", len(rec.GUID))
		}
		for _, of := range []struct {
			level Level
			lists []xmlNames
		}{{LevelWrite, slices.Concat(rec.Write, rec.Older)}, {LevelRead, slices.Concat(rec.Read, rec.Only)}} {
			for _, names := range of.lists {
				for _, m := range names.Members {
					if len(list)+repeat > maxRepeat {
						return nil, badFile(where, "more than %d delegations", maxRepeat)
					}
					if strings.TrimSpace(m) == "" {
						return nil, badFile(where, "an empty member")
					}
					for n := 1; n <= repeat; n++ {
						list = append(list, Import{Where: where, Delegator: numbered(rec.GUID[0], n, rec.Repeat),
							Delegate: numbered(m, n, rec.Repeat), Level: of.level})
					}
				}
			}
		}
	}
	return list, nil
}

// numbered puts the number of a repetition into a name, for %d or %0Nd.
func numbered(name string, n int, repeat string) string {
	name = strings.TrimSpace(name)
	before, rest, ok := strings.Cut(name, "%")
	digits, after, ok2 := strings.Cut(rest, "d")
	if repeat == "" || !ok || !ok2 || len(digits) > 2 || strings.Trim(digits, "0123456789") != "" {
		return name
	}
	width, _ := strconv.Atoi(digits) // none: 0
	pad := " "
	if strings.HasPrefix(digits, "0") {
		pad = "0"
	}
	text := strconv.Itoa(n)
	return before + strings.Repeat(pad, max(0, width-len(text))) + text + after
}

// ReadProxyDB reads the text that "sqlite3 FILE .dump" makes of Apple's database of
// proxies: the rows of its table GROUPS, of which GROUPNAME is a GUID followed by
// #calendar-proxy-read or -write and MEMBER a GUID. Other tables are passed over.
// Errors: ErrInvalid.
func ReadProxyDB(r io.Reader) (list []Import, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	seen := false
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		where := fmt.Sprintf("line %d", n)
		if bytes.HasPrefix(line, []byte("CREATE TABLE")) && bytes.Contains(line, []byte("GROUPS")) {
			seen = true
		}
		rest, ok := insertIntoGroups(string(line))
		if !ok {
			continue
		}
		values, err := sqlStrings(rest)
		if err != nil || len(values) < 2 {
			return nil, badFile(where, "a row that cannot be read")
		}
		seen = true
		guid, group, _ := strings.Cut(values[0], "#")
		im := Import{Where: where, Delegator: guid, Delegate: values[1]}
		switch group {
		case "calendar-proxy-write":
			im.Level = LevelWrite
		case "calendar-proxy-read":
			im.Level = LevelRead
		default:
			return nil, badFile(where, "group %q", values[0])
		}
		if im.Delegator == "" || im.Delegate == "" {
			return nil, badFile(where, "a name is empty")
		}
		list = append(list, im)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if !seen {
		return nil, badFile("file", "no table GROUPS")
	}
	return list, nil
}

// insertIntoGroups returns what follows VALUES in a statement of that table.
func insertIntoGroups(line string) (string, bool) {
	rest, ok := strings.CutPrefix(line, "INSERT INTO ")
	if !ok {
		return "", false
	}
	name, rest, ok := strings.Cut(rest, "VALUES")
	name, _, _ = strings.Cut(name, "(")
	return rest, ok && strings.Trim(name, "\"'` ") == "GROUPS"
}

// sqlStrings reads ('a','b',…); within a string, two apostrophes are one.
func sqlStrings(s string) (list []string, err error) {
	s, ok := strings.CutPrefix(strings.TrimSpace(s), "(")
	for ok {
		if s, ok = strings.CutPrefix(strings.TrimSpace(s), "'"); !ok {
			break
		}
		var b strings.Builder
		for {
			part, rest, ended := strings.Cut(s, "'")
			if !ended {
				return nil, errEncoding
			}
			b.WriteString(part)
			if s, ended = strings.CutPrefix(rest, "'"); !ended {
				break
			}
			b.WriteByte('\'')
		}
		list = append(list, b.String())
		s = strings.TrimSpace(s)
		if strings.TrimSpace(strings.TrimSuffix(s, ";")) == ")" {
			return list, nil
		}
		s, ok = strings.CutPrefix(s, ",")
	}
	return nil, errEncoding
}
