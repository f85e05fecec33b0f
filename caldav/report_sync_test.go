package caldav_test

import (
	"strings"
	"testing"
)

// RFC 6578 §3: what a token tells.
func TestSyncRules(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	token := func(body string) string { return tokenPattern.FindStringSubmatch(body)[1] }
	sync := func(since string, limit int) string {
		t.Helper()
		return e.must(207, "ann", "REPORT", cal, syncBody(since, limit)).Body
	}
	property := func() string {
		return token(e.must(207, "ann", "PROPFIND", cal, ask("D:sync-token"), "Depth: 0").Body)
	}
	found := func(name string) string { return "<D:href>" + cal + name + "</D:href><D:propstat>" }
	gone := func(name string) string { return "<D:href>" + cal + name + "</D:href><D:status>HTTP/1.1 404" }
	step := func(name, since string, want []string, not ...string) (next string) {
		t.Helper()
		got := sync(since, 0)
		for _, w := range want {
			if strings.Count(got, w) != 1 {
				t.Errorf("%s: not once %q in %s", name, w, got)
			}
		}
		for _, n := range not {
			if strings.Contains(got, n) {
				t.Errorf("%s: %q in %s", name, n, got)
			}
		}
		if next = token(got); next != property() {
			t.Errorf("§4: token %s, and the property is %s", next, property())
		}
		return next
	}
	e.must(201, "ann", "PUT", cal+"1.ics", event("1", "20260504T120000Z"))
	e.must(201, "ann", "PUT", cal+"2.ics", event("2", "20260504T120000Z"))
	first := step("§3.4 the first", "", []string{found("1.ics"), found("2.ics")}, "404 Not Found")
	step("§3.5 nothing has changed", first, nil, "<D:response>")
	e.must(204, "ann", "PUT", cal+"1.ics", event("1", "20260504T130000Z"))
	second := step("§3.5.1 a changed one", first, []string{found("1.ics")}, "2.ics")
	e.must(204, "ann", "DELETE", cal+"2.ics", "")
	third := step("§3.5.2 a removed one", second, []string{gone("2.ics")}, "1.ics", "propstat")
	step("§3.5 both, since before", first, []string{found("1.ics"), gone("2.ics")})
	e.must(201, "ann", "PUT", cal+"2.ics", event("2", "20260504T120000Z"))
	fourth := step("§3.5.1 one that was there before", third, []string{found("2.ics")}, "404 Not Found")
	step("§3.5 removed and made again is changed", second, []string{found("2.ics")}, "404 Not Found")
	e.must(201, "ann", "PUT", cal+"3.ics", event("3", "20260504T120000Z"))
	e.must(204, "ann", "DELETE", cal+"3.ics", "")
	fifth := step("§3.5.2 one that came and went", fourth, nil, found("3.ics"))
	e.must(201, "ann", "MOVE", cal+"1.ics", "", "Destination: "+cal+"moved.ics")
	sixth := step("§3.5 a move is both", fifth, []string{gone("1.ics"), found("moved.ics")})
	step("§3.5 nothing since", sixth, nil, "<D:response>")
	step("§3.4 the first of all", "", []string{found("moved.ics"), found("2.ics")}, "404 Not Found", "1.ics", "3.ics")

	const body = `<D:sync-collection xmlns:D="DAV:"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`
	e.rows(t, []row{
		{name: "§3.2 a token of another calendar", method: "REPORT", path: home + "tasks/", body: syncBody(first, 0), status: 403, want: []string{"<D:valid-sync-token/>"}},
		{name: "§3.2 a token that is none", method: "REPORT", path: cal, body: syncBody("http://example.com/1", 0), status: 403, want: []string{"<D:valid-sync-token/>"}},
		{name: "§3.2 a token of the future", method: "REPORT", path: cal, body: syncBody(strings.Split(first, "-")[0]+"-ffffff", 0), status: 403, want: []string{"<D:valid-sync-token/>"}},
		{name: "§6.2 an empty token is the first", method: "REPORT", path: cal, body: body, header: []string{"Depth: 0"}, status: 207, want: []string{found("2.ics")}},
		{name: "§6.3 a level that is none", method: "REPORT", path: cal, body: strings.Replace(body, ">1<", ">2<", 1), status: 400},
		{name: "§6.3 infinite", method: "REPORT", path: cal, body: strings.Replace(body, ">1<", ">infinite<", 1), status: 207, want: []string{found("2.ics")}},
		{name: "§3.2 a limit that is none", method: "REPORT", path: cal, body: strings.Replace(syncBody("", 1), ">1</D:nresults>", ">x</D:nresults>", 1), status: 400},
		{name: "§3.2 not on a home's outbox", method: "REPORT", path: home + "outbox/", body: body, status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§3.2 not on an object", method: "REPORT", path: cal + "2.ics", body: body, status: 403, want: []string{"<D:supported-report/>"}},
		{name: "§4 not in allprop", method: "PROPFIND", path: cal, header: []string{"Depth: 0"}, status: 207, not: []string{"sync-token"}},
		{name: "§4 supported-report-set", method: "PROPFIND", path: cal, body: ask("D:supported-report-set"), header: []string{"Depth: 0"}, status: 207, want: []string{"<D:sync-collection/>"}},
		{name: "§4 protected", method: "PROPPATCH", path: cal, body: setting("D:propertyupdate", "<D:sync-token>x</D:sync-token>"), status: 207, want: []string{"cannot-modify-protected-property"}},
		{name: "§5 If with the token of now", method: "PUT", path: cal + "new.ics", body: event("new", "20260504T120000Z"), header: []string{"If: <" + cal + "> (<" + property() + ">)"}, status: 201},
		{name: "§5 If with a token of before", method: "PUT", path: cal + "new2.ics", body: event("new2", "20260504T120000Z"), header: []string{"If: <" + cal + "> (<" + first + ">)"}, status: 412},
		{name: "RFC 8144 §2.1 return=minimal", method: "REPORT", path: cal, body: strings.Replace(body, "<D:getetag/>", `<D:getetag/><none xmlns="urn:x"/>`, 1), header: []string{"Prefer: return=minimal"}, status: 207, want: []string{found("2.ics")}, not: []string{"404 Not Found"}},
	})

	// §3.6: what is cut off says so, of the collection itself.
	cut := sync("", 1)
	if !strings.Contains(cut, "<D:href>"+cal+"</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/>") {
		t.Errorf("§3.6: %s", cut)
	}
	if n := strings.Count(cut, "<D:propstat>"); n > 1 {
		t.Errorf("§3.7: %d resources with a limit of 1: %s", n, cut)
	}
}
