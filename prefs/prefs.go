package prefs

import (
	"context"
	"encoding/json"
	"fmt"

	"convene/internal/engine"
)

// tablePrefs has the choices of each person: their GUID → JSON of Prefs.
const tablePrefs engine.Table = "prefs"

// Tables returns the tables with which the engine of Settings is opened.
func Tables() []engine.Table { return []engine.Table{tablePrefs} }

// Prefs are the choices of one person. An empty field is no choice: then the browser's
// word counts, and after it the language's or the server's habit.
type Prefs struct {
	Language string `json:"language,omitempty"` // tag of one that there is, such as "de"
	Zone     string `json:"zone,omitempty"`     // name of the IANA database
	Zone2    string `json:"zone2,omitempty"`    // name of one whose hours are beside those of the first
	Clock    string `json:"clock,omitempty"`    // "12" or "24" hours
	Week     string `json:"week,omitempty"`     // first day: "monday", "saturday" or "sunday"

	Hidden string `json:"hidden,omitempty"` // paths of calendars whose events the pages do not show, one a line
}

// Settings are the choices of everybody.
type Settings struct{ Engine engine.Engine }

// Get returns the choices of a person; none if they have made none.
func (s *Settings) Get(ctx context.Context, guid string) (p Prefs, err error) {
	err = s.Engine.View(ctx, func(r engine.Reader) error {
		p = Prefs{}
		v := r.Get(tablePrefs, []byte(guid))
		if v == nil {
			return nil
		}
		return json.Unmarshal(v, &p)
	})
	if err != nil {
		return Prefs{}, fmt.Errorf("preferences: %w", err)
	}
	return p, nil
}

// Set stores the choices of a person, in place of those they had.
func (s *Settings) Set(ctx context.Context, guid string, p Prefs) error {
	value, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("preferences: %w", err)
	}
	err = s.Engine.Update(ctx, func(w engine.Writer) error {
		if p == (Prefs{}) {
			return w.Delete(tablePrefs, []byte(guid))
		}
		return w.Put(tablePrefs, []byte(guid), value)
	})
	if err != nil {
		return fmt.Errorf("preferences: %w", err)
	}
	return nil
}
