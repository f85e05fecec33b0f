package caldav_test

import "testing"

// RFC 4918 §9.6, and what goes with a collection.
func TestDelete(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	fill := func(name string) {
		e.must(201, "ann", "MKCALENDAR", home+name+"/", "")
		e.must(201, "ann", "PUT", home+name+"/1.ics", event(name, "20260504T120000Z"))
	}
	for _, name := range []string{"zero", "one", "infinity", "none", "wrong", "kept"} {
		fill(name)
	}
	tag := e.must(200, "ann", "HEAD", home+"kept/1.ics", "").Header.Get("ETag")
	rows := []row{
		{name: "§9.6.1 Depth: 0, as some clients say", method: "DELETE", path: home + "zero/", header: []string{"Depth: 0"}, status: 204},
		{name: "§9.6.1 Depth: 1", method: "DELETE", path: home + "one/", header: []string{"Depth: 1"}, status: 204},
		{name: "§9.6.1 Depth: infinity", method: "DELETE", path: home + "infinity/", header: []string{"Depth: infinity"}, status: 204},
		{name: "§9.6.1 no Depth, and no slash", method: "DELETE", path: home + "none", status: 204},
		{name: "§10.2 a Depth that is none", method: "DELETE", path: home + "wrong/", header: []string{"Depth: 2"}, status: 400},
		{name: "§9.6 it is there", method: "GET", path: home + "wrong/1.ics", status: 200},
	}
	for _, name := range []string{"zero", "one", "infinity", "none"} {
		rows = append(rows,
			row{name: "§9.6.1 gone: " + name, method: "PROPFIND", path: home + name + "/", header: []string{"Depth: 0"}, status: 404},
			row{name: "§9.6.1 with its members: " + name, method: "GET", path: home + name + "/1.ics", status: 404},
			row{name: "§9.6 the name is free: " + name, method: "MKCALENDAR", path: home + name + "/", status: 201},
			row{name: "§9.6 and nothing of the old comes back: " + name, method: "GET", path: home + name + "/1.ics", status: 404})
	}
	e.rows(t, append(rows, []row{
		{name: "RFC 9110 §13.1.1 If-Match", method: "DELETE", path: home + "kept/1.ics", header: []string{`If-Match: "nope"`}, status: 412},
		{name: "§10.4 If", method: "DELETE", path: home + "kept/1.ics", header: []string{`If: (["nope"])`}, status: 412},
		{name: "RFC 9110 §13.1.1 If-Match of a calendar", method: "DELETE", path: home + "kept/", header: []string{`If-Match: "nope"`}, status: 412},
		{name: "RFC 6578 §5 If with the sync token of before", method: "DELETE", path: home + "kept/", header: []string{"If: (<data:,c0-0>)"}, status: 412},
		{name: "RFC 3744 by a stranger", user: "bob", method: "DELETE", path: home + "kept/1.ics", status: 403, want: []string{"need-privileges"}},
		{name: "RFC 3744 by a reader", user: "auditor", method: "DELETE", path: home + "kept/1.ics", status: 403, want: []string{"need-privileges", "<D:unbind/>"}},
		{name: "RFC 3744 of a calendar by a reader", user: "auditor", method: "DELETE", path: home + "kept/", status: 403, want: []string{"need-privileges", "<D:unbind/>"}},
		{name: "§9.6 an object, as it was read", method: "DELETE", path: home + "kept/1.ics", header: []string{"If-Match: " + tag}, status: 204},
		{name: "§9.6 it is gone", method: "GET", path: home + "kept/1.ics", status: 404},
		{name: "§9.6 there is nothing", method: "DELETE", path: home + "kept/1.ics", status: 404},
		{name: "RFC 5995 §3.2 the address of new members is not the calendar", method: "DELETE", path: home + "kept/;add-member", status: 405},
		{name: "the calendar is there", method: "PROPFIND", path: home + "kept/", header: []string{"Depth: 0"}, status: 207},
		{name: "§8.3 no such home", method: "DELETE", path: "/calendars/users/nobody/calendar/", status: 404},
	}...))
}
