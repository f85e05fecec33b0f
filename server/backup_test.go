package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/admin/backup"
	"convene/audit"
	"convene/config"
	"convene/server"
	"convene/testenv"
)

// backUp makes a backup of a running server through its socket.
func backUp(t *testing.T, c config.Config) []byte {
	t.Helper()
	var client *admin.Client
	eventually(t, "control socket", func() (ok bool) {
		var err error
		client, err = admin.Dial(t.Context(), c.Server.Data)
		return err == nil
	})
	var out bytes.Buffer
	meter := &backup.Meter{}
	err := backup.Pack(&out, nil, func(w io.Writer) error {
		meter.W = w
		return admin.WriteBackup(t.Context(), client, admin.BackupRequest{Config: []byte("# settings\n"), Version: "test", By: "root"}, meter)
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := meter.Manifest; m == nil || m.Version != "test" || !m.Has("calendars.db") || !m.Has("auth.db") || !m.Has("convene.toml") {
		t.Errorf("manifest %+v", m)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func restoreInto(t *testing.T, c config.Config, b []byte, o backup.RestoreOptions) {
	t.Helper()
	if err := os.MkdirAll(c.Server.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Restore(t.Context(), c, bytes.NewReader(b), o, "root"); err != nil {
		t.Fatal(err)
	}
}

func anEvent(uid, summary string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T100000Z\r\nDURATION:PT1H\r\nSUMMARY:" + summary + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// An object is what a client knows of one.
type object struct{ etag, body string }

// A syncing is a client that keeps a calendar by sync-collection alone (RFC 6578),
// and remembers every body that an ETag ever stood for.
type syncing struct {
	t       *testing.T
	url     string // of the server
	path    string
	token   string
	objects map[string]object
	bodies  map[string]string // ETag with path → body
	fresh   int               // how often it was told to begin anew
}

func newSyncing(t *testing.T, path string) *syncing {
	return &syncing{t: t, path: path, objects: map[string]object{}, bodies: map[string]string{}}
}

var (
	responsePattern = regexp.MustCompile(`(?s)<D:response>.*?</D:response>`)
	hrefPattern     = regexp.MustCompile(`<D:href>([^<]*)</D:href>`)
	// What holds the epoch, which a restore changes: ETags, sync tokens, ctags.
	epochPattern = regexp.MustCompile(`("|data:,[ch])([0-9a-f]+)-[0-9a-f]{1,8}-([0-9a-f]+)`)
	ctagPattern  = regexp.MustCompile(`<CS:getctag>\d+<`)
	tokenPattern = regexp.MustCompile(`<D:sync-token>([^<]*)</D:sync-token>`)
)

func (s *syncing) sync() {
	s.t.Helper()
	body := `<D:sync-collection xmlns:D="DAV:"><D:sync-token>` + s.token + `</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>`
	a := do(s.t, client(), "REPORT", s.url+s.path, "ann", body, "Depth: 0", "Content-Type: application/xml")
	if s.token != "" && a.StatusCode == http.StatusForbidden && strings.Contains(a.Body, "valid-sync-token") {
		s.token, s.objects = "", map[string]object{}
		s.fresh++
		s.sync()
		return
	}
	token := tokenPattern.FindStringSubmatch(a.Body)
	if a.StatusCode != http.StatusMultiStatus || token == nil {
		s.t.Fatalf("REPORT: %s\n%s", a.Status, a.Body)
	}
	s.token = token[1]
	for _, r := range responsePattern.FindAllString(a.Body, -1) {
		href := hrefPattern.FindStringSubmatch(r)[1]
		if href == s.path {
			continue // the calendar itself
		}
		if strings.Contains(r, " 404 ") {
			delete(s.objects, href)
			continue
		}
		s.fetch(href)
	}
}

func (s *syncing) fetch(href string) {
	s.t.Helper()
	a := do(s.t, client(), "GET", s.url+href, "ann", "")
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s: %s", href, a.Status)
	}
	o := object{a.Header.Get("Etag"), a.Body}
	s.saw(href, o)
	s.objects[href] = o
}

// saw notes what an ETag stands for.
func (s *syncing) saw(href string, o object) {
	s.t.Helper()
	key := href + " " + o.etag
	if known, ok := s.bodies[key]; ok && known != o.body {
		s.t.Errorf("%s names two bodies:\n%s\n%s", key, known, o.body)
	}
	s.bodies[key] = o.body
}

// put changes an object, as another client of ann would, and notes its ETag.
func (s *syncing) put(name, summary string) {
	s.t.Helper()
	text := anEvent(name, summary)
	a := do(s.t, client(), "PUT", s.url+s.path+name+".ics", "ann", text, "Content-Type: text/calendar")
	if a.StatusCode != http.StatusCreated && a.StatusCode != http.StatusNoContent {
		s.t.Fatalf("PUT: %s\n%s", a.Status, a.Body)
	}
	if tag := a.Header.Get("Etag"); tag != "" {
		s.saw(s.path+name+".ics", object{tag, text})
	}
}

// all is what another client finds that begins anew.
func (s *syncing) all() map[string]object {
	s.t.Helper()
	other := newSyncing(s.t, s.path)
	other.url, other.bodies = s.url, s.bodies
	other.sync()
	return other.objects
}

// A server that was restored has all that was there at the backup: in every home the
// same hrefs, bodies, ETags, properties and tokens.
func TestBackupRoundTrip(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	for i := range 30 {
		for _, who := range []string{"ann", "bob"} {
			url := fmt.Sprintf("%s/calendars/users/%s/calendar/%d.ics", s.HTTP, who, i)
			if a := do(t, client(), "PUT", url, who, anEvent(fmt.Sprint(i), who+strings.Repeat(" text", i)), "Content-Type: text/calendar"); a.StatusCode != 201 {
				t.Fatalf("PUT: %s", a.Status)
			}
		}
	}
	patch := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:note xmlns:x="urn:x">A <b>note</b></x:note><D:displayname>Work</D:displayname></D:prop></D:set></D:propertyupdate>`
	for _, path := range []string{annHome + "calendar/", annHome + "calendar/3.ics"} {
		if a := do(t, client(), "PROPPATCH", s.HTTP+path, "ann", patch); a.StatusCode != 207 || !strings.Contains(a.Body, " 200 ") {
			t.Fatalf("PROPPATCH %s: %s\n%s", path, a.Status, a.Body)
		}
	}
	deny(t, c)
	want := everything(t, s.HTTP)
	b := backUp(t, c)
	if a := do(t, client(), "DELETE", s.HTTP+annHome+"calendar/1.ics", "ann", ""); a.StatusCode != 204 {
		t.Fatalf("DELETE: %s", a.Status)
	}
	before := do(t, client(), "GET", s.HTTP+annHome+"calendar/29.ics", "ann", "").Header.Get("Etag")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := everything(t, serve(t, c).HTTP); got == want {
		t.Error("what was done after the backup makes no difference")
	}
	again := smallConfig(t)
	restoreInto(t, again, b, backup.RestoreOptions{})
	r := serve(t, again)
	if tag := do(t, client(), "GET", r.HTTP+annHome+"calendar/29.ics", "ann", "").Header.Get("Etag"); tag == "" || tag == before {
		t.Errorf("ETag %q after the restore, %q before", tag, before)
	}
	if got := everything(t, r.HTTP); got != want {
		t.Errorf("restored:\n%s\nwant:\n%s", got, want)
	}
	if a := do(t, client(), "PROPFIND", r.HTTP+"/", "eve", "", "Depth: 0"); a.StatusCode != 403 {
		t.Errorf("who was denied is let in: %s", a.Status)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, again)
}

// deny makes a rule, so that there is a list.
func deny(t *testing.T, c config.Config) {
	t.Helper()
	client, err := admin.Dial(t.Context(), c.Server.Data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ChangeSACL(t.Context(), client, admin.SACLChange{Service: "calendar", Effect: "deny", Who: "eve", By: "root"}); err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
}

// everything is what ann and bob find: all properties of all that is in their homes,
// and all bodies.
func everything(t *testing.T, url string) string {
	t.Helper()
	var out strings.Builder
	for _, who := range []string{"ann", "bob"} {
		home := "/calendars/users/" + who + "/"
		for _, body := range []string{`<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>`,
			`<D:propfind xmlns:D="DAV:" xmlns:x="urn:x" xmlns:C="http://calendarserver.org/ns/"><D:prop><D:sync-token/><C:getctag/><x:note/><D:resource-id/></D:prop></D:propfind>`} {
			list := do(t, client(), "PROPFIND", url+home, who, body, "Depth: 1")
			out.WriteString(list.Body)
			for _, h := range hrefPattern.FindAllStringSubmatch(list.Body, -1) {
				if path := h[1]; strings.HasPrefix(path, home) && path != home {
					in := do(t, client(), "PROPFIND", url+path, who, body, "Depth: 1")
					out.WriteString(in.Body)
				}
			}
		}
		for i := range 30 {
			a := do(t, client(), "GET", fmt.Sprintf("%s%scalendar/%d.ics", url, home, i), who, "")
			fmt.Fprintf(&out, "%d %s %s\n", a.StatusCode, a.Header.Get("Etag"), a.Body)
		}
	}
	text := epochPattern.ReplaceAllString(strings.ReplaceAll(out.String(), url, ""), "$1$2-EPOCH-$3")
	return ctagPattern.ReplaceAllString(text, "<CS:getctag>CTAG<")
}

// A vdirsyncer keeps the files of a folder and ann's calendar alike, both ways. It
// knows objects by their ETags.
type vdirsyncer struct {
	t             *testing.T
	program, work string
}

func newVdirsyncer(t *testing.T) *vdirsyncer {
	return &vdirsyncer{t, testenv.Require(t, "vdirsyncer", "vdirsyncer")[0], testenv.Dir(t)}
}

func (v *vdirsyncer) sync(url string) {
	v.t.Helper()
	config := testenv.WriteFile(v.t, filepath.Join(v.work, "config"), `[general]
status_path = "`+v.work+`/status/"
[pair ann]
a = "here"
b = "there"
collections = ["calendar"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "`+v.work+`/files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "`+url+`/"
username = "ann"
password = "secret"
`)
	for _, verb := range []string{"discover", "sync"} {
		testenv.Run(v.t, nil, strings.Repeat("y\n", 20), v.program, "-c", config, verb)
	}
}

// bodies are the files, by their UID.
func (v *vdirsyncer) bodies() map[string]string {
	v.t.Helper()
	files, err := filepath.Glob(filepath.Join(v.work, "files", "calendar", "*.ics"))
	if err != nil {
		v.t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			v.t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "\r\n", "\n")
		found[uidPattern.FindString(text)] = strings.TrimSpace(text)
	}
	return found
}

var uidPattern = regexp.MustCompile(`UID:\S+`)

// A restoring is one way to bring a server back to where it was.
type restoring struct {
	name string
	keep func(t *testing.T, s *running, c config.Config) *running // returns a server that goes on
	back func(t *testing.T, c config.Config)                      // the server is stopped
}

func restorings() []restoring {
	var b []byte
	verb := restoring{"restore",
		func(t *testing.T, s *running, c config.Config) *running { b = backUp(t, c); return s },
		func(t *testing.T, c config.Config) {
			restoreInto(t, c, b, backup.RestoreOptions{Existing: backup.SetAside})
		}}
	kept := map[string][]byte{}
	cp := func(name string, files ...string) restoring {
		return restoring{name, func(t *testing.T, s *running, c config.Config) *running {
			if err := s.stop(); err != nil {
				t.Fatal(err)
			}
			for _, f := range files {
				content, err := os.ReadFile(filepath.Join(c.Server.Data, f))
				if err != nil {
					t.Fatal(err)
				}
				kept[f] = content
			}
			return serve(t, c)
		}, func(t *testing.T, c config.Config) {
			for _, f := range files {
				testenv.WriteFile(t, filepath.Join(c.Server.Data, f), string(kept[f]))
			}
		}}
	}
	return []restoring{verb, cp("cp", "calendars.db"), cp("cp of all files", "calendars.db", "auth.db")}
}

// Clients that had seen 100 changes after the backup find, by syncing alone, all
// that the restored server has, and no ETag ever stands for two bodies: whether the
// server was told that it was restored, or has to see it.
func TestRestoreAndSync(t *testing.T) {
	for _, way := range restorings() {
		t.Run(way.name, func(t *testing.T) { testRestoreAndSync(t, way) })
	}
}

func testRestoreAndSync(t *testing.T, way restoring) {
	c := smallConfig(t)
	s := serve(t, c)
	k := newSyncing(t, annHome+"calendar/")
	k.url = s.HTTP
	for i := range 20 {
		k.put(fmt.Sprint(i), "before")
	}
	k.sync()
	old := newSyncing(t, k.path) // one that stays away from here on
	old.url, old.bodies = k.url, k.bodies
	old.sync()
	v := newVdirsyncer(t)
	v.sync(s.HTTP)
	s = way.keep(t, s, c)
	k.url = s.HTTP
	for i := range 100 {
		k.put(fmt.Sprint(i%40), fmt.Sprint("lost ", i))
		if i%10 == 0 {
			k.sync()
		}
	}
	for i := range 5 {
		if a := do(t, client(), "DELETE", fmt.Sprintf("%s%s%d.ics", s.HTTP, k.path, i), "ann", ""); a.StatusCode != 204 {
			t.Fatalf("DELETE: %s", a.Status)
		}
	}
	k.sync()
	v.sync(s.HTTP)
	if got := len(v.bodies()); got != 35 {
		t.Fatalf("vdirsyncer has %d objects", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	way.back(t, c)
	r := serve(t, c)
	k.url, old.url = r.HTTP, r.HTTP
	for i := range 60 { // as many again, before and after the client comes back
		k.put(fmt.Sprint(i%30), fmt.Sprint("after ", i))
		if i == 30 {
			k.sync()
		}
	}
	k.sync()
	old.sync()
	v.sync(r.HTTP)
	want := k.all()
	if len(want) != 30 || !maps.Equal(k.objects, want) {
		t.Errorf("the client that saw the lost time has %d objects, the server %d", len(k.objects), len(want))
	}
	if !maps.Equal(old.objects, want) {
		t.Errorf("the client that did not see it has %d objects, the server %d", len(old.objects), len(want))
	}
	texts := map[string]string{}
	for _, o := range want {
		text := strings.ReplaceAll(o.body, "\r\n", "\n")
		texts[uidPattern.FindString(text)] = strings.TrimSpace(text)
	}
	if got := v.bodies(); !maps.Equal(got, texts) {
		t.Errorf("vdirsyncer has %d objects, the server %d", len(got), len(texts))
	}
	if k.fresh != 1 {
		t.Errorf("the client was told %d times to begin anew", k.fresh)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := serve(t, c) // what was seen once is not seen again
	k.url = again.HTTP
	if k.sync(); k.fresh != 1 {
		t.Error("the next start is taken for a restore too")
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, c)
}

// A restore that was interrupted is finished by the next start; while one is under
// way, or the calendars are gone and their log is not, there is no start.
func TestStartAfterRestore(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	if a := do(t, client(), "PUT", s.HTTP+annHome+"calendar/1.ics", "ann", anEvent("1", "x"), "Content-Type: text/calendar"); a.StatusCode != 201 {
		t.Fatalf("PUT: %s", a.Status)
	}
	b := backUp(t, c)
	if _, err := server.Restore(t.Context(), c, bytes.NewReader(b), backup.RestoreOptions{Existing: backup.SetAside}, "root"); admin.KindOf(err).Name == "failed" && !strings.Contains(fmt.Sprint(err), "a server runs") {
		t.Errorf("beside a running server: %v", err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	file, work := filepath.Join(c.Server.Data, "calendars.db"), filepath.Join(c.Server.Data, "restoring")
	text := `{"folder": "before-restore-x", "aside": ["calendars.db"], "in": ["calendars.db"]}`
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"journal.json": []byte(text), "calendars.db": content} {
		if err := os.MkdirAll(work, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(work, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := serve(t, c)
	if !strings.Contains(next.Log.String(), "a restore was interrupted outcome=finished") {
		t.Errorf("log:\n%s", next.Log)
	}
	if a := do(t, client(), "GET", next.HTTP+annHome+"calendar/1.ics", "ann", ""); a.StatusCode != 200 {
		t.Errorf("GET: %s", a.Status)
	}
	if err := next.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file, file+"-log"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Open(server.Options{Config: c, Stderr: new(lockedBuffer)}); admin.KindOf(err).Name != "no-database" {
		t.Errorf("a log without its file: %v", err)
	}
	if _, err := os.Stat(file + "-log"); err != nil {
		t.Error(err)
	}
	if _, err := server.Recover(t.Context(), c, time.Now, "root"); admin.KindOf(err).Name != "no-database" {
		t.Errorf("recover: %v", err)
	}
}

// A log that is damaged stops the start; recover takes in what continues the file and
// keeps the log, and no lost ETag is given out again.
func TestRecoverCalendars(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	k := newSyncing(t, annHome+"calendar/")
	k.url = s.HTTP
	killed := c
	killed.Server.Data = c.Server.Data + "-killed"
	eventually(t, "a copy with changes in the log", func() bool {
		for i := range 5 {
			k.put(fmt.Sprint(i), "in the log")
		}
		return copyDamaged(t, c.Server.Data, killed.Server.Data) && kindOfStart(killed) == "log"
	})
	k.sync()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	done, err := server.Recover(t.Context(), killed, time.Now, "root")
	if err != nil || len(done) != 2 || len(done[0].Missing) != 1 || len(done[0].Unused) != 1 || len(done[1].Missing) != 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if _, err := os.Stat(done[0].Aside); err != nil {
		t.Error(err)
	}
	wantDeeds(t, killed.Server.Data, nil, deed{"server.recover", audit.Command, "", "calendars.db", false})
	r := serve(t, killed)
	k.url = r.HTTP
	for i := range 10 {
		k.put(fmt.Sprint(i), "after")
	}
	k.sync()
	if want := k.all(); k.fresh != 1 || len(want) != 10 || !maps.Equal(k.objects, want) {
		t.Errorf("the client has %d objects, the server %d; told to begin anew %d times", len(k.objects), len(want), k.fresh)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, killed)
}

// kindOfStart is the kind of error with which a server does not start.
func kindOfStart(c config.Config) string {
	s, err := server.Open(server.Options{Config: c, Stderr: new(lockedBuffer)})
	if err != nil {
		return admin.KindOf(err).Name
	}
	return fmt.Sprint(s.Close())
}

// copyDamaged copies a data folder as a kill would leave it, with the last record but
// one of the calendars' log damaged. It reports false if a file was gone meanwhile.
func copyDamaged(t *testing.T, from, to string) bool {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"calendars.db", "calendars.db-log", "auth.db"} {
		b, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return false
		}
		if name == "calendars.db-log" {
			damageRecord(b)
		}
		if err := os.WriteFile(filepath.Join(to, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return true
}

// damageRecord changes a byte of the last record of a log but one.
func damageRecord(log []byte) {
	at := map[uint64]int{}
	var last uint64
	for page := 0; page < len(log); page += 4096 {
		if string(log[page:page+4]) == "cnvl" {
			seq := binary.BigEndian.Uint64(log[page+16:])
			at[seq], last = page, max(last, seq)
		}
	}
	if page, ok := at[last-1]; ok {
		log[page+40]++
	}
}
