package header

import "net/http"

// Get returns the first value of the field name, or "". Unlike [http.Header.Get] it takes
// the name as [http.CanonicalHeaderKey] gives it, and does not look at each of its letters
// to see whether it is in that form: a request asks for some twenty fields, of which it has
// few.
func Get(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
