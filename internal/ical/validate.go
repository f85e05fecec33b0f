package ical

import (
	"errors"
	"fmt"
	"strings"
)

// The preconditions that NewObject checks, as names in the CalDAV namespace.
const (
	// ValidCalendarData: the data is not what RFC 5545 says it is.
	ValidCalendarData = "valid-calendar-data"
	// ValidCalendarObjectResource: it is, but not one object (RFC 4791 §4.1).
	ValidCalendarObjectResource = "valid-calendar-object-resource"
	// SupportedCalendarComponent: it has a component that no calendar holds.
	SupportedCalendarComponent = "supported-calendar-component"
	// SupportedRScale: a rule is of a calendar system that is not known
	// (RFC 7529 §4.1).
	SupportedRScale = "supported-rscale"
)

// ErrRScale is wrapped by the error of ParseRule for a rule in a calendar system
// other than the Gregorian (RFC 7529 §4.1).
var ErrRScale = errors.New("calendar system of the rule is not supported")

// objectKinds says for each component that an object can be made of which
// properties it may have once only, and which of them it must have.
var objectKinds = map[string]struct{ once, must []string }{
	"VEVENT":        {[]string{"UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION"}, []string{"DTSTART"}},
	"VTODO":         {[]string{"UID", "RECURRENCE-ID", "DTSTART", "DUE", "DURATION", "COMPLETED"}, nil},
	"VJOURNAL":      {[]string{"UID", "RECURRENCE-ID", "DTSTART"}, nil},
	"VFREEBUSY":     {[]string{"UID", "DTSTART", "DTEND", "DURATION"}, nil},
	"VAVAILABILITY": {[]string{"UID", "DTSTART", "DTEND", "DURATION"}, nil},
	"VPOLL":         {[]string{"UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION"}, nil},
	"AVAILABLE":     {[]string{"UID", "RECURRENCE-ID", "DTSTART", "DTEND", "DURATION"}, []string{"DTSTART"}},
}

// perUser are components in which some servers keep what is one user's own. A
// client that sends them would speak for another user.
const perUser = "X-CALENDARSERVER-PERUSER"

func invalidData(c *Component, format string, args ...any) *InvalidError {
	return invalid(ValidCalendarData, c, format, args...)
}

func invalid(condition string, c *Component, format string, args ...any) *InvalidError {
	reason := clip(c.Name)
	if c.line > 0 {
		reason += fmt.Sprintf(" of line %d", c.line)
	}
	return &InvalidError{condition, reason + ": " + fmt.Sprintf(format, args...)}
}

// checkComponent checks the values of c that dates are computed from. Whether
// DTEND is of the type of DTSTART, and behind it, is not checked: clients have
// always sent such events, and all servers have taken them.
func checkComponent(c *Component, zones *Zones) error {
	kind := objectKinds[c.Name]
	for _, name := range kind.once {
		if second := repeated(c, name); second {
			return invalidData(c, "%s occurs twice", name)
		}
	}
	for _, name := range kind.must {
		if c.Prop(name) == nil {
			return invalidData(c, "no %s", name)
		}
	}
	if c.Prop("DURATION") != nil {
		for _, name := range []string{"DTEND", "DUE"} {
			if c.Prop(name) != nil {
				return invalidData(c, "DURATION and %s", name)
			}
		}
	}
	for i := range c.Props {
		if err := checkValue(c, &c.Props[i], zones); err != nil {
			return err
		}
	}
	for _, child := range c.Children {
		switch child.Name {
		case "VALARM":
			if err := checkAlarm(child, zones); err != nil {
				return err
			}
		case "AVAILABLE":
			if err := checkComponent(child, zones); err != nil {
				return err
			}
		}
	}
	return nil
}

// repeated reports whether c has two different properties of one name.
func repeated(c *Component, name string) bool {
	var first *Property
	for i := range c.Props {
		switch p := &c.Props[i]; {
		case p.Name != name:
		case first == nil:
			first = p
		case !first.Equal(p):
			return true
		}
	}
	return false
}

// checkValue checks the value of p if it is one that dates are computed from.
func checkValue(c *Component, p *Property, zones *Zones) error {
	var err error
	switch p.Name {
	case "DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "COMPLETED", "CREATED", "DTSTAMP", "LAST-MODIFIED":
		_, err = p.DateTime(zones)
	case "EXDATE":
		_, err = p.DateTimes(zones)
	case "RDATE":
		if strings.EqualFold(p.Param("VALUE"), "PERIOD") {
			_, err = p.Periods(zones)
		} else {
			_, err = p.DateTimes(zones)
		}
	case "FREEBUSY":
		_, err = p.Periods(zones)
	case "DURATION":
		_, err = ParseDuration(p.Value)
	case "RRULE", "EXRULE":
		_, err = ParseRule(p.Value)
	}
	if err == nil {
		return nil
	}
	condition := ValidCalendarData
	if errors.Is(err, ErrRScale) {
		condition = SupportedRScale
	}
	return invalid(condition, c, "%s: %v", p.Name, err)
}

// checkAlarm checks when a VALARM goes off (RFC 5545 §3.6.6) and was dismissed:
// that is in UTC (RFC 9074 §6.1).
func checkAlarm(c *Component, zones *Zones) error {
	for i := range c.Props {
		p := &c.Props[i]
		var err error
		switch p.Name {
		case "TRIGGER":
			if strings.EqualFold(p.Param("VALUE"), "DATE-TIME") {
				_, err = p.DateTime(zones)
			} else if _, err = ParseDuration(p.Value); err != nil {
				if _, dateErr := p.DateTime(zones); dateErr == nil || withoutNumbers(p.Value) {
					err = nil // a date without VALUE=DATE-TIME; an alarm that never goes off
				}
			}
		case "DURATION":
			_, err = ParseDuration(p.Value)
		case "ACKNOWLEDGED":
			var t DateTime
			if t, err = p.DateTime(zones); err == nil && t.Kind != UTC {
				err = errors.New("not in UTC")
			}
		}
		if err != nil {
			return invalidData(c, "%s: %v", p.Name, err)
		}
	}
	return nil
}

// withoutNumbers reports whether value is a DURATION that lacks its numbers, "-PD"
// or "P". Clients write it for an alarm that was not set; it is no reason to lose
// the event.
func withoutNumbers(value string) bool {
	units, ok := strings.CutPrefix(strings.TrimLeft(strings.ToUpper(strings.TrimSpace(value)), "+-"), "P")
	return ok && strings.Trim(units, "WDTHMS") == ""
}
