package webdav

import (
	"net/http"
	"strconv"
	"strings"
)

// Accepts returns the quality that the Accept header gives a media type, by the range
// of it that fits best, and whether the header names it, and not only a range that it
// is in (RFC 9110 §12.5.1). A quality of 0 is not acceptable: also one that cannot be
// read, and all there are if there is no header.
func Accepts(header http.Header, media string) (quality float64, named bool) {
	major, _, _ := strings.Cut(media, "/")
	precision := 0
	for _, field := range header["Accept"] {
		for item := range strings.SplitSeq(field, ",") {
			name, params, _ := strings.Cut(item, ";")
			at := 0
			switch strings.ToLower(strings.TrimSpace(name)) {
			case media:
				at, named = 3, true
			case major + "/*":
				at = 2
			case "*/*":
				at = 1
			}
			if at > precision {
				precision, quality = at, weight(params)
			}
		}
	}
	return quality, named
}

// weight returns the parameter q of an item (RFC 9110 §12.4.2); 1 if there is none.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
