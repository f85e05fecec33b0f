package ical

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Differ tells what two components say differently, and not how they are written:
// the order of properties, parameters and list values, the case of names and
// keywords, zone or UTC, DTEND or DURATION, the order of the parts of a rule, escapes
// and values that are the default make no difference.
//
// The functions say what is passed over; nil: nothing is. Names are in upper case.
type Differ struct {
	IgnoreProperty  func(p *Property) bool
	IgnoreParam     func(property, param string) bool
	IgnoreComponent func(name string) bool
}

// A Difference says by name which properties differ, and of each the names of the
// parameters that differ, in order. There are none if there are not one of these
// properties on both sides. A DURATION counts as the end that it gives, and components
// within as properties of their name. nil: there is no difference.
type Difference map[string][]string

// Diff compares two components whose TZIDs are those of a's and b's objects.
func (d *Differ) Diff(a *Component, azones *Zones, b *Component, bzones *Zones) Difference {
	if a == b {
		return nil
	}
	var diff Difference
	differs := func(name string, params []string) {
		if diff == nil {
			diff = Difference{}
		}
		diff[name] = params
	}
	old, new := d.side(a, azones), d.side(b, bzones)
	old.tellEnd()
	new.tellEnd()
	old.recurs, new.recurs = old.recurs && new.recurs, old.recurs && new.recurs
	for name, was := range old.props {
		is := new.props[name]
		if samePropertyLists(was, is) {
			continue
		}
		if params, same := d.compare(&old, was, &new, is); !same {
			differs(name, params)
		}
	}
	for name, is := range new.props {
		if _, both := old.props[name]; both {
			continue
		}
		if _, same := d.compare(&old, nil, &new, is); !same {
			differs(name, nil)
		}
	}
	for _, name := range d.differentChildren(a, azones, b, bzones) {
		differs(name, nil)
	}
	return diff
}

// A diffSide is one of two components that are compared.
type diffSide struct {
	comp   *Component
	zones  *Zones
	recurs bool // the zone of DTSTART says more than its moment
	props  map[string][]*Property
}

func (d *Differ) side(c *Component, zones *Zones) diffSide {
	s := diffSide{comp: c, zones: zones, recurs: c.Prop("RRULE") != nil, props: make(map[string][]*Property, len(c.Props))}
	for i := range c.Props {
		p := &c.Props[i]
		if d.IgnoreProperty == nil || !d.IgnoreProperty(p) {
			s.props[p.Name] = append(s.props[p.Name], p)
		}
	}
	return s
}

// endNames are the properties that say when a component ends, where DURATION does not.
var endNames = map[string]string{"VEVENT": "DTEND", "VTODO": "DUE"}

// tellEnd puts the end in the place of a DURATION: an event that begins later and is as
// long as it was ends later, too.
func (s *diffSide) tellEnd() {
	name, start, durations := endNames[s.comp.Name], s.props["DTSTART"], s.props["DURATION"]
	if name == "" || len(start) != 1 || len(durations) != 1 || s.props[name] != nil {
		return
	}
	from, err1 := start[0].DateTime(s.zones)
	d, err2 := ParseDuration(durations[0].Value)
	if err1 != nil || err2 != nil {
		return
	}
	end := Property{Name: name, Params: start[0].Params, Value: from.Add(d).String()}
	delete(s.props, "DURATION")
	s.props[name] = []*Property{&end}
}

func samePropertyLists(a, b []*Property) bool {
	return slices.EqualFunc(a, b, func(p, q *Property) bool { return p.Equal(q) && !p.Has("TZID") })
}

// compare compares all properties of one name.
func (d *Differ) compare(old *diffSide, was []*Property, new *diffSide, is []*Property) (params []string, same bool) {
	a, b := d.forms(old, was), d.forms(new, is)
	if len(a) == 1 && len(b) == 1 {
		params = changedParams(a[0].params, b[0].params)
		if a[0].value == b[0].value {
			return params, len(params) == 0
		}
		return append(params, changedTimeParams(was[0], is[0])...), false
	}
	return nil, slices.Equal(sortedTexts(a), sortedTexts(b))
}

