package caldav

import (
	"encoding/xml"
	"net/http"
	"slices"

	"convene/delegation"
	"convene/internal/webdav"
)

// A report is one row of the report table: what REPORT can be asked for, and
// where.
type report struct {
	name xml.Name
	on   kind // where supported-report-set lists it
	need delegation.Privilege
	do   func(*Handler, *request, *webdav.Element) (action, error)
}

// reports is the table. The places of principals answer searches; calendars
// answer queries; homes and all collections synchronize.
func reports() []report {
	const syncable = kindHome | kindCalendar | kindCollection | kindInbox | kindNotifications
	const searchable = shared | kindPrincipal
	return []report{
		{webdav.ReportExpandProperty, everything, delegation.Read, (*Handler).reportExpandProperty},
		{webdav.ReportACLPrincipalPropSet, everything, delegation.ReadACL, (*Handler).reportACLPrincipals},
		{webdav.ReportPrincipalMatch, shared, delegation.Read, (*Handler).reportPrincipalMatch},
		{webdav.ReportPrincipalPropertySearch, searchable, delegation.Read, (*Handler).reportPrincipalSearch},
		{webdav.ReportPrincipalSearchPropertySet, searchable, delegation.Read, (*Handler).reportSearchProperties},
		{webdav.ReportCalendarServerPrincipalFind, searchable, delegation.Read, (*Handler).reportTokenSearch},
		{webdav.ReportSyncCollection, syncable, delegation.Read, (*Handler).reportSync},
		{webdav.ReportCalendarQuery, kindHome | kindCalendar | kindInbox | kindObject, delegation.Read, (*Handler).reportQuery},
		{webdav.ReportCalendarMultiget, kindHome | kindCalendar | kindInbox | kindObject, delegation.Read, (*Handler).reportMultiget},
		{webdav.ReportFreeBusyQuery, kindCalendar | kindInbox | kindHome, delegation.ReadFreeBusy, (*Handler).reportFreeBusy},
	}
}

// report serves REPORT (RFC 3253 §3.6): the root element of the body says which.
func (h *Handler) report(r *request) (action, error) {
	body, err := h.readXML(r)
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
	if !h.privileges(r).Has(rep.need) {
		return nil, h.refusal(r.URL.Path, rep.need)
	}
	return rep.do(h, r, body)
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

// queryProperties is what a report's answers shall hold.
func queryProperties(ask webdav.PropfindRequest, r *request) *propertyRequest {
	prefer := webdav.ParsePrefer(r.Header)
	return &propertyRequest{names: ask.Props, all: ask.AllProp, include: ask.Include, only: ask.PropName,
		minimal: prefer.Return == webdav.ReturnMinimal}
}
