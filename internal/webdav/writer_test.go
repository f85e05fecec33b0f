package webdav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"testing"
	"time"
)

func TestWriterEscapes(t *testing.T) {
	w := NewWriter(nil)
	w.Start(NameMultistatus, xml.Attr{Name: xml.Name{Local: "a"}, Value: "\"<>&'\n\t\r\x01é"})
	w.Text("a&b<c>d\r\n\te\"'\x00\x1f")
	w.TextBytes([]byte("é😀\xff\xed\xa0\x80\uFFFE."))
	w.End()
	const want = xmlDeclaration + `<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"` +
		` a="&quot;&lt;&gt;&amp;'&#10;&#9;&#13;` + "\uFFFDé" + `">` +
		"a&amp;b&lt;c&gt;d&#13;\n\te\"'\uFFFD\uFFFDé😀\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD.</D:multistatus>"
	if got := string(w.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := ParseXML(w.Bytes(), XMLLimits{}); err != nil {
		t.Error(err)
	}
}

func TestWriterNamespaces(t *testing.T) {
	w := NewWriter(nil)
	w.Start(NameProp)
	w.Empty(Apple("calendar-color"))
	w.Start(xml.Name{Space: "urn:a", Local: "one"}, xml.Attr{Name: xml.Name{Space: "urn:b", Local: "x"}, Value: "1"},
		xml.Attr{Name: xml.Name{Space: "urn:a", Local: "y"}, Value: "2"},
		xml.Attr{Name: xml.Name{Space: NSXML, Local: "lang"}, Value: "en"})
	w.TextElement(xml.Name{Space: "urn:b", Local: "two"}, "")
	w.Empty(CardDAV("three"))
	w.Empty(xml.Name{Local: "none"})
	w.End()
	w.Empty(xml.Name{Space: "urn:b", Local: "four"})
	w.IntElement(CS("n"), -5)
	w.HrefURI("mailto:a@b?x&y")
	w.Href("/a b/", "é%.ics")
	got := string(w.Bytes()[len(xmlDeclaration):])
	const want = `<D:prop xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/">` +
		`<A:calendar-color/><x0:one xmlns:x0="urn:a" xmlns:x1="urn:b" x1:x="1" x0:y="2" xml:lang="en">` +
		`<x1:two/><CARD:three xmlns:CARD="urn:ietf:params:xml:ns:carddav"/><none/></x0:one><x0:four xmlns:x0="urn:b"/>` +
		`<CS:n>-5</CS:n><D:href>mailto:a@b?x&amp;y</D:href><D:href>/a%20b/%C3%A9%25.ics</D:href></D:prop>`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWriterSurvivesMisuse(t *testing.T) {
	var w Writer
	w.End()
	w.Start(NameProp)
	w.Start(NameHref)
	w.End()
	w.End()
	w.End()
	w.Start(NameSet)
	if got := string(w.Bytes()[len(w.Bytes())-len("</D:set>"):]); got == "" {
		t.Error("nothing written")
	}
}

func TestMultistatus(t *testing.T) {
	m := NewMultistatus([]byte("before|"))
	m.ResponseStart("/calendars/a&b/", "1 2.ics")
	m.PropstatStart(http.StatusOK)
	m.TextElement(DAV("getetag"), `"1"`)
	m.PropstatEnd(nil)
	m.Propstat(http.StatusNotFound, []*Element{NewElement(DAV("x")), NewElement(xml.Name{Space: "urn:z", Local: "y"})}, nil)
	m.Propstat(http.StatusForbidden, nil, nil)
	m.ResponseEnd()
	m.ResponseStart("/empty")
	m.ResponseEnd()
	m.ResponseStatus("/gone", http.StatusNotFound, nil)
	m.ResponseStatus("/", http.StatusInsufficientStorage, &Error{Condition: CondNumberOfMatches, Description: "more to come"})
	m.ResponseStart("/p")
	m.PropResults([]PropResult{
		{DAV("a"), 403, Forbidden(CondCannotModifyProtected, "")},
		{DAV("b"), 424, nil},
		{DAV("c"), 424, nil},
	})
	m.ResponseEnd()
	m.SyncToken("data:,1")
	r := m.Response()
	const want = "before|" + xmlDeclaration + `<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/">` +
		`<D:response><D:href>/calendars/a&amp;b/1%202.ics</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>` +
		`<D:propstat><D:prop><D:x/><x0:y xmlns:x0="urn:z"/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
<D:response><D:href>/empty</D:href><D:propstat><D:prop></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>
<D:response><D:href>/gone</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
<D:response><D:href>/</D:href><D:status>HTTP/1.1 507 Insufficient Storage</D:status><D:error><D:number-of-matches-within-limits/></D:error><D:responsedescription>more to come</D:responsedescription></D:response>
<D:response><D:href>/p</D:href><D:propstat><D:prop><D:a/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status><D:error><D:cannot-modify-protected-property/></D:error></D:propstat>` +
		`<D:propstat><D:prop><D:b/><D:c/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:propstat></D:response>
<D:sync-token>data:,1</D:sync-token></D:multistatus>`
	if got := string(r.Body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if r.Status != 207 || r.Header.Get("Content-Type") != ContentTypeXML {
		t.Errorf("answer %d %v", r.Status, r.Header)
	}
}

func TestErrorBody(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  *Error
		want string
	}{
		{"status alone", &Error{Status: 404}, ""},
		{"condition", Forbidden(CondValidFilter, ""),
			`<D:error xmlns:D="DAV:"><C:valid-filter xmlns:C="urn:ietf:params:xml:ns:caldav"/></D:error>`},
		{"description", BadRequest("a < b"),
			`<D:error xmlns:D="DAV:"><D:responsedescription>a &lt; b</D:responsedescription></D:error>`},
		{"href", UIDConflict("/a b.ics"),
			`<D:error xmlns:D="DAV:"><C:no-uid-conflict xmlns:C="urn:ietf:params:xml:ns:caldav"><D:href>/a%20b.ics</D:href></C:no-uid-conflict></D:error>`},
		{"privilege", NeedPrivileges("/a/", DAV("read")),
			`<D:error xmlns:D="DAV:"><D:need-privileges><D:resource><D:href>/a/</D:href><D:privilege><D:read/></D:privilege></D:resource></D:need-privileges></D:error>`},
		{"CalDAV privilege", NeedPrivileges("/a/", CalDAV("read-free-busy")),
			`<D:error xmlns:D="DAV:"><D:need-privileges><D:resource><D:href>/a/</D:href><D:privilege><C:read-free-busy xmlns:C="urn:ietf:params:xml:ns:caldav"/></D:privilege></D:resource></D:need-privileges></D:error>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.want
			if want != "" {
				want = xmlDeclaration + want
			}
			if got := string(tt.err.Body()); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestErrorResponse(t *testing.T) {
	cause := errors.New("dial: refused")
	e := &Error{Status: 503, RetryAfter: 1500 * time.Millisecond, Err: cause}
	r := e.Response()
	if r.Status != 503 || r.Header.Get("Retry-After") != "2" || r.Body != nil {
		t.Errorf("answer %+v", r)
	}
	if !errors.Is(e, cause) || e.Error() != "503 Service Unavailable: dial: refused" {
		t.Errorf("error %v", e)
	}
	if got := (&Error{}).Code(); got != 500 {
		t.Errorf("no status: %d", got)
	}
}
