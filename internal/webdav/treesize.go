package webdav

import "bytes"

// What parsing allocates, in bytes, measured on the worst documents (see
// TestTreeSize).
const (
	perByte    = 4   // the parser's copy, and text with references or in pieces
	perElement = 200 // Element, its place among its parent's children
	perDoc     = 16 << 10
)

// TreeSize returns how many bytes of memory parsing a document takes at most, the
// tree included, without parsing it: for whoever shares out memory. The document
// itself is not counted.
func TreeSize(body []byte, lim XMLLimits) int64 {
	lim = lim.orDefault()
	nodes := bytes.Count(body, []byte("="))
	for rest := body; ; {
		i := bytes.IndexByte(rest, '<')
		if i < 0 {
			break
		}
		rest = rest[i+1:]
		nodes++ // before each tag there may be a run of text
		if len(rest) == 0 || rest[0] != '/' {
			nodes++ // end tags make no element
		}
	}
	return perDoc + perByte*int64(len(body)) + perElement*int64(min(nodes, lim.Elements))
}
