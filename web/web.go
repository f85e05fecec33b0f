package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"convene/web/cal"
	"convene/web/delegates"
	"convene/web/devices"
	"convene/web/event"
	"convene/web/i18n"
	"convene/web/manage"
	"convene/web/my"
	"convene/web/page"
	"convene/web/room"
	"convene/web/sharing"
)

// areas are the pages that there are, in the order of the navigation.
func areas() []page.Area {
	return []page.Area{my.Area(), cal.Area(), event.Area(), room.Area(), delegates.Area(), devices.Area(), sharing.Area(), manage.Area()}
}

// A Handler serves the pages. It is safe for use by many goroutines.
type Handler struct {
	parts   *page.Parts
	mux     *http.ServeMux
	routes  []page.Route
	nav     []page.Nav
	pages   func() (*template.Template, error) // parsed when the first page is shown
	static  *static
	rates   page.Rates
	toasts  toasts
	reports reports
	known   known
	live    live
	local   *time.Location // for who has not said theirs
}

// New makes the handler of the pages. parts.Texts is filled in if it is nil. Templates and
// texts are read when somebody opens a page: a server that has calendars alone does without.
func New(parts page.Parts) (h *Handler, err error) {
	if parts.Texts == nil {
		parts.Texts = i18n.Load()
	}
	h = &Handler{parts: &parts, pages: sync.OnceValues(openPages), local: localZone(), rates: page.Rates{PerSecond: perSecond, Burst: burst},
		reports: reports{of: page.Rates{PerSecond: reportsOfOne, Burst: reportsBurst}, all: page.Rates{PerSecond: reportsOfAll, Burst: reportsAllBurst}}}
	if h.static, err = openStatic(); err != nil {
		return nil, fmt.Errorf("files of the pages: %w", err)
	}
	for _, a := range areas() {
		h.routes = append(h.routes, a.Routes...)
		h.nav = append(h.nav, a.Nav...)
	}
	return h, h.mount()
}

// Paths are the first segments of the paths of pages.
func Paths() []string {
	return []string{"admin", "help", "my", "panel", "publish", "reports", "signin", "signout", "static"}
}

// LogPath is a request's path for the log: what follows in that of a published calendar
// opens it, and is left out.
func LogPath(r *http.Request) string {
	if !strings.Contains(r.URL.Path, "publish") {
		return r.URL.Path
	}
	p := path.Clean("/" + r.URL.Path)
	if p == "/publish" || strings.HasPrefix(p, "/publish/") {
		return "/publish/…"
	}
	return r.URL.Path
}

// Routes returns all routes, for tests.
func (h *Handler) Routes() []page.Route { return h.routes }

// hash names the content of files.
func hash(fsys fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, name)
		fmt.Fprintf(sum, "%s %d\n", name, len(text))
		sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)[:8]), err
}
