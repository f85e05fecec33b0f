package caldav

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"convene/acl"
	"convene/audit"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/internal/webdav"
)

// maxDelegates bounds the members that one request may name.
const maxDelegates = 1000

// proppatchProxyGroup serves PROPPATCH of a group of delegates: DAV:group-member-set,
// which names all direct members (RFC 3744 §4.3, caldav-proxy §5.2). The transaction
// decides whether it may be changed, and who is meant; the change is one of the
// delegate database, after it.
func (h *Handler) proppatchProxyGroup(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	changes, err := webdav.ParsePropertyUpdate(body)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		p := &proxyPatch{h: h, req: r, self: self, results: make([]webdav.PropResult, len(changes)), named: map[string]string{}}
		if !p.read(s, changes) {
			return nil, &patchError{self: self, results: failedDependency(p.results)}
		}
		p.target = delegation.Target{Principal: appointed.Principal(self.owner), Directory: s.appointees(self.owner)}
		p.author = s.author()
		r.then = p.commit
		return nil, nil
	}, nil
}

// author is the caller as who changes delegates.
func (s *scope) author() delegation.Author {
	r := s.req
	via := r.UserAgent()
	if via == "" {
		via = "a CalDAV client"
	}
	sudo := ""
	if self := r.caller.Self(); self != r.caller {
		sudo = self.Principal.GUID
	}
	return delegation.Author{
		Sudo: sudo, Caller: s.delegateCaller(r.caller.Principal.GUID),
		Administrator: s.h.Access.IsAdministrator(aclCaller(r.caller)), Via: via, Remote: r.RemoteAddr,
	}
}

// A proxyPatch is a change of one group of delegates, as a transaction has found it.
type proxyPatch struct {
	h       *Handler
	req     *request
	self    *resource
	results []webdav.PropResult
	author  delegation.Author
	target  delegation.Target
	members []delegation.Principal
	named   map[string]string // how the request names them, by GUID
}

// read takes the changes of the request in their order, of which the last one counts.
// It reports false if one is refused.
func (p *proxyPatch) read(s *scope, changes []webdav.PropUpdate) bool {
	ok := true
	for i, c := range changes {
		p.results[i] = webdav.PropResult{Name: c.Prop.Name, Status: http.StatusOK}
		var err *webdav.Error
		switch {
		case c.Prop.Name == webdav.DAV("group-member-set"):
			err = p.setMembers(s, c)
		case c.Remove && s.h.props.row(c.Prop.Name, kindProxyGroup) == nil:
			// RFC 4918 §9.2: what is not there may be removed
		default:
			err = precondition(webdav.CondCannotModifyProtected)
		}
		if err != nil {
			p.results[i].Status, p.results[i].Err = err.Code(), err
			ok = false
		}
	}
	return ok
}

// setMembers takes the new members from a property. Errors: 409, one is no principal.
func (p *proxyPatch) setMembers(s *scope, c webdav.PropUpdate) *webdav.Error {
	p.members = nil
	if c.Remove {
		return nil
	}
	for href := range c.Prop.ChildrenNamed(webdav.NameHref) {
		text := href.TrimText()
		if len(p.members) == maxDelegates {
			return conflict(fmt.Sprintf("more than %d members", maxDelegates))
		}
		who := s.principalNamed(text)
		if who == nil {
			return conflict(fmt.Sprintf("%s is no principal of this server", text))
		}
		p.members = append(p.members, appointed.Principal(who))
		p.named[who.GUID] = text
	}
	return nil
}

// conflict says why a value conflicts with what there is (RFC 4918 §9.2.1).
func conflict(why string) *webdav.Error {
	return &webdav.Error{Status: http.StatusConflict, Description: why}
}

// principalNamed is the record whose principal an href of the request names, in any of
// the forms that a principal's URL has; nil if it names none.
func (s *scope) principalNamed(href string) *directory.Principal {
	path, err := webdav.ParseHref(href, s.req.Host)
	if err != nil {
		return nil
	}
	t, err := parseTarget(webdav.EscapePath(path))
	if err != nil || t.kind != kindPrincipal {
		return nil
	}
	return s.record(t.key())
}

// commit changes the delegate database.
func (p *proxyPatch) commit(ctx context.Context) (*webdav.Response, error) {
	owner, level := p.self.owner, proxyLevel(lastSegment(p.self.dir))
	by := p.req.by()
	by.Via.Says = p.req.UserAgent()
	act := audit.Act{
		By: by, Verb: "delegate.set", Object: audit.Object{Type: "principal", GUID: owner.GUID, Name: owner.Name, Path: p.self.dir},
		Before: p.records(level),
	}
	d := &p.h.Delegates
	err := p.h.Acts.Do(ctx, act, func() (any, error) {
		_, err := d.Book.ReplaceMembers(ctx, p.author, p.target, level, p.members)
		return p.records(level), err
	})
	if err != nil {
		return nil, p.refused(err)
	}
	prefer := webdav.ParsePrefer(p.req.Header)
	if prefer.Return == webdav.ReturnMinimal {
		return applied(&webdav.Response{Status: http.StatusOK}, prefer), nil
	}
	return patched(p.self, p.results), nil
}

// records are the delegations of the group's owner at a level, for the audit log.
func (p *proxyPatch) records(level delegation.Level) (list []delegation.Record) {
	set, err := p.h.Delegates.Book.Read()
	if err != nil {
		return nil
	}
	for _, r := range set.Records(p.self.owner.GUID) {
		if r.Level == level {
			list = append(list, r)
		}
	}
	return list
}

// refused is what the client is told of an error of the delegate database: nothing has
// changed.
func (p *proxyPatch) refused(err error) error {
	switch member, ok := errors.AsType[*delegation.MemberError](err); {
	case errors.Is(err, delegation.ErrDenied):
		refusal := webdav.NeedPrivileges(p.req.URL.Path, acl.WriteProperties.Name())
		refusal.Description, refusal.Err = err.Error(), err
		return refusal
	case ok:
		name := p.named[member.GUID]
		if name == "" {
			name = principalPath(member.GUID)
		}
		return p.conflicts(fmt.Sprintf("%s: %v", name, member.Err))
	case errors.Is(err, audit.ErrNotRecorded):
		return &webdav.Error{Status: http.StatusServiceUnavailable, Description: "this change could not be recorded", Err: err}
	case errors.Is(err, delegation.ErrNoCalendars):
		return p.conflicts(delegation.ErrNoCalendars.Error())
	}
	return err
}

// conflicts is the response to members that cannot be what they shall.
func (p *proxyPatch) conflicts(why string) error {
	for i := range p.results {
		if p.results[i].Name == webdav.DAV("group-member-set") {
			e := conflict(why)
			p.results[i].Status, p.results[i].Err = e.Code(), e
		}
	}
	return &patchError{self: p.self, results: failedDependency(p.results)}
}
