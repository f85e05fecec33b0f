package caldav_test

import (
	"regexp"
	"strings"
	"testing"
)

// calendarserver-bulk-change §4.1, §4.2: other properties beside the data, or alone.
func TestBulkProperties(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	for _, n := range []string{"1", "2", "3", "4"} {
		e.must(201, "ann", "PUT", cal+n+".ics", event(n, "20260504T120000Z"))
		e.must(207, "ann", "PROPPATCH", cal+n+".ics", setting("D:propertyupdate", "<x:old>"+n+"</x:old>"))
	}
	tag := e.must(200, "ann", "HEAD", cal+"1.ics", "").Header.Get("ETag")
	data := func(uid, start string) string {
		return "<C:calendar-data>" + event(uid, start) + "</C:calendar-data>"
	}
	in := func(path, inner string) string {
		if path != "" {
			path = "<D:href>" + path + "</D:href>"
		}
		return element("M:multiput", "<M:resource>"+path+inner+"</M:resource>")
	}
	set := func(props string) string { return "<D:set><D:prop>" + props + "</D:prop></D:set>" }
	remove := func(props string) string { return "<D:remove><D:prop>" + props + "</D:prop></D:remove>" }
	match := func(tag string) string {
		return "<M:if-match><D:getetag>" + tag + "</D:getetag></M:if-match>"
	}
	post := func(name, body string, want []string, not ...string) row {
		return row{name: name, method: "POST", path: cal, body: body, header: []string{xmlHeader}, status: 207, want: want, not: not}
	}
	find := func(name, object string, want []string, not ...string) row {
		return row{name: name, method: "PROPFIND", path: cal + object, header: []string{"Depth: 0"}, status: 207, want: want, not: not}
	}
	e.rows(t, []row{
		post("§4.2 properties alone", in(cal+"1.ics", set("<D:displayname>one</D:displayname><x:new>1</x:new>")+remove("<x:old/>")), []string{"1.ics</D:href><D:propstat>", "</D:getetag>", "200 OK"}),
		find("§4.2 they are set and removed", "1.ics", []string{">one<", ">1</"}, "old"),
		post("§4.2 the data alone are kept", in(cal+"2.ics", set(data("2", "20260505T120000Z"))), []string{"200 OK"}),
		find("§4.2 the properties stay", "2.ics", []string{"old>2</"}),
		post("§4.2 both", in(cal+"2.ics", set(data("2", "20260506T120000Z")+"<x:new>2</x:new>")+remove("<x:old/>")), []string{"200 OK"}),
		find("§4.2 both are there", "2.ics", []string{"new>2</"}, "old"),
		{name: "§4.2 with the data", method: "GET", path: cal + "2.ics", status: 200, want: []string{"20260506T120000Z"}},
		post("§4.2 no DAV:prop, as the text says", in(cal+"3.ics", "<D:set>"+data("3", "20260506T120000Z")+"<x:new>3</x:new></D:set><D:remove><x:old/></D:remove>"), []string{"200 OK"}),
		find("§4.2 no DAV:prop: they are set and removed", "3.ics", []string{"new>3</"}, "old"),
		post("§4.2 a protected property", in(cal+"4.ics", set(data("4", "20260506T120000Z")+"<D:getetag>x</D:getetag><x:new>4</x:new>")+remove("<x:old/>")),
			[]string{"4.ics</D:href><D:propstat>", "<D:getetag/></D:prop><D:status>HTTP/1.1 403 Forbidden", "<D:cannot-modify-protected-property/>", "<C:calendar-data/></D:prop><D:status>HTTP/1.1 424 Failed Dependency"}, "200 OK"),
		post("§4.2 bad data", in(cal+"4.ics", set("<C:calendar-data>none</C:calendar-data><x:new>4</x:new>")),
			[]string{"<C:calendar-data/></D:prop><D:status>HTTP/1.1 403 Forbidden", "<C:valid-calendar-data/>", "new/></D:prop><D:status>HTTP/1.1 424 Failed Dependency"}, "200 OK"),
		post("§4.2 data that the calendar refuses", in(cal+"4.ics", set(data("other", "20260506T120000Z")+"<x:new>4</x:new>")),
			[]string{"<C:calendar-data/></D:prop><D:status>HTTP/1.1 403 Forbidden", "no-uid-conflict", "new/></D:prop><D:status>HTTP/1.1 424 Failed Dependency"}, "200 OK"),
		post("§4.2 calendar data cannot be removed", in(cal+"4.ics", remove("<C:calendar-data/>")), []string{"<C:calendar-data/></D:prop><D:status>HTTP/1.1 403 Forbidden"}),
		find("§4.2 all or nothing", "4.ics", []string{"old>4</"}, "new"),
		{name: "§4.2 the data neither", method: "GET", path: cal + "4.ics", status: 200, want: []string{"20260504T120000Z"}},
		post("§4.2 neither data nor properties", in(cal+"4.ics", ""), []string{"4.ics</D:href><D:status>HTTP/1.1 400"}),
		post("§4.2 an ETag of before, of properties alone", in(cal+"1.ics", match(`"nope"`)+set("<x:new>5</x:new>")), []string{"412 Precondition Failed"}),
		post("§4.2 if-match that holds nothing", in(cal+"1.ics", "<M:if-match/>"+set("<x:new>5</x:new>")), []string{"412 Precondition Failed"}),
		post("§4.2 if-match that is no entity tag", in(cal+"1.ics", match(`"a"1`)+set("<x:new>5</x:new>")), []string{"412 Precondition Failed"}),
		post("§4.2 if-match without quotes", in(cal+"1.ics", match("nope")+set("<x:new>5</x:new>")), []string{"412 Precondition Failed"}),
		post("§4.2 the ETag of before the properties", in(cal+"2.ics", match(tag)+set("<x:new>5</x:new>")), []string{"412 Precondition Failed"}),
		post("§4.3 deleted, with an ETag of before", in(cal+"4.ics", match(`"nope"`)+"<M:delete/>"), []string{"4.ics</D:href><D:status>HTTP/1.1 412"}),
		post("§4.2 nothing there", in(cal+"none.ics", set("<x:new>5</x:new>")), []string{"none.ics</D:href><D:status>HTTP/1.1 404"}),
		post("§4.1 with properties", in("", set(data("made", "20260506T120000Z")+`<D:displayname>made it</D:displayname>`)), []string{"<CS:uid>made</CS:uid>", "200 OK"}),
		{name: "§4.1 they are set", method: "PROPFIND", path: cal, body: ask("D:displayname"), header: []string{"Depth: 1"}, status: 207, want: []string{">made it<"}},
		post("§4.1 with a protected property", in("", set(data("not", "20260506T120000Z")+`<D:getetag>x</D:getetag>`)), []string{"<D:href/>", "<D:cannot-modify-protected-property/>", "<C:calendar-data/></D:prop><D:status>HTTP/1.1 424", "<CS:uid>not</CS:uid>"}, "200 OK"),
		post("§4.1 without data", in("", set("<x:new>5</x:new>")), []string{"<D:href/>", "400 Bad Request"}),
		{name: "§4.1 nothing was made", method: "REPORT", path: cal, body: calendarQuery(`<C:comp-filter name="VEVENT"><C:prop-filter name="UID"><C:text-match>not</C:text-match></C:prop-filter></C:comp-filter>`), header: []string{"Depth: 1"}, status: 207, not: []string{"<D:response>"}},
	})
	tag = e.must(200, "ann", "HEAD", cal+"1.ics", "").Header.Get("ETag")
	e.rows(t, []row{post("§4.2 the present ETag", in(cal+"1.ics", match(tag)+set("<x:new>6</x:new>")), []string{"200 OK"})})
}

