package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
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

// Opens reports whose ticket is in a header field as for Login, without asking the
// directory who that is. Errors: as for Login.
func (a *Authenticator) Opens(ctx context.Context, authorization string) (principal string, err error) {
	encoded, ok := strings.CutPrefix(authorization, "Negotiate ")
	if a.negotiate == nil || !ok {
		return "", errors.New("tickets are not accepted")
	}
	token, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", err
	}
	t, err := a.negotiate.accept(ctx, token, channel{})
	if err != nil {
		return "", err
	}
	return t.name.String(), nil
}
