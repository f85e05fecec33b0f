package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/admin/backup"
	"convene/calendar"
	"convene/config"
	"convene/store"
)

// A DrillReport is what a drill found; no differences is a proof.
type DrillReport struct {
	Manifest    *backup.Manifest `json:"manifest"`
	Homes       int              `json:"homes"`
	Collections int              `json:"collections"`
	Objects     int              `json:"objects"`   // whose ETags were compared
	Unchanged   int              `json:"unchanged"` // homes that are in use as they were backed up, and were compared with that too
	Restore     float64          `json:"restoreSeconds"`
	Compare     float64          `json:"compareSeconds"`
	Differences []string         `json:"differences"` // at most 100
}

// maxDifferences is how many are listed.
const maxDifferences = 100

func (r *DrillReport) differs(format string, args ...any) {
	if len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// Drill restores the backup at path into a folder of its own below temp, serves
// that on loopback, and compares what each home shows there with what the backup says, and
// with live: what the homes in use were after the backup, as admin.ListHomes says. The
// server of the drill has a directory of its own, since that of the configuration need not
// be there in an emergency either; it sends no mail and answers no booking. Errors: those
// of backup.Restore.
func Drill(ctx context.Context, c config.Config, path string, keys []backup.Identity, live []admin.HomeListing, temp string) (r DrillReport, err error) {
	r.Differences = []string{}
	dir, err := os.MkdirTemp(temp, "convene-drill-")
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	data, second := filepath.Join(dir, "data"), filepath.Join(dir, "copy")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(second, 0o700)); err != nil {
		return r, err
	}
	if r.Manifest, err = backup.ReadManifest(ctx, path, keys); err != nil {
		return r, err
	}
	reading := func(fn func(io.Reader) error) error {
		in, err := backup.Open(path, keys)
		if err != nil {
			return err
		}
		return errors.Join(fn(in), in.Close())
	}
	began := time.Now()
	err = reading(func(in io.Reader) error {
		o := backup.RestoreOptions{Data: data, Members: backupSet(data), Delegates: r.Manifest.Has(backup.DelegatesName)}
		_, err := backup.Restore(ctx, in, o)
		return err
	})
	if err != nil {
		return r, err
	}
	r.Restore = time.Since(began).Seconds()
	began = time.Now()
	err = reading(func(in io.Reader) error {
		_, err := backup.Extract(ctx, in, second, "calendars.db", BackupSet(), nil)
		return err
	})
	if err != nil {
		return r, err
	}
	want, err := listingsOf(ctx, filepath.Join(second, "calendars.db"))
	if err != nil {
		return r, err
	}
	r.compareLive(want, live)
	if err := r.serve(ctx, c, data, want); err != nil {
		return r, err
	}
	r.Compare = time.Since(began).Seconds()
	return r, nil
}

// A homeListing is what one home has: names of its collections, and below each those of
// its objects with what their ETags are made of but for the epoch, which a restore
// exchanges.
type homeListing struct {
	rev         store.Rev
	collections map[string]map[string]string
}

