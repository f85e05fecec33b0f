package directory

import (
	"golang.org/x/text/unicode/norm"

	"convene/directory/ldif"
)

// sameText compares text as people mean it: letter case, runs of spaces and
// the composition of accented letters do not count, accents do.
func sameText(a, b string) bool {
	return a == b || ldif.Fold(norm.NFKC.String(a)) == ldif.Fold(norm.NFKC.String(b))
}
