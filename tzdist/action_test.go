package tzdist

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestCapabilities(t *testing.T) {
	h := New(Options{Prefix: testPrefix, Contacts: []string{"mailto:tzs@example.org"}})
	var doc capabilities
	w := get(t, h, "/capabilities", &doc)
	if doc.Version != 1 || !doc.Info.Truncated.Any || !doc.Info.Truncated.Untruncated || !slices.Equal(doc.Info.Contacts, []string{"mailto:tzs@example.org"}) {
		t.Errorf("capabilities: %s", w.Body)
	}
	var names []string
	for _, a := range doc.Actions {
		names = append(names, a.Name)
		if !strings.HasPrefix(a.URITemplate, testPrefix+"/") {
			t.Errorf("%s: template %s", a.Name, a.URITemplate)
		}
	}
	if want := []string{"capabilities", "list", "get", "expand", "find", "leapseconds"}; !slices.Equal(names, want) {
		t.Errorf("actions %v, want %v", names, want)
	}
	if root := get(t, h, "/", nil); root.Body.String() != w.Body.String() {
		t.Error("the prefix itself does not answer with the capabilities")
	}
}

func TestList(t *testing.T) {
	h := newTest()
	var doc zoneList
	get(t, h, "/zones", &doc)
	if doc.SyncToken == "" || doc.DTStamp == "" || len(doc.Zones) < 300 {
		t.Fatalf("token %q, stamp %q, %d zones", doc.SyncToken, doc.DTStamp, len(doc.Zones))
	}
	seen := map[string]bool{}
	for _, z := range doc.Zones {
		w := get(t, h, "/zones/"+strings.ReplaceAll(z.TZID, "/", "%2F"), nil)
		if w.Header().Get("ETag") != `"`+z.ETag+`"` {
			t.Errorf("%s: etag %s, ETag %s", z.TZID, z.ETag, w.Header().Get("ETag"))
		}
		for _, name := range append([]string{z.TZID}, z.Aliases...) {
			if seen[name] {
				t.Errorf("%s: listed twice", name)
			}
			seen[name] = true
		}
	}
	for _, name := range []string{"America/New_York", "America/Phoenix", "GB", "US/Eastern", "UTC"} {
		if !seen[name] {
			t.Errorf("%s is not listed", name)
		}
	}
	for token, want := range map[string]int{doc.SyncToken: 0, "": len(doc.Zones), "2009-10-11T09:32:11Z": len(doc.Zones)} {
		var since zoneList
		w := get(t, h, "/zones?changedsince="+token, &since)
		if len(since.Zones) != want || since.SyncToken != doc.SyncToken || !strings.Contains(w.Body.String(), `"timezones":[`) {
			t.Errorf("since %q: %d zones, token %q", token, len(since.Zones), since.SyncToken)
		}
	}
}

func TestFind(t *testing.T) {
	h := newTest()
	for _, tt := range []struct {
		pattern string
		want    []string // of the tzids; nil: none at all
	}{
		{"America/New_York", []string{"America/New_York"}},
		{"America/New_*", []string{"America/New_York"}},
		{"*/New_York", []string{"America/New_York"}},
		{"*/New_*", []string{"America/New_York"}},
		{"*new%20york*", []string{"America/New_York"}},
		{"*New+York*", []string{"America/New_York"}},
		{"US/Eastern", []string{"America/New_York"}},
		{"us/eastern", []string{"America/New_York"}},
		{"Africa/L*", []string{"Africa/Lagos", "Africa/Maputo", "Africa/Abidjan"}},
		{"York", nil},
		{`\*Test\\Time\*Zone\*`, nil},
		{`\**`, nil},
	} {
		var doc zoneList
		w := get(t, h, "/zones?pattern="+tt.pattern, &doc)
		for _, name := range tt.want {
			if !slices.ContainsFunc(doc.Zones, func(z zone) bool { return z.TZID == name }) {
				t.Errorf("%s: %s is not found", tt.pattern, name)
			}
		}
		if tt.want == nil && !strings.Contains(w.Body.String(), `"timezones":[]`) {
			t.Errorf("%s: found %v", tt.pattern, doc.Zones)
		}
	}
}

func TestPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{`\*Test\\Time\*Zone\*`, `*Test\Time*Zone*`, true},
		{`\*Test\\Time\*Zone\*`, `xTest\Time*Zone*`, false},
		{`*\**`, `a*b`, true},
		{`*\*`, `a*`, true},
		{`*\*`, `a*b`, false},
		{`a_b`, `A B`, true},
		{`É`, `é`, false},
	} {
		p, err := parsePattern(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
		} else if got := p.match(fold(tt.name)); got != tt.want {
			t.Errorf("%s matches %s: %v", tt.pattern, tt.name, got)
		}
	}
}