// digest is the same for two homes that list the same.
func (l *homeListing) digest() string {
	sum := sha256.New()
	for _, col := range slices.Sorted(maps.Keys(l.collections)) {
		fmt.Fprintf(sum, "%q\n", col) // never fails (hash.Hash)
		for _, name := range slices.Sorted(maps.Keys(l.collections[col])) {
			fmt.Fprintf(sum, "\t%q %s\n", name, l.collections[col][name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func listingsOf(ctx context.Context, path string) (list map[string]*homeListing, err error) {
	s, err := store.Open(path, store.Options{Indexer: calendar.Index})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return readListings(ctx, s)
}

// readListings reads what all homes have, one home at a time.
func readListings(ctx context.Context, s *store.Store) (map[string]*homeListing, error) {
	var owners []string
	err := s.View(ctx, func(tx *store.Tx) error {
		owners = nil
		for guid := range tx.Owners() {
			owners = append(owners, guid)
		}
		return nil
	})
	list := map[string]*homeListing{}
	for _, guid := range owners {
		if err != nil {
			break
		}
		err = s.View(ctx, func(tx *store.Tx) error {
			l, err := readListing(tx, guid)
			list[guid] = l
			return err
		})
		if errors.Is(err, store.ErrNotFound) { // deleted meanwhile
			delete(list, guid)
			err = nil
		}
	}
	return list, err
}

func readListing(tx *store.Tx, guid string) (*homeListing, error) {
	home, err := tx.Home(guid)
	if err != nil {
		return nil, err
	}
	l := &homeListing{home.Rev, map[string]map[string]string{}}
	cols, err := tx.Collections(home.ID)
	if err != nil {
		return nil, err
	}
	for _, col := range cols {
		if col.Kind != store.KindCalendar && col.Kind != store.KindInbox && (col.Kind != store.KindCollection || calendar.HomeFiles(col.Name)) {
			continue
		}
		objects := map[string]string{}
		for e := range tx.Entries(col.ID) {
			objects[e.Name] = fmt.Sprintf("%x-%x", col.ID, e.Rev)
		}
		l.collections[col.Name] = objects
	}
	return l, nil
}

// listings says what all homes of a store list at the moment, for a drill.
func listings(s *store.Store) func(context.Context) ([]admin.HomeListing, error) {
	return func(ctx context.Context) ([]admin.HomeListing, error) {
		list, err := readListings(ctx, s)
		out := []admin.HomeListing{}
		for guid, l := range list {
			out = append(out, admin.HomeListing{Owner: guid, Rev: uint64(l.rev), Digest: l.digest()})
		}
		slices.SortFunc(out, func(a, b admin.HomeListing) int { return cmp.Compare(a.Owner, b.Owner) })
		return out, err
	}
}

// compareLive compares the homes in use that have not changed since the backup.
func (r *DrillReport) compareLive(want map[string]*homeListing, live []admin.HomeListing) {
	for _, h := range live {
		l := want[h.Owner]
		if l == nil || uint64(l.rev) != h.Rev {
			continue // changed since, or made
		}
		r.Unchanged++
		if l.digest() != h.Digest {
			r.differs("the home of %s lists something else than when it was backed up, and has not changed", h.Owner)
		}
	}
}

// serve serves what was restored, and compares it.
func (r *DrillReport) serve(ctx context.Context, c config.Config, data string, want map[string]*homeListing) (err error) {
	// Sign-in and rules were restored and checked; they would not let the drill in.
	for _, name := range []string{"auth.db", "sacl.json"} {
		if err := os.Remove(filepath.Join(data, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	password := rand.Text()
	people := filepath.Join(filepath.Dir(data), "people.ldif")
	if err := os.WriteFile(people, drillDirectory(password, slices.Sorted(maps.Keys(want))), 0o600); err != nil {
		return err
	}
	log := &bytes.Buffer{}
	s, err := Open(Options{Config: drillConfig(c, data, people), Stderr: log})
	if err != nil {
		return fmt.Errorf("the server of the drill: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelWarn)}
	served := make(chan error, 1)
	go func() { served <- h.Serve(l) }()
	defer func() {
		closed := h.Close()
		if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
			closed = errors.Join(closed, failed)
		}
		err = errors.Join(err, closed)
	}()
	d := &drill{r, "http://" + l.Addr().String(), password}
	for _, guid := range slices.Sorted(maps.Keys(want)) {
		if err := d.home(ctx, guid, want[guid]); err != nil {
			return err
		}
	}
	return nil
}

// drillConfig is a server with as much of a configuration as a drill has use for.
func drillConfig(c config.Config, data, people string) config.Config {
	d := config.Default()
	d.Server.HostName, d.Server.Data, d.Server.AllowRoot = "localhost", data, c.Server.AllowRoot
	d.Server.HTTP, d.Server.HTTPS = []string{"127.0.0.1:0"}, nil
	d.Auth.Schemes, d.Auth.BasicOverPlain = []string{"basic"}, true
	d.Directory.Kind, d.Directory.File.File = "file", people
	d.Access.Administrators = []string{"user:drill"}
	d.Log.Access, d.Log.Audit = "off", "off"
	d.Limits, d.Calendars = c.Limits, c.Calendars
	return d
}

// drillDirectory has an administrator, and the owners of homes, who have no names.
func drillDirectory(password string, owners []string) []byte {
	var b bytes.Buffer
	b.WriteString("dn: dc=drill\nobjectClass: domain\ndc: drill\n")
	record := func(uid, guid, more string) {
		fmt.Fprintf(&b, "\ndn: uid=%s,dc=drill\nobjectClass: inetOrgPerson\nuid: %s\ncn: %s\nsn: %s\nentryUUID: %s\n%s", uid, uid, uid, uid, guid, more)
	}
	record("drill", uuid(), "userPassword: "+password+"\n")
	for i, guid := range owners {
		record(fmt.Sprintf("owner%d", i), guid, "")
	}
	return b.Bytes()
}

func uuid() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// A drill asks the server that serves what was restored.
type drill struct {
	*DrillReport
	url, password string
}

// home compares one home.
func (d *drill) home(ctx context.Context, guid string, want *homeListing) error {
	d.Homes++
	path := "/calendars/__uids__/" + guid + "/"
	members, err := d.members(ctx, path)
	if err != nil {
		return err
	}
	for _, col := range slices.Sorted(maps.Keys(want.collections)) {
		if _, ok := members[col]; !ok {
			d.differs("%s%s/: it is not there", path, col)
			continue
		}
		d.Collections++
		got, err := d.members(ctx, path+url.PathEscape(col)+"/")
		if err != nil {
			return err
		}
		objects := want.collections[col]
		for name, tag := range objects {
			d.Objects++
			if got[name] != tag {
				d.differs("%s%s/%s: its ETag is of %q, and was of %q", path, col, name, got[name], tag)
			}
			delete(got, name)
		}
		for name := range got {
			d.differs("%s%s/%s: it was not backed up", path, col, name)
		}
	}
	return nil
}

const drillBody = `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`

// members are the names below a path, each with what its ETag is made of.
func (d *drill) members(ctx context.Context, path string) (map[string]string, error) {
	req, err := http.NewRequestWithContext(ctx, "PROPFIND", d.url+path, strings.NewReader(drillBody))
	if err != nil {
		return nil, err
	}
	req.SetBasicAuth("drill", d.password)
	req.Header.Set("Depth", "1")
	req.Header.Set("Content-Type", "application/xml")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMultiStatus {
		d.differs("%s: %s", path, resp.Status)
		return map[string]string{}, nil
	}
	found := map[string]string{}
	below := strings.Count(strings.Trim(path, "/"), "/") + 1
	x := xml.NewDecoder(resp.Body)
	for {
		token, err := x.Token()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		start, is := token.(xml.StartElement)
		if !is || start.Name.Local != "response" {
			continue
		}
		var m struct {
			Href string `xml:"href"`
			ETag string `xml:"propstat>prop>getetag"`
		}
		if err := x.DecodeElement(&m, &start); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		href, err := url.PathUnescape(m.Href)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		// The owner may be shown by another name than they were asked for.
		if segments := strings.Split(strings.Trim(href, "/"), "/"); len(segments) > below {
			found[segments[below]] = etagParts(m.ETag)
		}
	}
}

// etagParts is what an ETag is made of, without the epoch in its middle.
func etagParts(tag string) string {
	parts := strings.Split(strings.Trim(tag, `"`), "-")
	if len(parts) != 3 {
		return tag
	}
	return parts[0] + "-" + parts[2]
}
