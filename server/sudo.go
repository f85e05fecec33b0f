package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"convene/acl"
	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/internal/logging"
)

// sudoHeader names the user for whom a request is made, by their short name. Apple's
// Calendar Server took it from its sudoers.
const sudoHeader = "X-Authorize-As"

// sudo says who may act as others. It is a value of one generation.
type sudo struct {
	sudoers []string   // GUIDs of users and groups, sorted
	policy  acl.Policy // who is an administrator, and so nobody's other self

	// incomplete says that the directory could not be asked about some sudoers.
	incomplete bool
}

// A sudoError refuses to let somebody act as another, with the status of the response.
type sudoError struct {
	status int
	reason string
}

func (e *sudoError) Error() string { return e.reason }

// What a caller is told who may not act as another: nothing about the other.
var errNoSudoer = &sudoError{http.StatusForbidden, "You may not act as others."}

// caller is whom a request is made for: who signed in, or the user whom its header
// names. Errors: *sudoError, those of the directory.
func (s *sudo) caller(ctx context.Context, d directory.Directory, self *auth.Caller, header http.Header) (*auth.Caller, error) {
	names, named := header[sudoHeader]
	switch {
	case !named:
		return self, nil
	case len(names) > 1 || strings.TrimSpace(names[0]) == "":
		return nil, &sudoError{http.StatusBadRequest, sudoHeader + " names one user."}
	case !s.isSudoer(self) && s.incomplete:
		return nil, fmt.Errorf("sudoers: %w", directory.ErrUnavailable)
	case !s.isSudoer(self):
		return nil, errNoSudoer
	}
	return s.target(ctx, d, self, strings.TrimSpace(names[0]))
}

func (s *sudo) isSudoer(c *auth.Caller) bool {
	is := func(guid string) bool { _, found := slices.BinarySearch(s.sudoers, guid); return found }
	return is(c.Principal.GUID) || slices.ContainsFunc(c.Groups, is)
}

// target is the user of a name, with self acting as them. Administrators are nobody's
// target: whoever may act as others does not so become one.
func (s *sudo) target(ctx context.Context, d directory.Directory, self *auth.Caller, name string) (*auth.Caller, error) {
	p, err := d.Lookup(ctx, directory.Key{By: directory.Name, Type: directory.User, Value: name})
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
		return nil, &sudoError{http.StatusForbidden, sudoHeader + " names nobody."}
	}
	if err != nil {
		return nil, err
	}
	groups, err := d.Groups(ctx, p.GUID)
	switch {
	case err != nil:
		return nil, err
	case !p.LoginEnabled:
		return nil, &sudoError{http.StatusForbidden, "This user may not sign in."}
	case s.policy.IsAdministrator(acl.Caller{GUID: p.GUID, Groups: groups}):
		return nil, &sudoError{http.StatusForbidden, "Nobody acts as an administrator."}
	case s.policy.Incomplete:
		return nil, fmt.Errorf("administrators: %w", directory.ErrUnavailable)
	}
	return &auth.Caller{Principal: p, Groups: groups, Scheme: self.Scheme, Login: p.Name, Sudo: self}, nil
}

// explained says for the operator's verbs why somebody may not act as the user of a name.
func (s *sudo) explained(d directory.Directory) func(context.Context, *auth.Caller, string) (string, error) {
	return func(ctx context.Context, self *auth.Caller, name string) (string, error) {
		_, err := s.caller(ctx, d, self, http.Header{sudoHeader: {name}})
		if refused, ok := errors.AsType[*sudoError](err); ok {
			return refused.reason, nil
		}
		return "", err
	}
}

// actAs finds out for whom a request is made, and records it if that is not who
// signed in. It has answered the request if it returns nil.
func (s *Server) actAs(w http.ResponseWriter, r *http.Request, current *generation, self *auth.Caller) *auth.Caller {
	caller, err := current.sudo.Load().caller(r.Context(), current.directory, self, r.Header)
	refused, no := errors.AsType[*sudoError](err)
	switch {
	case no:
		s.log.Info("not allowed to act as another", "user", self.Login, "for", r.Header.Get(sudoHeader), "reason", refused.reason)
		http.Error(w, refused.reason, refused.status)
		return nil
	case err != nil:
		s.log.Error("not known who acts as whom", "user", self.Login, "for", r.Header.Get(sudoHeader), "err", err)
		unavailable(w, err)
		return nil
	case caller.Sudo == nil:
		return caller
	}
	line := logging.For(w)
	line.For = caller.Login
	if err := s.accesses.RecordSudo(sudoOf(caller, r, line.ID)); err != nil {
		s.log.Error("acting as another is refused: it cannot be recorded", "user", self.Login, "for", caller.Login, "err", err)
		http.Error(w, "This request could not be recorded.", http.StatusServiceUnavailable)
		return nil
	}
	return caller
}

// sudoOf is what the audit log says of a request that is made for another.
func sudoOf(c *auth.Caller, r *http.Request, id string) audit.Sudo {
	who := func(p *directory.Principal) audit.Who { return audit.Who{GUID: p.GUID, Name: p.Name} }
	as := who(c.Principal)
	return audit.Sudo{
		By:     audit.By{Actor: who(c.Sudo.Principal), As: &as, Via: audit.Via{How: audit.DAV, Request: id, Remote: r.RemoteAddr}},
		Method: r.Method, Path: r.URL.Path, Write: !auth.Reads(r.Method),
	}
}
