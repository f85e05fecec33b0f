package auth

import (
	"context"
	"net/http"
	"net/http/httptest"
)

// Login takes a header field as from Token to a's acceptor, and returns who signed in.
func (a *Authenticator) Login(ctx context.Context, authorization string) (*Caller, error) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "https://localhost/", http.NoBody)
	r.Header.Set("Authorization", authorization)
	caller, out := a.Authenticate(r)
	if caller == nil {
		return nil, out.Err
	}
	return caller, nil
}
