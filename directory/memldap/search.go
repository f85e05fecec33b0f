package memldap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// query is a search request taken apart.
type query struct {
	base   string // folded
	scope  ldif.Scope
	limit  int
	types  bool // names of attributes only
	filter *ldif.Filter
	attrs  []string

	paged bool
	size  int // of a page
	skip  int // entries of the list seen before
}

// parseSearch takes a search request apart.
func parseSearch(op *ber.Packet, list []control) (*query, uint16, string) {
	if len(op.Children) != 8 {
		return nil, ldap.LDAPResultProtocolError, ""
	}
	scope, okScope := op.Children[1].Value.(int64)
	limit, okLimit := op.Children[3].Value.(int64)
	types, okTypes := op.Children[5].Value.(bool)
	if !okScope || !okLimit || !okTypes || scope < 0 || scope > 2 || limit < 0 {
		return nil, ldap.LDAPResultProtocolError, ""
	}
	q := &query{base: ldif.FoldDN(text(op.Children[0])), scope: ldif.Scope(scope), limit: int(limit), types: types}
	if text(op.Children[0]) == "" {
		q.base = ""
	}
	var err error
	if q.filter, err = ldif.DecodeFilter(op.Children[6]); err != nil {
		return nil, ldap.LDAPResultProtocolError, err.Error()
	}
	for _, a := range op.Children[7].Children {
		q.attrs = append(q.attrs, text(a))
	}
	for _, c := range list {
		switch {
		case c.oid == ldap.ControlTypePaging:
			if !q.paging(c.value) {
				return nil, ldap.LDAPResultProtocolError, "bad paging control"
			}
		case c.critical:
			return nil, ldap.LDAPResultUnavailableCriticalExtension, c.oid
		}
	}
	return q, ldap.LDAPResultSuccess, ""
}

// paging reads the value of the paging control.
func (q *query) paging(value []byte) bool {
	p, err := ber.DecodePacketErr(value)
	if err != nil || len(p.Children) != 2 {
		return false
	}
	size, ok := p.Children[0].Value.(int64)
	if !ok || size < 0 || size > 1<<30 {
		return false
	}
	q.paged, q.size = true, int(size)
	if cookie := text(p.Children[1]); cookie != "" {
		n, err := strconv.Atoi(cookie)
		if err != nil || n < 0 {
			return false
		}
		q.skip = n
	}
	return true
}

// search serves a search request.
func (x *session) search(id int64, op *ber.Packet, list []control, quirks *Quirks) error {
	x.searches.Add(1)
	q, code, why := parseSearch(op, list)
	switch {
	case code != ldap.LDAPResultSuccess:
	case quirks.Fail != 0:
		code = quirks.Fail
	case q.base == "" && q.scope == ldif.Base:
		return x.rootDSE(id, q, quirks)
	case quirks.NoAnonymous && x.who == "":
		code, why = ldap.LDAPResultOperationsError, "a successful bind must be completed on the connection"
	case q.base != "" && x.byDN[q.base] == nil:
		code = ldap.LDAPResultNoSuchObject
	}
	if code != ldap.LDAPResultSuccess {
		return x.result(id, ldap.ApplicationSearchResultDone, code, why)
	}
	if q.scope != ldif.Base && slices.ContainsFunc(q.filter.Attributes(), func(a string) bool { return strings.EqualFold(a, quirks.Unindexed) }) {
		time.Sleep(quirks.Scan)
	}
	code, cookie, err := x.entriesOf(id, q, quirks)
	if err != nil {
		return err
	}
	if quirks.Referral != "" && q.scope == ldif.Sub {
		p := envelope(id)
		r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultReference, nil, "")
		r.AppendChild(octets(quirks.Referral))
		p.AppendChild(r)
		if err := x.send(p); err != nil {
			return err
		}
	}
	done := result(id, ldap.ApplicationSearchResultDone, code, "")
	if q.paged {
		k := ldap.NewControlPaging(0)
		k.SetCookie([]byte(cookie))
		set := ber.Encode(ber.ClassContext, ber.TypeConstructed, 0, nil, "")
		set.AppendChild(k.Encode())
		done.AppendChild(set)
	}
	return x.send(done)
}

