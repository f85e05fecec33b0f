package calquery

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// exampleZone is the zone of the calendar in RFC 4791's examples.
func exampleZone(t testing.TB) *ical.Zone {
	t.Helper()
	z, err := ical.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestRFC4791Examples carries out the queries of RFC 4791 §7.8 on the objects of
// its Appendix B, and compares the answers with those printed there.
func TestRFC4791Examples(t *testing.T) {
	objects := appendixB(t)
	for _, section := range []string{"7.8.1", "7.8.2", "7.8.3", "7.8.4", "7.8.5", "7.8.6", "7.8.7", "7.8.8", "7.8.9"} {
		t.Run(section, func(t *testing.T) {
			query := parse(t, "testdata/rfc4791/"+section+"-request.xml")
			want := answers(parse(t, "testdata/rfc4791/"+section+"-response.xml"))
			got := run(t, query, objects)
			for name, text := range got {
				if wanted, ok := want[name]; !ok {
					t.Errorf("%s matches", name)
				} else {
					compareCalendars(t, name, text, wanted)
				}
			}
			for name := range want {
				if _, ok := got[name]; !ok {
					t.Errorf("%s does not match", name)
				}
			}
		})
	}
}

// TestRFC4791Unsupported has the filter of §7.8.10, which is to be refused there
// because the server does not know the property. This one takes every property.
func TestRFC4791Unsupported(t *testing.T) {
	query := parse(t, "testdata/rfc4791/7.8.10-request.xml")
	if _, err := ParseFilter(query.Child(webdav.CalDAV("filter"))); err != nil {
		t.Error(err)
	}
}

func TestRFC4791FreeBusy(t *testing.T) {
	got, err := ParseFreeBusyQuery(parse(t, "testdata/rfc4791/7.10.1-request.xml"))
	want := TimeRange{1136383200, 1136498400}
	if got != want || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func parse(t testing.TB, file string) *webdav.Element {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := webdav.ParseXML(b, webdav.DefaultXMLLimits)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return e
}

func object(t testing.TB, text string) *ical.Object {
	t.Helper()
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func appendixB(t testing.TB) map[string]*ical.Object {
	t.Helper()
	files, err := filepath.Glob("testdata/rfc4791/*.ics")
	if err != nil || len(files) != 8 {
		t.Fatal(files, err)
	}
	objects := map[string]*ical.Object{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		objects[filepath.Base(f)] = object(t, string(b))
	}
	return objects
}

// answers returns the calendar-data, or an empty text, of each response.
func answers(multistatus *webdav.Element) map[string]string {
	list := map[string]string{}
	for r := range multistatus.ChildrenNamed(webdav.NameResponse) {
		prop := r.Child(webdav.DAV("propstat")).Child(webdav.NameProp)
		list[path.Base(r.Child(webdav.NameHref).TrimText())] = prop.Child(webdav.CalDAV("calendar-data")).TrimText()
	}
	return list
}

// run answers a calendar-query, and checks on the way that the plan for the index
// excludes nothing that matches, and is not called exact when it is not.
func run(t *testing.T, query *webdav.Element, objects map[string]*ical.Object) map[string]string {
	t.Helper()
	filter, err := ParseFilter(query.Child(webdav.CalDAV("filter")))
	if err != nil {
		t.Fatal(err)
	}
	zone, err := ParseTimezone(query)
	if err != nil {
		t.Fatal(err)
	}
	if zone == nil {
		zone = exampleZone(t)
	}
	var data *DataRequest
	if e := query.Child(webdav.NameProp).Child(webdav.CalDAV("calendar-data")); e != nil {
		if data, err = ParseCalendarData(e); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]string{}
	for name, o := range objects {
		ok := match(t, filter, o, zone)
		if !ok {
			continue
		}
		got[name] = ""
		if data != nil {
			text, err := data.Render(o, zone, ical.NewBudget(100000))
			if err != nil {
				t.Fatal(err)
			}
			got[name] = string(text)
		}
	}
	return got
}

// match is Filter.Match, compared with what the plan says.
func match(t *testing.T, f *Filter, o *ical.Object, zone *ical.Zone) bool {
	t.Helper()
	ok, err := f.Match(o, zone, ical.NewBudget(100000))
	if err != nil {
		if !errors.Is(err, ical.ErrBudget) {
			t.Fatal(err)
		}
		return false
	}
	p := f.Plan()
	admitted := !p.None && admits(t, p, o, zone)
	withUID := admitted && (p.UID == nil || p.UID(o.UID))
	switch {
	case ok && !withUID:
		t.Errorf("%s matches, but the plan %+v excludes it", o.UID, p)
	case p.Exact && admitted != ok, p.ExactUID && withUID != ok:
		t.Errorf("%s: match %v, but the plan %+v is called exact", o.UID, ok, p)
	}
	return ok
}

// admits does what an index does with a plan.
func admits(t *testing.T, p Plan, o *ical.Object, zone *ical.Zone) bool {
	t.Helper()
	if p.Components != nil {
		found := false
		for _, name := range p.Components {
			found = found || name == o.Kind
		}
		if !found {
			return false
		}
	}
	if p.Alarm && !strings.Contains(string(o.Calendar.Append(nil)), "BEGIN:VALARM") {
		return false
	}
	if p.TimeRange == everything {
		return true
	}
	s, err := o.Series()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Instances(p.From, p.To, zone, ical.NewBudget(100000)) {
		if err != nil {
			t.Fatal(err)
		}
		return true
	}
	return false
}

// compareCalendars compares two calendars but for the order of their components
// and properties.
func compareCalendars(t *testing.T, name, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := sorted(t, got), sorted(t, want)
	if a != b {
		t.Errorf("%s:\n%s\nwant:\n%s", name, a, b)
	}
}

// sorted returns the content lines of a calendar in alphabetical order.
func sorted(t *testing.T, text string) string {
	t.Helper()
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	lines := strings.Split(strings.TrimSpace(string(cal.Append(nil))), "\r\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
