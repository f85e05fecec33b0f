package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"convene/acl"
	"convene/directory"
	"convene/internal/webdav"
)

// search asks the directory, and takes what it gives if there is more than the
// limit: a client that searches as the user types wants the first ones.
func (h *Handler) search(ctx context.Context, q directory.Query) ([]*directory.Principal, error) {
	found, err := h.Directory.Search(ctx, q)
	if errors.Is(err, directory.ErrTooMany) {
		return found, nil
	}
	return found, err
}

// searchable are the properties that principals can be searched by, with the
// directory's fields (RFC 3744 §9.5).
var searchable = []struct {
	webdav.SearchableProperty
	field directory.Field
}{
	{webdav.SearchableProperty{Name: webdav.DAV("displayname"), Description: "Display Name"}, directory.FieldFullName},
	{webdav.SearchableProperty{Name: webdav.CalDAV("calendar-user-address-set"), Description: "Calendar User Addresses"}, directory.FieldEmail},
	{webdav.SearchableProperty{Name: webdav.CalDAV("calendar-user-type"), Description: "Calendar User Type"}, noField},
	{webdav.SearchableProperty{Name: webdav.CS("email-address-set"), Description: "Email Addresses"}, directory.FieldEmail},
	{webdav.SearchableProperty{Name: webdav.CS("first-name"), Description: "First Name"}, directory.FieldGivenName},
	{webdav.SearchableProperty{Name: webdav.CS("last-name"), Description: "Last Name"}, directory.FieldSurname},
	{webdav.SearchableProperty{Name: webdav.CS("record-name"), Description: "Short Name"}, directory.FieldName},
}

// noField marks what is searched without the directory's text fields.
const noField directory.Field = 255

// reportSearchProperties serves principal-search-property-set (RFC 3744 §9.5).
func (h *Handler) reportSearchProperties(r *request, body *webdav.Element) (action, error) {
	if err := depthZero(r); err != nil {
		return nil, err
	}
	if err := webdav.ParsePrincipalSearchPropertySet(body); err != nil {
		return nil, err
	}
	list := make([]webdav.SearchableProperty, len(searchable))
	for i := range searchable {
		list[i] = searchable[i].SearchableProperty
	}
	if h.RoomIndex != nil {
		for _, p := range roomPropertyTable {
			list = append(list, webdav.SearchableProperty{Name: p.name, Description: p.words})
		}
	}
	resp := webdav.PrincipalSearchPropertySet(list)
	return func(*scope) (*webdav.Response, error) { return resp, nil }, nil
}

// reportPrincipalSearch serves principal-property-search (RFC 3744 §9.4) with
// Apple's attributes: this is how clients find people and rooms.
func (h *Handler) reportPrincipalSearch(r *request, body *webdav.Element) (action, error) {
	if err := depthZero(r); err != nil {
		return nil, err
	}
	ask, err := webdav.ParsePrincipalSearch(body)
	if err != nil {
		return nil, err
	}
	if key, ok := addressKey(ask); ok {
		return h.principalAt(r, ask, key)
	}
	if h.RoomIndex != nil && searchesRooms(ask) {
		q := directory.Query{Types: typesOf(ask.CUType)}
		if !ask.CollectionSet && !within(r, &q) {
			return h.principals(nil, webdav.PropfindRequest{Props: ask.Props}, 0)
		}
		found, err := h.searchRooms(r, ask, q.Types)
		if err != nil {
			return nil, err
		}
		return h.principals(found, webdav.PropfindRequest{Props: ask.Props}, ask.Limit)
	}
	query, ok := searchQuery(ask)
	if !ok {
		return h.principals(nil, webdav.PropfindRequest{Props: ask.Props}, 0)
	}
	query.Limit = h.Limits.SearchResults
	if h.lists(r, &query) {
		return h.principals(nil, webdav.PropfindRequest{Props: ask.Props}, 0)
	}
	if !ask.CollectionSet && !within(r, &query) {
		return h.principals(nil, webdav.PropfindRequest{Props: ask.Props}, 0)
	}
	found, err := h.search(r.Context(), query)
	if err != nil {
		return nil, err
	}
	return h.principals(found, webdav.PropfindRequest{Props: ask.Props}, ask.Limit)
}

// addressKey is the one record that a search is for which asks for a calendar user
// address that is no mail address: such an address is known as a whole or not at all.
func addressKey(ask webdav.PrincipalSearch) (directory.Key, bool) {
	if len(ask.Searches) != 1 || !slices.Equal(ask.Searches[0].Props, []xml.Name{webdav.CalDAV("calendar-user-address-set")}) {
		return directory.Key{}, false
	}
	address := strings.TrimSpace(ask.Searches[0].Match)
	if !strings.HasPrefix(strings.ToLower(address), "urn:") && !strings.HasPrefix(address, "/") {
		return directory.Key{}, false
	}
	return directory.Key{By: directory.Address, Value: address}, true
}

