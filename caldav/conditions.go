package caldav

import (
	"net/http"
	"strconv"
	"strings"

	"convene/acl"
	"convene/internal/header"
	"convene/internal/webdav"
)

// checkConditions judges If-Match, If-None-Match, the date conditions and If
// against what the transaction sees. It returns 412 if one does not hold; for
// GET and HEAD, 304 if the client has what it asks for.
func (s *scope) checkConditions(r *resource) error {
	c, err := webdav.ParseConditions(s.req.Header, s.req.Host)
	if err != nil {
		return err
	}
	var tag webdav.ETag
	var status int
	if r.exists() {
		tag = webdav.ETag(r.etag())
		if s.weaklyMatched() && s.req.Method != http.MethodGet && s.req.Method != http.MethodHead {
			tag = c.IfMatch.Tags[0] // stands for what has changed since only by others' answers
			if !c.IfMatch.MatchStrong(tag) {
				tag = webdav.ETag(r.etag())
			}
		}
		status = c.Check(s.req.Method, tag, r.modified())
	} else {
		status = c.Check(s.req.Method, "", s.req.now)
	}
	if status != 0 {
		return &webdav.Error{Status: status}
	}
	if err := s.checkScheduleTag(); err != nil {
		return err
	}
	return s.checkIf(r, c.If)
}

// checkStates judges the If header alone, which holds for every method (RFC 4918
// §10.4.1): for PROPFIND and REPORT, which are about no representation, so that
// conditions on one mean nothing (RFC 9110 §13.2.1).
func (s *scope) checkStates(r *resource) error {
	states, err := webdav.ParseIf(s.req.Header, s.req.Host)
	if err != nil {
		return err
	}
	return s.checkIf(r, states)
}

func (s *scope) checkIf(r *resource, states *webdav.If) error {
	switch {
	case states == nil, states.Holds(r.dir+r.name, s.stateOf):
		return nil
	case s.req.conditionalOnCTag():
		return errCTag
	}
	return &webdav.Error{Status: http.StatusPreconditionFailed}
}

// conditionalOnCTag reports whether the If header of a request names a ctag
// (calendarserver-bulk-change §6).
func (r *request) conditionalOnCTag() bool {
	return strings.Contains(header.Get(r.Header, "If"), "<"+ctagURI)
}

// exists is false for a place where nothing is yet.
func (r *resource) exists() bool { return r.kind != kindMissing }

// stateOf is the entity tag and the state tokens of a resource that an If
// header names: its own or another in the same home (RFC 4918 §10.4.4). The
// sync token of a collection is a state token (RFC 6578 §5), and so is Apple's
// ctag URL (calendarserver-bulk-change §6).
func (s *scope) stateOf(path string) (webdav.ETag, []string) {
	t, err := parseTarget(webdav.EscapePath(path))
	if err != nil || t.kind&(kindHome|kindMissing) == 0 || s.home == nil || !t.names(s.req.target.owner) {
		return "", nil
	}
	if t.collection == "" {
		r := s.targetHome()
		if !s.rights(r).Has(acl.Read) {
			return "", nil
		}
		return webdav.ETag(r.etag()), []string{s.syncToken(r), ctagURI + r.ctag()}
	}
	if t.setFile(s.tx, s.home) != nil {
		return "", nil
	}
	col, err := s.tx.Collection(s.home.ID, t.collection)
	if err != nil {
		return "", nil
	}
	r := s.collectionResource(col)
	if t.object == "" {
		if !r.privileges.Has(acl.Read) {
			return "", nil // to whom may not read it, it has no state
		}
		return webdav.ETag(r.etag()), []string{s.syncToken(r), ctagURI + r.ctag()}
	}
	entry, err := s.tx.Entry(col, t.object)
	if err != nil || entry == nil || !s.member(r, entry) {
		return "", nil
	}
	return webdav.ETag(etagOf(s.home.Epoch, col, entry.Rev)), nil
}

// ctagURI is the prefix under which Apple's clients name a ctag in an If header.
const ctagURI = "http://me.com/_namespace/ctag/"

// ctag is what CS:getctag says: decimal, since some clients take what looks like a
// number for one, and of at most 16 digits, so that those who read it as a
// floating-point number see each difference. It is the revision, counted from a
// start that is another one for each home, collection and epoch: so what is made
// again under the same name, or restored from a copy, has none of the numbers that
// were there before.
func (r *resource) ctag() string {
	const most = 1 << 52 // of a start; 2⁵³ is where floating-point numbers begin to skip some
	start := scatter(uint64(r.home.Epoch)<<32|r.number()) % most
	return strconv.FormatUint(start+uint64(r.rev()), 10)
}

// scatter is a bijection under which neighbours end far apart: the last step of
// SplitMix64.
func scatter(n uint64) uint64 {
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
