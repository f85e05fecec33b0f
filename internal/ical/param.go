package ical

import "strings"

// Bytes of content lines, by what they may be. Names are more than RFC 5545 §3.1
// allows: clients send "X_FOO" and "X-ABC.DEF", and nothing is lost by it.
const (
	inName   = 1 << iota // of a property, parameter or component
	isLower              // a name with it is not in upper case
	isDelim              // ends an unquoted parameter value
	needsDQ              // a parameter value with it is written in quotes
	needsEsc             // a parameter value with it is encoded (RFC 6868)
	isWord               // a letter or digit
)

var byteClass = classes()

func classes() (t [256]uint8) {
	for b := '!'; b <= '~'; b++ {
		t[b] = inName
	}
	for b := 'a'; b <= 'z'; b++ {
		t[b] |= isLower | isWord
		t[b-'a'+'A'] |= isWord
	}
	for b := '0'; b <= '9'; b++ {
		t[b] |= isWord
	}
	for _, b := range `:;,="\` {
		t[b] &^= inName
	}
	for _, b := range ":;," {
		t[b] |= isDelim | needsDQ
	}
	for _, b := range "^\"\x7f" {
		t[b] |= needsEsc
	}
	for b := range ' ' {
		if b != '\t' {
			t[b] |= needsEsc
		}
	}
	return t
}

// limitReason is what readParams returns for too many values.
const limitReason = "limit"

// scanName reads the name at the start of a content line, and puts it in upper
// case. at is where the name ends: a ";" or ":". bad is what is wrong, or "".
func scanName(line string) (name string, at int, bad string) {
	var seen uint8
	for at < len(line) {
		class := byteClass[line[at]]
		if class&inName == 0 {
			break
		}
		seen |= class
		at++
	}
	name = line[:at]
	if at == len(line) || (line[at] != ':' && line[at] != ';') {
		if !strings.Contains(line, ":") {
			return "", 0, "no colon in " + quote(line)
		}
		return "", 0, "no property name at the start of " + quote(line)
	}
	if at == 0 {
		return "", 0, "no property name before " + quote(line)
	}
	if seen&isLower != 0 {
		name = strings.ToUpper(name)
	}
	return name, at, ""
}

// checkName returns what is wrong with a name, or "".
func checkName(name string) string {
	if name == "" {
		return "no name"
	}
	for i := range len(name) {
		if byteClass[name[i]]&inName == 0 {
			return quote(name) + " is not a name"
		}
	}
	return ""
}

// readParams reads the parameters of d.text from the ";" at at, into the slabs.
// It returns where the colon is.
func (d *decoder) readParams(at int) (params []Param, colon int, bad string) {
	from := len(d.params)
	s := paramScanner{line: d.text, at: at}
	for s.next() {
		if d.nValues++; d.nValues > d.lim.ParamValues {
			return nil, 0, limitReason
		}
		values, ok := d.readValues(&s)
		if !ok {
			return nil, 0, limitReason
		}
		if s.name == "" {
			continue
		}
		if len(d.params) == cap(d.params) {
			chunk := make([]Param, 0, min(max(16, 2*cap(d.params)), 1024)+2*(len(d.params)-from))
			d.params = append(chunk, d.params[from:]...)
			from = 0
		}
		d.params = append(d.params, Param{upper(s.name), values})
	}
	if s.bad != "" {
		return nil, 0, s.bad
	}
	return d.params[from:len(d.params):len(d.params)], s.at, ""
}

// readValues reads the values of the parameter that s is at.
func (d *decoder) readValues(s *paramScanner) (values []string, ok bool) {
	from := len(d.values)
	for s.value() {
		if d.nValues++; d.nValues > d.lim.ParamValues {
			return nil, false
		}
		if len(d.values) == cap(d.values) {
			chunk := make([]string, 0, min(max(16, 2*cap(d.values)), 1024)+2*(len(d.values)-from))
			d.values = append(chunk, d.values[from:]...)
			from = 0
		}
		d.values = append(d.values, decodeParam(s.raw))
	}
	if from == len(d.values) {
		return nil, true
	}
	return d.values[from:len(d.values):len(d.values)], true
}

// A paramScanner walks over the parameters of a content line. It begins at the
// first ";" and, unless something is bad, ends at the ":" before the value.
//
//	for s.next() { for s.value() { s.name, s.raw } }
type paramScanner struct {
	line string
	at   int
	bad  string // what is wrong, or ""

	name   string // of the parameter, as written; "" for an empty one (";;")
	raw    string // the value, as written
	values bool   // more values follow at at
}

// next goes to the next parameter.
func (s *paramScanner) next() bool {
	for s.values && s.value() {
	}
	if s.bad != "" {
		return false
	}
	if s.at == len(s.line) {
		s.bad = "no colon in " + quote(s.line)
		return false
	}
	if s.line[s.at] == ':' {
		return false
	}
	s.at++ // the ";"
	from := s.at
	for s.at < len(s.line) && byteClass[s.line[s.at]]&inName != 0 {
		s.at++
	}
	s.name = s.line[from:s.at]
	if s.at == len(s.line) {
		s.bad = "no colon in " + quote(s.line)
		return false
	}
	switch s.line[s.at] {
	case '=':
		if s.name != "" {
			s.values = true
			return true
		}
	case ';', ':':
		return true
	}
	s.bad = "not a parameter: " + quote(s.line[from:])
	return false
}

// value goes to the next value of the parameter.
func (s *paramScanner) value() bool {
	if !s.values {
		return false
	}
	s.at++ // the "=" or ","
	from := s.at
	if s.at < len(s.line) && s.line[s.at] == '"' {
		n := strings.IndexByte(s.line[s.at+1:], '"')
		if n < 0 {
			s.bad, s.values = "a quote is not closed: "+quote(s.line[from:]), false
			return false
		}
		s.at += n + 2
	}
	for s.at < len(s.line) && (byteClass[s.line[s.at]]&isDelim == 0 || s.escaped()) {
		s.at++
	}
	s.raw = s.line[from:s.at]
	s.values = s.at < len(s.line) && s.line[s.at] == ','
	return true
}

// escaped reports whether the delimiter at s.at belongs to the unquoted value
// before it. iOS 26 writes the escapes of TEXT where RFC 5545 §3.2 wants quotes,
// "X-TITLE=Main Street 1\; Linz;X-RADIUS=70:geo:…". A backslash is a legal last
// character of a value, though, as of a path of Windows: a ";" with a parameter
// behind it, and a ":", therefore end the value as they always do.
func (s *paramScanner) escaped() bool {
	if s.line[s.at-1] != '\\' {
		return false
	}
	switch s.line[s.at] {
	case ',':
		return true
	case ';':
		rest := s.line[s.at+1:]
		n := 0
		for n < len(rest) && byteClass[rest[n]]&inName != 0 {
			n++
		}
		return n == 0 || n == len(rest) || rest[n] != '='
	}
	return false
}

// upper is strings.ToUpper for ASCII names, without a call for those that are.
func upper(name string) string {
	for i := range len(name) {
		if byteClass[name[i]]&isLower != 0 {
			return strings.ToUpper(name)
		}
	}
	return name
}

// decodeParam takes the quotes off a parameter value and decodes it (RFC 6868).
func decodeParam(raw string) string {
	if len(raw) > 1 && raw[0] == '"' {
		end := 1 + strings.IndexByte(raw[1:], '"')
		if end == len(raw)-1 {
			raw = raw[1:end]
		} else if end > 0 {
			raw = raw[1:end] + raw[end+1:]
		}
	}
	if strings.IndexByte(raw, '^') < 0 {
		return raw
	}
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '^' && i+1 < len(raw) {
			if c, ok := decodeCaret(raw[i+1]); ok {
				b = append(b, c)
				i++
				continue
			}
		}
		b = append(b, raw[i])
	}
	return string(b)
}

func decodeCaret(c byte) (byte, bool) {
	switch c {
	case 'n', 'N':
		return '\n', true
	case '\'':
		return '"', true
	case '^':
		return '^', true
	}
	return 0, false
}

// appendParamValue writes a value, encoded and quoted as it needs: also one that
// ends in a backslash, which would be taken for the escape of what follows.
func appendParamValue(dst []byte, value string) []byte {
	var seen uint8
	for i := range len(value) {
		seen |= byteClass[value[i]]
	}
	if strings.HasSuffix(value, `\`) {
		seen |= needsDQ
	}
	if seen&needsDQ != 0 {
		dst = append(dst, '"')
	}
	if seen&needsEsc == 0 {
		dst = append(dst, value...)
	} else {
		for i := range len(value) {
			switch c := value[i]; c {
			case '^':
				dst = append(dst, '^', '^')
			case '"':
				dst = append(dst, '^', '\'')
			case '\n':
				dst = append(dst, '^', 'n')
			default:
				if byteClass[c]&needsEsc == 0 { // other control characters are dropped
					dst = append(dst, c)
				}
			}
		}
	}
	if seen&needsDQ != 0 {
		dst = append(dst, '"')
	}
	return dst
}

func quote(s string) string { return "“" + clip(s) + "”" }