// principalAt responds to such a search.
func (h *Handler) principalAt(r *request, ask webdav.PrincipalSearch, key directory.Key) (action, error) {
	var found []*directory.Principal
	p, err := h.Directory.Lookup(r.Context(), key)
	q := directory.Query{Types: typesOf(ask.CUType)}
	switch {
	case errors.Is(err, directory.ErrNotFound):
	case err != nil:
		return nil, err
	case (ask.CollectionSet || within(r, &q)) && (len(q.Types) == 0 || slices.Contains(q.Types, p.Type)):
		found = append(found, p)
	}
	return h.principals(found, webdav.PropfindRequest{Props: ask.Props}, ask.Limit)
}

// within narrows a search to the records of the type whose place was asked, if it is
// one: the others are no members of it (RFC 3744 §9.4). It reports false if the
// search is for other types, or where no records are.
func within(r *request, q *directory.Query) bool {
	t := &r.target
	if t.kind&inHome != 0 {
		return false
	}
	if t.kind != kindPrincipalType || t.form == uidsForm {
		return true
	}
	if len(q.Types) > 0 && !slices.Contains(q.Types, t.typ) {
		return false
	}
	q.Types = []directory.Type{t.typ}
	return true
}

// depthZero refuses reports with another depth, for which RFC 3744 §9 does not
// define them: the searches cover all principals, however deep.
func depthZero(r *request) error {
	depth, err := webdav.ParseDepth(r.Header, webdav.Depth0)
	if err == nil && depth != webdav.Depth0 {
		err = webdav.BadRequest("this report has Depth: 0")
	}
	return err
}

// searchQuery is the directory's form of a search; false if nothing can match.
func searchQuery(ask webdav.PrincipalSearch) (directory.Query, bool) {
	q := directory.Query{Match: directory.AllOf}
	if ask.AnyOf {
		q.Match = directory.AnyOf
	}
	if ask.CUType != "" {
		q.Types = typesOf(ask.CUType)
	}
	for _, s := range eachProperty(ask) {
		term, typ, ok := searchTerm(s)
		switch {
		case len(typ) > 0 && (len(q.Types) == 0 || q.Match == directory.AllOf):
			q.Types = typ
		case ok:
			q.Terms = append(q.Terms, term)
		case q.Match == directory.AllOf:
			return q, false
		}
	}
	return q, len(q.Terms) > 0 || len(q.Types) > 0
}

// eachProperty are the searches of ask so that each is one condition: of several
// properties in one DAV:property-search all have to match (RFC 3744 §9.4), unless the
// client has asked for any.
func eachProperty(ask webdav.PrincipalSearch) []webdav.PropertySearch {
	if ask.AnyOf {
		return ask.Searches
	}
	var each []webdav.PropertySearch
	for _, s := range ask.Searches {
		for _, name := range s.Props {
			one := s
			one.Props = []xml.Name{name}
			each = append(each, one)
		}
	}
	return each
}

// searchTerm is one condition of a search: a term over fields, or a type.
func searchTerm(s webdav.PropertySearch) (term directory.Term, typ []directory.Type, ok bool) {
	term = directory.Term{Value: s.Match, How: how(s.Type)}
	for _, name := range s.Props {
		i := slices.IndexFunc(searchable, func(p struct {
			webdav.SearchableProperty
			field directory.Field
		}) bool {
			return p.Name == name
		})
		switch {
		case i < 0:
		case searchable[i].field == noField:
			typ = typesOf(s.Match)
		default:
			term.Fields = append(term.Fields, searchable[i].field)
		}
		if name == webdav.CalDAV("calendar-user-address-set") {
			term.Value = strings.TrimPrefix(strings.ToLower(term.Value), "mailto:")
		}
	}
	return term, typ, len(term.Fields) > 0 && term.Value != ""
}

func how(t webdav.MatchType) directory.How {
	switch t {
	case webdav.MatchStartsWith:
		return directory.StartsWith
	case webdav.MatchEquals:
		return directory.Equals
	}
	return directory.Contains
}

// typesOf is the record type of a calendar user type (RFC 5545 §3.2.3).
func typesOf(cuType string) []directory.Type {
	switch strings.ToUpper(cuType) {
	case "INDIVIDUAL":
		return []directory.Type{directory.User}
	case "GROUP":
		return []directory.Type{directory.Group}
	case "ROOM":
		return []directory.Type{directory.Location}
	case "RESOURCE":
		return []directory.Type{directory.Resource}
	}
	return nil
}

// contexts are the record types of calendarserver-principal-search's context.
var contexts = map[string][]directory.Type{
	"user": {directory.User}, "group": {directory.Group},
	"location": {directory.Location}, "room": {directory.Location}, "resource": {directory.Resource},
	"attendee": {directory.User, directory.Group, directory.Resource},
}