// entriesOf sends the entries of one page and returns the result code, and the
// cookie for the next page.
func (x *session) entriesOf(id int64, q *query, quirks *Quirks) (code uint16, cookie string, err error) {
	per := q.size
	if quirks.MaxPage > 0 && (per == 0 || per > quirks.MaxPage) {
		per = quirks.MaxPage
	}
	if q.paged && q.size == 0 { // the client gives up (RFC 2696 §3)
		return ldap.LDAPResultSuccess, "", nil
	}
	n := 0
	for i := q.skip; i < len(x.entries); i++ {
		e := x.entries[i]
		if !e.In(q.base, q.scope) || q.filter.Match(e, x.find) != ldif.True {
			continue
		}
		switch {
		case q.paged && n == per:
			return ldap.LDAPResultSuccess, strconv.Itoa(i), nil
		case q.limit > 0 && n == q.limit, quirks.SizeLimit > 0 && n == quirks.SizeLimit, !q.paged && quirks.MaxPage > 0 && n == quirks.MaxPage:
			return ldap.LDAPResultSizeLimitExceeded, "", nil
		case quirks.DropAfter != 0 && n >= max(quirks.DropAfter, 0):
			if err := x.w.Flush(); err != nil {
				return 0, "", err
			}
			return 0, "", errDropped
		}
		n++
		if err := x.send(entryPacket(id, e, q, quirks.MaxValues)); err != nil {
			return 0, "", err
		}
	}
	return ldap.LDAPResultSuccess, "", nil
}

func (x *session) find(dn string) *ldif.Entry { return x.byDN[dn] }

// rootDSE is the entry of the server itself.
func (x *session) rootDSE(id int64, q *query, quirks *Quirks) error {
	e := ldif.NewEntry("")
	e.Add("objectClass", "top")
	e.Add("supportedLDAPVersion", "3")
	e.Add("supportedControl", ldap.ControlTypePaging)
	e.Add("supportedExtension", oidStartTLS, oidWhoAmI)
	for _, top := range x.entries {
		if x.byDN[ldif.Parent(top.FoldedDN())] == nil {
			e.Add("namingContexts", top.DN)
		}
	}
	for attr, value := range quirks.Root {
		e.Add(attr, value)
	}
	if q.filter.Match(e, nil) == ldif.True {
		if err := x.send(entryPacket(id, e, q, 0)); err != nil {
			return err
		}
	}
	return x.result(id, ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, "")
}

// entryPacket builds a SearchResultEntry with the attributes asked for.
func entryPacket(id int64, e *ldif.Entry, q *query, maxValues int) *ber.Packet {
	list := sequence()
	for _, a := range e.Attributes() {
		low, want := wanted(a.Name, q.attrs)
		if !want {
			continue
		}
		name, values := a.Name, a.Values
		if maxValues > 0 && (len(values) > maxValues || low > 0) {
			name, values = ranged(a, low, maxValues)
		}
		if q.types {
			values = nil
		}
		list.AppendChild(attribute(name, values))
	}
	r := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	r.AppendChild(octets(e.DN))
	r.AppendChild(list)
	p := envelope(id)
	p.AppendChild(r)
	return p
}

func attribute(name string, values []string) *ber.Packet {
	set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
	for _, v := range values {
		set.AppendChild(octets(v))
	}
	a := sequence()
	a.AppendChild(octets(name))
	a.AppendChild(set)
	return a
}

// wanted reports whether an attribute was asked for, and from which value on.
// Operational attributes come only by name or by "+"; passwords never.
func wanted(name string, asked []string) (low int, ok bool) {
	if strings.EqualFold(name, "userPassword") {
		return 0, false
	}
	operational := isOperational(name)
	if len(asked) == 0 {
		return 0, !operational
	}
	for _, a := range asked {
		base, option, _ := strings.Cut(a, ";range=")
		switch {
		case strings.EqualFold(base, name):
			if first, _, ok := strings.Cut(option, "-"); ok {
				if n, err := strconv.Atoi(first); err == nil && n > 0 {
					low = n
				}
			}
			return low, true
		case a == "*" && !operational, a == "+" && operational:
			ok = true
		}
	}
	return 0, ok
}

func isOperational(name string) bool {
	return slices.Contains([]string{"entryuuid", "entrydn", "memberof"}, strings.ToLower(name))
}

// ranged cuts the values of an attribute to one response's.
func ranged(a ldif.Attribute, low, most int) (name string, values []string) {
	low = min(low, len(a.Values))
	high := min(low+most, len(a.Values))
	if high == len(a.Values) {
		return fmt.Sprintf("%s;range=%d-*", a.Name, low), a.Values[low:]
	}
	return fmt.Sprintf("%s;range=%d-%d", a.Name, low, high-1), a.Values[low:high]
}
