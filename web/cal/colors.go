package cal

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"convene/web/page"
)

// mostColours is how many calendars have a colour of their own; those behind begin again.
const mostColours = 60

// palette are the colours of calendars for which none was chosen.
var palette = [...]string{"#1a73e8", "#d93025", "#188038", "#e37400", "#8430ce", "#007b83", "#c2185b", "#5f6368"}

// colors is the stylesheet that says which class has which colour: c0 the first of the
// query, and so on. From there the style of events makes what can be read on it.
func colors(r *page.Request) (*page.Answer, error) {
	codes := strings.Split(r.URL.Query().Get("c"), "-")
	if len(codes) > mostColours {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	var b bytes.Buffer
	for i, code := range codes {
		if code == "" {
			continue
		}
		if _, err := strconv.ParseUint(code, 16, 24); err != nil || len(code) != 6 {
			return nil, page.Fail(http.StatusBadRequest, "")
		}
		fmt.Fprintf(&b, ".c%d{--c:#%s}\n", i, strings.ToLower(code))
	}
	return &page.Answer{Type: "text/css; charset=utf-8", Body: b.Bytes(), Header: http.Header{"Cache-Control": {"private, max-age=31536000, immutable"}}}, nil
}
