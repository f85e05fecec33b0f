package caldav_test

import (
	"strings"
	"testing"

	"convene/delegation"
)

// An explanation names what an event's being private leaves of it, and agrees with what
// the request is answered.
func TestExplainPrivate(t *testing.T) {
	e := newCompany(t)
	e.delegate("ann", "bob", delegation.LevelWrite)
	e.delegate("ann", "dan", delegation.LevelRead, func(l *delegation.Limits) { l.SeePrivate = true })
	for name, access := range map[string]string{"private": "PRIVATE", "confidential": "CONFIDENTIAL", "restricted": "RESTRICTED"} {
		e.must(201, "ann", "PUT", annWork+name+".ics", strings.Replace(event(name, "20260604T120000Z"), "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:"+access+"\r\nBEGIN:VEVENT", 1))
		for user, sees := range map[string]string{
			"ann": "all", "boss": "all", "auditor": "all", "dan": "all",
			"bob": map[string]string{"private": "nothing", "confidential": "times", "restricted": "summary"}[name],
		} {
			why, err := e.h.ExplainACL(t.Context(), e.caller(user), annWork+name+".ics")
			if err != nil {
				t.Fatal(err)
			}
			if why.Mask == nil || why.Mask.Access != name || why.Mask.Sees != sees {
				t.Errorf("%s, %s: %+v, want %s", name, user, why.Mask, sees)
			}
			a := e.do(user, "GET", annWork+name+".ics", "")
			if status := map[string]int{"nothing": 403}[sees]; a.Status != max(status, 200) || strings.Contains(a.Body, "SUMMARY") != (sees == "all" || sees == "summary") {
				t.Errorf("%s, %s: %d %s", name, user, a.Status, a.Body)
			}
			masked := false
			for _, entry := range why.Entries {
				masked = masked || entry.Principal == "all from whom its owner keeps private events" && entry.About && len(entry.Settles) > 0
			}
			if masked != (user == "bob" || user == "auditor") { // who reads all, but writes nothing of it
				t.Errorf("%s, %s: the list says %+v", name, user, why.Entries)
			}
		}
	}
	why, err := e.h.ExplainACL(t.Context(), e.caller("bob"), annWork+"2.ics")
	if err != nil || why.Mask != nil {
		t.Errorf("%+v, %v", why, err)
	}
}
