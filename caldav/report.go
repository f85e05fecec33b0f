package caldav

import (
	"encoding/xml"
	"net/http"
	"slices"

	"convene/acl"
	"convene/internal/webdav"
)

// A report is one row of the report table: what REPORT can be asked for, and
// where.
type report struct {
	name xml.Name
	on   kind // where supported-report-set lists it
	need acl.Privilege
	do   func(*Handler, *request, *webdav.Element) (action, error)
}

// reports is the table. The places of principals serve searches; calendars
// serve queries; homes and all collections synchronize.
func reports() []report {
	const syncable = kindHome | kindCalendar | kindCollection | kindInbox | kindNotifications
	const anywhere = shared | kindPrincipal | kindHome | collections&^kindFreeBusyURL // RFC 3744 §9: on all collections
	const searchable = shared | kindPrincipal
	return []report{
		{webdav.ReportExpandProperty, everything, acl.Read, (*Handler).reportExpandProperty},
		{webdav.ReportACLPrincipalPropSet, everything, acl.Read | acl.ReadACL, (*Handler).reportACLPrincipals},
		{webdav.ReportPrincipalMatch, anywhere, acl.Read, (*Handler).reportPrincipalMatch},
		{webdav.ReportPrincipalPropertySearch, anywhere, acl.Read, (*Handler).reportPrincipalSearch},
		{webdav.ReportPrincipalSearchPropertySet, anywhere, acl.Read, (*Handler).reportSearchProperties},
		{webdav.ReportCalendarServerPrincipalFind, searchable, acl.Read, (*Handler).reportTokenSearch},
		{webdav.ReportSyncCollection, syncable, acl.Read, (*Handler).reportSync},
		{webdav.ReportCalendarQuery, kindHome | kindCalendar | kindInbox | kindObject, acl.Read, (*Handler).reportQuery},
		{webdav.ReportCalendarMultiget, kindHome | kindCalendar | kindInbox | kindObject, acl.Read, (*Handler).reportMultiget},
		{webdav.ReportFreeBusyQuery, kindCalendar | kindHome, acl.ReadFreeBusy, (*Handler).reportFreeBusy},
	}
}

// concealing reports whether a request that will be refused may have to be told that
// nothing is there: who may not ask when somebody is busy must not find out where
// they could (RFC 4791 §7.10). Only its body says whether it is that report.
func concealing(r *request) bool {
	return r.Method == "REPORT" && r.target.kind&(kindHome|kindCalendar) != 0
}

// report serves REPORT (RFC 3253 §3.6): the root element of the body says which.
func (h *Handler) report(r *request) (action, error) {
	if !r.xml.read {
		r.xml.root, r.xml.err = h.readXML(r)
		r.xml.read = true
	}
	body, err := r.xml.root, r.xml.err
	r.concealed = body != nil && body.Is(webdav.ReportFreeBusyQuery)
	if hopeless, err := h.hopeless(r, &r.target, acl.Required(r.Method, r.target.kind.access()).Target); err != nil || hopeless {
		return nil, err // however it is refused
	}
	if err != nil {
		return nil, err
	}
	if body == nil {
		return nil, webdav.BadRequest("REPORT has a body that says which report")
	}
	i := slices.IndexFunc(h.reports, func(rep report) bool { return rep.name == body.Name })
	if i < 0 || h.reports[i].on&r.target.kind == 0 {
		return nil, &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CondSupportedReport}
	}
	rep := h.reports[i]
	r.line.Sub = rep.name.Local
	r.need = rep.need
	if hopeless, err := h.hopeless(r, &r.target, rep.need); err != nil || hopeless {
		return nil, err
	}
	act, err := rep.do(h, r, body)
	if err != nil || len(r.Header["If"]) == 0 {
		return act, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		if err := s.checkStates(s.resource()); err != nil {
			return nil, err
		}
		return act(s)
	}, nil
}

// reportsOn lists the reports of a kind of resource.
func (h *Handler) reportsOn(on kind) []report {
	var list []report
	for _, rep := range h.reports {
		if rep.on&on != 0 {
			list = append(list, rep)
		}
	}
	return list
}

// queryProperties is what a report's responses shall hold.
func queryProperties(ask webdav.PropfindRequest, r *request) *propertyRequest {
	prefer := webdav.ParsePrefer(r.Header)
	return &propertyRequest{names: ask.Props, all: ask.AllProp, include: ask.Include, only: ask.PropName,
		minimal: prefer.Return == webdav.ReturnMinimal}
}
