package webdav

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParseXML checks that what is accepted can be written and read back without
// change, that every request parser answers, and that encoding/xml, where it
// accepts a document too, sees the same elements, attributes and text.
func FuzzParseXML(f *testing.F) {
	for _, pattern := range []string{"testdata/rfc/*.xml", "testdata/clients/*.xml"} {
		list, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range list {
			f.Add(read(f, file))
		}
	}
	for _, s := range []string{
		"\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?><a/>",
		"<p:a xmlns:p='u' p:x='1&#10;2' xml:lang='en'>&lt;<![CDATA[<>]]>\r\n<b xmlns=''/></p:a>",
		"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
		"<a xmlns:x=''/>", "<a x='1' x='2'/>", "<a>]]></a>", "<a><!-- -- --></a>",
		"<é:ü xmlns:é='u'/>", "<a>&#xD800;&#0;</a>", "<a><?xml version='1.0'?></a>",
	} {
		f.Add([]byte(s))
	}
	lim := XMLLimits{Bytes: 1 << 16, Depth: 32, Elements: 5000}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := ParseXML(body, lim)
		if err != nil {
			var we *Error
			if !errors.As(err, &we) || we.Status < 400 || we.Status > 499 {
				t.Fatalf("error %v", err)
			}
			return
		}
		checkRoundTrip(t, e)
		if s := describe(e); strings.HasPrefix(s, "not a") {
			t.Fatal(s)
		}
		if want, ok := standardTree(body); ok {
			if got := standardForm(e); got != want {
				t.Errorf("got  %s\nencoding/xml %s", got, want)
			}
		}
	})
}

var spaces = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

func standardName(n xml.Name) string { return "{" + spaces.Replace(n.Space) + "}" + n.Local }

// standardForm writes e in the form that standardTree has.
func standardForm(e *Element) string {
	var b strings.Builder
	var walk func(*Element)
	walk = func(e *Element) {
		if e.IsText() {
			b.WriteString(e.Text)
			return
		}
		b.WriteString("<" + standardName(e.Name))
		for _, a := range e.Attrs {
			b.WriteString(" " + standardName(a.Name) + "=" + spaces.Replace(a.Value))
		}
		b.WriteString(">" + e.Text)
		for _, c := range e.Children {
			walk(c)
		}
		b.WriteString("</>")
	}
	walk(e)
	return b.String()
}

// standardTree is body as encoding/xml understands it. It does not normalise
// white space in attributes, which is evened out.
func standardTree(body []byte) (string, bool) {
	var b strings.Builder
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xEF\xBB\xBF"))))
	depth := 0
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return b.String(), true
		}
		if err != nil {
			return "", false
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			depth++
			b.WriteString("<" + standardName(tok.Name))
			for _, a := range tok.Attr {
				if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
					continue
				}
				b.WriteString(" " + standardName(a.Name) + "=" + spaces.Replace(a.Value))
			}
			b.WriteString(">")
		case xml.EndElement:
			depth--
			b.WriteString("</>")
		case xml.CharData:
			if depth > 0 {
				b.Write(tok)
			}
		}
	}
}

// FuzzIf checks that an If header that is accepted can be written and read back
// to the same, and evaluated.
func FuzzIf(f *testing.F) {
	for _, s := range []string{
		`(<urn:uuid:1> ["I am an ETag"]) (["I am another ETag"])`,
		`</r> (<a:b> [W/"weak"]) (Not ["strong"]) <http://host/x%20y> (<DAV:no-lock>)`,
		`(Not <a:b>)`, `()`, `(<>)`, `(["a]b"])`, `<r> (<a>)`, `(Not`, `([x])`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseIf(header("If", s), "host")
		if err != nil {
			return
		}
		again, err := ParseIf(header("If", format(v)), "host")
		if err != nil || format(again) != format(v) {
			t.Errorf("%q: again %q, %v", format(v), format(again), err)
		}
		v.Holds("/r", func(path string) (ETag, []string) {
			if path == "" || path[0] != '/' {
				t.Errorf("path %q", path)
			}
			return `"strong"`, []string{"a:b"}
		})
		for _, token := range v.Tokens() {
			if token == "" {
				t.Error("empty token")
			}
		}
	})
}

func format(f *If) string {
	var b strings.Builder
	tagged := false
	for _, l := range f.Lists {
		tagged = tagged || l.Resource != "" || l.Elsewhere
	}
	for _, l := range f.Lists {
		switch {
		case l.Elsewhere:
			b.WriteString("<http://elsewhere/> ")
		case tagged:
			b.WriteString("<" + EscapePath(l.Resource) + "> ")
		}
		b.WriteString("(")
		for _, c := range l.Conditions {
			if c.Not {
				b.WriteString("Not ")
			}
			if c.Token != "" {
				b.WriteString("<" + c.Token + ">")
			} else {
				b.WriteString("[" + string(c.ETag) + "]")
			}
		}
		b.WriteString(")")
	}
	return b.String()
}

// FuzzHeaders checks the other headers, paths and hrefs: no panic, errors that
// say what to answer, and paths in the one form there is.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{
		"", "0", "infinity", "T", "*", `"1", W/"2",3`, "return=minimal; x=\"a,b\", depth-noroot",
		"/a/../b%20c//", "http://host/a%2Fb", "https://host:443/%C3%A9", "//host/a", "/%2e%2e/%ff",
		"Sun, 01 Mar 2026 12:00:00 GMT", "mailto:a@b", "?", "%",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h := http.Header{}
		for _, name := range []string{"Depth", "Overwrite", "Destination", "If-Match", "If-None-Match", "If",
			"If-Modified-Since", "If-Unmodified-Since", "Prefer", "Brief"} {
			h.Set(name, s)
		}
		r := httptest.NewRequest("MOVE", "/", nil)
		r.Header, r.Host = h, "host"
		_, err := ParseDepth(h, Depth0)
		status(t, err)
		_, err = ParseOverwrite(h)
		status(t, err)
		if applied := ParsePrefer(h).Applied(); ParsePrefer(header("Prefer", applied)).Applied() != applied {
			t.Errorf("preferences %q", applied)
		}
		if c, err := ParseConditions(h, r.Host); status(t, err) == 0 {
			c.Check("GET", `"1"`, c.IfModifiedSince)
		}
		dest, err := ParseDestination(r)
		checkPath(t, dest, status(t, err))
		href, err := ParseHref(s, r.Host)
		checkPath(t, href, status(t, err))
		path, err := CleanPath(s)
		checkPath(t, path, status(t, err))
	})
}

func checkPath(t *testing.T, path string, status int) {
	t.Helper()
	if status != 0 {
		return
	}
	if !strings.HasPrefix(path, "/") || strings.Contains(path, "//") || strings.Contains(path+"/", "/../") ||
		strings.Contains(path+"/", "/./") || !utf8.ValidString(path) {
		t.Errorf("path %q", path)
	}
	if again, err := CleanPath(EscapePath(path)); again != path || err != nil {
		t.Errorf("path %q: again %q, %v", path, again, err)
	}
}
