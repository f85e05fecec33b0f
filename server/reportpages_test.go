package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What browsers report of a page that wanted what its policy forbids is a line in the log,
// without what a URL may tell; who sends many, or long ones, is refused.
func TestPagePolicyReports(t *testing.T) {
	c := smallConfig(t)
	c.Log.Error = "error.log"
	now := new(clock)
	now.set(time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC))
	s := serveAt(t, c, now.now)
	b := open(t, s.HTTPS)
	send := func(kind, body string) int {
		return do(t, b.Client, "POST", b.base+"/reports/policy", "", body, "Content-Type: "+kind, "Sec-Fetch-Site: same-origin").StatusCode
	}
	const (
		old    = `{"csp-report":{"document-uri":"https://localhost/my/rooms?people=maria","effective-directive":"script-src-elem","blocked-uri":"inline","line-number":7,"script-sample":"alert(1)\nforged=line"}}`
		modern = `[{"type":"deprecation","body":{"id":"x"}},{"type":"csp-violation","url":"https://localhost/publish/SECRETTOKEN/","body":{"documentURL":"https://localhost/publish/SECRETTOKEN/","effectiveDirective":"img-src","blockedURL":"https://evil.example/pixel.gif?stolen=1"}}]`
	)
	for name, tt := range map[string]struct {
		kind, body string
		status     int
	}{
		"report-uri": {"application/csp-report", old, 204}, "report-to": {"application/reports+json", modern, 204},
		"no report": {"application/reports+json", `[{"type":"deprecation","body":{}}]`, 400}, "no JSON": {"application/csp-report", "hello", 400},
		"too long": {"application/csp-report", `{"csp-report":{"script-sample":"` + strings.Repeat("x", 20_000) + `"}}`, 413},
	} {
		if got := send(tt.kind, tt.body); got != tt.status {
			t.Errorf("%s: %d, want %d", name, got, tt.status)
		}
	}
	refused := 0
	for range 20 {
		if send("application/csp-report", old) == 429 {
			refused++
		}
	}
	if refused != 15 {
		t.Errorf("%d of 20 more were refused, want 15: ten at once", refused)
	}
	now.move(11 * time.Second)
	if got := [2]int{send("application/csp-report", old), send("application/csp-report", old)}; got != [2]int{204, 429} {
		t.Errorf("eleven seconds later: %v, want one more", got)
	}
	if got := do(t, b.Client, "POST", b.base+"/reports/policy", "", old, "Content-Type: application/csp-report", "Sec-Fetch-Site: cross-site"); got.StatusCode != 403 {
		t.Errorf("another site: %s", got.Status)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(c.Server.Data, "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "policy forbids") {
			lines++
		}
	}
	// The two at first, five of the twenty, and one: what is no report counts too.
	if lines != 8 || !strings.Contains(string(text), "count=8") {
		t.Errorf("%d lines, want 8\n%s", lines, text)
	}
	for _, want := range []string{`page=https://localhost/my/rooms directive=script-src-elem blocked=inline`, `line=7 sample="alert(1)\nforged=line"`, "blocked=https://evil.example/pixel.gif ", `page=https://localhost/publish/…`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log lacks %s\n%s", want, text)
		}
	}
	for _, secret := range []string{"SECRETTOKEN", "maria", "stolen"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}
