package ical

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lines and their jCal. Both ways, if back is empty; else the line that comes
// back is back.
func TestJCalProperty(t *testing.T) {
	for _, tt := range []struct{ line, jcal, back string }{
		{`SUMMARY:a\, b\nc "d"`, `["summary",{},"text","a, b\nc \"d\""]`, ""},
		{`SUMMARY;LANGUAGE=de:x`, `["summary",{"language":"de"},"text","x"]`, ""},
		{`summary:x,y`, `["summary",{},"text","x,y"]`, `SUMMARY:x\,y`},
		{`CATEGORIES:a,b\,c`, `["categories",{},"text","a","b,c"]`, ""},
		{`ATTENDEE;MEMBER="mailto:a@b","mailto:c@d";RSVP=TRUE;CN=J ^'J^':mailto:e@f`,
			`["attendee",{"member":["mailto:a@b","mailto:c@d"],"rsvp":"TRUE","cn":"J \"J\""},"cal-address","mailto:e@f"]`, ""},
		{`DTSTART;TZID=Europe/Berlin:20240101T100000`, `["dtstart",{"tzid":"Europe/Berlin"},"date-time","2024-01-01T10:00:00"]`, ""},
		{`DTSTART:20240101T100000Z`, `["dtstart",{},"date-time","2024-01-01T10:00:00Z"]`, ""},
		{`DTSTART;VALUE=DATE:20240101`, `["dtstart",{},"date","2024-01-01"]`, ""},
		{`DTSTART:20240101`, `["dtstart",{},"date","2024-01-01"]`, `DTSTART;VALUE=DATE:20240101`},
		{`DTSTART;VALUE=DATE-TIME:20240101T100000`, `["dtstart",{},"date-time","2024-01-01T10:00:00"]`, `DTSTART:20240101T100000`},
		{`DTSTART:soon`, `["dtstart",{},"date-time","soon"]`, ""},
		{`EXDATE;VALUE=DATE:20240101,20240102`, `["exdate",{},"date","2024-01-01","2024-01-02"]`, ""},
		{`RDATE;VALUE=PERIOD:20240101T100000Z/PT1H,20240102T100000Z/20240102T110000Z`,
			`["rdate",{},"period",["2024-01-01T10:00:00Z","PT1H"],["2024-01-02T10:00:00Z","2024-01-02T11:00:00Z"]]`, ""},
		{`FREEBUSY;FBTYPE=FREE:19970308T160000Z/P1D`, `["freebusy",{"fbtype":"FREE"},"period",["1997-03-08T16:00:00Z","P1D"]]`, ""},
		{`DURATION:PT1H`, `["duration",{},"duration","PT1H"]`, ""},
		{`TRIGGER;RELATED=END:-PT5M`, `["trigger",{"related":"END"},"duration","-PT5M"]`, ""},
		{`TRIGGER;VALUE=DATE-TIME:20240101T100000Z`, `["trigger",{},"date-time","2024-01-01T10:00:00Z"]`, ""},
		{`TRIGGER:20240101T100000Z`, `["trigger",{},"date-time","2024-01-01T10:00:00Z"]`, `TRIGGER;VALUE=DATE-TIME:20240101T100000Z`},
		{`RRULE:FREQ=YEARLY;COUNT=5;BYDAY=-1SU,2MO;BYMONTH=10`,
			`["rrule",{},"recur",{"freq":"YEARLY","count":5,"byday":["-1SU","2MO"],"bymonth":10}]`, ""},
		{`RRULE:FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1,15,-1;UNTIL=20131001`,
			`["rrule",{},"recur",{"freq":"MONTHLY","interval":2,"bymonthday":[1,15,-1],"until":"2013-10-01"}]`, ""},
		{`RRULE:FREQ=DAILY;UNTIL=20131001T120000Z;`, `["rrule",{},"recur",{"freq":"DAILY","until":"2013-10-01T12:00:00Z"}]`,
			`RRULE:FREQ=DAILY;UNTIL=20131001T120000Z`},
		{`RRULE:RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=5L,6`, `["rrule",{},"recur",{"rscale":"CHINESE","freq":"YEARLY","bymonth":["5L",6]}]`, ""},
		{`RRULE:nonsense`, `["rrule",{},"recur","nonsense"]`, ""},
		{`GEO:37.386013;-122.082932`, `["geo",{},"float",[37.386013,-122.082932]]`, ""},
		{`REQUEST-STATUS:2.0;Success`, `["request-status",{},"text",["2.0","Success"]]`, ""},
		{`REQUEST-STATUS:3.7;Invalid\; user;ATTENDEE:mailto:j@e`, `["request-status",{},"text",["3.7","Invalid; user","ATTENDEE:mailto:j@e"]]`, ""},
		{`TZOFFSETFROM:-0500`, `["tzoffsetfrom",{},"utc-offset","-05:00"]`, ""},
		{`TZOFFSETTO:+005328`, `["tzoffsetto",{},"utc-offset","+00:53:28"]`, ""},
		{`PRIORITY:5`, `["priority",{},"integer",5]`, ""},
		{`PRIORITY:05`, `["priority",{},"integer",5]`, `PRIORITY:5`},
		{`SEQUENCE:high`, `["sequence",{},"integer","high"]`, ""},
		{`URL:http://a/b?c=d,e;f`, `["url",{},"uri","http://a/b?c=d,e;f"]`, ""},
		{`ATTACH;ENCODING=BASE64;VALUE=BINARY:SGVsbG8=`, `["attach",{"encoding":"BASE64"},"binary","SGVsbG8="]`, `ATTACH;VALUE=BINARY;ENCODING=BASE64:SGVsbG8=`},
		{`X-NON-SMOKING;VALUE=BOOLEAN:TRUE`, `["x-non-smoking",{},"boolean",true]`, ""},
		{`X-GRADE;VALUE=FLOAT:1.30`, `["x-grade",{},"float",1.30]`, ""},
		{`X-AT;VALUE=TIME:123000Z`, `["x-at",{},"time","12:30:00Z"]`, ""},
		{`X-TEXT;VALUE=TEXT:a\, b`, `["x-text",{},"text","a, b"]`, ""},
		{`X-FOO;X-B=1:a\,b;c`, `["x-foo",{"x-b":"1"},"unknown","a\\,b;c"]`, ""},
		{`REFRESH-INTERVAL;VALUE=DURATION:P1D`, `["refresh-interval",{},"duration","P1D"]`, ""},
		{`CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:tel:1`, `["conference",{"feature":["AUDIO","VIDEO"]},"uri","tel:1"]`, ""},
	} {
		cal, err := Decode([]byte(inEvent(tt.line+"\r\n")), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		event := cal.Children[0]
		const frame = `["vevent",[`
		got := string(event.AppendJCal(nil))
		if want := frame + tt.jcal + `],[]]`; got != want {
			t.Errorf("%s\n got %s\nwant %s", tt.line, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: not JSON: %s", tt.line, got)
		}
		back, err := DecodeJCal([]byte(`["vcalendar",[],[["vevent",[`+tt.jcal+`],[]]]]`), Limits{})
		if err != nil {
			t.Errorf("%s: %v", tt.jcal, err)
			continue
		}
		want := tt.back
		if want == "" {
			want = tt.line
		}
		line := unfoldString(strings.TrimSpace(string(back.Children[0].Props[0].append(nil))))
		if line != want {
			t.Errorf("%s\n got %s\nwant %s", tt.jcal, line, want)
		}
	}
}

func TestJCalFile(t *testing.T) {
	cal, err := Decode(readFile(t, "testdata/event.ics"), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := cal.MarshalJCal()
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := errors.Join(json.Unmarshal(data, &got), json.Unmarshal(readFile(t, "testdata/event.json"), &want)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	back, err := DecodeJCal(data, Limits{})
	if err != nil || !back.Equal(cal) {
		t.Errorf("from jCal: %v, or different:\n%s", err, back.Append(nil))
	}
}

func TestDecodeJCal(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{`["vcalendar",[],[]]`, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		{`["vcalendar",[]]`, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		{`[["vcalendar",[],[]]]`, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		{`["VCALENDAR",[["X",{"A":["b"]},"Text","c"]],[]]`, "BEGIN:VCALENDAR\r\nX;VALUE=TEXT;A=b:c\r\nEND:VCALENDAR\r\n"},
		{`["vcalendar",[["dtstart",{},"date-time","20240101T100000Z"]],[]]`, "BEGIN:VCALENDAR\r\nDTSTART:20240101T100000Z\r\nEND:VCALENDAR\r\n"},
		{`["vcalendar",[["freebusy",{},"period","2024-01-01T10:00:00Z/PT1H"]],[]]`, "BEGIN:VCALENDAR\r\nFREEBUSY:20240101T100000Z/PT1H\r\nEND:VCALENDAR\r\n"},
		{`["vcalendar",[["adr",{},"text",["a",["b","c"],"d;e"]]],[]]`, "BEGIN:VCALENDAR\r\nADR;VALUE=TEXT:a;b,c;d\\;e\r\nEND:VCALENDAR\r\n"},
		{`["vcalendar",[["x",{"a":5,"b":true,"value":"DATE"},"unknown","c\r\nEND:VCALENDAR"]],[]]`, "BEGIN:VCALENDAR\r\nX;A=5;B=TRUE:c\\nEND:VCALENDAR\r\nEND:VCALENDAR\r\n"},
		{"", "error: line 1: not JSON: unexpected EOF"},
		{"[\n\"vcalendar\",\n[}", "error: line 3: not JSON"},
		{`{}`, "error: line 1: not a component"},
		{`["vevent",[],[]]`, "error: line 1: VEVENT outside a vcalendar"},
		{`["vcalendar",[],[]] x`, "error: line 1: text after the end"},
		{`[["vcalendar",[],[]],["vcalendar",[],[]]]`, "error: line 1: a second vcalendar"},
		{`["vcalendar",[["x",{},"text"]],[]]`, "error: line 1: not a property"},
		{`["vcalendar",[["x y",{},"text","a"]],[]]`, "error: line 1: property: “X Y” is not a name"},
		{`["vcalendar",[["end",{},"text","a"]],[]]`, "error: line 1: a property cannot be named END"},
		{`["vcalendar",[["x",{"a:b":"c"},"text","a"]],[]]`, "error: line 1: parameter: “A:B” is not a name"},
		{`["vcalendar",[["x",{"a":{}},"text","a"]],[]]`, "error: line 1: parameter a is not a string"},
		{`["vcalendar",[["x",{"a":"\u0001"},"text","a"]],[]]`, "error: line 1: control character in parameter a"},
		{`["vcalendar",[["x",{},"a:b","a"]],[]]`, "error: line 1: type: “a:b” is not a name"},
		{`["vcalendar",[["x",{},"text","\u0000"]],[]]`, "error: line 1: control character in a value"},
		{`["vcalendar",[["url",{},"uri","a\nb"]],[]]`, "error: line 1: line end in a value of type uri"},
		{`["vcalendar",[["x",{},"text",null]],[]]`, "error: line 1: null as a value"},
		{`["vcalendar",[["x",{},"text",{}]],[]]`, "error: line 1: an object as a value of type text"},
		{`["vcalendar",[["rrule",{},"recur",{"freq":"A;B"}]],[]]`, "error: line 1: rule part freq is not a string or number"},
		{`["vcalendar",[["x",{},"text",[[["a"]]]]],[]]`, "error: line 1: a value with arrays in arrays of arrays"},
		{strings.Repeat("[", 1000), "error: line 1: more than 39 arrays within each other: over the limit"},
	} {
		cal, err := DecodeJCal([]byte(tt.src), Limits{})
		if want, isError := strings.CutPrefix(tt.want, "error: "); isError {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", tt.src, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		if got := string(cal.Append(nil)); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.src, got, tt.want)
		}
	}
}

func BenchmarkJCal(b *testing.B) {
	src := readFile(b, "testdata/event.ics")
	cal, err := Decode(src, Limits{})
	if err != nil {
		b.Fatal(err)
	}
	data := cal.AppendJCal(nil)
	b.Run("encode", func(b *testing.B) {
		var dst []byte
		b.ReportAllocs()
		for b.Loop() {
			dst = cal.AppendJCal(dst[:0])
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeJCal(data, Limits{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
