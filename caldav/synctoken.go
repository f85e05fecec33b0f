package caldav

import (
	"fmt"
	"strconv"
	"strings"

	"convene/store"
)

// A sync token names what it is a state of, the epoch of the store, and the
// revision: "data:,c7-9d3f01ab-1f2a" for collection 7, "data:,h3-9d3f01ab-1f2a"
// for a home (RFC 6578 §3.2: a valid URI).
const tokenPrefix = "data:,"

func (r *resource) syncToken() string {
	if r.col != nil {
		return collectionToken(r.home.Epoch, r.col.ID, r.col.Rev)
	}
	return homeToken(r.home, r.home.Rev)
}

func collectionToken(epoch store.Epoch, id store.CollectionID, rev store.Rev) string {
	return fmt.Sprintf("%sc%x-%x-%x", tokenPrefix, id, epoch, rev)
}

func homeToken(h *store.Home, rev store.Rev) string {
	return fmt.Sprintf("%sh%x-%x-%x", tokenPrefix, h.ID, h.Epoch, rev)
}

// parseToken returns the revision of a token of r. One of another resource, of
// another server, or of what this one was before it was restored from a copy is
// not valid (RFC 6578 §3.2). Errors: store.ErrTokenExpired.
func (r *resource) parseToken(token string) (store.Rev, error) {
	want := r.syncToken()
	ours := want[:strings.LastIndexByte(want, '-')+1]
	rev, ok := strings.CutPrefix(token, ours)
	n, err := strconv.ParseUint(rev, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("token %.100q: %w", token, store.ErrTokenExpired)
	}
	return store.Rev(n), nil
}
