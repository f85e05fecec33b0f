package directory

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/directory/ldif"
)

// numbered finds changes by uSNChanged, which grows with each change on a controller and
// means nothing on another ([MS-ADTS] §3.1.1.1.9). The zero value knows no controller.
type numbered struct {
	seen    map[string]int64 // by invocationId, which a restored controller has anew: up to where changes are known
	service string           // whose number is the one below, on this connection
	highest int64
}

// changes finds what has changed on the controller since it was asked last, be it a
// fail-over ago.
func (n *numbered) changes(t *tracker) (Changes, error) {
	root, err := t.rootDSE()
	if err != nil {
		return Changes{}, err
	}
	highest, err := strconv.ParseInt(root.Value(highestUSN), 10, 64)
	if err != nil {
		return Changes{}, fmt.Errorf("%w: %s of the root DSE: %w", errResponse, highestUSN, err)
	}
	service := root.Value("dsServiceName")
	if service == n.service && service != "" && highest == n.highest {
		return Changes{}, nil
	}
	id := service
	if e, err := t.read(service, []string{"invocationId"}); err == nil {
		id = textGUID(e.Value("invocationId"))
	} else if !refused(err) {
		return Changes{}, err
	}
	var c Changes
	if last, known := n.seen[id]; !known || highest < last {
		c.All = true
		if len(n.seen) > 0 {
			t.slowDown(time.Now())
		}
	} else if highest > last {
		if c, err = n.since(t, last+1); err != nil {
			return c, err
		}
	}
	if n.seen == nil {
		n.seen = map[string]int64{}
	}
	n.seen[id], n.service, n.highest = highest, service, highest
	return c, nil
}

func (n *numbered) since(t *tracker, first int64) (Changes, error) {
	filter := "(" + byNumber + ">=" + strconv.FormatInt(first, 10) + ")"
	list, more, err := t.changed(filter)
	if more {
		t.slowDown(time.Now())
	}
	if err != nil || more {
		return Changes{All: more}, err
	}
	for _, context := range t.root.Values("namingContexts") {
		if !t.l.m.within(context) {
			continue
		}
		deleted, err := t.deleted(context, filter)
		if err != nil {
			return Changes{}, err
		}
		list = append(list, deleted...)
	}
	return t.of(list), nil
}

// within reports whether a search base is in a naming context.
func (m *mapping) within(context string) bool {
	top := ldif.FoldDN(context)
	for _, s := range m.specs {
		for _, base := range s.folded {
			if base == top || strings.HasSuffix(base, ","+top) {
				return true
			}
		}
	}
	return false
}

// deleted finds what remains of removed records, which only accounts with the right to
// it can read.
func (t *tracker) deleted(context, filter string) ([]*ldif.Entry, error) {
	res, err := t.probe.c.Search(ldap.NewSearchRequest("CN=Deleted Objects,"+context, ldap.ScopeSingleLevel, ldap.NeverDerefAliases,
		mostChanges, 0, false, and("(isDeleted=TRUE)", filter), t.attributes(), []ldap.Control{ldap.NewControlMicrosoftShowDeleted()}))
	if err != nil && !refused(err) {
		return nil, fmt.Errorf("deleted objects of %q: %w", context, err)
	}
	if res == nil {
		return nil, nil
	}
	var out []*ldif.Entry
	for _, e := range res.Entries {
		d := ldif.NewEntry(e.DN)
		for _, a := range e.Attributes {
			d.Add(a.Name, a.Values...)
		}
		out = append(out, d)
	}
	return out, nil
}

// How far the clock of a server may be behind, and how much later than its time a change
// may arrive from another server.
const (
	stampSkew    = 5 * time.Minute
	stampOverlap = 10 * time.Second
)

// stamped finds changes by modifyTimestamp. The zero value has not asked yet.
type stamped struct {
	host   string               // whose times these are
	newest time.Time            // of the times seen
	seen   map[string]time.Time // by folded DN: those that may come again
}

func (s *stamped) changes(t *tracker) (Changes, error) {
	var c Changes
	now := time.Now()
	host := t.host.url.String()
	if host != s.host {
		c.All = true // another server may have got changes that this one has not
		s.newest = now.Add(stampOverlap - stampSkew)
		s.seen = map[string]time.Time{}
	}
	since := s.newest
	if since.After(now) { // a time to come is no reason to see nothing until then
		since = now
	}
	since = since.Add(-stampOverlap)
	list, more, err := t.changed("("+byTime+">="+since.UTC().Format(stampForm)+")", byTime)
	if err != nil {
		return Changes{}, err
	}
	s.host = host
	var fresh []*ldif.Entry
	for _, e := range list {
		at, ok := parseGeneralizedTime(e.Value(byTime))
		if !ok {
			return Changes{}, fmt.Errorf("%s of %q: %q is no time", byTime, e.DN, e.Value(byTime))
		}
		if dn := e.FoldedDN(); !s.seen[dn].Equal(at) {
			s.seen[dn] = at
			fresh = append(fresh, e)
		}
		if at.After(s.newest) {
			s.newest = at
		}
	}
	for dn, at := range s.seen {
		if at.Before(since.Add(-time.Second)) {
			delete(s.seen, dn)
		}
	}
	if more { // from after those: else they would be too many again
		t.slowDown(now)
		s.newest = s.newest.Add(stampOverlap + time.Second)
	}
	found := t.of(fresh)
	found.All = found.All || c.All || more
	return found, nil
}

// stampForm is GeneralizedTime as servers write it (RFC 4517 §3.3.13).
const stampForm = "20060102150405Z"
