package caldav_test

import (
	"encoding/xml"
	"strings"
	"testing"

	"convene/delegation"
)

// patchOf is a PROPPATCH that sets a property, or removes it if value is "".
func patchOf(value, name string) string {
	if value == "" {
		return element("D:propertyupdate", "<D:remove><D:prop><"+name+"/></D:prop></D:remove>")
	}
	return setting("D:propertyupdate", "<"+name+">"+value+"</"+name+">")
}

// wantValue wants a property's text for a user; "": it is not there.
func (e *env) wantValue(user, path, name, want string) {
	e.t.Helper()
	ask := element("D:propfind", "<D:prop><"+name+"/></D:prop>")
	var ms struct {
		Propstat []struct {
			Status string `xml:"DAV: status"`
			Prop   struct {
				Any []struct {
					Text string `xml:",chardata"`
				} `xml:",any"`
			} `xml:"DAV: prop"`
		} `xml:"DAV: response>propstat"`
	}
	body := e.must(207, user, "PROPFIND", path, ask, "Depth: 0").Body
	if err := xml.Unmarshal([]byte(body), &ms); err != nil || len(ms.Propstat) != 1 || len(ms.Propstat[0].Prop.Any) != 1 {
		e.t.Fatalf("%s: %v", body, err)
	}
	got := ms.Propstat[0].Prop.Any[0].Text
	if !strings.Contains(ms.Propstat[0].Status, " 200 ") {
		got = ""
	}
	if got != want {
		e.t.Errorf("%s of %s for %s is %q, want %q:\n%s", name, path, user, got, want, body)
	}
}

// How a calendar looks each of its users says for themselves. What nobody has said is
// as for the owner, and what the owner has said nothing of is not there.
func TestPersonalProperties(t *testing.T) {
	for _, name := range []string{"A:calendar-color", "A:calendar-order", "C:default-alarm-vevent-datetime", "C:default-alarm-vtodo-date"} {
		t.Run(name, func(t *testing.T) {
			e := newCompany(t)
			one, two, three := "1", "2", "3"
			if strings.HasPrefix(name, "C:") {
				alarm := func(minutes string) string {
					return "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:x\nTRIGGER:-PT" + minutes + "M\nEND:VALARM"
				}
				one, two, three = alarm("1"), alarm("2"), alarm("3")
			}
			e.delegate("ann", "bob", delegation.LevelWrite)
			e.delegate("ann", "dan", delegation.LevelRead)
			e.must(207, "dan", "PROPPATCH", annWork, patchOf(three, name))
			e.wantValue("dan", annWork, name, three)
			e.wantValue("ann", annWork, name, "")
			e.wantValue("bob", annWork, name, "")

			e.must(207, "ann", "PROPPATCH", annWork, patchOf(one, name))
			e.wantValue("ann", annWork, name, one)
			e.wantValue("bob", annWork, name, one)
			e.wantValue("dan", annWork, name, three)

			e.must(207, "bob", "PROPPATCH", annWork, patchOf(two, name))
			e.wantValue("ann", annWork, name, one)
			e.wantValue("bob", annWork, name, two)
			e.must(207, "ann", "PROPPATCH", annWork, patchOf("", name))
			e.wantValue("ann", annWork, name, "")
			e.wantValue("bob", annWork, name, two)
			e.must(207, "bob", "PROPPATCH", annWork, patchOf("", name))
			e.wantValue("bob", annWork, name, "")
			e.wantValue("dan", annWork, name, three)

			// They travel with the calendar, and go with it.
			e.must(201, "ann", "MOVE", annWork, "", "Destination: /calendars/users/ann/play/")
			e.wantValue("dan", "/calendars/users/ann/play/", name, three)
			e.must(204, "ann", "DELETE", "/calendars/users/ann/play/2.ics", "") // a UID is once in a home
			e.must(201, "ann", "COPY", "/calendars/users/ann/play/", "", "Destination: /calendars/users/ann/copy/")
			e.wantValue("dan", "/calendars/users/ann/copy/", name, "")
			e.must(204, "ann", "DELETE", "/calendars/users/ann/play/", "")
			e.must(201, "ann", "MKCALENDAR", "/calendars/users/ann/play/", "")
			e.wantValue("dan", "/calendars/users/ann/play/", name, "")
		})
	}
}

