package policy

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
)

// roomColumn begins a table of ParseTable.
const roomColumn = "room"

// IsTable reports whether a text begins as one for ParseTable.
func IsTable(text []byte) bool {
	first, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), []byte("\n"))
	name, _, _ := bytes.Cut(bytes.TrimSpace(first), []byte(","))
	return string(bytes.Trim(name, `" `)) == roomColumn
}

// ParseTable reads settings of many rooms from a table (CSV, RFC 4180): the first line
// names the column "room" and then settings by the names of their knobs; each further
// line has a room, by its short or full name or its GUID, and values as Knob.Set takes
// them. An empty cell says nothing about the setting. What a line has wrong is in its
// notes. Errors: no such table; a column that is no setting, or is named twice; more than
// 50,000 rooms.
func ParseTable(r io.Reader) ([]Imported, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	c := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))))
	c.TrimLeadingSpace = true
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("no table: %w", err)
	}
	seen := map[string]bool{}
	for i, name := range head {
		head[i] = strings.TrimSpace(name)
		switch _, err := Find(head[i]); {
		case i == 0 && head[0] != roomColumn:
			return nil, fmt.Errorf("the first column is %q, not %q", head[0], roomColumn)
		case i > 0 && err != nil:
			return nil, fmt.Errorf("column %d: %w", i+1, err)
		case seen[head[i]]:
			return nil, fmt.Errorf("column %q is there twice", head[i])
		}
		seen[head[i]] = true
	}
	return importRows(c, func(row []string) Imported {
		m := Imported{Identity: strings.TrimSpace(row[0]), Values: map[string]string{}}
		for i, value := range row[1:] {
			if value = strings.TrimSpace(value); value != "" {
				m.set(head[i+1], head[i+1], value, nil)
			}
		}
		return m
	})
}