// sortedTexts returns what forms say, in order and each once.
func sortedTexts(forms []propertyForm) []string {
	all := make([]string, len(forms))
	for i := range forms {
		all[i] = forms[i].text()
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// A propertyForm is what one value of a property says, in a normal form.
type propertyForm struct {
	value  string
	params []paramForm // in order of name
}

type paramForm struct{ name, value string }

// text joins the form into one string. No value or parameter has a NUL.
func (f *propertyForm) text() string {
	if len(f.params) == 0 {
		return f.value
	}
	b := append([]byte(f.value), 0)
	for _, p := range f.params {
		b = append(append(append(append(b, p.name...), '='), p.value...), 0)
	}
	return string(b)
}

func changedParams(a, b []paramForm) []string {
	values := make(map[string]string, len(a))
	for _, p := range a {
		values[p.name] = p.value
	}
	changed := map[string]bool{}
	for _, p := range b {
		if was, ok := values[p.name]; !ok || was != p.value {
			changed[p.name] = true
		}
		delete(values, p.name)
	}
	for name := range values {
		changed[name] = true
	}
	return slices.Sorted(maps.Keys(changed))
}

// changedTimeParams returns which of the parameters differ that say how the value of a
// time is to be read: they are part of the value, and make no difference alone.
func changedTimeParams(was, is *Property) (names []string) {
	if valueKinds[was.Name] != valueTime {
		return nil
	}
	for _, name := range []string{"TZID", "VALUE"} {
		if was.Param(name) != is.Param(name) {
			names = append(names, name)
		}
	}
	return names
}

// forms returns what properties of one name say: one for each value of a list, none
// for what is the default.
func (d *Differ) forms(s *diffSide, props []*Property) []propertyForm {
	var all []propertyForm
	for _, p := range props {
		params := d.params(p)
		for _, value := range s.values(p) {
			if value != "" && value != defaultValues[p.Name] {
				all = append(all, propertyForm{value, params})
			}
		}
	}
	return all
}

// defaultValues are those that a property has if it is not there.
var defaultValues = map[string]string{
	"TRANSP":   "OPAQUE", // RFC 5545 §3.8.2.7
	"CLASS":    "PUBLIC", // §3.8.1.3
	"PRIORITY": "0",      // §3.8.1.9
	"SEQUENCE": "0",      // §3.8.7.4
}

// values returns the values of p, each in a normal form; empty ones say nothing.
func (s *diffSide) values(p *Property) []string {
	switch valueKinds[p.Name] {
	case valueTime:
		if t, err := p.DateTime(s.zones); err == nil {
			return []string{s.timeForm(t, p.Name == "DTSTART" && s.recurs)}
		}
	case valueTimes:
		return s.timeForms(p)
	case valueRule:
		if r, err := ParseRule(p.Value); err == nil {
			return []string{r.String()}
		}
	case valueDuration:
		if d, err := ParseDuration(p.Value); err == nil {
			return []string{d.String()}
		}
	case valueText:
		return []string{strings.ReplaceAll(p.Text(), "\r\n", "\n")}
	case valueTexts:
		return p.TextList()
	case valueKeyword:
		return []string{strings.ToUpper(strings.TrimSpace(p.Value))}
	case valueAddress:
		return []string{p.Address()}
	}
	return []string{strings.TrimSpace(p.Value)}
}

// A valueKind says how the values of a property are compared.
type valueKind uint8

const (
	valueOther valueKind = iota
	valueTime
	valueTimes
	valueRule
	valueDuration
	valueText
	valueTexts
	valueKeyword
	valueAddress
)

var valueKinds = map[string]valueKind{
	"DTSTART": valueTime, "DTEND": valueTime, "DUE": valueTime, "RECURRENCE-ID": valueTime, "COMPLETED": valueTime,
	"CREATED": valueTime, "DTSTAMP": valueTime, "LAST-MODIFIED": valueTime,
	"RDATE": valueTimes, "EXDATE": valueTimes,
	"RRULE": valueRule, "EXRULE": valueRule,
	"DURATION": valueDuration,
	"SUMMARY":  valueText, "DESCRIPTION": valueText, "LOCATION": valueText, "COMMENT": valueText, "CONTACT": valueText,
	"CATEGORIES": valueTexts, "RESOURCES": valueTexts,
	"STATUS": valueKeyword, "TRANSP": valueKeyword, "CLASS": valueKeyword, "ACTION": valueKeyword, "METHOD": valueKeyword,
	"PRIORITY": valueKeyword, "SEQUENCE": valueKeyword, "PERCENT-COMPLETE": valueKeyword,
	"ATTENDEE": valueAddress, "ORGANIZER": valueAddress,
}

// timeForm writes a time: a moment, a day or a floating time. withZone: also the zone
// that later times are in.
func (s *diffSide) timeForm(t DateTime, withZone bool) string {
	if t.Kind != Zoned {
		return t.String()
	}
	form := DateTime{Wall: t.Unix(nil), Kind: UTC}.String()
	if !withZone {
		return form
	}
	if iana := t.Zone.IANA(); iana != "" {
		return form + " " + iana
	}
	return form + " " + t.Zone.Name()
}

// timeForms is timeForm for lists, also of periods.
func (s *diffSide) timeForms(p *Property) []string {
	var all []string
	if strings.EqualFold(p.Param("VALUE"), "PERIOD") {
		if periods, err := p.Periods(s.zones); err == nil {
			for _, period := range periods {
				all = append(all, s.timeForm(period.Start, false)+"/"+s.timeForm(period.End, false))
			}
			return all
		}
	}
	times, err := p.DateTimes(s.zones)
	if err != nil {
		return []string{p.Value}
	}
	for _, t := range times {
		all = append(all, s.timeForm(t, false))
	}
	return all
}

// params returns the parameters of p that say something, in order of name.
func (d *Differ) params(p *Property) []paramForm {
	var all []paramForm
	kind := valueKinds[p.Name]
	for i := range p.Params {
		q := &p.Params[i]
		value := p.Params[i].form()
		switch {
		case d.IgnoreParam != nil && d.IgnoreParam(p.Name, q.Name):
		case (kind == valueTime || kind == valueTimes) && (q.Name == "TZID" || q.Name == "VALUE"):
		case value == defaultParams[q.Name], q.Name == "VALUE" && strings.EqualFold(value, needlessTypes[p.Name]):
		default:
			all = append(all, paramForm{q.Name, value})
		}
	}
	slices.SortFunc(all, func(a, b paramForm) int {
		return strings.Compare(a.name+"="+a.value, b.name+"="+b.value)
	})
	return all
}

// defaultParams are the values that a parameter has if it is not there (RFC 5545
// §3.2, RFC 6638 §7.1).
var defaultParams = map[string]string{
	"CUTYPE":         "INDIVIDUAL",
	"PARTSTAT":       "NEEDS-ACTION",
	"ROLE":           "REQ-PARTICIPANT",
	"RSVP":           "FALSE",
	"FBTYPE":         "BUSY",
	"RELTYPE":        "PARENT",
	"RELATED":        "START",
	"SCHEDULE-AGENT": "SERVER",
}

// needlessTypes are the VALUEs of properties that clients write though they need not.
var needlessTypes = map[string]string{
	"ATTACH": "URI", "URL": "URI", "TRIGGER": "DURATION", "SUMMARY": "TEXT", "DESCRIPTION": "TEXT", "LOCATION": "TEXT",
}

// form returns the values of q in order; those that are keywords in upper case.
func (q *Param) form() string {
	if len(q.Values) > 1 {
		values := slices.Sorted(slices.Values(q.Values))
		return strings.Join(values, "\x00")
	}
	if len(q.Values) == 0 {
		return ""
	}
	if _, keyword := defaultParams[q.Name]; keyword {
		return strings.ToUpper(q.Values[0])
	}
	return q.Values[0]
}

// differentChildren returns the names of the components within that differ.
func (d *Differ) differentChildren(a *Component, azones *Zones, b *Component, bzones *Zones) []string {
	was, is := d.children(a, azones), d.children(b, bzones)
	var names []string
	for name, texts := range was {
		if !slices.Equal(texts, is[name]) {
			names = append(names, name)
		}
	}
	for name := range is {
		if _, both := was[name]; !both {
			names = append(names, name)
		}
	}
	return names
}

// children returns what the components within c say, by name, in order.
func (d *Differ) children(c *Component, zones *Zones) map[string][]string {
	all := map[string][]string{}
	for _, child := range c.Children {
		if d.IgnoreComponent == nil || !d.IgnoreComponent(child.Name) {
			all[child.Name] = append(all[child.Name], d.text(child, zones))
		}
	}
	for _, texts := range all {
		slices.Sort(texts)
	}
	return all
}

// text writes all that c says in a normal form.
func (d *Differ) text(c *Component, zones *Zones) string {
	side := d.side(c, zones)
	var lines []string
	for name, props := range side.props {
		for _, form := range d.forms(&side, props) {
			lines = append(lines, name+":"+form.text())
		}
	}
	for name, texts := range d.children(c, zones) {
		for _, text := range texts {
			lines = append(lines, name+"("+strconv.Quote(text)+")")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
