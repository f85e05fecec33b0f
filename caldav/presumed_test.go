package caldav_test

import (
	"strings"
	"testing"

	"convene/delegation"
	"convene/internal/engine"
)

// presumedReports are reports on a place in a home, some of which need less than to read.
var presumedReports = map[string]string{
	"sync":     `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`,
	"query":    `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`,
	"freebusy": `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260601T000000Z" end="20260602T000000Z"/></C:free-busy-query>`,
	"match":    `<D:principal-match xmlns:D="DAV:"><D:self/></D:principal-match>`,
	"unknown":  `<X:nothing xmlns:X="urn:example"/>`,
	"empty":    "",
}

// A delegate's report is answered by what is there and what they may do with it, whether
// it was presumed to be a calendar (by a path that ends in a slash) or looked up first:
// of all calendars, of one alone, by a delegation that has ended, and without any.
func TestDelegatesReportsByWhatIsThere(t *testing.T) {
	e := newCompany(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.delegate("ann", "g3", delegation.LevelWrite)
	e.delegate("ann", "cy", delegation.LevelRead, func(l *delegation.Limits) {
		l.Scope = delegation.Scope{Collections: []uint32{e.numberOf("ann", "work")}}
	})
	e.delegate("ann", "dan", delegation.LevelRead, func(l *delegation.Limits) { l.Until = e.now.Add(1) })
	e.now = e.now.AddDate(0, 0, 1)
	query := map[string][3]int{ // of calendar, work and missing
		"ann": {207, 207, 404}, "bob": {207, 207, 404}, "cy": {403, 207, 404}, "dan": {403, 403, 403}, "boss": {207, 207, 404},
	}
	for user, want := range query {
		for i, place := range []string{"calendar", "work", "missing", "folder", "inbox", "outbox", "dropbox", "freebusy"} {
			for name, body := range presumedReports {
				presumed, looked := e.send(user, "REPORT", home+place+"/", strings.NewReader(body)), e.send(user, "REPORT", home+place, strings.NewReader(body))
				plain := func(a answer) string { // refusals name the URL as it came
					return strings.ReplaceAll(uid.ReplaceAllString(a.Body, ""), place+"/<", place+"<")
				}
				if presumed.Status != looked.Status || plain(presumed) != plain(looked) {
					t.Errorf("%s by %s on %s/ = %d %s, on %s = %d %s", name, user, place, presumed.Status, presumed.Body, place, looked.Status, looked.Body)
				}
				if name == "query" && i < len(want) && presumed.Status != want[i] {
					t.Errorf("query by %s on %s = %d, want %d: %s", user, place, presumed.Status, want[i], presumed.Body)
				}
			}
		}
	}
}

// A delegate's requests, through three groups, ask no more of the engine than the
// owner's, and take no more allocations than it takes to find the delegation: not one
// for each object.
func TestDelegatesCost(t *testing.T) {
	var count *counting
	e := newEnvOf(t, company(t), func(below engine.Engine) engine.Engine {
		count = &counting{Engine: below}
		return count
	})
	const cal = "/calendars/users/ann/calendar/"
	for _, name := range []string{"1", "2", "3", "4", "5", "6", "7", "8"} {
		e.must(201, "ann", "PUT", cal+name+".ics", event(name, "20260601T100000Z"))
	}
	e.delegate("ann", "g3", delegation.LevelWrite)
	for _, r := range []struct {
		name, method, path, body, header string
		status                           int
	}{
		{"GET", "GET", cal + "1.ics", "", "Depth: 0", 200},
		{"PROPFIND", "PROPFIND", cal, ask("D:getetag"), "Depth: 1", 207},
		{"query", "REPORT", cal, presumedReports["query"], "Depth: 1", 207},
		{"sync", "REPORT", cal, presumedReports["sync"], "Depth: 0", 207},
	} {
		calls, allocations := map[string]int64{}, map[string]float64{}
		for _, user := range []string{"ann", "bob"} {
			caller := e.caller(user)
			do := func() {
				if got := e.as(caller, r.method, r.path, r.body, r.header); got.Status != r.status {
					t.Fatalf("%s by %s = %d %s", r.name, user, got.Status, got.Body)
				}
			}
			do()
			before := count.calls.Load()
			do()
			calls[user] = count.calls.Load() - before
			allocations[user] = testing.AllocsPerRun(50, do)
		}
		const most = 6
		if more := allocations["bob"] - allocations["ann"]; calls["bob"] > calls["ann"] || more > most {
			t.Errorf("%s: %d calls of the engine by a delegate, %d by the owner; %v more allocations, at most %d", r.name, calls["bob"], calls["ann"], more, most)
		}
	}
}
