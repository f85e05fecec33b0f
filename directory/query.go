package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// searchOptions refine LDAP.search.
type searchOptions struct {
	limit int      // entries per search; 0: all of them, in pages
	extra []string // further attributes
	only  []string // read these instead of what principals are made of, and make none
	at    string   // read this one entry instead of searching the bases
	hide  bool     // leave out what is hidden from searches
	named bool     // the filter names the entries, no more than any server gives at once
}

// batch is one search: the record types that share bases and scope.
type batch struct {
	specs   []*spec
	filters []string // what is asked of each
}

// filter joins the types' own filters with what is asked. What is asked of
// several types is written once: it may be long. Where it names the entries, what type
// each is of is seen when it is there: a condition that half of the directory meets
// costs servers more than the entries that it keeps out. Of a single type the server's
// word counts (see classify).
func (b *batch) filter(named bool) string {
	var list []string
	for i, f := range b.filters {
		if slices.Contains(b.filters[:i], f) {
			continue
		}
		if named && len(b.specs) > 1 {
			list = append(list, f)
			continue
		}
		var own []string
		for j, s := range b.specs {
			if b.filters[j] == f {
				own = append(own, s.Filter)
			}
		}
		list = append(list, and(or(own...), f))
	}
	return or(list...)
}

// search finds records of all types for which filter gives something. It is
// complete, or ErrTooMany with part of it, or another error with nothing.
// Entries without a GUID have no principal.
func (l *LDAP) search(ctx context.Context, filter func(*spec) string, o searchOptions) ([]*found, error) {
	batches := l.batches(filter)
	type part struct {
		list []*found
		err  error
	}
	parts := make(chan part, len(batches))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, b := range batches {
		if len(batches) == 1 {
			list, err := l.searchBatch(ctx, b, o)
			parts <- part{list, err}
			break
		}
		go func() {
			list, err := guard(func() ([]*found, error) { return l.searchBatch(ctx, b, o) })
			parts <- part{list, err}
		}()
	}
	var out []*found
	var tooMany error
	for range batches {
		p := <-parts
		switch {
		case errors.Is(p.err, ErrTooMany):
			tooMany = p.err
		case p.err != nil:
			return nil, p.err
		}
		out = append(out, p.list...)
	}
	if len(batches) > 1 {
		out = distinct(out)
	}
	return out, tooMany
}

// distinct drops entries found twice, through overlapping bases.
func distinct(list []*found) []*found {
	seen := make(map[string]bool, len(list))
	return slices.DeleteFunc(list, func(f *found) bool {
		dn := f.e.FoldedDN()
		dup := seen[dn]
		seen[dn] = true
		return dup
	})
}

// batches joins the record types that can be searched together.
func (l *LDAP) batches(filter func(*spec) string) []*batch {
	var out []*batch
	for _, s := range l.m.specs {
		f := filter(s)
		if f == "" {
			continue
		}
		i := slices.IndexFunc(out, func(b *batch) bool {
			o := b.specs[0]
			return s.compiled.Local() && o.compiled.Local() && s.scope == o.scope && slices.Equal(s.folded, o.folded)
		})
		if i < 0 {
			out = append(out, &batch{specs: []*spec{s}, filters: []string{f}})
			continue
		}
		out[i].specs = append(out[i].specs, s)
		out[i].filters = append(out[i].filters, f)
	}
	return out
}

// searchBatch searches the bases of one batch.
func (l *LDAP) searchBatch(ctx context.Context, b *batch, o searchOptions) ([]*found, error) {
	bases, scope := b.specs[0].Base, int(b.specs[0].scope)
	if o.at != "" {
		bases, scope = []string{o.at}, ldap.ScopeBaseObject
	}
	// An entry may turn out to be of another type than was asked for, such as
	// a room kept as an account: it must not use up the limit.
	keep := func(e *ldif.Entry) bool {
		s := l.m.classify(e, b.specs...)
		return slices.Contains(b.specs, s) && (!o.hide || all(s.searchable, e))
	}
	attrs := slices.Concat(l.m.attrs, o.extra)
	if o.only != nil {
		attrs = slices.Concat(o.only, o.extra)
	}
	var out []*found
	var tooMany error
	for _, base := range bases {
		entries, err := l.entries(ctx, request{base: base, scope: scope, filter: b.filter(o.named), attrs: attrs,
			limit: o.limit, single: o.at != "", few: o.named, keep: keep})
		if err != nil && !errors.Is(err, ErrTooMany) {
			return nil, err
		}
		tooMany = errors.Join(tooMany, err)
		for _, e := range entries {
			f := &found{e: e, s: l.m.classify(e, b.specs...)}
			if o.only == nil {
				if f.p, err = l.m.principal(e, f.s); err != nil {
					l.log.Warn("directory entry not usable", "err", err)
				}
			}
			out = append(out, f)
		}
	}
	if len(bases) > 1 {
		out = distinct(out)
	}
	return out, tooMany
}

// request is one search of one base.
type request struct {
	base   string
	scope  int
	filter string
	attrs  []string
	limit  int  // of entries kept; 0: all
	single bool // base is the entry wanted: that there is none is a response
	few    bool // no pages are needed

	// keep says which entries count; nil: all.
	keep func(*ldif.Entry) bool
}

