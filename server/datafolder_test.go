package server_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/config"
	"convene/testenv"
)

// keep has TestKeptFolders write testdata/folder-NAME.tar.gz with the data folder as
// today's code writes it: go test ./server -run TestKeptFolders -keep NAME. Each format
// keeps its own; one that is there is never written again.
var keep = flag.String("keep", "", "keep a data folder of today's code under this `name`")

// folder-cee0f85 was made by the program of that commit: the same requests by an HTTP
// client, a password of "devicepw add", SIGTERM, and without its audit.log, which is to
// be moved away (CHANGELOG.md).

// known is what a kept folder held when it was made; it lies beside the data.
const known = "known.json"

type knownFolder struct {
	Former  bool           // of a format whose ETags and tokens hold no more
	Secret  string         // bob's device password
	Token   string         // of ann's calendar
	Objects []knownObject  // what people read
	Finds   []knownFinding // what they find of properties
	Letters []string       // whom the letters go to that waited, sorted
}

type knownObject struct {
	User, Path, ETag, Body string
	Status                 int
}

type knownFinding struct{ Path, Prop, Want string }

const roomLDIF = `
dn: cn=oak,dc=example,dc=com
objectClass: room
objectClass: uidObject
uid: oak
cn: oak
mail: oak@example.com
entryUUID: 11111111-0000-0000-0000-0000000000b1
`

// keptConfig is the configuration of a kept folder, whose letters go to a server.
func keptConfig(t *testing.T, m *testenv.SMTP) config.Config {
	c := mailConfig(t, m)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), smallLDIF+roomLDIF)
	return c
}

// TestKeptFolders opens each data folder that is kept: everything is as it was, by
// ETags and sync tokens too, nothing is wrong, and writing goes on.
func TestKeptFolders(t *testing.T) {
	if *keep != "" {
		keepFolder(t, filepath.Join("testdata", "folder-"+*keep+".tar.gz"))
	}
	kept, err := filepath.Glob("testdata/folder-*.tar.gz")
	if err != nil || len(kept) == 0 {
		t.Fatalf("no folder is kept: %v", err)
	}
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	for _, file := range kept {
		t.Run(filepath.Base(file), func(t *testing.T) { testKeptFolder(t, file, m) })
	}
}

func testKeptFolder(t *testing.T, file string, m *testenv.SMTP) {
	before := len(m.Mails())
	d := &drill{t: t, c: keptConfig(t, m)}
	unpackFolder(t, file, d.c.Server.Data)
	var k knownFolder
	if err := json.Unmarshal(d.read(known), &k); err != nil {
		t.Fatal(err)
	}
	verified(t, d.c)
	d.start()
	d.wantKnown(k)
	client := newSyncing(t, annHome+"calendar/")
	client.url, client.token = d.HTTP, k.Token
	client.sync()
	want := 0
	if k.Former { // DAV:valid-sync-token (RFC 6578 §3.2), and all anew
		want = 1
	}
	there := len(client.objects)
	if client.fresh != want || (there > 0) != k.Former {
		t.Errorf("since its token: %d objects, begun anew %d times, want %d", there, client.fresh, want)
	}
	d.status(201, "PUT", annHome+"calendar/later.ics", "ann", anEvent("later", "later"))
	d.status(204, "PUT", annHome+"calendar/1.ics", "ann", anEvent("1", "changed"))
	d.status(204, "DELETE", annHome+"calendar/2.ics", "ann", "")
	client.sync()
	if changed := client.objects[annHome+"calendar/1.ics"]; client.fresh != want || client.objects[annHome+"calendar/later.ics"].body == "" || changed.body != anEvent("1", "changed") || client.objects[annHome+"calendar/2.ics"].body != "" {
		t.Errorf("after three changes: %v, begun anew %d times", client.objects, client.fresh)
	}
	d.name(annsReaders, bobGUID)
	if sent := recipients(mails(t, m, before+len(k.Letters))[before:]); !slices.Equal(sent, k.Letters) {
		t.Errorf("letters went to %q, want %q", sent, k.Letters)
	}
	d.stopped()
	verified(t, d.c)
	files := audit.Files{Path: d.path("audit.log"), Witness: d.path("audit.head")}
	if r, err := audit.Verify(files, 1); err != nil || len(r.Problems) > 0 || r.Lines < 6 && !k.Former {
		t.Errorf("audit log: %+v, %v", r, err)
	}
	if strings.Contains(d.Log.String(), " ERROR ") || strings.Contains(d.Log.String(), " WARN ") {
		t.Errorf("error log:\n%s", d.Log)
	}
}

