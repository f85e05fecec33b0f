package ical

import "bytes"

// What decoding allocates, in bytes, measured on the worst sources (see
// TestTreeSize).
const (
	perByte  = 5   // the decoder's copy, and lines that are unfolded
	perLine  = 330 // a property, or half a component
	perParam = 150
	perValue = 64
	perTree  = 4 << 10
	perNode  = 450 // of jCal
)

// TreeSize returns how many bytes of memory decoding a source takes at most, the
// tree included, without decoding it: for whoever shares out memory. The source
// itself is not counted.
func TreeSize(src []byte, lim Limits) int64 {
	lim = lim.withDefaults()
	lines := max(bytes.Count(src, []byte("\n")), bytes.Count(src, []byte("\r"))) + 1
	params := bytes.Count(src, []byte(";"))
	values := bytes.Count(src, []byte(",")) + bytes.Count(src, []byte("="))
	return perTree + perByte*int64(len(src)) +
		perLine*int64(min(lines, lim.Properties+2*lim.Components)) +
		perParam*int64(min(params, lim.ParamValues)) + perValue*int64(min(values, lim.ParamValues))
}

// JCalTreeSize is TreeSize for jCal. Decoding it makes much more than it keeps: half
// of that is taken to be collected meanwhile.
func JCalTreeSize(src []byte) int64 {
	nodes := 1
	for _, mark := range [...]string{",", "[", "{", ":"} {
		nodes += bytes.Count(src, []byte(mark))
	}
	return perTree + perByte*int64(len(src)) + perNode*int64(nodes)
}
