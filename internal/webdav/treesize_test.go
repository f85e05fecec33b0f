package webdav

import (
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// Parsing takes no more than TreeSize says, whatever a document is made of.
func TestTreeSize(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const size = 2 << 20
	fill := func(head, piece, foot string) []byte {
		return []byte(head + strings.Repeat(piece, (size-len(head)-len(foot))/len(piece)) + foot)
	}
	some := func(n int, head, piece, foot string) []byte { return []byte(head + strings.Repeat(piece, n) + foot) }
	for name, doc := range map[string][]byte{
		"small":                 []byte(`<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`),
		"hrefs":                 some(20_000, "<a>", "<b>/calendars/users/ann/calendar/x.ics</b>\n", "</a>"),
		"empty elements":        some(49_999, "<a>", "<b/>", "</a>"),
		"too many":              fill("<a>", "<b/>", "</a>"),
		"with text between":     some(24_999, "<a>", "x<b/>", "</a>"),
		"pairs":                 some(24_999, "<a>", "<b><c/></b>", "</a>"),
		"text":                  fill("<a>", "long text ", "</a>"),
		"references":            fill("<a>", "&lt;", "</a>"),
		"line ends":             fill("<a>", "\r\n", "</a>"),
		"sections":              fill("<a>", "<![CDATA[x]]>", "</a>"),
		"comments":              fill("<a>", "x<!---->", "</a>"),
		"attributes":            some(700, "<a>", "<b"+attributes(60)+"/>", "</a>"),
		"one attribute each":    some(24_999, "<a>", `<b c=""/>`, "</a>"),
		"namespaces":            some(24_999, "<a>", `<b xmlns="x"/>`, "</a>"),
		"attribute with blanks": []byte(`<a b="` + strings.Repeat("\t&lt;", size/5) + `"/>`),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			took, said := allocated(func() any {
				var root *Element
				root, err = ParseXML(doc, XMLLimits{})
				return root
			}), TreeSize(doc, XMLLimits{})
			if took > said {
				t.Errorf("took %d bytes (%.1f for each of the document), TreeSize says %d; %v", took, float64(took)/float64(len(doc)), said, err)
			}
			t.Logf("%.2f bytes a byte, TreeSize %.2f", float64(took)/float64(len(doc)), float64(said)/float64(len(doc)))
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(" " + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `=""`)
	}
	return b.String()
}

// allocated is how many bytes fn allocates: the least of three times, because what
// the runtime allocates beside it is counted too.
func allocated(fn func() any) int64 {
	least := int64(math.MaxInt64)
	for range 3 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		runtime.KeepAlive(fn())
		runtime.ReadMemStats(&after)
		least = min(least, int64(after.TotalAlloc-before.TotalAlloc))
	}
	return least
}