// wantKnown compares what a running server says with what was kept.
func (d *drill) wantKnown(k knownFolder) {
	d.t.Helper()
	for _, o := range k.Objects {
		got := d.look(o.User, o.Path)
		if k.Former && got.ETag != o.ETag {
			o.ETag = got.ETag // another one, as it is to be
		} else if k.Former && o.Status == 200 {
			d.t.Errorf("%s still has the ETag %s", o.Path, o.ETag)
		}
		if got != o {
			d.t.Errorf("%+v\nwant %+v", got, o)
		}
	}
	for _, f := range k.Finds {
		if a := do(d.t, client(), "PROPFIND", d.HTTP+f.Path, "ann", findProp(f.Prop), "Depth: 0"); !strings.Contains(a.Body, f.Want) {
			d.t.Errorf("%s of %s: no %q in %s", f.Prop, f.Path, f.Want, a.Body)
		}
	}
	r, err := http.NewRequest("GET", d.HTTP+"/calendars/users/bob/calendar/b.ics", nil)
	if err != nil {
		d.t.Fatal(err)
	}
	r.SetBasicAuth("bob", k.Secret)
	resp, err := client().Do(r)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != 200 {
		d.t.Errorf("with a device password: %s, %v", resp.Status, err)
	}
	if !k.Former {
		d.wantRules()
	}
}

// wantRules wants what was made by command.
func (d *drill) wantRules() {
	d.t.Helper()
	if a := do(d.t, client(), "PROPFIND", d.HTTP+"/", "eve", "", "Depth: 0"); a.StatusCode != 403 {
		d.t.Errorf("who was denied: %s", a.Status)
	}
	room, err := admin.ShowRoom(d.t.Context(), d.conn(), "oak")
	if err != nil || !slices.ContainsFunc(room.Settings, func(s admin.RoomSetting) bool {
		return s.Name == "window" && s.Value == "30" && strings.HasPrefix(s.Source, "local")
	}) {
		d.t.Errorf("settings of the room: %+v, %v", room, err)
	}
}

// recipients are those of mails, sorted.
func recipients(list []testenv.Mail) (all []string) {
	for _, m := range list {
		all = append(all, strings.Trim(m.To, "<>"))
	}
	slices.Sort(all)
	return all
}

func (d *drill) look(user, path string) knownObject {
	a := do(d.t, client(), "GET", d.HTTP+path, user, "")
	return knownObject{user, path, a.Header.Get("Etag"), a.Body, a.StatusCode}
}

// findProp asks for properties of the namespaces urn:x and DAV:.
func findProp(name string) string {
	return `<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop><` + name + `/></D:prop></D:propfind>`
}

// keepFolder makes a data folder through the front door, and packs it.
func keepFolder(t *testing.T, file string) {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("%s is kept already: %v", file, err)
	}
	d := &drill{t: t, c: keptConfig(t, testenv.NewSMTP(t, testenv.SMTPOptions{}))}
	d.c.Mail.Delay = 5 * time.Second // they wait when the folder is packed
	d.start()
	k := d.fillFolder()
	d.wantKnown(k)
	d.stopped()
	text, err := json.MarshalIndent(k, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	d.write(known, text)
	packFolder(t, d.c.Server.Data, file)
}

