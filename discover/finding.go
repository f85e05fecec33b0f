package discover

import "fmt"

// Level says how bad a finding is.
type Level uint8

// The levels.
const (
	OK Level = iota
	Warn
	Fail
)

var levelNames = [...]string{"ok", "warn", "fail"}

// String returns "ok", "warn" or "fail".
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// MarshalText implements encoding.TextMarshaler, for JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// A Finding is what one check has come to.
type Finding struct {
	Level   Level  `json:"level"`
	What    string `json:"what"` // was looked at, in a word or two
	Detail  string `json:"detail"`
	Setting string `json:"setting,omitempty"` // at fault
	Cure    string `json:"cure,omitempty"`
	Symptom string `json:"symptom,omitempty"` // as in Fault
}

// Error returns the finding in a line.
func (f *Finding) Error() string {
	s := f.What + ": " + f.Detail
	if f.Setting != "" {
		s = f.What + ": " + f.Setting + ": " + f.Detail
	}
	if f.Cure != "" {
		s += " → " + f.Cure
	}
	return s
}