// page is what one attempt at a request has given.
type page struct {
	entries []*ldif.Entry
	cut     bool
}

// entries carries out a request. The result is complete, or the error is
// ErrTooMany with part of it, or another with nothing.
func (l *LDAP) entries(ctx context.Context, r request) ([]*ldif.Entry, error) {
	got, err := question(ctx, l, searchLane, func(ctx context.Context, c *conn) (page, error) {
		return l.fetch(c, r)
	})
	switch {
	case err == nil && got.cut:
		return got.entries, ErrTooMany
	case err == nil:
		return got.entries, nil
	case r.single && ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax):
		return nil, nil
	}
	return nil, unavailable(fmt.Sprintf("search of %q for %s", r.base, clip(r.filter)), err)
}

// clip shortens text for messages.
func clip(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// fetch runs a request on one connection. References to other servers are
// ignored: following them hangs on names that nobody can resolve.
func (l *LDAP) fetch(c *conn, r request) (page, error) {
	size := l.cfg.PageSize
	if r.limit > 0 {
		size = min(size, r.limit)
	}
	req := ldap.NewSearchRequest(r.base, r.scope, ldap.NeverDerefAliases, 0, 0, false, r.filter, r.attrs, nil)
	paging := ldap.NewControlPaging(uint32(size))
	switch {
	case r.limit == 1: // no page is left to be ended
		req.SizeLimit = 1
	case r.scope != ldap.ScopeBaseObject && !r.few:
		req.Controls = []ldap.Control{paging}
	}
	most := r.limit
	if most == 0 {
		most = l.cfg.MemberCap + 1
	}
	var out page
	for {
		res, err := c.Search(req)
		cut := ldap.IsErrorAnyOf(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded)
		if err != nil && !cut {
			return page{}, err
		}
		for _, e := range res.Entries {
			entry, err := l.convert(c, e)
			if err != nil {
				return page{}, err
			}
			if r.keep == nil || r.keep(entry) {
				out.entries = append(out.entries, entry)
			}
		}
		cookie := nextPage(res)
		switch {
		case cut:
			out.cut = true
			return out, nil
		case len(cookie) == 0:
			return out, nil
		case len(out.entries) >= most:
			out.cut = true
			return out, endPaging(c, req, paging, cookie)
		}
		paging.SetCookie(cookie)
	}
}

// endPaging lets the server know that no more pages are wanted (RFC 2696 §3).
func endPaging(c *conn, req *ldap.SearchRequest, paging *ldap.ControlPaging, cookie []byte) error {
	paging.PagingSize = 0
	paging.SetCookie(cookie)
	_, err := c.Search(req)
	if isNetwork(err) {
		return err
	}
	return nil // servers respond to this in several ways, none of which matters
}

func nextPage(res *ldap.SearchResult) []byte {
	if p, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging); ok {
		return p.Cookie
	}
	return nil
}

// convert copies an entry, reading the rest of attributes that the server
// gives in ranges ([MS-ADTS] §3.1.1.3.1.3.3): "member;range=0-1499".
func (l *LDAP) convert(c *conn, e *ldap.Entry) (*ldif.Entry, error) {
	out := ldif.NewEntry(e.DN)
	for _, a := range e.Attributes {
		name, options, ok := strings.Cut(a.Name, ";")
		if !ok {
			out.Add(a.Name, a.Values...)
			continue
		}
		next, ranged := rangeEnd(options)
		if !ranged {
			out.Add(a.Name, a.Values...) // language tags, binary: an attribute of its own
			continue
		}
		out.Add(name, a.Values...)
		for next > 0 {
			values, after, err := nextRange(c, e.DN, name, next)
			if err != nil {
				return nil, err
			}
			out.Add(name, values...)
			if after > 0 && after <= next || len(out.Values(name)) > 2*l.cfg.MemberCap {
				return nil, fmt.Errorf("%w: ranges of %s of %q", errResponse, name, e.DN)
			}
			next = after
		}
	}
	return out, nil
}

// rangeEnd reads "range=LOW-HIGH": next is HIGH+1, 0 for "*".
func rangeEnd(option string) (next int, ok bool) {
	if len(option) < 6 || !strings.EqualFold(option[:6], "range=") {
		return 0, false
	}
	_, high, ok := strings.Cut(option[6:], "-")
	if !ok || high == "*" {
		return 0, ok
	}
	n, err := strconv.Atoi(high)
	return n + 1, err == nil && n >= 0
}

// nextRange reads the values of an attribute from number low on.
func nextRange(c *conn, dn, attr string, low int) (values []string, next int, err error) {
	res, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false,
		"(objectClass=*)", []string{fmt.Sprintf("%s;range=%d-*", attr, low)}, nil))
	if err != nil {
		return nil, 0, err
	}
	for _, e := range res.Entries {
		for _, a := range e.Attributes {
			name, options, _ := strings.Cut(a.Name, ";")
			if n, ok := rangeEnd(options); ok && strings.EqualFold(name, attr) {
				return a.Values, n, nil
			}
		}
	}
	return nil, 0, fmt.Errorf("%w: no values of %s of %q from %d on", errResponse, attr, dn, low)
}
