package ical

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJCal writes c to dst as jCal (RFC 7265), and returns the longer dst. A
// value that is not of its property's type, which jCal could not say, is a JSON
// string with the text of the value; DecodeJCal takes that.
func (c *Component) AppendJCal(dst []byte) []byte {
	dst = append(dst, '[')
	dst = appendJSON(dst, strings.ToLower(c.Name))
	dst = append(dst, ',', '[')
	for i := range c.Props {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.Props[i].appendJCal(dst)
	}
	dst = append(dst, ']', ',', '[')
	for i, child := range c.Children {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = child.AppendJCal(dst)
	}
	return append(dst, ']', ']')
}

func (p *Property) appendJCal(dst []byte) []byte {
	dst = append(dst, '[')
	dst = appendJSON(dst, strings.ToLower(p.Name))
	dst = append(dst, ',', '{')
	first := true
	for i := range p.Params {
		q := &p.Params[i]
		if q.Name == "VALUE" || paramBefore(p.Params[:i], q.Name) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = appendJSON(dst, strings.ToLower(q.Name))
		dst = append(dst, ':')
		dst = appendJSONStrings(dst, p.ParamValues(q.Name))
	}
	kind := p.jcalType()
	dst = append(dst, '}', ',')
	dst = appendJSON(dst, kind)
	for _, value := range p.jcalValues(kind) {
		dst = append(dst, ',')
		dst = append(dst, value...)
	}
	return append(dst, ']')
}

func paramBefore(params []Param, name string) bool {
	for i := range params {
		if params[i].Name == name {
			return true
		}
	}
	return false
}

// jcalType returns the type identifier of p's value (RFC 7265 §3.5.1). Where a
// client left out VALUE, dates are told by their form.
func (p *Property) jcalType() string {
	kind := strings.ToLower(p.Param("VALUE"))
	if kind != "" && checkName(kind) == "" { // what is no name is no type
		return kind
	}
	kind = defaultTypes[p.Name]
	if kind == "" {
		return "unknown"
	}
	if kind == "date-time" || (kind == "duration" && p.Name == "TRIGGER") {
		value, _, _ := strings.Cut(p.Value, ",")
		if _, hasTime, _, err := parseWall(value); err == nil && !hasTime {
			return "date"
		} else if err == nil {
			return "date-time"
		}
		if kind == "date-time" && strings.Contains(value, "/") {
			return "period"
		}
	}
	return kind
}

// jcalValues returns the JSON of each value of p. There is one at least.
func (p *Property) jcalValues(kind string) []string {
	sep := listSeparator(p.Name)
	switch {
	case sep == ',' && kind == "text":
		var all []string
		for _, part := range SplitText(p.Value, ',') {
			all = append(all, jsonString(UnescapeText(part)))
		}
		return all
	case sep == ',' && kind != "unknown":
		var all []string
		for part := range strings.SplitSeq(p.Value, ",") {
			all = append(all, jcalValue(kind, part))
		}
		return all
	case sep == ';':
		return []string{jcalStructured(kind, p.Value)}
	}
	return []string{jcalValue(kind, p.Value)}
}

// jcalStructured returns the array for a value of several parts.
func jcalStructured(kind, value string) string {
	if kind == "float" {
		value = strings.ReplaceAll(value, `\;`, ";") // some clients escape it
	}
	parts := SplitText(value, ';')
	if len(parts) == 1 {
		return jcalValue(kind, value)
	}
	for i, part := range parts {
		parts[i] = jcalValue(kind, part)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// jcalValue returns the JSON of one value; of one that is not of its type, the
// string.
func jcalValue(kind, value string) string {
	extended, ok := "", false
	switch kind {
	case "text":
		return jsonString(UnescapeText(value))
	case "date", "date-time":
		extended, ok = jcalDate(value)
	case "time":
		extended, ok = jcalTime(value)
	case "utc-offset":
		extended, ok = jcalOffset(value)
	case "integer":
		if n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
			return strconv.FormatInt(n, 10)
		}
	case "float":
		if number := strings.TrimPrefix(strings.TrimSpace(value), "+"); isJSONNumber(number) {
			return number
		}
	case "boolean":
		switch strings.ToUpper(strings.TrimSpace(value)) {
		case "TRUE":
			return "true"
		case "FALSE":
			return "false"
		}
	case "period":
		if start, end, isPeriod := strings.Cut(value, "/"); isPeriod {
			return "[" + jcalValue("date-time", start) + "," + jcalValue("date-time", end) + "]"
		}
	case "recur":
		if object, isRule := jcalRule(value); isRule {
			return object
		}
	}
	if ok {
		value = extended
	}
	return jsonString(value)
}

// jcalRule returns the object for a RECUR (RFC 7265 §3.6.10).
func jcalRule(value string) (object string, ok bool) {
	b := []byte{'{'}
	for part := range strings.SplitSeq(value, ";") {
		if part == "" {
			continue
		}
		name, list, found := strings.Cut(part, "=")
		if !found || checkName(name) != "" || list == "" {
			return "", false
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		name = strings.ToLower(name)
		b = append(appendJSON(b, name), ':')
		items := strings.Split(list, ",")
		if len(items) > 1 {
			b = append(b, '[')
		}
		for i, item := range items {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, jcalRuleItem(name, item)...)
		}
		if len(items) > 1 {
			b = append(b, ']')
		}
	}
	return string(append(b, '}')), true
}

// jcalRuleItem returns the JSON of one value of a rule part.
func jcalRuleItem(name, item string) string {
	if name == "until" {
		return jcalValue("date-time", item)
	}
	if _, numeric := ruleNumbers[name]; numeric {
		return jcalValue("integer", item)
	}
	return jsonString(item)
}

// ruleNumbers are the parts of a RECUR whose values are numbers. A leap month of
// BYMONTH, "5L", is a string.
var ruleNumbers = map[string]struct{}{
	"count": {}, "interval": {}, "bysecond": {}, "byminute": {}, "byhour": {}, "bymonthday": {},
	"byyearday": {}, "byweekno": {}, "bymonth": {}, "bysetpos": {},
}

// isJSONNumber reports whether s is a number as JSON writes it, and so survives
// as it is.
func isJSONNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	if n == 0 || (n > 1 && s[0] == '0') || len(s) > 64 {
		return false
	}
	if n == len(s) {
		return true
	}
	_, ok := digits(s[n+1:])
	return s[n] == '.' && ok
}

func jsonString(s string) string { return string(appendJSON(nil, s)) }

// appendJSONStrings writes one string, or an array if there are more.
func appendJSONStrings(dst []byte, all []string) []byte {
	if len(all) == 0 {
		return append(dst, '"', '"')
	}
	if len(all) == 1 {
		return appendJSON(dst, all[0])
	}
	for i, s := range all {
		if i == 0 {
			dst = append(dst, '[')
		} else {
			dst = append(dst, ',')
		}
		dst = appendJSON(dst, s)
	}
	return append(dst, ']')
}

// appendJSON writes s as a JSON string (RFC 8259 §7). U+2028 and U+2029 are
// escaped as well: some readers are JavaScript.
func appendJSON(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				dst = append(dst, `\ufffd`...)
			case r == '\u2028' || r == '\u2029':
				dst = append(dst, `\u202`...)
				dst = append(dst, hex[r&0xf])
			default:
				dst = append(dst, s[i:i+size]...)
			}
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// MarshalJCal returns c as jCal (RFC 7265). The error is always nil.
func (c *Component) MarshalJCal() ([]byte, error) { return c.AppendJCal(nil), nil }
