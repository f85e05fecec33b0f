package tzdist

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An action is one of RFC 7808 §5.
type action struct {
	name     string
	template string // of its URL, below the prefix (RFC 6570)
	params   []param
	do       func(*service, *query) (*response, error)
}

// A param is a parameter of an action. None may be given twice.
type param struct {
	name     string
	code     string // the error of a value that is wrong
	required bool
	valid    func(string) bool
	values   []string // all that there are; nil: whatever is valid
}

// actionTable returns the actions. The capabilities are written from it.
func actionTable() []action {
	changedSince := param{name: "changedsince", code: invalidChangedSince, valid: anyText}
	start := param{name: "start", code: invalidStart, valid: isTime}
	end := param{name: "end", code: invalidEnd, valid: isTime}
	startRequired, endRequired := start, end
	startRequired.required, endRequired.required = true, true
	format := param{name: "format", code: invalidFormat, values: formats[:], valid: isFormat}
	pattern := param{name: "pattern", code: invalidPattern, required: true, valid: isPattern}
	return []action{
		{"capabilities", "/capabilities", nil, (*service).getCapabilities},
		{"list", "/zones{?changedsince}", []param{changedSince}, (*service).list},
		{"get", "/zones{/tzid}{?start,end,format}", []param{start, end, format}, (*service).get},
		{"expand", "/zones{/tzid}/observances{?start,end}", []param{startRequired, endRequired, changedSince}, (*service).expand},
		{"find", "/zones{?pattern}", []param{pattern}, (*service).find},
		{"leapseconds", "/leapseconds", nil, (*service).getLeapSeconds},
	}
}

func anyText(string) bool { return true }

// A query is a request that has been understood.
type query struct {
	*http.Request
	action *action
	params url.Values
	tzid   string // of get and expand
}

// param returns the value of a parameter, "" if it is not there.
func (q *query) param(name string) string { return q.params.Get(name) }

// has reports whether a parameter is there.
func (q *query) has(name string) bool { return len(q.params[name]) > 0 }

// route finds the action of a request, from its path or, in the form of the
// drafts, from its parameters.
func (s *service) route(r *http.Request) (*query, error) {
	path := r.URL.EscapedPath()
	if len(path) > mostRequest || len(r.URL.RawQuery) > mostRequest {
		return nil, &problem{http.StatusRequestURITooLong, invalidAction, "The URL is too long"}
	}
	rest, ok := strings.CutPrefix(path, s.prefix)
	if !ok || (rest != "" && rest[0] != '/') {
		return nil, &problem{http.StatusNotFound, invalidAction, "There is no time zone service here"}
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, invalidAction, "The query cannot be read"}
	}
	q := &query{Request: r, params: params}
	name := ""
	if rest = strings.Trim(rest, "/"); rest == "" {
		name, err = q.routeParams()
	} else {
		name, err = s.routePath(q, rest)
	}
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.actions, func(a action) bool { return a.name == name })
	if i < 0 {
		return nil, &problem{http.StatusBadRequest, invalidAction, "There is no such action"}
	}
	q.action = &s.actions[i]
	return q, nil
}

// routeParams returns the action that "action" or "method" names; the
// capabilities if there are no parameters at all.
func (q *query) routeParams() (string, error) {
	if len(q.params) == 0 {
		return "capabilities", nil
	}
	names := slices.Concat(q.params["action"], q.params["method"])
	tzids := q.params["tzid"]
	for _, name := range []string{"action", "method", "tzid", "lang"} {
		q.params.Del(name)
	}
	if len(names) != 1 || len(tzids) > 1 {
		return "", &problem{http.StatusBadRequest, invalidAction, "One action is needed, and one tzid at most"}
	}
	name := names[0]
	needs := name == "get" || name == "expand"
	if needs != (len(tzids) == 1) {
		return "", &problem{http.StatusBadRequest, invalidAction, "The actions get and expand need a tzid, the others take none"}
	}
	if needs {
		q.tzid = tzids[0]
	}
	return name, nil
}

// routePath returns the action of a path below the prefix, without the slashes
// at its ends.
func (s *service) routePath(q *query, path string) (string, error) {
	first, rest, _ := strings.Cut(path, "/")
	switch {
	case rest == "" && first == "zones" && q.has("pattern"):
		return "find", nil
	case rest == "" && first == "zones":
		return "list", nil
	case rest == "" && (first == "capabilities" || first == "leapseconds"):
		return first, nil
	case rest == "" || (first != "zones" && first != "observances"):
		return "", &problem{http.StatusBadRequest, invalidAction, "There is no such action"}
	}
	name := "get"
	if first == "observances" {
		name = "expand"
	} else if tzid, ok := strings.CutSuffix(rest, "/observances"); ok {
		name, rest = "expand", tzid
	}
	var err error
	if q.tzid, err = url.PathUnescape(rest); err != nil {
		return "", &problem{http.StatusBadRequest, invalidAction, "The path cannot be read"}
	}
	// The slashes of a tzid ought to be escaped. Proxies undo that, and clients
	// forget it; then it is a tzid if there is such a zone.
	if _, known := s.names[q.tzid]; !known && strings.Contains(rest, "/") {
		return "", &problem{http.StatusBadRequest, invalidAction, "The path has too many segments"}
	}
	return name, nil
}

// check holds the parameters against those of the action, in the order of its
// table.
func (q *query) check() error {
	for i := range q.action.params {
		p := &q.action.params[i]
		switch values := q.params[p.name]; {
		case len(values) > 1:
			return &problem{http.StatusBadRequest, p.code, "The parameter " + p.name + " is there more than once"}
		case len(values) == 0 && p.required:
			return &problem{http.StatusBadRequest, p.code, "The parameter " + p.name + " is missing"}
		case len(values) == 1 && !p.valid(values[0]):
			return &problem{http.StatusBadRequest, p.code, "The parameter " + p.name + " has a wrong value"}
		}
	}
	for name := range q.params {
		if !slices.ContainsFunc(q.action.params, func(p param) bool { return p.name == name }) {
			return &problem{http.StatusBadRequest, invalidAction, "The action " + q.action.name + " takes no other parameters than its own"}
		}
	}
	return nil
}
