package caldav_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A home's changes come in pages, if the client takes no more at once (RFC 6578
// §3.7), and all of them together are what it gets without a limit.
func TestSyncHomeInPages(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	deep := func(token string, limit int) string {
		return strings.Replace(syncBody(token, limit), "<D:sync-level>1<", "<D:sync-level>infinite<", 1)
	}
	href := regexp.MustCompile(`<D:href>([^<]*)</D:href>(<D:propstat>|<D:status>HTTP/1.1 \d+)`)
	next := regexp.MustCompile(`<D:sync-token>([^<]*)<`)
	told := func(body string) (all []string) {
		for _, m := range href.FindAllStringSubmatch(body, -1) {
			// What came and went between two pages is told as gone, which does
			// no harm.
			if !strings.HasSuffix(m[2], "507") && !strings.HasSuffix(m[2], "404") {
				all = append(all, m[1]+" "+m[2])
			}
		}
		return all
	}
	token := next.FindStringSubmatch(e.must(207, "ann", "REPORT", home, deep("", 0)).Body)[1]
	for _, cal := range []string{"a", "b"} {
		e.must(201, "ann", "MKCALENDAR", home+cal+"/", "")
		for i := range 6 {
			e.must(201, "ann", "PUT", fmt.Sprintf("%s%s/%d.ics", home, cal, i), event(fmt.Sprint(cal, i), "20260101T120000Z"))
		}
	}
	e.must(204, "ann", "DELETE", home+"a/2.ics", "")
	e.must(201, "ann", "MOVE", home+"b/3.ics", "", "Destination: "+home+"a/b3.ics")
	e.must(201, "ann", "MOVE", home+"b/", "", "Destination: "+home+"c/")
	e.must(204, "ann", "DELETE", home+"a/4.ics", "")
	for _, since := range []string{"", token} {
		want := told(e.must(207, "ann", "REPORT", home, deep(since, 0)).Body)
		slices.Sort(want)
		for _, limit := range []int{7, 9, 100} {
			got := map[string]bool{}
			for at, page := since, 0; ; page++ {
				body := e.must(207, "ann", "REPORT", home, deep(at, limit)).Body
				list := told(body)
				if len(list) > limit || page > 50 {
					t.Fatalf("page %d of %d from %q: %v", page, limit, since, list)
				}
				for _, item := range list {
					got[item] = true
				}
				at = next.FindStringSubmatch(body)[1]
				if !strings.Contains(body, " 507 ") {
					break
				}
			}
			all := make([]string, 0, len(got))
			for item := range got {
				all = append(all, item)
			}
			slices.Sort(all)
			if !slices.Equal(all, want) {
				t.Errorf("from %q by %d:\n got %v\nwant %v", since, limit, all, want)
			}
		}
	}
	gone := e.must(207, "ann", "REPORT", home, deep(token, 50)).Body
	if !strings.Contains(gone, "/b/</D:href><D:status>HTTP/1.1 404") {
		t.Errorf("the calendar that has gone: %s", gone)
	}
	if got := e.do("ann", "REPORT", home, deep("", 1)); got.Status != 507 && !strings.Contains(got.Body, " 507 ") {
		t.Errorf("one at a time: %d %s", got.Status, got.Body)
	}
}
