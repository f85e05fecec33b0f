package cal

import (
	"net/http"
	"slices"
	"strings"

	"convene/web/page"
)

// mostHidden bounds what is kept of somebody's choice, in bytes.
const mostHidden = 16 << 10

// choose keeps which calendars the reader wants to see: of those that the form lists, the
// chosen ones. Others stay as they are.
func choose(r *page.Request) (*page.Answer, error) {
	listed, shown := r.PostForm["listed"], r.PostForm["show"]
	var hidden []string
	for path := range strings.Lines(r.Prefer.Hidden) {
		if path = strings.TrimSuffix(path, "\n"); path != "" && !slices.Contains(listed, path) {
			hidden = append(hidden, path)
		}
	}
	for _, path := range listed {
		if !strings.HasPrefix(path, "/calendars/") || strings.ContainsAny(path, "\r\n") {
			return nil, page.Fail(http.StatusBadRequest, "")
		}
		if !slices.Contains(shown, path) {
			hidden = append(hidden, path)
		}
	}
	p := r.Prefer
	p.Hidden = strings.Join(hidden, "\n")
	if len(p.Hidden) > mostHidden {
		return nil, page.Fail(http.StatusRequestEntityTooLarge, "")
	}
	if err := r.Prefs.Set(r.Context(), r.GUID(), p); err != nil {
		return nil, err
	}
	back := r.PostFormValue("back")
	if !strings.HasPrefix(back, "/my/") {
		back = "/my/calendar/"
	}
	return r.Go(back, ""), nil
}
