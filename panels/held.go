package panels

import (
	"bytes"
	"encoding/json"
	"fmt"

	"convene/internal/engine"
	"convene/internal/held"
)

// HeldPanel is the kind of panels among what is held.
const HeldPanel = "panel"

// Secrets returns all panels with their rows; the owner of one is its room; one of a place
// has none.
func Secrets(r engine.Reader) (list []held.Secret, err error) {
	for k, v := range r.Scan(tablePanels, engine.Range{}) {
		var one Panel
		if err := json.Unmarshal(v, &one); err != nil {
			return nil, fmt.Errorf("panel: %w", err)
		}
		list = append(list, held.Secret{Kind: HeldPanel, GUID: one.Room, Label: one.ID, Created: one.At,
			Rows: []held.Row{{Table: tablePanels, Key: bytes.Clone(k), Value: bytes.Clone(v)}}})
	}
	return list, nil
}
