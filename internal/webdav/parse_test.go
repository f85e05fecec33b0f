package webdav

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
)

func TestParseXMLAccepts(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty element", `<a/>`, `{}a[]""()`},
		{"byte order mark and declaration", "\xEF\xBB\xBF<?xml version='1.0' encoding=\"UTF-8\" standalone='yes' ?>\r\n<a></a >", `{}a[]""()`},
		{"utf8 without dash", `<?xml version="1.0" encoding="utf8"?><a/>`, `{}a[]""()`},
		{"default namespace and its end", `<a xmlns="u"><b xmlns=""><c/></b></a>`, `{u}a[]""({}b[]""({}c[]""()))`},
		{"prefix declared after use in the tag", `<p:a p:x="1" xmlns:p="u"/>`, `{u}a[{u}x="1" ]""()`},
		{"prefix declared anew", `<p:a xmlns:p="u"><p:b xmlns:p="v"/><p:c/></p:a>`, `{u}a[]""({v}b[]""(){u}c[]""())`},
		{"attributes have no default namespace", `<a xmlns="u" x="1"/>`, `{u}a[{}x="1" ]""()`},
		{"same local name, two namespaces", `<a xmlns:p="u" xmlns:q="v" p:x="1" q:x="2" x="3"/>`, `{}a[{u}x="1" {v}x="2" {}x="3" ]""()`},
		{"xml:lang", `<a xml:lang="en" xml:space="preserve"/>`, `{}a[{http://www.w3.org/XML/1998/namespace}lang="en" {http://www.w3.org/XML/1998/namespace}space="preserve" ]""()`},
		{"mixed content", "<a> x<b/>y <b/>\n</a>", `{}a[]""(" x"{}b[]""()"y "{}b[]""()"\n")`},
		{"text, CDATA, comment, instruction", "<a>1<![CDATA[<&\r\n]]>2<!-- c -->3<?x y?>4&#x20AC;&#8364;&lt;</a>", `{}a[]"1<&\n234€€<"()`},
		{"empty CDATA", "<a><![CDATA[]]></a>", `{}a[]""()`},
		{"CDATA next to an element", "<a><![CDATA[x]]><b/></a>", `{}a[]""("x"{}b[]""())`},
		{"line ends", "<a x='1\r\n2\t3&#10;4'>1\r\n2\r3&#13;4</a>", `{}a[{}x="1 2 3\n4" ]"1\n2\n3\r4"()`},
		{"markup characters that may stand", `<a x='">]]>'>"'></a>`, `{}a[{}x="\">]]>" ]"\"'>"()`},
		{"names outside ASCII", `<é:ü-1.2·  xmlns:é="u"/>`, `{u}ü-1.2·[]""()`},
		{"comments around", "<!-- a --><a/><!-- b -->\n<?p?>", `{}a[]""()`},
		{"colon in instruction data", `<?p a:b?><a/>`, `{}a[]""()`},
		{"the xml prefix declared as it is", `<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`, `{}a[]""()`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseXML([]byte(tt.in), XMLLimits{})
			if err != nil {
				t.Fatal(err)
			}
			if got := canonical(e); got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
			checkRoundTrip(t, e)
		})
	}
}

