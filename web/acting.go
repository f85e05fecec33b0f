package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/directory"
	"convene/web/page"
)

// forPrefix is what pages of those are below whom somebody acts for.
const forPrefix = "/my/for/{for}/"

// forPath is where a page below /my/ is for those whom somebody acts for.
func forPath(path string) string {
	if strings.HasPrefix(path, forPrefix) {
		return path
	}
	return forPrefix + strings.TrimPrefix(path, "/my/")
}

// forNavigation is what there is of somebody for whom the caller acts.
func (h *Handler) forNavigation(r *page.Request) (out []navEntry) {
	if r.For == nil {
		return nil
	}
	for _, n := range h.nav {
		if n.For && r.May(n.Gate) {
			path := r.Link(n.Path)
			out = append(out, navEntry{Path: path, Text: r.Locale.T(n.Text), Current: strings.HasPrefix(r.URL.Path, path)})
		}
	}
	return out
}

// handleFor is handle for a page of somebody whom the caller acts for. Who may do nothing
// for them learns no more than of somebody who is not there.
func (h *Handler) handleFor(w http.ResponseWriter, r *page.Request, fn func(*page.Request) (*page.Answer, error)) {
	acting, err := actingFor(r, r.PathValue("for"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	r.For = acting
	h.handle(w, r, fn)
}

// delegatesRetry is how long it takes until somebody has looked after the delegate
// database.
const delegatesRetry = 5 * time.Minute

// actingFor finds out what the caller may do for somebody, named by GUID.
func actingFor(r *page.Request, guid string) (*page.Acting, error) {
	list, err := admin.ListDelegators(r.Context(), r.Site.Admin, r.GUID())
	if errors.Is(err, delegation.ErrRefused) {
		return nil, &page.Error{Status: http.StatusServiceUnavailable, Key: "shell.delegates-away", Retry: delegatesRetry, Err: err}
	}
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if d.GUID != guid {
			continue
		}
		p, err := r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.GUID, Value: guid})
		if err != nil {
			return nil, fmt.Errorf("for whom somebody acts: %w", err)
		}
		return &page.Acting{Principal: p, Grant: d.Grant, Until: d.Until, Base: "/my/for/" + guid + "/"}, nil
	}
	return nil, page.Fail(http.StatusForbidden, "shell.not-for-them")
}