// fillFolder writes some of all that a data folder holds, and returns what is known
// of it.
func (d *drill) fillFolder() (k knownFolder) {
	d.t.Helper()
	private := strings.Replace(anEvent("private", "private"), "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nBEGIN:VEVENT", 1)
	meeting := strings.Replace(anEvent("meeting", "meeting"), "END:VEVENT",
		"ORGANIZER:mailto:ann@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com\r\nATTENDEE:mailto:oak@example.com\r\nEND:VEVENT", 1)
	weekly := strings.Replace(anEvent("weekly", "wöchentlich"), "END:VEVENT", "RRULE:FREQ=WEEKLY;COUNT=10\r\nEND:VEVENT", 1)
	for name, body := range map[string]string{"1": anEvent("1", "one"), "2": anEvent("2", "two"), "private": private, "meeting": meeting, "weekly": weekly} {
		d.status(201, "PUT", annHome+"calendar/"+name+".ics", "ann", body)
	}
	d.status(201, "PUT", annHome+"calendar/gone.ics", "ann", anEvent("gone", "gone"))
	d.status(204, "DELETE", annHome+"calendar/gone.ics", "ann", "")
	d.status(201, "MKCALENDAR", annHome+"second/", "ann", "")
	d.status(201, "PUT", "/calendars/users/bob/calendar/b.ics", "bob", anEvent("b", "bob's"))
	for _, path := range []string{annHome, annHome + "calendar/", annHome + "calendar/1.ics"} {
		d.status(207, "PROPPATCH", path, "ann", `<D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop><x:note>of `+path+`</x:note></D:prop></D:set></D:propertyupdate>`)
		k.Finds = append(k.Finds, knownFinding{path, "x:note", "of " + path})
	}
	d.status(200, "ACL", annHome+"second/", "ann", `<D:acl xmlns:D="DAV:"><D:ace><D:principal><D:href>/principals/__uids__/`+bobGUID+
		`/</D:href></D:principal><D:grant><D:privilege><D:read/></D:privilege></D:grant></D:ace></D:acl>`)
	k.Finds = append(k.Finds, knownFinding{annHome + "second/", "D:acl", bobGUID})
	// A letter that another replaces, one that a cancellation follows, and one alone.
	d.status(201, "PUT", annHome+"calendar/guests.ics", "ann", invitation("guests", "first", "gus@elsewhere.example", "eva@elsewhere.example"))
	d.status(204, "PUT", annHome+"calendar/guests.ics", "ann", invitation("guests", "second", "gus@elsewhere.example"))
	d.status(201, "PUT", annHome+"calendar/guest.ics", "ann", invitation("guest", "alone", "uwe@elsewhere.example"))
	k.Letters = []string{"gus@elsewhere.example", "uwe@elsewhere.example"}
	d.status(201, "PUT", annHome+"second/s.ics", "ann", anEvent("s", "shared"))
	d.name(annWriters, bobGUID)
	conn := d.conn()
	if _, err := admin.SetRoom(d.t.Context(), conn, admin.RoomRequest{Who: "oak", Set: map[string]string{"window": "30"}, By: "test"}); err != nil {
		d.t.Fatal(err)
	}
	deny(d.t, d.c)
	k.Secret = deviceSecret(d.t, d.c, "bob")
	for _, user := range []string{"ann", "bob"} {
		for _, name := range []string{"calendar/1", "calendar/2", "calendar/private", "calendar/meeting", "calendar/weekly", "calendar/gone", "second/s"} {
			k.Objects = append(k.Objects, d.look(user, annHome+name+".ics"))
		}
	}
	k.Objects = append(k.Objects, d.look("bob", "/calendars/users/bob/calendar/b.ics"))
	client := newSyncing(d.t, annHome+"calendar/")
	client.url = d.HTTP
	client.sync()
	k.Token = client.token
	return k
}

// packFolder packs the data below dir into a file.
func packFolder(t *testing.T, dir, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	z, _ := gzip.NewWriterLevel(f, gzip.BestCompression) // which is a level
	w := tar.NewWriter(z)
	err = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch e.Name() {
		case "tls":
			return fs.SkipDir
		case "access.log", "directory.cache", "sacl.json.lock":
			return nil
		}
		if !e.Type().IsRegular() {
			return nil
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text))}); err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	})
	if err := errors.Join(err, w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// unpackFolder makes dir of a file that packFolder made.
func unpackFolder(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatalf("%s: %v", file, err)
		}
		path := filepath.Join(dir, h.Name)
		text, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}
