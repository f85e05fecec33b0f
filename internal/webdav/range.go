package webdav

import (
	"net/http"
	"strconv"
	"strings"
)

// bytesRanges is the Accept-Ranges of what parts can be had of (RFC 9110 §14.3).
var bytesRanges = []string{"bytes"}

// Partial makes the response to a GET, whose whole body is in resp, into the part
// that the client asks for (RFC 9110 §14): 206 with one range of bytes, or 416 if
// the body has none of them. Several ranges at once, other units and what is no
// range get the whole, as RFC 9110 §14.2 allows; so does a client whose If-Range
// is not the entity tag.
func Partial(r *http.Request, resp *Response) *Response {
	resp.Header["Accept-Ranges"] = bytesRanges
	value, asked := single(r.Header, "Range")
	if !asked || r.Method != http.MethodGet || resp.Status != http.StatusOK {
		return resp
	}
	if since, ok := single(r.Header, "If-Range"); ok && (since != resp.Header.Get("ETag") || ETag(since).Weak()) {
		return resp
	}
	size := int64(len(resp.Body))
	from, to, ok := parseRange(value, size)
	switch {
	case !ok:
		return resp
	case from >= to:
		resp.Status, resp.Body = http.StatusRequestedRangeNotSatisfiable, nil
		resp.Header.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
		resp.Header.Del("Content-Type")
		return resp
	}
	resp.Status, resp.Body = http.StatusPartialContent, resp.Body[from:to]
	resp.Header.Set("Content-Range", "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(to-1, 10)+"/"+strconv.FormatInt(size, 10))
	return resp
}

// parseRange reads a Range of one byte range: from until before to, of size bytes;
// nothing lies between them if it cannot be satisfied. ok: it is one.
func parseRange(value string, size int64) (from, to int64, ok bool) {
	unit, value, _ := strings.Cut(value, "=")
	first, last, ok := strings.Cut(strings.Trim(value, " \t"), "-")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return 0, 0, false
	}
	if first == "" { // the last so many
		n, err := strconv.ParseUint(last, 10, 62)
		return size - min(int64(n), size), size, err == nil
	}
	n, err := strconv.ParseUint(first, 10, 62)
	if err != nil {
		return 0, 0, false
	}
	from, to = int64(n), size
	if last != "" {
		m, err := strconv.ParseUint(last, 10, 62)
		if err != nil || m < n {
			return 0, 0, false
		}
		to = min(int64(m)+1, size)
	}
	return from, to, true
}
