package publish

import (
	"bytes"
	"encoding/json"
	"fmt"

	"convene/internal/engine"
	"convene/internal/held"
)

// HeldLink is the kind of links among what is held.
const HeldLink = "link"

// Secrets returns all links with their rows.
func Secrets(r engine.Reader) (list []held.Secret, err error) {
	for k, v := range r.Scan(tableLink, engine.Range{}) {
		var rec record
		if err := json.Unmarshal(v, &rec); err != nil {
			return nil, fmt.Errorf("published link: %w", err)
		}
		hash := bytes.Clone(k)
		list = append(list, held.Secret{Kind: HeldLink, GUID: rec.GUID, Label: rec.Title, Created: rec.Created, Rows: []held.Row{
			{Table: tableLink, Key: hash, Value: bytes.Clone(v)}, {Table: tableLinkOf, Key: append(ownerPrefix(rec.GUID), rec.ID...), Value: hash},
		}})
	}
	return list, nil
}
