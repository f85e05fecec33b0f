package webdav

import (
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRFCRequests parses the requests printed in the RFCs, and compares what was
// understood with the .txt beside each.
func TestRFCRequests(t *testing.T) {
	for _, file := range files(t, "testdata/rfc/*-request.xml", "testdata/clients/*.xml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".xml"), func(t *testing.T) {
			root, err := ParseXML(read(t, file), DefaultXMLLimits)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(file, ".xml")+".txt", describe(root))
		})
	}
}

// badExamples are printed with a mistake in the RFC.
var badExamples = map[string]string{
	"rfc4791-7.8.10-response.xml": "prefix D is not declared",
}

// TestRFCRoundTrip writes every example anew, as a stored fragment and within a
// document, and expects the same tree from both.
func TestRFCRoundTrip(t *testing.T) {
	for _, file := range files(t, "testdata/rfc/*.xml", "testdata/clients/*.xml") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".xml"), func(t *testing.T) {
			root, err := ParseXML(read(t, file), DefaultXMLLimits)
			if want, bad := badExamples[filepath.Base(file)]; bad {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Fatalf("error %v, want %s", err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkRoundTrip(t, root)
		})
	}
}

func files(t *testing.T, patterns ...string) []string {
	t.Helper()
	var all []string
	for _, p := range patterns {
		list, err := filepath.Glob(p)
		if err != nil || len(list) == 0 {
			t.Fatalf("%s: no files, %v", p, err)
		}
		all = append(all, list...)
	}
	return all
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := string(read(t, file)); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func checkRoundTrip(t *testing.T, e *Element) {
	t.Helper()
	want := canonical(e)
	fragment := e.Append(nil)
	w := NewWriter(nil)
	w.Start(NameMultistatus)
	w.Raw(fragment)
	w.Element(e)
	w.End()
	outer, err := ParseXML(w.Bytes(), DefaultXMLLimits)
	if err != nil {
		t.Fatalf("%v in %s", err, w.Bytes())
	}
	for i, c := range outer.Children {
		if got := canonical(c); got != want {
			t.Errorf("copy %d:\n%s\nwant:\n%s", i, got, want)
		}
	}
	alone, err := ParseXML(fragment, DefaultXMLLimits)
	if err != nil {
		t.Fatalf("%v in %s", err, fragment)
	}
	if got := canonical(alone); got != want {
		t.Errorf("alone:\n%s\nwant:\n%s", got, want)
	}
	if again := string(alone.Append(nil)); again != string(fragment) {
		t.Errorf("stored twice:\n%s\nwant:\n%s", again, fragment)
	}
}

// canonical writes all that RFC 4918 §4.3 says must be kept, and nothing else.
func canonical(e *Element) string {
	if e.IsText() {
		return fmt.Sprintf("%q", e.Text)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "{%s}%s[", e.Name.Space, e.Name.Local)
	for _, a := range e.Attrs {
		fmt.Fprintf(&b, "{%s}%s=%q ", a.Name.Space, a.Name.Local, a.Value)
	}
	fmt.Fprintf(&b, "]%q(", e.Text)
	for _, c := range e.Children {
		b.WriteString(canonical(c))
	}
	b.WriteString(")")
	return b.String()
}

// describe says what the package understands of a request body.
func describe(root *Element) string {
	v, err := understand(root)
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return "not a *webdav.Error: " + err.Error()
		}
		return e.Error() + "\n"
	}
	return v
}

func understand(root *Element) (string, error) {
	switch root.Name {
	case NamePropfind:
		r, err := ParsePropfind(root)
		return describeProps(r), err
	case NamePropertyUpdate:
		list, err := ParsePropertyUpdate(root)
		var b strings.Builder
		for _, u := range list {
			verb := "set"
			if u.Remove {
				verb = "remove"
			}
			fmt.Fprintf(&b, "%s %s\n", verb, u.Prop)
		}
		return b.String(), err
	case NameMkcol, NameMkcalendar:
		parse := ParseMkcol
		if root.Name == NameMkcalendar {
			parse = ParseMkcalendar
		}
		r, err := parse(root)
		return "type " + names(r.ResourceType()) + "\n" + elements("set", r.Props), err
	case ReportSyncCollection:
		r, err := ParseSync(root, Depth1)
		return fmt.Sprintf("sync level %v token %q limit %d\n", r.Level, r.Token, r.Limit) + elements("prop", r.Props), err
	case ReportCalendarMultiget:
		r, err := ParseMultiget(root)
		return describeProps(r.PropfindRequest) + "href " + strings.Join(r.Hrefs, "\nhref ") + "\n", err
	case ReportExpandProperty:
		r, err := ParseExpandProperty(root)
		return expansion(r, ""), err
	}
	return understandPrincipal(root)
}

func understandPrincipal(root *Element) (string, error) {
	switch root.Name {
	case ReportPrincipalMatch:
		r, err := ParsePrincipalMatch(root)
		return fmt.Sprintf("match self %v property %v\n", r.Self, r.Property) + elements("prop", r.Props), err
	case ReportPrincipalPropertySearch:
		r, err := ParsePrincipalSearch(root)
		s := fmt.Sprintf("any %v type %q limit %d collections %v\n", r.AnyOf, r.CUType, r.Limit, r.CollectionSet)
		for _, p := range r.Searches {
			s += fmt.Sprintf("search %s for %q type %d case %v\n", names(p.Props), p.Match, p.Type, p.CaseSensitive)
		}
		return s + elements("prop", r.Props), err
	case ReportPrincipalSearchPropertySet:
		return "search properties\n", ParsePrincipalSearchPropertySet(root)
	case ReportCalendarServerPrincipalFind:
		r, err := ParseTokenSearch(root)
		return fmt.Sprintf("tokens %q context %q limit %d collections %v\n", r.Tokens, r.Context, r.Limit, r.CollectionSet) +
			elements("prop", r.Props), err
	case ReportACLPrincipalPropSet:
		r, err := ParseACLPrincipalPropSet(root)
		return describeProps(r), err
	}
	r, err := ParseProps(root)
	return describeProps(r), err
}

func describeProps(r PropfindRequest) string {
	return fmt.Sprintf("all %v names %v\n", r.AllProp, r.PropName) + elements("include", r.Include) + elements("prop", r.Props)
}

func elements(label string, list []*Element) string {
	var b strings.Builder
	for _, e := range list {
		fmt.Fprintf(&b, "%s %s\n", label, e)
	}
	return b.String()
}

func names(list []xml.Name) string {
	var s []string
	for _, n := range list {
		s = append(s, "{"+n.Space+"}"+n.Local)
	}
	return strings.Join(s, " ")
}

func expansion(list []ExpandRequest, indent string) string {
	var b strings.Builder
	for _, r := range list {
		fmt.Fprintf(&b, "%s{%s}%s\n%s", indent, r.Name.Space, r.Name.Local, expansion(r.Properties, indent+"  "))
	}
	return b.String()
}
