package ical

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// inEvent puts lines into an event. Lines end in CRLF.
func inEvent(lines string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n" + lines + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

// same is what a table says for data that comes back byte for byte.
const same = "same"

// awkward are inputs that one or the other library loses, breaks or refuses.
var awkward = []struct {
	name, src string
	want      string // what is encoded; same; or "error: " and a part of the error
}{
	{"plain", inEvent("SUMMARY:x\r\n"), same},
	{"order of properties", inEvent("SUMMARY:x\r\nDTSTART:20240101T000000Z\r\nATTENDEE:a:b\r\nATTENDEE:a:a\r\n"), same},
	{"order of parameters", inEvent("ATTENDEE;RSVP=TRUE;CN=x;CUTYPE=ROOM:mailto:a@b\r\n"), same},
	{"unknown property", inEvent("X-FOO;X-BAR=1;X-BAR=2:a;b,c\\n\r\nFUTURE:1\r\n"), same},
	{"unknown component", "BEGIN:VCALENDAR\r\nBEGIN:X-THING\r\nX:1\r\nEND:X-THING\r\nEND:VCALENDAR\r\n", same},
	{"unknown component in an event", inEvent("BEGIN:X-THING\r\nX:1\r\nEND:X-THING\r\n"), same},
	{"property behind a component", inEvent("UID:1\r\nBEGIN:VALARM\r\nACTION:AUDIO\r\nEND:VALARM\r\nSUMMARY:x\r\nBEGIN:VALARM\r\nEND:VALARM\r\nURL:y\r\n"), same},
	{"quoted parameter", inEvent("ATTENDEE;CN=\"Doe; John, Dr: x\";X=\"plain\":mailto:a@b\r\n"), same},
	{"several parameter values", inEvent("ATTENDEE;MEMBER=\"mailto:a@b\",\"mailto:c@d\";X=1,2,\"3\":mailto:a@b\r\n"), same},
	{"RFC 6868", inEvent("ATTENDEE;CN=J ^'Jim^' ^^ ^n ^x;X=\"^'q^', ^\":mailto:a@b\r\n"), same},
	{"escapes", inEvent("SUMMARY:a\\Nb\\nc\\,d\\;e\\\\f, g; h \\x\\\r\n"), same},
	{"lower-case names", "begin:vcalendar\r\nversion:2.0\r\nBegin:Vevent\r\nsummary;language=de:x\r\nend:VEVENT\r\nEnd:vCalendar\r\n", same},
	{"folded", inEvent("SUMMARY:a\r\n b\r\n\tc\r\n  d\r\n"), same},
	{"folded in the name", inEvent("SUM\r\n MARY:a\r\n"), same},
	{"folded in a parameter", inEvent("ATTENDEE;CN=\"a\r\n b\":mailto:x\r\n"), same},
	{"folded at the blank", inEvent("SUMMARY:one \r\n  two\r\n"), same},
	{"folded with nothing in it", inEvent("SUMMARY:one\r\n \r\n two\r\n"), same},
	{"long line", inEvent("DESCRIPTION:" + strings.Repeat("long ", 100) + "\r\n"), same},
	{"fold within a character", inEvent("SUMMARY:caf\xc3\r\n \xa9\r\n"), inEvent("SUMMARY:café\r\n")},
	{"empty line within a fold", inEvent("SUMMARY:one\r\n\r\n two\r\n"), inEvent("SUMMARY:one\r\n two\r\n")},
	{"LF line ends", strings.ReplaceAll(inEvent("SUMMARY:one\r\n two\r\n"), "\r\n", "\n"), inEvent("SUMMARY:one\r\n two\r\n")},
	{"CR line ends", strings.ReplaceAll(inEvent("SUMMARY:one\r\n two\r\n"), "\r\n", "\r"), inEvent("SUMMARY:one\r\n two\r\n")},
	{"CR CR LF line ends", strings.ReplaceAll(inEvent("SUMMARY:one\r\n two\r\n"), "\r\n", "\r\r\n"), inEvent("SUMMARY:one\r\n two\r\n")},
	{"no last line end", strings.TrimSpace(inEvent("SUMMARY:x\r\n")), inEvent("SUMMARY:x\r\n")},
	{"BOM", "\ufeff" + inEvent("SUMMARY:x\r\n"), inEvent("SUMMARY:x\r\n")},
	{"empty lines", "\r\n\n  \r\n" + inEvent("UID:1\r\n\r\n\r\nSUMMARY:x\r\n") + "\r\n\n", inEvent("UID:1\r\nSUMMARY:x\r\n")},
	{"blanks before the start", "  " + inEvent("SUMMARY:x\r\n"), inEvent("SUMMARY:x\r\n")},
	{"blanks behind a name", "BEGIN:VCALENDAR  \r\nBEGIN:VEVENT\t\r\nEND:VEVENT \r\nEND:VCALENDAR\r\n", same},
	{"missing DTSTAMP, UID, VERSION, PRODID", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", same},
	{"parameter without value", inEvent("ATTENDEE;RSVP;CN=:mailto:a@b\r\n"), same},
	{"empty parameter", inEvent("DTSTART;:20240101\r\nDTEND;;VALUE=DATE;:20240102\r\n"), same},
	{"text behind a quote", inEvent("ATTENDEE;CN=\"a\" b:mailto:a@b\r\n"), same},
	{"quote within a value", inEvent("ATTENDEE;CN=5\" disk:mailto:a@b\r\n"), same},
	{"parameter with escapes", inEvent("X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Hauptstraße 1-5\\; 4041 Linz;X-APPLE-RADIUS=70:geo:48.3,14.3\r\n"), same},
	{"folded parameter with escapes", inEvent("X-A;X-TITLE=a\\\r\n ; b\\,\r\n  c=d\\;;E=f\\;:v\r\n"), same},
	{"parameter that ends in a backslash", inEvent("ATTACH;X-PATH=C:\\temp\\;X-B=\"a\\\",\\\\srv\\:x;y=z:1\r\n"), same},
	{"underscore and dot in names", inEvent("X_FOO.BAR;A_B=1:x\r\n"), same},
	{"empty value", inEvent("LOCATION:\r\n"), same},
	{"tab", inEvent("SUMMARY:a\tb\r\n"), same},
	{"colons and semicolons in a value", inEvent("URL:http://a:80/;b=c?d=\"e\"\r\n"), same},

	{"empty", "", "error: line 1: no VCALENDAR"},
	{"blank", " \r\n\r\n", "error: line 1: no VCALENDAR"},
	{"not iCalendar", "<html>\n", "error: line 1: no colon in “<html>”"},
	{"not iCalendar with a colon", "{\"a\": 1}\n", "error: line 1: no property name"},
	{"event alone", "BEGIN:VEVENT\r\nEND:VEVENT\r\n", "error: line 1: BEGIN:VEVENT outside a VCALENDAR"},
	{"property first", "VERSION:2.0\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "error: line 1: no BEGIN:VCALENDAR"},
	{"no end", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n", "error: line 2: BEGIN:VEVENT of line 2 has no END"},
	{"wrong end", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VTODO\r\n", "error: line 3: END:VTODO, but BEGIN:VEVENT of line 2 is open"},
	{"end too many", inEvent("END:VEVENT\r\n"), "error: line 5: END:VEVENT, but BEGIN:VCALENDAR of line 1 is open"},
	{"text behind the end", inEvent("") + "X:1\r\n", "error: line 6: text after END:VCALENDAR"},
	{"two calendars", inEvent("") + inEvent(""), "error: line 6: a second VCALENDAR"},
	{"no colon", inEvent("SUMMARY:a\r\nlost line\r\n"), "error: line 5: no colon in “lost line”"},
	{"line without a name", inEvent("meet at 10:30\r\n"), "error: line 4: no property name at the start of “meet at 10:30”"},
	{"no name", inEvent(":x\r\n"), "error: line 4: no property name before “:x”"},
	{"quote that is not closed", inEvent("ATTENDEE;CN=\"a:mailto:x\r\n"), "error: line 4: a quote is not closed: “\"a:mailto:x”"},
	{"parameter without a name", inEvent("ATTENDEE;=a:x\r\n"), "error: line 4: not a parameter: “=a:x”"},
	{"parameters without a colon", inEvent("ATTENDEE;A=B;C=\"x:y\"\r\n"), "error: line 4: no colon"},
	{"NUL", inEvent("SUMMARY:a\x00b\r\n"), "error: line 4: control character 0x00"},
	{"control character in a fold", inEvent("UID:1\r\nSUMMARY:12345678901234567890\r\n a\x07b\r\n"), "error: line 5: control character 0x07"},
	{"DEL", inEvent("SUMMARY:a\x7fb\r\n"), "error: line 4: control character 0x7F"},
	{"lone CR in a value", inEvent("SUMMARY:a\rb\r\n"), "error: line 4: control character 0x0D"},
	{"not UTF-8", inEvent("UID:1\r\nSUMMARY:caf\xe9\r\n"), "error: line 5: not UTF-8"},
	{"no name of a component", "BEGIN:VCALENDAR\r\nBEGIN:\r\nEND:\r\nEND:VCALENDAR\r\n", "error: line 2: BEGIN of a component: no name"},
}

func TestDecode(t *testing.T) {
	for _, tt := range awkward {
		t.Run(tt.name, func(t *testing.T) {
			cal, err := Decode([]byte(tt.src), Limits{})
			if want, isError := strings.CutPrefix(tt.want, "error: "); isError {
				if err == nil || !strings.HasPrefix(err.Error(), want) {
					t.Fatalf("error %v, want %s", err, want)
				}
				if _, ok := errors.AsType[*SyntaxError](err); !ok {
					t.Errorf("error is a %T", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want == same {
				want = tt.src
			}
			if diff := cmp.Diff(want, string(cal.Append(nil))); diff != "" {
				t.Errorf("encoded (-want +got):\n%s", diff)
			}
			again, err := Decode(cal.Append(nil), Limits{})
			if err != nil || !again.Equal(cal) {
				t.Errorf("decoded again: %v, or different", err)
			}
			if !cal.Clone().Equal(cal) || string(cal.Clone().Append(nil)) != string(cal.Append(nil)) {
				t.Error("the clone is different")
			}
		})
	}
}

func TestDecodeValues(t *testing.T) {
	for _, tt := range []struct {
		line string
		want Property
	}{
		{"summary:a\\, b", Property{Name: "SUMMARY", Value: "a\\, b"}},
		{"SUM\r\n MARY:caf\xc3\r\n \xa9", Property{Name: "SUMMARY", Value: "café"}},
		{"A;b=c;D=\"e;f\",g,\"\":h", Property{Name: "A", Params: []Param{{"B", []string{"c"}}, {"D", []string{"e;f", "g", ""}}}, Value: "h"}},
		{"A;B=J ^'Jim^' ^^^n^x^:h", Property{Name: "A", Params: []Param{{"B", []string{"J \"Jim\" ^\n^x^"}}}, Value: "h"}},
		{"A;B;C=:h", Property{Name: "A", Params: []Param{{"B", nil}, {"C", []string{""}}}, Value: "h"}},
		{"A;;B=1;:h", Property{Name: "A", Params: []Param{{"B", []string{"1"}}}, Value: "h"}},
		{"A;B=\"x\" y,5\"z:h", Property{Name: "A", Params: []Param{{"B", []string{"x y", "5\"z"}}}, Value: "h"}},
		{`A;B=x 1-5\; 4041 y;C=70:h`, Property{Name: "A", Params: []Param{{"B", []string{`x 1-5\; 4041 y`}}, {"C", []string{"70"}}}, Value: "h"}},
		{`A;B=x\, y\,,z:h`, Property{Name: "A", Params: []Param{{"B", []string{`x\, y\,`, "z"}}}, Value: "h"}},
		{`A;B=x\;C=\;D\; =y:h`, Property{Name: "A", Params: []Param{{"B", []string{`x\`}}, {"C", []string{`\;D\; =y`}}}, Value: "h"}},
		{`A;B=\\s\x\:h;C=1:2`, Property{Name: "A", Params: []Param{{"B", []string{`\\s\x\`}}}, Value: "h;C=1:2"}},
		{`A;B="x\";C="\"\;y,z:h`, Property{Name: "A", Params: []Param{{"B", []string{`x\`}}, {"C", []string{`\\;y`, "z"}}}, Value: "h"}},
	} {
		cal, err := Decode([]byte(inEvent(tt.line+"\r\n")), Limits{})
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		if got := &cal.Children[0].Props[0]; !got.Equal(&tt.want) {
			t.Errorf("%q = %+v, want %+v", tt.line, got, tt.want)
		}
	}
}

// What stands in place of quotes is put into quotes where the line is written
// anew: in an edited copy, and in one that comes from jCal.
func TestEscapedParamIsQuoted(t *testing.T) {
	cal, err := Decode([]byte(inEvent("X-A;X-TITLE=a 1\\; b\\, c;X-DIR=d\\;X-B=e:v\r\n")), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := inEvent("X-A;X-TITLE=\"a 1\\; b\\, c\";X-DIR=\"d\\\";X-B=e:w\r\n")
	edited := cal.Clone()
	edited.Children[0].SetValue("X-A", "w")
	if got := string(edited.Append(nil)); got != want {
		t.Errorf("edited: %s", got)
	}
	viaJCal, err := DecodeJCal(edited.AppendJCal(nil), Limits{})
	if err != nil || string(viaJCal.Append(nil)) != want {
		t.Errorf("from jCal: %v\n%s", err, viaJCal.Append(nil))
	}
	removed := cal.Clone()
	removed.Children[0].Props[0].RemoveParam("X-B")
	again, err := Decode(removed.Append(nil), Limits{})
	if err != nil || !again.Equal(removed) {
		t.Errorf("without the parameter behind: %v\n%s", err, removed.Append(nil))
	}
}

func TestLimits(t *testing.T) {
	src := []byte(inEvent("A;X=1,2;Y=3:x\r\n"))
	for _, tt := range []struct {
		lim  Limits
		want string
	}{
		{Limits{Bytes: len(src), LineBytes: 15, Depth: 2, Components: 2, Properties: 2, ParamValues: 5}, ""},
		{Limits{Bytes: len(src) - 1}, "line 1: more than 85 bytes: over the limit"},
		{Limits{LineBytes: 14}, "line 1: more than 14 bytes in a line: over the limit"},
		{Limits{Depth: 1}, "line 3: more than 1 components within each other: over the limit"},
		{Limits{Components: 1}, "line 3: more than 1 components: over the limit"},
		{Limits{Properties: 1}, "line 4: more than 1 properties: over the limit"},
		{Limits{ParamValues: 4}, "line 4: more than 4 parameter values: over the limit"},
	} {
		_, err := Decode(src, tt.lim)
		if tt.want == "" && err == nil {
			continue
		}
		if err == nil || err.Error() != tt.want || !errors.Is(err, ErrLimit) {
			t.Errorf("%+v: %v, want %s", tt.lim, err, tt.want)
		}
	}
}

func TestDecodeAll(t *testing.T) {
	src := inEvent("UID:1\r\n") + "\r\n" + inEvent("UID:2\r\n")
	all, err := DecodeAll([]byte(src), Limits{})
	if err != nil || len(all) != 2 || all[1].Children[0].Prop("UID").Value != "2" {
		t.Errorf("%d calendars, %v", len(all), err)
	}
}

// Many lines that belong together must not cost more than the others.
func TestDecodeIsLinear(t *testing.T) {
	for _, lines := range []string{"\r\n", " \r\n", "X:\r\n\r\n ", "A;;;;;;;;:\r\n", "BEGIN:A\r\nEND:A\r\n"} {
		src := inEvent("X:1\r\n" + strings.Repeat(lines, 1<<20/len(lines)) + "\r\n")
		_, err := Decode([]byte(src), Limits{Components: 1 << 20, Properties: 1 << 20, ParamValues: 1 << 24})
		if err != nil {
			t.Errorf("%.10q: %v", lines, err)
		}
	}
}
