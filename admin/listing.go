package admin

import "context"

// HomeListing is what a home lists at the moment, for whoever compares it with a copy.
type HomeListing struct {
	Owner  string `json:"owner"`  // GUID
	Rev    uint64 `json:"rev"`    // the same as long as nothing in the home changes
	Digest string `json:"digest"` // of the names of all objects and their revisions
}

// ListHomes says what all homes list. It reads no object.
func ListHomes(ctx context.Context, c Conn) ([]HomeListing, error) {
	return call[[]HomeListing](ctx, c, "list-homes", None{})
}

func (a *Admin) listHomes(ctx context.Context, _ None) ([]HomeListing, error) {
	if a.Listings == nil {
		return nil, ErrVerb
	}
	return a.Listings(ctx)
}
