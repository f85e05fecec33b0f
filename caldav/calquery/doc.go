// Package calquery is the query language of RFC 4791 as values: the filter of
// calendar-query (§9.7), the calendar-data that reports ask for (§9.6), time
// ranges (§9.9), with the match-type and test attributes of Apple's
// calendar-query-extended, jCal (RFC 7265) and time zones by name (RFC 7809). It
// knows no store.
//
//	filter, err := calquery.ParseFilter(body.Child(webdav.CalDAV("filter")))
//	zone, err := calquery.ParseTimezone(body)      // nil: the calendar's own
//	plan := filter.Plan()                          // for the index
//	ok, err := filter.Match(object, zone, budget)  // unless plan.Exact decides
//
//	data, err := calquery.ParseCalendarData(element)
//	if data.Whole() { … the stored bytes … }
//	text, err := data.Render(object, zone, budget)
//
// Errors of the Parse functions are *webdav.Error, and say what to answer.
//
// # Where clients and standards differ
//
// Names of components, properties and parameters are compared without regard to
// case. The is-defined element and the caseless attribute of drafts are understood.
// A comp in calendar-data with nothing in it selects the whole component, as the
// RFC's own examples do. A prop-filter may have several text-match elements. A
// test of "anyof" takes in the time-range beside it, as Apple's specification has
// it.
package calquery
