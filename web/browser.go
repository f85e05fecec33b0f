package web

import (
	"convene/internal/header"
	"net/http"
	"strings"
)

// PageFor returns the page that a browser is shown in place of a folder of calendars or
// people, which it would get as a list of files; "" for all other requests. Programs do
// not say that they navigate (Fetch Metadata, Sec-Fetch-Mode), and never see a page. What
// is not a folder, such as an event, is not a page, and comes as it is.
func PageFor(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || header.Get(r.Header, "Sec-Fetch-Mode") != "navigate" || !strings.Contains(header.Get(r.Header, "Accept"), "text/html") {
		return ""
	}
	p := r.URL.Path
	for _, folder := range []string{"/calendars", "/principals"} {
		if p == folder || strings.HasPrefix(p, folder+"/") && strings.HasSuffix(p, "/") {
			return "/my/"
		}
	}
	if p == "/" {
		return "/my/"
	}
	return ""
}
