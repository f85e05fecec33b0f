package server_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/audit"
	"convene/testenv"
)

// A deed is an act that the audit log should have.
type deed struct {
	verb   string
	how    string // its door
	actor  string // GUID or name of who did it; "": the account that these tests run as
	object string // GUID, name or path of what it was done to
	failed bool
}

// wantDeeds checks that the audit log of a data folder has all that there were, and nothing
// else of their verbs: before each what is meant, with who, through which door and from where,
// and its outcome after; of what is done to the files of a stopped server one line. None of
// the secrets may be there.
func wantDeeds(t *testing.T, data string, secrets []string, deeds ...deed) {
	t.Helper()
	all := auditLines(t, data)
	outcomes := map[uint64]*audit.Line{}
	for i := range all {
		if all[i].Kind == audit.Outcome {
			outcomes[all[i].Of] = &all[i]
		}
	}
	left := map[string][]deed{}
	for _, d := range deeds {
		left[d.verb] = append(left[d.verb], d)
	}
	for i := range all {
		l := &all[i]
		if _, asked := left[l.Verb]; !asked || l.Kind == audit.Outcome {
			continue
		}
		if len(left[l.Verb]) == 0 {
			t.Errorf("once too often: %+v", l)
			continue
		}
		d := left[l.Verb][0]
		left[l.Verb] = left[l.Verb][1:]
		after := outcomes[l.Seq]
		if l.Kind == audit.Event {
			after = l
		}
		if after == nil || (after.Outcome == audit.Failed) != d.failed || d.failed != (after.Error != "") {
			t.Errorf("%s: the outcome is %+v, want failed=%t", d.verb, after, d.failed)
		}
		if l.Via.How != d.how || d.object != l.Object.GUID && d.object != l.Object.Name && d.object != l.Object.Path {
			t.Errorf("%s: through %s, to %+v; want %s, %s", d.verb, l.Via.How, l.Object, d.how, d.object)
		}
		switch {
		case d.actor != "" && d.actor != l.Actor.GUID && d.actor != l.Actor.Name, l.Actor == audit.Who{}:
			t.Errorf("%s: by %+v, want %s", d.verb, l.Actor, d.actor)
		case d.how == audit.Web && (l.Via.Remote == "" || l.Via.Request == ""):
			t.Errorf("%s: not said from where: %+v", d.verb, l.Via)
		case d.how == audit.Socket && (l.Via.UID == nil || *l.Via.UID != uint32(os.Getuid())):
			t.Errorf("%s: not said which account: %+v", d.verb, l.Via)
		}
	}
	for verb, rest := range left {
		if len(rest) > 0 {
			t.Errorf("%s is not in the audit log: %+v", verb, rest)
		}
	}
	text, err := os.ReadFile(filepath.Join(data, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(string(text), secret) {
			t.Errorf("the audit log has the secret %q", secret)
		}
	}
}

// TestAuditOfPages: what people do on pages, and at the doors of rooms, is in the audit log,
// refused or not, without what opens anything.
func TestAuditOfPages(t *testing.T) {
	c := roomPages(t)
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 50, 0, 0, time.UTC))
	s := serveAt(t, c, now.now)
	ann, dan, door := signedIn(t, s, "ann"), signedIn(t, s, "dan"), open(t, s.HTTPS)
	post := func(b *browser, status int, path string, fields url.Values) answer {
		t.Helper()
		got := b.post(t, path, fields)
		if got.StatusCode != status {
			t.Fatalf("%s: %s, want %d\n%s", path, got.Status, status, got.Body)
		}
		return got
	}

	calendar := first(t, regexp.MustCompile(`name="calendar" value="(\d+)"`), ann.get(t, "/my/sharing").Body)
	page, _ := ann.published(t, url.Values{"calendar": {calendar}, "show": {"all"}, "days": {"0"}})
	id := first(t, regexp.MustCompile(`/my/sharing/([0-9a-f]{16})/rotate`), ann.get(t, "/my/sharing").Body)
	rotated := post(ann, 200, "/my/sharing/"+id+"/rotate", url.Values{"once": {"r"}}).Body
	post(dan, 404, "/my/sharing/"+id+"/revoke", nil)
	post(ann, 303, "/my/sharing/"+id+"/revoke", nil)

	room := url.Values{"room": {"locations/elm"}}
	post(door, 303, "/panel/offer", nil)
	code := first(t, regexp.MustCompile(`</span>(\d{6})</p>`), door.get(t, "/panel/").Body)
	post(dan, 404, "/my/rooms/panels/pair", url.Values{"room": room["room"], "code": {"none"}})
	post(dan, 303, "/my/rooms/panels/pair", url.Values{"room": room["room"], "code": {code}})
	for _, press := range []string{"book", "extend", "end", "end"} {
		post(door, 303, "/panel/"+press, url.Values{"minutes": {"15"}})
	}
	post(ann, 303, "/my/rooms/book", slot("elm", "13:00")) // in Berlin
	now.set(time.Date(2030, 5, 6, 11, 1, 0, 0, time.UTC))
	post(door, 303, "/panel/check-in", nil)
	panel := first(t, regexp.MustCompile(`/my/rooms/panels/([0-9a-f]+)/remove`), dan.get(t, "/my/rooms/manage").Body)
	post(dan, 303, "/my/rooms/panels/"+panel+"/remove", room)

	sessions := []string{ann.cookie(t), dan.cookie(t), door.cookie(t)}
	post(ann, 200, "/signout", nil)
	const elm = "22222222-0000-0000-0000-000000000002"
	token := func(body string) string {
		u, err := url.Parse(first(t, regexp.MustCompile(`<code id="page"[^>]*>([^<]+)<`), body))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(u.Path, "/publish/")
	}
	at := "panel " + panel
	wantDeeds(t, c.Server.Data, append(sessions, strings.TrimPrefix(page, "/publish/"), token(rotated), code),
		deed{"publish.add", audit.Web, annGUID, annGUID, false},
		deed{"publish.rotate", audit.Web, annGUID, annGUID, false},
		deed{"publish.revoke", audit.Web, danGUID, danGUID, true},
		deed{"publish.revoke", audit.Web, annGUID, annGUID, false},
		deed{"panel.pair", audit.Web, danGUID, elm, true},
		deed{"panel.pair", audit.Web, danGUID, elm, false},
		deed{"panel.booked", audit.Web, at, elm, false},
		deed{"panel.longer", audit.Web, at, elm, false},
		deed{"panel.ended", audit.Web, at, elm, false},
		deed{"panel.ended", audit.Web, at, elm, true},
		deed{"panel.in", audit.Web, at, elm, false},
		deed{"panel.remove", audit.Web, danGUID, elm, false},
		deed{"session.begin", audit.Web, annGUID, annGUID, false},
		deed{"session.begin", audit.Web, danGUID, danGUID, false},
		deed{"session.end", audit.Web, annGUID, annGUID, false},
	)
}

