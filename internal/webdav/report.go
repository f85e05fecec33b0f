package webdav

import (
	"encoding/xml"
	"net/http"
	"strconv"
)

// A SyncRequest is the body of a sync-collection report (RFC 6578 §6.1).
type SyncRequest struct {
	Token string // empty: from the start
	Level Depth  // Depth1 or DepthInfinity
	Limit int    // results at most; 0: not limited
	Props []*Element
}

// ParseSync returns what a sync-collection report asks for. depth is the Depth
// header; it says the level if the body does not, as clients older than RFC 6578
// want, and means nothing otherwise, as with Apple's server.
//
// Errors: 400; 507 DAV:number-of-matches-within-limits for a limit of zero, which
// nothing can meet (RFC 6578 §3.6).
func ParseSync(root *Element, depth Depth) (SyncRequest, error) {
	if !root.Is(ReportSyncCollection) {
		return SyncRequest{}, BadRequest("body is not DAV:sync-collection")
	}
	r := SyncRequest{Token: root.Child(NameSyncToken).TrimText(), Level: depth}
	if level := root.Child(NameSyncLevel); level != nil {
		switch level.TrimText() {
		case "1":
			r.Level = Depth1
		case "infinite", "infinity":
			r.Level = DepthInfinity
		default:
			r.Level = Depth0
		}
	}
	if r.Level == Depth0 {
		return SyncRequest{}, BadRequest("DAV:sync-level is not 1 or infinite")
	}
	var err error
	if r.Limit, err = parseLimit(root); err != nil {
		return SyncRequest{}, err
	}
	if prop := root.Child(NameProp); prop != nil {
		if r.Props, err = properties(prop); err != nil {
			return SyncRequest{}, err
		}
	}
	return r, nil
}

// parseLimit returns the number in a limit element (RFC 5323 §5.17) below e, in
// DAV: or Apple's namespace, 0 if there is none.
func parseLimit(e *Element) (int, error) {
	for _, space := range [...]string{NSDAV, NSCS} {
		limit := e.Child(xml.Name{Space: space, Local: "limit"})
		if limit == nil {
			continue
		}
		text := limit.Child(xml.Name{Space: space, Local: "nresults"}).TrimText()
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return 0, BadRequest("nresults is not a number")
		}
		if n == 0 {
			return 0, &Error{Status: http.StatusInsufficientStorage, Condition: CondNumberOfMatches}
		}
		return int(n), nil
	}
	return 0, nil
}

// A MultigetRequest is the body of a calendar-multiget (RFC 4791 §9.10).
type MultigetRequest struct {
	PropfindRequest
	Hrefs []string // as sent, trimmed; see [ParseHref]
}

// ParseMultiget returns what a multiget report asks for, whatever its namespace.
// Errors: 400.
func ParseMultiget(root *Element) (MultigetRequest, error) {
	props, err := ParseProps(root)
	if err != nil {
		return MultigetRequest{}, err
	}
	r := MultigetRequest{PropfindRequest: props}
	n := 0
	for _, c := range root.Children {
		if c.Name == NameHref {
			n++
		}
	}
	r.Hrefs = make([]string, 0, n)
	for _, c := range root.Children {
		if c.Name == NameHref {
			r.Hrefs = append(r.Hrefs, c.TrimText())
		}
	}
	return r, nil
}

// An ExpandRequest is a property in an expand-property report: its own value,
// or, if it has Properties, those of the resources its hrefs name (RFC 3253
// §3.8).
type ExpandRequest struct {
	Name       xml.Name
	Properties []ExpandRequest
}

// ParseExpandProperty returns the properties that an expand-property report asks
// for, of the request's own resource. Errors: 400.
func ParseExpandProperty(root *Element) ([]ExpandRequest, error) {
	if !root.Is(ReportExpandProperty) {
		return nil, BadRequest("body is not DAV:expand-property")
	}
	left := maxProperties
	return parseExpand(root, &left)
}

func parseExpand(e *Element, left *int) ([]ExpandRequest, error) {
	var list []ExpandRequest
	for c := range e.ChildrenNamed(DAV("property")) {
		if *left--; *left < 0 {
			return nil, BadRequest("more than " + strconv.Itoa(maxProperties) + " properties")
		}
		local, _ := c.Attr("name")
		if local == "" {
			return nil, BadRequest("DAV:property without a name")
		}
		space, ok := c.Attr("namespace")
		if !ok {
			space = NSDAV
		}
		inner, err := parseExpand(c, left)
		if err != nil {
			return nil, err
		}
		list = append(list, ExpandRequest{xml.Name{Space: space, Local: local}, inner})
	}
	return list, nil
}
