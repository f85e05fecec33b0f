package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"convene/admin/backup"
)

// progressMode says how progress is shown: "auto" on a terminal, "json" as a line of
// JSON each second, "none" not at all.
type progressMode string

// String implements pflag.Value.
func (m *progressMode) String() string { return string(*m) }

// Type implements pflag.Value.
func (m *progressMode) Type() string { return "auto|json|none" }

// Set implements pflag.Value.
func (m *progressMode) Set(s string) error {
	switch s {
	case "auto", "json", "none":
		*m = progressMode(s)
		return nil
	}
	return fmt.Errorf("there are auto, json and none")
}

func (m *progressMode) flag(cmd *cobra.Command) {
	*m = "auto"
	cmd.Flags().Var(m, "progress", "progress on the standard error: on a terminal, as JSON, or none;")
}

// A progressView shows how far a command has come.
type progressView struct {
	mode  progressMode
	w     io.Writer
	every time.Duration
	now   func() time.Time

	unit  string    // of what is counted; "": bytes
	last  time.Time // when something was shown last
	shown bool
}

// to returns the view on w.
func (m progressMode) to(w io.Writer) *progressView {
	v := &progressView{mode: m, w: w, every: time.Second, now: time.Now}
	if m == "auto" {
		v.every = 200 * time.Millisecond
		if !isTerminal(w) {
			v.mode = "none"
		}
	}
	return v
}

// progressLine is a line with --progress=json.
type progressLine struct {
	Progress struct {
		Stage string  `json:"stage"`
		Done  int64   `json:"done"`
		Total int64   `json:"total"`
		Unit  string  `json:"unit"`
		Rate  float64 `json:"rate"` // a second
	} `json:"progress"`
}

// counting is stage for what is counted in another unit than bytes; never nil.
func (v *progressView) counting(name, unit string) func(done, total int64) {
	v.unit = unit
	if p := v.stage(name); p != nil {
		return p
	}
	return func(int64, int64) {}
}

// stage begins to show something; nil if nothing is to be shown.
func (v *progressView) stage(name string) backup.Progress {
	if v.mode == "none" {
		return nil
	}
	begun := time.Time{}
	return func(done, total int64) {
		now := v.now()
		if begun.IsZero() {
			begun = now
		}
		if now.Sub(v.last) < v.every && done < total {
			return
		}
		v.last = now
		rate := 0.0
		if d := now.Sub(begun).Seconds(); d > 0 {
			rate = float64(done) / d
		}
		v.show(name, done, total, rate)
	}
}

// show writes one state. That it cannot be written harms nothing.
func (v *progressView) show(stage string, done, total int64, rate float64) {
	if v.mode == "json" {
		var line progressLine
		p := &line.Progress
		p.Stage, p.Done, p.Total, p.Unit, p.Rate = stage, done, total, cmp.Or(v.unit, "bytes"), rate
		if text, err := json.Marshal(line); err == nil {
			_, _ = fmt.Fprintf(v.w, "%s\n", text)
		}
		return
	}
	percent := int64(100)
	if total > 0 {
		percent = 100 * done / total
	}
	v.shown = true
	if v.unit != "" {
		_, _ = fmt.Fprintf(v.w, "\r\x1b[K%s: %d of %d", stage, done, total)
		return
	}
	_, _ = fmt.Fprintf(v.w, "\r\x1b[K%s %d%% of %s, %s/s", stage, percent, short(total), short(int64(rate)))
}

// end takes away what is on the terminal.
func (v *progressView) end() {
	if v.shown {
		_, _ = io.WriteString(v.w, "\r\x1b[K") // only for who looks on; the result follows
	}
}

// short is a number of bytes for people.
func short(n int64) string {
	value, unit := float64(n), "bytes"
	for _, next := range []string{"kB", "MB", "GB", "TB"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	if unit == "bytes" || value >= 100 {
		return fmt.Sprintf("%.0f %s", value, unit)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