// TestAuditOfApprovals: who approved a booking, who declined one, and who tried to.
func TestAuditOfApprovals(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	c.Server.PublicURL, c.Access.Administrators = "https://localhost", nil
	s := serve(t, c)
	ann, bob, dan := signedIn(t, s, "ann"), signedIn(t, s, "bob"), signedIn(t, s, "dan")
	var ids []string
	for i, at := range []string{"12:00", "14:00"} {
		if got := ann.post(t, "/my/rooms/book", slot("oak", at)); got.StatusCode != 303 {
			t.Fatalf("%s\n%s", got.Status, got.Body)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(mails(t, m, i+1)[i].Text, "=\r\n", ""), "=\n", "")
		ids = append(ids, first(t, regexp.MustCompile(`https://localhost/my/rooms/requests/([0-9A-Za-z-]+)`), text))
	}
	for _, tt := range []struct {
		by     *browser
		id     string
		answer string
		status int
	}{{bob, ids[0], "approve", 403}, {dan, ids[0], "approve", 303}, {dan, ids[1], "decline", 303}, {dan, ids[1], "decline", 409}} {
		if got := tt.by.post(t, "/my/rooms/requests/"+tt.id+"/answer", url.Values{"answer": {tt.answer}, "comment": {"so be it"}}); got.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d", tt.answer, got.Status, tt.status)
		}
	}
	wantDeeds(t, c.Server.Data, nil,
		deed{"room.approve", audit.Web, bobGUID, ids[0], true},
		deed{"room.approve", audit.Web, danGUID, ids[0], false},
		deed{"room.deny", audit.Web, danGUID, ids[1], false},
		deed{"room.deny", audit.Web, danGUID, ids[1], true},
	)
}