// calendarserver-bulk-change §6, §8.1.
func TestBulkHeaders(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	const cal = home + "calendar/"
	ctag := func(path string) string {
		body := e.must(207, "ann", "PROPFIND", path, ask("CS:getctag"), "Depth: 0").Body
		return regexp.MustCompile(`<CS:getctag>([^<]*)<`).FindStringSubmatch(body)[1]
	}
	const ns = "http://me.com/_namespace/ctag/"
	zoned := strings.Replace(event("zoned", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1)
	e.rows(t, []row{
		{name: "§6.1 a ctag of before, in a list", method: "POST", path: cal, body: event("a", "20260504T120000Z"), header: []string{calendarHeader, "If: (<" + ns + "1>)"}, status: 412, want: []string{"ctag-ok/>"}},
		{name: "§6.1 a ctag of before, alone", method: "POST", path: cal, body: event("a", "20260504T120000Z"), header: []string{calendarHeader, "If: <" + ns + "1>"}, status: 412, want: []string{"ctag-ok/>"}},
		{name: "§6.1 a ctag of before, of the home", method: "MKCALENDAR", path: home + "new/", header: []string{"If: <" + home + "> (<" + ns + "1>)"}, status: 412, want: []string{"ctag-ok/>"}},
		{name: "§6 the ctag in a list", method: "POST", path: cal, body: event("a", "20260504T120000Z"), header: []string{calendarHeader, "If: (<" + ns + ctag(cal) + ">)"}, status: 207},
		{name: "§8.1 among other options", method: "POST", path: cal, body: zoned, header: []string{calendarHeader, "X-MobileMe-DAV-Options: Test=True, return-changed-data"}, status: 207, want: []string{"BEGIN:VTIMEZONE", "</D:getetag>"}},
		{name: "§8.1 another option", method: "POST", path: cal, body: strings.Replace(zoned, "UID:zoned", "UID:other", 1), header: []string{calendarHeader, "X-MobileMe-DAV-Options: return-changed-datum"}, status: 207, not: []string{"BEGIN:VTIMEZONE", "</D:getetag>"}},
	})
	for _, method := range []string{"MKCALENDAR", "MKCOL"} {
		got := e.must(201, "ann", method, home+method+"/", "", "If: <"+home+"> (<"+ns+ctag(home)+">)")
		if got.Header.Get("Home-CTag") != ctag(home) || got.Header.Get("CTag") != ctag(home+method+"/") {
			t.Errorf("§6.3 %s: Home-CTag %q, CTag %q; the home has %q, the collection %q", method, got.Header.Get("Home-CTag"), got.Header.Get("CTag"), ctag(home), ctag(home+method+"/"))
		}
	}
	if got := e.must(201, "ann", "MKCALENDAR", home+"plain/", ""); got.Header.Get("CTag") != "" {
		t.Errorf("a ctag that nobody asked for: %q", got.Header.Get("CTag"))
	}
}