// A delegate who makes a calendar says how it looks to everybody.
func TestPersonalPropertiesOfNewCalendar(t *testing.T) {
	e := newCompany(t)
	e.delegate("ann", "bob", delegation.LevelWrite)
	e.must(201, "bob", "MKCALENDAR", "/calendars/users/ann/new/",
		setting("C:mkcalendar", "<A:calendar-color>#112233</A:calendar-color>"))
	e.wantValue("ann", "/calendars/users/ann/new/", "A:calendar-color", "#112233")
}

// Who only reads a calendar sets what is personal, and what the server knows nothing of,
// and is not told that they may write properties: clients would take the calendar for one
// to write to. The others are the owner's to set, and theirs who write for them.
func TestReadersProperties(t *testing.T) {
	e := newCompany(t)
	e.delegate("ann", "dan", delegation.LevelRead)
	e.delegate("ann", "bob", delegation.LevelWrite)
	for _, name := range []string{"D:displayname", "C:calendar-description"} {
		if a := e.must(403, "dan", "PROPPATCH", annWork, patchOf("x", name)); !strings.Contains(a.Body, "<D:privilege><D:write-properties/>") {
			t.Errorf("%s by who reads: %s", name, a.Body)
		}
		both := strings.Replace(patchOf("x", name), "</D:prop>", "<A:calendar-color>#000000</A:calendar-color></D:prop>", 1)
		if a := e.must(207, "dan", "PROPPATCH", annWork, both); !strings.Contains(a.Body, " 403 ") || !strings.Contains(a.Body, " 424 ") || !strings.Contains(a.Body, "need-privileges") {
			t.Errorf("%s and a color by who reads: %s", name, a.Body)
		}
		e.wantValue("dan", annWork, "A:calendar-color", "")
		e.must(207, "bob", "PROPPATCH", annWork, patchOf("bob's", name))
		e.wantValue("ann", annWork, name, "bob's")
	}
	// Everybody sees one value of a dead property, whoever set it, also beside a personal one.
	e.must(207, "ann", "PROPPATCH", annWork, patchOf("ann's", "x:dead"))
	both := strings.Replace(patchOf("dan's", "x:dead"), "</D:prop>", "<A:calendar-color>#000001</A:calendar-color></D:prop>", 1)
	e.must(207, "dan", "PROPPATCH", annWork, both)
	for _, who := range []string{"ann", "bob", "dan"} {
		e.wantValue(who, annWork, "x:dead", "dan's")
	}
	e.wantValue("ann", annWork, "A:calendar-color", "")
	e.wantValue("dan", annWork, "A:calendar-color", "#000001")
	e.must(207, "dan", "PROPPATCH", annWork, patchOf("", "x:dead"))
	e.wantValue("ann", annWork, "x:dead", "")
	if got := e.must(207, "dan", "PROPFIND", annWork, element("D:propfind", "<D:prop><D:current-user-privilege-set/></D:prop>"), "Depth: 0").Body; strings.Contains(got, "write") {
		t.Errorf("what who reads may: %s", got)
	}
	e.must(403, "dan", "PROPPATCH", annWork+"2.ics", patchOf("x", "x:dead"))
	e.must(403, "dan", "PROPPATCH", "/calendars/users/ann/", patchOf("x", "x:dead"))
	e.must(403, "cy", "PROPPATCH", annWork, patchOf("x", "x:dead"))

	// Whom a list grants DAV:write-properties sets all of them, delegate or not.
	e.setACL("ann", annWork, "grant write-properties,read dan")
	e.must(207, "dan", "PROPPATCH", annWork, patchOf("dan's", "D:displayname"))
	e.wantValue("ann", annWork, "D:displayname", "dan's")
}