// reportTokenSearch serves Apple's calendarserver-principal-search: every token
// begins a word of the record's names, or one of its addresses.
func (h *Handler) reportTokenSearch(r *request, body *webdav.Element) (action, error) {
	if err := depthZero(r); err != nil {
		return nil, err
	}
	ask, err := webdav.ParseTokenSearch(body)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(ask.Tokens, func(token string) bool { return utf8.RuneCountInString(token) > 1 }) {
		return nil, errShortTokens
	}
	q := directory.Query{Match: directory.AllOf, Types: contexts[ask.Context], Limit: h.Limits.SearchResults}
	if ask.Limit > 0 && h.findsAllRooms() { // no more is read than is told, and one that says that there are more
		q.Limit = min(q.Limit, ask.Limit+1)
	}
	for _, token := range ask.Tokens {
		q.Terms = append(q.Terms, directory.Term{Value: token, How: directory.StartsWord,
			Fields: []directory.Field{directory.FieldFullName, directory.FieldEmail, directory.FieldName}})
	}
	if h.lists(r, &q) {
		return h.principals(nil, webdav.PropfindRequest{Props: ask.Props}, 0)
	}
	found, err := h.search(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return h.principals(found, webdav.PropfindRequest{Props: ask.Props}, ask.Limit)
}

// errShortTokens refuses what nearly everybody would be found by. Apple's server
// refuses it, so that clients know of it.
var errShortTokens = &webdav.Error{Status: http.StatusForbidden, Description: "one search-token has to be longer than one character"}

// leastSearched is how many characters somebody has to know of whom they search for
// where principals are not listed.
const leastSearched = 3

// lists reports whether a search is so wide that it is a listing, and the caller may
// have none.
func (h *Handler) lists(r *request, q *directory.Query) bool {
	if h.listsPrincipals(r) {
		return false
	}
	short := func(t directory.Term) bool { return utf8.RuneCountInString(t.Value) < leastSearched }
	if q.Match == directory.AnyOf {
		return slices.ContainsFunc(q.Terms, short) || len(q.Terms) == 0
	}
	return !slices.ContainsFunc(q.Terms, func(t directory.Term) bool { return !short(t) })
}

// principals responds with the properties of records, at most limit of them (0:
// all); what was left out is told as 507 (RFC 5323 §5.17).
func (*Handler) principals(found []*directory.Principal, ask webdav.PropfindRequest, limit int) (action, error) {
	return func(s *scope) (*webdav.Response, error) { return s.tellPrincipals(s.visible(found), ask, limit) }, nil
}

func (s *scope) tellPrincipals(found []*directory.Principal, ask webdav.PropfindRequest, limit int) (*webdav.Response, error) {
	q := queryProperties(ask, s.req)
	ms := s.h.multistatus()
	for i, p := range found {
		if limit > 0 && i == limit {
			ms.ResponseStatus(s.req.URL.Path, http.StatusInsufficientStorage, &webdav.Error{Condition: webdav.CondNumberOfMatches})
			break
		}
		if err := q.write(s, ms, s.principalResource(p)); err != nil {
			return nil, err
		}
	}
	return applied(ms.Response(), webdav.ParsePrefer(s.req.Header)), nil
}

// principalResource is a record under its canonical URL.
func (s *scope) principalResource(p *directory.Principal) *resource {
	r := &resource{kind: kindPrincipal, dir: principalPath(p.GUID), owner: p}
	r.privileges = s.rights(r)
	return r
}

// reportACLPrincipals serves acl-principal-prop-set (RFC 3744 §9.2): properties
// of the principals that the resource's access control list names.
func (h *Handler) reportACLPrincipals(r *request, body *webdav.Element) (action, error) {
	if err := depthZero(r); err != nil {
		return nil, err
	}
	ask, err := webdav.ParseACLPrincipalPropSet(body)
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		self := s.resource()
		q := queryProperties(ask, s.req)
		ms := s.h.multistatus()
		for _, named := range acl.Principals(s.acl(self), self.listed()) {
			p := s.recordByGUID(named.GUID)
			if p == nil {
				continue
			}
			if err := q.write(s, ms, s.namedResource(p, named.Form)); err != nil {
				return nil, err
			}
		}
		return applied(ms.Response(), webdav.ParsePrefer(s.req.Header)), nil
	}, nil
}

// namedResource is a record under its canonical URL, or one of its proxy groups.
func (s *scope) namedResource(p *directory.Principal, form acl.Form) *resource {
	group := proxyGroupNames[form]
	if group == "" {
		return s.principalResource(p)
	}
	r := &resource{kind: kindProxyGroup, dir: principalPath(p.GUID) + group + "/", owner: p}
	r.privileges = s.rights(r)
	return r
}