func TestExpand(t *testing.T) {
	h := newTest()
	for _, tt := range []struct {
		target string
		want   []observance
	}{
		// The example of RFC 7808 §5.4.1.
		{"/zones/America%2FNew_York/observances?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z", []observance{
			{"Standard", "2008-01-01T00:00:00Z", -18000, -18000},
			{"Daylight", "2008-03-09T07:00:00Z", -18000, -14400},
			{"Standard", "2008-11-02T06:00:00Z", -14400, -18000},
		}},
		{"/observances/America%2FPhoenix/?start=2006-01-01T00:00:00Z&end=2009-01-01T00:00:00Z", []observance{
			{"Standard", "2006-01-01T00:00:00Z", -25200, -25200},
		}},
		// A start that is an onset, and an end that is one.
		{"/zones/US/Eastern/observances?start=2008-03-09T07:00:00Z&end=2008-11-02T06:00:00Z", []observance{
			{"Daylight", "2008-03-09T07:00:00Z", -18000, -14400},
		}},
		{"/zones/Europe%2FLondon/observances?changedsince=x&start=2100-06-01T00:00:00Z&end=2100-06-02T00:00:00Z", []observance{
			{"Daylight", "2100-06-01T00:00:00Z", 3600, 3600},
		}},
		{"?action=expand&tzid=Etc/UTC&start=0001-01-01T00:00:00Z&end=9999-12-31T23:59:59Z", []observance{
			{"Standard", "0001-01-01T00:00:00Z", 0, 0},
		}},
	} {
		var doc expansion
		get(t, h, tt.target, &doc)
		if !slices.Equal(doc.Observances, tt.want) || doc.End != "" {
			t.Errorf("%s: %+v", tt.target, doc)
		}
	}
}

// TestExpandLong asks for more than is sent at once, and then for the rest.
func TestExpandLong(t *testing.T) {
	h := newTest()
	start, total := "0001-01-01T00:00:00Z", 0
	for range 100 {
		var doc expansion
		get(t, h, "/observances/America%2FNew_York?end=9999-01-01T00:00:00Z&start="+start, &doc)
		if len(doc.Observances) > mostObservances || doc.Observances[0].Onset != start {
			t.Fatalf("from %s: %d observances, the first %+v", start, len(doc.Observances), doc.Observances[0])
		}
		total += len(doc.Observances)
		if start = doc.End; start == "" {
			break
		}
	}
	if start != "" || total < 2*(9999-2007) {
		t.Errorf("%d observances, end %q", total, start)
	}
}

func TestLeapSeconds(t *testing.T) {
	h := newTest()
	var doc leapTable
	get(t, h, "/leapseconds", &doc)
	for _, want := range []leapSecond{{10, "1972-01-01"}, {11, "1972-07-01"}, {35, "2012-07-01"}, {36, "2015-07-01"}, {37, "2017-01-01"}} {
		if !slices.Contains(doc.LeapSeconds, want) {
			t.Errorf("%+v is missing", want)
		}
	}
	if len(doc.LeapSeconds) != 28 || doc.Publisher == "" || doc.Version == "" || !isTime(doc.Expires+"T00:00:00Z") {
		t.Errorf("leap seconds: %+v", doc)
	}
	if !slices.IsSortedFunc(doc.LeapSeconds, func(a, b leapSecond) int { return strings.Compare(a.Onset, b.Onset) }) {
		t.Error("the days are not sorted")
	}
}

// TestDraftForm asks for each action in both forms: the answers are the same.
func TestDraftForm(t *testing.T) {
	h := newTest()
	const times = "start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z"
	for query, path := range map[string]string{
		"action=capabilities":                          "/capabilities",
		"method=list":                                  "/zones",
		"action=list&changedsince=x":                   "/zones?changedsince=x",
		"method=find&pattern=*york":                    "/zones?pattern=*york",
		"method=get&tzid=GB&lang=en":                   "/zones/GB",
		"action=get&tzid=America/New_York":             "/zones/America/New_York/",
		"action=get&format=text/calendar&tzid=GB":      "/zones/GB",
		"action=get&tzid=US/Eastern&" + times:          "/zones/US%2FEastern?" + times,
		"method=expand&tzid=America/New_York&" + times: "/observances/America/New_York?" + times,
		"action=leapseconds":                           "/leapseconds",
	} {
		a, b := do(h, "GET", "?"+query), do(h, "GET", path)
		if a.Code != http.StatusOK || b.Code != http.StatusOK || a.Body.String() != b.Body.String() {
			t.Errorf("?%s: %d, %s: %d", query, a.Code, path, b.Code)
		}
	}
}

func TestLastModified(t *testing.T) {
	for release, want := range map[string]string{
		"2025c": "2025-12-10T00:00:00Z", "2031b": "2031-01-01T00:00:00Z", "": "1970-01-01T00:00:00Z", "x": "1970-01-01T00:00:00Z",
	} {
		if got := lastModified(release); got != want {
			t.Errorf("%q: %s, want %s", release, got, want)
		}
	}
	var doc zoneList
	get(t, newTest(), "/zones", &doc)
	if at := doc.DTStamp; strings.HasSuffix(at, "-01-01T00:00:00Z") || !isTime(at) {
		t.Errorf("the day of this release is not known: add it to lastModified")
	}
}

func TestProblemIsJSON(t *testing.T) {
	p := &problem{404, tzidNotFound, `"quoted"`}
	if !json.Valid(p.body()) || p.Error() == "" {
		t.Errorf("%s: %s", p, p.body())
	}
}
