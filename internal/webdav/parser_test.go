package webdav

import (
	"strings"
	"testing"
)

// A parser that has read other documents, good and bad, reads each like a new one.
func TestParserIsUsedAgain(t *testing.T) {
	many := "<a>" + strings.Repeat("<b>x</b>", 2*keptElements) + "</a>"
	docs := []string{
		`<a xmlns="DAV:" x="1"><b/><c>t</c></a>`, `<a><b>`, `<p:a xmlns:p="urn:p"><p:b p:x="2">&amp;</p:b> </p:a>`, many,
		`<p:a/>`, `<a x="1" x="2"/>`, "\xff", `<a>` + strings.Repeat("y", keptBytes) + `</a>`, `<?xml version="1.0"?><a><b><c><d/></c></b></a>`,
	}
	var p Parser
	for range 3 {
		for _, doc := range docs {
			want, wantErr := ParseXML([]byte(doc), DefaultXMLLimits)
			got, err := p.Parse([]byte(doc), DefaultXMLLimits)
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%.40s: %v, want %v", doc, err, wantErr)
			}
			if err == nil && got.String() != want.String() {
				t.Errorf("%.40s: %s, want %s", doc, got, want)
			}
		}
	}
}

// What was parsed stays as it is while the parser reads on.
func TestParserLeavesTreesAlone(t *testing.T) {
	var p Parser
	var trees []*Element
	var want []string
	for i := range 50 {
		doc := `<a xmlns="DAV:" n="` + strings.Repeat("i", i) + `"><b>` + strings.Repeat("x", i) + `</b><c/></a>`
		e, err := p.Parse([]byte(doc), DefaultXMLLimits)
		if err != nil {
			t.Fatal(err)
		}
		trees, want = append(trees, e), append(want, e.String())
	}
	for i, e := range trees {
		if e.String() != want[i] {
			t.Errorf("tree %d became %s, was %s", i, e, want[i])
		}
	}
}
