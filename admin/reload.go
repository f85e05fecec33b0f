package admin

import "context"

// A Request is that of verbs that need to know no more than who calls them.
type Request struct {
	By     string `json:"by"` // who they say they are
	Reason string `json:"reason,omitempty"`
}

// Reload makes the running server read its configuration again.
func Reload(ctx context.Context, c Conn, r Request) error {
	_, err := call[None](ctx, c, "reload", r)
	return err
}

func (a *Admin) reload(ctx context.Context, r Request) (None, error) {
	if a.Reload == nil {
		return None{}, ErrNotRunning
	}
	return None{}, a.Reload(ctx, a.Operator.By(r.By, r.Reason))
}
