package web

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"convene/web/page"
)

// reportsPath is where browsers say that a page wanted what its policy forbids (CSP Level 3
// §5).
const reportsPath = "/reports/policy"

// What is taken of such reports: anybody can send them.
const (
	reportSize      = 16 << 10 // bytes of a request
	reportsAtOnce   = 10       // of one request
	reportText      = 200      // bytes of each text in the log
	reportsOfOne    = 0.1      // requests a second of one network, …
	reportsOfAll    = 1.0      // … and reports of all
	reportsBurst    = 10       // requests at once of one network, …
	reportsAllBurst = 30       // … and reports of all
)

// reports counts what browsers report.
type reports struct {
	of, all page.Rates
	count   atomic.Int64 // since the start
}

// A violation is one report: what was wanted where.
type violation struct {
	Document  string `json:"documentURL"`
	Directive string `json:"effectiveDirective"`
	Blocked   string `json:"blockedURL"`
	Source    string `json:"sourceFile"`
	Line      int    `json:"lineNumber"`
	Sample    string `json:"sample"`
}

// violations reads a report as the report-to directive has it sent, or as report-uri has.
func violations(body []byte) (list []violation) {
	var told []struct {
		Type string    `json:"type"`
		Body violation `json:"body"`
	}
	if json.Unmarshal(body, &told) == nil {
		for _, one := range told {
			if one.Type == "csp-violation" && len(list) < reportsAtOnce {
				list = append(list, one.Body)
			}
		}
		return list
	}
	var old struct {
		Report *struct {
			Document  string `json:"document-uri"`
			Directive string `json:"effective-directive"`
			Blocked   string `json:"blocked-uri"`
			Source    string `json:"source-file"`
			Line      int    `json:"line-number"`
			Sample    string `json:"script-sample"`
		} `json:"csp-report"`
	}
	if json.Unmarshal(body, &old) == nil && old.Report != nil {
		list = append(list, violation(*old.Report))
	}
	return list
}

// report takes reports: each is a line in the log, as long as there are not too many.
func (h *Handler) report(w http.ResponseWriter, r *page.Request) {
	if !h.reports.of.Allow(r.Network(), r.Time) {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	body, err := io.ReadAll(r.Body) // bounded by readForm
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	list := violations(body)
	if len(list) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	for i, v := range list {
		if !h.reports.all.Allow("", r.Time) {
			if i == 0 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			break
		}
		h.parts.Log.Warn("a page wanted what its policy forbids", "id", r.ID, "page", place(v.Document), "directive", short(v.Directive), "blocked", place(v.Blocked),
			"source", place(v.Source), "line", v.Line, "sample", short(v.Sample), "address", r.Address, "agent", short(r.UserAgent()), "count", h.reports.count.Add(1))
	}
	w.WriteHeader(http.StatusNoContent)
}

// place is a URL for the log: without a query, which may have what people look for, and
// without what opens a published calendar.
func place(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return short(s) // a word such as "inline"
	}
	at := LogPath(&http.Request{URL: u})
	return short(u.Scheme + "://" + u.Host + at)
}

func short(s string) string {
	if len(s) > reportText {
		s = s[:reportText]
	}
	return strings.ToValidUTF8(s, "")
}
