package caldav_test

import (
	"regexp"
	"strings"
	"testing"
)

// A row is a request and what has to come back. Its name says of which section.
type row struct {
	name               string
	user               string // "": ann
	method, path, body string
	header             []string // "Name: value"
	status             int
	want               []string // what the body has in it
	not                []string // what it has not
}

// rows sends the requests one after the other: each sees what those before it did.
func (e *env) rows(t *testing.T, list []row) {
	t.Helper()
	for _, tt := range list {
		t.Run(tt.name, func(t *testing.T) {
			user := tt.user
			if user == "" {
				user = "ann"
			}
			got := e.do(user, tt.method, tt.path, tt.body, tt.header...)
			if got.Status != tt.status {
				t.Errorf("%s %s = %d %s, want %d", tt.method, tt.path, got.Status, got.Body, tt.status)
			}
			body := declarations.ReplaceAllString(got.Body, "")
			for _, want := range tt.want {
				if !strings.Contains(body, want) {
					t.Errorf("no %q in %s", want, got.Body)
				}
			}
			for _, not := range tt.not {
				if strings.Contains(got.Body, not) {
					t.Errorf("%q in %s", not, got.Body)
				}
			}
		})
	}
}

// declarations are those of namespaces, which stand where a prefix is first used.
var declarations = regexp.MustCompile(` xmlns(:\w+)?="[^"]*"`)

// Namespaces of what tests send.
const davNS = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/" xmlns:M="http://me.com/_namespace/" xmlns:x="urn:x"`

// element is <name>inner</name> with the namespaces of davNS.
func element(name, inner string) string { return "<" + name + davNS + ">" + inner + "</" + name + ">" }

// setting is a body that sets properties: of PROPPATCH, MKCOL or MKCALENDAR.
func setting(root, props string) string {
	return element(root, "<D:set><D:prop>"+props+"</D:prop></D:set>")
}

// task is a to-do without times.
func task(uid string) string {
	return strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VTODO", "UID:" + uid,
		"DTSTAMP:20260101T000000Z", "SUMMARY:" + uid, "END:VTODO", "END:VCALENDAR", ""}, "\r\n")
}
