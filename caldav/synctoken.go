package caldav

import (
	"fmt"
	"strconv"
	"strings"

	"convene/internal/webdav"
	"convene/store"
)

// A sync token names what it is a state of, and the revision: "data:,c7-1f2a"
// for collection 7, "data:,h3-1f2a" for a home (RFC 6578 §3.2: a valid URI).
const tokenPrefix = "data:,"

func (r *resource) syncToken() string {
	if r.col != nil {
		return collectionToken(r.col.ID, r.col.Rev)
	}
	return homeToken(r.home.ID, r.home.Rev)
}

func collectionToken(id store.CollectionID, rev store.Rev) string {
	return fmt.Sprintf("%sc%x-%x", tokenPrefix, id, rev)
}

func homeToken(id store.HomeID, rev store.Rev) string {
	return fmt.Sprintf("%sh%x-%x", tokenPrefix, id, rev)
}

// parseToken returns the revision of a token of r. A token of another resource
// or of another server is not valid (RFC 6578 §3.2).
func (r *resource) parseToken(token string) (store.Rev, error) {
	owner, rev, ok := strings.Cut(token, "-")
	want, _, _ := strings.Cut(r.syncToken(), "-")
	n, err := strconv.ParseUint(rev, 16, 64)
	if !ok || owner != want || err != nil {
		return 0, precondition(webdav.DAV("valid-sync-token"))
	}
	return store.Rev(n), nil
}
