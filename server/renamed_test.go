package server_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"convene/testenv"
)

// answersAs is a client that looks for its user among the attendees of the one event
// that there is, by the addresses that the server says are theirs, and answers.
const answersAs = `
import sys, caldav
url, user, answer = sys.argv[1:]
principal = caldav.DAVClient(url, username=user, password="secret").principal()
calendar, = [c for c in principal.calendars() if c.url.path.endswith("/calendar/")]
event, = calendar.events()
event.change_attendee_status(partstat=answer)
event.save()
print([a for a in principal.calendar_user_address_set() if a.startswith("mailto:")][0])
`

// pythonCalDAV is a Python that has python-caldav.
func pythonCalDAV(t *testing.T) string {
	t.Helper()
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import caldav").Run() == nil {
			return python
		}
	}
	testenv.Missing(t, "python-caldav", "no python3 can import caldav")
	return ""
}

// People get other mail addresses and names, and move within the directory, and what was
// theirs is given to others: meetings stay with whom they are of (RFC 6638).
func TestRenamedPeopleMeet(t *testing.T) {
	python := pythonCalDAV(t)
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("alice", "bob", "carol") +
		"dn: ou=staff,dc=example,dc=com\nobjectClass: organizationalUnit\nou: staff\n\n"})
	c := ldapConfig(t, slapd)
	c.Directory.Cache.TTL, c.Auth.Basic.CacheFor = 100*time.Millisecond, 100*time.Millisecond
	s := serve(t, c)
	web := client()
	calendar := func(user string) string { return s.HTTP + "/calendars/users/" + user + "/calendar/" }
	objects := func(user string) []string {
		t.Helper()
		a := do(t, web, "PROPFIND", calendar(user), user, "", "Depth: 1")
		if a.StatusCode != 207 {
			t.Fatalf("%s: %s", user, a.Status)
		}
		var list []string
		for part := range strings.SplitSeq(a.Body, "href>") {
			if name, ok := strings.CutSuffix(part, ".ics</D:"); ok {
				list = append(list, s.HTTP+name+".ics")
			}
		}
		return list
	}
	read := func(user, url string) string {
		t.Helper()
		a := do(t, web, "GET", url, user, "")
		if a.StatusCode != 200 {
			t.Fatalf("GET %s: %s", url, a.Status)
		}
		return strings.ReplaceAll(a.Body, "\r\n ", "")
	}
	write := func(user, url, body string) {
		t.Helper()
		if a := do(t, web, "PUT", url, user, body, "Content-Type: text/calendar"); a.StatusCode/100 != 2 {
			t.Fatalf("PUT %s: %s %s", url, a.Status, a.Body)
		}
	}
	plan := calendar("alice") + "plan.ics"
	write("alice", plan, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:plan\r\nDTSTAMP:20260101T000000Z\r\n"+
		"DTSTART:20300102T100000Z\r\nDURATION:PT1H\r\nSUMMARY:Plan\r\nORGANIZER:mailto:alice@example.com\r\n"+
		"ATTENDEE;PARTSTAT=ACCEPTED:mailto:alice@example.com\r\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	copied := objects("bob")[0]
	answer := func(partStat, address string) {
		t.Helper()
		if out := testenv.Run(t, nil, "", python, "-c", answersAs, s.HTTP+"/", "bob", partStat); strings.TrimSpace(out) != "mailto:"+address {
			t.Errorf("bob's client takes itself for %q, want %s", out, address)
		}
		if seen := read("bob", copied); !strings.Contains(seen, ":mailto:"+address+"\r\n") {
			t.Errorf("bob sees\n%s", seen)
		}
		if seen := read("alice", plan); !strings.Contains(seen, "PARTSTAT="+partStat) {
			t.Errorf("alice does not see that bob has answered %s:\n%s", partStat, seen)
		}
	}
	answer("TENTATIVE", "bob@example.com")

	admin := slapd.Admin()
	modify := func(dn string, attributes ...[2]string) {
		t.Helper()
		r := ldap.NewModifyRequest(dn, nil)
		for _, a := range attributes {
			r.Replace(a[0], strings.Split(a[1], " "))
		}
		if err := admin.Modify(r); err != nil {
			t.Fatal(err)
		}
	}
	const people = ",ou=people,dc=example,dc=com"
	modify("uid=bob"+people, [2]string{"mail", "robert@example.com"}, [2]string{"cn", "Robert"}, [2]string{"sn", "Robertson"})
	modify("uid=carol"+people, [2]string{"mail", "bob@example.com alice@example.com"})
	modify("uid=alice"+people, [2]string{"mail", "alison@example.com"}, [2]string{"cn", "Alison"})
	if err := admin.ModifyDN(ldap.NewModifyDNRequest("uid=bob"+people, "uid=bob", true, "ou=staff,dc=example,dc=com")); err != nil {
		t.Fatal(err)
	}

	eventually(t, "bob's new address", func() bool { return !strings.Contains(read("bob", copied), "bob@") })
	answer("ACCEPTED", "robert@example.com")
	eventually(t, "alice's new address", func() bool { return !strings.Contains(read("alice", plan), "alice@") })
	write("alice", plan, strings.Replace(read("alice", plan), "SUMMARY:Plan", "SUMMARY:Changed", 1))
	if seen := read("bob", copied); !strings.Contains(seen, "SUMMARY:Changed") || !strings.Contains(seen, "PARTSTAT=ACCEPTED") {
		t.Errorf("bob sees\n%s", seen)
	}
	answer("DECLINED", "robert@example.com")
	if list := objects("carol"); len(list) > 0 {
		t.Errorf("who has the addresses now is in the meeting: %q", list)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, *s.Config)
}
