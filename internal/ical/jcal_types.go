package ical

// defaultTypes are the value types of properties without a VALUE parameter, as
// jCal names them (RFC 7265 §3.4). A property that is not here has none, and is
// of type "unknown" there. From RFC 5545 §3.8; 7529; 7808 §7; 7953 §3.2; 7986 §5
// (where some have no default); 9073 §6; 9074; 9253; and the VPOLL draft.
var defaultTypes = map[string]string{
	"ACCEPT-RESPONSE":  "text",
	"ACKNOWLEDGED":     "date-time",
	"ACTION":           "text",
	"ATTACH":           "uri",
	"ATTENDEE":         "cal-address",
	"BUSYTYPE":         "text",
	"CALENDAR-ADDRESS": "cal-address",
	"CALSCALE":         "text",
	"CATEGORIES":       "text",
	"CLASS":            "text",
	"COLOR":            "text",
	"COMMENT":          "text",
	"COMPLETED":        "date-time",
	"CONCEPT":          "uri",
	"CONTACT":          "text",
	"CREATED":          "date-time",
	"DESCRIPTION":      "text",
	"DTEND":            "date-time",
	"DTSTAMP":          "date-time",
	"DTSTART":          "date-time",
	"DUE":              "date-time",
	"DURATION":         "duration",
	"EXDATE":           "date-time",
	"EXRULE":           "recur",
	"FREEBUSY":         "period",
	"GEO":              "float",
	"LAST-MODIFIED":    "date-time",
	"LOCATION":         "text",
	"LOCATION-TYPE":    "text",
	"METHOD":           "text",
	"NAME":             "text",
	"ORGANIZER":        "cal-address",
	"PARTICIPANT-TYPE": "text",
	"PERCENT-COMPLETE": "integer",
	"POLL-COMPLETION":  "text",
	"POLL-ITEM-ID":     "integer",
	"POLL-MODE":        "text",
	"POLL-PROPERTIES":  "text",
	"POLL-WINNER":      "integer",
	"PRIORITY":         "integer",
	"PRODID":           "text",
	"PROXIMITY":        "text",
	"RDATE":            "date-time",
	"RECURRENCE-ID":    "date-time",
	"REFID":            "text",
	"RELATED-TO":       "text",
	"REPEAT":           "integer",
	"REPLY-URL":        "uri",
	"REQUEST-STATUS":   "text",
	"RESOURCE-TYPE":    "text",
	"RESOURCES":        "text",
	"RESPONSE":         "integer",
	"RRULE":            "recur",
	"SEQUENCE":         "integer",
	"STATUS":           "text",
	"SUMMARY":          "text",
	"TRANSP":           "text",
	"TRIGGER":          "duration",
	"TZID":             "text",
	"TZID-ALIAS-OF":    "text",
	"TZNAME":           "text",
	"TZOFFSETFROM":     "utc-offset",
	"TZOFFSETTO":       "utc-offset",
	"TZUNTIL":          "date-time",
	"TZURL":            "uri",
	"UID":              "text",
	"URL":              "uri",
	"VERSION":          "text",
	"VOTER":            "cal-address",
}

// listSeparator returns what is between the values of the properties that have
// several: a comma between values that are elements of their own in jCal, a
// semicolon between the parts of one value, an array there (RFC 7265 §3.4.1);
// else 0.
func listSeparator(name string) byte {
	switch name {
	case "CATEGORIES", "RESOURCES", "POLL-PROPERTIES", "EXDATE", "RDATE", "FREEBUSY":
		return ','
	case "GEO", "REQUEST-STATUS":
		return ';'
	}
	return 0
}

// jcalDate puts a DATE or DATE-TIME in the extended format of ISO 8601. If it is
// none, ok is false; so it is for what is only read as one, as YYYYMMDDZ: it would come
// back as another.
func jcalDate(value string) (extended string, ok bool) {
	if n := len(value); n != 8 && n != 15 && n != 16 {
		return "", false
	}
	if _, _, _, err := parseWall(value); err != nil || value[0] == ' ' || value[len(value)-1] == ' ' {
		return "", false
	}
	extended = value[:4] + "-" + value[4:6] + "-" + value[6:8]
	if len(value) > 8 {
		extended += "T" + value[9:11] + ":" + value[11:13] + ":" + value[13:15]
		if len(value) == 16 {
			extended += "Z"
		}
	}
	return extended, true
}

// textDate is the inverse of jcalDate; what is no date comes back as it is.
func textDate(extended string) string {
	b := make([]byte, 0, len(extended))
	for i := range len(extended) {
		if c := extended[i]; c != '-' && c != ':' {
			b = append(b, c)
		}
	}
	if back, ok := jcalDate(string(b)); !ok || back != extended {
		return extended
	}
	return string(b)
}

// jcalTime and textTime do the same for a TIME.
func jcalTime(value string) (extended string, ok bool) {
	if len(value) != 6 && (len(value) != 7 || value[6] != 'Z') {
		return "", false
	}
	if _, ok := digits(value[:6]); !ok {
		return "", false
	}
	return value[:2] + ":" + value[2:4] + ":" + value[4:], true
}

func textTime(extended string) string {
	if len(extended) < 8 || extended[2] != ':' || extended[5] != ':' {
		return extended
	}
	value := extended[:2] + extended[3:5] + extended[6:]
	if back, ok := jcalTime(value); !ok || back != extended {
		return extended
	}
	return value
}

// jcalOffset and textOffset do the same for a UTC-OFFSET.
func jcalOffset(value string) (extended string, ok bool) {
	if _, err := ParseOffset(value); err != nil || (len(value) != 5 && len(value) != 7) {
		return "", false
	}
	extended = value[:3] + ":" + value[3:5]
	if len(value) == 7 {
		extended += ":" + value[5:]
	}
	return extended, true
}

func textOffset(extended string) string {
	seconds, err := ParseOffset(extended)
	if err != nil || len(extended) < 6 || extended[3] != ':' {
		return extended
	}
	return FormatOffset(seconds)
}
