package calquery

import (
	"encoding/xml"
	"slices"
	"strings"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// The media types that calendar data can be asked for in.
const (
	MediaCalendar = "text/calendar"
	MediaJCal     = "application/calendar+json" // RFC 7265
)

// A DataRequest is a CALDAV:calendar-data element in a request: which part of an
// object is wanted, and in what form (RFC 4791 §9.6). The zero DataRequest is for
// the whole object as it is.
type DataRequest struct {
	JCal bool // as jCal, not iCalendar

	// OmitZones leaves out the VTIMEZONEs of zones that have a name of the IANA
	// database (RFC 7809 §3.1.2, CalDAV-Timezones: F). ParseCalendarData never
	// sets it.
	OmitZones bool

	comp          *compSelect // nil: all
	expand        *TimeRange
	limit         *TimeRange // limit-recurrence-set
	limitFreeBusy *TimeRange
}

// A compSelect is a CALDAV:comp (RFC 4791 §9.6.1).
type compSelect struct {
	name     string // in upper case
	allProps bool
	props    []propSelect
	allComps bool
	comps    []*compSelect
}

// A propSelect is a CALDAV:prop (RFC 4791 §9.6.4).
type propSelect struct {
	name    string // in upper case
	noValue bool
}

// maxSelected bounds the names in one calendar-data element, which are looked up
// for every property of every object.
const maxSelected = 500

// ParseCalendarData returns what a CALDAV:calendar-data element in a request asks
// for. Errors: 403 CALDAV:supported-calendar-data, 400.
func ParseCalendarData(e *webdav.Element) (*DataRequest, error) {
	d := &DataRequest{}
	if kind, ok := e.Attr("content-type"); ok {
		kind, _, _ = strings.Cut(kind, ";")
		switch strings.ToLower(strings.TrimSpace(kind)) {
		case MediaCalendar, "":
		case MediaJCal:
			d.JCal = true
		default:
			return nil, unsupportedData("content-type is not known")
		}
	}
	if version, ok := e.Attr("version"); ok && strings.TrimSpace(version) != "2.0" {
		return nil, unsupportedData("version is not 2.0")
	}
	left := maxSelected
	for c := range e.Elements() {
		var err error
		switch c.Name {
		case webdav.CalDAV("comp"):
			if d.comp != nil {
				return nil, webdav.BadRequest("calendar-data: more than one comp")
			}
			d.comp, err = parseComp(c, &left)
			if err == nil && d.comp.name != "VCALENDAR" {
				err = webdav.BadRequest("calendar-data: comp is not VCALENDAR")
			}
		case webdav.CalDAV("expand"):
			err = setRange(&d.expand, c)
		case webdav.CalDAV("limit-recurrence-set"):
			err = setRange(&d.limit, c)
		case webdav.CalDAV("limit-freebusy-set"):
			err = setRange(&d.limitFreeBusy, c)
		}
		if err != nil {
			return nil, err
		}
	}
	if d.expand != nil && d.limit != nil {
		return nil, webdav.BadRequest("calendar-data: expand and limit-recurrence-set")
	}
	if d.comp != nil && d.comp.whole() {
		d.comp = nil
	}
	return d, nil
}

func unsupportedData(description string) *webdav.Error {
	return webdav.Forbidden(webdav.CondSupportedCalendarData, description)
}

func setRange(t **TimeRange, e *webdav.Element) error {
	if *t != nil {
		return webdav.BadRequest("calendar-data: " + e.Name.Local + " twice")
	}
	span, err := parseBounded(e)
	*t = &span
	return err
}

// parseComp parses a comp. One that is empty selects all of the component, as in
// the examples of RFC 4791 §7.8.1.
func parseComp(e *webdav.Element, left *int) (*compSelect, error) {
	s := &compSelect{}
	var err error
	if s.name, err = selected(e, left); err != nil {
		return nil, err
	}
	empty := true
	for c := range e.Elements() {
		switch c.Name {
		case webdav.CalDAV("allprop"):
			s.allProps = true
		case webdav.CalDAV("allcomp"):
			s.allComps = true
		case webdav.CalDAV("prop"):
			p := propSelect{}
			if p.name, err = selected(c, left); err != nil {
				return nil, err
			}
			noValue, _ := c.Attr("novalue")
			p.noValue = strings.EqualFold(noValue, "yes")
			s.props = append(s.props, p)
		case webdav.CalDAV("comp"):
			comp, err := parseComp(c, left)
			if err != nil {
				return nil, err
			}
			s.comps = append(s.comps, comp)
		default:
			continue
		}
		empty = false
	}
	if empty {
		s.allProps, s.allComps = true, true
	}
	return s, nil
}

// selected returns the name that a comp or prop selects.
func selected(e *webdav.Element, left *int) (string, error) {
	if *left--; *left < 0 {
		return "", webdav.BadRequest("calendar-data: too many names")
	}
	name, _ := e.Attr("name")
	if name = strings.ToUpper(strings.TrimSpace(name)); name == "" {
		return "", webdav.BadRequest("calendar-data: " + e.Name.Local + " has no name")
	}
	return name, nil
}

// whole reports whether s selects all there is. Names beside allprop or allcomp
// add nothing to it but novalue.
func (s *compSelect) whole() bool {
	return s.allProps && s.allComps && len(s.comps) == 0 &&
		!slices.ContainsFunc(s.props, func(p propSelect) bool { return p.noValue })
}

// ContentType returns the media type that Render writes.
func (d *DataRequest) ContentType() string {
	if d.JCal {
		return MediaJCal
	}
	return MediaCalendar
}

// Whole reports whether d asks for nothing but the object as it is stored.
func (d *DataRequest) Whole() bool {
	return !d.JCal && !d.OmitZones && d.comp == nil && d.expand == nil && d.limit == nil && d.limitFreeBusy == nil
}

// Expands returns the range of CALDAV:expand, and whether it was asked for.
func (d *DataRequest) Expands() (TimeRange, bool) {
	if d.expand == nil {
		return TimeRange{}, false
	}
	return *d.expand, true
}

// TimeRanges returns the ranges of CALDAV:expand, CALDAV:limit-recurrence-set and
// CALDAV:limit-freebusy-set.
func (d *DataRequest) TimeRanges() []TimeRange {
	var ranges []TimeRange
	for _, t := range []*TimeRange{d.expand, d.limit, d.limitFreeBusy} {
		if t != nil {
			ranges = append(ranges, *t)
		}
	}
	return ranges
}

// Render returns the part of o that d asks for. Dates and floating times are read
// in floating, nil for UTC; the work for recurrence instances is taken from b.
// The error may be ical.ErrBudget.
func (d *DataRequest) Render(o *ical.Object, floating *ical.Zone, b *ical.Budget) ([]byte, error) {
	return d.Append(nil, o, floating, b)
}

// Append is Render that appends to dst.
func (d *DataRequest) Append(dst []byte, o *ical.Object, floating *ical.Zone, b *ical.Budget) ([]byte, error) {
	if d.expand != nil && d.comp == nil && !d.JCal {
		return o.AppendExpanded(dst, d.expand.From, d.expand.To, floating, b)
	}
	cal := o.Calendar
	var err error
	switch {
	case d.expand != nil:
		cal, err = o.Expand(d.expand.From, d.expand.To, floating, b)
	case d.limitFreeBusy != nil && o.Kind == "VFREEBUSY":
		cal = o.LimitFreeBusySet(d.limitFreeBusy.From, d.limitFreeBusy.To)
	case d.limit != nil:
		cal, err = o.LimitRecurrenceSet(d.limit.From, d.limit.To, floating, b)
	}
	if err != nil {
		return dst, err
	}
	if d.comp != nil {
		cal = d.comp.of(cal)
	}
	if d.OmitZones {
		cal = ical.StripStandardZones(cal)
	}
	if d.JCal {
		return cal.AppendJCal(dst), nil
	}
	return cal.Append(dst), nil
}

// of returns a component with the parts of c that s selects. It shares them with
// c, and neither may be changed.
func (s *compSelect) of(c *ical.Component) *ical.Component {
	part := *c
	if !s.allProps || len(s.props) > 0 {
		part.Props = s.propsOf(c)
	}
	if s.allComps && len(s.comps) == 0 {
		return &part
	}
	part.Children = make([]*ical.Component, 0, len(c.Children))
	for _, child := range c.Children {
		if inner := s.child(child.Name); inner != nil {
			part.Children = append(part.Children, inner.of(child))
		} else if s.allComps {
			part.Children = append(part.Children, child)
		}
	}
	return &part
}

func (s *compSelect) child(name string) *compSelect {
	for _, c := range s.comps {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (s *compSelect) propsOf(c *ical.Component) []ical.Property {
	props := make([]ical.Property, 0, len(c.Props))
	for i := range c.Props {
		p := c.Props[i]
		at := slices.IndexFunc(s.props, func(q propSelect) bool { return q.name == p.Name })
		switch {
		case at < 0 && !s.allProps:
			continue
		case at >= 0 && s.props[at].noValue:
			p.Value = ""
		}
		props = append(props, p)
	}
	return props
}

// SupportedData writes the content of CALDAV:supported-calendar-data (RFC 4791
// §5.2.4): what ParseCalendarData accepts.
func SupportedData(w *webdav.Writer) {
	for _, media := range [...]string{MediaCalendar, MediaJCal} {
		w.Start(webdav.CalDAV("calendar-data"), attr("content-type", media), attr("version", "2.0"))
		w.End()
	}
}

func attr(name, value string) xml.Attr {
	return xml.Attr{Name: xml.Name{Local: name}, Value: value}
}