func TestParseXMLRefuses(t *testing.T) {
	small := XMLLimits{Depth: 3, Elements: 6, Attributes: 3, Namespaces: 3, Bytes: 300}
	for _, tt := range []struct {
		name, in string
		status   int
	}{
		{"nothing", "", 400},
		{"white space", " \n", 400},
		{"text", "hello", 400},
		{"not closed", "<a>", 400},
		{"not closed tag", "<a", 400},
		{"closed twice", "<a></a></a>", 400},
		{"wrong end", "<a></b>", 400},
		{"end with a prefix of the name", "<a></ab>", 400},
		{"crossed", "<a><b></a></b>", 400},
		{"second root", "<a/><b/>", 400},
		{"text after the root", "<a/>x", 400},
		{"text before the root", "x<a/>", 400},
		{"CDATA outside", "<![CDATA[x]]><a/>", 400},
		{"prefix not declared", "<x:a/>", 400},
		{"attribute prefix not declared", `<a x:b="1"/>`, 400},
		{"prefix out of scope", `<a><b xmlns:p="u"/><p:c/></a>`, 400},
		{"prefix bound to nothing", `<a xmlns:x=""/>`, 400},
		{"xmlns as element prefix", `<xmlns:a/>`, 400},
		{"xmlns declared", `<a xmlns:xmlns="u"/>`, 400},
		{"bound to the xmlns namespace", `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, 400},
		{"xml bound elsewhere", `<a xmlns:xml="u"/>`, 400},
		{"other prefix for xml", `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, 400},
		{"attribute twice", `<a x="1" x="2"/>`, 400},
		{"attribute twice by namespace", `<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>`, 400},
		{"namespace twice", `<a xmlns="u" xmlns="u"/>`, 400},
		{"attribute without value", `<a x/>`, 400},
		{"attribute without quotes", `<a x=1/>`, 400},
		{"attributes without space", `<a x="1"y="2"/>`, 400},
		{"< in attribute", `<a x="<"/>`, 400},
		{"& alone", `<a>&</a>`, 400},
		{"& alone in attribute", `<a b="a&b"/>`, 400},
		{"entity not known", `<a>&nbsp;</a>`, 400},
		{"reference to no character", `<a>&#0;</a>`, 400},
		{"reference to a surrogate", `<a>&#xD800;</a>`, 400},
		{"reference beyond Unicode", `<a>&#x110000;</a>`, 400},
		{"reference with a sign", `<a>&#+32;</a>`, 400},
		{"]]> in text", `<a>]]></a>`, 400},
		{"control character", "<a>\x01</a>", 400},
		{"control character in CDATA", "<a><![CDATA[\x00]]></a>", 400},
		{"control character in a comment", "<!-- \x01 --><a/>", 400},
		{"not UTF-8", "<a>\xff</a>", 400},
		{"encoded surrogate", "<a>\xed\xa0\x80</a>", 400},
		{"noncharacter", "<a>\uFFFE</a>", 400},
		{"-- in a comment", "<!-- -- --><a/>", 400},
		{"comment without end", "<!-- <a/>", 400},
		{"CDATA without end", "<a><![CDATA[</a>", 400},
		{"declaration not at the start", " <?xml version='1.0'?><a/>", 400},
		{"declaration without version", "<?xml encoding='utf-8'?><a/>", 400},
		{"declaration in disorder", "<?xml version='1.0' standalone='no' encoding='utf-8'?><a/>", 400},
		{"name with two colons", `<a:b:c xmlns:a="u"/>`, 400},
		{"name that ends in a colon", `<a: xmlns:a="u"/>`, 400},
		{"name that begins with a digit", `<1/>`, 400},
		{"space before the name", `< a/>`, 400},
		{"document type", `<!DOCTYPE a><a/>`, 403},
		{"external entity", `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>`, 403},
		{"other declaration", `<!ELEMENT a EMPTY><a/>`, 400},
		{"Latin-1", `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, 415},
		{"UTF-16 declared", `<?xml version="1.0" encoding="UTF-16"?><a/>`, 415},
		{"UTF-16", "\xFF\xFE<\x00a\x00/\x00>\x00", 415},
		{"too deep", "<a><a><a><a/></a></a></a>", 400},
		{"too many elements", "<a><a/><a/><a/><a/><a/><a/></a>", 400},
		{"too many texts", "<a> <a/> <a/> <a/> <a/></a>", 400},
		{"too many attributes", `<a a="" b="" c="" d=""/>`, 400},
		{"too many namespaces", `<a xmlns:a="u" xmlns:b="u"><b xmlns:a="u" xmlns:b="u"/></a>`, 400},
		{"too long", "<a>" + strings.Repeat(" ", 300) + "</a>", 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, err := ParseXML([]byte(tt.in), small)
			var we *Error
			if !errors.As(err, &we) || we.Status != tt.status {
				t.Errorf("got %v, %v; want status %d", e, err, tt.status)
			}
		})
	}
}

func TestParseXMLTellsTheLine(t *testing.T) {
	_, err := ParseXML([]byte("<a>\n<b>\n</c>\n</a>"), XMLLimits{})
	if err == nil || !strings.Contains(err.Error(), "line 3: element <b> is not closed here") {
		t.Errorf("got %v", err)
	}
}

func TestElementAccess(t *testing.T) {
	e, err := ParseXML([]byte(`<a x="1" xmlns:p="u" p:x="2"> one <b>1</b>two<c/><b>2</b></a>`), XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	b := xml.Name{Local: "b"}
	if got := e.Child(b).Text; got != "1" {
		t.Errorf("Child: %q", got)
	}
	if got := e.First().Name.Local; got != "b" {
		t.Errorf("First: %q", got)
	}
	var all string
	for c := range e.ChildrenNamed(b) {
		all += c.Text
	}
	for c := range e.Elements() {
		all += c.Name.Local
	}
	if all != "12bcb" {
		t.Errorf("ChildrenNamed, Elements: %q", all)
	}
	if got := e.Content(); got != " one two" {
		t.Errorf("Content: %q", got)
	}
	if got := e.TrimText(); got != "one two" {
		t.Errorf("TrimText: %q", got)
	}
	if v, ok := e.Attr("x"); v != "1" || !ok {
		t.Errorf("Attr: %q %v", v, ok)
	}
	if v, ok := e.AttrNS(xml.Name{Space: "u", Local: "x"}); v != "2" || !ok {
		t.Errorf("AttrNS: %q %v", v, ok)
	}
	var none *Element
	if _, ok := none.Attr("x"); ok || none.Child(b) != nil || none.Is(b) || none.First() != nil || none.TrimText() != "" {
		t.Error("a nil element is not empty")
	}
}

// TestFragmentKeepsQNames checks that a prefix used only within a value stays
// declared, and one that is not used does not.
func TestFragmentKeepsQNames(t *testing.T) {
	e, err := ParseXML([]byte(`<D:prop xmlns:D="DAV:" xmlns:xs="urn:xs" xmlns:no="urn:no"><z xmlns:in="urn:in" type="xs:int">in:x 12:30</z></D:prop>`), XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `<z xmlns:xs="urn:xs" xmlns:in="urn:in" type="xs:int">in:x 12:30</z>`
	if got := e.First().String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFragmentOfChangedTree moves parsed elements under built ones and renames.
func TestFragmentOfChangedTree(t *testing.T) {
	e, err := ParseXML([]byte(`<a xmlns="u" xmlns:p="v"><p:b><c t="p:x"/></p:b></a>`), XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	b := e.First()
	built := NewElement(xml.Name{Local: "plain"}, b, NewText(DAV("href"), "x"), NewText(xml.Name{Local: "q"}, "y"))
	e.Name = xml.Name{Local: "renamed"}
	e.Children = []*Element{built}
	const want = `{}renamed[]""({}plain[]""({v}b[]""({u}c[{}t="p:x" ]""()){DAV:}href[]"x"(){}q[]"y"()))`
	again, err := ParseXML(e.Append(nil), XMLLimits{})
	if err != nil {
		t.Fatalf("%v in %s", err, e)
	}
	if got := canonical(again); got != want {
		t.Errorf("got  %s\nwant %s\nin %s", got, want, e)
	}
}
