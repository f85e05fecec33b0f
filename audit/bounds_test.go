package audit_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"convene/audit"
)

// TestLongTexts: who may write texts into the log, as those who are refused may, cannot fill
// the disk by it; what was done can still be told, and a long list stays whole.
func TestLongTexts(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 0, nil)
	long := strings.Repeat("é", 30_000)
	var rules []string
	for range 500 {
		rules = append(rules, "group:people of the house")
	}
	a := act(long)
	a.Reason, a.Object.Path = long, "/"+long
	a.Before = map[string]any{"comment": long, "list": rules, "nested": []any{map[string]any{"text": long, "n": 12345678901234567}}}
	a.After = map[string]string{"comment": "short"}
	err := l.Do(t.Context(), a, func() (any, error) { return nil, errors.New(long) })
	if err == nil {
		t.Error("the error of the act is lost")
	}
	all := lines(t, f)
	if len(all) != 2 {
		t.Fatalf("%d lines, want 2", len(all))
	}
	info, err := os.Stat(f.Path)
	if err != nil || info.Size() > 60_000 {
		t.Errorf("%d bytes, %v", info.Size(), err)
	}
	for _, line := range all {
		for what, text := range map[string]string{"name": line.Object.Name, "reason": line.Reason, "before": string(line.Before)} {
			if !strings.Contains(text, "éé… (60000 bytes)") {
				t.Errorf("%s: not cut, or nothing says so: %.80q", what, text)
			}
		}
		if before := string(line.Before); strings.Count(before, "group:people of the house") != 500 || !strings.Contains(before, "12345678901234567") {
			t.Errorf("the list is not whole: %d bytes", len(before))
		}
	}
	if !strings.Contains(all[1].Error, "… (60000 bytes)") || all[1].Outcome != audit.Failed || string(all[0].After) != `{"comment":"short"}` {
		t.Errorf("outcome: %.80q, after: %s", all[1].Error, all[0].After)
	}
}
