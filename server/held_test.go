package server_test

import (
	"errors"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/admin/backup"
)

// A restored backup does not bring back what was revoked after it was made. What is in
// service when it is restored stays so; what is not, or what nobody can know of, is held
// until an operator decides.
func TestRestoreHoldsSecrets(t *testing.T) {
	d := &drill{t: t, c: smallConfig(t)}
	d.start()
	kept, revoked := d.device("kept"), d.device("revoked")
	b := open(t, d.HTTPS)
	b.signIn(t, "ann", "secret")
	id := first(t, regexp.MustCompile(`name="calendar" value="(\d+)"`), b.get(t, "/my/sharing").Body)
	link := func(title string) string {
		_, feed := b.published(t, url.Values{"calendar": {id}, "show": {"all"}, "days": {"0"}, "title": {title}})
		return feed
	}
	open1, closed := link("open"), link("closed")
	cvb := backUp(t, d.c)
	later := d.device("later")
	if n, err := admin.RevokeDevices(t.Context(), d.conn(), admin.DeviceRequest{Who: "ann", ID: revoked.ID, By: "test"}); err != nil || n.Revoked != 1 {
		t.Fatal(n, err)
	}
	which := first(t, regexp.MustCompile(`(?s)closed.*?/my/sharing/([0-9a-f]{16})/revoke`), b.get(t, "/my/sharing").Body)
	if got := b.post(t, "/my/sharing/"+which+"/revoke", nil); got.StatusCode != 303 {
		t.Fatal(got.Status)
	}
	// What was revoked last may be in the log only, as after a power cut.
	file, log := d.read("auth.db"), d.readIfThere("auth.db-log")
	d.stopped()
	d.write("auth.db", file)
	if log != nil {
		d.write("auth.db-log", log)
	}
	restoreInto(t, d.c, cvb, backup.RestoreOptions{Existing: backup.SetAside})

	opens := func(when string, want map[string]int) {
		t.Helper()
		anybody := open(t, d.HTTPS)
		for what, got := range map[string]int{
			"kept": d.signsIn(kept), "revoked": d.signsIn(revoked), "later": d.signsIn(later),
			"open": anybody.get(t, open1).StatusCode, "closed": anybody.get(t, closed).StatusCode,
		} {
			if got != want[what] {
				t.Errorf("%s: %s: %d, want %d", when, what, got, want[what])
			}
		}
	}
	held := func(when string, want ...string) {
		t.Helper()
		list, err := admin.ListHeld(t.Context(), d.conn())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, h := range list {
			got = append(got, h.Kind+" "+h.Name+" "+h.Label)
			if h.Created.IsZero() || time.Since(h.Created) > time.Hour {
				t.Errorf("%s: made %s", h.Label, h.Created)
			}
		}
		if strings.Join(got, ", ") != strings.Join(want, ", ") {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	d.start()
	halfOpen := map[string]int{"kept": 207, "revoked": 401, "later": 401, "open": 200, "closed": 404}
	opens("restored", halfOpen)
	held("restored", "device ann revoked", "link ann closed")
	if !strings.Contains(d.Log.String(), "held=2") {
		t.Errorf("the log does not say so:\n%s", d.Log.String())
	}
	d.stopped()
	d.start()
	opens("after another start", halfOpen)
	if _, err := admin.ReleaseHeld(t.Context(), d.conn(), admin.HeldRequest{Kind: "key", By: "test"}); !errors.Is(err, admin.ErrRequest) {
		t.Errorf("an unknown kind: %v", err)
	}
	if list, err := admin.ReleaseHeld(t.Context(), d.conn(), admin.HeldRequest{By: "test"}); err != nil || len(list) != 2 {
		t.Errorf("%v %v", list, err)
	}
	opens("released", map[string]int{"kept": 207, "revoked": 207, "later": 401, "open": 200, "closed": 200})
	held("released")
	d.stopped()

	// On another machine nobody knows what was revoked.
	d.c.Server.Data = t.TempDir()
	restoreInto(t, d.c, cvb, backup.RestoreOptions{})
	d.start()
	opens("on a new machine", map[string]int{"kept": 401, "revoked": 401, "later": 401, "open": 404, "closed": 404})
	if list, err := admin.DropHeld(t.Context(), d.conn(), admin.HeldRequest{Kind: "link", By: "test", Reason: "unknown"}); err != nil || len(list) != 2 {
		t.Errorf("%v %v", list, err)
	}
	held("dropped", "device ann kept", "device ann revoked")
	if list, err := admin.ReleaseHeld(t.Context(), d.conn(), admin.HeldRequest{Kind: "device", By: "test"}); err != nil || len(list) != 2 {
		t.Errorf("%v %v", list, err)
	}
	opens("released on a new machine", map[string]int{"kept": 207, "revoked": 207, "later": 401, "open": 404, "closed": 404})
	log = d.read("audit.log")
	for _, want := range []string{`"verb":"held.drop"`, `"verb":"held.release"`, `"before":[{"kind":"link"`, `"after":{"secrets":2}`} {
		if !strings.Contains(string(log), want) {
			t.Errorf("the audit log has no %s", want)
		}
	}
}

// device makes a device password of ann's.
func (d *drill) device(label string) admin.NewDevice {
	d.t.Helper()
	dev, err := admin.AddDevice(d.t.Context(), d.conn(), admin.DeviceRequest{Who: "ann", Label: label, By: "test"})
	if err != nil {
		d.t.Fatal(err)
	}
	return dev
}

// signsIn is the status that ann gets with a device password.
func (d *drill) signsIn(dev admin.NewDevice) int {
	d.t.Helper()
	return do(d.t, client(), "PROPFIND", d.HTTPS+annHome, "", "", "Depth: 0", basic("ann", dev.Secret)).StatusCode
}

// readIfThere is the content of a file in the data folder; nil: there is none.
func (d *drill) readIfThere(name string) []byte {
	d.t.Helper()
	if _, err := os.Stat(d.path(name)); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return d.read(name)
}
