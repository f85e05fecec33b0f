package doctor

import (
	"fmt"
	"slices"
	"strings"

	"convene/discover"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn" // something does not work as it should, or soon will not
	Fail Level = "fail" // people cannot use the server
)

// A Finding is what one check has found.
type Finding struct {
	Level   Level  `json:"level"`
	Check   string `json:"check"`             // the kind of check: one of Checks
	What    string `json:"what"`              // what was looked at
	Figure  string `json:"figure,omitempty"`  // what was found
	Count   int    `json:"count,omitempty"`   // of records, where What is a type of them
	Symptom string `json:"symptom,omitempty"` // see discover.Fault
	Setting string `json:"setting,omitempty"` // key of the setting at fault; "": outside the configuration
	Cure    string `json:"cure,omitempty"`
}

// String returns the finding as a line: "FAIL  what  figure → cure".
func (f Finding) String() string {
	s := fmt.Sprintf("%-4s  %s", strings.ToUpper(string(f.Level)), f.What)
	if f.Figure != "" {
		s += "  " + f.Figure
	}
	if f.Cure != "" {
		s += " → "
		if f.Setting != "" {
			s += f.Setting + ": "
		}
		s += f.Cure
	}
	return s
}

// A Report is what a doctor has found, in the order of its checks.
type Report []Finding

// Worst returns the worst level.
func (r Report) Worst() Level {
	for _, l := range []Level{Fail, Warn} {
		if slices.ContainsFunc(r, func(f Finding) bool { return f.Level == l }) {
			return l
		}
	}
	return OK
}

// Faults returns the findings that are not OK.
func (r Report) Faults() Report {
	return slices.DeleteFunc(slices.Clone(r), func(f Finding) bool { return f.Level == OK })
}

// examination collects findings of one check.
type examination struct {
	check  string
	report Report
}

func (e *examination) ok(what, figure string, args ...any) {
	e.report = append(e.report, Finding{Level: OK, Check: e.check, What: what, Figure: fmt.Sprintf(figure, args...)})
}

// found notes a fault that no error tells.
func (e *examination) found(l Level, what, symptom, setting, cure, figure string, args ...any) {
	e.report = append(e.report, Finding{Level: l, Check: e.check, What: what, Symptom: symptom, Setting: setting, Cure: cure, Figure: fmt.Sprintf(figure, args...)})
}

// told notes what discover has found.
func (e *examination) told(f discover.Finding) {
	e.report = append(e.report, Finding{Level: Level(f.Level.String()), Check: e.check, What: f.What, Figure: f.Detail, Symptom: f.Symptom, Setting: f.Setting, Cure: f.Cure})
}

// failed notes an error, with what discover makes of it.
func (e *examination) failed(l Level, what string, err error, facts discover.Facts) {
	fault, known := discover.Explain(err, facts)
	if !known {
		fault = discover.Fault{Symptom: "unknown", Problem: err.Error(), Cure: "look at the directory's log"}
	}
	e.fault(l, what, fault)
}

func (e *examination) fault(l Level, what string, fault discover.Fault) {
	e.report = append(e.report, Finding{Level: l, Check: e.check, What: what, Figure: fault.Problem, Symptom: fault.Symptom, Setting: fault.Setting, Cure: fault.Cure})
}
