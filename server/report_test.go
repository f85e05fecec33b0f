package server_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
	"convene/server"
)

// Monitoring learns what is not as it should be, and no more; the operator also why, since
// when and what to do. The last backup is part of it.
func TestHealthReport(t *testing.T) {
	d := &drill{t: t, c: smallConfig(t)}
	d.c.Storage.BackupWithin = time.Hour
	d.start()
	names := []string{"audit log", "auth.db", "backup", "calendars.db", "certificate", "delegates", "directory", "mail", "maintenance"}
	check := func(when string, want map[string]string) admin.Health {
		t.Helper()
		h, err := admin.ReadHealth(t.Context(), d.conn())
		if err != nil {
			t.Fatal(err)
		}
		told := map[string]string{}
		for _, p := range h.Parts {
			told[p.Name] = p.State
			switch text := p.Error; {
			case p.State == admin.Healthy:
				if want[p.Name] != "" || text != "" || p.Cure != "" || !p.Since.IsZero() {
					t.Errorf("%s: %+v", when, p)
				}
			case want[p.Name] == "" || !strings.Contains(text, want[p.Name]) || p.Cure == "":
				t.Errorf("%s: %+v, want %q", when, p, want[p.Name])
			}
		}
		state := admin.Healthy
		if len(want) > 0 {
			state = admin.Degraded
		}
		var public struct {
			State string
			Parts map[string]string
		}
		a := d.status(200, "GET", "/health", "", "")
		if err := json.Unmarshal([]byte(a.Body), &public); err != nil {
			t.Fatal(err, a.Body)
		}
		if h.State != state || public.State != state || !maps.Equal(public.Parts, told) || !slices.Equal(slices.Sorted(maps.Keys(told)), names) {
			t.Errorf("%s: %+v; to monitoring %s", when, h, a.Body)
		}
		for _, why := range want {
			if strings.Contains(a.Body, why) {
				t.Errorf("%s: strangers are told %s", when, a.Body)
			}
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", a.Header)
		}
		if a := d.status(200, "GET", "/health/ready", "", ""); a.Body != state+"\n" {
			t.Errorf("%s: ready: %q", when, a.Body)
		}
		if a := d.status(200, "GET", "/health/live", "", ""); a.Body != "ok\n" {
			t.Errorf("%s: live: %q", when, a.Body)
		}
		return h
	}
	if h := check("without a backup", map[string]string{"backup": "no backup yet"}); h.LastBackup != nil {
		t.Errorf("%+v", h.LastBackup)
	}
	done := admin.BackupDone{File: "/srv/x.cvb", Bytes: 1000, Of: time.Now().UTC().Truncate(time.Second), Verified: true}
	note := func() {
		t.Helper()
		if err := admin.NoteBackup(t.Context(), d.conn(), done); err != nil {
			t.Fatal(err)
		}
	}
	note()
	if h := check("with one", nil); h.LastBackup == nil || *h.LastBackup != done {
		t.Errorf("%+v", h.LastBackup)
	}
	done.Of = done.Of.Add(-2 * time.Hour)
	note()
	h := check("with an old one", map[string]string{"backup": "more than 1h0m0s ago"})
	i := slices.IndexFunc(h.Parts, func(p admin.HealthPart) bool { return p.Name == "backup" })
	if since := h.Parts[i].Since; !since.Equal(done.Of.Add(time.Hour)) {
		t.Errorf("late since %s", since)
	}
	d.maintenance(admin.MaintenanceOn)
	check("in maintenance", map[string]string{"backup": "more than", "maintenance": "a new disk"})
	d.maintenance(admin.MaintenanceOff)
	d.status(405, "POST", "/health", "", "")
	d.status(404, "GET", "/health/more", "", "")
	d.stopped()
	d.remove(delegateFile, delegateFile+"-log")
	d.start()
	check("without delegates", map[string]string{"backup": "more than", "delegates": "lost"})
	d.stopped()
	offline, err := server.OpenOffline(t.Context(), d.c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ReadHealth(t.Context(), offline.Admin); !errors.Is(err, admin.ErrNotRunning) {
		t.Errorf("of a stopped server: %v", err)
	}
	if err := offline.Close(); err != nil {
		t.Fatal(err)
	}
	if config.Default().Storage.BackupWithin != 0 {
		t.Error("a server without a backup is degraded unless it should have one")
	}
}
